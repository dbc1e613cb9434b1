// What a user waits for, measured in a real browser against the real server. `npm run bench` prints a table in Markdown.
// Everything runs on this machine: browser, all tabs, relay. Times are medians; `npm run bench -- 9` makes nine runs.
// `npm run bench -- relay` measures the relay beside another one instead: see relay.mjs.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { needChrome, needGo, needModules } from "../check/programs.mjs";

process.chdir(fileURLToPath(new URL("../..", import.meta.url)));
await needGo();
if (process.argv[2] === "relay") {
  const { benchRelay } = await import("./relay.mjs");
  await benchRelay(process.argv.slice(3));
  process.exit();
}
await needModules();
process.env.CHROME = await needChrome();
process.env.RINGFORK_BIN = resolve(".cache/ringfork");
execFileSync("go", ["build", "-o", process.env.RINGFORK_BIN, "."], { stdio: "inherit" });

const { launch, meet, openPage, person, reaches } = await import("../test/support/browser.js");
const { startApp, startServer } = await import("../test/support/server.js");
const runs = Number(process.argv[2] ?? 5);

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const ms = (values) => `${Math.round(median(values))} ms`;
const rows = [];
const crypto = [];

/** When something was noted in a tab, in ms since the epoch. */
const when = (tab, what, check = "() => true") =>
  tab.evaluate((what, check) => test.log.find((entry) => entry.what === what && eval(check)(entry)).at, what, check);

/** Watches for the first audio packet that a tab plays. */
const hearing = (tab) =>
  tab.evaluate(() => {
    globalThis.heard = new Promise((done) => {
      const look = () => {
        for (const connection of test.watch.connections) {
          for (const receiver of connection.getReceivers()) {
            if (receiver.track.kind !== "audio") continue;
            const [source] = receiver.getSynchronizationSources();
            // Chromium counts from 1970, the specification from the page's beginning.
            if (source) return done(source.timestamp > 1e12 ? source.timestamp : performance.timeOrigin + source.timestamp);
          }
        }
        setTimeout(look, 1);
      };
      look();
    });
  });

// One client here does what many would.
const server = await startServer({ args: ["-limits", "10"] });
const app = await startApp();
const browser = await launch();
try {
  for (const tabs of [1, 3, 10]) {
    const ring = [];
    const connected = [];
    const toCaller = [];
    const toCalled = [];
    for (let run = 0; run < runs; run++) {
      const [alice, bob] = await Promise.all(["Alice", "Bob"].map((name) => person(browser, { relay: server.url, app: app.url, name })));
      const caller = await alice.tab();
      const called = [];
      for (let i = 0; i < tabs; i++) called.push(await bob.tab());
      await meet(caller, called[0]);
      await new Promise((resolve) => setTimeout(resolve, 2000)); // greetings and the like are over, as they mostly are
      await caller.evaluate((id) => test.call(id), called[0].account);
      for (const tab of called) await reaches(tab, "ringing");
      await caller.evaluate((n) => test.until(() => test.last.devices.filter(({ state }) => state === "connected").length === n), tabs);
      const began = await when(caller, "call");
      ring.push(median(await Promise.all(called.map((tab) => when(tab, "incoming")))) - began);
      connected.push((await when(caller, "devices", `({ devices }) => devices.filter(({ state }) => state === "connected").length === ${tabs}`)) - began);

      const winner = called.at(-1);
      await Promise.all([hearing(caller), hearing(winner)]);
      await winner.evaluate(() => test.accept());
      const accepted = await when(winner, "accept");
      const [first, second] = await Promise.all([caller, winner].map((tab) => tab.evaluate(() => heard)));
      toCaller.push(first - accepted);
      toCalled.push(second - accepted);
      await caller.evaluate(() => test.last.hangUp());
      await Promise.all([alice.close(), bob.close()]);
    }
    const what = tabs === 1 ? "1 tab" : `${tabs} tabs`;
    rows.push(
      [`call() to the ring, ${what}`, ms(ring)],
      [`call() to all connected while they ring, ${what}`, ms(connected)],
      [`accept() to the first audio packet at the caller, ${what}`, ms(toCaller)],
      [`accept() to the first audio packet at the tab that accepted, ${what}`, ms(toCalled)],
    );
  }

  const cold = [];
  const warm = [];
  for (let run = 0; run < runs; run++) {
    const { context, close } = await person(browser, { relay: server.url, app: app.url, name: "Alice" });
    for (const times of [cold, warm]) {
      const page = await openPage(context, app.url);
      await page.evaluate((module, relay) => test.open(module, { relay }), `${server.url}/ringfork.js`, server.url);
      times.push(await page.evaluate(() => test.log.find(({ what }) => what === "open").took));
      await page.close();
    }
    await close();
  }
  rows.push(["openPhone(), nothing cached, new account", ms(cold)], ["openPhone(), cached", ms(warm)]);

  const { measureCrypto } = await import("./crypto.mjs");
  crypto.push(...(await measureCrypto(browser)));
  const { measureAccounts } = await import("./accounts.mjs");
  const accounts = await measureAccounts(browser, { relay: server.url, app: app.url, runs });
  rows.push(
    ["call() to the ring on the wire", ms(accounts.sent)],
    ["openPhone() of a login on a new device", ms(accounts.login)],
    ["openPhone() from a backup", ms(accounts.restore)],
    ["linking a device, from reading the code to the account, without the owner's own time", ms(accounts.link)],
    ["openPhone() with no contact, cached", ms(accounts.empty)],
    ["openPhone() with 1,000 contacts, cached", ms(accounts.crowded)],
    ["what 1,000 contacts take in the store", `${Math.round(median(accounts.stored) / 1000).toLocaleString("en")} kB`],
  );
} finally {
  await browser.close();
  await Promise.all([app.close(), server.close()]);
}

const dist = mkdtempSync(join(tmpdir(), "ringfork-bench-"));
execFileSync(process.env.RINGFORK_BIN, ["build", "-o", dist], { stdio: ["ignore", "ignore", "inherit"] });
const size = (name) => `${Math.round(statSync(join(dist, name)).size / 1000).toLocaleString("en")} kB`;
rows.push(["Wasm, brotli", size("ringfork.wasm.br")], ["Wasm, gzip", size("ringfork.wasm.gz")], ["Wasm, raw", size("ringfork.wasm")]);
rmSync(dist, { recursive: true });

const chrome = execFileSync(process.env.CHROME, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
const go = execFileSync("go", ["version"], { encoding: "utf8" }).trim().split(" ")[2];
console.log(`\n| what | median of ${runs} |\n| --- | --- |`);
for (const [what, value] of rows) console.log(`| ${what} | ${value} |`);
console.log("\n| sealing and accounts | natively | in Chromium |\n| --- | --- | --- |");
for (const row of crypto) console.log(`| ${row.join(" | ")} |`);
console.log(`\n${execFileSync(process.execPath, ["web/bench/core.mjs"], { encoding: "utf8" })}`);
console.log(`\n${chrome}, headless; ${go}; ${cpus().length} cores (${cpus()[0].model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB; Linux ${release()}; relay on the same machine.`);

function release() {
  return readFileSync("/proc/sys/kernel/osrelease", "utf8").split("-")[0];
}
