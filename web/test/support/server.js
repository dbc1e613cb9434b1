// The program under test, and the pages that embed its module.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./ports.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/**
 * Starts Ringfork on a port that is free, or again on `addr` with the data of a server that was stopped.
 * @param {{ addr?: string, data?: string, args?: string[] }} [options] args: more flags
 */
export async function startServer({ addr, data = mkdtempSync(join(tmpdir(), "ringfork-test-")), args = [] } = {}) {
  addr ??= `127.0.0.1:${await freePort()}`; // which is still free when it is started again
  const { url, stop } = await start(process.env.RINGFORK_BIN, ["-addr", addr, "-data", data, ...args]);
  return {
    url,
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

/**
 * Starts a relay in the wrong hands before a server, from which pages and module come: see relay/hostile.
 * @param {string} front the server's URL
 */
export async function startHostile(front) {
  const { url, stop } = await start(process.env.HOSTILE_BIN, ["-front", front]);
  return {
    url,
    /** Has it do something, or several things: see Control in relay/hostile. @param {object | object[]} what */
    async control(what) {
      const response = await fetch(`${url}/control`, { method: "POST", body: JSON.stringify(what) });
      if (!response.ok) throw new Error(`the relay refuses: ${await response.text()}`);
    },
    /** All that it has seen: see Record in relay/hostile. */
    record: () => fetch(`${url}/control/record`).then((response) => response.json()),
    close: () => stop(),
  };
}

/**
 * Starts a program that prints its URL in its first line.
 * @param {string | undefined} program
 * @param {string[]} args
 */
async function start(program, args) {
  if (!program) throw new Error("run the browser tests by npm test -- browsers");
  const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
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
  return { url: /** @type {string} */ (url), stop };
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
