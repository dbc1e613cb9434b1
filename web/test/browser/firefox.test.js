// Calls between two kinds of browser. Where there is no Firefox npm test says so, and leaves these out.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test as check } from "node:test";
import { answeredElsewhere, empty, endings, errors, hear, launchFirefox, lossy, meet, now, person, reaches, took } from "../support/browser.js";
import { makeCertificate } from "../support/certificate.js";
import { iceServers } from "../support/ice.js";
import { startServer } from "../support/server.js";
import { stage } from "../support/stage.js";

const it = stage("chromium");
const media = { audio: true, video: { width: 320, height: 240 } };

let browser;
let firefox;
before(async () => {
  browser = await launchFirefox();
});
beforeEach(async () => {
  firefox = await person(browser, { relay: it.server.url, app: it.app.url, name: "Firefox" });
});
afterEach(() => firefox?.close());
after(() => browser?.close());

/** Rings, and answers when they are connected. */
async function talk(caller, called, media) {
  await caller.evaluate((id, media) => test.call(id, media), called.account, media);
  await reaches(called, "ringing");
  await caller.evaluate(() => test.until(() => test.last.devices.some(({ state }) => state === "connected")));
  assert.equal(await called.evaluate((media) => test.accept(media), media), "active");
  await reaches(caller, "active");
  await hear(caller, called);
}

for (const [what, order] of [
  ["Chromium calls Firefox", (tabs) => tabs],
  ["Firefox calls Chromium", (tabs) => tabs.toReversed()],
]) {
  check(`${what}: sound and picture both ways, muted and hung up`, async () => {
    const [caller, called] = order([await it.chromium.tab(), await firefox.tab()]);
    await meet(caller, called);
    await talk(caller, called, media);
    for (const tab of [caller, called]) await tab.evaluate(() => test.sees());
    await called.evaluate(() => test.last.mute("video"));
    await caller.evaluate(() => test.until(() => !test.last.remote.video));
    await called.evaluate(() => test.last.unmute("video"));
    await caller.evaluate(() => test.until(() => test.last.remote.video));
    await caller.evaluate(() => test.sees());
    await called.evaluate(() => test.last.hangUp());
    assert.deepEqual((await endings(caller, called)).map(({ reason }) => reason), ["hangup", "hangup"]);
    await empty(caller, called);
    assert.deepEqual(await errors(caller, called), []);
  });

  check(`${what}, and the network breaks and comes back: sound goes on over another connection`, async () => {
    // The server's TURN goes over TCP, too, which is not lost.
    const options = { iceServers: [] };
    const chromium = await it.chromium.tab(options);
    const lose = await lossy(chromium);
    const [caller, called] = order([chromium, await firefox.tab(options)]);
    await meet(caller, called);
    await talk(caller, called);
    await lose(100);
    for (const tab of [caller, called]) await reaches(tab, "reconnecting");
    await lose(0);
    for (const tab of [caller, called]) {
      await reaches(tab, "active", 30_000);
      await tab.evaluate(() => test.until(() => test.watch.connections.length > 1 && test.openConnections().length === 1));
    }
    await hear(caller, called);
    await caller.evaluate(() => test.last.hangUp());
    assert.deepEqual((await endings(caller, called)).map(({ reason }) => reason), ["hangup", "hangup"]);
    await empty(caller, called);
  });
}

// The certificate is one that this Firefox takes and the Chromium does not: it has its own way to the same server.
for (const [protocol, scheme, caller] of /** @type {const} */ ([
  ["udp", "turn:", "Firefox"],
  ["tcp", "turn:", "Chromium"],
  ["tls", "turns:", "Firefox"],
])) {
  check(`${caller} calls, and neither shows an address: through a TURN server that Firefox reaches over ${protocol.toUpperCase()}`, async (t) => {
    const { cert, key, remove } = await makeCertificate();
    t.after(remove);
    const server = await startServer({ args: ["-turn-tls", "0", "-tls-cert", cert, "-tls-key", key] });
    t.after(() => server.close());
    const servers = {
      chromium: await iceServers(server.url, "turn:", "transport=udp", cert),
      firefox: await iceServers(server.url, scheme, `transport=${protocol === "udp" ? "udp" : "tcp"}`, cert),
    };
    const chromium = await it.chromium.tab({ iceTransportPolicy: "relay", iceServers: servers.chromium });
    const other = await firefox.tab({ iceTransportPolicy: "relay", iceServers: servers.firefox });
    await meet(chromium, other);
    await talk(...(caller === "Firefox" ? [other, chromium] : [chromium, other]), media);
    for (const tab of [chromium, other]) await tab.evaluate(() => test.sees());
    const [one, two] = [await chromium.evaluate(relayed), await other.evaluate(relayed)];
    assert.deepEqual([one.types, one.protocols], [["relay"], ["udp"]]);
    assert.deepEqual([two.types, two.protocols], [["relay"], [protocol]]);
    for (const [here, there] of [[one, two], [two, one]]) {
      for (const port of here.untold) assert.ok(there.ports.includes(port), `${port} is not one of the other side's at the TURN server: ${there.ports}`);
    }
    await chromium.evaluate(() => test.last.hangUp());
    await endings(chromium, other);
    await empty(chromium, other);
    assert.deepEqual(await errors(chromium, other), []);
  });
}

/**
 * In the page: of which types the candidates of both sides are, by which protocols its own are relayed, and by which ports. Of
 * a candidate of the other side's whose first packet came before the word of it only the port is known.
 */
async function relayed() {
  const [types, protocols, ports, untold] = [new Set(), new Set(), [], []];
  for (const connection of test.openConnections()) {
    for (const { type, candidateType, relayProtocol, port } of (await connection.getStats()).values()) {
      if (!type.endsWith("-candidate")) continue;
      if (type === "remote-candidate" && candidateType === "prflx") untold.push(port);
      else types.add(candidateType);
      if (type === "local-candidate") {
        protocols.add(relayProtocol);
        ports.push(port);
      }
    }
  }
  return { types: [...types], protocols: [...protocols], ports, untold };
}

check("two tabs of Firefox ring: one answers, the other stops; the one that answered is closed", async () => {
  const [caller, ...tabs] = [await it.chromium.tab(), await firefox.tab({ label: "one" }), await firefox.tab({ label: "two" })];
  await meet(caller, tabs[0]);
  await caller.evaluate((id) => test.call(id), tabs[0].account);
  for (const tab of tabs) await reaches(tab, "ringing");
  await caller.evaluate(() => test.until(() => test.last.devices.filter(({ state }) => state === "connected").length === 2));
  assert.equal(await tabs[1].evaluate(() => test.accept()), "active");
  assert.deepEqual(await answeredElsewhere(tabs[0]), ["two"]);
  await hear(caller, tabs[1]);
  const at = await now(tabs[1]);
  await tabs[1].close();
  assert.deepEqual((await endings(caller)).map(({ reason }) => reason), ["hangup"]);
  const ended = took(at, await caller.evaluate(() => test.noted("ended").at));
  assert.ok(ended < 5000, `ended after ${ended} ms`);
  await talk(caller, tabs[0]);
});
