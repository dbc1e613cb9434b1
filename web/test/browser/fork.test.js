// The main job: every tab rings, the first answer wins, and both hear and see each other.

import assert from "node:assert/strict";
import { test as check } from "node:test";
import { answeredElsewhere, endings, meet, reaches } from "../support/browser.js";
import { stage } from "../support/stage.js";

const it = stage("alice", "bob");

check("three tabs ring, one accepts, the others say where it was answered; sound and picture both ways", async () => {
  const caller = await it.alice.tab();
  const tabs = [await it.bob.tab({ label: "Bob's first tab" }), await it.bob.tab({ label: "Bob's second tab" }), await it.bob.tab({ label: "Bob's third tab" })];
  assert.equal(new Set(tabs.map((tab) => tab.account)).size, 1, "the tabs of one profile have one account");
  await meet(caller, tabs[0]);

  await caller.evaluate((id) => test.call(id, { audio: true, video: { width: 320, height: 240 } }), tabs[0].account);
  for (const tab of tabs) await reaches(tab, "ringing");
  const devices = await caller.evaluate(() =>
    test.until(() => test.last.devices.length === 3 && test.last.devices.every(({ state }) => state === "connected") && test.last.devices),
  );
  assert.deepEqual(devices.map(({ label }) => label).sort(), ["Bob's first tab", "Bob's second tab", "Bob's third tab"]);

  const before = await Promise.all([caller, ...tabs].map((tab) => tab.evaluate(() => test.rtp())));
  assert.deepEqual(before.map(({ sent, received }) => sent + received), [0, 0, 0, 0], "no RTP flows before accept");
  const captures = await Promise.all(tabs.map((tab) => tab.evaluate(() => test.watch.captures)));
  assert.deepEqual(captures, [0, 0, 0], "no device is open at the called side before accept");

  assert.equal(await tabs[1].evaluate(() => test.accept({ audio: true, video: { width: 320, height: 240 } })), "active");
  await reaches(caller, "active");
  assert.equal(await caller.evaluate(() => test.last.answeredBy), "Bob's second tab");
  assert.deepEqual(await answeredElsewhere(tabs[0], tabs[2]), ["Bob's second tab", "Bob's second tab"]);

  await Promise.all([caller, tabs[1]].map((tab) => tab.evaluate(() => test.hears())));
  for (const tab of [caller, tabs[1]]) {
    await tab.evaluate(() => test.sees());
    await tab.evaluate(() => test.until(() => test.last.remote.video));
  }
  assert.deepEqual(await Promise.all([tabs[0], tabs[2]].map((tab) => tab.evaluate(() => test.watch.captures))), [0, 0]);

  await caller.evaluate(() => test.last.mute("video"));
  assert.equal(await caller.evaluate(() => test.watch.tracks.filter((t) => t.kind === "video" && t.readyState === "live").length), 0, "the camera stops");
  await tabs[1].evaluate(() => test.until(() => !test.last.remote.video));
  await caller.evaluate(() => test.last.mute("audio"));
  await tabs[1].evaluate(() => test.until(() => !test.last.remote.audio));

  await tabs[1].evaluate(() => test.last.hangUp());
  assert.deepEqual((await endings(caller, tabs[1])).map(({ reason }) => reason), ["hangup", "hangup"]);
  await Promise.all([caller, tabs[1]].map((tab) => tab.evaluate(() => test.until(() => test.openDevices() === 0))));
  for (const tab of [caller, ...tabs]) assert.deepEqual(await tab.evaluate(() => test.errors), []);
});

check("a tab opened during the ring joins it and can win", async () => {
  const caller = await it.alice.tab();
  const first = await it.bob.tab();
  await meet(caller, first);
  await caller.evaluate((id) => test.call(id), first.account);
  await reaches(first, "ringing");
  const late = await it.bob.tab({ label: "Bob's late tab" });
  await reaches(late, "ringing");
  await caller.evaluate(() => test.until(() => test.last.devices.length === 2));
  assert.equal(await late.evaluate(() => test.accept()), "active");
  await reaches(caller, "active");
  await Promise.all([caller, late].map((tab) => tab.evaluate(() => test.hears())));
  assert.deepEqual(await answeredElsewhere(first), ["Bob's late tab"]);
});

check("both sides show no address of theirs: the call runs through the TURN server", async () => {
  const [caller, tab] = [await it.alice.tab({ iceTransportPolicy: "relay" }), await it.bob.tab({ iceTransportPolicy: "relay" })];
  await meet(caller, tab);
  await caller.evaluate((id) => test.call(id), tab.account);
  await reaches(tab, "ringing");
  await caller.evaluate(() => test.until(() => test.last.devices.some(({ state }) => state === "connected")));
  assert.equal(await tab.evaluate(() => test.accept()), "active");
  await Promise.all([caller, tab].map((page) => page.evaluate(() => test.hears())));
  const types = await caller.evaluate(() =>
    test.until(async () => {
      const reports = [...(await test.watch.connections[0].getStats()).values()];
      const types = reports.filter(({ type }) => type.endsWith("-candidate")).map(({ candidateType }) => candidateType);
      return types.length >= 2 && !types.includes("prflx") && types; // so it is called until it is told of
    }),
  );
  assert.deepEqual(new Set(types), new Set(["relay"]));
});
