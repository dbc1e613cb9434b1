// Real browsers, with devices that are not there.

import puppeteer from "puppeteer-core";
import { install } from "./page.js";

const flags = [
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  "--allow-loopback-in-peer-connection",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// What makes hidden tabs slow in real life, and Puppeteer turns off.
const throttling = [
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
];

/** A busy machine takes its time to start a browser, and what waits in a page ends by itself. */
const patient = { timeout: 120_000, protocolTimeout: 240_000 };

/**
 * One browser a file. Its profile is new, and goes with it.
 * @param {{ throttle?: boolean, args?: string[] }} [options] whether hidden tabs are slowed down as they are in real life
 */
export function launch({ throttle = false, args = [] } = {}) {
  return puppeteer.launch({
    executablePath: process.env.CHROME,
    headless: true,
    args: [...flags, ...args],
    ignoreDefaultArgs: throttle ? throttling : [],
    ...patient,
  });
}

/**
 * A Firefox, in the same state. Its hidden tabs are not slowed down, its addresses are shown as they are, and it takes any
 * certificate.
 */
export function launchFirefox() {
  if (!process.env.FIREFOX) throw new Error("name a Firefox in the variable FIREFOX");
  return puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.FIREFOX,
    headless: true,
    acceptInsecureCerts: true,
    extraPrefsFirefox: {
      "media.navigator.streams.fake": true,
      "media.navigator.permission.disabled": true,
      "media.peerconnection.ice.loopback": true,
      "media.peerconnection.ice.obfuscate_host_addresses": false,
      "media.autoplay.default": 0,
      "dom.min_background_timeout_value": 4,
    },
    ...patient,
  });
}

/**
 * A person's browser: what is stored in it is apart from all others'.
 * @param {import("puppeteer-core").Browser} browser
 * @param {{ relay: string, app: string, name: string }} where
 */
export async function person(browser, { relay, app, name }) {
  const context = await browser.createBrowserContext();
  const others = [];
  return {
    name,
    context,
    /**
     * A tab of theirs with a phone in it.
     * @param {object} [options] of openPhone
     * @param {Parameters<typeof openPage>[2]} [how]
     */
    async tab(options = {}, how = {}) {
      return this.open(await openPage(context, app, how), options);
    },
    /**
     * Opens their phone in a page.
     * @param {import("puppeteer-core").Page} page
     * @param {object} [options] of openPhone
     */
    async open(page, options = {}) {
      const opened = await page.evaluate(
        (module, options) => test.open(module, options),
        `${relay}/ringfork.js`,
        { relay, profile: "default", name, label: `${name}'s tab`, ...options },
      );
      await page.evaluate(() => test.online());
      return Object.assign(page, opened);
    },
    /** Another browser of theirs, which knows nothing of this one. */
    async elsewhere() {
      const other = await person(browser, { relay, app, name });
      others.push(other);
      return other;
    },
    /**
     * A tab of this browser, which asks to be a device of the account of another one's. Its `code` is the link.
     * @param {object} [options] of requestLink
     */
    async asking(options = {}) {
      const page = await openPage(context, app);
      const code = await page.evaluate(
        (module, options) => test.requestLink(module, options),
        `${relay}/ringfork.js`,
        { relay, profile: "default", label: `${name}'s other browser`, ...options },
      );
      return Object.assign(page, { code });
    },
    /**
     * Makes this browser a device of the account of a tab, as somebody does who finds the same short code on both, and
     * opens the phone.
     * @param {import("puppeteer-core").Page} tab
     * @param {object} [options] of openPhone
     */
    async link(tab, options = {}) {
      const page = await this.asking(options);
      const { confirm } = await tab.evaluate((code) => test.approveLink(code), page.code);
      const shown = await page.evaluate(() => test.link.confirm);
      if (shown !== confirm) throw new Error(`two short codes: ${shown} and ${confirm}`);
      await tab.evaluate(() => test.asking.approve());
      await page.evaluate(() => test.link.done);
      return this.open(page, { label: `${name}'s other browser`, ...options });
    },
    async close() {
      await context.close();
      for (const other of others) await other.close();
    },
  };
}

/**
 * An empty page, watched.
 * @param {import("puppeteer-core").BrowserContext} context
 * @param {string} url
 * @param {{ front?: boolean, before?: () => void }} [how] front: as if each tab were the one in front; hidden ones show no
 *   video; before: what runs in the page before anything else does
 */
export async function openPage(context, url, { front = true, before } = {}) {
  const page = await context.newPage();
  if (/chrome/i.test(await context.browser().version())) {
    const session = await page.createCDPSession();
    await session.send("Emulation.setFocusEmulationEnabled", { enabled: front });
  }
  if (before) await page.evaluateOnNewDocument(before);
  await page.evaluateOnNewDocument(install);
  page.on("console", (message) => {
    if (message.type() === "error") console.error(`[page] ${message.text()}`);
  });
  page.on("pageerror", (error) => console.error(`[page] ${error}`));
  await page.goto(url);
  return page;
}

/** Waits until a card's owner can be found by it, then adds it. */
export function add(tab, other) {
  return tab.evaluate(
    (card) =>
      test.until(async () => {
        try {
          return await test.phone.addContact(card);
        } catch (error) {
          if (error.code !== "slot-empty") throw error;
        }
      }),
    other.card,
  );
}

/** Makes two people contacts of each other. */
export async function meet(a, b) {
  await add(a, b);
  await add(b, a);
}

/** Waits until the last call of a tab is in a state. */
export function reaches(tab, state, ms) {
  return tab.evaluate((state, ms) => test.until(() => test.state() === state, ms), state, ms);
}

/** Waits until the last call of each tab has ended, and tells how. */
export function endings(...tabs) {
  return Promise.all(
    tabs.map((tab) => tab.evaluate(() => test.until(() => test.last?.endReason && { reason: test.last.endReason, by: test.last.answeredBy }))),
  );
}

/** Waits until the last call of each tab was answered elsewhere, and tells where: not every way by which the end comes says that. */
export function answeredElsewhere(...tabs) {
  return Promise.all(tabs.map((tab) => tab.evaluate(() => test.until(() => test.last?.endReason === "answered-elsewhere" && test.last.answeredBy))));
}

/** The moment in a page, in ms since 1970. */
export const now = (tab) => tab.evaluate(() => test.now());

/** When this process was not let run, though it wanted to: from and to, in ms since 1970. @type {[number, number][]} */
const stops = [];
let ran = Date.now();
setInterval(() => {
  const at = Date.now();
  if (at - ran > 70) stops.push([ran, at]);
  ran = at;
}, 20).unref();

/**
 * How long something took in pages, in ms, without the time in which a busy machine let nobody run.
 * @param {number} from in ms since 1970, as `now` tells it
 * @param {number} to
 */
export function took(from, to) {
  const stopped = stops.map(([since, until]) => Math.max(0, Math.min(to, until) - Math.max(from, since)));
  return to - from - stopped.reduce((a, b) => a + b, 0);
}

/** Waits until each tab gets sound that it did not have before. */
export function hear(...tabs) {
  return Promise.all(
    tabs.map((tab) =>
      tab.evaluate(async () => {
        const { energy } = await test.rtp();
        await test.until(async () => (await test.rtp()).energy > energy);
      }),
    ),
  );
}

/** Waits until no tab holds a device or a connection. */
export function empty(...tabs) {
  return Promise.all(tabs.map((tab) => tab.evaluate(() => test.until(() => test.openDevices() === 0 && test.openConnections().length === 0))));
}

/** What the pages complain of that nobody caught. */
export async function errors(...tabs) {
  return (await Promise.all(tabs.map((tab) => tab.evaluate(() => test.errors)))).flat();
}

/** Makes a Chromium page's WebRTC lose packets on demand, in percent. It must be called before the page's first connection. */
export async function lossy(page) {
  const session = await page.createCDPSession();
  await session.send("Network.enable");
  const lose = (packetLoss) =>
    session.send("Network.emulateNetworkConditions", { offline: false, latency: 1, downloadThroughput: 1e8, uploadThroughput: 1e8, packetLoss });
  await lose(0);
  return lose;
}
