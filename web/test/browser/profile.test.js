// What a profile keeps.

import assert from "node:assert/strict";
import { suite, test as check } from "node:test";
import { meet, openPage, reaches } from "../support/browser.js";
import { stage } from "../support/stage.js";

const it = stage();

// The first one waits all the time: the others run beside it.
suite("profile", { concurrency: 2 }, () => {
  check("a lock that is granted after who waited for it gave up is given back", async (t) => {
    const [alice] = await it.people(t);
    const page = await openPage(alice.context, it.app.url);
    const given = await page.evaluate(async (relay) => {
      const { openPhone, RingforkError } = await import(`${relay}/ringfork.js`);
      const values = new Map();
      const late = [];
      let hold = false;
      const store = {
        get: async (key) => values.get(key) ?? null,
        async put(key, value, version) {
          if ((values.get(key)?.version ?? 0) !== version) throw new RingforkError("store-conflict");
          values.set(key, { value, version: version + 1 });
        },
        lock: (name) => new Promise((resolve) => (hold ? late.push(resolve) : resolve(() => {}))),
      };
      const phone = await openPhone({ relay, store });
      await test.until(() => phone.state === "online");
      hold = true;
      const began = performance.now();
      const code = await phone.backup("correct horse battery staple").catch((error) => error.code); // writes the account
      let unlocked = 0;
      for (const resolve of late.splice(0)) resolve(() => unlocked++);
      await test.until(() => unlocked > 0);
      await phone.close();
      return { code, waited: performance.now() - began > 5000 };
    }, it.server.url);
    assert.deepEqual(given, { code: "store-failed", waited: true });
  });

  check("a reload keeps account and contacts", async (t) => {
    const [alice, bob] = await it.people(t);
    const [tab, other] = [await alice.tab(), await bob.tab()];
    await meet(tab, other);
    const before = await tab.evaluate(() => ({ account: test.phone.account, card: test.phone.card, contacts: [...test.phone.contacts] }));
    await tab.reload();
    const again = await tab.evaluate((module, relay) => test.open(module, { relay, name: "Alice" }), `${it.server.url}/ringfork.js`, it.server.url);
    assert.deepEqual(again, before);
    assert.deepEqual(before.contacts.map(({ name }) => name), ["Bob"]);

    // And it works: the reloaded tab can be called.
    await tab.evaluate(() => test.online());
    await other.evaluate((id) => test.call(id), tab.account);
    await reaches(tab, "ringing");
  });

  check("two tabs opened in the same instant on a fresh profile end with one account", async (t) => {
    const [alice] = await it.people(t);
    const pages = await Promise.all([1, 2, 3, 4].map(() => openPage(alice.context, it.app.url)));
    const opened = await Promise.all(
      pages.map((page) => page.evaluate((module, relay) => test.open(module, { relay }), `${it.server.url}/ringfork.js`, it.server.url)),
    );
    assert.equal(new Set(opened.map(({ account }) => account)).size, 1);
    assert.equal(new Set(opened.map(({ card }) => card)).size, 1);
  });

  check("two profiles in one page are two accounts, and can call each other", async (t) => {
    const [alice] = await it.people(t);
    const page = await openPage(alice.context, it.app.url);
    const result = await page.evaluate(async (relay) => {
      const { openPhone } = await import(`${relay}/ringfork.js`);
      const [a, b] = await Promise.all(["a", "b"].map((profile) => openPhone({ relay, profile, name: profile })));
      await test.until(() => a.state === "online" && b.state === "online");
      const added = await test.until(() => a.addContact(b.card).catch(() => null));
      await test.until(() => b.addContact(a.card).catch(() => null));
      const rung = new Promise((resolve) => b.addEventListener("incoming", ({ call }) => resolve(call), { once: true }));
      const out = await a.call(added);
      const call = await rung;
      await call.accept();
      await test.until(() => out.state === "active");
      await call.hangUp();
      await test.until(() => out.state === "ended");
      await Promise.all([a.close(), b.close()]);
      return { different: a.account !== b.account, ended: out.endReason };
    }, it.server.url);
    assert.deepEqual(result, { different: true, ended: "hangup" });
  });

  check("a contact added in one tab is there in the others", async (t) => {
    const [alice, bob] = await it.people(t);
    const [first, second, other] = [await alice.tab(), await alice.tab(), await bob.tab()];
    await meet(first, other);
    await second.evaluate(() => test.until(() => test.phone.contacts.length === 1));
  });
});
