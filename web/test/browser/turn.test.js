// Calls that show nobody's address: all goes through a TURN server, this program's own or a coturn, over UDP, TCP or TLS.

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test as check } from "node:test";
import { empty, endings, errors, launch, meet, openPage, person, reaches } from "../support/browser.js";
import { startCoturn } from "../support/coturn.js";
import { startApp, startServer } from "../support/server.js";

const picture = { width: 320, height: 240 };

let app;
before(async () => {
  app = await startApp();
});
after(() => app?.close());

for (const protocol of ["udp", "tcp"]) {
  check(`through its own TURN server over ${protocol.toUpperCase()}`, (t) => callsThrough(t, { protocol, only: `transport=${protocol}` }));
}

// Browsers look at a TURN server's certificate as they do at a page's, and have no way past it: so it is one they know.
check("through its own TURN server over TLS", async (t) => {
  const { cert, key, hash } = await certificate(t);
  await callsThrough(t, {
    protocol: "tls",
    only: "turns:",
    args: ["-tls-cert", cert, "-tls-key", key],
    flags: [`--ignore-certificate-errors-spki-list=${hash}`],
  });
});

check("not over TLS with a certificate that the browser does not know", async (t) => {
  const { cert, key } = await certificate(t);
  const other = await certificate(t);
  const server = await startServer({ args: ["-tls-cert", cert, "-tls-key", key] });
  t.after(() => server.close());
  const browser = await launch({ args: [`--ignore-certificate-errors-spki-list=${other.hash}`] });
  t.after(() => browser.close());
  const page = await openPage(await browser.createBrowserContext(), app.url);
  const ice = await iceServers(server, cert);
  const gathered = await page.evaluate(gather, chosen(ice, "turns:"));
  assert.equal(gathered.candidates, 0);
  assert.ok(gathered.errors > 0);
  assert.ok((await page.evaluate(gather, chosen(ice, "transport=udp"))).candidates > 0, "it is the certificate's fault");
});

for (const protocol of ["udp", "tcp"]) {
  const skip = !process.env.COTURN && "no coturn: name its program (turnserver) in the variable COTURN";
  check(`through a coturn over ${protocol.toUpperCase()}, by -turn and -turn-secret`, { skip }, async (t) => {
    const coturn = await startCoturn();
    t.after(() => coturn.close());
    const url = `turn:${coturn.at}?transport=${protocol}`;
    const urls = await callsThrough(t, { protocol, args: ["-turn", url, "-turn-secret", coturn.secret] });
    assert.deepEqual(urls, new Set([url]), "it is coturn's work");
  });
}

/**
 * Has two people call each other, in both directions, by relayed candidates only.
 * @param {import("node:test").TestContext} t
 * @param {{ protocol: string, only?: string, args?: string[], flags?: string[] }} how protocol: between browser and TURN
 *   server; only: what must stand in a server's URL to be used; args: flags of the server; flags: of the browser
 * @returns the URLs of the TURN servers used
 */
async function callsThrough(t, { protocol, only, args = [], flags = [] }) {
  const server = await startServer({ args });
  t.after(() => server.close());
  const browser = await launch({ args: flags });
  t.after(() => browser.close());
  const tabs = [];
  for (const name of ["Alice", "Bob"]) {
    const who = await person(browser, { relay: server.url, app: app.url, name });
    const page = await openPage(who.context, app.url);
    const options = { iceTransportPolicy: "relay" };
    if (only) options.iceServers = chosen(await page.evaluate((url) => fetch(`${url}/v1/ice`).then((r) => r.json()), server.url), only);
    tabs.push(await who.open(page, options));
  }
  await meet(tabs[0], tabs[1]);
  const urls = new Set();
  for (const [caller, called] of [tabs, [tabs[1], tabs[0]]]) {
    await caller.evaluate((id, video) => test.call(id, { audio: true, video }), called.account, picture);
    await reaches(called, "ringing");
    await caller.evaluate(() => test.until(() => test.last.devices.some(({ state }) => state === "connected")));
    assert.equal(await called.evaluate((video) => test.accept({ audio: true, video }), picture), "active");
    await Promise.all([caller, called].map((tab) => tab.evaluate(() => test.hears())));
    for (const tab of [caller, called]) {
      await tab.evaluate(() => test.sees());
      const found = await tab.evaluate(routes);
      for (const url of found.urls) urls.add(url);
      assert.deepEqual(found.types, ["relay"], "it shows, and knows, no other candidates");
      assert.deepEqual(found.protocols, [protocol]);
    }
    await caller.evaluate(() => test.last.hangUp());
    await endings(caller, called);
    await empty(caller, called);
  }
  assert.deepEqual(await errors(...tabs), []);
  return urls;
}

/** The servers with those of their URLs only that have some text in them. */
function chosen({ iceServers }, text) {
  const found = iceServers.map((server) => ({ ...server, urls: server.urls.filter((url) => url.includes(text)) })).filter(({ urls }) => urls.length > 0);
  assert.ok(found.length > 0, `no server with ${text} in ${JSON.stringify(iceServers.map(({ urls }) => urls))}`);
  return found;
}

/** A certificate for 127.0.0.1 that nobody knows, as -lan makes one, and the hash by which a browser can be told of it. */
async function certificate(t) {
  const folder = mkdtempSync(join(tmpdir(), "ringfork-turn-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const server = await startServer({ data: folder, args: ["-lan"] });
  await server.stop();
  const [cert, key] = [join(folder, "lan.crt"), join(folder, "lan.key")];
  const spki = new X509Certificate(readFileSync(cert)).publicKey.export({ type: "spki", format: "der" });
  return { cert, key, hash: createHash("sha256").update(spki).digest("base64") };
}

/** What a server with a certificate answers that only we know. */
function iceServers({ url }, cert) {
  return new Promise((resolve, reject) => {
    get(`${url}/v1/ice`, { ca: readFileSync(cert) }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk)).on("end", () => resolve(JSON.parse(text)));
    }).on("error", reject);
  });
}

/** In the page: gathers relayed candidates until there are no more. */
async function gather(iceServers) {
  const connection = new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" });
  const found = { candidates: 0, errors: 0 };
  connection.onicecandidateerror = () => found.errors++;
  const complete = new Promise((resolve) => {
    connection.onicecandidate = ({ candidate }) => (candidate?.candidate ? found.candidates++ : candidate || resolve());
  });
  connection.createDataChannel("");
  await connection.setLocalDescription();
  await complete;
  connection.close();
  return found;
}

/** In the page: by which candidates its connection sends and receives, as soon as it does both by the pair in use. */
function routes() {
  return test.until(async () => {
    const found = { types: new Set(), protocols: new Set(), urls: new Set() };
    let flows = false;
    for (const connection of test.openConnections()) {
      const stats = await connection.getStats();
      for (const report of stats.values()) {
        if (report.type.endsWith("-candidate")) found.types.add(report.candidateType);
        if (report.type === "local-candidate" && report.relayProtocol) {
          found.protocols.add(report.relayProtocol);
          found.urls.add(report.url);
        }
        if (report.type !== "transport") continue;
        const pair = stats.get(report.selectedCandidatePairId);
        flows = pair?.state === "succeeded" && pair.bytesSent > 0 && pair.bytesReceived > 0;
      }
    }
    return flows && { types: [...found.types], protocols: [...found.protocols], urls: [...found.urls] };
  });
}
