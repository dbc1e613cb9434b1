/**
 * The usual transport: one WebSocket to read mailboxes, one fetch for everything else.
 */

import { RingforkError, errorCodes } from "./errors.js";

/** @import { Mailbox, PhoneState, Transport } from "./types.js" */

const addressSize = 20;
const nonceSize = 32;
const frameSize = 4096;
const maxSlotSize = 262_144;
const maxJSONSize = 16384;

const helloTimeout = 10_000; // ms from connecting to hello, then the connection is given up
const requestTimeout = 10_000;
const provedAtOnce = 16; // mailboxes: keeps a task under 20 ms
const slotTimeout = 40_000; // a slot's value may be large, and the line slow
const steadyAfter = 5_000; // a connection that held this long starts the backoff over
const minDelay = 250;
const maxDelay = 10_000;
// A browser lets all keepalive requests of a page together carry 64 kB, and refuses the one above.
const keepaliveBudget = 60_000;

/**
 * Makes the transport to the relay at `url` (http, https, ws or wss; a path is a prefix of the relay's own paths).
 * Nothing is connected before `start()`.
 * @param {string | URL} url
 * @returns {Transport & { iceServers(): RTCIceServer[], iceReady(): Promise<void> }}
 * @throws {RingforkError} bad-argument
 */
export function relayTransport(url) {
  return new RelayTransport(url);
}

/**
 * @typedef {object} Subscription
 * @property {Mailbox} mailbox
 * @property {(frame: Uint8Array, ageMs: number) => void} onFrame
 * @property {() => void} onBacklogEnd
 * @property {number} refusals
 * @property {ReturnType<typeof setTimeout> | undefined} retry
 */

class RelayTransport {
  /** @type {string} */
  #base;
  /** @type {Map<string, Subscription>} */
  #subscriptions = new Map();
  /** @type {(state: PhoneState) => void} */
  #onState = () => {};
  /** @type {PhoneState} */
  #state = "connecting";
  /** @type {WebSocket | null} */
  #socket = null;
  /** The nonce of the open connection; null until its hello. @type {Uint8Array | null} */
  #nonce = null;
  #attempt = 0;
  #onlineSince = 0;
  /** To the next attempt, or to the end of the wait for a hello. @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #started = false;
  #closed = new AbortController();
  #keepalive = 0;
  #ice = new IceServers((path) => this.#request("GET", path));

  /** @param {string | URL} url */
  constructor(url) {
    let parsed;
    try {
      parsed = new URL(url);
    } catch (cause) {
      throw new RingforkError("bad-argument", "the relay's URL is no URL", { cause });
    }
    const protocol = parsed.protocol.replace(/^ws/, "http");
    if (protocol !== "http:" && protocol !== "https:")
      throw new RingforkError("bad-argument", "the relay's URL is none of http or https");
    // Not href with another protocol: for "ws://host:443" and the like the default port differs.
    const { origin, pathname } = new URL(protocol + parsed.href.slice(parsed.protocol.length));
    /** What mailbox proofs are made out to: scheme://host[:port], lower case. */
    this.origin = origin.toLowerCase();
    this.#base = this.origin + pathname.replace(/\/+$/, "");
  }

  /** @param {(state: PhoneState) => void} onState */
  start(onState) {
    if (this.#started || this.#closed.signal.aborted) return;
    if (typeof WebSocket !== "function")
      throw new RingforkError("unsupported-browser", "this browser has no WebSocket");
    this.#started = true;
    this.#onState = onState;
    const { signal } = this.#closed;
    // The network came back, or is another one: what was open is dead or soon will be.
    const again = () => {
      this.#attempt = 0;
      this.#connect();
    };
    globalThis.addEventListener?.("online", again, { signal });
    globalThis.document?.addEventListener(
      "visibilitychange",
      () => {
        if (document.visibilityState === "visible" && !this.#socket) again();
      },
      { signal },
    );
    queueMicrotask(() => this.#onState(this.#state));
    this.#connect();
  }

  /**
   * @param {Mailbox} mailbox
   * @param {(frame: Uint8Array, ageMs: number) => void} onFrame
   * @param {() => void} onBacklogEnd
   * @returns {() => void}
   */
  subscribe(mailbox, onFrame, onBacklogEnd) {
    const key = toHex(mailbox.address);
    const subscription = { mailbox, onFrame, onBacklogEnd, refusals: 0, retry: undefined };
    clearTimeout(this.#subscriptions.get(key)?.retry);
    this.#subscriptions.set(key, subscription);
    this.#prove(subscription);
    return () => {
      if (this.#subscriptions.get(key) !== subscription) return;
      this.#subscriptions.delete(key);
      clearTimeout(subscription.retry);
      if (this.#nonce) this.#socket?.send(concat(Uint8Array.of(0x12), mailbox.address));
    };
  }

  /**
   * @param {Uint8Array} address
   * @param {Uint8Array} frame
   */
  async publish(address, frame) {
    // No headers, so that no preflight costs the ring a trip; keepalive, so that a hangup leaves a closing page.
    const body = concat(address, frame);
    const keepalive = this.#keepalive + body.length <= keepaliveBudget;
    if (keepalive) this.#keepalive += body.length;
    try {
      const response = await this.#request("POST", "/v1/pub", { body, keepalive });
      if (!response.ok) throw await refusal(response);
      await response.body?.cancel();
    } finally {
      if (keepalive) this.#keepalive -= body.length;
    }
  }

  /**
   * @param {Uint8Array} address
   * @returns {Promise<Uint8Array | null>}
   */
  async getSlot(address) {
    const response = await this.#request("GET", `/v1/slot/${toHex(address)}`, {
      signal: AbortSignal.timeout(slotTimeout),
    });
    if (response.status === 204) return null; // empty
    if (response.ok) return read(response, maxSlotSize);
    throw await refusal(response);
  }

  /**
   * @param {Uint8Array} address
   * @param {Uint8Array} value
   * @param {number} replaces
   */
  async putSlot(address, value, replaces) {
    // A copy: the type of a caller's array may be backed by memory that fetch does not take.
    const response = await this.#request("PUT", `/v1/slot/${toHex(address)}?replaces=${replaces}`, {
      body: concat(value),
      signal: AbortSignal.timeout(slotTimeout),
    });
    if (!response.ok) throw await refusal(response);
    await response.body?.cancel();
  }

  /**
   * The relay's current ICE servers: none until they are fetched, which the first call of this begins.
   * @returns {RTCIceServer[]}
   */
  iceServers() {
    if (!this.#closed.signal.aborted) this.#ice.start();
    return this.#ice.servers;
  }

  /** Resolves when the first attempt to fetch the ICE servers is over, however it went. */
  iceReady() {
    this.iceServers();
    return this.#ice.first;
  }

  close() {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#onState = () => {};
    for (const { retry } of this.#subscriptions.values()) clearTimeout(retry);
    this.#subscriptions.clear();
    this.#ice.stop();
    this.#drop(1000);
  }

  #connect() {
    if (this.#closed.signal.aborted) return;
    if (this.#nonce) this.#become("connecting");
    this.#drop(1000);
    let socket;
    try {
      socket = new WebSocket(`${this.#base.replace(/^http/, "ws")}/v1/sub`);
    } catch {
      // A page on https may not connect to a relay on http.
      this.#become("offline");
      this.#retry();
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.#timer = setTimeout(() => this.#lost(socket), helloTimeout);
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      if (!(data instanceof ArrayBuffer) || !this.#receive(new Uint8Array(data))) this.#lost(socket);
    };
    socket.onclose = () => this.#lost(socket);
  }

  /**
   * Leaves the connection, without trying again.
   * @param {number} code
   */
  #drop(code) {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#nonce = null;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  /** @param {WebSocket} socket */
  #lost(socket) {
    if (socket !== this.#socket) return;
    if (this.#nonce) {
      if (Date.now() - this.#onlineSince >= steadyAfter) this.#attempt = 0;
      this.#become("connecting");
    } else {
      this.#become("offline");
    }
    this.#drop(3000);
    this.#retry();
  }

  #retry() {
    const most = Math.min(maxDelay, 2 * minDelay * 2 ** this.#attempt);
    this.#attempt++;
    this.#timer = setTimeout(() => this.#connect(), minDelay + Math.random() * (most - minDelay));
  }

  /** @param {PhoneState} state */
  #become(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.#onState(state);
  }

  /**
   * Takes one message of the relay. False: it is none.
   * @param {Uint8Array} message
   */
  #receive(message) {
    const type = message[0];
    if (type === 0x01) {
      if (message.length !== 1 + nonceSize || this.#nonce) return false;
      clearTimeout(this.#timer);
      this.#nonce = message.slice(1);
      this.#onlineSince = Date.now();
      this.#proveAll([...this.#subscriptions.values()]);
      this.#become("online");
      return true;
    }
    if (!this.#nonce) return false;
    if (type !== 0x02 && type !== 0x03 && type !== 0x04) return true; // from a newer relay
    if (message.length < 1 + addressSize) return false;
    const subscription = this.#subscriptions.get(toHex(message.subarray(1, 1 + addressSize)));
    const rest = message.subarray(1 + addressSize);
    if (type === 0x02) {
      if (rest.length !== 4 + frameSize) return false;
      const age = new DataView(rest.buffer, rest.byteOffset).getUint32(0);
      subscription?.onFrame(rest.slice(4), age);
    } else if (type === 0x03) {
      if (subscription) subscription.refusals = 0;
      subscription?.onBacklogEnd();
    } else if (subscription) {
      this.#refused(subscription, rest);
    }
    return true;
  }

  /**
   * A mailbox that is not read is a phone that does not ring: try again, ever more slowly.
   * @param {Subscription} subscription
   * @param {Uint8Array} reason
   */
  #refused(subscription, reason) {
    const code = new TextDecoder().decode(reason.subarray(0, 64));
    if (subscription.refusals === 0)
      console.warn(`ringfork: the relay refuses a mailbox: ${code.replace(/[^a-z-]/g, "?")}`);
    const delay = Math.min(60_000, 1000 * 2 ** subscription.refusals++);
    clearTimeout(subscription.retry);
    subscription.retry = setTimeout(() => this.#prove(subscription), delay);
  }

  /**
   * Proves the mailboxes in order, a few in each task: every proof takes the page a millisecond, and there is one for each
   * contact. No timer: those of hidden tabs are slow.
   * @param {Subscription[]} waiting
   */
  #proveAll(waiting) {
    const nonce = this.#nonce;
    const { port1, port2 } = new MessageChannel();
    const next = () => {
      if (this.#nonce === nonce) {
        for (const subscription of waiting.splice(0, provedAtOnce)) {
          if (this.#subscriptions.get(toHex(subscription.mailbox.address)) !== subscription) continue;
          clearTimeout(subscription.retry);
          this.#prove(subscription);
        }
        if (waiting.length > 0) return port2.postMessage(null);
      }
      port1.close();
    };
    port1.onmessage = next;
    next();
  }

  /** @param {Subscription} subscription */
  #prove({ mailbox }) {
    if (!this.#nonce) return;
    const proof = mailbox.prove(this.origin, this.#nonce);
    // A Wasm that crashed just now gives none.
    if (proof) this.#socket?.send(concat(Uint8Array.of(0x11), proof.key, proof.signature));
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  async #request(method, path, init) {
    try {
      return await fetch(this.#base + path, {
        method,
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(requestTimeout),
        ...init,
      });
    } catch (cause) {
      throw new RingforkError("relay-unreachable", undefined, { cause });
    }
  }
}

/** The relay's ICE servers, fetched again at half their time to live. */
class IceServers {
  #fetch;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #failures = 0;
  #started = false;
  #stopped = false;
  /** @type {() => void} */
  #firstOver = () => {};

  /** @param {(path: string) => Promise<Response>} fetch */
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
      const response = await this.#fetch("/v1/ice");
      if (!response.ok) throw await refusal(response);
      const { iceServers, ttl } = JSON.parse(new TextDecoder().decode(await read(response, maxJSONSize)));
      this.servers = Array.isArray(iceServers) ? iceServers.slice(0, 8).flatMap(iceServer) : [];
      this.#failures = 0;
      next = Math.min(Math.max(Number(ttl) || 0, 20), 86_400) * 500;
    } catch {
      next = Math.min(60_000, 2000 * 2 ** this.#failures++);
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

/**
 * The relay's error answer as an error.
 * @param {Response} response
 * @returns {Promise<RingforkError>}
 */
async function refusal(response) {
  let code;
  try {
    ({ code } = JSON.parse(new TextDecoder().decode(await read(response, maxJSONSize))));
  } catch {
    // A proxy's error page, or nothing.
  }
  if (typeof code === "string" && Object.hasOwn(errorCodes, code)) return new RingforkError(code);
  if (response.status === 429) return new RingforkError("rate-limited");
  if (response.status >= 500) return new RingforkError("relay-unreachable", `the relay answered ${response.status}`);
  return new RingforkError("relay-refused", `the relay answered ${response.status}`);
}

/**
 * Reads a body of at most `limit` bytes.
 * @param {Response} response
 * @param {number} limit
 * @returns {Promise<Uint8Array>}
 */
async function read(response, limit) {
  const reader = response.body?.getReader();
  /** @type {Uint8Array[]} */
  const chunks = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done || !value) return concat(...chunks);
      size += value.length;
      if (size > limit) {
        await reader?.cancel();
        throw new RingforkError("relay-refused", "the relay's answer is too large");
      }
      chunks.push(value);
    }
  } catch (cause) {
    if (cause instanceof RingforkError) throw cause;
    throw new RingforkError("relay-unreachable", undefined, { cause });
  }
}

/** @param {Uint8Array[]} parts */
function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {Uint8Array} bytes */
function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
