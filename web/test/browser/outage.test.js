// What goes wrong around a call: the relay goes away, pages are reloaded and closed.

import assert from "node:assert/strict";
import { test as check } from "node:test";
import { endings, meet, now, reaches, took } from "../support/browser.js";
import { startServer } from "../support/server.js";
import { stage } from "../support/stage.js";

const it = stage("alice", "bob");

async function talk(media) {
  const [caller, tab] = [await it.alice.tab(), await it.bob.tab()];
  await meet(caller, tab);
  await caller.evaluate((id, media) => test.call(id, media), tab.account, media);
  await reaches(tab, "ringing");
  assert.equal(await tab.evaluate(() => test.accept()), "active");
  await reaches(caller, "active");
  await Promise.all([caller, tab].map((page) => page.evaluate(() => test.hears())));
  return [caller, tab];
}

/** Waits until each page got a second's worth of sound more. */
const goesOn = (...pages) =>
  Promise.all(
    pages.map((page) =>
      page.evaluate(async () => {
        const { received, energy } = await test.rtp();
        await test.until(async () => {
          const now = await test.rtp();
          return now.received > received + 50 && now.energy > energy;
        });
      }),
    ),
  );

check("the relay is killed and started again during the call: sound goes on, and the phones come back by themselves", async () => {
  const [caller, tab] = await talk();
  const both = [caller, tab];
  const sibling = await it.bob.tab();
  const restart = async () => {
    const { url, data } = it.server;
    it.server = await startServer({ addr: new URL(url).host, data });
    for (const page of [...both, sibling]) await page.evaluate(() => test.until(() => test.phone.state === "online", 30000));
  };
  const kill = async () => {
    await it.server.stop("SIGKILL");
    for (const page of both) await page.evaluate(() => test.until(() => test.phone.state === "offline"));
  };
  await kill();
  await goesOn(...both);
  await restart();
  await goesOn(...both);
  for (const page of both) {
    const has = await page.evaluate(() => ({ state: test.state(), made: test.watch.connections.length, broke: Boolean(test.noted("state", "reconnecting")) }));
    assert.deepEqual(has, { state: "active", made: 1, broke: false }, "the same connection all the time");
  }

  await kill();
  await tab.evaluate(() => test.last.hangUp());
  assert.deepEqual((await endings(...both)).map(({ reason }) => reason), ["hangup", "hangup"]);
  assert.equal(await sibling.evaluate(() => test.calls.length), 0);
  await restart();
  await caller.evaluate((id) => test.call(id), tab.account);
  await sibling.evaluate(() => test.until(() => test.state() === "ringing"));
  await tab.evaluate(() => test.until(() => test.calls.length === 2));
  assert.equal(await tab.evaluate(() => test.accept()), "active");
  assert.deepEqual((await endings(sibling)).map(({ reason }) => reason), ["answered-elsewhere"]);
});

check("closing a tab hangs up", async () => {
  const [caller, tab] = await talk();
  const began = await now(tab);
  await tab.close();
  const [{ reason }] = await endings(caller);
  assert.equal(reason, "hangup");
  const { at } = await caller.evaluate(() => test.log.find(({ what }) => what === "ended"));
  assert.ok(took(began, at) < 5000, `it took ${took(began, at)} ms`);
});

check("closing the caller's tab while it rings stops the ring", async () => {
  const [caller, tab] = [await it.alice.tab(), await it.bob.tab()];
  await meet(caller, tab);
  await caller.evaluate((id) => test.call(id), tab.account);
  await reaches(tab, "ringing");
  await caller.close();
  const [{ reason }] = await endings(tab);
  assert.equal(reason, "cancelled");
});

check("a closed phone leaves other tabs ringing and nothing behind", async () => {
  const [caller, first, second] = [await it.alice.tab(), await it.bob.tab(), await it.bob.tab()];
  await meet(caller, first);
  await caller.evaluate((id) => test.call(id), first.account);
  await reaches(first, "ringing");
  await reaches(second, "ringing");
  await caller.evaluate(() => test.until(() => test.last.devices.length === 2));
  await first.evaluate(() => test.phone.close());
  const left = await first.evaluate(async (relay) => {
    const { liveFuncs } = await import(`${relay}/ringfork/wasm.js`);
    return { funcs: await test.until(async () => (await liveFuncs()) === 0), open: test.watch.connections.filter((c) => c.connectionState !== "closed").length };
  }, it.server.url);
  assert.deepEqual(left, { funcs: true, open: 0 });
  assert.equal(await second.evaluate(() => test.state()), "ringing");
  assert.equal(await second.evaluate(() => test.accept()), "active");
});
