// The tests of packages keys and frame, test vectors and all, compiled to Wasm and run in a page.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { launch, openPage } from "../support/browser.js";
import { startApp } from "../support/server.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const go = async (args, env = {}) => (await promisify(execFile)("go", args, { cwd: root, env: { ...process.env, ...env } })).stdout.trim();

let folder, app, browser;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "ringfork-vectors-"));
  const exec = join(await go(["env", "GOROOT"]), "lib/wasm/wasm_exec.js");
  app = await startApp((request, response) => {
    const served = { "/wasm_exec.js": ["text/javascript", exec], "/keys.wasm": ["application/wasm", join(folder, "keys.wasm")], "/frame.wasm": ["application/wasm", join(folder, "frame.wasm")] };
    if (!(request.url in served)) return false;
    const [type, file] = served[request.url];
    response.setHeader("content-type", type);
    response.end(readFileSync(file));
    return true;
  });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await app?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a Go test binary in a page to its end. A page has no files: the vectors are in the binary. */
async function runInPage(name) {
  await go(["test", "-c", "-o", join(folder, `${name}.wasm`), `./${name}`], { GOOS: "js", GOARCH: "wasm" });
  const page = await openPage(browser.defaultBrowserContext(), app.url);
  try {
    await page.addScriptTag({ url: "/wasm_exec.js" });
    return await page.evaluate(async (name) => {
      const decoder = new TextDecoder();
      let text = "";
      globalThis.fs.writeSync = (_, bytes) => {
        text += decoder.decode(bytes, { stream: true });
        return bytes.length;
      };
      const program = new globalThis.Go();
      program.argv = [name, "-test.v", "-test.short", "-test.run=^Test"]; // fuzz targets look for files
      let code;
      program.exit = (exitCode) => (code = exitCode);
      const { instance } = await WebAssembly.instantiateStreaming(fetch(`/${name}.wasm`), program.importObject);
      await program.run(instance);
      for (const timer of program._scheduledTimeouts.values()) clearTimeout(timer);
      return { text, code };
    }, name);
  } finally {
    await page.close();
  }
}

for (const name of ["keys", "frame"]) {
  test(`the tests of package ${name} pass in a page, and read its vectors`, { timeout: 240_000 }, async (t) => {
    const { text, code } = await runInPage(name);
    const failures = text.split("\n").filter((line) => /--- FAIL|panic|_test\.go:\d+/.test(line));
    assert.equal(code, 0, `${failures.join("\n")}\n${text.slice(-2000)}`);
    const read = text.match(/^\s*--- PASS: TestVector\w+(\/\S+)? /gm) ?? [];
    const files = readdirSync(join(root, name, "testdata/vectors"));
    assert.ok(read.length >= files.length, `there are ${files.length} files of vectors, and ${read.length} tests of them ran`);
    t.diagnostic(`${text.match(/^--- PASS/gm).length} tests, ${read.length} of vectors`);
  });
}
