/**
 * The relay's STUN and TURN servers.
 */

import { isFinal } from "./errors.js";
import { retryAfter } from "./requests.js";

const refusedDelay = 300_000; // ms after a refusal that time alone does not change: a new token may

/** Fetches them when they are wanted first, and again at half their time to live. */
export class IceServers {
  #fetch;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #failures = 0;
  #started = false;
  #stopped = false;
  /** @type {() => void} */
  #firstOver = () => {};

  /** @param {() => Promise<any>} fetch */
  constructor(fetch) {
    this.#fetch = fetch;
    /** @type {RTCIceServer[]} */
    this.servers = [];
    /** @type {Promise<void>} */
    this.first = new Promise((resolve) => {
      this.#firstOver = resolve;
    });
  }

  start() {
    if (this.#started) return;
    this.#started = true;
    this.#refresh();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#firstOver();
  }

  async #refresh() {
    let next;
    try {
      const { iceServers, ttl } = await this.#fetch();
      this.servers = Array.isArray(iceServers) ? iceServers.slice(0, 8).flatMap(iceServer) : [];
      this.#failures = 0;
      next = Math.min(Math.max(Number(ttl) || 0, 20), 86_400) * 500;
    } catch (error) {
      const delay = isFinal(error) ? refusedDelay : Math.min(60_000, 2000 * 2 ** this.#failures++);
      next = Math.max(delay, retryAfter(error));
    }
    this.#firstOver();
    if (!this.#stopped) this.#timer = setTimeout(() => this.#refresh(), next);
  }
}

/**
 * A server as RTCPeerConnection takes it, or none: one bad entry would make its constructor throw.
 * @param {any} server
 * @returns {RTCIceServer[]}
 */
function iceServer(server) {
  const given = Array.isArray(server?.urls) ? server.urls : [server?.urls];
  /** @type {string[]} */
  const urls = given.filter(
    (/** @type {unknown} */ url) => typeof url === "string" && /^(stuns?|turns?):[^\s/]+$/i.test(url),
  );
  const { username, credential } = server ?? {};
  if (typeof username === "string" && typeof credential === "string")
    return urls.length ? [{ urls, username, credential }] : [];
  const open = urls.filter((url) => /^stun/i.test(url));
  return open.length ? [{ urls: open }] : [];
}
