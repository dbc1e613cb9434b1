// What the server tells browsers besides the pages themselves: policies, certificates, who may use the relay.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test as check } from "node:test";
import { hear, launch, meet, openPage, person, reaches } from "../support/browser.js";
import { startApp, startServer } from "../support/server.js";

/** What is to be ended, the last one first. @type {(() => unknown)[]} */
const ends = [];
let browser;
before(async () => {
  // Certificates of the server's own making have nobody who vouches for them.
  browser = await launch({ args: ["--ignore-certificate-errors"] });
  ends.push(() => browser.close());
});
after(async () => {
  for (const end of ends.reverse()) await end();
});

async function server(...flags) {
  const started = await startServer({ args: flags });
  ends.push(() => started.close());
  return started;
}

const id = (name) => `[data-testid="${name}"]`;
// Again, if what was there has just been drawn anew.
const press = (page, name) => page.locator(id(name)).click();

/** Opens a page, and takes down all that the browser finds wrong with it. */
async function watched(context, url) {
  const page = await context.newPage();
  const session = await page.createCDPSession();
  await session.send("Emulation.setFocusEmulationEnabled", { enabled: true });
  const wrong = [];
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  await page.evaluateOnNewDocument(() => {
    globalThis.violations = [];
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => globalThis.violations.push(`${violatedDirective} ${blockedURI}`));
  });
  const answer = await page.goto(url);
  return { page, wrong, headers: answer.headers(), violations: () => page.evaluate(() => globalThis.violations) };
}

/** Two people who have never met call each other in the demo, and hear and see each other. */
async function callInDemo(url) {
  const context = await browser.createBrowserContext();
  ends.push(() => context.close());
  const alice = await watched(context, url);
  const opened = new Promise((resolve) => browser.once("targetcreated", resolve));
  await press(alice.page, "second-person");
  const first = await (await opened).page();
  const as = await first.waitForFunction(() => location.hash).then((hash) => hash.jsonValue());
  for (const page of [first, alice.page]) await page.waitForSelector(id("contact"), { visible: true });
  await first.close(); // the browser opened that one, so it is not watched from its beginning
  const bob = await watched(context, `${url}/${as}`);
  await bob.page.waitForSelector(id("contact"), { visible: true });
  await press(alice.page, "call-video");
  await press(bob.page, "accept-video");
  for (const { page } of [alice, bob]) {
    await page.waitForSelector('body[data-screen="active"]');
    await page.waitForFunction((selector) => document.querySelector(selector)?.videoWidth > 0, {}, id("remote-video"));
  }
  await press(alice.page, "hangup");
  for (const { page, wrong, violations } of [alice, bob]) {
    await page.waitForSelector('body[data-screen="ended"], body[data-screen="home"]');
    assert.deepEqual(await violations(), [], "nothing is against the policy of the page");
    assert.deepEqual(wrong, [], "nothing is wrong in the console");
  }
  return alice;
}

check("the demo works under its own policy, which lets nothing inline run", async () => {
  const { url } = await server();
  const { page, headers } = await callInDemo(url);
  const policy = headers["content-security-policy"];
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'/);
  for (const [name, want] of Object.entries({
    "content-security-policy": /default-src 'none'.*script-src 'self' 'wasm-unsafe-eval';.*frame-ancestors 'none'/,
    "referrer-policy": /^no-referrer$/,
    "permissions-policy": /^camera=\(self\), microphone=\(self\), display-capture=\(self\)$/,
    "x-content-type-options": /^nosniff$/,
  })) {
    assert.match(headers[name] ?? "", want, name);
  }
  assert.equal(headers["strict-transport-security"], undefined, "there is no TLS to keep to");
  // It is enforced: what stands in the page itself does not run, and no other page shows it.
  const broke = await page.evaluate(async () => {
    const said = new Promise((resolve) => addEventListener("securitypolicyviolation", ({ violatedDirective }) => resolve(violatedDirective), { once: true }));
    const script = document.createElement("script");
    script.textContent = "globalThis.ran = true";
    document.body.append(script);
    return { directive: await said, ran: Boolean(globalThis.ran) };
  });
  assert.deepEqual(broke, { directive: "script-src-elem", ran: false });
});

check("over https, with a certificate of its own making", async () => {
  const { url } = await server("-lan");
  assert.match(url, /^https:/);
  const { page, headers } = await callInDemo(url);
  assert.equal(headers["strict-transport-security"], undefined, "nobody could get past the warning any more");
  const spoken = await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
  assert.equal(spoken, "h2");
});

check("an application on another origin loads the module and calls, if it is allowed and has a token", async () => {
  const dir = mkdtempSync(join(tmpdir(), "ringfork-test-key-"));
  ends.push(() => rmSync(dir, { recursive: true, force: true }));
  const key = join(dir, "publish.key");
  writeFileSync(key, `${randomBytes(32).toString("hex")}\n`);
  let relay = { url: "" };
  // As strict as a page can be, and it takes only what says that it may be loaded from elsewhere.
  const strict = (_, response) => {
    const { host, origin } = new URL(relay.url);
    response.setHeader(
      "content-security-policy",
      `default-src 'none'; script-src ${origin} 'wasm-unsafe-eval'; connect-src ${origin} ws://${host}; media-src blob: mediastream:`,
    );
    response.setHeader("cross-origin-embedder-policy", "require-corp");
    response.setHeader("cross-origin-opener-policy", "same-origin");
    return false;
  };
  const [app, other] = [await startApp(strict), await startApp()];
  ends.push(
    () => app.close(),
    () => other.close(),
  );
  relay = await server("-allow", app.url, "-publish-key", key);
  const token = execFileSync(process.env.RINGFORK_BIN, ["token", "-publish-key", key], { encoding: "utf8" }).trim();
  assert.match(token, /^[\w-]{54}$/);

  const people = [];
  for (const name of ["Alice", "Bob"]) people.push(await person(browser, { relay: relay.url, app: app.url, name }));
  for (const one of people) ends.push(() => one.close());
  const [caller, called] = [await people[0].tab({ token }), await people[1].tab({ token })];
  await meet(caller, called);
  await caller.evaluate((id) => test.call(id), called.account);
  await reaches(called, "ringing");
  assert.equal(await called.evaluate(() => test.accept()), "active");
  await reaches(caller, "active");
  await hear(caller, called);
  assert.ok(await caller.evaluate(() => crossOriginIsolated), "the page's policies are in force");

  // Who is not allowed, or has no token, learns it: the module itself may be loaded by anybody.
  const refused = async (url, options, code) => {
    const page = await openPage(people[0].context, url);
    await page.evaluate((module, options) => void test.open(module, options).catch((error) => (test.failure = error.code)), `${relay.url}/ringfork.js`, {
      relay: relay.url,
      profile: `of ${url}`,
      name: "Mallory",
      label: "tab",
      ...options,
    });
    // A browser does not say why it reaches nobody, so that the relay is unreachable may be what is known first.
    const told = await page.evaluate((code) => test.until(() => test.failure ?? (test.phone?.relayError?.code === code && code)), code);
    assert.equal(told, code);
  };
  await refused(app.url, {}, "token-missing");
  await refused(other.url, { token }, "bad-origin");
});
