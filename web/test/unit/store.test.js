import assert from "node:assert/strict";
import { test } from "node:test";

import { indexedDBStore, removeProfile } from "../../ringfork/store.js";
import { FakeIndexedDB } from "./fakeidb.js";
import { settle, stubGlobals } from "./fakes.js";

const bytes = (...values) => Uint8Array.from(values);

/** Whether a value's bytes are found in what was kept. */
const shows = (kept, value) => Object.values(kept).some((part) => part instanceof Uint8Array && Buffer.from(part).includes(Buffer.from(value)));

/** A browser's databases, and none of another test. */
function setUp(t) {
  const indexedDB = new FakeIndexedDB();
  stubGlobals(t, { indexedDB, navigator: {} });
  return indexedDB;
}

/** A database as format 1 left it. */
async function formatOne(indexedDB, profile, values) {
  await new Promise((resolve) => {
    const request = indexedDB.open(`ringfork:${profile}`, 1);
    request.onupgradeneeded = () => request.result.createObjectStore("entries");
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      resolve();
    };
  });
  for (const [name, value] of Object.entries(values)) indexedDB.kept(`ringfork:${profile}`, "entries").set(name, value);
}

for (const [where, prepare] of [
  ["in a database", setUp],
  ["in memory", (t) => t.mock.method(console, "warn", () => {})],
]) {
  test(`a put replaces exactly the version it names, ${where}`, async (t) => {
    prepare(t);
    const store = indexedDBStore("versions");
    assert.equal(await store.get("k"), null);
    const value = bytes(1);
    const putting = store.put("k", value, 0);
    value[0] = 9; // the store has its own copy
    await putting;
    assert.deepEqual(await store.get("k"), { value: bytes(1), version: 1 });
    await assert.rejects(store.put("k", bytes(2), 0), { code: "store-conflict" });
    await assert.rejects(store.put("k", bytes(2), 2), { code: "store-conflict" });
    await store.put("k", bytes(2), 1);
    assert.deepEqual(await indexedDBStore("versions").get("k"), { value: bytes(2), version: 2 });
    assert.equal(await indexedDBStore("another").get("k"), null);
    const race = [bytes(3), bytes(4)].map((value) => indexedDBStore("versions").put("k", value, 2));
    const results = await Promise.allSettled(race);
    assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  });
}

test("what is kept is wrapped by a key that cannot be read, anew each time", async (t) => {
  const indexedDB = setUp(t);
  const store = indexedDBStore("wrapped");
  const secret = new TextEncoder().encode("nobody is to find this");
  await store.put("account", secret, 0);
  const kept = indexedDB.kept("ringfork:wrapped", "entries").get("account");
  assert.ok(!shows(kept, secret));
  assert.ok(shows({ secret }, secret), "the search can find");
  await store.put("account", secret, 1);
  const again = indexedDB.kept("ringfork:wrapped", "entries").get("account");
  assert.notDeepEqual(again.iv, kept.iv);
  const key = indexedDB.kept("ringfork:wrapped", "keys").get("entries");
  assert.ok(key instanceof CryptoKey);
  assert.deepEqual([key.extractable, key.algorithm], [false, { name: "AES-GCM", length: 256 }]);
  await assert.rejects(crypto.subtle.exportKey("raw", key));
  assert.equal(store.persistent, true);
});

test("an entry is bound to its name and version: what was moved or changed is an error, not a value", async (t) => {
  const indexedDB = setUp(t);
  const store = indexedDBStore("bound");
  await store.put("a", bytes(1), 0);
  await store.put("b", bytes(2), 0);
  const entries = indexedDB.kept("ringfork:bound", "entries");
  const { a, b } = Object.fromEntries(entries);
  const flipped = Uint8Array.from(a.sealed, (byte, i) => (i === 0 ? byte ^ 1 : byte));
  for (const broken of [b, { ...a, version: 2 }, { ...a, sealed: flipped }, { ...a, iv: b.iv }, { value: bytes(1), version: 1 }, {}]) {
    entries.set("a", broken);
    await assert.rejects(store.get("a"), ({ code, message }) => code === "store-failed" && /cannot be decrypted/.test(message));
  }
  entries.set("a", a);
  assert.deepEqual(await store.get("a"), { value: bytes(1), version: 1 });
});

test("tabs that make the key at once end with the same one", async (t) => {
  const indexedDB = setUp(t);
  const tabs = [1, 2, 3, 4].map(() => indexedDBStore("race"));
  await Promise.all(tabs.map((store, i) => store.put(`k${i}`, bytes(i), 0)));
  for (let i = 0; i < tabs.length; i++) assert.deepEqual(await indexedDBStore("race").get(`k${i}`), { value: bytes(i), version: 1 });
  assert.equal(indexedDB.kept("ringfork:race", "keys").size, 1);
});

test("a tab that makes the key while another one has written already goes on with that one's", async (t) => {
  setUp(t);
  const { subtle } = crypto;
  const generate = subtle.generateKey;
  t.after(() => (subtle.generateKey = generate));
  const fast = indexedDBStore("overtaken");
  subtle.generateKey = async function (...args) {
    subtle.generateKey = generate;
    await fast.put("account", bytes(1), 0); // between the slow tab's look for a key and for entries to wrap
    return generate.apply(subtle, args);
  };
  assert.deepEqual(await indexedDBStore("overtaken").get("account"), { value: bytes(1), version: 1 });
  assert.deepEqual(await fast.get("account"), { value: bytes(1), version: 1 });
});

test("a database of format 1 is wrapped when it is opened first, by one tab or many, and its old tabs let it go", async (t) => {
  const indexedDB = setUp(t);
  const old = { account: { value: bytes(1, 2, 3, 4, 5, 6, 7, 8), version: 7 }, contacts: { value: bytes(), version: 2 } };
  await formatOne(indexedDB, "old", old);
  const read = await Promise.all([1, 2, 3].map(() => indexedDBStore("old").get("account")));
  assert.deepEqual(read, [old.account, old.account, old.account]);
  assert.deepEqual(await indexedDBStore("old").get("contacts"), old.contacts);
  const kept = indexedDB.kept("ringfork:old", "entries");
  assert.ok(!shows(kept.get("account"), old.account.value));
  assert.deepEqual([...kept.values()].map((entry) => "value" in entry), [false, false]);
  await indexedDBStore("old").put("account", bytes(9), 7);
  assert.deepEqual(await indexedDBStore("old").get("account"), { value: bytes(9), version: 8 });
});

test("a write that is interrupted loses nothing, the first one and the upgrade neither", async (t) => {
  const indexedDB = setUp(t);
  const old = { account: { value: bytes(1), version: 1 }, seen: { value: bytes(2), version: 3 } };
  await formatOne(indexedDB, "torn", old);
  const interrupt = () => (indexedDB.sabotage = (_, mode) => mode === "readwrite" && new DOMException("full", "QuotaExceededError"));
  interrupt();
  const store = indexedDBStore("torn");
  await assert.rejects(store.get("account"), { code: "store-failed" });
  assert.deepEqual(Object.fromEntries(indexedDB.kept("ringfork:torn", "entries")), old);
  assert.equal(indexedDB.kept("ringfork:torn", "keys").size, 0);
  indexedDB.sabotage = null;
  assert.deepEqual(await store.get("account"), old.account);

  interrupt();
  await assert.rejects(store.put("account", bytes(5), 1), ({ code, cause }) => code === "store-failed" && cause.name === "QuotaExceededError");
  indexedDB.sabotage = null;
  assert.deepEqual(await store.get("account"), old.account);
  await store.put("account", bytes(5), 1);
  assert.deepEqual(await store.get("account"), { value: bytes(5), version: 2 });
});

test("a database of a newer version is left alone", async (t) => {
  const indexedDB = setUp(t);
  await indexedDBStore("newer").put("k", bytes(1), 0);
  indexedDB.kept("ringfork:newer", "about").set("format", 3);
  await assert.rejects(indexedDBStore("newer").get("k"), { code: "store-newer" });
  indexedDB.databases.get("ringfork:newer").version = 3;
  await assert.rejects(indexedDBStore("newer").put("k", bytes(2), 1), { code: "store-newer" });
});

test("a key that is gone is an error, not a new account", async (t) => {
  const indexedDB = setUp(t);
  await indexedDBStore("keyless").put("k", bytes(1), 0);
  indexedDB.kept("ringfork:keyless", "keys").clear();
  await assert.rejects(indexedDBStore("keyless").get("k"), ({ code, message }) => code === "store-failed" && /key/.test(message));
  assert.equal(indexedDB.kept("ringfork:keyless", "keys").size, 0);
});

test("a browser that keeps no keys keeps a new profile in memory, and gives up none that is there", async (t) => {
  const indexedDB = setUp(t);
  const warnings = t.mock.method(console, "warn", () => {});
  const clone = globalThis.structuredClone;
  const refusing = (value) => {
    if (value instanceof CryptoKey) throw new DOMException("no", "DataCloneError");
    return clone(value);
  };
  stubGlobals(t, { structuredClone: refusing });
  const store = indexedDBStore("private");
  await store.put("k", bytes(1), 0);
  assert.deepEqual(await store.get("k"), { value: bytes(1), version: 1 });
  assert.deepEqual([store.persistent, warnings.mock.callCount()], [false, 1]);
  await formatOne(indexedDB, "public", { account: { value: bytes(1), version: 1 } });
  await assert.rejects(indexedDBStore("public").get("account"), { code: "store-failed" });
});

test("a page that may not use WebCrypto is told why", async (t) => {
  setUp(t);
  stubGlobals(t, { crypto: {} });
  await assert.rejects(indexedDBStore("plain").get("k"), ({ code, message }) => code === "insecure-context" && /https/.test(message));
});

test("without databases the profile lives in memory, and that is said once", async (t) => {
  const warnings = t.mock.method(console, "warn", () => {});
  const store = indexedDBStore("memory");
  await store.put("k", bytes(1), 0);
  assert.deepEqual(await indexedDBStore("memory").get("k"), { value: bytes(1), version: 1 });
  assert.deepEqual([store.persistent, warnings.mock.callCount()], [false, 1]);
  await removeProfile("memory");
  assert.equal(await indexedDBStore("memory").get("k"), null);
});

test("a profile is removed, key and all", async (t) => {
  const indexedDB = setUp(t);
  const store = indexedDBStore("gone");
  await store.put("k", bytes(1), 0);
  await removeProfile("gone");
  assert.equal(indexedDB.databases.size, 0);
  assert.equal(await store.get("k"), null, "an open one begins anew");
  await assert.rejects(removeProfile(""), { code: "bad-argument" });
});

test("a lock has one holder at a time, in order, also without Web Locks", async (t) => {
  stubGlobals(t, { navigator: {} });
  const store = indexedDBStore("locks");
  const order = [];
  const first = await store.lock("a");
  const waiting = [1, 2].map((n) =>
    store.lock("a").then((unlock) => {
      order.push(n);
      return unlock;
    }),
  );
  (await store.lock("b"))();
  await settle();
  assert.deepEqual(order, []);
  first();
  (await waiting[0])();
  (await waiting[1])();
  assert.deepEqual(order, [1, 2]);
});

test("locks carry the profile's name, and are given back", async (t) => {
  const held = new Map();
  const locks = {
    request(name, hold) {
      held.set(name, hold());
      return held.get(name);
    },
  };
  stubGlobals(t, { navigator: { locks } });
  const unlock = await indexedDBStore("alice").lock("account");
  assert.deepEqual([...held.keys()], ["ringfork:alice:account"]);
  unlock();
  await held.get("ringfork:alice:account");
});

test("a page that may not use Web Locks gets the other kind", async (t) => {
  stubGlobals(t, { navigator: { locks: { request: () => Promise.reject(new DOMException("no", "SecurityError")) } } });
  (await indexedDBStore("alice").lock("account"))();
});

test("a database that cannot be opened is an error, not a new account; one that may not be is replaced", async (t) => {
  t.mock.method(console, "warn", () => {});
  let name = "UnknownError";
  const open = () => {
    const request = { error: new DOMException("no", name) };
    queueMicrotask(() => request.onerror());
    return request;
  };
  stubGlobals(t, { indexedDB: { open } });
  const store = indexedDBStore("broken");
  await assert.rejects(store.get("k"), { code: "store-failed" });
  name = "SecurityError";
  assert.equal(await store.get("k"), null);
});

test("a closed store says so", async () => {
  const store = indexedDBStore("closing");
  store.close();
  store.close();
  await assert.rejects(store.get("k"), { code: "closed" });
});
