/**
 * The usual transport: one WebSocket to read mailboxes, one fetch for everything else.
 */

import { RingforkError, isFinal } from "./errors.js";
import { IceServers } from "./iceservers.js";
import { Requests, retryAfter } from "./requests.js";
import { Silence } from "./silence.js";
import { Subscription } from "./subscription.js";
import { addressSize, closed, concat, frameSize, message, nonceSize, toHex } from "./wire.js";

/** @import { TokenOption } from "./token.js" */
/** @import { Mailbox, PhoneState, Transport } from "./types.js" */

const helloTimeout = 10_000; // ms from connecting to hello, then the connection is given up
const provedAtOnce = 16; // mailboxes: keeps a task under 20 ms
const steadyAfter = 5_000; // a connection that held this long starts the backoff over
const minDelay = 250;
const maxDelay = 10_000;
const movingDelay = 250; // at most, when the relay says to move
const laterDelay = 1_000; // at least, when it says to come back later
const maxMoves = 4; // in a row, each soon after the one before
const askEvery = 4; // attempts that fail without a word: each time the relay is asked why

/**
 * Makes the transport to the relay at `url` (http, https, ws or wss; a path is a prefix of the relay's own paths).
 * Nothing is connected before `start()`.
 * @param {string | URL} url
 * @param {{ token?: TokenOption }} [options] token: as for `openPhone`
 * @returns {Transport & { iceServers(): RTCIceServer[], iceReady(): Promise<void> }}
 * @throws {RingforkError} bad-argument
 */
export function relayTransport(url, { token } = {}) {
  return new RelayTransport(url, token);
}

class RelayTransport {
  /** @type {string} */
  #base;
  /** @type {Map<string, Subscription>} */
  #subscriptions = new Map();
  /** @type {(state: PhoneState, error: RingforkError | null) => void} */
  #onState = () => {};
  /** @type {PhoneState} */
  #state = "connecting";
  /** Why mailboxes are not read. @type {RingforkError | null} */
  #unread = null;
  /** Why the relay takes nothing from here. @type {RingforkError | null} */
  #denied = null;
  /** @type {WebSocket | null} */
  #socket = null;
  /** The nonce of the open connection; null until its hello. @type {Uint8Array | null} */
  #nonce = null;
  /**
   * What the relay was asked to read on this connection and has not answered. Only then is a mailbox asked for again, or given
   * up: an answer names the mailbox and not the question.
   * @type {Map<string, Subscription>}
   */
  #asked = new Map();
  #attempt = 0;
  /** Whether it waits for the next attempt, and the relay did not ask for that. */
  #backsOff = false;
  #onlineSince = 0;
  /** Counts what makes earlier answers to "why" worthless. */
  #round = 0;
  /** To the next attempt, or to the end of the wait for a hello. @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #started = false;
  #closed = new AbortController();
  #silence = new Silence(
    () => this.#askAnything(),
    () => this.#socket && this.#lost(this.#socket),
  );
  #requests;
  #ice;

  /**
   * @param {string | URL} url
   * @param {TokenOption} [token]
   */
  constructor(url, token) {
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
    this.#requests = new Requests(this.#base, token, (error) => {
      this.#denied = this.#tell(this.#denied, error);
    });
    this.#ice = new IceServers(() => this.#requests.ice());
  }

  /** @param {(state: PhoneState, error: RingforkError | null) => void} onState */
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
      this.#round++;
      this.#connect();
    };
    globalThis.addEventListener?.("online", again, { signal });
    const shown = () => document.visibilityState === "visible" && !this.#socket && again();
    globalThis.document?.addEventListener("visibilitychange", shown, { signal });
    queueMicrotask(() => this.#onState(this.#state, this.#unread ?? this.#denied));
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
    const subscription = new Subscription(mailbox, onFrame, onBacklogEnd);
    this.#subscriptions.get(key)?.stop();
    this.#subscriptions.set(key, subscription);
    this.#prove(subscription);
    return () => {
      if (this.#subscriptions.get(key) !== subscription) return;
      this.#subscriptions.delete(key);
      subscription.stop();
      if (!this.#nonce) return;
      if (subscription.refused) this.#showRefused();
      this.#leave(mailbox.address);
    };
  }

  /**
   * @param {Uint8Array} address
   * @param {Uint8Array} frame
   */
  publish(address, frame) {
    return this.#reaching(this.#requests.publish(address, frame));
  }

  /** @param {Uint8Array} address */
  getSlot(address) {
    return this.#reaching(this.#requests.getSlot(address));
  }

  /**
   * @param {Uint8Array} address
   * @param {Uint8Array} value
   * @param {number} replaces
   */
  putSlot(address, value, replaces) {
    return this.#reaching(this.#requests.putSlot(address, value, replaces));
  }

  /**
   * A relay that does what it was asked for is back. What is asked of it comes seldom, mostly for a call, whose answers are wanted
   * now and not after the rest of a wait that may be ten seconds.
   * @template T
   * @param {Promise<T>} asked
   */
  async #reaching(asked) {
    const answer = await asked;
    if (this.#backsOff) this.#connect();
    return answer;
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
    for (const subscription of this.#subscriptions.values()) subscription.stop();
    this.#subscriptions.clear();
    this.#ice.stop();
    this.#drop(1000);
  }

  #connect() {
    if (this.#closed.signal.aborted) return;
    if (this.#nonce) this.#become("connecting", null);
    this.#drop(1000);
    let socket;
    try {
      socket = new WebSocket(`${this.#base.replace(/^http/, "ws")}/v1/sub`);
    } catch (cause) {
      // A page on https may not connect to a relay on http.
      this.#become("offline", new RingforkError("relay-unreachable", undefined, { cause }));
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
    socket.onclose = ({ code }) => this.#lost(socket, code);
  }

  /**
   * Leaves the connection, without trying again.
   * @param {number} code
   */
  #drop(code) {
    clearTimeout(this.#timer);
    this.#backsOff = false;
    this.#silence.end();
    const socket = this.#socket;
    this.#socket = this.#nonce = null;
    this.#asked.clear();
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  /**
   * @param {WebSocket} socket
   * @param {number} [code] with which the relay closed it
   */
  #lost(socket, code) {
    if (socket !== this.#socket) return;
    const wasOnline = this.#nonce !== null;
    this.#drop(3000);
    if (!wasOnline) {
      this.#become("offline", this.#unread ?? new RingforkError("relay-unreachable"));
      this.#retry();
      if ((this.#attempt - 1) % askEvery === 0) this.#askWhy();
      return;
    }
    if (Date.now() - this.#onlineSince >= steadyAfter) this.#attempt = 0;
    if (code === closed.moving && this.#attempt < maxMoves) {
      // The phone hears of it only if the other relay, or this one's next life, is not there.
      this.#attempt++;
      this.#timer = setTimeout(() => this.#connect(), Math.random() * movingDelay);
      return;
    }
    this.#become("connecting", null);
    this.#retry(code === closed.later ? laterDelay : 0);
  }

  /** @param {number} [least] ms to wait at least */
  #retry(least = 0) {
    const most = Math.min(maxDelay, 2 * minDelay * 2 ** this.#attempt);
    this.#attempt++;
    this.#connectIn(least + minDelay + Math.random() * (most - minDelay));
    this.#backsOff = least === 0 && retryAfter(this.#unread) === 0; // which it may have asked for some attempts ago
  }

  /** @param {number} ms */
  #connectIn(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), ms);
  }

  /** Finds out why there is no connection: whether to come back later than usual, or not by itself. */
  async #askWhy() {
    const round = this.#round;
    const why = await this.#requests.whyNot();
    if (!why || this.#round !== round || this.#closed.signal.aborted) return;
    this.#unread = this.#tell(this.#unread, why);
    // The next attempt may be under way by now. It would be refused like the last one.
    if (isFinal(why)) {
      this.#drop(1000);
    } else if (retryAfter(why) > 0) {
      this.#drop(1000);
      this.#connectIn(retryAfter(why) * (1 + Math.random() / 2));
    }
  }

  /**
   * @param {PhoneState} state
   * @param {RingforkError | null} error why mailboxes are not read
   */
  #become(state, error) {
    if (this.#state === state) {
      this.#unread = this.#tell(this.#unread, error);
      return;
    }
    [this.#state, this.#unread] = [state, error];
    this.#onState(state, error ?? this.#denied);
  }

  /**
   * Tells why the relay does not do its part, if that is another reason than before.
   * @param {RingforkError | null} before
   * @param {RingforkError | null} error
   * @returns {RingforkError | null} the one to keep
   */
  #tell(before, error) {
    if (before?.code === error?.code) return before;
    queueMicrotask(() => this.#onState(this.#state, this.#unread ?? this.#denied)); // once it is kept
    return error;
  }

  /**
   * Takes one message of the relay. False: it is none.
   * @param {Uint8Array} bytes
   */
  #receive(bytes) {
    const type = bytes[0];
    if (type === message.hello) {
      if (bytes.length !== 1 + nonceSize || this.#nonce) return false;
      clearTimeout(this.#timer);
      this.#nonce = bytes.slice(1);
      this.#onlineSince = Date.now();
      this.#round++;
      this.#silence.begin();
      for (const subscription of this.#subscriptions.values()) subscription.begin();
      this.#proveAll([...this.#subscriptions.values()]);
      this.#become("online", null);
      this.#ice.hello();
      return true;
    }
    if (!this.#nonce) return false;
    this.#silence.heard(type === message.alive);
    if (type !== message.frame && type !== message.end && type !== message.refused) return true; // from a newer relay
    if (bytes.length < 1 + addressSize) return false;
    const address = bytes.slice(1, 1 + addressSize);
    const rest = bytes.subarray(1 + addressSize);
    const key = toHex(address);
    const subscription = this.#subscriptions.get(key);
    if (type === message.frame) {
      if (rest.length !== 4 + frameSize) return false;
      subscription?.frame(rest);
      return true;
    }
    const asked = this.#asked.get(key);
    this.#asked.delete(key);
    if (asked && asked !== subscription) {
      // The answer is that of one whose place another has taken, or nobody.
      if (subscription) this.#prove(subscription);
      else this.#leave(address);
    } else if (subscription) {
      if (type === message.end) subscription.end();
      else subscription.refuse(rest, () => this.#prove(subscription));
      if (this.#unread || subscription.refused) this.#showRefused();
    }
    return true;
  }

  /** Proves a mailbox again, which every relay answers. False: there is none. */
  #askAnything() {
    const [subscription] = this.#subscriptions.values();
    if (subscription) this.#prove(subscription);
    return subscription !== undefined;
  }

  /** Tells why a mailbox is not read, as long as there is one. */
  #showRefused() {
    let why = null;
    for (const { refused } of this.#subscriptions.values()) if ((why = refused)) break;
    this.#unread = this.#tell(this.#unread, why);
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
          subscription.stop();
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
  #prove(subscription) {
    const { mailbox } = subscription;
    const key = toHex(mailbox.address);
    if (!this.#nonce || this.#asked.has(key)) return;
    const proof = mailbox.prove(this.origin, this.#nonce);
    if (!proof) return; // of a Wasm that crashed just now
    this.#asked.set(key, subscription);
    this.#socket?.send(concat(Uint8Array.of(message.subscribe), proof.key, proof.signature));
  }

  /** @param {Uint8Array} address of a mailbox that is to be read no more */
  #leave(address) {
    if (!this.#asked.has(toHex(address))) this.#socket?.send(concat(Uint8Array.of(message.unsubscribe), address));
  }
}
