// The program under test, and the pages that embed its module.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/**
 * Starts Ringfork on a port of the system's choice, or again on `addr` with the data of a server that was stopped.
 * @param {{ addr?: string, data?: string }} [options]
 */
export async function startServer({ addr = "127.0.0.1:0", data = mkdtempSync(join(tmpdir(), "ringfork-test-")) } = {}) {
  if (!process.env.RINGFORK_BIN) throw new Error("run the browser tests by npm test -- browsers");
  const child = spawn(process.env.RINGFORK_BIN, ["-addr", addr, "-data", data], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let text = "";
  const url = await new Promise((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      text += chunk;
      const found = /https?:\/\/[^\s/]+/.exec(text);
      if (found && text.includes("\n")) resolve(found[0]);
    });
    exited.then(([code]) => reject(new Error(`the server exited with code ${code}`)));
  });
  const stop = async (signal = "SIGINT") => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  return {
    url: /** @type {string} */ (url),
    data,
    /** Ends it, keeping its data. */
    stop,
    /** Ends it and its data. */
    async close() {
      await stop();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

const blank = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>app</title></head><body></body></html>`;

/**
 * Serves empty pages, on another origin than Ringfork's: what an application that embeds the module is.
 * @param {(request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse) => boolean | Promise<boolean>} [handle]
 *   answers what it wants to, and says whether it did
 */
export async function startApp(handle) {
  const server = createServer(async (request, response) => {
    if (await handle?.(request, response)) return;
    response.setHeader("content-type", "text/html");
    response.end(blank);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
