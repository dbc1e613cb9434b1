// A relay in the wrong hands: what it can break, and all that it can know.

import assert from "node:assert/strict";
import { after, afterEach, beforeEach, test as check } from "node:test";
import { add, empty, endings, errors, hear, meet, now, person, reaches, took } from "../support/browser.js";
import { startHostile } from "../support/server.js";
import { stage } from "../support/stage.js";

const it = stage();
let relay;
let alice, bob;

beforeEach(async () => {
  relay ??= await startHostile(it.server.url);
  await relay.control({ clear: true });
  const make = (name) => person(it.browser, { relay: relay.url, app: it.app.url, name });
  [alice, bob] = [await make("Alice"), await make("Bob")];
});
afterEach(() => Promise.all([alice, bob].map((one) => one?.close())));
after(() => relay?.close());

const rung = (tab) => tab.evaluate(() => test.log.filter(({ what }) => what === "incoming").length);

/** A call that works: the tab rings, answers, both hear each other, it ends. */
async function talk(caller, tab, media) {
  await caller.evaluate((id, media) => test.call(id, media), tab.account, media);
  await reaches(tab, "ringing");
  assert.equal(await tab.evaluate((media) => test.accept(media), media), "active");
  await reaches(caller, "active");
  await hear(caller, tab);
}

async function hangUp(tab, ...others) {
  await tab.evaluate(() => test.last.hangUp());
  await endings(tab, ...others);
}

const mischief = {
  "loses every fourth frame": [{ add: { do: "drop", chance: 0.25 } }],
  "delivers everything twice": [{ add: { do: "duplicate" } }],
  "delivers frames in another order": [{ add: { do: "reorder", ms: 300 } }],
  "delays, doubles, swaps and changes frames": [
    { add: { do: "delay", ms: 400, chance: 0.3 } },
    { add: { do: "duplicate", chance: 0.5 } },
    { add: { do: "reorder", ms: 200, chance: 0.3 } },
    { add: { do: "flip", byte: 3000, chance: 0.1 } },
    { add: { do: "truncate", size: 100, chance: 0.1 } },
  ],
  "breaks the connections while it rings": null,
};

for (const [what, rules] of Object.entries(mischief)) {
  check(`the relay ${what}: the call works or ends, and what is replayed does not ring`, async () => {
    const [caller, ...tabs] = [await alice.tab({ ringSeconds: 20 }), await bob.tab(), await bob.tab()];
    await meet(caller, tabs[0]);
    if (rules) await relay.control(rules);
    await caller.evaluate((id) => test.call(id), tabs[0].account);
    if (!rules) await relay.control({ cut: true });
    // Whichever rings first answers; if none does the caller is told.
    const winner = await Promise.any([
      ...tabs.map((tab) => reaches(tab, "ringing", 25_000).then(() => tab)),
      endings(caller).then(() => null),
    ]);
    if (winner && (await winner.evaluate(() => test.accept())) === "active") {
      await reaches(caller, "active");
      await hear(caller, winner);
      await hangUp(caller, winner);
    } else if (winner) {
      await endings(caller, winner);
    }
    await Promise.all(tabs.map((tab) => tab.evaluate(() => test.until(() => test.phone.calls.length === 0, 60_000))));
    await empty(caller, ...tabs);
    if (what !== "loses every fourth frame" && !what.startsWith("delays")) {
      assert.ok(winner, "nothing was lost: it rang");
      assert.deepEqual((await endings(caller)).map(({ reason }) => reason), ["hangup"]);
    }

    // All that was ever posted, once more and in one go, then a call that is meant: it alone rings.
    await relay.control({ clear: true });
    const { frames } = await relay.record();
    await relay.control(frames.map((_, frame) => ({ replay: { frame } })));
    const late = await bob.tab(); // it gets the replay as its backlog
    const all = [...tabs, late];
    const before = await Promise.all(all.map(rung));
    await caller.evaluate((id) => test.call(id), late.account);
    for (const tab of all) await reaches(tab, "ringing");
    assert.equal(await late.evaluate(() => test.accept()), "active");
    await reaches(caller, "active");
    await hear(caller, late);
    await hangUp(late, caller);
    assert.deepEqual(await Promise.all(all.map(rung)), before.map((n) => n + 1), "one ring, one call");
    assert.deepEqual(before.slice(0, 2).filter((n) => n > 1), [], "the first call rang once");
    assert.deepEqual(before[2], 0, "nothing old rang in a new tab");
    await empty(caller, ...all);
    assert.deepEqual(await errors(caller, ...all), []);
  });
}

/** The ways in which bytes may be written down. */
function spellings(bytes) {
  const buffer = Buffer.from(bytes);
  const out = [buffer.toString("latin1"), buffer.toString("hex"), buffer.toString("hex").toUpperCase()];
  for (let shift = 0; shift < 3; shift++) {
    // What base64 makes of them behind any other bytes: without the letters that these other bytes and the next ones touch.
    const inside = Buffer.concat([Buffer.alloc(shift), buffer]).toString("base64").replaceAll("=", "");
    const kept = inside.slice(shift ? shift + 1 : 0, Math.floor(((shift + buffer.length) * 8) / 6));
    out.push(kept, kept.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return out;
}

check("what the relay sees of a session says nothing of who, whom, what and when it ended", async () => {
  const from = await relay.record();
  const callers = [await alice.tab({ label: "Alice's workstation", ringSeconds: 10 }), await alice.tab({ label: "Alice's workstation" })];
  const called = [await bob.tab({ label: "Bob's notebook" })];
  // Who is added and accepts has answered: a hello that nobody answers is said again, at a moment of its own.
  await add(callers[0], called[0]);
  await called[0].evaluate((id) => test.until(() => test.phone.requests.some((request) => request.id === id)), callers[0].account);
  await called[0].evaluate((id) => test.phone.acceptRequest(id).then(() => {}), callers[0].account);
  while (called.length < 3) called.push(await bob.tab({ label: "Bob's notebook" }));
  const tabs = [...callers, ...called];
  const [caller, , , tab] = tabs;
  await talk(caller, tab); // won
  await hangUp(tab, caller);
  const ring = async () => {
    const rings = called.map((one) => reaches(one, "ringing")); // they see it, however late somebody asks
    await caller.evaluate((id) => test.call(id), tab.account);
    await Promise.all(rings);
  };
  await ring(); // declined
  await tab.evaluate(() => test.last.decline());
  await endings(...called, caller);
  await ring(); // missed
  assert.deepEqual((await endings(caller, ...called)).map(({ reason }) => reason), Array(4).fill("unanswered"));
  const video = { audio: true, video: { width: 320, height: 240 } };
  let dialed, talking, since, record;
  for (const one of [called[0], callers[1]]) await one.evaluate(() => test.notePauses(300));
  // A hangup that hears nothing for a second goes by the relay, too: where the machine stood still just then there is another call.
  for (let tries = 0, again = true; again && tries < 10; tries++) {
    dialed = Date.now();
    await talk(called[0], callers[1], video); // the other way round, with video
    await callers[1].evaluate(() => test.sees());

    // What the call had to say is said by now: nothing was for two seconds, in which the machine did not stand still.
    const quiet = async () => took(Date.parse((await relay.record()).requests.at(-1).at), Date.now()) > 2000;
    for (let i = 0; i < 600 && !(await quiet()); i++) await caller.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
    talking = await relay.record();
    const began = await now(called[0]);
    await hangUp(called[0], callers[1]);
    since = Date.now();
    await caller.evaluate((since) => test.until(() => Date.now() - since > 5000), since);
    record = await relay.record();
    const heard = await callers[1].evaluate(() => test.noted("ended").at);
    const stoodStill = since + 5000 - began - took(began, since + 5000);
    const pauses = (one) => one.evaluate((began, until) => test.log.some(({ at, what, ms }) => what === "pause" && at > began && at - ms < until), began, since + 5000);
    const paused = (await Promise.all([called[0], callers[1]].map(pauses))).some(Boolean);
    again = record.requests.length > talking.requests.length && (heard - began > 500 || stoodStill > 500 || paused);
  }
  assert.deepEqual(record.requests.slice(talking.requests.length).map(({ method, path }) => `${method} ${path}`), [], "hanging up a connected call asks the relay for nothing");
  // Mailboxes of the calls before are given up about now, at random. Those of this call are not, for ten seconds.
  const begun = new Set(record.messages.filter(({ kind, at }) => kind === "subscribe" && Date.parse(at) > dialed).map(({ address }) => address));
  assert.ok(begun.size >= 2);
  // This relay gives no sign of life: 50 s after its hello each page asks whether it is there, by a mailbox that it has.
  const first = (wanted) => record.messages.find((message) => Object.entries(wanted).every(([name, value]) => message[name] === value));
  const asksWhetherItIsThere = ({ connection, address, at }) =>
    Date.parse(at) - Date.parse(first({ connection }).at) > 49_000 && Date.parse(first({ connection, address }).at) < dialed;
  const said = record.messages.slice(talking.messages.length).filter(({ at }) => Date.parse(at) < since + 5000);
  assert.deepEqual(said.filter((message) => (message.kind === "subscribe" ? !asksWhetherItIsThere(message) : begun.has(message.address))), []);

  const requests = record.requests.slice(from.requests.length);
  const [api, files] = [requests.filter(({ path }) => path.startsWith("/v1/")), requests.filter(({ path }) => !path.startsWith("/v1/"))];
  const shapes = [
    /^POST \/v1\/pub$/,
    /^GET \/v1\/sub$/,
    /^GET \/v1\/ice$/,
    /^GET \/v1\/slot\/[0-9a-f]{40}$/,
    /^(PUT|OPTIONS) \/v1\/slot\/[0-9a-f]{40}\?replaces=\d+$/,
  ];
  for (const { method, path } of api) assert.ok(shapes.some((shape) => shape.test(`${method} ${path}`)), `${method} ${path}`);
  for (const { method, path } of files) assert.match(`${method} ${path}`, /^GET \/(ringfork\/)?[a-z_]+\.(js|wasm)$/);
  for (const { method, path, length } of api) if (`${method} ${path}` === "POST /v1/pub") assert.equal(length, 20 + 4096);
  assert.ok(api.filter(({ path }) => path === "/v1/pub").length > 20);
  assert.equal(api.filter(({ path }) => path === "/v1/sub").length, tabs.length, "one connection a tab");
  for (const { bytes } of record.frames) assert.equal(Buffer.from(bytes, "base64").length, 4096);

  // Headers: those that the browser sends to everybody, the same from all, with no cookie and no credential.
  const headers = new Map();
  for (const { header } of api) {
    for (const [name, values] of Object.entries(header)) headers.set(name, new Set([...(headers.get(name) ?? []), ...values]));
  }
  for (const name of ["Cookie", "Authorization"]) assert.ok(!headers.has(name), name);
  for (const [name, values] of headers) {
    if (!["Sec-Websocket-Key", "Content-Length"].includes(name)) assert.ok(values.size <= 8, `${name}: ${[...values].join(" | ")}`);
  }
  assert.deepEqual([...(headers.get("Content-Type") ?? [])].filter((type) => !/^(text\/plain|application\/octet-stream)/.test(type)), []);

  // Nothing of what they are called or by which the calls are known is anywhere in what it saw. It is bytes that are searched, not
  // their base64: by chance that has a name of five letters once in some thousand runs.
  const seen = [
    ...requests.map(({ method, path, header }) => `${method} ${path} ${JSON.stringify(header)}`),
    ...[...record.frames, ...record.messages].map(({ bytes }) => Buffer.from(bytes, "base64").toString("latin1")),
    ...record.slots.map(({ value }) => Buffer.from(value, "base64").toString("latin1")),
  ].join("\n");
  const text = (value) => Buffer.from(value, "utf8");
  const hex = (value) => Buffer.from(value, "hex");
  const needles = new Map([["Alice", text("Alice")], ["Bob's notebook", text("Bob's notebook")], ["notebook", text("notebook")], ["workstation", text("workstation")]]);
  for (const one of tabs) {
    const known = await one.evaluate(() => ({ devices: test.phone.devices.map(({ id }) => id), calls: test.calls.map(({ id }) => id) }));
    for (const id of [one.account, ...known.devices, ...known.calls]) {
      assert.match(id, /^[0-9a-f]{32,64}$/);
      needles.set(id, hex(id)).set(`the text ${id}`, text(id));
    }
    needles.set(`the card of ${one.account}`, text(one.card));
  }
  assert.ok(needles.size > 20);
  for (const [what, bytes] of needles) {
    for (const spelling of spellings(bytes)) {
      const at = seen.indexOf(spelling);
      assert.equal(at, -1, `the relay saw ${what} as ${spelling} in ${JSON.stringify(seen.slice(Math.max(0, at - 40), at + 80))}`);
    }
  }
  // The search finds what is there.
  const [{ to, bytes }] = record.frames;
  for (const there of [to, Buffer.from(bytes, "base64").subarray(0, 20).toString("latin1")]) assert.ok(seen.includes(there) || record.messages.some(({ address }) => address === there));
  const probe = Buffer.concat([Buffer.from([1]), text("Alice"), Buffer.from([2])]);
  for (const form of ["latin1", "hex", "base64"]) assert.ok(spellings(text("Alice")).some((spelling) => probe.toString(form).includes(spelling)), form);
  assert.deepEqual(await errors(...tabs), []);
});
