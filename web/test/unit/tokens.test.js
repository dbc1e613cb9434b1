// Publish tokens: where they go, when the application is asked for one, and what a refused one leads to.

import assert from "node:assert/strict";
import { test } from "node:test";

import { relayTransport } from "../../ringfork.js";
import { FakeSocket, address, frame, json, setUp, withFetch } from "./fakerelay.js";
import { settle } from "./fakes.js";

/** A token that expires so many seconds from now; `mark` tells it from others. */
function token(seconds, mark = 1) {
  const bytes = Buffer.alloc(40, mark);
  bytes.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000) + seconds));
  return bytes.toString("base64url");
}

const taken = () => new Response(null, { status: 204 });
const sent = ({ body }) => Buffer.from(body).subarray(20 + 4096).toString("base64url");
const publish = (transport) => transport.publish(address, frame);

test("a token follows the frame, and is a header where a preflight costs no ring a trip", async (t) => {
  const text = token(600);
  const { transport, requests } = withFetch(
    t,
    (url) => (url.endsWith("/v1/ice") ? json(200, { iceServers: [], ttl: 600 }) : taken()),
    { token: text },
  );
  await publish(transport);
  const [post] = requests;
  assert.equal(sent(post), text);
  assert.equal(post.headers, undefined);
  await transport.putSlot(address, new Uint8Array(4096), 0);
  await transport.iceReady();
  for (const { headers } of requests.slice(1)) assert.equal(headers.Authorization, `Bearer ${text}`);
  await transport.getSlot(address);
  assert.equal(requests.at(-1).headers, undefined, "reading needs none");
});

test("a text that no relay takes is refused at once", () => {
  for (const text of ["short", `${token(60)}A`, `${token(60).slice(1)}=`])
    assert.throws(() => relayTransport("https://relay.example", { token: text }), { code: "bad-argument" });
});

test("a function is asked once for all who wait, and not again while its token is good", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_800_000_000_000 });
  let asked = 0;
  const option = async () => token(600, ++asked);
  const { transport, requests } = withFetch(t, taken, { token: option });
  await Promise.all([publish(transport), publish(transport)]);
  assert.equal(asked, 1);
  t.mock.timers.tick(290_000);
  await publish(transport);
  assert.equal(asked, 1);

  // From half of its life on the next one is fetched beside, and nobody waits for it.
  t.mock.timers.tick(20_000);
  const first = sent(requests[0]);
  await publish(transport);
  assert.deepEqual([asked, sent(requests.at(-1))], [2, first]);
  await settle();
  await publish(transport);
  assert.notEqual(sent(requests.at(-1)), first);

  t.mock.timers.tick(3_600_000);
  await publish(transport);
  assert.equal(asked, 3);
});

test("a clock that is wrong does not have the function asked for each frame", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_800_000_000_000 });
  let asked = 0;
  const { transport } = withFetch(t, taken, { token: () => token(-3600, ++asked) });
  for (let i = 0; i < 10; i++) await publish(transport);
  assert.equal(asked, 1);
});

test("a refused token is replaced once; the same one again, or none, is an error with its code", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_800_000_000_000 });
  let give = token(600, 1);
  const good = token(600, 2);
  const answer = (code) => (_, { body }) => (sent({ body }) === good ? taken() : json(401, { code, error: "x" }));
  let code = "token-expired";
  const { transport, requests } = withFetch(t, (...args) => answer(code)(...args), { token: () => give });
  await assert.rejects(publish(transport), { code: "token-expired" });
  assert.equal(requests.length, 1, "the same token is not sent twice");
  t.mock.timers.tick(10_000);
  give = good;
  await publish(transport);
  give = token(600, 3);
  code = "bad-token";
  await publish(transport); // the one at hand is good

  const other = withFetch(t, (...args) => answer(code)(...args), { token: () => token(600, requests.length++) });
  await assert.rejects(publish(other.transport), { code: "bad-token" });
  assert.equal(other.requests.length, 2, "once more with a new one, and no more");
});

test("a key that the relay does not know has the function asked every 10 s, not with every frame", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_800_000_000_000 });
  let asked = 0;
  const refused = () => json(401, { code: "bad-token", error: "x" });
  const { transport } = withFetch(t, refused, { token: () => token(600, ++asked) });
  for (let i = 0; i < 10; i++) await assert.rejects(publish(transport), { code: "bad-token" });
  assert.equal(asked, 2, "the first one, and one after its refusal");
  t.mock.timers.tick(9_999);
  await assert.rejects(publish(transport), { code: "bad-token" });
  assert.equal(asked, 2);
  t.mock.timers.tick(1);
  for (let i = 0; i < 10; i++) await assert.rejects(publish(transport), { code: "bad-token" });
  assert.equal(asked, 3);
});

test("without a token the relay's word is the error, and the phone's state tells it until a post is taken", async (t) => {
  let answer = () => json(401, { code: "token-missing", error: "x" });
  const { transport, errors, states } = setUp(t, { answer: () => answer() });
  await settle();
  FakeSocket.last.hello();
  await assert.rejects(publish(transport), { code: "token-missing" });
  await assert.rejects(publish(transport), { code: "token-missing" });
  await settle();
  assert.deepEqual([states.at(-1), errors.slice(-2)], ["online", [null, "token-missing"]], "told once");
  answer = taken;
  await publish(transport);
  await settle();
  assert.equal(errors.at(-1), null);
});

test("a function that fails, hangs or gives nonsense is an error with a code, and is asked again next time", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let option;
  const { transport, requests } = withFetch(t, taken, { token: () => option() });
  for (const [bad, code] of [
    [() => Promise.reject(new Error("logged out")), "token-failed"],
    [() => { throw new Error("logged out"); }, "token-failed"],
    [() => undefined, "bad-token"],
    [() => "no token", "bad-token"],
  ]) {
    option = bad;
    await assert.rejects(publish(transport), { code });
  }
  option = () => new Promise(() => {});
  const waiting = assert.rejects(publish(transport), { code: "token-failed" });
  await settle();
  t.mock.timers.tick(10_000);
  await waiting;
  assert.equal(requests.length, 0);
  option = () => token(600);
  await publish(transport);
});

test("with a token at hand a frame leaves in the same task: a page that is left says goodbye", async (t) => {
  const { transport, requests } = withFetch(t, taken, { token: () => token(600) });
  await publish(transport);
  publish(transport);
  assert.equal(requests.length, 2);
  assert.equal(requests[1].keepalive, true);
  await settle();
});
