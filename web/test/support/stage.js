// What most tests begin with: a server, a page to embed the module in, a browser, two people.

import { after, afterEach, before, beforeEach } from "node:test";
import { launch, person } from "./browser.js";
import { startApp, startServer } from "./server.js";

/**
 * Sets up one server and browser for a file, and new people for each test.
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
  return it;
}
