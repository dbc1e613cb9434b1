// What stands around relays where there are several: a balancer before them, NATS behind.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { freePort } from "./ports.js";

/** Hands connections on to one server, and from some moment on the new ones to another. Those that are open stay where they are. */
export async function startBalancer() {
  let target = { host: "", port: 0 };
  const open = new Set();
  const server = createServer((incoming) => {
    const outgoing = connect(target);
    for (const [from, to] of [[incoming, outgoing], [outgoing, incoming]]) {
      open.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    /** @param {string} address HOST:PORT */
    to(address) {
      const [host, port] = address.split(":");
      target = { host, port: Number(port) };
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** An address of this machine that nobody listens on. */
export const freeAddress = async () => `127.0.0.1:${await freePort()}`;

/**
 * A NATS server of its own, for relays that share one.
 * @param {string} folder for its files
 */
export async function startNATS(folder) {
  const program = process.env.NATS_BIN;
  if (!program) throw new Error("run the browser tests by npm test -- browsers");
  const address = await freeAddress();
  const args = ["-a", "127.0.0.1", "-p", address.split(":")[1], "-js", "-sd", join(folder, "nats")];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  let text = "";
  await new Promise((resolve, reject) => {
    child.stderr.on("data", (chunk) => {
      text += chunk;
      if (text.includes("Server is ready")) resolve(undefined);
    });
    exited.then(() => reject(new Error(`NATS ended: ${text}`)));
  });
  return {
    url: `nats://${address}`,
    async close() {
      if (child.exitCode === null) child.kill("SIGTERM");
      await exited;
    },
  };
}
