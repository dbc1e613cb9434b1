// The page in README.md, as it stands there.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test as check } from "node:test";
import { add, openPage, reaches } from "../support/browser.js";
import { startApp } from "../support/server.js";
import { stage } from "../support/stage.js";

const it = stage("alice", "bob");
const pages = [];
after(() => Promise.all(pages.map((page) => page.close())));

check("the page in the README can be called, and calls", async () => {
  const [, html] = /```html\n(.*?)```/s.exec(readFileSync(new URL("../../../README.md", import.meta.url), "utf8"));
  const app = await startApp((request, response) => {
    const card = new URL(request.url, it.app.url).searchParams.get("card");
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><script>globalThis.cardOfBob = ${JSON.stringify(card)}</script>${html.replaceAll("http://127.0.0.1:8787", it.server.url)}`);
    return true;
  });
  pages.push(app);
  const bob = await it.bob.tab({ incoming: "anyone" });

  const page = await openPage(it.alice.context, "about:blank");
  const card = new Promise((resolve) => page.on("console", (message) => /#card=/.test(message.text()) && resolve(message.text())));
  await page.goto(app.url);
  await add(bob, { card: await card });
  await bob.evaluate(() => test.call(test.phone.contacts[0], { audio: true, video: true }));
  await (await page.waitForSelector("#answer", { visible: true })).click();
  await reaches(bob, "active");
  await page.waitForFunction(() => document.querySelector("#them").videoWidth > 0);
  await bob.evaluate(() => test.last.hangUp());
  await page.waitForSelector("#answer", { hidden: true });

  await page.goto(`${app.url}/?card=${encodeURIComponent(bob.card)}`);
  await bob.evaluate(() => test.until(() => test.calls.length === 2));
  assert.equal(await bob.evaluate(() => test.accept({ audio: true, video: true })), "active");
  await page.waitForFunction(() => document.querySelector("#them").videoWidth > 0);
});
