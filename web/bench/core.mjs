// What the call machine costs natively, in Markdown: `npm run bench` prints it after the browser's figures, and
// `node web/bench/core.mjs` alone. Goals: under 2 µs and 10 allocations an event, a ringing call with 3 tines under 20 kB.

import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const output = execFileSync("go", ["test", "-run", "^$", "-bench", ".", "./signalcore"], {
  cwd: fileURLToPath(new URL("../..", import.meta.url)),
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"],
});

/** A line such as "BenchmarkStep/all-2  3042139  338.2 ns/op  145.0 events/call  184 B/op  2 allocs/op". */
const results = new Map();
for (const line of output.split("\n")) {
  const [name, , ...rest] = line.trim().split(/\s+/);
  if (!name.startsWith("Benchmark") || rest.length < 2) continue;
  const values = {};
  for (let i = 0; i + 1 < rest.length; i += 2) values[rest[i + 1]] = Number(rest[i]);
  results.set(name.replace(/^Benchmark|-\d+$/g, "").replaceAll("_", " "), values);
}

const number = (value) => Math.round(value).toLocaleString("en");
const rows = [];
for (const [name, values] of results) {
  const [what, part = ""] = name.split(/\/(.*)/);
  if (what === "Step") {
    const who = part.startsWith("all") ? `a whole call, ${number(values["events/call"])} events${part.slice("all".length)}` : part;
    rows.push([`Step, per event: ${who}`, `${number(values["ns/op"])} ns, ${values["allocs/op"]} allocations, ${number(values["B/op"])} B`]);
  } else if (what === "Call") {
    rows.push(["undisturbed calls played per second, one core", number(values["calls/s"])]);
  } else if (what === "Simulation") {
    rows.push(["calls simulated per second with loss, crashes and partitions, one core", number(values["calls/s"])]);
  } else if (what === "Explore") {
    rows.push(["states explored per second, one core", number(values["states/s"])]);
  } else if (what === "Memory") {
    rows.push([`memory of a machine: ${part}`, `${(values["bytes/machine"] / 1000).toFixed(1)} kB`]);
  } else {
    for (const [unit, value] of Object.entries(values)) rows.push([name, `${value} ${unit}`]);
  }
}
if (rows.length === 0) throw new Error(`go test printed no benchmark:\n${output}`);

const go = execFileSync("go", ["version"], { encoding: "utf8" }).trim().split(" ")[2];
console.log("\n| the call machine, native | measured |\n| --- | --- |");
for (const [what, value] of rows) console.log(`| ${what} | ${value} |`);
console.log(`\n${go}; ${cpus()[0].model.trim()}; one caller, three endpoints, ten seconds of talk, descriptions as long as Chromium's.`);
