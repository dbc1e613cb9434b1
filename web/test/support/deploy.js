// The files in deploy/, run as processes on this machine: what systemd does with them, as far as that can be tried here.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../../deploy/", import.meta.url));

/** A file of deploy/. @param {string} name */
export const deployed = (name) => readFileSync(folder + name, "utf8");

/** The variables of an environment file, as systemd reads it. @param {string} text */
export function variables(text) {
  const joined = text.replaceAll("\\\n", "");
  const lines = joined.split("\n").filter((line) => line && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => {
    const [, name, value] = /** @type {string[]} */ (/^(\w+)=(.*)$/.exec(line));
    return [name, value.replace(/^"(.*)"$/, "$1")];
  }));
}

/**
 * The variables of an example, with other values. Every one must be given one, or it is not the example that is tried.
 * @param {string} example
 * @param {Record<string, string>} values
 */
export function filledIn(example, values) {
  const names = Object.keys(variables(deployed(example)));
  const missing = names.filter((name) => !(name in values));
  if (missing.length > 0) throw new Error(`${example}: no value for ${missing}`);
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}

/**
 * Flags with other values, by their names; null leaves one out. Every flag must be named.
 * @param {string} text such as "-a 1 -b 2"
 * @param {Record<string, string | null>} values
 */
export function changedFlags(text, values) {
  const words = text.trim().split(/\s+/);
  const flags = [];
  for (let i = 0; i < words.length; i++) {
    const [name, given] = words[i].split("=", 2);
    const value = values[name];
    if (value === undefined) throw new Error(`no value for the flag ${name}`);
    if (given === undefined) i++;
    if (value !== null) flags.push(...(given === undefined ? [name, value] : [`${name}=${value}`]));
  }
  return flags.join(" ");
}

/**
 * Starts what a unit starts.
 * @param {string} unit its file's name
 * @param {string} program what stands for its program here
 * @param {Record<string, string>} env its environment file
 * @param {Record<string, string>} [paths] files elsewhere than the unit says
 */
export function startUnit(unit, program, env, paths = {}) {
  const [, line] = /** @type {string[]} */ (/^ExecStart=(.*)$/m.exec(deployed(`systemd/${unit}`)));
  const words = line.split(" ").flatMap((word) => (word.startsWith("$") ? env[word.slice(1)].trim().split(/\s+/) : [paths[word] ?? word]));
  const child = spawn(program, words.slice(1), { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output = (output + chunk).slice(-20_000)));
  const exited = once(child, "exit");
  return {
    name: basename(words[0]),
    /** What it printed last. */
    output: () => output,
    /** Whether it runs. */
    runs: () => child.exitCode === null && child.signalCode === null,
    /** @param {NodeJS.Signals} [signal] */
    async stop(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/**
 * The simplest load balancer: each connection goes to the next relay that says it is ready.
 * @param {number[]} ports of relays
 */
export async function startBalancer(ports) {
  let turn = 0;
  const ready = async (/** @type {number} */ port) => {
    try {
      return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
    } catch {
      return false;
    }
  };
  /** @type {Set<import("node:net").Socket>} */
  const sockets = new Set();
  const server = createServer(async (client) => {
    sockets.add(client.on("close", () => sockets.delete(client)).on("error", () => {}));
    for (let tries = 0; tries < ports.length; tries++) {
      const port = ports[turn++ % ports.length];
      if (!(await ready(port))) continue;
      const relay = connect(port, "127.0.0.1");
      sockets.add(relay.on("close", () => sockets.delete(relay)).on("error", () => client.destroy()));
      client.on("close", () => relay.destroy());
      relay.on("close", () => client.destroy());
      client.pipe(relay).pipe(client);
      return;
    }
    client.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
    },
  };
}
