// Calls between two kinds of browser. Where there is no Firefox npm test says so, and leaves these out.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test as check } from "node:test";
import { answeredElsewhere, empty, endings, errors, hear, launchFirefox, lossy, meet, now, person, reaches, took } from "../support/browser.js";
import { stage } from "../support/stage.js";

const it = stage("chromium");
const media = { audio: true, video: { width: 320, height: 240 } };

let browser;
let firefox;
before(async () => {
  browser = await launchFirefox();
});
beforeEach(async () => {
  firefox = await person(browser, { relay: it.server.url, app: it.app.url, name: "Firefox" });
});
afterEach(() => firefox?.close());
after(() => browser?.close());

/** Rings, and answers when they are connected. */
async function talk(caller, called, media) {
  await caller.evaluate((id, media) => test.call(id, media), called.account, media);
  await reaches(called, "ringing");
  await caller.evaluate(() => test.until(() => test.last.devices.some(({ state }) => state === "connected")));
  assert.equal(await called.evaluate((media) => test.accept(media), media), "active");
  await reaches(caller, "active");
  await hear(caller, called);
}

for (const [what, order] of [
  ["Chromium calls Firefox", (tabs) => tabs],
  ["Firefox calls Chromium", (tabs) => tabs.toReversed()],
]) {
  check(`${what}: sound and picture both ways, muted and hung up`, async () => {
    const [caller, called] = order([await it.chromium.tab(), await firefox.tab()]);
    await meet(caller, called);
    await talk(caller, called, media);
    for (const tab of [caller, called]) await tab.evaluate(() => test.sees());
    await called.evaluate(() => test.last.mute("video"));
    await caller.evaluate(() => test.until(() => !test.last.remote.video));
    await called.evaluate(() => test.last.unmute("video"));
    await caller.evaluate(() => test.until(() => test.last.remote.video));
    await caller.evaluate(() => test.sees());
    await called.evaluate(() => test.last.hangUp());
    assert.deepEqual((await endings(caller, called)).map(({ reason }) => reason), ["hangup", "hangup"]);
    await empty(caller, called);
    assert.deepEqual(await errors(caller, called), []);
  });

  check(`${what}, and the network breaks and comes back: sound goes on over another connection`, async () => {
    // The server's TURN goes over TCP, too, which is not lost.
    const options = { iceServers: [] };
    const chromium = await it.chromium.tab(options);
    const lose = await lossy(chromium);
    const [caller, called] = order([chromium, await firefox.tab(options)]);
    await meet(caller, called);
    await talk(caller, called);
    await lose(100);
    for (const tab of [caller, called]) await reaches(tab, "reconnecting");
    await lose(0);
    for (const tab of [caller, called]) {
      await reaches(tab, "active", 30_000);
      await tab.evaluate(() => test.until(() => test.watch.connections.length > 1 && test.openConnections().length === 1));
    }
    await hear(caller, called);
    await caller.evaluate(() => test.last.hangUp());
    assert.deepEqual((await endings(caller, called)).map(({ reason }) => reason), ["hangup", "hangup"]);
    await empty(caller, called);
  });
}

check("two tabs of Firefox ring: one answers, the other stops; the one that answered is closed", async () => {
  const [caller, ...tabs] = [await it.chromium.tab(), await firefox.tab({ label: "one" }), await firefox.tab({ label: "two" })];
  await meet(caller, tabs[0]);
  await caller.evaluate((id) => test.call(id), tabs[0].account);
  for (const tab of tabs) await reaches(tab, "ringing");
  await caller.evaluate(() => test.until(() => test.last.devices.filter(({ state }) => state === "connected").length === 2));
  assert.equal(await tabs[1].evaluate(() => test.accept()), "active");
  assert.deepEqual(await answeredElsewhere(tabs[0]), ["two"]);
  await hear(caller, tabs[1]);
  const at = await now(tabs[1]);
  await tabs[1].close();
  assert.deepEqual((await endings(caller)).map(({ reason }) => reason), ["hangup"]);
  const ended = took(at, await caller.evaluate(() => test.noted("ended").at));
  assert.ok(ended < 5000, `ended after ${ended} ms`);
  await talk(caller, tabs[0]);
});
