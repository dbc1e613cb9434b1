// A real coturn on loopback, for tests: what somebody runs who has one already.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts, listens } from "./ports.js";

/**
 * Starts coturn ($COTURN). It has a secret in a file, for -turn-secret, and an address, with a certificate one for TLS too.
 * @param {{ cert: string, key: string }} [certificate] PEM files
 */
export async function startCoturn(certificate) {
  const folder = mkdtempSync(join(tmpdir(), "ringfork-coturn-"));
  const secret = "a secret that the relay and coturn share";
  const [port, tlsPort] = await freePorts(2);
  const file = join(folder, "secret");
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  writeFileSync(
    join(folder, "coturn.conf"),
    [
      "realm=ringfork",
      "use-auth-secret",
      `static-auth-secret=${secret}`,
      "listening-ip=127.0.0.1",
      "relay-ip=127.0.0.1",
      `listening-port=${port}`,
      "allow-loopback-peers", // both ends of the call are here
      "no-cli",
      ...(certificate ? [`tls-listening-port=${tlsPort}`, `cert=${certificate.cert}`, `pkey=${certificate.key}`] : ["no-tls"]),
      "no-dtls",
      "fingerprint",
      `userdb=${join(folder, "db")}`,
      `pidfile=${join(folder, "pid")}`,
      "log-file=stdout",
    ].join("\n"),
    { mode: 0o600 },
  );
  const child = spawn(/** @type {string} */ (process.env.COTURN), ["-c", join(folder, "coturn.conf")], { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (log += chunk));
  const close = async () => {
    child.kill("SIGKILL");
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  for (let i = 0; !(await listens(certificate ? tlsPort : port)); i++) {
    if (i < 3000 && child.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    await close();
    throw new Error(`coturn does not listen:\n${log}`);
  }
  return {
    at: `127.0.0.1:${port}`,
    tlsAt: `127.0.0.1:${tlsPort}`,
    secret: file,
    close,
  };
}
