/**
 * A phone's end of the Wasm: opens it, asks it, brings what it tells in order, and ends with it.
 */

import { RingforkError, toRingforkError } from "./errors.js";
import { LockingStore } from "./locks.js";
import { watchNetwork } from "./network.js";
import { throwing } from "./raw.js";
import { Tabs } from "./tabs.js";

/** @import { PhoneOptions } from "./options.js" */
/** @import { PhoneState, RawEvent, RawOptions, RawPhone, Store, Transport } from "./types.js" */
/** @import { WasmInstance } from "./wasm.js" */

/**
 * What an endpoint is made of.
 * @typedef {object} Parts
 * @property {WasmInstance} instance
 * @property {Transport} transport
 * @property {Store} store
 * @property {() => RTCIceServer[]} iceServers
 * @property {boolean} ownStore whether the phone made the store
 */

/** @typedef {"closed" | "left" | "revoked" | "crashed"} ClosedReason */

/**
 * Who listens to an endpoint: the phone. Nothing is told from inside a call of the Wasm.
 * @typedef {object} Listener
 * @property {(event: RawEvent) => void} event
 * @property {RawOptions["media"]} media
 * @property {() => void} closing the phone is being closed: no device may stay open
 * @property {() => void} left the page is left, and may live on in the back/forward cache: calls are over
 * @property {(reason: ClosedReason, error: RingforkError | null) => void} ended the last that is told
 */

export class Endpoint {
  #parts;
  /** @type {RawPhone | null} */
  #raw = null;
  /** @type {Listener} */
  #listener = { event() {}, media: { attach() {}, show() {}, detach() {} }, closing() {}, left() {}, ended() {} };
  /** What the Wasm told and was not acted on yet. @type {(() => void)[] | null} */
  #queue = [];
  #held = true;
  #locking;
  /** Ends all listening. */
  #over = new AbortController();
  /** The way to the profile's other tabs. */
  #tabs = new Tabs(() => this.ask((raw) => raw.refresh()).catch(() => {})); // at the latest a ring reads what is stored
  /** What the transport said last. @type {{ state: PhoneState, error: RingforkError | null }} */
  #transport = { state: "connecting", error: null };
  /** @type {RingforkError | null} */
  #error = null;
  #left = false;
  /** @type {Promise<void> | null} */
  #closing = null;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#locking = new LockingStore(parts.store);
  }

  /**
   * Opens the Wasm's phone. What comes meanwhile is held until those who wait for this have had their chance to listen.
   * @param {PhoneOptions} options
   * @param {Listener} listener
   * @returns {Promise<RawPhone>}
   */
  async open(options, listener) {
    const { instance } = this.#parts;
    this.#listener = listener;
    const opening = instance.api.open(this.#optionsOf(options));
    try {
      this.#raw = throwing(await instance.guard(opening));
    } catch (error) {
      this.#over.abort();
      this.#locking.unlock();
      throw error;
    }
    const until = { signal: this.#over.signal };
    const uncrash = instance.onCrash((error) => {
      this.#error = error;
      this.#end("crashed");
    });
    this.#over.signal.addEventListener("abort", uncrash);
    options.signal?.addEventListener("abort", () => this.close(), until);
    globalThis.addEventListener?.("pagehide", () => this.#leave(), until);
    watchNetwork(() => this.#moved(), until.signal);
    globalThis.addEventListener?.("pageshow", ({ persisted }) => persisted && this.#left && this.close(), until);

    // A task of its own: whoever awaits openPhone listens before the first event. No timer: hidden tabs have slow ones.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      this.#held = false;
      this.#flush();
    };
    port2.postMessage(null);
    return this.#raw;
  }

  /** Whether what is stored outlives the page. */
  get persistent() {
    return this.#parts.store.persistent ?? true;
  }

  /**
   * @returns {RawPhone}
   * @throws {RingforkError} closed, crashed, revoked
   */
  raw() {
    if (this.#error || this.#closing || this.#left || !this.#raw)
      throw this.#error ?? this.#parts.instance.error ?? new RingforkError("closed");
    return this.#raw;
  }

  /** The same to read from, as long as there is a reader; null at the end. */
  get readable() {
    return this.#closing || this.#over.signal.aborted ? null : this.#raw;
  }

  /**
   * Asks for what takes its time; rejects if the Wasm crashes over it.
   * @template T
   * @param {(raw: RawPhone) => Promise<T>} ask
   * @returns {Promise<T>}
   */
  async ask(ask) {
    try {
      return await this.#parts.instance.guard(ask(this.raw()));
    } catch (error) {
      throw toRingforkError(error);
    }
  }

  /** What is stored of the account is another: the profile's other tabs have to read it, too. */
  tellStored() {
    this.#tabs.tellStored();
  }

  /** @returns {Promise<void>} the same each time */
  close() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * @param {PhoneOptions} options
   * @returns {RawOptions}
   */
  #optionsOf({
    profile = "default",
    name = "",
    label = "",
    secret,
    restore = "",
    passphrase = "",
    incoming = "contacts",
    preconnect = "contacts",
    whenBusy = "wait",
    ringSeconds = 45,
    iceTransportPolicy,
  }) {
    const { transport, iceServers } = this.#parts;
    const { media } = this.#listener;
    return {
      profile,
      name,
      label,
      secret: secret?.slice() ?? null,
      restore,
      passphrase,
      incoming,
      preconnect,
      whenBusy,
      ringSeconds,
      relayOnly: iceTransportPolicy === "relay",
      transport: bound(transport, (state, error) => this.#transportTells(state, error)),
      store: this.#locking.forWasm,
      iceServers() {
        try {
          return iceServers();
        } catch {
          return [];
        }
      },
      media: {
        attach: (id, connection) => this.#later(() => media.attach(id, connection)),
        show: (id, connection) => this.#later(() => media.show(id, connection)),
        detach: (id) => this.#later(() => media.detach(id)),
      },
      siblings: this.#tabs,
      emit: (event) => this.#later(() => this.#take(event)),
    };
  }

  /**
   * The Wasm is never acted on from inside its own call: what it tells waits, in order, until it has returned.
   * @param {() => void} act
   */
  #later(act) {
    if (!this.#queue) return;
    this.#queue.push(act);
    if (this.#queue.length === 1 && !this.#held) queueMicrotask(() => this.#flush());
  }

  #flush() {
    if (this.#held) return;
    const acts = this.#queue ?? [];
    if (this.#queue) this.#queue = [];
    for (const act of acts) {
      if (!this.#queue) return; // closed meanwhile
      try {
        act();
      } catch (error) {
        console.error("ringfork:", error); // one that fails must not swallow those behind it
      }
    }
  }

  /**
   * Why the relay does not do its part the Wasm does not hear. It goes with the state that the Wasm tells, or alone.
   * @param {PhoneState} state
   * @param {RingforkError | null} error
   */
  #transportTells(state, error) {
    const alone = state === this.#transport.state;
    this.#transport = { state, error };
    if (alone) this.#later(() => this.#take({ type: "relay" }));
  }

  /** @param {RawEvent} event */
  #take(event) {
    if (event.type === "state" || event.type === "relay") event.error = this.#transport.error;
    if (event.type !== "gone") return this.#listener.event(event);
    this.#error ??= new RingforkError(event.reason);
    this.close();
  }

  #moved() {
    try {
      if (!this.#left) this.#raw?.networkChanged();
    } catch {
      // It crashed over it, and says so elsewhere.
    }
  }

  #leave() {
    if (this.#left || this.#over.signal.aborted) return;
    this.#left = true;
    try {
      this.#raw?.leave();
    } catch {
      // It crashed over it: nothing more to say.
    }
    this.#listener.left();
  }

  async #close() {
    if (!this.#over.signal.aborted && this.#raw) {
      this.#listener.closing();
      try {
        await this.#parts.instance.guard(this.#raw.close());
      } catch (error) {
        if (!this.#error) console.error("ringfork:", error); // nothing an application could do about it
      }
      this.#held = false;
      this.#flush();
    }
    if (this.#error?.code === "revoked") this.#end("revoked");
    else this.#end(this.#left ? "left" : "closed");
  }

  /** @param {ClosedReason} reason */
  #end(reason) {
    if (this.#over.signal.aborted) return;
    this.#closing ??= Promise.resolve();
    this.#queue = null;
    this.#over.abort();
    const { transport, store, ownStore } = this.#parts;
    try {
      transport.close();
      this.#locking.unlock();
      if (ownStore) store.close?.();
    } finally {
      this.#listener.ended(reason, this.#error); // last: a new phone may be opened over it
    }
  }
}

/**
 * The transport as the Wasm gets it: plain functions.
 * @param {Transport} transport
 * @param {(state: PhoneState, error: RingforkError | null) => void} [onState] hears its states first
 * @returns {Transport}
 */
export function bound(transport, onState) {
  return {
    origin: transport.origin,
    start: (tell) =>
      transport.start((state, error) => {
        onState?.(state, error ?? null);
        tell(state);
      }),
    subscribe: (mailbox, onFrame, onBacklogEnd) => transport.subscribe(mailbox, onFrame, onBacklogEnd),
    publish: (address, frame) => transport.publish(address, frame),
    getSlot: (address) => transport.getSlot(address),
    putSlot: (address, value, replaces) => transport.putSlot(address, value, replaces),
    close: () => transport.close(),
  };
}
