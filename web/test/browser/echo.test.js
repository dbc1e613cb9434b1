// A page calls a native endpoint: `ringfork echo` answers, and sends back what it hears and sees.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, test as check } from "node:test";
import { add, endings, reaches } from "../support/browser.js";
import { stage } from "../support/stage.js";

const it = stage("alice");
const picture = { width: 320, height: 240 };

/** @type {Awaited<ReturnType<typeof startEcho>>} */
let echo;
beforeEach(async () => {
  echo = await startEcho(it.server.url);
});
afterEach(() => echo?.close());

/** Starts the endpoint, whose one line is its link. */
async function startEcho(relay) {
  const data = mkdtempSync(join(tmpdir(), "ringfork-echo-"));
  const child = spawn(process.env.RINGFORK_BIN, ["echo", "-relay", relay, "-data", data], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const line = await Promise.race([
    once(createInterface(child.stdout), "line").then(([text]) => text),
    exited.then(([code]) => Promise.reject(new Error(`the endpoint exited with code ${code}`))),
  ]);
  const card = /^Echo: (\S+)$/.exec(line)?.[1];
  assert.ok(card?.startsWith(relay), `it prints its link, not ${line}`);
  return {
    card,
    /** Presses Ctrl-C, and returns the exit code. */
    async stop() {
      child.kill("SIGINT");
      return (await exited)[0];
    },
    async close() {
      child.kill("SIGKILL");
      await exited;
      rmSync(data, { recursive: true, force: true });
    },
  };
}

check("the page's own sound and picture come back", async () => {
  const caller = await it.alice.tab();
  const { id, name } = await add(caller, echo);
  assert.equal(name, "Echo");
  await caller.evaluate((id, video) => test.call(id, { audio: true, video }), id, picture);
  await reaches(caller, "active");
  await caller.evaluate(() => test.hears());
  await caller.evaluate(() => test.sees());
  await caller.evaluate(() => test.until(() => test.last.remote.audio && test.last.remote.video && !test.last.remote.screen));

  await caller.evaluate(() => test.last.hangUp());
  assert.equal((await endings(caller))[0].reason, "hangup");
  assert.deepEqual(await caller.evaluate(() => test.errors), []);
});

check("a camera turned on later comes back too; the endpoint hangs up when it is ended", async () => {
  const caller = await it.alice.tab();
  const { id } = await add(caller, echo);
  await caller.evaluate((id) => test.call(id), id);
  await reaches(caller, "active");
  await caller.evaluate(() => test.hears());
  assert.equal(await caller.evaluate(() => test.last.remote.video), false);
  await caller.evaluate(() => test.last.unmute("video"));
  await caller.evaluate(() => test.until(() => test.last.remote.video));
  await caller.evaluate(() => test.sees());
  await caller.evaluate(() => test.last.mute("video"));
  await caller.evaluate(() => test.until(() => !test.last.remote.video));

  assert.equal(await echo.stop(), 0);
  assert.equal((await endings(caller))[0].reason, "hangup");
});
