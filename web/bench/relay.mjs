// The relay beside PeerJS's server: `npm run bench -- relay`. Both run on this machine, one after the other in turns, and the
// same generator (relay/load) loads them. Writes the tables in docs/BENCHMARKS.md anew, and the curves beside it.
//
//   --rounds N        turns of each, of which medians are taken (default 3)
//   --seconds N       how long each rate is kept up (default 8)
//   --conns N         connections held (default 10000)
//   --rates A,B,...   messages a second
//   --wait N          seconds to try each rate, until other programs use no CPU meanwhile (default 60)
//   --draw            measure nothing, and draw what was measured last
//   --keep            print, and leave the documentation as it is

import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, loadavg, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { figures } from "./relay-figures.mjs";

const binary = ".cache/ringfork";
const generator = ".cache/load";
const modules = ".cache/bench";
const saved = `${modules}/relay.json`;
const report = "docs/BENCHMARKS.md";

/** Builds and installs what is needed. */
function prepare() {
  execFileSync("go", ["build", "-o", binary, "."], { stdio: "inherit" });
  execFileSync("go", ["build", "-o", generator, "./relay/load"], { stdio: "inherit" });
  mkdirSync(modules, { recursive: true });
  const lock = "package-lock.json";
  const installed = `${modules}/node_modules/peer/package.json`;
  const fresh = existsSync(installed) && readFileSync(`${modules}/${lock}`, "utf8") === readFileSync(`web/bench/${lock}`, "utf8");
  if (!fresh) {
    for (const name of ["package.json", lock]) copyFileSync(`web/bench/${name}`, `${modules}/${name}`);
    execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: modules, stdio: "inherit" });
  }
  return JSON.parse(readFileSync(installed, "utf8")).version;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A port that was free a moment ago. */
const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** How each server is started, and how its URL is known. */
const servers = {
  async ringfork() {
    // More frames are kept than by default: the highest rates would fill its 256 MiB in seconds.
    const args = ["-addr", "127.0.0.1:0", "-module", "none", "-data", "none", "-backlog", "8192"];
    const child = spawn(binary, args, { stdio: ["ignore", "pipe", "inherit"] });
    return { child, url: await printed(child, /http:\/\/[0-9.:]+/) };
  },
  async peerjs() {
    const port = await freePort();
    const args = [`${modules}/node_modules/peer/dist/bin/peerjs.js`, "--host", "127.0.0.1", "--port", port, "--concurrent_limit", "100000"];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    await printed(child, /Started PeerServer/);
    return { child, url: `http://127.0.0.1:${port}` };
  },
};

/** Waits until a program prints something, returns it, and throws away what comes after. */
function printed(child, wanted) {
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout.on("data", (chunk) => {
      if (output === undefined) return;
      output += chunk;
      const match = wanted.exec(output);
      if (match) {
        output = undefined;
        resolve(match[0]);
      }
    });
    child.on("exit", (code) => reject(new Error(`a server ended with ${code} before it was ready`)));
    setTimeout(() => reject(new Error("a server was not ready in time")), 60_000).unref();
  });
}

/** Runs one server under load and returns what relay/load printed. */
async function measure(kind, { conns, rates, seconds, wait }) {
  const { child, url } = await servers[kind]();
  try {
    await sleep(2000);
    const server = ["-kind", kind, "-url", url, "-pid", child.pid];
    const load = ["-conns", conns, "-rates", rates, "-length", `${seconds}s`, "-settle", "15s", "-patience", `${wait}s`];
    return JSON.parse(await run(generator, [...server, ...load].map(String)));
  } finally {
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill();
    setTimeout(() => child.kill("SIGKILL"), 15_000).unref();
    await ended;
  }
}

function run(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.on("exit", (code) => (code === 0 ? resolve(output) : reject(new Error(`${program} ended with ${code}`))));
  });
}

/** All runs, and what they were made on. */
async function measureAll(options) {
  const peer = prepare();
  const runs = { ringfork: [], peerjs: [] };
  const loads = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const kind of round % 2 === 0 ? ["ringfork", "peerjs"] : ["peerjs", "ringfork"]) {
      loads.push(loadavg()[0]);
      console.error(`round ${round + 1} of ${options.rounds}, ${kind}`);
      runs[kind].push(await measure(kind, options));
    }
  }
  const about = {
    ...options, loads, peer, node: process.version,
    go: execFileSync("go", ["version"], { encoding: "utf8" }).trim().split(" ")[2],
    kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").split("-")[0],
    cores: cpus().length, model: cpus()[0].model.trim(), memory: totalmem(), date: new Date().toISOString().slice(0, 10),
  };
  return { runs, about };
}

/** Measures and reports. The arguments are those of the command line. */
export async function benchRelay(args) {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "8" },
      conns: { type: "string", default: "10000" },
      rates: { type: "string", default: "500,1000,2000,3500,5000,7500,10000,12500,15000,17500,20000,25000,30000" },
      wait: { type: "string", default: "60" },
      draw: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
    },
  });
  const options = { conns: Number(values.conns), rates: values.rates, seconds: Number(values.seconds), rounds: Number(values.rounds), wait: Number(values.wait) };
  if (!values.draw) writeFileSync(saved, JSON.stringify(await measureAll(options)));
  const { runs, about } = JSON.parse(readFileSync(saved, "utf8"));
  const { tables, images } = figures(runs, about);
  console.log(tables);
  if (values.keep) return;
  mkdirSync("docs/bench", { recursive: true });
  for (const [name, svg] of Object.entries(images)) writeFileSync(`docs/bench/${name}.svg`, svg);
  const [begin, end] = ["<!-- measured -->\n", "<!-- /measured -->"];
  const text = readFileSync(report, "utf8");
  const from = text.indexOf(begin) + begin.length;
  writeFileSync(report, `${text.slice(0, from)}${tables}${text.slice(text.indexOf(end, from))}`);
}
