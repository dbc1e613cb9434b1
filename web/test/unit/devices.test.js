// The account's own devices, its backup, and what opens it elsewhere.
import assert from "node:assert/strict";
import { test } from "node:test";

import { OwnDevicesEvent } from "../../ringfork.js";
import { openPhoneOn } from "../../ringfork/opening.js";
import { WasmInstance } from "../../ringfork/wasm.js";
import { FakeRaw, coded, settle } from "./fakes.js";
import { listen, setUp, stubStore, stubTransport } from "./setup.js";

test("the devices, and that they changed", async (t) => {
  const { phone, raw, told } = await setUp(t);
  assert.deepEqual(phone.devices, [
    { id: "d1", label: "Laptop", kind: "device", current: true, addedAt: new Date(1_700_000_000_000) },
  ]);
  const before = phone.devices;
  raw.options.emit({ type: "devices", name: raw.name, card: raw.card }); // nothing changed
  raw.own = [...raw.own, { id: "k1", label: "", kind: "login", current: false, addedAt: 1 }];
  raw.options.emit({ type: "devices", name: raw.name, card: raw.card });
  await settle();
  assert.deepEqual(told.types(), ["devices"]);
  assert.ok(told[0] instanceof OwnDevicesEvent);
  assert.equal(told[0].devices, phone.devices);
  assert.notEqual(phone.devices, before);
  assert.equal(phone.devices[1].kind, "login");
});

test("another name of the account is told, too", async (t) => {
  const { phone, raw, told } = await setUp(t);
  assert.equal(phone.name, "Alice");
  raw.options.emit({ type: "devices", name: "Alice L.", card: raw.card });
  raw.options.emit({ type: "devices", name: "Alice L.", card: raw.card });
  await settle();
  assert.deepEqual([phone.name, told.types()], ["Alice L.", ["devices"]]);
});

test("revoke takes a device or its id", async (t) => {
  const { phone, raw, told } = await setUp(t);
  raw.own = [...raw.own, { id: "d2", label: "Phone", kind: "device", current: false, addedAt: 1 }];
  raw.options.emit({ type: "devices", name: raw.name, card: raw.card });
  await settle();
  assert.equal(await phone.revoke(phone.devices[1]), undefined);
  assert.deepEqual(raw.asked.at(-1), ["revoke", "d2"]);
  assert.deepEqual([phone.devices.length, told.types()], [1, ["devices", "devices"]]);
  raw.fails.revoke = coded("unknown-device");
  await assert.rejects(phone.revoke("d2"), { code: "unknown-device" });
  await assert.rejects(phone.revoke(), { code: "bad-argument" });
});

test("a link is approved once both show the same code", async (t) => {
  const { phone, raw, told } = await setUp(t);
  const approval = await phone.approveLink("https://example.org/#link=x");
  assert.deepEqual(raw.asked, [["approveLink", "https://example.org/#link=x"]]);
  assert.deepEqual([approval.confirm, approval.label], ["123 456", "Phone"]);
  assert.equal(await approval.approve(), undefined);
  assert.deepEqual([raw.asked.at(-1), phone.devices.length, told.types()], [["approve"], 2, ["devices"]]);
});

test("a link is rejected, or is none", async (t) => {
  const { phone, raw, told } = await setUp(t);
  const { approve, reject } = await phone.approveLink("code");
  await reject();
  assert.deepEqual([raw.asked.at(-1), told.types()], [["reject"], []]);
  raw.fails.approve = coded("link-expired");
  await assert.rejects(approve(), { code: "link-expired" });
  raw.fails.approveLink = coded("bad-link");
  await assert.rejects(phone.approveLink("junk"), { code: "bad-link" });
  for (const code of ["", undefined, {}]) await assert.rejects(phone.approveLink(code), { code: "bad-argument" });
  await phone.close();
  await assert.rejects(approve(), { code: "closed" });
});

test("a device that has read the link asks, and is approved", async (t) => {
  const { phone, raw, told } = await setUp(t);
  const invitation = await phone.inviteDevice();
  assert.deepEqual([invitation.code, invitation.qr], ["https://example.org/#join=x", "<svg/>"]);
  raw.invitation.read(await raw.approveLink("code"));
  const approval = await invitation.asking;
  assert.deepEqual([approval.confirm, approval.label], ["123 456", "Phone"]);
  invitation.cancel();
  assert.equal(raw.invitation.cancelled, 0, "who has asked is answered");
  await approval.approve();
  assert.deepEqual([raw.asked.at(-1), phone.devices.length, told.types()], [["approve"], 2, ["devices"]]);
});

test("a link that is shown is taken back, expires, ends with the phone: no alarm", async (t) => {
  const alarms = [];
  const note = (reason) => alarms.push(reason);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  const { phone, raw } = await setUp(t);
  const cancelled = await phone.inviteDevice();
  cancelled.cancel();
  cancelled.cancel();
  await settle();
  assert.equal(raw.invitation.cancelled, 1);
  await assert.rejects(cancelled.asking, { code: "aborted" });

  const late = await phone.inviteDevice();
  raw.invitation.read(await raw.approveLink("code")); // just before it is taken back
  late.cancel();
  await assert.rejects(late.asking, { code: "aborted" });
  await settle();
  assert.deepEqual(raw.asked.at(-1), ["reject"]);

  const expired = await phone.inviteDevice();
  raw.invitation.fail(coded("link-expired"));
  await assert.rejects(expired.asking, { code: "link-expired" });

  const open = await phone.inviteDevice();
  raw.invitation.fail(coded("closed"));
  await phone.close();
  await assert.rejects(open.asking, { code: "closed" });
  await assert.rejects(phone.inviteDevice(), { code: "closed" });
  await settle();
  assert.deepEqual(alarms, []);
});

test("a backup needs a passphrase", async (t) => {
  const { phone, raw } = await setUp(t);
  assert.match(await phone.backup("correct horse"), /BEGIN/);
  assert.deepEqual(raw.asked.at(-1), ["backup", "correct horse"]);
  for (const passphrase of ["", undefined, 5]) await assert.rejects(phone.backup(passphrase), { code: "bad-argument" });
});

test("secret, backup and passphrase reach the Wasm, the secret as a copy", async (t) => {
  const secret = new Uint8Array(32).fill(7);
  const { raw } = await setUp(t, { secret, restore: "a backup", passphrase: "correct horse" });
  assert.deepEqual(raw.options.secret, secret);
  assert.notEqual(raw.options.secret, secret);
  assert.deepEqual([raw.options.restore, raw.options.passphrase], ["a backup", "correct horse"]);
});

test("what a profile refuses to open with has its code", async () => {
  for (const code of ["wrong-secret", "bad-backup", "bad-passphrase", "revoked", "store-newer"]) {
    const raw = new FakeRaw();
    raw.fails.open = coded(code);
    const opening = openPhoneOn(async () => new WasmInstance(raw.api), { transport: stubTransport(), store: stubStore() });
    await assert.rejects(opening, { code });
  }
});

test("a device that is revoked ends: calls, media, promises, once", async (t) => {
  const { phone, raw, devices, told, closed } = await setUp(t);
  const call = await phone.call("bob");
  const ended = listen(call, ["ended"]);
  await raw.options.store.lock("a");
  raw.addContact = () => new Promise(() => {});
  raw.options.emit({ type: "gone", reason: "revoked" });
  raw.options.emit({ type: "gone", reason: "revoked" });
  await settle();
  assert.deepEqual([devices.live, call.state, ended.length], [0, "ended", 1]);
  assert.deepEqual(told.types(), ["closed"]);
  assert.deepEqual([told[0].reason, told[0].error.code], ["revoked", "revoked"]);
  assert.equal(raw.asked.filter(([name]) => name === "close").length, 1);
  assert.deepEqual(closed, ["transport", "lock a"]);
  await assert.rejects(phone.call("bob"), { code: "revoked" });
  await phone.close();
});

test("whether the profile outlives the page is up to its store", async (t) => {
  assert.equal((await setUp(t)).phone.persistent, true);
  const store = { ...stubStore(), persistent: false };
  assert.equal((await setUp(t, { store })).phone.persistent, false);
});
