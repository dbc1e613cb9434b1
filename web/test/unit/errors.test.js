import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

import { RingforkError, errorCodes, toRingforkError } from "../../ringfork/errors.js";
import { coded } from "./fakes.js";

test("every code that the module uses is documented", async () => {
  const folder = new URL("../../ringfork/", import.meta.url);
  let used = 0;
  for (const file of await readdir(folder)) {
    const source = await readFile(new URL(file, folder), "utf8");
    for (const [, code] of source.matchAll(/(?:new RingforkError|toRingforkError)\(\s*(?:error, )?"([^"]+)"/g)) {
      used++;
      assert.ok(code in errorCodes, `${file} uses ${code}`);
    }
  }
  assert.ok(used > 20, `the scan found ${used} uses only`);
});

test("an error of the Wasm keeps its code and becomes the cause", () => {
  const cause = coded("bad-card");
  const error = toRingforkError(cause);
  assert.ok(error instanceof RingforkError);
  assert.equal(error.code, "bad-card");
  assert.equal(error.cause, cause);
  assert.equal(error.message, "go says bad-card");
});

test("an error of the Wasm keeps how long the relay asked to wait", () => {
  assert.equal(toRingforkError(Object.assign(coded("rate-limited"), { retryAfter: 7000 })).retryAfter, 7000);
  assert.equal(toRingforkError(coded("rate-limited")).retryAfter, 0);
});

test("what has no code, or one that nobody documented, gets one", () => {
  assert.equal(toRingforkError(new TypeError("x")).code, "internal-error");
  assert.equal(toRingforkError(coded("toString"), "store-failed").code, "store-failed");
  assert.equal(toRingforkError(undefined).code, "internal-error");
  assert.equal(toRingforkError(undefined).message, errorCodes["internal-error"]);
});

test("a RingforkError stays itself", () => {
  const error = new RingforkError("closed");
  assert.equal(toRingforkError(error), error);
});
