import assert from "node:assert/strict";
import { test } from "node:test";

test("importing the module reads no browser global", async (t) => {
  const names = [
    "window",
    "self",
    "document",
    "navigator",
    "location",
    "indexedDB",
    "localStorage",
    "fetch",
    "WebSocket",
    "WebAssembly",
    "RTCPeerConnection",
    "MediaStream",
    "BroadcastChannel",
    "crypto",
    "addEventListener",
    "Go",
    "fs",
  ];
  const own = () => Object.getOwnPropertyNames(globalThis); // Node's own fetch adds symbols, in some versions when it is looked at
  const before = own();
  const read = [];
  const saved = new Map(names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));
  for (const name of names)
    Object.defineProperty(globalThis, name, { configurable: true, get: () => void read.push(name) });
  t.after(() => saved.forEach((descriptor, name) => descriptor && Object.defineProperty(globalThis, name, descriptor)));

  const ringfork = await import("../../ringfork.js");

  for (const name of names) delete globalThis[name];
  saved.forEach((descriptor, name) => descriptor && Object.defineProperty(globalThis, name, descriptor));
  assert.deepEqual(read, []);
  assert.deepEqual(own().filter((name) => !before.includes(name)), [], "globals were added");
  assert.equal(typeof ringfork.openPhone, "function");
});

test("a server that opens a phone is told that it is no browser", async () => {
  const { openPhone, RingforkError } = await import("../../ringfork.js");
  await assert.rejects(openPhone(), (error) => error instanceof RingforkError && error.code === "unsupported-browser");
});
