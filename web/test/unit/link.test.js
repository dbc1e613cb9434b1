// A new device that waits to be linked.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Link, RingforkError, requestLink } from "../../ringfork.js";
import { requestLinkOn } from "../../ringfork/link.js";
import { WasmInstance } from "../../ringfork/wasm.js";
import { FakeRaw, coded, settle } from "./fakes.js";
import { stubStore, stubTransport } from "./setup.js";

/** A link that waits, and what it gave back. */
async function setUp(options = {}) {
  const raw = new FakeRaw();
  const instance = new WasmInstance(raw.api);
  const given = [];
  const link = await requestLinkOn(async () => instance, {
    transport: { ...stubTransport(), close: () => given.push("transport") },
    store: { ...stubStore(), lock: async (name) => () => given.push(name) },
    ...options,
  });
  return { link, raw, instance, given };
}

test("a link shows itself, then the short code, then is done", async () => {
  const { link, raw, given } = await setUp({ label: "Phone" });
  assert.ok(link instanceof Link);
  assert.deepEqual([link.code, link.qr, raw.options.label], ["https://example.org/#link=x", "<svg/>", "Phone"]);
  assert.deepEqual(Object.keys(raw.options).sort(), ["invitation", "label", "store", "transport"]);
  assert.equal(raw.options.invitation, "");
  await raw.options.store.lock("account");
  raw.link.read("123 456");
  assert.equal(await link.confirm, "123 456");
  assert.deepEqual(given, []);
  raw.link.finish();
  assert.equal(await link.done, undefined);
  await settle();
  assert.deepEqual(given, ["transport", "account"]);
  link.cancel();
  assert.equal(raw.link.cancelled, 0, "what is done stays done");
});

test("an invitation is read", async () => {
  const { raw } = await setUp({ invitation: "https://example.org/#join=x" });
  assert.equal(raw.options.invitation, "https://example.org/#join=x");
});

test("what is wrong is refused before anything is loaded", async () => {
  for (const options of [{ profile: "" }, { invitation: "" }, { invitation: new URL("https://example.org/#join=x") }, { label: "x".repeat(65) }, { transport: {} }, { store: {} }]) {
    await assert.rejects(requestLink(options), { code: "bad-argument" });
  }
  await assert.rejects(requestLink({ signal: AbortSignal.abort("no") }), { code: "aborted", cause: "no" });
});

test("a link that cannot be made gives everything back", async () => {
  const raw = new FakeRaw();
  raw.fails.requestLink = coded("wrong-state");
  let closed = 0;
  const transport = { ...stubTransport(), close: () => closed++ };
  await assert.rejects(requestLinkOn(async () => new WasmInstance(raw.api), { transport, store: stubStore() }), { code: "wrong-state" });
  assert.equal(closed, 1);
});

for (const [how, fail, code] of [
  ["is rejected", ({ raw }) => (raw.link.refuse(coded("link-rejected")), raw.link.fail(coded("link-rejected"))), "link-rejected"],
  ["fails at its end only", ({ raw }) => raw.link.fail(coded("link-expired")), "link-expired"],
  ["fails before its code only", ({ raw }) => raw.link.refuse(coded("relay-unreachable")), "relay-unreachable"],
  ["is cancelled", ({ link }) => link.cancel(), "aborted"],
  ["loses its Wasm", ({ instance }) => instance.crash(new RingforkError("crashed")), "crashed"],
]) {
  test(`a link that ${how}: both promises say so, nothing stays open, no alarm`, async () => {
    const alarms = [];
    const note = (reason) => alarms.push(reason);
    process.on("unhandledRejection", note);
    const all = await setUp();
    fail(all);
    fail(all); // once more changes nothing
    await settle();
    await settle();
    process.off("unhandledRejection", note);
    assert.deepEqual(alarms, []);
    await assert.rejects(all.link.confirm, { code });
    await assert.rejects(all.link.done, { code });
    assert.deepEqual(all.given, ["transport"]);
    assert.equal(all.raw.link.cancelled, code === "aborted" ? 1 : 0);
  });
}

test("the signal cancels a link, made or being made", async () => {
  const controller = new AbortController();
  const { link, raw } = await setUp({ signal: controller.signal });
  controller.abort("enough");
  await assert.rejects(link.done, { code: "aborted", cause: "enough" });
  assert.equal(raw.link.cancelled, 1);

  const slow = new FakeRaw();
  const during = new AbortController();
  const making = requestLinkOn(async () => new WasmInstance(slow.api), { transport: stubTransport(), store: stubStore(), signal: during.signal });
  await null;
  during.abort();
  await assert.rejects(making, { code: "aborted" });
  await settle();
  assert.ok(slow.link === null || slow.link.cancelled === 1, "the late link stays open");
});
