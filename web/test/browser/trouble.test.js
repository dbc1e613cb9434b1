// Bad input and missing things: each is a clear error with a stable code, and nothing hangs.

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, test as check } from "node:test";
import { empty, endings, meet, openPage, reaches } from "../support/browser.js";
import { startApp } from "../support/server.js";
import { stage } from "../support/stage.js";

const it = stage("alice", "bob");
const proxies = [];
after(() => Promise.all(proxies.map((proxy) => proxy.close())));

/** A copy of the server's module whose Wasm comes as `change` makes it. */
async function mirror(change) {
  const proxy = await startApp(async (request, response) => {
    if (request.url === "/") return false;
    const got = await fetch(it.server.url + request.url);
    const headers = { "content-type": got.headers.get("content-type"), "access-control-allow-origin": "*" };
    const answer = { status: got.status, headers, body: Readable.fromWeb(got.body) };
    if (request.url.endsWith(".wasm")) Object.assign(answer, change(answer));
    response.writeHead(answer.status, answer.headers);
    if (typeof answer.body === "string") response.end(answer.body);
    else answer.body.pipe(response);
    return true;
  });
  proxies.push(proxy);
  return proxy.url;
}

/** Opens a phone in a new page, and tells the error's code, or what opened. */
async function open(module, options) {
  const page = await openPage(it.alice.context, it.app.url);
  const outcome = await page.evaluate(
    async (module, options) => {
      try {
        return { opened: await test.open(module, options) };
      } catch (error) {
        return { name: error.name, code: error.code, message: error.message };
      }
    },
    module,
    { relay: it.server.url, ...options },
  );
  return Object.assign(outcome, { page });
}

check("the Wasm served with a wrong MIME type loads", async () => {
  const url = await mirror((answer) => ({ headers: { ...answer.headers, "content-type": "application/octet-stream" } }));
  assert.ok((await open(`${url}/ringfork.js`)).opened);
});

check("the Wasm not served fails with its code, and loads when it is there again", async () => {
  let there = false;
  const url = await mirror((answer) => (there ? {} : { status: 404, body: "gone" }));
  const { code, name, message, page } = await open(`${url}/ringfork.js`);
  assert.deepEqual([name, code], ["RingforkError", "wasm-load-failed"]);
  assert.match(message, /404/);
  there = true;
  assert.ok(await page.evaluate((module, relay) => test.open(module, { relay }), `${url}/ringfork.js`, it.server.url));
});

check("something else in place of the Wasm fails with its code", async () => {
  const url = await mirror(() => ({ body: "<!doctype html>not found" }));
  assert.equal((await open(`${url}/ringfork.js`)).code, "wasm-load-failed");
});

check("a browser without WebRTC is told so", async () => {
  const page = await openPage(it.alice.context, it.app.url);
  const code = await page.evaluate(async (relay) => {
    delete globalThis.RTCPeerConnection;
    const { openPhone } = await import(`${relay}/ringfork.js`);
    return openPhone({ relay }).catch((error) => error.code);
  }, it.server.url);
  assert.equal(code, "unsupported-browser");
});

check("wrong, truncated, own and unknown cards", async () => {
  const tab = await it.alice.tab();
  const codes = await tab.evaluate(async () => {
    const { card } = test.phone;
    const tries = ["", "hello", card.slice(0, -7), card.replace(/.$/, (c) => (c === "A" ? "B" : "A")), card];
    return Promise.all(tries.map((text) => test.phone.addContact(text).then(() => "added", ({ code }) => code)));
  });
  assert.deepEqual(codes, ["bad-card", "bad-card", "bad-card", "bad-card", "self-call"]);
  assert.equal(await tab.evaluate(() => test.phone.call("00".repeat(32)).catch(({ code }) => code)), "unknown-contact");
});

check("a relay that is not there: the phone opens, says so, and an added card fails with its code", async () => {
  const dead = await startApp();
  await dead.close();
  const { opened, page } = await open(`${it.server.url}/ringfork.js`, { relay: dead.url, profile: "offline" });
  assert.ok(opened.account);
  await page.evaluate(() => test.until(() => test.phone.state === "offline"));
  const other = await it.bob.tab();
  assert.equal(await page.evaluate((card) => test.phone.addContact(card).catch(({ code }) => code), other.card), "relay-unreachable");
});

check("a relay that refuses and asks to wait: the error says how long", async () => {
  const [tab, other] = [await it.alice.tab(), await it.bob.tab()];
  const error = await tab.evaluate(async (card) => {
    const { fetch } = globalThis;
    globalThis.fetch = async () => Response.json({ code: "rate-limited" }, { status: 429, headers: { "Retry-After": "7" } });
    try {
      return await test.phone.addContact(card).catch(({ code, retryAfter }) => ({ code, retryAfter }));
    } finally {
      globalThis.fetch = fetch;
    }
  }, other.card);
  assert.deepEqual(error, { code: "rate-limited", retryAfter: 7000 });
});

for (const [what, refuse, problems, local] of [
  ["microphone", (constraints) => Boolean(constraints.audio), ["audio"], { audio: false, video: true, screen: false }],
  ["camera", (constraints) => Boolean(constraints.video), ["video"], { audio: true, video: false, screen: false }],
  ["microphone and camera", () => true, ["audio", "video"], { audio: false, video: false, screen: false }],
]) {
  check(`${what} refused: the call goes on with what there is, and says so`, async () => {
    const [caller, tab] = [await it.alice.tab(), await it.bob.tab()];
    await meet(caller, tab);
    await caller.evaluate((id) => test.call(id, { audio: true, video: true }), tab.account);
    await reaches(tab, "ringing");
    await tab.evaluate((source) => (test.refuse = eval(source)), `(${refuse})`);
    assert.equal(await tab.evaluate(() => test.accept({ audio: true, video: true })), "active");
    await reaches(caller, "active");
    const seen = await tab.evaluate((n) => test.until(() => test.last.mediaErrors.length >= n && test.last.mediaErrors.map(({ kind, code }) => ({ kind, code }))), problems.length);
    assert.deepEqual(seen, problems.map((kind) => ({ kind, code: "media-denied" })));
    await tab.evaluate((local) => test.until(() => Object.entries(local).every(([kind, on]) => test.last.local[kind] === on)), local);
    await caller.evaluate((local) => test.until(() => JSON.stringify(test.last.remote) === JSON.stringify(local)), local);
    await tab.evaluate(() => test.hears());
    await tab.evaluate(() => test.last.hangUp());
    assert.deepEqual((await endings(caller, tab)).map(({ reason }) => reason), ["hangup", "hangup"]);
  });
}

check("a crash of the Wasm ends calls and phones with its code, and the next phone works", async () => {
  const [caller, tab] = [await it.alice.tab(), await it.bob.tab()];
  await meet(caller, tab);
  await caller.evaluate((id) => test.call(id), tab.account);
  await reaches(tab, "ringing");
  assert.equal(await tab.evaluate(() => test.accept()), "active");
  const result = await tab.evaluate(async () => {
    const closed = new Promise((resolve) => test.phone.addEventListener("closed", resolve, { once: true }));
    // What Go takes from the browser fails under it: it has no random numbers any more.
    crypto.getRandomValues = () => {
      throw new Error("broken on purpose");
    };
    const code = await test.phone.backup("a passphrase of some length").catch((error) => error.code);
    delete crypto.getRandomValues;
    const { reason } = await closed;
    return {
      code,
      reason,
      call: test.last.endReason,
    };
  });
  assert.deepEqual(result, { code: "crashed", reason: "crashed", call: "failed" });
  await empty(tab);
  assert.ok(await tab.evaluate((module, relay) => test.open(module, { relay }), `${it.server.url}/ringfork.js`, it.server.url));
});

check("importing and opening leaves no global behind", async () => {
  const page = await openPage(it.alice.context, it.app.url);
  const added = await page.evaluate(async (relay) => {
    const before = new Set(Object.getOwnPropertyNames(globalThis));
    const { openPhone } = await import(`${relay}/ringfork.js`);
    const phone = await openPhone({ relay, profile: "globals" });
    const added = Object.getOwnPropertyNames(globalThis).filter((name) => !before.has(name));
    await phone.close();
    return added;
  }, it.server.url);
  assert.deepEqual(added, []);
});
