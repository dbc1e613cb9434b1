import assert from "node:assert/strict";
import { test } from "node:test";

import { relayTransport } from "../../ringfork.js";
import { FakeSocket, address, frame, json, mailbox, setUp, withFetch } from "./fakerelay.js";
import { settle, stubGlobals } from "./fakes.js";

test("the origin is that of the relay, whatever the URL looks like", () => {
  for (const [url, origin] of [
    ["https://Relay.Example:443/", "https://relay.example"],
    ["http://127.0.0.1:8787", "http://127.0.0.1:8787"],
    ["wss://relay.example/x/", "https://relay.example"],
    ["ws://relay.example:443", "http://relay.example:443"],
  ]) {
    assert.equal(relayTransport(url).origin, origin);
  }
  for (const url of ["", "null", "ftp://relay.example"])
    assert.throws(() => relayTransport(url), { code: "bad-argument" });
});

test("mailboxes given before the hello are proved with it, and anew with each connection", async (t) => {
  const { transport, states } = setUp(t);
  const proofs = [];
  transport.subscribe(
    mailbox(proofs),
    () => {},
    () => {},
  );
  await settle();
  const first = FakeSocket.last;
  assert.equal(first.url, "wss://relay.example:8443/v1/sub");
  assert.deepEqual([first.sent, states], [[], ["connecting"]]);

  first.hello(1);
  assert.deepEqual(first.sent, [Buffer.concat([Buffer.of(0x11), Buffer.alloc(32, 7), Buffer.alloc(64, 1)])]);
  first.lose();
  t.mock.timers.tick(250);
  FakeSocket.last.hello(2);
  assert.deepEqual(proofs, [
    ["https://relay.example:8443", 1],
    ["https://relay.example:8443", 2],
  ]);
  assert.equal(FakeSocket.last.sent.length, 1);
  assert.deepEqual(states, ["connecting", "online", "connecting", "online"]);
});

test("frames and the backlog's end reach their mailbox until it is cancelled", (t) => {
  const { transport } = setUp(t);
  const got = [];
  const cancel = transport.subscribe(
    mailbox(),
    (bytes, age) => got.push([Buffer.from(bytes), age]),
    () => got.push("end"),
  );
  const socket = FakeSocket.last;
  socket.hello();
  socket.say(0x02, address, Buffer.from([0, 0, 4, 1]), frame);
  socket.say(0x03, address);
  socket.say(0x02, Buffer.alloc(20), Buffer.alloc(4), frame); // another mailbox
  socket.say(0x77, address); // from a newer relay
  assert.deepEqual(got, [[frame, 1025], "end"]);

  cancel();
  cancel();
  socket.say(0x03, address);
  assert.equal(got.length, 2);
  assert.deepEqual(socket.sent.slice(1), [Buffer.concat([Buffer.of(0x12), address])]);
  assert.equal(socket.closedWith, null);
});

test("what is no message of a relay ends the connection", (t) => {
  for (const parts of [
    [0x01, Buffer.alloc(32)], // a second hello
    [0x02, address, Buffer.alloc(4), Buffer.alloc(4095)],
    [0x03, Buffer.alloc(19)],
    [Buffer.alloc(0)].slice(1).concat(0x04),
  ]) {
    FakeSocket.all = [];
    stubGlobals(t, { WebSocket: FakeSocket });
    const transport = relayTransport("http://relay.example");
    transport.start(() => {});
    FakeSocket.last.hello();
    FakeSocket.last.say(...parts);
    assert.equal(FakeSocket.last.closedWith, 3000);
    transport.close();
  }
});

test("the waits between attempts grow from 250 ms to 10 s, with jitter, and start over", async (t) => {
  const { states } = setUp(t, { random: 1 });
  await settle();
  const waits = [500, 1000, 2000, 4000, 8000, 10_000, 10_000];
  for (const wait of waits) {
    const before = FakeSocket.all.length;
    FakeSocket.last.lose();
    t.mock.timers.tick(wait - 1);
    assert.equal(FakeSocket.all.length, before, `tried before ${wait} ms`);
    t.mock.timers.tick(1);
    assert.equal(FakeSocket.all.length, before + 1, `did not try after ${wait} ms`);
  }
  assert.deepEqual(states, ["connecting", "offline"], "offline is told once, not with every attempt");

  FakeSocket.last.hello();
  t.mock.timers.tick(5000);
  FakeSocket.last.lose();
  const before = FakeSocket.all.length;
  t.mock.timers.tick(500);
  assert.equal(FakeSocket.all.length, before + 1);
});

test("a relay that takes a post is back: it is connected to at once, unless it asked to wait", async (t) => {
  let there = false;
  const answer = () => (there ? Promise.resolve(new Response(null, { status: 204 })) : Promise.reject(new TypeError("failed to fetch")));
  const { transport } = setUp(t, { random: 1, answer });
  await settle();
  for (const wait of [500, 1000, 2000, 4000]) {
    FakeSocket.last.lose();
    t.mock.timers.tick(wait);
  }
  FakeSocket.last.lose(); // eight seconds from now
  const before = FakeSocket.all.length;
  await assert.rejects(transport.publish(address, frame), { code: "relay-unreachable" });
  assert.equal(FakeSocket.all.length, before);
  there = true;
  await transport.publish(address, frame);
  await transport.getSlot(address);
  assert.equal(FakeSocket.all.length, before + 1, "once");
  t.mock.timers.tick(8000);
  assert.equal(FakeSocket.all.length, before + 1, "the wait that was under way was not called off");

  FakeSocket.last.lose(); // what takes a post need not take a WebSocket: the waits go on growing
  t.mock.timers.tick(9_999);
  assert.equal(FakeSocket.all.length, before + 1);
  await transport.putSlot(address, new Uint8Array(8), 0);
  assert.equal(FakeSocket.all.length, before + 2);
  FakeSocket.last.hello();
  FakeSocket.last.lose(1013);
  await transport.publish(address, frame);
  assert.equal(FakeSocket.all.length, before + 2, "it said to come back later");
});

test("a relay that is full and takes posts is not tried before it wants to be, nor after each post", async (t) => {
  const full = () => new Response('{"code":"relay-full","error":"x"}', { status: 503, headers: { "Retry-After": "10" } });
  const answer = async (url) => (url.endsWith("/v1/sub") ? full() : new Response(null, { status: 204 }));
  const { transport } = setUp(t, { answer });
  await settle();
  FakeSocket.last.lose();
  await settle(); // it was asked why
  for (const attempts of [1, 2]) {
    assert.equal(FakeSocket.all.length, attempts);
    await transport.publish(address, frame);
    assert.equal(FakeSocket.all.length, attempts, "a post is no reason to come sooner");
    t.mock.timers.tick(10_000);
    FakeSocket.last.lose();
    await settle();
  }
});

test("a relay that says nothing is given up after 10 s", (t) => {
  setUp(t);
  const socket = FakeSocket.last;
  t.mock.timers.tick(10_000);
  assert.equal(socket.closedWith, 3000);
  t.mock.timers.tick(250);
  assert.notEqual(FakeSocket.last, socket);
});

test("a connection on which the signs of life stop is dead, however open it looks", async (t) => {
  const { states } = setUp(t);
  await settle();
  const socket = FakeSocket.last;
  socket.hello();
  t.mock.timers.tick(3_600_000); // an older relay gives none
  for (let i = 0; i < 5; i++) {
    socket.say(0x05);
    t.mock.timers.tick(49_000);
  }
  assert.deepEqual([states.at(-1), socket.closedWith], ["online", null]);
  t.mock.timers.tick(1_000);
  assert.deepEqual([states.at(-1), socket.closedWith], ["connecting", 3000]);
  t.mock.timers.tick(250);
  FakeSocket.last.hello();
  t.mock.timers.tick(49_999); // the clock of the former connection does not run on
  assert.equal(states.at(-1), "online");
});

test("a connection that dies before its first sign of life is noticed, and a relay that gives none is left in peace", async (t) => {
  const { transport, states } = setUp(t);
  transport.subscribe(mailbox(), () => {}, () => {});
  await settle();
  const first = FakeSocket.last;
  first.hello();
  first.say(0x03, address);
  t.mock.timers.tick(49_999);
  assert.equal(first.sent.length, 1);
  t.mock.timers.tick(1); // is it there? An older relay answers that too
  assert.equal(first.sent.length, 2);
  t.mock.timers.tick(49_999);
  first.say(0x03, address);
  t.mock.timers.tick(3_600_000);
  assert.deepEqual([states.at(-1), first.sent.length], ["online", 2]);

  first.lose();
  t.mock.timers.tick(250);
  const second = FakeSocket.last;
  second.hello();
  second.say(0x03, address);
  t.mock.timers.tick(50_000);
  t.mock.timers.tick(49_999);
  assert.deepEqual([second.sent.length, second.closedWith], [2, null]);
  t.mock.timers.tick(1);
  assert.equal(second.closedWith, 3000);

  // One that has given signs needs not be asked.
  t.mock.timers.tick(250);
  FakeSocket.last.hello();
  FakeSocket.last.say(0x05);
  FakeSocket.last.lose();
  t.mock.timers.tick(500);
  const fourth = FakeSocket.last;
  fourth.hello();
  t.mock.timers.tick(49_999);
  assert.equal(fourth.closedWith, null);
  t.mock.timers.tick(1);
  assert.deepEqual([fourth.sent.length, fourth.closedWith], [1, 3000]);
});

test("when the network comes back it is tried at once", async (t) => {
  const { states, page } = setUp(t);
  await settle();
  FakeSocket.last.lose();
  page.dispatchEvent(new Event("online"));
  assert.equal(FakeSocket.all.length, 2);
  t.mock.timers.tick(5_000);
  assert.equal(FakeSocket.all.length, 2, "the wait that was under way was not called off");
  FakeSocket.last.hello();
  const open = FakeSocket.last;
  page.dispatchEvent(new Event("online")); // another network: what is open is dead
  assert.equal(open.closedWith, 1000);
  FakeSocket.last.hello();
  assert.deepEqual(states, ["connecting", "offline", "online", "connecting", "online"]);
});

test("a refused mailbox is tried again, more and more slowly", async (t) => {
  const { transport, errors } = setUp(t);
  transport.subscribe(
    mailbox(),
    () => {},
    () => {},
  );
  const socket = FakeSocket.last;
  socket.hello();
  for (const wait of [1000, 2000]) {
    socket.say(0x04, address, Buffer.from("rate-limited"));
    const before = socket.sent.length;
    t.mock.timers.tick(wait - 1);
    assert.equal(socket.sent.length, before);
    t.mock.timers.tick(1);
    assert.equal(socket.sent.length, before + 1);
  }
  await settle();
  assert.equal(errors.at(-1), "rate-limited", "told when it does not pass at once");
  socket.say(0x03, address);
  await settle();
  assert.equal(errors.at(-1), null);
});

test("the answer to who had a mailbox before is not taken for one's own", async (t) => {
  const { transport, errors } = setUp(t);
  const got = [];
  const subscribe = (name) => transport.subscribe(mailbox(), () => got.push(`${name} frame`), () => got.push(`${name} end`));
  subscribe("first");
  const socket = FakeSocket.last;
  socket.hello();
  for (const answer of [Buffer.concat([Buffer.of(0x03), address]), Buffer.concat([Buffer.of(0x04), address, Buffer.from("bad-proof")])]) {
    const before = socket.sent.length;
    subscribe("between"); // while the one before has no answer
    const cancel = subscribe("second");
    assert.equal(socket.sent.length, before, "asked twice at a time");
    socket.say(answer);
    assert.deepEqual(got, []);
    assert.equal(socket.sent.length, before + 1, "not asked when the other was answered");
    socket.say(0x02, address, Buffer.alloc(4, 1), Buffer.alloc(4096, before));
    socket.say(0x03, address);
    assert.deepEqual(got.splice(0), ["second frame", "second end"]);
    cancel();
    subscribe("first");
  }
  await settle();
  assert.equal(errors.at(-1), null);

  // And who gives it up does so when it was answered.
  const sent = socket.sent.length;
  subscribe("first")();
  assert.equal(socket.sent.length, sent);
  socket.say(0x03, address);
  assert.deepEqual([socket.sent.length, socket.sent.at(-1)[0], got], [sent + 1, 0x12, []]);
  // What was asked of a connection that is lost is not waited for on the next.
  subscribe("first");
  socket.lose();
  t.mock.timers.tick(250);
  FakeSocket.last.hello(2);
  assert.equal(FakeSocket.last.sent.length, 1);
});

test("close ends all of it, once", async (t) => {
  const { transport, states, page } = setUp(t);
  transport.close();
  transport.close();
  assert.equal(FakeSocket.last.closedWith, 1000);
  page.dispatchEvent(new Event("online"));
  t.mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1);
  assert.equal(FakeSocket.last.onclose, null);
  assert.deepEqual(transport.iceServers(), []);
});

test("a publish needs no preflight, carries no credentials and outlives the page", async (t) => {
  const { transport, requests } = withFetch(t, () => new Response(null, { status: 204 }));
  await transport.publish(address, frame);
  const [{ url, method, body, headers, credentials, keepalive }] = requests;
  assert.deepEqual(
    [url, method, headers, credentials, keepalive],
    ["https://relay.example/prefix/v1/pub", "POST", undefined, "omit", true],
  );
  assert.deepEqual(Buffer.from(body), Buffer.concat([address, frame]));
});

test("more frames at once than keepalive requests may carry go without", async (t) => {
  let answer;
  const answered = new Promise((resolve) => (answer = resolve));
  const { transport, requests } = withFetch(t, () => answered.then(() => new Response(null, { status: 204 })));
  const all = Array.from({ length: 20 }, () => transport.publish(address, frame));
  assert.equal(requests.filter(({ keepalive }) => keepalive).length, 14);
  answer();
  await Promise.all(all);
  await transport.publish(address, frame);
  assert.equal(requests.at(-1).keepalive, true);
});

test("what goes wrong at the relay has a code", async (t) => {
  let answer;
  const { transport } = withFetch(t, () => answer());
  const publish = () => transport.publish(address, frame);
  answer = () => json(503, { code: "mailbox-full", error: "x" });
  await assert.rejects(publish(), { code: "mailbox-full" });
  answer = () => json(400, { code: "no-such-code" });
  await assert.rejects(publish(), { code: "relay-refused" });
  answer = () => new Response("<h1>Bad gateway</h1>", { status: 502 });
  await assert.rejects(publish(), { code: "relay-unreachable" });
  answer = () => Promise.reject(new TypeError("failed to fetch"));
  await assert.rejects(publish(), { code: "relay-unreachable" });
});

test("slots: a value, nothing there, a conflict, too much", async (t) => {
  let answer = () => new Response(Buffer.from("value"));
  const { transport, requests } = withFetch(t, () => answer());
  const hex = "ab".repeat(20);
  assert.deepEqual(Buffer.from(await transport.getSlot(address)), Buffer.from("value"));
  assert.equal(requests[0].url, `https://relay.example/prefix/v1/slot/${hex}`);
  answer = () => new Response(null, { status: 204 });
  assert.equal(await transport.getSlot(address), null);
  answer = () => json(404, { code: "not-found" }); // no relay at all: not the same as an empty slot
  await assert.rejects(transport.getSlot(address), { code: "relay-refused" });
  answer = () => new Response(Buffer.alloc(262_144));
  assert.equal((await transport.getSlot(address)).length, 262_144);
  answer = () => new Response(Buffer.alloc(262_145));
  await assert.rejects(transport.getSlot(address), { code: "relay-refused" });

  answer = () => new Response(null, { status: 204 });
  await transport.putSlot(address, Buffer.from("new"), 3);
  const { url, method, body } = requests.at(-1);
  assert.deepEqual(
    [url, method, Buffer.from(body).toString()],
    [`https://relay.example/prefix/v1/slot/${hex}?replaces=3`, "PUT", "new"],
  );
  answer = () => json(409, { code: "slot-conflict" });
  await assert.rejects(transport.putSlot(address, Buffer.from("new"), 3), { code: "slot-conflict" });
  answer = () => json(403, { code: "not-the-writer" });
  await assert.rejects(transport.putSlot(address, Buffer.from("new"), 3), { code: "not-the-writer" });
});

test("ICE servers are fetched when first wanted and again at half their time", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let credential = "one";
  let answer = () =>
    json(200, {
      iceServers: [
        { urls: ["turn:relay.example:3478", "javascript:alert(1)", 5], username: "u", credential },
        { urls: "stun:relay.example" },
        { urls: ["turn:open.example"] }, // RTCPeerConnection would throw: no credentials
        null,
      ],
      ttl: 600,
    });
  const { transport, requests } = withFetch(t, () => answer());
  assert.equal(requests.length, 0);
  assert.deepEqual(transport.iceServers(), []);
  await transport.iceReady();
  assert.deepEqual(transport.iceServers(), [
    { urls: ["turn:relay.example:3478"], username: "u", credential: "one" },
    { urls: ["stun:relay.example"] },
  ]);
  assert.equal(requests.length, 1);

  credential = "two";
  t.mock.timers.tick(300_000);
  await settle();
  assert.equal(transport.iceServers()[0].credential, "two");

  answer = () => Promise.reject(new TypeError("gone"));
  t.mock.timers.tick(300_000);
  await settle();
  assert.equal(transport.iceServers()[0].credential, "two", "a failed refresh keeps the old ones");
  t.mock.timers.tick(2000);
  assert.equal(requests.length, 4);
});

/** A transport whose relay gives new credentials each time: "1", "2" and so on, unless `answer` says otherwise. */
function withIce(t, answer) {
  let given = 0;
  const ice = () => json(200, { iceServers: [{ urls: "turn:a.example", username: "u", credential: `${++given}` }], ttl: 600 });
  return setUp(t, { random: 0.5, answer: (url) => (url.endsWith("/v1/ice") ? (answer?.() ?? ice()) : json(426, {})) });
}

const credential = (transport) => transport.iceServers()[0]?.credential;

test("ICE servers are fetched anew soon after each hello but the first: the TURN server may be another", async (t) => {
  const { transport } = withIce(t);
  FakeSocket.last.hello(1);
  await transport.iceReady();
  t.mock.timers.tick(200_000);
  await settle();
  assert.equal(credential(transport), "1");

  FakeSocket.last.lose(1012);
  t.mock.timers.tick(125);
  FakeSocket.last.hello(2);
  t.mock.timers.tick(999);
  await settle();
  assert.equal(credential(transport), "1", "clients do not come all at once");
  t.mock.timers.tick(1);
  await settle();
  assert.equal(credential(transport), "2");
  t.mock.timers.tick(299_999);
  await settle();
  assert.equal(credential(transport), "2", "the time to live counts from then on");
  t.mock.timers.tick(1);
  await settle();
  assert.equal(credential(transport), "3");
});

test("ICE servers that nobody wanted yet are not fetched when the connection is another", async (t) => {
  const { requests } = withIce(t);
  FakeSocket.last.hello(1);
  FakeSocket.last.lose(1012);
  t.mock.timers.tick(125);
  FakeSocket.last.hello(2);
  t.mock.timers.tick(10_000);
  await settle();
  assert.equal(requests.length, 0);
});

test("ICE servers that could not be fetched are fetched soon after the first hello", async (t) => {
  let up = false;
  const { transport } = withIce(t, () => (up ? null : Promise.reject(new TypeError("gone"))));
  await transport.iceReady();
  for (const ms of [2000, 4000]) {
    t.mock.timers.tick(ms);
    await settle();
  }
  up = true; // the next attempt is due in 8 s
  FakeSocket.last.hello(1);
  t.mock.timers.tick(1000);
  await settle();
  assert.equal(credential(transport), "1");
});

test("ICE servers are not asked for after a hello before the relay wants to be asked", async (t) => {
  let full = true;
  const { transport } = withIce(t, () => (full ? json(429, { code: "rate-limited" }, { "Retry-After": "30" }) : null));
  await transport.iceReady();
  full = false;
  FakeSocket.last.hello(1);
  t.mock.timers.tick(29_999);
  await settle();
  assert.equal(credential(transport), undefined);
  t.mock.timers.tick(1);
  await settle();
  assert.equal(credential(transport), "1");
});

test("nor after a hello that came while the relay was asked", async (t) => {
  let refuse;
  const { transport, requests } = withIce(t, () => new Promise((resolve) => (refuse = resolve)));
  transport.iceServers();
  await settle();
  FakeSocket.last.hello(1);
  FakeSocket.last.lose(1012);
  t.mock.timers.tick(125);
  FakeSocket.last.hello(2);
  refuse(json(429, { code: "rate-limited" }, { "Retry-After": "30" }));
  await settle();
  t.mock.timers.tick(29_999);
  await settle();
  assert.equal(requests.length, 1);
  t.mock.timers.tick(1);
  await settle();
  assert.equal(requests.length, 2);
});

test("an answer about ICE servers that was asked for before the hello changes nothing after it", async (t) => {
  const answers = [];
  const { transport } = withIce(t, () => new Promise((resolve) => answers.push(resolve)));
  const ice = (credential) =>
    json(200, { iceServers: [{ urls: "turn:a.example", username: "u", credential }], ttl: 600 });
  FakeSocket.last.hello(1);
  transport.iceServers();
  FakeSocket.last.lose(1012);
  t.mock.timers.tick(125);
  FakeSocket.last.hello(2);
  t.mock.timers.tick(1000);
  answers[1](ice("new"));
  await transport.iceReady();
  answers[0](ice("old"));
  await settle();
  assert.equal(credential(transport), "new");
  t.mock.timers.tick(300_000);
  await settle();
  assert.equal(answers.length, 3, "there is one next time, not two");
  answers[2](ice("newer"));
  await settle();
  assert.equal(credential(transport), "newer");
});

test("a relay without ICE servers leaves none, and nobody waits for it", async (t) => {
  const { transport } = withFetch(t, () => json(404, { code: "not-found" }));
  await transport.iceReady();
  assert.deepEqual(transport.iceServers(), []);
});
