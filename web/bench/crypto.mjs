// What sealing and accounts cost, natively and in Chromium, side by side: the same Go benchmarks in both.

import { execFileSync } from "node:child_process";
import { serveGoTests } from "../test/support/gotest.js";

const wanted = {
  Seal: "sealing a ring",
  Open: "opening a ring",
  NewAccount: "a new account",
  PrivateValue: "writing the private part, 900 contacts, 3 devices",
  OpenPrivate: "opening it",
  ParseContacts: "reading 1,000 contacts from the store",
  SafetyNumber: "a safety number",
};
const flags = ["-run=^$", "-bench=.", "-benchtime=300ms"];

/** Benchmarks by name, in ms, of what a test binary printed. */
function times(text) {
  const found = {};
  for (const [, name, ns] of text.matchAll(/^Benchmark(\w+?)(?:-\d+)?\s+\d+\s+([\d.]+) ns\/op/gm)) found[name] = ns / 1e6;
  return found;
}

/**
 * @param {import("puppeteer-core").Browser} browser
 * @returns {Promise<string[][]>} rows: what, natively, in Chromium
 */
export async function measureCrypto(browser) {
  const native = {};
  const page = {};
  const tests = await serveGoTests(browser, ["keys", "frame"]);
  try {
    for (const name of ["keys", "frame"]) {
      Object.assign(native, times(execFileSync("go", ["test", ...flags, `./${name}`], { encoding: "utf8" })));
      Object.assign(page, times((await tests.run(name, flags.map((flag) => `-test.${flag.slice(1)}`))).text));
    }
  } finally {
    await tests.close();
  }
  const ms = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
  return Object.entries(wanted).map(([name, what]) => {
    if (!native[name] || !page[name]) throw new Error(`the benchmark ${name} printed nothing`);
    return [what, ms(native[name]), ms(page[name])];
  });
}
