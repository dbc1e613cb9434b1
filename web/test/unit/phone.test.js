import assert from "node:assert/strict";
import { test } from "node:test";

import { openPhone } from "../../ringfork.js";
import { openPhoneOn } from "../../ringfork/opening.js";
import { Phone } from "../../ringfork/phone.js";
import { WasmInstance } from "../../ringfork/wasm.js";
import { FakeConnection, FakeRaw, FakeStream, coded, settle, snapshot, stubGlobals } from "./fakes.js";
import { listen, ringing, setUp, stubStore, stubTransport } from "./setup.js";

test("a phone shows its account, and nobody but openPhone gets the Wasm's options wrong", async (t) => {
  const { phone, raw } = await setUp(t, { name: "Alice", iceTransportPolicy: "relay", ringSeconds: 30 });
  assert.ok(phone instanceof Phone);
  assert.deepEqual([phone.account, phone.card, phone.state], ["alice", raw.card, "online"]);
  assert.deepEqual(phone.contacts, [{ id: "bob", name: "Bob", verified: false, newDevice: false }]);
  const { profile, name, label, secret, restore, passphrase } = raw.options;
  const { incoming, preconnect, ringSeconds, relayOnly, transport } = raw.options;
  assert.deepEqual(
    { profile, name, label, secret, restore, passphrase, incoming, preconnect, ringSeconds, relayOnly },
    {
      profile: "default",
      name: "Alice",
      label: "",
      secret: null,
      restore: "",
      passphrase: "",
      incoming: "contacts",
      preconnect: "contacts",
      ringSeconds: 30,
      relayOnly: true,
    },
  );
  assert.equal(transport.origin, "https://relay.example");
  assert.deepEqual(raw.options.iceServers(), [{ urls: "stun:relay.example" }]);
});

test("options of the wrong shape are refused", async () => {
  for (const options of [
    { profile: "" },
    { profile: 5 },
    { name: "x".repeat(65) },
    { secret: new Uint8Array(31) },
    { secret: new Array(32).fill(0) },
    { secret: "0".repeat(32) },
    { restore: "" },
    { restore: "text" },
    { restore: "text", passphrase: "" },
    { passphrase: "open sesame" },
    { incoming: "nobody" },
    { preconnect: true },
    { ringSeconds: 5 },
    { iceTransportPolicy: "none" },
    { iceServers: {} },
    { transport: {} },
    { store: {} },
  ]) {
    await assert.rejects(openPhone(options), { code: "bad-argument" }, JSON.stringify(options));
  }
});

test("events that come while it opens wait for those who await it", async (t) => {
  stubGlobals(t, { RTCPeerConnection: FakeConnection, MediaStream: FakeStream });
  const raw = new FakeRaw();
  const { api } = raw;
  const instance = new WasmInstance({
    open: (options) => {
      options.emit({ type: "state", state: "online" });
      options.emit({ type: "incoming", call: snapshot() });
      return api.open(options);
    },
  });
  const phone = await openPhoneOn(async () => instance, { transport: stubTransport(), store: stubStore() });
  const told = listen(phone, ["incoming", "state"]);
  await new Promise((resolve) => phone.addEventListener("incoming", resolve));
  assert.deepEqual(told.types(), ["state", "incoming"]);
  await phone.close();
});

test("an incoming call mirrors what the Wasm says, and tells each change once", async (t) => {
  const { phone, raw, call, events } = await ringing(t);
  assert.deepEqual(
    [call.id, call.direction, call.state, call.endReason, call.answeredBy, call.waiting],
    ["c1", "incoming", "ringing", null, null, false],
  );
  assert.equal(call.peer.contact, phone.contacts[0]);
  assert.deepEqual([call.peer.claimedName, call.peer.card], ["Bobby", null]);
  assert.deepEqual([call.localStream, call.remoteStream], [null, null]);
  assert.deepEqual(phone.calls, [call]);

  raw.tell("call", snapshot());
  await settle();
  assert.deepEqual(events.types(), []);
  raw.tell("call", snapshot({ waiting: true }));
  raw.tell("call", snapshot({ waiting: true, devices: [{ label: "Phone", state: "ringing" }] }));
  raw.tell("call", snapshot({ state: "ended", endReason: "answered-elsewhere", answeredBy: "Phone" }));
  raw.tell("call", snapshot({ state: "ringing" })); // late
  await settle();
  assert.deepEqual(events.types(), ["state", "devices", "state", "ended"]);
  assert.deepEqual(events[1].devices, [{ label: "Phone", state: "ringing" }]);
  assert.deepEqual([events[2].state, events[2].previous], ["ended", "ringing"]);
  assert.deepEqual(
    [events[3].reason, events[3].answeredBy, call.endReason, call.answeredBy],
    ["answered-elsewhere", "Phone", "answered-elsewhere", "Phone"],
  );
  assert.deepEqual(phone.calls, []);
});

test("before accept nothing is opened and nothing is sent", async (t) => {
  const { raw, call, devices } = await ringing(t);
  assert.deepEqual(devices.asked, []);
  await assert.rejects(call.unmute("video"), { code: "wrong-state" });
  await assert.rejects(call.mute("microphone"), { code: "bad-argument" });
  assert.deepEqual(raw.asked, []);
});

test("accept asks for the microphone at once and resolves when the call is active", async (t) => {
  const { raw, call, devices, events } = await ringing(t);
  const accepting = call.accept({ audio: true, video: true });
  assert.equal(call.accept(), accepting);
  assert.deepEqual(raw.asked, [["accept", "c1", { audio: true, video: true }]]);
  const connection = new FakeConnection();
  raw.options.media.attach("c1", connection);
  await settle();
  assert.deepEqual(devices.asked, ["audio+video"]);
  assert.deepEqual(connection.sent, [...devices.tracks, null]);
  assert.deepEqual(call.local, { audio: true, video: true, screen: false });

  raw.tell("call", snapshot({ state: "connecting" }));
  raw.options.media.show("c1", connection);
  raw.tell("call", snapshot({ state: "active", remote: { audio: true, video: false, screen: false } }));
  await accepting;
  assert.equal(call.state, "active");
  assert.equal(call.remoteStream.getTracks().length, 1);
  assert.deepEqual(call.remote, { audio: true, video: false, screen: false });
  assert.deepEqual(new Set(events.types()), new Set(["localmedia", "state", "remotemedia"]));

  await call.mute("video");
  assert.deepEqual(raw.asked.at(-1), ["setMedia", "c1", { audio: true, video: false, screen: false }]);
  const local = call.localStream;
  raw.options.media.detach("c1");
  raw.tell("call", snapshot({ state: "ended", endReason: "hangup" }));
  await settle();
  assert.equal(devices.live, 0);
  assert.deepEqual([call.localStream, call.remoteStream, local.getTracks()], [null, null, []]);
});

test("the one who lost gets call-ended, and its microphone is closed", async (t) => {
  const { raw, call, devices } = await ringing(t);
  const accepting = call.accept();
  await settle();
  assert.equal(devices.live, 1);
  raw.tell("call", snapshot({ state: "ended", endReason: "answered-elsewhere" }));
  await assert.rejects(accepting, { code: "call-ended" });
  assert.equal(devices.live, 0);
  await assert.rejects(call.mute("audio"), { code: "call-ended" });
  await call.hangUp();
  await call.decline();
});

test("where a call was answered is told of a call that is over", async (t) => {
  const { raw, call, phone } = await ringing(t);
  const states = [];
  call.addEventListener("state", () => states.push([call.state, call.answeredBy]));
  raw.tell("call", snapshot({ state: "ended", endReason: "answered-elsewhere" }));
  await settle();
  assert.deepEqual([phone.calls, states], [[], [["ended", null]]]);
  raw.tell("call", snapshot({ state: "ended", endReason: "answered-elsewhere", answeredBy: "Phone" }));
  await settle();
  assert.deepEqual([phone.calls, states.at(-1), call.answeredBy], [[], ["ended", "Phone"], "Phone"]);
});

test("an accept that nobody awaits raises no alarm", async (t) => {
  const { raw, call } = await ringing(t);
  const alarms = [];
  const note = (reason) => alarms.push(reason);
  process.on("unhandledRejection", note);
  call.accept();
  raw.tell("call", snapshot({ state: "ended", endReason: "lost" }));
  await settle();
  await settle();
  process.off("unhandledRejection", note);
  assert.deepEqual(alarms, []);
});

test("an accept that the Wasm refuses opens no device and can be tried again", async (t) => {
  const { raw, call, devices } = await ringing(t);
  raw.fails.accept = coded("wrong-state");
  await assert.rejects(call.accept(), { code: "wrong-state" });
  await settle();
  assert.deepEqual(devices.asked, []);
  raw.fails = {};
  call.accept();
  assert.equal(raw.asked.length, 2);
});

test("decline and hangUp of a ringing call", async (t) => {
  const { raw, call } = await ringing(t);
  const declined = call.decline({ everywhere: false });
  const hungUp = call.hangUp();
  assert.deepEqual(raw.asked, [
    ["decline", "c1", false],
    ["decline", "c1", true],
  ]);
  raw.tell("call", snapshot({ state: "ended", endReason: "declined" }));
  await Promise.all([declined, hungUp]);
  assert.equal(call.endReason, "declined");
});

test("call rings at once, resolves with its media settled, and says what is missing", async (t) => {
  const { phone, raw, devices } = await setUp(t);
  devices.video = "NotFoundError";
  const calling = phone.call("bob", { video: true });
  assert.deepEqual(raw.asked, [["dial", "bob", { audio: true, video: true }]]);
  assert.equal(devices.tracks.length, 0);
  const call = await calling;
  assert.deepEqual([call.state, call.direction, call.peer.name], ["dialing", "outgoing", "Bob"]);
  assert.deepEqual(
    call.mediaErrors.map(({ kind, code }) => [kind, code]),
    [["video", "media-missing"]],
  );
  assert.deepEqual(raw.asked.at(-1), ["setMedia", "c1", { audio: true, video: false, screen: false }]);

  raw.tell(
    "call",
    snapshot({ direction: "outgoing", state: "ringing", devices: [{ label: "Phone", state: "ringing" }] }),
  );
  await settle();
  assert.equal(call.state, "ringing");
  const hungUp = call.hangUp();
  assert.equal(devices.live, 0, "the microphone waits for the goodbye");
  assert.deepEqual(raw.asked.at(-1), ["hangUp", "c1"]);
  raw.tell("call", snapshot({ direction: "outgoing", state: "ended", endReason: "cancelled" }));
  await hungUp;
  assert.equal(call.endReason, "cancelled");
});

test("a call that cannot be dialed opens nothing", async (t) => {
  const { phone, raw, devices } = await setUp(t);
  raw.fails.dial = coded("unknown-contact");
  await assert.rejects(phone.call("nobody"), { code: "unknown-contact" });
  await assert.rejects(phone.call(undefined), { code: "bad-argument" });
  await assert.rejects(phone.call("bob", { stream: {} }), { code: "bad-argument" });
  await assert.rejects(phone.call("bob", { audio: "yes" }), { code: "bad-argument" });
  await settle();
  assert.deepEqual(devices.asked, []);
});

test("one call at a time: another one is not dialed and opens nothing, unless the first is being hung up", async (t) => {
  const { phone, raw, devices } = await setUp(t);
  const busy = async () => {
    const dialed = () => raw.asked.filter(([name]) => name === "dial").length;
    const before = dialed();
    await assert.rejects(phone.call("bob"), { code: "too-many-calls" });
    assert.deepEqual([dialed(), devices.asked.length], [before, 1]);
  };
  raw.tell("incoming", snapshot({ id: "c2" }));
  await settle();
  const [incoming] = phone.calls; // one that only rings is in nobody's way
  const call = await phone.call("bob");
  for (const state of ["dialing", "ringing", "connecting", "active", "reconnecting"]) {
    raw.tell("call", snapshot({ direction: "outgoing", state }));
    await settle();
    await busy();
  }
  const hungUp = call.hangUp();
  raw.dialed = "c3";
  const calling = phone.call("bob");
  assert.deepEqual(raw.asked.slice(-2).map(([name]) => name), ["hangUp", "dial"]);
  raw.tell("call", snapshot({ direction: "outgoing", state: "ended", endReason: "hangup" }));
  raw.tell("call", snapshot({ id: "c3", direction: "outgoing", state: "ended", endReason: "declined" }));
  await Promise.all([hungUp, calling]);
  devices.asked.length = 0;
  const accepting = incoming.accept();
  await busy(); // not even before the Wasm told of it
  raw.tell("call", snapshot({ id: "c2", state: "active" }));
  await accepting;
});

test("a call that ends while the prompt is open resolves, and closes what opens late", async (t) => {
  const { phone, raw, devices } = await setUp(t);
  let open;
  devices.gate = new Promise((resolve) => (open = resolve));
  const calling = phone.call({ id: "bob" });
  raw.tell("call", snapshot({ direction: "outgoing", state: "ended", endReason: "declined" }));
  const call = await calling;
  assert.equal(call.endReason, "declined");
  open();
  await settle();
  assert.equal(devices.live, 0);
});

test("the signal cancels a call until somebody answers", async (t) => {
  const { phone, raw } = await setUp(t);
  const early = new AbortController();
  const calling = phone.call("bob", { signal: early.signal });
  early.abort("enough");
  await assert.rejects(calling, { code: "aborted", cause: "enough" });
  assert.deepEqual(raw.asked.at(-1), ["hangUp", "c1"]);
  raw.tell("call", snapshot({ direction: "outgoing", state: "ended", endReason: "cancelled" }));
  await settle();

  const late = new AbortController();
  const call = await phone.call("bob", { signal: late.signal });
  raw.tell("call", snapshot({ direction: "outgoing", state: "active" }));
  await settle();
  late.abort();
  assert.equal(raw.asked.filter(([name]) => name === "hangUp").length, 1);
  assert.equal(call.state, "active");
  await assert.rejects(phone.call("bob", { signal: AbortSignal.abort() }), { code: "aborted" });
});

test("two that ring each other: the call that was dialed goes on as the other's, media included", async (t) => {
  const { phone, raw, devices, told } = await setUp(t);
  const call = await phone.call("bob");
  raw.tell("call", snapshot({ id: "c2", direction: "incoming", state: "connecting", replaces: "c1" }));
  raw.tell("call", snapshot({ id: "c1", direction: "outgoing", state: "ended", endReason: "replaced" }));
  raw.options.media.detach("c1");
  const connection = new FakeConnection();
  raw.options.media.attach("c2", connection);
  await settle();
  assert.deepEqual([call.id, call.direction, call.state], ["c2", "incoming", "connecting"]);
  assert.deepEqual(told.types(), []);
  assert.equal(connection.sent[0], devices.tracks[0]);
  const hungUp = call.hangUp();
  assert.deepEqual(raw.asked.at(-1), ["hangUp", "c2"]);
  raw.tell("call", snapshot({ id: "c2", state: "ended", endReason: "hangup" }));
  await hungUp;
  assert.deepEqual(phone.calls, []);
});

test("contacts: added, removed, changed elsewhere; the peer of a call follows", async (t) => {
  const { phone, raw, told, call, events } = await ringing(t);
  told.length = 0;
  const carol = await phone.addContact("rf1...", { name: "Carol" });
  assert.deepEqual(raw.asked.at(-1), ["addContact", "rf1...", "Carol"]);
  assert.ok(phone.contacts.includes(carol));
  await phone.removeContact(carol);
  assert.deepEqual(raw.asked.at(-1), ["removeContact", "carol"]);
  raw.options.emit({ type: "contacts" }); // nothing changed since
  await settle();
  assert.deepEqual(told.types(), ["contacts", "contacts"]);
  raw.list = [];
  raw.options.emit({ type: "contacts" });
  await settle();
  assert.deepEqual(phone.contacts, []);
  assert.deepEqual([call.peer.contact, call.peer.name], [null, "Bobby"]);
  assert.deepEqual(events.types(), ["state"]);
  raw.fails.addContact = coded("bad-card");
  await assert.rejects(phone.addContact("junk"), { code: "bad-card" });
});

test("what the Wasm refuses later rejects what was asked, and leaves the call as it is", async (t) => {
  const { raw, call, devices } = await ringing(t);
  const accepting = call.accept();
  await settle();
  raw.options.emit({ type: "refused", call: "c1", code: "wrong-state" });
  await assert.rejects(accepting, { code: "wrong-state" });
  assert.deepEqual([call.state, call.localStream, devices.live], ["ringing", null, 0]);
  const again = call.accept();
  await settle();
  assert.equal(devices.live, 1);
  raw.tell("call", snapshot({ state: "active" }));
  await again;

  const hungUp = call.hangUp();
  raw.options.emit({ type: "refused", call: "c1", code: "unknown-call" });
  await assert.rejects(hungUp, { code: "unknown-call" });
  assert.equal(call.endReason, "failed");
});

test("a call that the Wasm refuses after it was dialed is rejected", async (t) => {
  const { phone, raw, devices } = await setUp(t);
  const calling = phone.call("bob");
  raw.options.emit({ type: "refused", call: "c1", code: "self-call" });
  await assert.rejects(calling, { code: "self-call" });
  await settle();
  assert.equal(devices.live, 0);
});

test("the relay's state is told when it changes", async (t) => {
  const { phone, raw, told } = await setUp(t);
  for (const state of ["offline", "offline", "online"]) raw.options.emit({ type: "state", state });
  await settle();
  assert.deepEqual(
    told.map(({ state }) => state),
    ["offline", "online"],
  );
  assert.equal(phone.state, "online");
});

test("close hangs up, gives everything back, once", async (t) => {
  const { phone, raw, devices, told, closed, page } = await setUp(t);
  const call = await phone.call("bob");
  const ended = listen(call, ["ended"]);
  await raw.options.store.lock("a");
  const closing = phone.close();
  assert.equal(phone.close(), closing);
  assert.equal(devices.live, 0);
  await assert.rejects(phone.call("bob"), { code: "closed" });
  await closing;
  assert.deepEqual([call.state, call.endReason, ended.length], ["ended", "hangup", 1]);
  assert.deepEqual(closed, ["transport", "lock a"]);
  assert.deepEqual(told.types(), ["closed"]);
  assert.deepEqual([told[0].reason, told[0].error], ["closed", null]);
  await assert.rejects(phone.addContact("x"), { code: "closed" });
  const asked = raw.asked.length;
  page.dispatchEvent(new Event("pagehide"));
  raw.options.emit({ type: "state", state: "online" });
  await settle();
  assert.equal(raw.asked.length, asked, "a listener was left behind");
  assert.equal(told.length, 1);
  (await raw.options.store.lock("b"))(); // what is locked after the end is given back at once
  assert.deepEqual(closed.slice(2), ["lock b"]);
});

test("a crash fails what is pending, ends all calls and closes their media", async (t) => {
  const { phone, raw, instance, devices, told, closed, call, events } = await ringing(t);
  raw.addContact = () => new Promise(() => {});
  await raw.options.store.lock("a");
  const adding = phone.addContact("x");
  const accepting = call.accept();
  await settle();
  instance.crash(Object.assign(new (await import("../../ringfork.js")).RingforkError("crashed")));
  await assert.rejects(adding, { code: "crashed" });
  await assert.rejects(accepting, { code: "crashed" });
  assert.equal(devices.live, 0);
  assert.deepEqual([call.state, call.endReason, events.at(-1).type], ["ended", "failed", "ended"]);
  assert.deepEqual([told.at(-1).reason, told.at(-1).error.code], ["crashed", "crashed"]);
  assert.deepEqual(closed, ["transport", "lock a"]);
  await assert.rejects(phone.call("bob"), { code: "crashed" });
  await phone.close();
});

test("leaving the page says goodbye; coming back finds the phone closed", async (t) => {
  const { phone, raw, devices, told, page } = await setUp(t);
  const call = await phone.call("bob");
  page.dispatchEvent(new Event("pagehide"));
  assert.deepEqual(raw.asked.at(-1), ["leave"]);
  assert.deepEqual([devices.live, call.state], [0, "ended"]);
  await assert.rejects(phone.call("bob"), { code: "closed" });
  page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  await phone.close();
  assert.deepEqual(told.at(-1).reason, "left");
});

test("the signal closes the phone, open or opening", async (t) => {
  const controller = new AbortController();
  const { told, closed } = await setUp(t, { signal: controller.signal });
  controller.abort();
  await settle();
  assert.deepEqual([told.types(), closed], [["closed"], ["transport"]]);

  const raw = new FakeRaw();
  const during = new AbortController();
  const opening = openPhoneOn(async () => new WasmInstance(raw.api), {
    signal: during.signal,
    transport: stubTransport(),
    store: stubStore(),
  });
  await null;
  during.abort("changed my mind");
  await assert.rejects(opening, { code: "aborted", cause: "changed my mind" });
  await settle();
  assert.ok(raw.options === null || raw.asked.some(([name]) => name === "close"), "the late phone stays open");
});

test("what opening fails with has a code, and leaves nothing open", async (t) => {
  stubGlobals(t, { RTCPeerConnection: FakeConnection });
  const raw = new FakeRaw();
  raw.fails.open = coded("store-failed");
  let closed = 0;
  const transport = { ...stubTransport(), close: () => closed++ };
  const opening = openPhoneOn(async () => new WasmInstance(raw.api), { transport, store: stubStore() });
  await assert.rejects(opening, { code: "store-failed" });
  assert.equal(closed, 1);
});
