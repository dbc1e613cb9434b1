// A relay is replaced under those who use it: SIGTERM, and the next one at the same address.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as check } from "node:test";
import { freeAddress, startBalancer, startNATS } from "../support/balancer.js";
import { endings, errors, hear, meet, now, person, reaches } from "../support/browser.js";
import { startServer } from "../support/server.js";
import { stage } from "../support/stage.js";

const it = stage("alice", "bob", "carol");

/** For how long in all a page's phone was offline since a moment, and how often; in ms. */
const offline = (page, since, until) =>
  page.evaluate(
    (since, until) => {
      let [times, ms, from] = [0, 0, null];
      for (const { at, what, state } of test.log) {
        if (what !== "phone" || at < since) continue;
        if (state === "offline" && from === null) {
          times++;
          from = at;
        } else if (state === "online" && from !== null) {
          ms += at - from;
          from = null;
        }
      }
      return { times, ms: Math.round(ms + (from === null ? 0 : until - from)) };
    },
    since,
    until,
  );

check("the relay drains and another takes its place: the call goes on, and who rings meanwhile gets through", async (t) => {
  const [alice, bob, carol] = [await it.alice.tab(), await it.bob.tab(), await it.carol.tab()];
  await meet(alice, bob);
  await meet(carol, bob);
  await alice.evaluate((id) => test.call(id), bob.account);
  await reaches(bob, "ringing");
  assert.equal(await bob.evaluate(() => test.accept()), "active");
  await reaches(alice, "active");
  await hear(alice, bob);
  const { url, data } = it.server;
  await new Promise((resolve) => setTimeout(resolve, 5000)); // connections that are settled, as in life

  const began = await now(bob);
  const stopped = it.server.stop("SIGTERM");
  const dialed = await carol.evaluate((id) => {
    const at = test.now();
    test.call(id);
    return at;
  }, bob.account);
  await stopped;
  const gone = await now(bob);
  it.server = await startServer({ addr: new URL(url).host, data });
  const there = await now(bob);
  await bob.evaluate(() => test.until(() => test.calls.length === 2 && test.last.waiting, 30_000));
  const rang = await bob.evaluate(() => test.noted("incoming").at);
  const pages = [alice, bob, carol];
  for (const page of pages) await page.evaluate(() => test.until(() => test.phone.state === "online", 30_000));
  await hear(alice, bob);
  const end = await now(bob);
  const seen = await Promise.all(pages.map((page) => offline(page, began, end)));
  t.diagnostic(
    `drained in ${Math.round(gone - began)} ms, the next one was there ${Math.round(there - gone)} ms later; ` +
      `the ring came ${Math.round(rang - dialed)} ms after it was dialed; offline: ${seen.map(({ times, ms }) => `${times} times, ${ms} ms`).join("; ")}`,
  );
  for (const { times, ms } of seen) {
    assert.ok(times <= 2, `offline ${times} times`);
    assert.ok(ms < there - began + 12_000, `offline for ${ms} ms`);
  }
  for (const page of [alice, bob]) {
    const has = await page.evaluate(() => ({ state: test.calls[0].state, made: test.watch.connections.length > 0, broke: Boolean(test.noted("state", "reconnecting")) }));
    assert.deepEqual(has, { state: "active", made: true, broke: false }, "the call did not notice");
  }

  assert.equal(await bob.evaluate(() => test.accept()), "active"); // ends the first one
  await reaches(carol, "active");
  await hear(bob, carol);
  assert.deepEqual((await endings(alice)).map(({ reason }) => reason), ["hangup"]);
  assert.deepEqual(await errors(...pages), []);
});

check("behind a balancer two relays share a cluster: when one drains nobody is offline, and no ring is lost", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ringfork-drain-"));
  const key = join(folder, "nats.key");
  writeFileSync(key, randomBytes(32).toString("hex"), { mode: 0o600 });
  const balancer = await startBalancer();
  const ends = [() => rmSync(folder, { recursive: true, force: true }), balancer.close];
  try {
    const engine = await startNATS(folder);
    ends.unshift(engine.close);
    const args = ["-origin", balancer.url, "-nats", engine.url, "-nats-key", key, "-nats-replicas", "1"];
    const [one, other] = [await freeAddress(), await freeAddress()];
    const first = await startServer({ addr: one, data: "none", args });
    ends.unshift(() => first.stop());
    const second = await startServer({ addr: other, data: "none", args });
    ends.unshift(() => second.stop());
    balancer.to(one);
    const make = async (name) => {
      const somebody = await person(it.browser, { relay: balancer.url, app: it.app.url, name });
      ends.unshift(() => somebody.close());
      return somebody.tab();
    };
    const [alice, bob] = [await make("Alice"), await make("Bob")];
    await meet(alice, bob);
    await new Promise((resolve) => setTimeout(resolve, 5000));

    const began = await now(bob);
    balancer.to(other); // for who connects from now on
    const stopped = first.stop("SIGTERM");
    const dialed = await alice.evaluate((id) => {
      const at = test.now();
      test.call(id);
      return at;
    }, bob.account);
    await reaches(bob, "ringing");
    const rang = await bob.evaluate(() => test.noted("incoming").at);
    await stopped;
    assert.equal(await bob.evaluate(() => test.accept()), "active");
    await hear(alice, bob);
    const end = await now(bob);
    const seen = await Promise.all([alice, bob].map((page) => offline(page, began, end)));
    t.diagnostic(`rang ${Math.round(rang - dialed)} ms after it was dialed; offline: ${seen.map(({ times, ms }) => `${times} times, ${ms} ms`).join("; ")}`);
    for (const page of [alice, bob]) {
      const states = await page.evaluate((since) => test.log.filter(({ at, what }) => what === "phone" && at > since).map(({ state }) => state), began);
      assert.deepEqual(states, [], "the phone heard nothing of the move");
    }
    assert.deepEqual(await errors(alice, bob), []);
  } finally {
    for (const end of ends) await end();
  }
});
