/**
 * The relay's STUN and TURN servers.
 */

import { isFinal } from "./errors.js";
import { longestWait, retryAfter } from "./requests.js";

const againWithin = 2000; // ms after a hello: a relay that comes back is not asked by all at once
const refusedDelay = 300_000; // ms after a refusal that time alone does not change: a new token may

/** Fetches them when they are wanted first, again at half their time to live, and when the relay is another. */
export class IceServers {
  #fetch;
  /** Counts the attempts: only the last one's answer is of use. */
  #attempt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Whether it is to the next attempt that `hello` asked for. */
  #again = false;
  #greeted = false;
  #failures = 0;
  /** When the relay that refused is to be asked again, in ms since 1970. */
  #notBefore = 0;
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

  /**
   * Is called when the relay said hello. If it did before, it may have been started anew or be another one, and its TURN server
   * with it, which takes no credentials of the former.
   */
  hello() {
    const again = this.#greeted || this.#failures > 0;
    this.#greeted = true;
    if (!again || !this.#started || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#again = true;
    this.#timer = setTimeout(() => this.#refresh(), Math.random() * againWithin);
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#firstOver();
  }

  async #refresh() {
    const early = Math.min(this.#notBefore - Date.now(), longestWait); // a clock that is set back holds up nobody for longer
    if (early > 0) {
      this.#timer = setTimeout(() => this.#refresh(), early);
      return;
    }
    this.#again = false;
    const attempt = ++this.#attempt;
    let next;
    try {
      const { iceServers, ttl } = await this.#fetch();
      if (attempt !== this.#attempt) return;
      this.servers = Array.isArray(iceServers) ? iceServers.slice(0, 8).flatMap(iceServer) : [];
      this.#failures = 0;
      next = Math.min(Math.max(Number(ttl) || 0, 20), 86_400) * 500;
    } catch (error) {
      if (attempt !== this.#attempt) return;
      const delay = isFinal(error) ? refusedDelay : Math.min(60_000, 2000 * 2 ** this.#failures++);
      next = Math.max(delay, retryAfter(error));
      this.#notBefore = Date.now() + retryAfter(error);
    }
    this.#firstOver();
    if (!this.#stopped && !this.#again) this.#timer = setTimeout(() => this.#refresh(), next);
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
