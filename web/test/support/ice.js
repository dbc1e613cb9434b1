// Which STUN and TURN servers a relay tells clients of.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { get as getHTTP } from "node:http";
import { get as getHTTPS } from "node:https";

/**
 * The servers with those of their URLs only that begin so and have some text in them.
 * @param {string} url of the relay
 * @param {string} scheme turn: or turns:
 * @param {string} text such as transport=udp
 * @param {string} [cert] the file of its certificate, which nobody vouches for
 */
export async function iceServers(url, scheme, text, cert) {
  const { iceServers } = JSON.parse(await ask(`${url}/v1/ice`, cert));
  const found = iceServers
    .map((/** @type {any} */ server) => ({ ...server, urls: server.urls.filter((/** @type {string} */ url) => url.startsWith(scheme) && url.includes(text)) }))
    .filter((/** @type {any} */ { urls }) => urls.length > 0);
  assert.ok(found.length > 0, `no ${scheme} with ${text} in ${JSON.stringify(iceServers.map((/** @type {any} */ { urls }) => urls))}`);
  return found;
}

/** @param {string} url @param {string} [cert] @returns {Promise<string>} */
function ask(url, cert) {
  return new Promise((resolve, reject) => {
    const answered = (/** @type {import("node:http").IncomingMessage} */ response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk)).on("end", () => resolve(text));
    };
    (cert ? getHTTPS(url, { ca: readFileSync(cert) }, answered) : getHTTP(url, answered)).on("error", reject);
  });
}
