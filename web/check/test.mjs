// Everything that "npm test" does, phase after phase. "npm test -- NAME..." runs the phases named and what they need.
// It uses nothing but node at first: the rest is installed by it.

import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { endAll, expectNoLeftovers, Failure, run } from "./processes.mjs";
import { findFirefox, needC, needChrome, needCoturn, needGo, needModules, needProxies, withoutCoturn, withoutProxies } from "./programs.mjs";
import { checkTypes, tsc } from "./types.mjs";

process.chdir(fileURLToPath(new URL("../..", import.meta.url)));

/** What the Wasm may weigh in brotli at quality 11, in bytes. */
const budget = 1_480_000;

/** The packages that know neither browser nor network, and whose tests run as Wasm too. */
const portable = ["./fork", "./signalcore", "./keys", "./frame"];

if (Number(process.versions.node.split(".")[0]) < 20) {
  console.error(`node ${process.versions.node} is too old: the tests need 20 or newer`);
  process.exit(1);
}

/** What is fuzzed for a moment, with how many inputs; longer by hand, with go test -fuzz. */
const fuzzers = [
  ["FuzzMachine", "./signalcore", 10_000],
  ["FuzzUnmarshal", "./frame", 40_000],
  ["FuzzOpen", "./frame", 10_000],
  ["FuzzHeader", "./frame", 40_000],
  ["FuzzControl", "./frame", 20_000],
  ["FuzzUnpackCandidates", "./frame", 20_000],
  ["FuzzLog", "./keys", 20_000],
  ["FuzzParseCard", "./keys", 20_000],
  ["FuzzOpenSlot", "./keys", 20_000],
  ["FuzzPrivate", "./keys", 20_000],
  ["FuzzParseContacts", "./keys", 20_000],
  ["FuzzParseLinkMessage", "./keys", 20_000],
  ["FuzzDearmor", "./keys", 20_000],
  ["FuzzRequests", "./phone", 5_000],
  ["FuzzParseFile", "./phone/disk", 20_000],
  ["FuzzParse", "./relay", 20_000],
  ["FuzzSlotValue", "./relay/store", 20_000],
  ["FuzzHTTP", "./relay", 10_000],
  ["FuzzSession", "./relay", 2_000],
  ["FuzzRequests", "./relay/turn", 20_000],
  ["FuzzStream", "./relay/turn", 20_000],
];

const js = { ...process.env, GOOS: "js", GOARCH: "wasm" };
const exe = process.platform === "win32" ? ".exe" : "";

const phases = {
  static: { needs: [needGo, needModules], run: staticChecks },
  build: { needs: [needGo], run: buildModule },
  go: { needs: [needGo, needC, needCoturn], run: testGo },
  core: { needs: [needGo], run: proveCore },
  wasm: { needs: [needGo], run: testPortable },
  unit: { needs: [needModules], run: () => testFiles("web/test/unit") },
  browsers: { needs: [needGo, needModules, needChrome, needCoturn, needProxies], run: testBrowsers },
};

/** gofmt, go vet, staticcheck and tsc, as many at once as there are cores. */
async function staticChecks() {
  const staticcheck = resolve(`.cache/staticcheck${exe}`);
  await run(["go", "build", "-o", staticcheck, "honnef.co/go/tools/cmd/staticcheck"]);
  const list = ["go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.ImportPath}}{{end}}{{end}}", "./wasm"];
  const inWasm = (await run(list, { env: js })).split(/\s+/);
  const failures = await inParallel([
    () => gofmt(),
    () => run(["go", "vet", "./..."]),
    () => run(["go", "vet", ...inWasm], { env: js }),
    () => run([staticcheck, "./..."]),
    () => run([staticcheck, ...inWasm], { env: js }),
    () => checkTypes(),
    () => run([...tsc, "-p", "web/check/tsconfig.demo.json"]),
  ]);
  if (failures.length > 0) throw new Failure(failures.join("\n\n"));
}

/** Runs tasks, and returns the messages of those that failed. */
async function inParallel(tasks) {
  const failures = [];
  const waiting = [...tasks];
  const worker = async () => {
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      const failure = await failureOf(task);
      if (failure) failures.push(failure);
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, worker));
  return failures;
}

async function gofmt() {
  const files = readdirSync(".", { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith(".") && !["node_modules", "dist"].includes(entry.name))
    .filter((entry) => entry.isDirectory() || entry.name.endsWith(".go"))
    .map((entry) => entry.name);
  const wrong = await run(["gofmt", "-l", ...files]);
  if (wrong) throw new Failure(`not as gofmt formats it:\n${wrong}`);
}

/** `go run . build`, and the weight of what it writes. */
async function buildModule() {
  const folder = mkdtempSync(join(tmpdir(), "ringfork-build-"));
  try {
    console.log(await run(["go", "run", ".", "build", "-o", folder]));
    const size = statSync(join(folder, "ringfork.wasm.br")).size;
    if (size > budget) throw new Failure(`the Wasm weighs ${size} bytes in brotli, ${size - budget} more than it may`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** All Go tests, with the race detector. They find coturn in $COTURN. */
async function testGo() {
  const COTURN = await needCoturn();
  await run(["go", "test", "-race", "-short", "-timeout", "20m", "./..."], { env: { ...process.env, COTURN }, show: true, minutes: 60 });
  if (!COTURN) console.log(withoutCoturn);
}

/** Every order of events, many random ones, and bytes that nobody would send: without the race detector, which slows them down. */
async function proveCore() {
  await run(["go", "test", "-count=1", "-v", "-run", "^Test(Explore|Simulation)", "./signalcore"], { show: true });
  for (const [name, folder, inputs] of fuzzers) {
    // A number of inputs, not a time: when the time ends just as an input does, go test calls that a failure.
    const flags = ["-fuzz", `^${name}$`, "-fuzztime", `${inputs}x`, "-fuzzminimizetime", "5x"];
    await run(["go", "test", "-run", "^$", ...flags, folder], { show: true });
  }
}

/** The tests of the portable packages as Wasm in node, which takes a small environment only. */
async function testPortable() {
  const kept = Object.keys(process.env).filter((name) =>
    /^(PATH|HOME|USERPROFILE|LOCALAPPDATA|APPDATA|SYSTEMROOT|TE?MP|TMPDIR|XDG_CACHE_HOME|GO[A-Z]+|HTTPS?_PROXY|NO_PROXY|SSL_CERT_\w+)$/i.test(name),
  );
  const env = { ...Object.fromEntries(kept.map((name) => [name, process.env[name]])), GOOS: "js", GOARCH: "wasm" };
  const root = await run(["go", "env", "GOROOT"]);
  const exec = `"${process.execPath}" --stack-size=65536 "${join(root, "lib/wasm/wasm_exec_node.js")}"`;
  await run(["go", "test", "-short", "-exec", exec, ...portable], { env, show: true });
}

/** node's own test runner over the tests of a folder, one file after another. */
async function testFiles(folder, env = process.env, { without = "" } = {}) {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => /\.test\.m?js$/.test(name) && name !== without).sort() : [];
  if (files.length === 0) throw new Failure(`no tests found in ${folder}`);
  const flags = ["--test", "--test-concurrency=1", "--test-reporter=spec"];
  await run([process.execPath, ...flags, ...files.map((name) => join(folder, name))], { env, show: true, minutes: 60 });
}

/**
 * The browser tests find the browsers in $CHROME and $FIREFOX, coturn in $COTURN, NATS in $NATS_BIN, proxies in $NGINX_BIN and
 * $CADDY_BIN, and what is under test in $RINGFORK_BIN, $HOSTILE_BIN (a relay in the wrong hands) and $MODULE_DIR (what `build` writes).
 */
async function testBrowsers() {
  const CHROME = await needChrome();
  const COTURN = await needCoturn();
  const proxies = await needProxies();
  const [RINGFORK_BIN, HOSTILE_BIN, NATS_BIN] = ["ringfork", "hostile", "nats-server"].map((name) => resolve(`.cache/${name}${exe}`));
  const MODULE_DIR = resolve(".cache/module");
  await run(["go", "build", "-o", RINGFORK_BIN, "."]);
  await run(["go", "build", "-o", HOSTILE_BIN, "./relay/hostile/cmd"]);
  await run(["go", "build", "-o", NATS_BIN, "github.com/nats-io/nats-server/v2"]);
  await run([RINGFORK_BIN, "build", "-o", MODULE_DIR]);
  const FIREFOX = findFirefox();
  const left = "calls between Chromium and Firefox are not tested: no Firefox found (install one, or name its program in the variable FIREFOX)";
  if (!FIREFOX) console.log(left);
  await testFiles("web/test/browser", { ...process.env, ...proxies, CHROME, FIREFOX, COTURN, RINGFORK_BIN, HOSTILE_BIN, NATS_BIN, MODULE_DIR }, { without: FIREFOX ? "" : "firefox.test.js" });
  if (!FIREFOX) console.log(left);
  if (!COTURN) console.log(withoutCoturn);
  if (!proxies.NGINX_BIN || !proxies.CADDY_BIN) console.log(withoutProxies);
}

function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

async function main() {
  const names = process.argv.slice(2);
  const unknown = names.find((name) => !(name in phases));
  if (unknown) throw new Failure(`no phase is called ${unknown}: there are ${Object.keys(phases).join(", ")}`);
  const chosen = Object.entries(phases).filter(([name]) => names.length === 0 || names.includes(name));
  const began = performance.now();
  const done = new Set();
  for (const need of chosen.flatMap(([, phase]) => phase.needs)) {
    if (!done.has(need)) await need();
    done.add(need);
  }
  const failed = [];
  for (const [name, phase] of chosen) {
    console.log(`\n== ${name}`);
    const start = performance.now();
    const failure = await failureOf(async () => {
      await phase.run();
      await expectNoLeftovers();
    });
    if (!failure) {
      console.log(`== ${name} passed in ${seconds(start)}`);
      continue;
    }
    console.error(`${failure}\n\n== ${name} failed after ${seconds(start)}`);
    failed.push(name); // the others are run all the same: one run tells all that is wrong
    await failureOf(expectNoLeftovers);
  }
  if (failed.length > 0) throw new Failure(`\nfailed in ${seconds(began)}: ${failed.join(", ")}; run again with: npm test -- ${failed.join(" ")}`);
  console.log(`\nall passed in ${seconds(began)}: ${chosen.map(([name]) => name).join(", ")}`);
}

/** The message of what a task found wrong, or nothing. */
async function failureOf(task) {
  try {
    await task();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.message;
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => endAll(() => process.exit(130)));
}
try {
  await main();
} catch (error) {
  console.error(error instanceof Failure ? error.message : error);
  endAll(() => process.exit(1));
}
