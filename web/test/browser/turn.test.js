// Calls that show nobody's address: all goes through a TURN server, this program's own or a coturn, over UDP, TCP or TLS.

import assert from "node:assert/strict";
import { after, before, test as check } from "node:test";
import { empty, endings, errors, launch, meet, openPage, person, reaches } from "../support/browser.js";
import { makeCertificate } from "../support/certificate.js";
import { startCoturn } from "../support/coturn.js";
import { iceServers } from "../support/ice.js";
import { startApp, startServer } from "../support/server.js";

const picture = { width: 320, height: 240 };

let app;
before(async () => {
  app = await startApp();
});
after(() => app?.close());

for (const protocol of ["udp", "tcp"]) {
  check(`through its own TURN server over ${protocol.toUpperCase()}`, (t) => callsThrough(t, { protocol, only: ["turn:", `transport=${protocol}`] }));
}

// Browsers look at a TURN server's certificate as they do at a page's, and have no way past it: so it is one they know.
check("through its own TURN server over TLS", async (t) => {
  const { cert, key, flag } = await certificate(t);
  await callsThrough(t, { protocol: "tls", only: ["turns:", "transport=tcp"], cert, args: ["-turn-tls", "0", "-tls-cert", cert, "-tls-key", key], flags: [flag] });
});

check("not over TLS with a certificate that the browser does not know", async (t) => {
  const { cert, key } = await certificate(t);
  const other = await certificate(t);
  const server = await startServer({ args: ["-turn-tls", "0", "-tls-cert", cert, "-tls-key", key] });
  t.after(() => server.close());
  const browser = await launch({ args: [other.flag] });
  t.after(() => browser.close());
  const page = await openPage(await browser.createBrowserContext(), app.url);
  const gathered = await page.evaluate(gather, await iceServers(server.url, "turns:", "transport=tcp", cert));
  assert.equal(gathered.candidates, 0);
  assert.ok(gathered.errors > 0);
  assert.ok((await page.evaluate(gather, await iceServers(server.url, "turn:", "transport=udp", cert))).candidates > 0, "it is the certificate's fault");
});

const skip = !process.env.COTURN && "no coturn: name its program (turnserver) in the variable COTURN";
for (const protocol of ["udp", "tcp"]) {
  check(`through a coturn over ${protocol.toUpperCase()}, by -turn and -turn-secret`, { skip }, async (t) => {
    const coturn = await startCoturn();
    t.after(() => coturn.close());
    const url = `turn:${coturn.at}?transport=${protocol}`;
    const urls = await callsThrough(t, { protocol, args: ["-turn", url, "-turn-secret", coturn.secret] });
    assert.deepEqual(urls, new Set([url]), "it is coturn's work");
  });
}

check("through a coturn over TLS, by -turn turns:", { skip }, async (t) => {
  const known = await certificate(t);
  const coturn = await startCoturn(known);
  t.after(() => coturn.close());
  const url = `turns:${coturn.tlsAt}?transport=tcp`;
  const urls = await callsThrough(t, { protocol: "tls", args: ["-turn", url, "-turn-secret", coturn.secret], flags: [known.flag] });
  assert.deepEqual(urls, new Set([url]), "it is coturn's work");
});

/** A certificate for the time of a test. @param {import("node:test").TestContext} t */
async function certificate(t) {
  const made = await makeCertificate();
  t.after(made.remove);
  return made;
}

/**
 * Has two people call each other, in both directions, by relayed candidates only.
 * @param {import("node:test").TestContext} t
 * @param {{ protocol: string, only?: [string, string], cert?: string, args?: string[], flags?: string[] }} how protocol: between
 *   browser and TURN server; only: which servers are used, see iceServers; cert: file of the server's certificate; args: flags of
 *   the server; flags: of the browser
 * @returns the URLs of the TURN servers used
 */
async function callsThrough(t, { protocol, only, cert, args = [], flags = [] }) {
  const server = await startServer({ args });
  t.after(() => server.close());
  const browser = await launch({ args: flags });
  t.after(() => browser.close());
  const tabs = [];
  for (const name of ["Alice", "Bob"]) {
    const who = await person(browser, { relay: server.url, app: app.url, name });
    const page = await openPage(who.context, app.url);
    const options = { iceTransportPolicy: "relay" };
    if (only) options.iceServers = await iceServers(server.url, ...only, cert);
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
    // What is not told of by the time its first packet comes is called prflx until it is.
    return flows && !found.types.has("prflx") && { types: [...found.types], protocols: [...found.protocols], urls: [...found.urls] };
  });
}
