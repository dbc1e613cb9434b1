// The tests of packages keys and frame, test vectors and all, compiled to Wasm and run in a page.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch } from "../support/browser.js";
import { serveGoTests } from "../support/gotest.js";

const packages = ["keys", "frame"];
let browser, tests;
before(async () => {
  browser = await launch();
  tests = await serveGoTests(browser, packages);
});
after(async () => {
  await browser?.close();
  await tests?.close();
});

for (const name of packages) {
  test(`the tests of package ${name} pass in a page, and read its vectors`, { timeout: 600_000 }, async (t) => {
    const { text, code } = await tests.run(name, ["-test.v", "-test.short", "-test.run=^Test"]); // fuzz targets look for files
    const failures = text.split("\n").filter((line) => /--- FAIL|panic|_test\.go:\d+/.test(line));
    assert.equal(code, 0, `${failures.join("\n")}\n${text.slice(-2000)}`);
    const read = text.match(/^\s*--- PASS: TestVector\w+(\/\S+)? /gm) ?? [];
    const files = readdirSync(fileURLToPath(new URL(`../../../${name}/testdata/vectors`, import.meta.url)));
    assert.ok(read.length >= files.length, `there are ${files.length} files of vectors, and ${read.length} tests of them ran`);
    t.diagnostic(`${text.match(/^--- PASS/gm).length} tests, ${read.length} of vectors`);
  });
}
