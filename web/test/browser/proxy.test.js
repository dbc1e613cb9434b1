// nginx and Caddy before a relay, as deploy/ configures them: TLS ends in them, and the relay knows its clients all the same.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { after, before, test as check } from "node:test";
import { connect } from "node:tls";
import { empty, endings, errors, hear, launch, meet, openPage, person, reaches } from "../support/browser.js";
import { makeCertificate } from "../support/certificate.js";
import { freePorts } from "../support/ports.js";
import { startCaddy, startNginx } from "../support/proxy.js";
import { startApp, startServer } from "../support/server.js";

/** @type {any} */
const it = {};
before(async () => {
  it.app = await startApp();
  it.certificate = await makeCertificate();
  it.browser = await launch({ args: [it.certificate.flag] });
});
after(async () => {
  await it.browser?.close();
  it.certificate?.remove();
  await it.app?.close();
});

for (const [name, program, start] of /** @type {const} */ ([
  ["nginx", process.env.NGINX_BIN, startNginx],
  ["Caddy", process.env.CADDY_BIN, startCaddy],
])) {
  const skip = !program && `no ${name}: name its program in the variable ${name.toUpperCase()}_BIN`;

  check(`behind ${name}: a call rings, is heard, and outlives a restart of the relay`, { skip }, async (t) => {
    const { proxy, restart } = await behind(t, start, {});
    const people = [];
    for (const who of ["Alice", "Bob"]) people.push(await person(it.browser, { relay: proxy.url, app: it.app.url, name: who }));
    t.after(() => Promise.all(people.map((one) => one.close())));
    const tabs = [];
    for (const one of people) tabs.push(await one.tab());
    await meet(tabs[0], tabs[1]);
    const [caller, called] = tabs;
    const demo = await openPage(people[0].context, `${proxy.url}/`);
    assert.equal(await demo.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), "h2");
    await demo.close();

    const talk = async () => {
      await caller.evaluate((id) => test.call(id), called.account);
      await reaches(called, "ringing");
      assert.equal(await called.evaluate(() => test.accept()), "active");
      await reaches(caller, "active");
      await hear(caller, called);
    };
    await talk();
    await restart();
    await hear(caller, called);
    for (const tab of tabs) await tab.evaluate(() => test.online());
    await caller.evaluate(() => test.last.hangUp());
    assert.deepEqual((await endings(caller, called)).map(({ reason }) => reason), ["hangup", "hangup"]);
    await talk();
    await called.evaluate(() => test.last.hangUp());
    await endings(caller, called);
    await empty(caller, called);
    assert.deepEqual(await errors(...tabs), []);
  });

  // Other systems than Linux have no second address for itself.
  const alone = process.platform !== "linux" && "there is one client address only";
  check(`behind ${name}: clients are told apart by their addresses, not by what they say, and not written down`, { skip: skip || alone }, async (t) => {
    const { proxy, stop } = await behind(t, start, { flags: ["-limits", "0.1"] });
    const [one, other] = [client(t, proxy.url, "127.0.0.2"), client(t, proxy.url, "127.0.0.3")];

    // It says to be somebody else each time.
    const answers = [];
    while (answers.at(-1) !== 429 && answers.length < 2000) {
      const { status } = await one("GET", "/v1/ice", { headers: { "x-forwarded-for": `198.51.100.${answers.length % 250}` } });
      answers.push(status);
    }
    assert.deepEqual([...new Set(answers)], [200, 429]);
    assert.ok(answers.length > 50, `refused after ${answers.length}`);
    assert.equal((await other("GET", "/v1/ice")).status, 200, "it is nobody else's fault");

    // The longest body that there is gets to the relay, and what is for the operator gets to nobody.
    const put = await other("PUT", `/v1/slot/${"0".repeat(40)}?replaces=0`, { body: Buffer.alloc(262_144) });
    assert.match(put.text, /bad-version/);
    assert.match(String(put.headers["strict-transport-security"]), /max-age=31536000/);
    assert.equal((await other("GET", "/readyz")).status, 200);
    assert.equal((await other("GET", "/metrics")).status, 403);

    // Proxies like to tell whom they could not serve.
    await stop();
    const { status } = await other("GET", "/readyz");
    assert.ok(status >= 502, `answered ${status}`);
    await proxy.close();
    assert.doesNotMatch(proxy.output(), /127\.0\.0\.[23]\b|198\.51\.100\.|\/v1\//, "nobody is written down");
  });

  check(`behind ${name}: a broken request takes the relay from nobody`, { skip }, async (t) => {
    const { proxy } = await behind(t, start, { waits: false });
    const ask = client(t, proxy.url, "127.0.0.1");
    for (const sent of ["Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\nno length\r\n", "Content-Length: 4116\r\n\r\nnot so much"]) {
      await broken(proxy.url, `POST /v1/pub HTTP/1.1\r\nHost: 127.0.0.1\r\n${sent}`);
      assert.equal((await ask("GET", "/v1/ice")).status, 200, sent);
    }
  });
}

/**
 * A relay and what stands before it.
 * @param {import("node:test").TestContext} t
 * @param {typeof startNginx} start
 * @param {{ flags?: string[], waits?: boolean }} options flags: of the relay; waits: see startCaddy
 */
async function behind(t, start, { flags = [], waits }) {
  const [port, behind] = await freePorts(2);
  const { cert, key } = it.certificate;
  const options = { addr: `127.0.0.1:${behind}`, args: ["-origin", `https://127.0.0.1:${port}`, "-proxy", "127.0.0.1", ...flags] };
  let relay = await startServer(options);
  t.after(() => relay.close());
  const proxy = await start({ port, relays: [behind], cert, key, waits });
  t.after(() => proxy.close());
  return {
    proxy,
    stop: () => relay.stop(),
    /** Ends the relay, and starts it again with the slots that it had. */
    async restart() {
      await relay.stop();
      relay = await startServer({ ...options, data: relay.data });
    },
  };
}

/**
 * Sends what is no whole request, and waits until that is known to be refused, or at an end.
 * @param {string} url
 * @param {string} request
 */
async function broken(url, request) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), ca: readFileSync(it.certificate.cert) });
  socket.on("error", () => {}); // which is an end, too
  await new Promise((resolve) => socket.on("close", resolve).end(request).resume());
}

/**
 * Somebody at another address of this machine, who believes the proxy's certificate.
 * @param {import("node:test").TestContext} t
 * @param {string} url
 * @param {string} localAddress
 */
function client(t, url, localAddress) {
  const agent = new Agent({ keepAlive: true, ca: readFileSync(it.certificate.cert), localAddress });
  t.after(() => agent.destroy());
  return async (/** @type {string} */ method, /** @type {string} */ path, { headers = {}, body = undefined } = {}) => {
    const asked = request(url + path, { method, agent, headers }).end(body);
    const [response] = await once(asked, "response");
    const text = (await response.toArray()).join("");
    return { status: response.statusCode, headers: response.headers, text };
  };
}
