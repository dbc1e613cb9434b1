import assert from "node:assert/strict";
import { test } from "node:test";

import { watchNetwork } from "../../ringfork/network.js";
import { stubGlobals } from "./fakes.js";
import { setUp } from "./setup.js";

test("another network is told once, what is only measured is not", (t) => {
  const page = new EventTarget();
  const connection = Object.assign(new EventTarget(), { type: "wifi" });
  const over = new AbortController();
  let told = 0;
  stubGlobals(t, { navigator: { connection }, addEventListener: page.addEventListener.bind(page) });
  watchNetwork(() => told++, over.signal);
  const becomes = (type) => {
    connection.type = type;
    connection.dispatchEvent(new Event("change"));
    return told;
  };
  assert.equal(becomes("wifi"), 0, "the round trip changed");
  assert.equal(becomes("cellular"), 1);
  assert.equal(becomes("cellular"), 1);
  assert.equal(becomes("none"), 1, "there is nothing to connect over");
  assert.equal(becomes("cellular"), 2);
  page.dispatchEvent(new Event("online"));
  assert.equal(told, 3);
  over.abort();
  page.dispatchEvent(new Event("online"));
  assert.equal(becomes("wifi"), 3, "a listener was left behind");
});

test("a browser that does not say its type of network, or has no window, is no reason to fail", (t) => {
  const connection = new EventTarget();
  stubGlobals(t, { navigator: { connection }, addEventListener: undefined });
  watchNetwork(() => assert.fail("nothing changed"), AbortSignal.abort());
  connection.dispatchEvent(new Event("change"));
});

test("an open phone hears of another network", async (t) => {
  const { raw, page, phone } = await setUp(t);
  page.dispatchEvent(new Event("online"));
  assert.deepEqual(raw.asked.at(-1), ["networkChanged"]);
  raw.fails.networkChanged = new Error("crashed");
  page.dispatchEvent(new Event("online")); // what fails here has nobody to tell
  await phone.close();
  const asked = raw.asked.length;
  page.dispatchEvent(new Event("online"));
  assert.equal(raw.asked.length, asked);
});
