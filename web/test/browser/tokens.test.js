// A relay that takes frames only with a token: pages get theirs from the site's own backend.

import assert from "node:assert/strict";
import { readFileSync, rmSync, mkdtempSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test as check } from "node:test";
import { add, endings, errors, hear, launch, meet, openPage, person, reaches, took } from "../support/browser.js";
import { startApp, startServer } from "../support/server.js";

const folder = mkdtempSync(join(tmpdir(), "ringfork-tokens-"));
const keyFile = join(folder, "publish.key");
writeFileSync(keyFile, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });

/** The backend of docs/MODULE.md, as it stands there. */
async function documented() {
  const page = readFileSync(new URL("../../../docs/MODULE.md", import.meta.url), "utf8");
  const [, code] = /```js\n(import \{ createHmac \}[^`]*function callingToken[^`]*)```/.exec(page) ?? [];
  assert.ok(code, "docs/MODULE.md shows no backend");
  const named = code.replace('"publish.key"', JSON.stringify(keyFile));
  return (await import(`data:text/javascript,${encodeURIComponent(`${named}\nexport { callingToken };`)}`)).callingToken;
}

/** What the backend answers, one after another; the last for ever. @type {(() => string)[]} */
let answers = [];
let asked = 0;
let server, app, browser, callingToken;

before(async () => {
  callingToken = await documented();
  server = await startServer({ args: ["-publish-key", keyFile] });
  app = await startApp((request, response) => {
    if (request.url !== "/calling-token") return false;
    asked++;
    response.end((answers.length > 1 ? answers.shift() : answers[0])());
    return true;
  });
  browser = await launch();
});
const people = [];
beforeEach(() => {
  answers = [callingToken];
});
afterEach(async () => {
  for (const one of people.splice(0)) await one.close();
});
after(async () => {
  await browser?.close();
  await Promise.all([app?.close(), server?.close()]);
  rmSync(folder, { recursive: true, force: true });
});

/** A page of somebody's that asks the backend for tokens, or one that does not. */
async function tab(name, { token = true, ...options } = {}) {
  const one = await person(browser, { relay: server.url, app: app.url, name });
  people.push(one);
  const page = await openPage(one.context, app.url);
  if (token) {
    await page.evaluate(() => {
      test.token = async () => (await fetch("/calling-token", { method: "POST" })).text();
    });
  }
  return one.open(page, options);
}

async function talk(caller, called) {
  await caller.evaluate((id) => test.call(id), called.account);
  await reaches(called, "ringing");
  assert.equal(await called.evaluate(() => test.accept()), "active");
  await reaches(caller, "active");
  await hear(caller, called);
  await called.evaluate(() => test.last.hangUp());
  await endings(caller, called);
}

/** A token that was good and has ended. */
function old() {
  const now = Date.now;
  Date.now = () => now() - 3_600_000;
  try {
    return callingToken();
  } finally {
    Date.now = now;
  }
}

check("pages with a token function call each other; TURN credentials come with the token, too", async () => {
  const [alice, bob] = [await tab("Alice"), await tab("Bob")];
  await meet(alice, bob);
  await talk(alice, bob);
  assert.ok(asked >= 2 && asked < 10, `the backend was asked ${asked} times`);
  for (const page of [alice, bob]) assert.equal(await page.evaluate(() => test.phone.relayError), null);
  const servers = await alice.evaluate(async (relay) => {
    const { relayTransport } = await import(`${relay}/ringfork.js`);
    const transport = relayTransport(relay, { token: test.token });
    await transport.iceReady();
    const servers = transport.iceServers();
    transport.close();
    return servers;
  }, server.url);
  assert.ok(servers.some(({ credential }) => credential), "no TURN credentials came");
  assert.deepEqual(await errors(alice, bob), []);
});

check("a page without a token is told so, and its call does not ring in vain", async () => {
  const [bob, carol] = [await tab("Bob"), await tab("Carol", { token: false })];
  assert.equal(await carol.evaluate(() => test.until(() => test.phone.relayError?.code)), "token-missing");
  assert.equal(await carol.evaluate(() => test.phone.state), "online", "it reads");
  await add(carol, bob);
  const began = Date.now();
  const code = await carol.evaluate(
    (id) =>
      test.phone.call(id).then(
        (call) => test.until(() => call.error?.code),
        (error) => error.code,
      ),
    bob.account,
  );
  assert.equal(code, "token-missing");
  assert.ok(took(began, Date.now()) < 20_000, "it waited for nobody to answer");
  assert.equal(await bob.evaluate(() => test.calls.length), 0);
  assert.equal(await carol.evaluate(() => test.phone.calls.length), 0);
});

check("a token that the relay finds expired is replaced in the middle of everything", async () => {
  const [alice, bob] = [await tab("Alice"), await tab("Bob")];
  await meet(alice, bob);
  await talk(alice, bob);
  // Another page, which gets an old token first, then one that is good.
  answers = [old, callingToken];
  const dave = await tab("Dave");
  await dave.evaluate(() => test.until(() => test.phone.relayError === null));
  await meet(dave, bob);
  await talk(dave, bob);

  // Time goes by in a page that is open: its token is over by its own clock. It asks for another, and calls.
  const before = asked;
  await alice.evaluate(() => {
    const now = Date.now;
    Date.now = () => now() + 1_200_000;
  });
  await alice.evaluate((id) => test.call(id), bob.account);
  await reaches(bob, "ringing");
  assert.ok(asked > before, "the backend was not asked again");
  await alice.evaluate(() => test.last.hangUp());
  await endings(alice, bob);
});

check("a backend that gives old tokens only is an error with a code", async () => {
  answers = [old];
  const erin = await tab("Erin");
  assert.equal(await erin.evaluate(() => test.until(() => test.phone.relayError?.code)), "token-expired");
});

check("a page of an origin that the relay does not allow is told so, and knocks no more", async () => {
  const strict = await startServer({ args: ["-allow", "https://app.example"] });
  const frank = await person(browser, { relay: strict.url, app: app.url, name: "Frank" });
  people.push(frank);
  try {
    const page = await openPage(frank.context, app.url);
    await page.evaluate((module, relay) => test.open(module, { relay }), `${strict.url}/ringfork.js`, strict.url);
    await page.evaluate(() => test.until(() => test.phone.relayError?.code === "bad-origin" && test.phone.state === "offline"));
    // What was under way comes to its end; then there is nothing more.
    const attempts = () => performance.getEntriesByType("resource").filter(({ name }) => name.includes("/v1/")).length;
    const more = await page.evaluate(async (attempts) => {
      const count = eval(attempts);
      let [before, quiet] = [count(), 0];
      await test.until(() => {
        quiet = count() === before ? quiet + 1 : 0;
        before = count();
        return quiet > 80;
      });
      for (let i = 0; i < 350; i++) await new Promise((resolve) => setTimeout(resolve, 10));
      return count() - before;
    }, `(${attempts})`);
    assert.equal(more, 0);

    // The relay's own pages may.
    const own = await person(browser, { relay: strict.url, app: `${strict.url}/demo/`, name: "Grace" });
    people.push(own);
    assert.equal(await (await own.tab()).evaluate(() => test.phone.relayError), null);
  } finally {
    await strict.close();
  }
});
