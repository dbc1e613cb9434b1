// Moments in which several things happen at once, with real media.

import assert from "node:assert/strict";
import { test as check } from "node:test";
import { endings, meet, person, reaches } from "../support/browser.js";
import { stage } from "../support/stage.js";

const it = stage("alice", "bob");
const times = (n) => Number(process.env.RINGFORK_TIMES ?? n);

/** The other tabs' end, in ms after the moment in which all pressed. */
const after = (tab, since) => tab.evaluate((since) => test.log.findLast(({ what }) => what === "ended").at - since, since);

check("two tabs accept in the same millisecond: one wins, the other ends and closes its microphone", async () => {
  const [caller, ...tabs] = [await it.alice.tab(), await it.bob.tab(), await it.bob.tab()];
  await meet(caller, tabs[0]);
  for (let i = 0; i < times(10); i++) {
    await caller.evaluate((id) => test.call(id), tabs[0].account);
    await Promise.all(tabs.map((tab) => reaches(tab, "ringing")));
    await caller.evaluate(() => test.until(() => test.last.devices.length === 2));
    const at = Date.now() + 60;
    const results = await Promise.all(
      tabs.map((tab) =>
        tab.evaluate(async (at) => {
          while (performance.timeOrigin + performance.now() < at);
          return test.accept();
        }, at),
      ),
    );
    assert.deepEqual(results.toSorted(), ["active", "call-ended"]);
    const [winner, loser] = results[0] === "active" ? tabs : tabs.toReversed();
    assert.equal((await endings(loser))[0].reason, "answered-elsewhere");
    assert.ok((await after(loser, at)) < 1000, "the loser ends within a second");
    await loser.evaluate(() => test.until(() => test.openDevices() === 0));
    await reaches(caller, "active");
    await Promise.all([caller, winner].map((tab) => tab.evaluate(() => test.hears())));
    await caller.evaluate(() => test.last.hangUp());
    await endings(winner);
  }
});

check("both ring each other in the same millisecond: one call, both hear each other, nothing rings", async () => {
  const [a, b] = [await it.alice.tab(), await it.bob.tab()];
  await meet(a, b);
  for (let i = 0; i < times(6); i++) {
    const at = Date.now() + 60;
    await Promise.all(
      [
        [a, b.account],
        [b, a.account],
      ].map(([tab, id]) =>
        tab.evaluate(
          async (at, id) => {
            while (performance.timeOrigin + performance.now() < at);
            return test.call(id);
          },
          at,
          id,
        ),
      ),
    );
    for (const tab of [a, b]) {
      await reaches(tab, "active");
      assert.equal(await tab.evaluate(() => test.phone.calls.length), 1);
    }
    assert.equal(...(await Promise.all([a, b].map((tab) => tab.evaluate(() => test.last.id)))));
    await Promise.all([a, b].map((tab) => tab.evaluate(() => test.hears())));
    assert.deepEqual(await Promise.all([a, b].map((tab) => tab.evaluate(() => test.log.filter(({ what }) => what === "incoming").length))), [0, 0]);
    await a.evaluate(() => test.last.hangUp());
    await endings(a, b);
    await Promise.all([a, b].map((tab) => tab.evaluate(() => test.until(() => test.openDevices() === 0))));
  }
});

check("a redial within 50 ms of hanging up rings and connects", async () => {
  const [a, b] = [await it.alice.tab(), await it.bob.tab()];
  await meet(a, b);
  await a.evaluate((id) => test.call(id), b.account);
  await reaches(b, "ringing");
  assert.equal(await b.evaluate(() => test.accept()), "active");
  await reaches(a, "active");
  await a.evaluate(async (id) => {
    const over = test.last.hangUp();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await test.call(id);
    await over;
  }, b.account);
  await b.evaluate(() => test.until(() => test.calls.length === 2 && test.state() === "ringing"));
  assert.equal(await b.evaluate(() => test.accept()), "active");
  await Promise.all([a, b].map((tab) => tab.evaluate(() => test.hears())));
});

check("a second call waits; accepting it ends the first", async () => {
  const carol = await person(it.browser, { relay: it.server.url, app: it.app.url, name: "Carol" });
  const [a, b, c] = [await it.alice.tab(), await it.bob.tab(), await carol.tab()];
  await meet(a, b);
  await meet(c, b);
  await a.evaluate((id) => test.call(id), b.account);
  await reaches(b, "ringing");
  assert.equal(await b.evaluate(() => test.accept()), "active");
  await c.evaluate((id) => test.call(id), b.account);
  await b.evaluate(() => test.until(() => test.calls.length === 2));
  assert.equal(await b.evaluate(() => test.last.waiting), true);
  assert.equal(await b.evaluate(() => test.accept()), "active");
  assert.deepEqual((await endings(a)).map(({ reason }) => reason), ["hangup"]);
  await Promise.all([b, c].map((tab) => tab.evaluate(() => test.hears())));
  await carol.close();
});

check("where calls must not wait the caller learns that everybody is busy", async () => {
  const carol = await person(it.browser, { relay: it.server.url, app: it.app.url, name: "Carol" });
  const [a, b, c] = [await it.alice.tab(), await it.bob.tab({ whenBusy: "refuse" }), await carol.tab()];
  await meet(a, b);
  await meet(c, b);
  await a.evaluate((id) => test.call(id), b.account);
  await reaches(b, "ringing");
  assert.equal(await b.evaluate(() => test.accept()), "active");
  await c.evaluate((id) => test.call(id), b.account);
  assert.deepEqual((await endings(c)).map(({ reason }) => reason), ["busy"]);
  assert.equal(await b.evaluate(() => test.calls.length), 1);
  assert.equal(await b.evaluate(() => test.state()), "active");
  await carol.close();
});
