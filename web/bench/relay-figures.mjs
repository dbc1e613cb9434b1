// Makes tables and curves of what relay/load has measured.

import { drawLines } from "./plot.mjs";

const names = { ringfork: "Ringfork", peerjs: "peerjs-server" };
const colors = { ringfork: "#2f81f7", peerjs: "#d4722a" };
const limits = [5, 20, 50, 200]; // ms of p99; the first is called good

/** Whether other programs used less than a tenth of a core while a step ran. */
const calm = ({ others }) => others < 0.1;

/** The middle one, or the mean of the two in the middle. */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  return (sorted[Math.floor(half)] + sorted[Math.ceil(half)]) / 2;
}
const number = (value) => Math.round(value).toLocaleString("en");
const ms = (value) => (value >= 1e8 ? "never" : value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : number(value));
const range = (values, format) => `${format(median(values))} (${format(Math.min(...values))} to ${format(Math.max(...values))})`;

/**
 * Of each rate that more than half of the runs got to: the median of everything, and all p99. What other programs disturbed
 * counts only where nothing else was measured.
 */
function steps(runs) {
  const all = runs.flatMap((run) => run.steps);
  return [...new Set(all.map(({ rate }) => rate))]
    .map((rate) => all.filter((step) => step.rate === rate))
    .filter((list) => list.length > runs.length / 2)
    .map((list) => (list.some(calm) ? list.filter(calm) : list))
    .map((list) => {
      const of = (key) => median(list.map((step) => step[key]));
      const share = median(list.map(({ delivered, sent }) => delivered / sent));
      return {
        rate: list[0].rate, p50: of("p50"), p99: of("p99"), max: of("max"), cpu: of("cpu"), generator: of("generator"),
        cores: of("cores"), late: of("late"), refused: of("refused"), share, p99s: list.map(({ p99 }) => p99),
      };
    });
}

/** The highest rate up to which p99 stays within a limit and all is delivered. */
function throughput(list, limit) {
  let best = 0;
  for (const { rate, p99, share } of list) {
    if (p99 > limit || share < 1) break;
    best = rate;
  }
  return best === 0 ? `less than ${number(list[0].rate)}` : best === list.at(-1).rate ? `${number(best)} or more` : number(best);
}

/**
 * @param {{ ringfork: object[], peerjs: object[] }} runs what relay/load printed, run by run
 * @param {object} about the machine and the options
 * @returns {{ tables: string, images: Record<string, string> }} Markdown, and SVG files by name
 */
export function figures(runs, about) {
  const kinds = Object.keys(names);
  const of = Object.fromEntries(kinds.map((kind) => [kind, steps(runs[kind])]));
  const perConn = (kind, key) => runs[kind].map((run) => (run[key] - run.empty) / run.conns / 1000);
  const kB = (value) => `${value.toFixed(1)} kB`;
  const taken = Object.values(runs).flat().flatMap((run) => run.steps);
  const lines = [
    `Measured on ${about.date} with \`npm run bench -- relay\`: ${about.cores} cores (${about.model}), ${Math.round(about.memory / 2 ** 30)} GiB,`,
    `Linux ${about.kernel}; ${about.go}; node ${about.node}, peer ${about.peer}. Medians of ${about.rounds} runs each, in turns; ${about.seconds} s for each rate.`,
    `Other programs used less than 0.1 cores in ${taken.filter(calm).length} of ${taken.length} steps; the others are left out where there is one of these.`,
    `The load average before each run was ${Math.min(...about.loads).toFixed(1)} to ${Math.max(...about.loads).toFixed(1)}.`,
    "",
    `| ${number(about.conns)} connections held | ${kinds.map((kind) => names[kind]).join(" | ")} |`,
    "| --- | --- | --- |",
    `| resident memory without any | ${kinds.map((kind) => `${number(median(runs[kind].map(({ empty }) => empty)) / 1e6)} MB`).join(" | ")} |`,
    `| for each idle connection | ${kinds.map((kind) => range(perConn(kind, "settled"), kB)).join(" | ")} |`,
    `| CPU of all of them, idle | ${kinds.map((kind) => `${(100 * median(runs[kind].map(({ idleCPU }) => idleCPU))).toFixed(1)} % of a core`).join(" | ")} |`,
    `| opened in | ${kinds.map((kind) => `${median(runs[kind].map(({ connect }) => connect)).toFixed(1)} s`).join(" | ")} |`,
    ...limits.map((limit) => `| most messages a second with p99 under ${limit} ms | ${kinds.map((kind) => throughput(of[kind], limit)).join(" | ")} |`),
    "",
    "| messages a second | | p50 ms | p99 ms (of all runs) | max ms | delivered | CPU, ms for 1,000 | cores used | generator, ms for 1,000 |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
  ];
  const rates = [...new Set(kinds.flatMap((kind) => of[kind].map(({ rate }) => rate)))].sort((a, b) => a - b);
  for (const rate of rates) {
    for (const kind of kinds) {
      const step = of[kind].find((step) => step.rate === rate);
      if (!step) continue;
      const p99s = `${ms(step.p99)} (${ms(Math.min(...step.p99s))} to ${ms(Math.max(...step.p99s))})`;
      lines.push(
        `| ${number(rate)} | ${names[kind]} | ${ms(step.p50)} | ${p99s} | ${ms(step.max)} | ${(100 * step.share).toFixed(step.share === 1 ? 0 : 2)} % | ${number(step.cpu)} | ${step.cores.toFixed(2)} | ${number(step.generator)} |`,
      );
    }
  }
  const line = (key, extra) => (kind) => ({ name: `${names[kind]} ${extra}`.trim(), color: colors[kind], points: of[kind].map((step) => [step.rate, step[key]]) });
  const top = Math.max(...rates);
  const x = { label: "messages a second", log: true, ticks: [500, 1000, 2000, 5000, 10000, 20000, 50000].filter((tick) => tick / 2.5 < top), min: Math.min(...rates), max: top };
  x.ticks = x.ticks.filter((tick) => tick >= x.min && tick <= x.max);
  const images = {
    latency: drawLines({
      title: `Time to deliver, ${number(about.conns)} connections`,
      x,
      y: { label: "milliseconds", log: true, ticks: [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
      series: kinds.flatMap((kind) => [line("p99", "p99")(kind), { ...line("p50", "p50")(kind), dashed: true }]),
      mark: { y: limits[0], label: "p99 that is called good: 5 ms" },
    }),
    cpu: drawLines({
      title: "CPU time of the server for 1,000 messages",
      x,
      y: { label: "milliseconds", ticks: ticks(Math.max(...kinds.flatMap((kind) => of[kind].map(({ cpu }) => cpu)))) },
      series: kinds.map(line("cpu", "")),
    }),
    memory: drawLines({
      title: "Resident memory while connections are opened",
      x: { label: "connections", ticks: ticks(about.conns) },
      y: { label: "MB", ticks: ticks(Math.max(...kinds.flatMap((kind) => runs[kind][0].growth.map(([, bytes]) => bytes / 1e6)))) },
      series: kinds.map((kind) => ({
        name: names[kind], color: colors[kind],
        points: runs[kind][0].growth.map(([conns], i) => [conns, median(runs[kind].map(({ growth }) => growth[i][1] / 1e6))]),
      })),
    }),
  };
  return { tables: `${lines.join("\n")}\n`, images };
}

/** About five round numbers from zero to what is at least max. */
function ticks(max) {
  const unit = 10 ** Math.floor(Math.log10(max));
  const step = [0.1, 0.2, 0.25, 0.5, 1, 2].map((part) => part * unit).find((step) => max / step <= 6);
  return Array.from({ length: Math.ceil(max / step) + 1 }, (_, i) => i * step);
}
