// What a relay refuses, and what becomes of it: told with its code, tried again when that may help and not before.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { RingforkError, errorCodes } from "../../ringfork.js";
import { FakeSocket, address, frame, json, mailbox, setUp, withFetch } from "./fakerelay.js";
import { settle, snapshot } from "./fakes.js";
import { setUp as openPhone, stubTransport } from "./setup.js";

const refuse = (status, code, headers) => () => json(status, { code, error: "x" }, headers);

test("every code with which a relay refuses a page is one that an application knows", async (t) => {
  let answer;
  const { transport } = withFetch(t, () => answer());
  for (const [status, code] of [
    [401, "token-missing"],
    [401, "token-expired"],
    [401, "bad-token"],
    [403, "bad-origin"],
    [403, "bad-signature"],
    [403, "not-the-writer"],
    [409, "slot-conflict"],
    [413, "too-large"],
    [429, "rate-limited"],
    [503, "mailbox-full"],
    [503, "slots-full"],
    [429, "too-many-connections"],
    [503, "relay-full"],
    [503, "draining"],
    [503, "unavailable"],
  ]) {
    assert.ok(Object.hasOwn(errorCodes, code), code);
    answer = refuse(status, code);
    await assert.rejects(transport.putSlot(address, frame, 0), { code });
  }
});

test("every refusal that docs/RELAY.md lists has a code here, or is a bug of who asked", async () => {
  const page = await readFile(new URL("../../../docs/RELAY.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| (\d{3}) `([a-z-]+)` \| [^|]* \| ([^|]*) \|$/gm)];
  assert.ok(rows.length > 15, `${rows.length} refusals found`);
  // What only a wrong client or server meets is relay-refused, or relay-unreachable, with the status.
  const bugs = ["bad-handshake", "not-found", "not-websocket", "internal", "too-slow"];
  for (const [, status, code, advice] of rows) {
    const known = Object.hasOwn(errorCodes, code) || bugs.includes(code) || advice.startsWith("has a bug");
    assert.ok(known, `${status} ${code}`);
  }
});

test("a relay that moves its readers is followed at once, and the phone hears nothing of it", async (t) => {
  const { transport, states } = setUp(t, { random: 1 });
  const got = [];
  transport.subscribe(mailbox(), (bytes) => got.push(bytes[0]), () => got.push("end"));
  await settle();
  FakeSocket.last.hello(1);
  t.mock.timers.tick(6000);
  FakeSocket.last.lose(1012);
  t.mock.timers.tick(249);
  assert.equal(FakeSocket.all.length, 1);
  t.mock.timers.tick(1);
  assert.equal(FakeSocket.all.length, 2);
  FakeSocket.last.hello(2);
  assert.equal(FakeSocket.last.sent.length, 1, "the mailbox was not proved to the next relay");
  await settle();
  assert.deepEqual(states, ["connecting", "online"]);
});

test("a move to a relay that is not there is an ordinary loss, and moves in a row do not spin", async (t) => {
  const { states } = setUp(t);
  await settle();
  FakeSocket.last.hello();
  t.mock.timers.tick(6000);
  FakeSocket.last.lose(1012);
  t.mock.timers.tick(0);
  FakeSocket.last.lose();
  assert.deepEqual(states, ["connecting", "online", "offline"]);
  t.mock.timers.tick(500);
  FakeSocket.last.hello();
  for (let moves = 0; moves < 10; moves++) {
    const before = FakeSocket.all.length;
    FakeSocket.last.lose(1012);
    t.mock.timers.tick(0);
    if (FakeSocket.all.length === before) {
      assert.ok(moves <= 4, `${moves} moves in one instant`);
      return;
    }
    FakeSocket.last.hello();
  }
  assert.fail("it spins");
});

test("a reader that was too slow comes back a little later", async (t) => {
  const { states } = setUp(t);
  await settle();
  FakeSocket.last.hello();
  FakeSocket.last.lose(1013);
  t.mock.timers.tick(1249);
  assert.equal(FakeSocket.all.length, 1);
  t.mock.timers.tick(1);
  assert.equal(FakeSocket.all.length, 2);
  assert.deepEqual(states, ["connecting", "online", "connecting"]);
});

test("a page of the wrong origin is told, and knocks no more until something changes", async (t) => {
  const { states, errors, page, requests } = setUp(t, { answer: refuse(403, "bad-origin") });
  await settle();
  FakeSocket.last.lose();
  await settle();
  assert.equal(requests[0].url, "https://relay.example:8443/v1/sub");
  t.mock.timers.tick(3_600_000);
  assert.equal(FakeSocket.all.length, 1);
  assert.deepEqual([states, errors.at(-1)], [["connecting", "offline"], "bad-origin"]);
  page.dispatchEvent(new Event("online"));
  assert.equal(FakeSocket.all.length, 2);
  FakeSocket.last.hello();
  assert.deepEqual([states.at(-1), errors.at(-1)], ["online", null]);
});

test("a relay that says when to come back is not asked before", async (t) => {
  const { errors } = setUp(t, { answer: refuse(503, "draining", { "Retry-After": "30" }) });
  await settle();
  FakeSocket.last.lose();
  await settle();
  assert.equal(errors.at(-1), "draining");
  t.mock.timers.tick(29_999);
  assert.equal(FakeSocket.all.length, 1);
  t.mock.timers.tick(1);
  assert.equal(FakeSocket.all.length, 2);
});

test("a proxy that says to come back in an hour is asked before", async (t) => {
  const answer = () => new Response("<h1>Maintenance</h1>", { status: 503, headers: { "Retry-After": "3600" } });
  setUp(t, { answer });
  await settle();
  FakeSocket.last.lose();
  await settle();
  t.mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 2);
});

test("the question why is asked now and then, not with every attempt", async (t) => {
  const { requests } = setUp(t);
  for (let i = 0; i < 9; i++) {
    await settle();
    FakeSocket.last.lose();
    await settle();
    t.mock.timers.tick(10_000);
  }
  assert.equal(requests.length, 3);
});

test("a frame waits as long as the relay said, for that mailbox only", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let answer = refuse(429, "rate-limited", { "Retry-After": "2" });
  const { transport, requests } = withFetch(t, () => answer());
  await assert.rejects(transport.publish(address, frame), { code: "rate-limited" });
  answer = () => new Response(null, { status: 204 });
  const again = transport.publish(address, frame);
  await transport.publish(new Uint8Array(20), frame);
  assert.equal(requests.length, 2);
  t.mock.timers.tick(2000);
  await again;
  assert.equal(requests.length, 3);
  await transport.publish(address, frame);
});

test("an error says how long the relay asked to wait", async (t) => {
  let answer = refuse(503, "slots-full", { "Retry-After": "30" });
  const { transport } = withFetch(t, () => answer());
  await assert.rejects(transport.putSlot(address, frame, 0), { code: "slots-full", retryAfter: 30_000 });
  answer = refuse(429, "rate-limited", { "Retry-After": "3600" });
  await assert.rejects(transport.getSlot(address), { code: "rate-limited", retryAfter: 60_000 });
  answer = refuse(500, "internal");
  await assert.rejects(transport.getSlot(address), { retryAfter: 0 });
});

test("a mailbox whose proof is wrong is not proved again on this connection, and the phone hears why", async (t) => {
  const { transport, errors, states } = setUp(t);
  transport.subscribe(mailbox(), () => {}, () => {});
  await settle();
  FakeSocket.last.hello(1);
  FakeSocket.last.say(0x04, address, Buffer.from("bad-proof"));
  await settle();
  for (let i = 0; i < 100; i++) {
    t.mock.timers.tick(20_000);
    FakeSocket.last.say(0x05);
  }
  assert.equal(FakeSocket.last.sent.length, 1);
  assert.deepEqual([states.at(-1), errors.at(-1)], ["online", "bad-proof"]);
  FakeSocket.last.lose();
  t.mock.timers.tick(250);
  FakeSocket.last.hello(2);
  assert.equal(FakeSocket.last.sent.length, 1);
  assert.equal(errors.at(-1), null);
});

test("the phone hears that mailboxes are not read, until all of them are", async (t) => {
  const { transport, errors, states } = setUp(t);
  const other = Uint8Array.from(Buffer.alloc(20, 0xcd));
  const leave = transport.subscribe(mailbox(), () => {}, () => {});
  transport.subscribe({ ...mailbox(), address: other }, () => {}, () => {});
  await settle();
  FakeSocket.last.hello();
  for (const refused of [address, other]) FakeSocket.last.say(0x04, refused, Buffer.from("too-many-subscriptions"));
  await settle();
  assert.deepEqual([states.at(-1), errors.slice(-2)], ["online", [null, "too-many-subscriptions"]], "told once");
  t.mock.timers.tick(1000);
  assert.equal(FakeSocket.last.sent.length, 4, "both are tried again");
  FakeSocket.last.say(0x03, other);
  await settle();
  assert.equal(errors.at(-1), "too-many-subscriptions");
  leave();
  await settle();
  assert.deepEqual([states.at(-1), errors.at(-1)], ["online", null]);
});

test("why a relay takes nobody is heard when the answer is slow, too", async (t) => {
  let answer;
  const slow = () => new Promise((resolve) => (answer = resolve));
  const { errors } = setUp(t, { answer: slow });
  await settle();
  FakeSocket.last.lose();
  t.mock.timers.tick(500);
  const next = FakeSocket.last;
  assert.equal(FakeSocket.all.length, 2);
  answer(refuse(403, "bad-origin")());
  await settle();
  assert.deepEqual([errors.at(-1), next.closedWith], ["bad-origin", 1000]);
  t.mock.timers.tick(3_600_000);
  assert.equal(FakeSocket.all.length, 2);
});

test("an answer from before the network was another one, or the relay there, says nothing", async (t) => {
  const answers = [];
  const slow = () => new Promise((resolve) => answers.push(resolve));
  const { errors, states, page } = setUp(t, { answer: slow });
  await settle();
  FakeSocket.last.lose();
  page.dispatchEvent(new Event("online"));
  FakeSocket.last.lose();
  answers[0](refuse(403, "bad-origin")());
  await settle();
  assert.equal(errors.at(-1), "relay-unreachable");
  t.mock.timers.tick(500);
  FakeSocket.last.hello();
  answers[1](refuse(403, "bad-origin")());
  await settle();
  assert.deepEqual([states.at(-1), errors.at(-1)], ["online", null]);
});

test("every reason to refuse a mailbox that docs/RELAY.md lists is a code here", async () => {
  const page = await readFile(new URL("../../../docs/RELAY.md", import.meta.url), "utf8");
  const rows = page.split("A subscription is refused by message `04`")[1].split("\nAnd ")[0].matchAll(/^\| `([a-z-]+)` \|/gm);
  const codes = [...rows].map(([, code]) => code);
  assert.ok(codes.length >= 3, `${codes.length} codes found`);
  for (const code of codes) assert.ok(Object.hasOwn(errorCodes, code), code);
});

test("a frame that came is not taken from the next backlog again, but one that is posted again is", (t) => {
  const { transport } = setUp(t);
  const got = [];
  transport.subscribe(mailbox(), (bytes, age) => got.push(`${bytes[4095]} ${age}`), () => got.push("end"));
  const other = Buffer.alloc(4096, 6);
  const say = (bytes, age) => FakeSocket.last.say(0x02, address, Buffer.from([0, 0, 0, age]), bytes);
  FakeSocket.last.hello(1);
  say(frame, 9);
  FakeSocket.last.say(0x03, address);
  say(frame, 0); // its sender had no answer
  FakeSocket.last.lose();
  t.mock.timers.tick(250);
  FakeSocket.last.hello(2);
  say(frame, 0); // a backlog may be that young
  say(other, 5);
  FakeSocket.last.say(0x03, address);
  say(other, 7); // read a second time
  say(frame, 0);
  assert.deepEqual(got, ["5 9", "end", "5 0", "6 5", "end", "5 0"]);

  // Long after, the same bytes are news: no relay keeps them that long.
  t.mock.timers.tick(131_000);
  say(frame, 1);
  assert.equal(got.at(-1), "5 1");
});

test("the phone says why the relay does not do its part, each reason once", async (t) => {
  let onState;
  const { phone, raw, told } = await openPhone(t, { transport: { ...stubTransport(), start: (on) => (onState = on) } });
  const told2 = [];
  raw.options.transport.start((state) => told2.push(state)); // as the Wasm does
  onState("online", null);
  onState("online", new RingforkError("token-missing"));
  onState("online", new RingforkError("token-missing"));
  await settle();
  assert.equal(phone.relayError.code, "token-missing");
  assert.deepEqual(told.map(({ type, state, error }) => [type, state, error?.code]), [["state", "online", "token-missing"]]);
  onState("online", null);
  await settle();
  assert.deepEqual([phone.relayError, told.at(-1).error], [null, null]);

  // With another state it is told in one event, when the Wasm has heard of the state.
  onState("offline", new RingforkError("bad-origin"));
  await settle();
  assert.equal(told.length, 2);
  raw.options.emit({ type: "state", state: "offline" });
  await settle();
  assert.deepEqual([told.length, told.at(-1).state, told.at(-1).error.code], [3, "offline", "bad-origin"]);
  assert.deepEqual(told2, ["online", "online", "online", "online", "offline"]);
});

test("a call whose ring the relay takes from nobody without a token ends with that error", async (t) => {
  const { phone, raw, devices } = await openPhone(t);
  const dialing = phone.call("bob");
  raw.tell("call", snapshot({ id: "c1", direction: "outgoing", state: "dialing" }));
  raw.options.emit({ type: "refused", call: "c1", code: "token-missing" });
  await assert.rejects(dialing, { code: "token-missing" });

  const call = await phone.call("bob");
  raw.tell("call", snapshot({ id: call.id, direction: "outgoing", state: "dialing" }));
  await settle();
  raw.options.emit({ type: "refused", call: call.id, code: "bad-token" });
  await settle();
  assert.deepEqual([call.state, call.endReason, call.error.code], ["ended", "failed", "bad-token"]);
  assert.equal(devices.live, 0);
});
