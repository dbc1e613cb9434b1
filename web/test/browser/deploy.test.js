// The files in deploy/, tried for real: three NATS nodes, two relays behind nginx, coturn, and two browsers.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test as check } from "node:test";
import { endings, hear, launch, meet, person, reaches } from "../support/browser.js";
import { makeCertificate } from "../support/certificate.js";
import { changedFlags, deployed, filledIn, startBalancer, startUnit, variables } from "../support/deploy.js";
import { freePort, freePorts } from "../support/ports.js";
import { startNginx } from "../support/proxy.js";
import { startApp } from "../support/server.js";

const { RINGFORK_BIN, NATS_BIN, NGINX_BIN, COTURN } = /** @type {Record<string, string>} */ (process.env);
const folder = mkdtempSync(join(tmpdir(), "ringfork-deploy-"));
const turnSecret = "7".repeat(32);
const natsConf = new URL("../../../deploy/nats.conf", import.meta.url).pathname;

/** @type {any} */
const it = { nodes: [], relays: [] };

/** @param {string} name @param {string} text */
function secret(name, text) {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** @param {number} i */
function startNode(i) {
  const [client, cluster, monitor] = it.ports.slice(3 * i);
  const routes = [0, 1, 2].map((j) => `nats-route://route:s3cret@127.0.0.1:${it.ports[3 * j + 1]}`);
  it.nodes[i] = startUnit("nats.service", NATS_BIN, filledIn("nats.env.example", {
    NATS_NAME: `nats-${i + 1}`,
    NATS_PASSWORD: "s3cret",
    NATS_LISTEN: `127.0.0.1:${client}`,
    NATS_CLUSTER_LISTEN: `127.0.0.1:${cluster}`,
    NATS_ROUTES: `[${routes.join(", ")}]`,
    NATS_MONITOR: `127.0.0.1:${monitor}`,
    NATS_STORE: join(folder, `nats-${i + 1}`),
  }), { "/etc/ringfork/nats.conf": natsConf });
}

/** @param {number} i */
function startRelay(i) {
  const turn = `127.0.0.1:${it.turnPort}`;
  const example = variables(deployed("ringfork.env.example")).RINGFORK_FLAGS;
  const flags = changedFlags(example, {
    "-addr": `127.0.0.1:${it.relayPorts[i]}`,
    "-origin": it.balancer.url,
    "-module": it.module,
    // TLS ends in the balancer, if that is nginx; the other one knows none.
    "-tls-cert": null,
    "-tls-key": null,
    "-ops": "127.0.0.1:0",
    "-nats": [0, 1, 2].map((j) => `nats://127.0.0.1:${it.ports[3 * j]}`).join(","),
    "-nats-creds": secret("nats.login", "ringfork:s3cret\n"),
    "-nats-key": secret("nats.key", "0f".repeat(32) + "\n"),
    "-turn": COTURN ? `turn:${turn},turn:${turn}?transport=tcp` : null,
    "-turn-secret": COTURN ? secret("turn.secret", `${turnSecret}\n`) : null,
  });
  it.relays[i] = startUnit("ringfork.service", RINGFORK_BIN, { RINGFORK_FLAGS: NGINX_BIN ? `${flags} -proxy 127.0.0.1` : flags });
}

function startCoturn() {
  // What its head says to add, and what only a test on one machine needs: its own port and files, and peers at loopback.
  const own = `
    static-auth-secret=${turnSecret}
    listening-ip=127.0.0.1
    relay-ip=127.0.0.1
    allow-loopback-peers
    allowed-peer-ip=127.0.0.1
    pidfile=${join(folder, "coturn.pid")}
    userdb=${join(folder, "turndb")}`.replaceAll(/^ +/gm, "");
  const text = deployed("coturn.conf").replace(/^listening-port=.*$/m, `listening-port=${it.turnPort}`).replace(/^tls-listening-port=.*$/m, "no-tls");
  const file = secret("coturn.conf", text + own);
  it.coturn = startUnit("coturn.service", COTURN, {}, { "/etc/ringfork/coturn.conf": file });
}

/** Waits until what a unit started says that it is well. @param {any} unit @param {string} url where it says so */
async function well(unit, url) {
  const end = Date.now() + 60_000;
  const ok = () => fetch(url).then((r) => r.ok, () => false);
  while (!(await ok())) {
    assert.ok(unit.runs(), `${unit.name} ended: ${unit.output()}`);
    assert.ok(Date.now() < end, `${unit.name} is not ready: ${unit.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until nodes of NATS are healthy: a relay ends where they are not for too long. @param {number[]} which */
async function healthy(...which) {
  for (const i of which) await well(it.nodes[i], `http://127.0.0.1:${it.ports[3 * i + 2]}/healthz`);
}

/** Waits until a relay, or all of them, are ready. @param {number[]} which */
async function ready(...which) {
  for (const i of which) await well(it.relays[i], `http://127.0.0.1:${it.relayPorts[i]}/readyz`);
}

before(async () => {
  assert.ok(RINGFORK_BIN && NATS_BIN, "run the browser tests by npm test -- browsers");
  const ports = await freePorts(12);
  it.ports = ports.slice(0, 9);
  it.relayPorts = ports.slice(9, 11);
  it.turnPort = ports[11];
  it.module = process.env.MODULE_DIR;
  if (NGINX_BIN) {
    it.certificate = await makeCertificate();
    it.balancer = await startNginx({ port: await freePort(), relays: it.relayPorts, ...it.certificate });
  } else {
    it.balancer = await startBalancer(it.relayPorts);
  }
  for (const i of [0, 1, 2]) startNode(i);
  if (COTURN) startCoturn();
  await healthy(0, 1, 2);
  for (const i of [0, 1]) startRelay(i);
  await ready(0, 1);
  it.app = await startApp();
  it.browser = await launch({ args: NGINX_BIN ? [it.certificate.flag] : [] });
  for (const name of ["alice", "bob"]) {
    it[name] = await person(it.browser, { relay: it.balancer.url, app: it.app.url, name });
  }
});

after(async () => {
  await it.browser?.close();
  await it.app?.close();
  await it.balancer?.close();
  it.certificate?.remove();
  await Promise.all([...it.relays, it.coturn, ...it.nodes].map((unit) => unit?.stop("SIGKILL")));
  rmSync(folder, { recursive: true, force: true });
});

/** A call of Alice's, which both of Bob's tabs ring for and the second one takes. */
async function talk(caller, first, second) {
  await caller.evaluate((id) => test.call(id), first.account);
  await reaches(first, "ringing");
  await reaches(second, "ringing");
  assert.equal(await second.evaluate(() => test.accept()), "active");
  await Promise.all([caller, second].map((page) => page.evaluate(() => test.hears())));
  assert.deepEqual((await endings(first)).map(({ reason }) => reason), ["answered-elsewhere"]);
}

check("phones at two relays of a cluster call each other while nodes and relays are stopped and started", async () => {
  const options = COTURN ? { iceTransportPolicy: "relay" } : {};
  const caller = await it.alice.tab(options);
  const [first, second] = [await it.bob.tab(options), await it.bob.tab(options)];
  await meet(caller, first);
  await talk(caller, first, second);
  if (COTURN) {
    const types = await caller.evaluate(async () => {
      const reports = (await Promise.all(test.watch.connections.map((c) => c.getStats()))).flatMap((stats) => [...stats.values()]);
      return reports.filter(({ type }) => type === "local-candidate").map(({ candidateType }) => candidateType);
    });
    assert.deepEqual(new Set(types), new Set(["relay"]));
  }

  // One node after the other is shot: calls go on, and new ones ring.
  await it.nodes[0].stop("SIGKILL");
  await hear(caller, second);
  await caller.evaluate(() => test.last.hangUp());
  await endings(caller, second);
  await talk(caller, first, second);
  startNode(0);
  await healthy(0);

  // A new version of the relays, one after the other, in the middle of a call.
  for (const i of [0, 1]) {
    await it.relays[i].stop("SIGTERM");
    startRelay(i);
    await ready(i);
    for (const page of [caller, first, second]) await page.evaluate(() => test.online());
  }
  await hear(caller, second);
  assert.equal(await caller.evaluate(() => test.noted("state", "reconnecting")), undefined, "the call noticed nothing");
  await caller.evaluate(() => test.last.hangUp());
  await endings(caller, second);
  await talk(caller, first, second);
});
