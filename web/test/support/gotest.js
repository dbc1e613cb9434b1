// Go's test binaries, compiled to Wasm and run in a page.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openPage } from "./browser.js";
import { startApp } from "./server.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const go = async (args, env = {}) => (await promisify(execFile)("go", args, { cwd: root, env: { ...process.env, ...env } })).stdout.trim();

/**
 * Compiles the tests of packages and serves them. `run` runs one package's in a page to its end; a page has no files.
 * @param {import("puppeteer-core").Browser} browser
 * @param {string[]} packages
 */
export async function serveGoTests(browser, packages) {
  const folder = mkdtempSync(join(tmpdir(), "ringfork-gotest-"));
  const served = { "/wasm_exec.js": ["text/javascript", join(await go(["env", "GOROOT"]), "lib/wasm/wasm_exec.js")] };
  for (const name of packages) served[`/${name}.wasm`] = ["application/wasm", join(folder, `${name}.wasm`)];
  const app = await startApp((request, response) => {
    if (!(request.url in served)) return false;
    const [type, file] = served[request.url];
    response.setHeader("content-type", type);
    response.end(readFileSync(file));
    return true;
  });
  return {
    /**
     * @param {string} name
     * @param {string[]} flags of the test binary, such as "-test.run=^Test"
     * @returns {Promise<{ text: string, code: number }>} what it printed, and its exit code
     */
    async run(name, flags) {
      await go(["test", "-c", "-o", join(folder, `${name}.wasm`), `./${name}`], { GOOS: "js", GOARCH: "wasm" });
      const page = await openPage(browser.defaultBrowserContext(), app.url);
      try {
        await page.addScriptTag({ url: "/wasm_exec.js" });
        return await page.evaluate(
          async (name, flags) => {
            const decoder = new TextDecoder();
            let text = "";
            globalThis.fs.writeSync = (_, bytes) => {
              text += decoder.decode(bytes, { stream: true });
              return bytes.length;
            };
            const program = new globalThis.Go();
            program.argv = [name, ...flags];
            let code;
            program.exit = (exitCode) => (code = exitCode);
            const { instance } = await WebAssembly.instantiateStreaming(fetch(`/${name}.wasm`), program.importObject);
            await program.run(instance);
            for (const timer of program._scheduledTimeouts.values()) clearTimeout(timer);
            return { text, code };
          },
          name,
          flags,
        );
      } finally {
        await page.close();
      }
    },
    async close() {
      await app.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
