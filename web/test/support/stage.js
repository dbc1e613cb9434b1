// What most tests begin with: a server, a page to embed the module in, a browser, two people.

import { after, afterEach, before, beforeEach } from "node:test";
import { launch, person } from "./browser.js";
import { startApp, startServer } from "./server.js";

/**
 * Sets up one server and browser for a file, and new people for each test. Tests that run beside each other name nobody here,
 * and ask for `people` of their own.
 * @param {string[]} names
 */
export function stage(...names) {
  const it = /** @type {any} */ ({});
  before(async () => {
    // One after another: what fails must not leave a browser behind that nobody knows of.
    it.server = await startServer();
    it.app = await startApp();
    it.browser = await launch();
  });
  beforeEach(async () => {
    for (const name of names) {
      it[name] = await person(it.browser, { relay: it.server.url, app: it.app.url, name: name[0].toUpperCase() + name.slice(1) });
    }
  });
  afterEach(async () => {
    for (const name of names) await it[name]?.close();
  });
  after(async () => {
    await it.browser?.close();
    await Promise.all([it.app?.close(), it.server?.close()]);
  });
  /**
   * Alice and Bob for one test, who go with it.
   * @param {import("node:test").TestContext} t
   * @param {{ relay?: string, other?: import("puppeteer-core").Browser }} [where] other: a browser of its own for Bob, who closes it
   */
  it.people = async (t, { relay = it.server.url, other } = {}) => {
    const all = [];
    t.after(async () => {
      await Promise.all(all.map((one) => one.close()));
      await other?.close();
    });
    for (const [name, browser] of [["Alice", it.browser], ["Bob", other ?? it.browser]]) all.push(await person(browser, { relay, app: it.app.url, name }));
    return all;
  };
  return it;
}
