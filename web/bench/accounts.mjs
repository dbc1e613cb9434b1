// What accounts cost in a real browser: linking, login, restoring, and a thousand contacts.

import { execFileSync } from "node:child_process";
import { openPage, person } from "../test/support/browser.js";

const passphrase = "correct horse battery staple";

/**
 * Measures, and returns times in ms and sizes in bytes by what they are of.
 * @param {import("puppeteer-core").Browser} browser
 * @param {{ relay: string, app: string, runs: number }} where
 */
export async function measureAccounts(browser, { relay, app, runs }) {
  const all = { sent: [], link: [], restore: [], login: [], empty: [], crowded: [], stored: [] };
  const crowd = execFileSync("go", ["run", "./web/bench/crowd"], { maxBuffer: 8 << 20 }).toString("base64");
  for (let run = 0; run < runs; run++) {
    all.sent.push(await sending(browser, { relay, app }));
    for (const [what, time] of Object.entries(await joining(browser, { relay, app }))) all[what].push(time);
    for (const [what, value] of Object.entries(await crowded(browser, { relay, app, crowd }))) all[what].push(value);
  }
  return all;
}

/** From call() to the moment in which the ring is handed to the network. */
async function sending(browser, where) {
  const [alice, bob] = await Promise.all(["Alice", "Bob"].map((name) => person(browser, { ...where, name })));
  const [caller, called] = [await alice.tab(), await bob.tab()];
  const id = await caller.evaluate(
    (card) =>
      test.until(() =>
        test.phone.addContact(card).then(
          ({ id }) => id,
          () => false,
        ),
      ),
    called.card,
  );
  const took = await caller.evaluate(async (id) => {
    await new Promise((resolve) => setTimeout(resolve, 500)); // greetings and the like are over
    const { fetch } = globalThis;
    const sent = new Promise((resolve) => {
      globalThis.fetch = (url, ...rest) => {
        if (String(url).endsWith("/v1/pub")) resolve(performance.now());
        return fetch(url, ...rest);
      };
    });
    const began = performance.now();
    const calling = test.phone.call(id, { audio: true });
    const took = (await sent) - began;
    globalThis.fetch = fetch;
    await (await calling).hangUp();
    return took;
  }, id);
  await Promise.all([alice.close(), bob.close()]);
  return took;
}

/** From a code to a device that can ring: by hand (without the owner's own time), by login, from a backup. */
async function joining(browser, { relay, app }) {
  const module = `${relay}/ringfork.js`;
  const bob = await person(browser, { relay, app, name: "Bob" });
  const secret = Array.from({ length: 32 }, () => Math.floor(256 * Math.random()));
  const old = await bob.open(await openPage(bob.context, app));
  const times = {};

  const linked = await browser.createBrowserContext();
  const page = await openPage(linked, app);
  const code = await page.evaluate(
    async (module, relay) => {
      const { requestLink } = await import(module);
      globalThis.link = await requestLink({ relay, profile: "default", label: "linked" });
      return link.code;
    },
    module,
    relay,
  );
  const began = Date.now();
  await old.evaluate(async (code) => (await test.phone.approveLink(code)).approve(), code);
  await page.evaluate(() => link.done);
  times.link = Date.now() - began;

  const backup = await old.evaluate((passphrase) => test.phone.backup(passphrase), passphrase);
  const opening = async (options, secret) => {
    const context = await browser.createBrowserContext();
    const page = await openPage(context, app);
    await page.evaluate(
      async (module, options, secret) => {
        await test.open(module, secret ? { ...options, secret: Uint8Array.from(secret) } : options);
      },
      module,
      { relay, profile: "default", ...options },
      secret,
    );
    const took = await page.evaluate(() => test.noted("open").took);
    await context.close();
    return took;
  };
  times.restore = await opening({ restore: backup, passphrase });
  await opening({ name: "Carol" }, secret);
  times.login = await opening({}, secret);
  await Promise.all([linked.close(), bob.close()]);
  return times;
}

/** Opening a phone that has no contact, and one that has a thousand, in one browser and one after the other. */
async function crowded(browser, { relay, app, crowd }) {
  const { context, close } = await person(browser, { relay, app, name: "Alice" });
  const module = `${relay}/ringfork.js`;
  const opening = async () => {
    const page = await openPage(context, app);
    await page.evaluate((module, relay) => test.open(module, { relay }), module, relay);
    const took = await page.evaluate(() => test.noted("open").took);
    return { page, took };
  };
  await (await opening()).page.close();
  const { page, took: empty } = await opening();
  await page.evaluate(() => test.phone.close());
  const stored = await page.evaluate(
    async (store, crowd) => {
      const { indexedDBStore } = await import(store);
      const profile = indexedDBStore("default");
      const before = (await profile.get("contacts"))?.version ?? 0;
      await profile.put("contacts", Uint8Array.from(atob(crowd), (c) => c.charCodeAt(0)), before);
      profile.close();
      return atob(crowd).length;
    },
    `${relay}/ringfork/store.js`,
    crowd,
  );
  await page.close();
  const full = await opening();
  if ((await full.page.evaluate(() => test.phone.contacts.length)) !== 1000) throw new Error("the contacts are not there");
  await full.page.close();
  await close();
  return { empty, crowded: full.took, stored };
}
