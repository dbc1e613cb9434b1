// Contacts and whether they are who they seem to be, requests, those blocked.
import assert from "node:assert/strict";
import { test } from "node:test";

import { WarningEvent } from "../../ringfork.js";
import { coded, settle } from "./fakes.js";
import { ringing, setUp } from "./setup.js";

const dave = { id: "dave", name: "Dave", card: "rf1dave" };

/** The other tabs of the profile. */
function otherTab(t, phone) {
  const channel = new BroadcastChannel(`ringfork:${phone.account}`);
  t.after(() => channel.close());
  const heard = [];
  channel.onmessage = ({ data }) => heard.push(data);
  return { channel, heard };
}

/** What passes between tabs takes its time. */
async function until(condition) {
  for (let i = 0; i < 4000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(condition());
}

test("verify and unverify: the list is new, the other tabs are told", async (t) => {
  const { phone, raw, told } = await setUp(t);
  t.after(raw.options.siblings.start(phone.account, () => {}));
  const { heard } = otherTab(t, phone);
  assert.equal(await phone.verify("bob"), undefined);
  assert.deepEqual(raw.asked.at(-1), ["verify", "bob", true]);
  assert.equal(phone.contacts[0].verified, true);
  assert.deepEqual(told.types(), ["contacts"]);
  assert.deepEqual([told[0].contacts, told[0].blocked], [phone.contacts, []]);
  await phone.unverify(phone.contacts[0]);
  assert.deepEqual([raw.asked.at(-1), phone.contacts[0].verified], [["verify", "bob", false], false]);
  await until(() => heard.length === 2);
});

test("verify with what was scanned leaves the comparison to the Wasm", async (t) => {
  const { phone, raw } = await setUp(t);
  await phone.verify("bob", { scanned: "safety:bob" });
  assert.deepEqual(raw.asked.at(-1), ["verifyScanned", "bob", "safety:bob"]);
  await phone.verify("bob", { scanned: "" }).then(assert.fail, ({ code }) => assert.equal(code, "safety-mismatch"));
  assert.ok(raw.asked.every(([name]) => name !== "verify"), "an empty scan is no word of the user's");
  await assert.rejects(phone.verify("bob", { scanned: 5 }), { code: "bad-argument" });
  await assert.rejects(phone.verify(undefined), { code: "bad-argument" });
});

test("the safety number of a contact", async (t) => {
  const { phone, raw } = await setUp(t);
  const number = await phone.safetyNumber(phone.contacts[0]);
  assert.deepEqual(number, { digits: "12345 67890", emoji: "🐢 🌲", qr: "<svg/>", text: "safety:bob" });
  assert.ok(Object.isFrozen(number));
  raw.fails.safetyNumber = coded("unknown-contact");
  await assert.rejects(phone.safetyNumber("nobody"), { code: "unknown-contact" });
  await assert.rejects(phone.safetyNumber({}), { code: "bad-argument" });
});

test("a verified contact's new device is shown with the contact, and in the call", async (t) => {
  const { phone, raw, call, events } = await ringing(t);
  raw.list = [{ id: "bob", name: "Bob", verified: true, newDevice: true }];
  raw.options.emit({ type: "contacts" });
  await settle();
  assert.deepEqual(phone.contacts[0], { id: "bob", name: "Bob", verified: true, newDevice: true });
  assert.equal(call.peer.contact, phone.contacts[0]);
  assert.equal(call.peer.verified, true);
  assert.deepEqual(events.types(), ["state"]);
});

test("a request comes, is accepted, and is a contact", async (t) => {
  const { phone, raw, told } = await setUp(t);
  assert.deepEqual(phone.requests, [dave]);
  raw.asking = [...raw.asking, { id: "erin", name: "Erin", card: "rf1erin" }];
  raw.options.emit({ type: "requests" });
  raw.options.emit({ type: "requests" }); // nothing changed since
  await settle();
  assert.deepEqual(told.types(), ["requests"]);
  assert.equal(told[0].requests, phone.requests);
  assert.deepEqual(phone.requests.map(({ id }) => id), ["dave", "erin"]);

  const contact = await phone.acceptRequest(phone.requests[0], { name: "David" });
  assert.deepEqual(raw.asked.at(-1), ["answerRequest", "dave", "accept", "David"]);
  assert.ok(phone.contacts.includes(contact));
  assert.equal(contact.name, "David");
  assert.deepEqual(told.types(), ["requests", "requests", "contacts"]);

  await phone.acceptRequest("erin");
  assert.deepEqual(raw.asked.at(-1), ["answerRequest", "erin", "accept", ""]);
  assert.deepEqual(phone.requests, []);
  await assert.rejects(phone.acceptRequest("erin"), { code: "unknown-request" });
  await assert.rejects(phone.acceptRequest(dave, { name: 5 }), { code: "bad-argument" });
  await assert.rejects(phone.acceptRequest(null), { code: "bad-argument" });
});

test("a request is declined", async (t) => {
  const { phone, raw, told } = await setUp(t);
  assert.equal(await phone.declineRequest(dave), undefined);
  assert.deepEqual(raw.asked.at(-1), ["answerRequest", "dave", "decline", ""]);
  assert.deepEqual([phone.requests, told.types()], [[], ["requests"]]);
  await assert.rejects(phone.declineRequest("dave"), { code: "unknown-request" });
});

test("block and unblock, of a contact and of one who asks", async (t) => {
  const { phone, raw, told } = await setUp(t);
  assert.deepEqual(phone.blocked, []);
  await phone.block(phone.contacts[0]);
  assert.deepEqual([phone.contacts, phone.blocked], [[], [{ id: "bob", name: "Bob" }]]);
  assert.deepEqual([told.types(), told[0].blocked], [["contacts"], phone.blocked]);
  await phone.block("dave");
  assert.deepEqual([phone.requests, phone.blocked.length], [[], 2]);
  assert.deepEqual(told.types(), ["contacts", "requests", "contacts"]);
  await phone.unblock(phone.blocked[0]);
  assert.deepEqual(raw.asked.at(-1), ["unblock", "bob"]);
  assert.deepEqual(phone.blocked, [{ id: "dave", name: "Dave" }]);
  assert.equal(told.at(-1).type, "contacts");
  await assert.rejects(phone.block(), { code: "bad-argument" });
  await assert.rejects(phone.unblock(""), { code: "bad-argument" });
});

test("a warning names the contact it is about", async (t) => {
  const { phone, raw, told } = await setUp(t);
  raw.options.emit({ type: "warning", code: "log-forked", contact: "bob" });
  raw.options.emit({ type: "warning", code: "slot-stale", contact: "" });
  await settle();
  assert.ok(told[0] instanceof WarningEvent);
  assert.deepEqual(
    told.map(({ code, contact }) => [code, contact]),
    [
      ["log-forked", phone.contacts[0]],
      ["slot-stale", null],
    ],
  );
});

test("another tab's word makes this one read what is stored", async (t) => {
  const { phone, raw } = await setUp(t);
  t.after(raw.options.siblings.start(phone.account, () => {}));
  otherTab(t, phone).channel.postMessage("contacts");
  await until(() => raw.asked.some(([name]) => name === "refresh"));
});

test("what fails changes nothing and tells nobody", async (t) => {
  const { phone, raw, told } = await setUp(t);
  for (const [name, act] of Object.entries({
    verify: () => phone.verify("bob"),
    answerRequest: () => phone.acceptRequest("dave"),
    block: () => phone.block("bob"),
    unblock: () => phone.unblock("bob"),
  })) {
    raw.fails[name] = coded("store-failed");
    await assert.rejects(act(), { code: "store-failed" });
  }
  assert.deepEqual([told.types(), phone.contacts.length, phone.requests.length], [[], 1, 1]);
  await phone.close();
  for (const act of [() => phone.verify("bob"), () => phone.declineRequest("dave"), () => phone.safetyNumber("bob")]) {
    await assert.rejects(act(), { code: "closed" });
  }
});
