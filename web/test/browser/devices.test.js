// One account in several browsers: linked, opened by a secret, restored from a backup, revoked.

import assert from "node:assert/strict";
import { test as check } from "node:test";
import { add, answeredElsewhere, empty, endings, errors, hear, meet, openPage, reaches } from "../support/browser.js";
import { stage } from "../support/stage.js";

const it = stage("alice", "bob");
const module = () => `${it.server.url}/ringfork.js`;
const options = (more = {}) => ({ relay: it.server.url, profile: "default", ...more });

/** What a promise in a page rejects with. */
const code = (page, what, ...args) => page.evaluate(async (what, ...args) => await eval(what)(...args).then(() => "nothing", (error) => error.code ?? String(error)), String(what), ...args);

const devices = (tab) => tab.evaluate(() => test.phone.devices.map(({ label, kind, current }) => ({ label, kind, current })));
const contacts = (tab) => tab.evaluate(() => test.phone.contacts.map(({ name }) => name));
const labels = async (tab) => (await devices(tab)).map(({ label }) => label);
const knows = (tab, ...names) => tab.evaluate((names) => test.until(() => String(test.phone.contacts.map(({ name }) => name)) === names), String(names));

/** Calls from one tab and lets the other one accept; both hear each other. */
async function talk(caller, called, ...others) {
  await caller.evaluate((id) => test.call(id), called.account);
  for (const tab of [called, ...others]) await reaches(tab, "ringing");
  assert.equal(await called.evaluate(() => test.accept()), "active");
  await reaches(caller, "active");
  await hear(caller, called);
}

async function hangUp(tab, ...others) {
  await tab.evaluate(() => test.last.hangUp());
  await endings(tab, ...others);
}

/** Two who know each other, and another browser of Bob's. */
async function bobTwice() {
  const [alice, bob] = [await it.alice.tab(), await it.bob.tab({ label: "Bob's laptop" })];
  await meet(alice, bob);
  const browser = await it.bob.elsewhere();
  const phone = await browser.link(bob, { label: "Bob's phone" });
  return { alice, bob, browser, phone };
}

check("a linked browser is the same account: it knows the contacts, both ring, each can answer", async () => {
  const { alice, bob, phone } = await bobTwice();
  assert.equal(phone.account, bob.account);
  assert.deepEqual(phone.contacts.map(({ name }) => name), ["Alice"]);
  for (const [tab, current] of [[bob, "Bob's laptop"], [phone, "Bob's phone"]]) {
    await tab.evaluate(() => test.until(() => test.phone.devices.length === 2));
    assert.deepEqual(await devices(tab), ["Bob's laptop", "Bob's phone"].map((label) => ({ label, kind: "device", current: label === current })));
  }
  assert.equal(await phone.evaluate(() => test.phone.card), await bob.evaluate(() => test.phone.card), "one card");

  for (const [winner, loser, label] of [[phone, bob, "Bob's phone"], [bob, phone, "Bob's laptop"]]) {
    await talk(alice, winner, loser);
    assert.equal(await alice.evaluate(() => test.last.answeredBy), label);
    assert.deepEqual(await answeredElsewhere(loser), [label]);
    await hangUp(winner, alice);
  }
  await talk(phone, alice);
  assert.deepEqual(await alice.evaluate(() => test.last.peer.contact?.name), "Bob");
  await hangUp(alice, phone);
  await empty(alice, bob, phone);

  // What one of them changes is changed on the other.
  const carol = await (await it.alice.elsewhere()).tab({ name: "Carol" });
  await add(phone, carol);
  await knows(bob, "Alice", "Carol");
  await bob.evaluate((id) => test.phone.removeContact(id), carol.account);
  await knows(phone, "Alice");
  assert.deepEqual(await errors(alice, bob, phone, carol), []);
});

check("the other way round: a browser reads the link that the account's device shows", async () => {
  const [alice, bob] = [await it.alice.tab(), await it.bob.tab({ label: "Bob's laptop" })];
  await meet(alice, bob);
  const browser = await it.bob.elsewhere();
  const link = await bob.evaluate(() => test.inviteDevice());
  assert.ok(link.startsWith(`${it.server.url}/#join=rfj1`), link);
  assert.match(await bob.evaluate(() => test.invitation.qr), /^<svg/);
  const asking = await browser.asking({ label: "Bob's phone", invitation: link });
  assert.equal(asking.code, "", "it shows no link of its own");
  const { confirm, label } = await bob.evaluate(() => test.invited.then(({ confirm, label }) => ({ confirm, label })));
  assert.deepEqual([await asking.evaluate(() => test.link.confirm), label], [confirm, "Bob's phone"]);
  await bob.evaluate(() => test.asking.approve());
  await asking.evaluate(() => test.link.done);
  const phone = await browser.open(asking, { label: "Bob's phone" });
  assert.equal(phone.account, bob.account);
  await talk(alice, phone, bob);
  await hangUp(alice, phone);

  // A link taken back is nobody's; one is read on the device that did not show it.
  const back = await bob.evaluate(() => test.inviteDevice());
  await bob.evaluate(() => test.invitation.cancel());
  assert.equal(await code(bob, () => test.invited), "aborted");
  assert.equal(await code(bob, (text) => test.phone.approveLink(text), back), "bad-link");
  const other = await openPage((await it.bob.elsewhere()).context, it.app.url);
  const request = (invitation) => code(other, (module, options) => import(module).then(({ requestLink }) => requestLink(options)), module(), options({ invitation }));
  assert.equal(await request("nonsense"), "bad-link");
  assert.deepEqual(await errors(alice, bob, phone, other), []);
});

check("a revoked device is out at once: closed, silent, refused; the others talk on", async () => {
  const { alice, bob, browser, phone } = await bobTwice();
  await talk(alice, bob, phone);
  const { id } = await bob.evaluate(() => test.until(() => test.phone.devices.find(({ current }) => !current)));
  await bob.evaluate((id) => test.phone.revoke(id), id);
  assert.deepEqual(await labels(bob), ["Bob's laptop"]);
  await phone.evaluate(() => test.until(() => test.noted("closed")));
  assert.deepEqual(await phone.evaluate(() => (({ reason, code }) => ({ reason, code }))(test.noted("closed"))), { reason: "revoked", code: "revoked" });
  assert.equal(await code(phone, (id) => test.phone.call(id), alice.account), "revoked");
  await hear(alice, bob);
  await hangUp(alice, bob);

  const again = await openPage(browser.context, it.app.url);
  for (let i = 0; i < 2; i++) {
    assert.equal(await again.evaluate((module, options) => test.fails(module, options), module(), options()), "revoked");
  }
  // It may be linked once more, as a device that is new.
  const relinked = await browser.link(bob, { label: "Bob's phone again" });
  assert.equal(relinked.account, bob.account);
  await talk(alice, relinked, bob);
  await hangUp(relinked, alice);
  assert.deepEqual(await errors(alice, bob, phone, again, relinked), []);
});

check("a revoked device that hears nothing of it is refused by contacts and does not ring", async () => {
  const [alice, bob] = [await it.alice.tab(), await it.bob.tab({ label: "Bob's laptop" })];
  await meet(alice, bob);
  const browser = await it.bob.elsewhere();
  // Its transport is cut off from what the account's other devices say: what a stolen phone would do.
  const asking = await browser.asking();
  await bob.evaluate((code) => test.approveLink(code).then(() => test.asking.approve()), asking.code);
  await asking.evaluate(async (module) => {
    await test.link.done;
    const { relayTransport } = await import(module);
    test.transport = (relay) => {
      const inner = relayTransport(relay);
      const kept = new Map();
      return {
        origin: inner.origin,
        start: (on) => inner.start(on),
        close: () => inner.close(),
        iceServers: () => inner.iceServers(),
        iceReady: () => inner.iceReady(),
        publish: (...args) => inner.publish(...args),
        putSlot: (...args) => (test.deaf ? Promise.resolve() : inner.putSlot(...args)),
        subscribe: (mailbox, onFrame, onEnd) => inner.subscribe(mailbox, (...args) => (test.deaf && !test.calling ? undefined : onFrame(...args)), onEnd),
        async getSlot(address) {
          if (!test.deaf) kept.set(String(address), await inner.getSlot(address));
          return kept.get(String(address)) ?? null;
        },
      };
    };
  }, module());
  const phone = await browser.open(asking, { label: "Bob's phone", ringSeconds: 10 });
  await talk(phone, alice); // Alice knows this device
  await hangUp(alice, phone);
  await phone.evaluate(() => (test.deaf = true));
  const { id } = await bob.evaluate(() => test.until(() => test.phone.devices.find(({ current }) => !current)));
  await bob.evaluate((id) => test.phone.revoke(id), id);
  await talk(bob, alice);
  await hangUp(bob, alice);
  const before = await alice.evaluate(() => test.calls.length);

  await phone.evaluate((id) => { test.calling = true; return test.call(id); }, alice.account);
  assert.deepEqual((await endings(phone)).map(({ reason }) => reason), ["unanswered"]);
  await talk(alice, bob);
  assert.equal(await alice.evaluate(() => test.log.filter(({ what }) => what === "incoming").length), before, "Alice did not ring for the revoked device");
  await hangUp(bob, alice);
  assert.deepEqual(await errors(alice, bob, phone), []);
});

check("safety numbers are the same on both sides; a verified contact stays one, with a warning when a device is added", async () => {
  const [alice, bob] = [await it.alice.tab(), await it.bob.tab()];
  await meet(alice, bob);
  const number = (tab, other) => tab.evaluate((id) => test.phone.safetyNumber(id).then((number) => ({ ...number })), other.account);
  const [hers, his] = [await number(alice, bob), await number(bob, alice)];
  assert.deepEqual(hers, his);
  assert.match(hers.digits, /^(\d{5} ){11}\d{5}$/);
  assert.ok(hers.emoji.split(" ").length >= 6);
  assert.match(hers.qr, /^<svg/);

  assert.equal(await code(alice, (id) => test.phone.verify(id, { scanned: "something else" }), bob.account), "safety-mismatch");
  const carol = await (await it.alice.elsewhere()).tab({ name: "Carol" });
  await add(carol, bob);
  const theirs = await number(carol, bob);
  assert.equal(await code(alice, (id, scanned) => test.phone.verify(id, { scanned }), bob.account, theirs.text), "safety-mismatch");
  assert.deepEqual(await alice.evaluate(() => test.phone.contacts.map(({ verified }) => verified)), [false]);
  await alice.evaluate((id, scanned) => test.phone.verify(id, { scanned }), bob.account, his.text);
  const bobToHer = () => alice.evaluate(() => (({ verified, newDevice }) => ({ verified, newDevice }))(test.phone.contacts[0]));
  assert.deepEqual(await bobToHer(), { verified: true, newDevice: false });
  await bob.evaluate((id) => test.phone.verify(id), alice.account);

  await talk(alice, bob);
  for (const tab of [alice, bob]) assert.equal(await tab.evaluate(() => test.last.peer.verified), true);
  await hangUp(alice, bob);

  const phone = await (await it.bob.elsewhere()).link(bob, { label: "Bob's phone" });
  assert.deepEqual(await phone.evaluate(() => test.phone.contacts.map(({ name, verified }) => ({ name, verified }))), [{ name: "Alice", verified: true }, ]);
  await talk(phone, alice);
  const warning = await alice.evaluate(() => test.until(() => test.noted("warning")));
  assert.equal(warning.code, "device-added");
  assert.deepEqual(warning.contact, { id: bob.account, name: "Bob", verified: true, newDevice: true });
  assert.deepEqual(await bobToHer(), { verified: true, newDevice: true });
  assert.equal(await alice.evaluate(() => test.last.peer.verified), true);
  assert.equal(await alice.evaluate(() => test.last.peer.contact.newDevice), true);
  await hangUp(phone, alice);
  await alice.evaluate((id) => test.phone.verify(id), bob.account);
  assert.deepEqual(await bobToHer(), { verified: true, newDevice: false });
  await alice.evaluate((id) => test.phone.unverify(id), bob.account);
  assert.deepEqual(await bobToHer(), { verified: false, newDevice: false });
  assert.equal(await alice.evaluate(() => test.log.filter(({ what }) => what === "warning").length), 1);
  assert.deepEqual(await errors(alice, bob, phone, carol), []);
});

check("who is added is asked; accepted, each rings in a mailbox of their own; declined and blocked, nothing rings", async () => {
  const bob = await it.bob.tab();
  const people = [];
  for (const name of ["Alice", "Carol", "Dave"]) {
    const browser = await it.alice.elsewhere();
    const page = await openPage(browser.context, it.app.url);
    await page.evaluate(() => {
      const { fetch } = globalThis;
      test.posted = [];
      globalThis.fetch = (url, init) => {
        if (String(url).endsWith("/v1/pub")) test.posted.push([...new Uint8Array(init.body.buffer ?? init.body).subarray(0, 20)].join());
        return fetch(url, init);
      };
    });
    people.push(await browser.open(page, { name, ringSeconds: 10 }));
  }
  const [alice, carol, dave] = people;
  for (const tab of people) await add(tab, bob);
  const requests = await bob.evaluate(() => test.until(() => test.phone.requests.length === 3 && test.phone.requests.map(({ id, name }) => ({ id, name }))));
  assert.deepEqual(requests.map(({ name }) => name).sort(), ["Alice", "Carol", "Dave"]);
  assert.deepEqual(await contacts(bob), []);

  for (const tab of [alice, carol]) {
    const contact = await bob.evaluate((id) => test.phone.acceptRequest(id).then((contact) => ({ ...contact })), tab.account);
    assert.equal(contact.id, tab.account);
  }
  await bob.evaluate((id) => test.phone.declineRequest(id), dave.account);
  assert.deepEqual(await bob.evaluate(() => test.phone.requests), []);
  assert.deepEqual(await contacts(bob), ["Alice", "Carol"]);
  assert.equal(await code(bob, (id) => test.phone.acceptRequest(id), dave.account), "unknown-request");

  /** Calls Bob from a tab, and tells where it posted meanwhile. */
  const call = async (tab) => {
    const from = await tab.evaluate(() => test.posted.length);
    await talk(tab, bob);
    await hangUp(bob, tab);
    return new Set(await tab.evaluate((from) => test.posted.slice(from), from));
  };
  const asked = await Promise.all(people.map((tab) => tab.evaluate(() => test.posted)));
  const inbox = asked[0].filter((address) => asked[1].includes(address) && asked[2].includes(address));
  assert.equal(new Set(inbox).size, 1, "all asked by the mailbox of Bob's card");
  const posted = [];
  for (const tab of [alice, carol]) {
    let at = await call(tab);
    for (let i = 0; i < 3 && at.has(inbox[0]); i++) at = await call(tab); // it has heard of its own mailbox by now, or soon
    posted.push(at);
  }
  assert.ok(!posted.some((at) => at.has(inbox[0])), "who is accepted does not use it any more");
  assert.ok(![...posted[0]].some((address) => posted[1].has(address)), "each rings in a mailbox of their own");

  await bob.evaluate((id) => test.phone.block(id), alice.account);
  assert.deepEqual(await bob.evaluate(() => test.phone.blocked.map(({ name }) => name)), ["Alice"]);
  const rung = await bob.evaluate(() => test.calls.length);
  await Promise.all([alice, dave].map((tab) => tab.evaluate((id) => test.call(id), bob.account)));
  assert.deepEqual((await endings(alice, dave)).map(({ reason }) => reason), ["unanswered", "unanswered"]);
  await call(carol);
  assert.equal(await bob.evaluate(() => test.calls.length), rung + 1, "only Carol's call rang");

  await bob.evaluate((id) => test.phone.unblock(id), alice.account);
  assert.deepEqual(await contacts(bob), ["Alice", "Carol"]);
  await call(alice);
  assert.deepEqual(await errors(bob, ...people), []);
});

check("the same secret opens the same account in two browsers; another one does not", async () => {
  const secret = Array.from({ length: 32 }, (_, i) => (i * 7 + 1) % 256);
  const elsewhere = await it.bob.elsewhere();
  const alice = await it.alice.tab();
  // In the same instant: one of them makes the account, both are devices of it.
  const [bob, phone] = await Promise.all([it.bob.tab({ secret, label: "Bob's laptop" }), elsewhere.tab({ secret, label: "Bob's phone" })]);
  assert.equal(phone.account, bob.account);
  for (const tab of [bob, phone]) {
    await tab.evaluate(() => test.until(() => test.phone.devices.length === 3));
    assert.deepEqual((await devices(tab)).map(({ kind, label }) => (kind === "login" ? kind : label)).sort(), ["Bob's laptop", "Bob's phone", "login"]);
  }
  await meet(alice, bob);
  await knows(phone, "Alice");
  await talk(alice, phone, bob);
  await hangUp(phone, alice);

  const page = await openPage(it.bob.context, it.app.url);
  const open = (page, secret) => page.evaluate((module, options) => test.fails(module, options), module(), options({ secret }));
  assert.equal(await open(page, secret.toReversed()), "wrong-secret");
  assert.equal(await open(page, secret), undefined);

  // The login can be revoked as well: who opens with it then comes in no more, and who is in stays.
  const login = await bob.evaluate(() => test.phone.devices.find(({ kind }) => kind === "login").id);
  await bob.evaluate((id) => test.phone.revoke(id), login);
  assert.equal(await open(page, secret), undefined);
  assert.ok(!(await bob.evaluate(() => test.phone.devices.some(({ kind }) => kind === "login"))), "it is no login again");
  const late = await openPage((await it.bob.elsewhere()).context, it.app.url);
  assert.equal(await open(late, secret), "revoked");
  await talk(alice, bob, phone);
  await hangUp(bob, alice);
  assert.deepEqual(await errors(alice, bob, phone, page, late), []);
});

check("a backup brings the account back in a new browser, which calls and is called", async () => {
  const { alice, bob, phone } = await bobTwice();
  await bob.evaluate((id) => test.phone.verify(id), alice.account);
  const backup = await bob.evaluate(() => test.phone.backup("four quite random words"));
  await bob.evaluate(() => test.until(() => test.phone.devices.some(({ kind }) => kind === "backup")));
  // All that had the account is gone.
  for (const tab of [bob, phone]) await tab.close();

  const third = await it.bob.elsewhere();
  const page = await openPage(third.context, it.app.url);
  const fails = (more) => page.evaluate((module, options) => test.fails(module, options), module(), options(more));
  assert.equal(await fails({ restore: backup, passphrase: "four other random words" }), "bad-passphrase");
  assert.equal(await fails({ restore: backup.slice(0, 500), passphrase: "four quite random words" }), "bad-backup");
  const restored = await third.open(page, { restore: backup, passphrase: "four quite random words", label: "Bob's new laptop" });
  assert.equal(restored.account, bob.account);
  assert.deepEqual(await restored.evaluate(() => test.phone.contacts.map(({ name, verified }) => ({ name, verified }))), [{ name: "Alice", verified: true }]);
  assert.deepEqual((await devices(restored)).map(({ kind, label }) => label || kind), ["Bob's laptop", "Bob's phone", "backup", "Bob's new laptop"]);
  await talk(restored, alice);
  await hangUp(alice, restored);
  await talk(alice, restored);
  assert.equal(await alice.evaluate(() => test.last.answeredBy), "Bob's new laptop");
  await hangUp(restored, alice);
  assert.equal(await page.evaluate((module, options) => test.fails(module, options), module(), options({ restore: backup, passphrase: "four quite random words" })), "wrong-state");
  assert.deepEqual(await errors(alice, restored), []);
});

check("a link that is rejected, cancelled or no link at all links nothing", async () => {
  const bob = await it.bob.tab();
  for (const text of ["nonsense", bob.card, " "]) assert.equal(await code(bob, (text) => test.phone.approveLink(text), text), "bad-link");
  const browser = await it.bob.elsewhere();

  const rejected = await browser.asking({ label: "A phone" });
  assert.match(await rejected.evaluate(() => test.link.qr), /^<svg/);
  const { confirm, label } = await bob.evaluate((code) => test.approveLink(code), rejected.code);
  assert.equal(label, "A phone");
  assert.match(confirm, /^\d{3} \d{3}$/);
  assert.equal(await rejected.evaluate(() => test.link.confirm), confirm);
  await bob.evaluate(() => test.asking.reject());
  assert.equal(await code(rejected, () => test.link.done), "link-rejected");

  const cancelled = await browser.asking();
  await bob.evaluate((code) => test.approveLink(code), cancelled.code);
  await cancelled.evaluate(() => test.link.confirm);
  await cancelled.evaluate(() => test.link.cancel());
  assert.equal(await code(cancelled, () => test.link.done), "aborted");
  assert.equal((await labels(bob)).length, 1);

  // The profile is as free as before, and nobody else gets in by a link that was used.
  const asking = await browser.asking();
  await bob.evaluate((code) => test.approveLink(code), asking.code);
  await bob.evaluate(() => test.asking.approve());
  await asking.evaluate(() => test.link.done);
  assert.equal((await labels(bob)).length, 2);
  assert.equal(await code(asking, (module, options) => import(module).then(({ requestLink }) => requestLink(options)), module(), options()), "wrong-state");
  assert.deepEqual(await errors(bob, rejected, cancelled, asking), []);
});

check("linking leaves nothing behind: given up, not answered, or begun with a device that is gone", async () => {
  const bob = await it.bob.tab();
  const asking = await (await it.bob.elsewhere()).asking();
  const nothing = (page) => page.evaluate((relay) => test.until(async () => (await (await import(`${relay}/ringfork/wasm.js`)).liveFuncs()) === 0), it.server.url);
  await bob.evaluate((code) => test.approveLink(code), asking.code);
  await asking.evaluate(() => test.link.cancel());
  assert.ok(await nothing(asking), "what asked");

  const again = await asking.evaluate((module, options) => test.requestLink(module, options), module(), options());
  await asking.evaluate(() => test.link.cancel());
  const waits = bob.evaluate((code) => test.phone.approveLink(code).catch((error) => error.code), again);
  await bob.evaluate(() => test.phone.close());
  assert.equal(await waits, "closed");
  assert.ok(await nothing(bob), "what was asked");
});

check("two tabs and two devices that change contacts in the same moment lose nothing", async () => {
  const tabs = [await it.bob.tab(), await it.bob.tab()];
  const phone = await (await it.bob.elsewhere()).link(tabs[0], { label: "Bob's phone" });
  const page = await openPage(it.alice.context, it.app.url);
  const names = Array.from({ length: 9 }, (_, i) => `Person ${i}`);
  const cards = await page.evaluate(async (module, relay, names) => {
    const { openPhone } = await import(module);
    const phones = await Promise.all(names.map((name) => openPhone({ relay, profile: name, name })));
    await test.until(() => phones.every(({ state }) => state === "online"));
    test.phones = phones;
    return phones.map(({ card }) => card);
  }, module(), it.server.url, names);
  const changing = [...tabs, phone];
  await Promise.all(names.map((name, i) => add(changing[i % changing.length], { card: cards[i] })));
  for (const tab of changing) await knows(tab, ...names);
  // One renames, one verifies, one removes.
  const ids = await tabs[0].evaluate(() => test.phone.contacts.map(({ id }) => id));
  await Promise.all([
    tabs[0].evaluate((card) => test.phone.addContact(card, { name: "Another name" }), cards[0]),
    tabs[1].evaluate((id) => test.phone.verify(id), ids[1]),
    phone.evaluate((id) => test.phone.removeContact(id), ids[2]),
  ]);
  const wanted = ["Another name", ...names.filter((_, i) => i !== 0 && i !== 2)];
  for (const tab of changing) {
    await knows(tab, ...wanted);
    await tab.evaluate(() => test.until(() => test.phone.contacts.filter(({ verified }) => verified).map(({ name }) => name).join() === "Person 1"));
  }
  await page.evaluate(() => Promise.all(test.phones.map((phone) => phone.close())));
  assert.deepEqual(await errors(page, ...changing), []);
});

check("a database of format 1, whose entries are bare, is taken over and wrapped", async () => {
  const [alice, bob] = [await it.alice.tab(), await it.bob.tab()];
  await meet(alice, bob);
  await bob.evaluate(() => test.phone.close());
  const page = await openPage(it.bob.context, it.app.url);
  await page.evaluate(async () => {
    const result = (request) => new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const database = await result(indexedDB.open("ringfork:default"));
    const all = (name, what) => result(database.transaction(name).objectStore(name)[what]());
    const [key] = await all("keys", "getAll");
    const [names, wrapped] = [await all("entries", "getAllKeys"), await all("entries", "getAll")];
    const bare = await Promise.all(wrapped.map(async ({ iv, sealed, version }, i) => {
      const additionalData = new TextEncoder().encode(JSON.stringify(["ringfork/1/store", names[i], version]));
      return { value: new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, sealed)), version };
    }));
    database.close();
    await result(indexedDB.deleteDatabase("ringfork:default"));
    const opening = indexedDB.open("ringfork:default", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("entries");
    const old = await result(opening);
    const store = old.transaction("entries", "readwrite").objectStore("entries");
    await Promise.all(bare.map((entry, i) => result(store.put(entry, names[i]))));
    old.close();
  });
  const again = await it.bob.open(page);
  assert.equal(again.account, bob.account);
  assert.deepEqual(again.contacts.map(({ name }) => name), ["Alice"]);
  await talk(alice, again);
  await hangUp(again, alice);
  const kept = await again.evaluate(() => new Promise((resolve) => {
    const opening = indexedDB.open("ringfork:default");
    opening.onsuccess = () => {
      opening.result.transaction("entries").objectStore("entries").getAll().onsuccess = ({ target }) => {
        resolve(target.result.map((entry) => Object.keys(entry).sort().join()));
        opening.result.close();
      };
    };
  }));
  assert.ok(kept.length >= 2);
  assert.deepEqual(new Set(kept), new Set(["iv,sealed,version"]));
  assert.deepEqual(await errors(alice, again), []);
});

check("without databases the phone works for as long as the page, and says so", async () => {
  const alice = await it.alice.tab();
  assert.equal(await alice.evaluate(() => test.phone.persistent), true);
  const bob = await openPage(it.bob.context, it.app.url, { before: () => Object.defineProperty(globalThis, "indexedDB", { value: undefined }) });
  await it.bob.open(bob);
  assert.equal(await bob.evaluate(() => test.phone.persistent), false);
  await meet(alice, bob);
  await talk(alice, bob);
  await hangUp(bob, alice);
  const { account } = bob;
  await bob.evaluate(() => test.phone.close());
  assert.equal((await it.bob.open(bob)).account, account, "opened again in the same page it is the same");
  await bob.reload();
  assert.notEqual((await it.bob.open(bob)).account, account);
  assert.deepEqual(await errors(alice, bob), []);
});
