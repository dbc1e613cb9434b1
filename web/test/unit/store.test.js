// Without IndexedDB, as in Node: what stands in for it. The database itself is tested in a browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { indexedDBStore } from "../../ringfork/store.js";
import { settle, stubGlobals } from "./fakes.js";

const bytes = (...values) => Uint8Array.from(values);

test("a put replaces exactly the version it names", async (t) => {
  const warnings = t.mock.method(console, "warn", () => {});
  const store = indexedDBStore("versions");
  assert.equal(await store.get("k"), null);
  const value = bytes(1);
  await store.put("k", value, 0);
  value[0] = 9; // the store has its own copy
  assert.deepEqual(await store.get("k"), { value: bytes(1), version: 1 });
  await assert.rejects(store.put("k", bytes(2), 0), { code: "store-conflict" });
  await store.put("k", bytes(2), 1);
  assert.deepEqual(await indexedDBStore("versions").get("k"), { value: bytes(2), version: 2 });
  assert.equal(await indexedDBStore("another").get("k"), null);
  assert.equal(warnings.mock.callCount(), 2, "one warning a profile");
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
