// How a ring ends when nobody talks: declined, cancelled, unanswered; and the ring of a stranger.

import assert from "node:assert/strict";
import { suite, test as check } from "node:test";
import { add, endings, meet, reaches } from "../support/browser.js";
import { stage } from "../support/stage.js";

const it = stage();

/** Rings Bob's tabs from Alice's. */
async function ring(caller, tabs, media) {
  await caller.evaluate((id, media) => test.call(id, media), tabs[0].account, media);
  for (const tab of tabs) await reaches(tab, "ringing");
}

check("declining in one tab ends the ring in all, and the caller learns it", async (t) => {
  const [alice, bob] = await it.people(t);
  const [caller, ...tabs] = [await alice.tab(), await bob.tab(), await bob.tab()];
  await meet(caller, tabs[0]);
  await ring(caller, tabs);
  await tabs[0].evaluate(() => test.last.decline());
  const ended = await endings(caller, ...tabs);
  assert.deepEqual(ended.map(({ reason }) => reason), ["declined", "declined", "declined-elsewhere"]);
  await caller.evaluate(() => test.until(() => test.openDevices() === 0));
});

check("declining here leaves the other tab ringing", async (t) => {
  const [alice, bob] = await it.people(t);
  const [caller, ...tabs] = [await alice.tab(), await bob.tab(), await bob.tab()];
  await meet(caller, tabs[0]);
  await ring(caller, tabs);
  await tabs[0].evaluate(() => test.last.decline({ everywhere: false }));
  await caller.evaluate(() => test.until(() => test.last.devices.some(({ state }) => state === "declined")));
  assert.equal(await tabs[1].evaluate(() => test.state()), "ringing");
  assert.equal(await tabs[1].evaluate(() => test.accept()), "active");
  await reaches(caller, "active");
});

check("cancelling stops every ring, and no tab opened later rings", async (t) => {
  const [alice, bob] = await it.people(t);
  const [caller, tab] = [await alice.tab(), await bob.tab()];
  await meet(caller, tab);
  await ring(caller, [tab]);
  await caller.evaluate(() => test.last.hangUp());
  assert.deepEqual((await endings(caller, tab)).map(({ reason }) => reason), ["cancelled", "cancelled"]);
  for (let tries = 0, held = true; held; tries++) {
    assert.ok(tries < 5, "each tab was held up");
    const late = await bob.tab();
    // The next call is the proof that the late tab has read its mailbox to the end.
    await ring(caller, [late]);
    const id = await caller.evaluate(() => test.last.id);
    const rung = await late.evaluate(() => test.calls.map(({ id }) => id));
    // A tab that is held up while it reads rings after two seconds all the same; then another one is tried.
    held = rung[0] !== id && (await late.evaluate(() => test.log.find(({ what }) => what === "incoming").at - test.noted("open").at > 1500));
    if (!held) assert.deepEqual(rung, [id]);
    await caller.evaluate(() => test.last.hangUp());
    await late.close();
  }
});

check("a stranger rings where anyone may: devices are counted, nothing connects before accept, accept connects", async (t) => {
  const [alice, bob] = await it.people(t);
  const [caller, ...tabs] = [await alice.tab(), await bob.tab({ incoming: "anyone" }), await bob.tab({ incoming: "anyone" })];
  await add(caller, tabs[0]);
  await ring(caller, tabs);
  const { peer } = await tabs[0].evaluate(() => test.log.find(({ what }) => what === "incoming"));
  assert.equal(peer.contact, null);
  assert.equal(peer.claimedName, "Alice");
  const devices = await caller.evaluate(() => test.until(() => test.last.devices.length === 2 && test.last.devices));
  assert.deepEqual(devices.map(({ label, state }) => [label, state]), [["", "ringing"], ["", "ringing"]]);
  const connections = () => Promise.all([caller, ...tabs].map((tab) => tab.evaluate(() => test.watch.connections.length)));
  assert.deepEqual(await connections(), [0, 0, 0], "no connection is made before accept");

  assert.equal(await tabs[1].evaluate(() => test.accept()), "active");
  await reaches(caller, "active");
  assert.deepEqual(await connections(), [1, 0, 1]);
  await Promise.all([caller, tabs[1]].map((tab) => tab.evaluate(() => test.hears())));
  assert.deepEqual((await endings(tabs[0])).map(({ reason }) => reason), ["answered-elsewhere"]);

  const added = await tabs[1].evaluate(() => test.phone.addContact(test.last.peer.card));
  assert.equal(added.name, "Alice");
  await tabs[1].evaluate(() => test.until(() => test.last.peer.contact));
});

// Most of the time is spent waiting: all at once.
suite("nobody answers", { concurrency: 3 }, () => {
  check("nobody answers: both sides are told after the ring's time", async (t) => {
    const [alice, bob] = await it.people(t);
    const [caller, tab] = [await alice.tab({ ringSeconds: 10 }), await bob.tab()];
    await meet(caller, tab);
    await ring(caller, [tab]);
    assert.deepEqual((await endings(caller, tab)).map(({ reason }) => reason), ["unanswered", "unanswered"]);
  });

  check("calling somebody with no tab open ends unanswered", async (t) => {
    const [alice, bob] = await it.people(t);
    const [caller, tab] = [await alice.tab({ ringSeconds: 10 }), await bob.tab()];
    await meet(caller, tab);
    const { account } = tab;
    await tab.evaluate(() => test.phone.close());
    await tab.close();
    await caller.evaluate((id) => test.call(id), account);
    const [{ reason }] = await endings(caller);
    assert.equal(reason, "unanswered");
    assert.equal(await caller.evaluate(() => test.last.devices.length), 0);
  });

  check("a stranger is not heard where only contacts may ring, and learns nothing", async (t) => {
    const [alice, bob] = await it.people(t);
    const [caller, tab] = [await alice.tab({ ringSeconds: 10 }), await bob.tab()];
    await add(caller, tab);
    await caller.evaluate((id) => test.call(id), tab.account);
    const [{ reason }] = await endings(caller);
    assert.equal(reason, "unanswered");
    assert.equal(await tab.evaluate(() => test.calls.length), 0);
    assert.deepEqual(await caller.evaluate(() => test.log.filter(({ what }) => what === "devices")), []);
  });
});
