// Reverse proxies before a relay, with the configuration that is in deploy/: only names, ports and files are this machine's.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deployed } from "./deploy.js";
import { listens } from "./ports.js";

/**
 * @typedef {{ port: number, relays: number[], cert: string, key: string, waits?: boolean }} Where
 *   port: of the proxy, at 127.0.0.1; relays: their ports; cert, key: PEM files; waits: false for a proxy that refuses at once what it
 *   would keep until a relay is there
 */

/** Starts nginx ($NGINX_BIN). @param {Where} where */
export function startNginx({ port, relays, cert, key }) {
  const folder = mkdtempSync(join(tmpdir(), "ringfork-nginx-"));
  chmodSync(folder, 0o755); // its workers are another user when we are root
  const servers = relays.map((relay) => `server 127.0.0.1:${relay} max_fails=0;`).join("\n");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((what) => `${what}_temp_path ${join(folder, what)};`).join("\n");
  const config = replaced(deployed("nginx.conf"), [
    ["user www-data;", "daemon off;"],
    ["pid /run/nginx.pid;", `pid ${join(folder, "pid")};`],
    ["worker_processes auto;", "worker_processes 2;"],
    // As many as somebody may have who is not root.
    ["worker_rlimit_nofile 131072;", ""],
    ["worker_connections 65536;", "worker_connections 256;"],
    ["http {", `http {\n${temporary}`],
    ["server 127.0.0.1:8787 max_fails=0;", servers],
    ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`],
    ["listen [::]:443 ssl http2;", ""],
    ["server_name calls.example;", "server_name 127.0.0.1;"],
    ["/etc/ringfork/cert.pem", cert],
    ["/etc/ringfork/key.pem", key],
  ]);
  const file = join(folder, "nginx.conf");
  writeFileSync(file, config);
  return start("nginx", process.env.NGINX_BIN, ["-p", folder, "-c", file, "-e", "stderr"], {}, folder, port);
}

/** Starts Caddy ($CADDY_BIN). @param {Where} where */
export function startCaddy({ port, relays, cert, key, waits = true }) {
  const folder = mkdtempSync(join(tmpdir(), "ringfork-caddy-"));
  const config = replaced(deployed("Caddyfile"), [
    ["\n{\n", "\n{\nadmin off\nauto_https disable_redirects\n"],
    ["calls.example {", `https://127.0.0.1:${port} {\nbind 127.0.0.1\ntls ${cert} ${key}`],
    ["lb_try_duration 3s", waits ? "lb_try_duration 3s" : ""],
    ["reverse_proxy 127.0.0.1:8787", `reverse_proxy ${relays.map((relay) => `127.0.0.1:${relay}`).join(" ")}`],
  ]);
  const file = join(folder, "Caddyfile");
  writeFileSync(file, config);
  const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  return start("Caddy", process.env.CADDY_BIN, ["run", "--adapter", "caddyfile", "--config", file], env, folder, port);
}

/**
 * A text with other words. Each must be there, once, or it is not the text that is tried.
 * @param {string} text
 * @param {[string, string][]} changes
 */
function replaced(text, changes) {
  for (const [from, to] of changes) {
    const parts = text.split(from);
    if (parts.length !== 2) throw new Error(`${JSON.stringify(from)} is there ${parts.length - 1} times`);
    text = parts.join(to);
  }
  return text;
}

/**
 * @param {string} name
 * @param {string | undefined} program
 * @param {string[]} args
 * @param {Record<string, string>} env
 * @param {string} folder goes with it
 * @param {number} port
 */
async function start(name, program, args, env, folder, port) {
  const child = spawn(/** @type {string} */ (program), args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output = (output + chunk).slice(-20_000)));
  const exited = once(child, "exit");
  const runs = () => child.exitCode === null && child.signalCode === null;
  const close = async () => {
    if (runs()) child.kill("SIGTERM");
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  for (let i = 0; !(await listens(port)); i++) {
    if (i < 3000 && runs()) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    await close();
    throw new Error(`${name} does not listen:\n${output}`);
  }
  return {
    url: `https://127.0.0.1:${port}`,
    /** What it printed last. */
    output: () => output,
    /** Ends it, and its files. */
    close,
  };
}
