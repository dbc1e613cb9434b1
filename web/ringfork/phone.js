/**
 * The phone as the application sees it, and its way to the Wasm.
 */

import { RingforkError, toRingforkError } from "./errors.js";
import { ClosedEvent, ContactsEvent, IncomingEvent, PhoneEventTarget, PhoneStateEvent } from "./events.js";
import { CallMirror, asked } from "./mirror.js";
import { throwing } from "./raw.js";
import { relayTransport } from "./relay.js";
import { indexedDBStore } from "./store.js";
import { Tabs } from "./tabs.js";
import { loadWasm } from "./wasm.js";

/** @import { Call } from "./call.js" */
/** @import { CallMedia, Contact, PhoneState, RawEvent, RawPhone, Snapshot, Store, Transport } from "./types.js" */
/** @import { WasmInstance } from "./wasm.js" */

/**
 * @typedef {object} PhoneOptions
 * @property {string | URL} [relay] the relay's URL; the page's origin when left out
 * @property {string} [profile] which of this browser's profiles to open; "default" when left out. All tabs that open the
 *   same one are one device
 * @property {string} [name] the name to call oneself: those who are called see it, as a claim; at most 64 bytes
 * @property {string} [label] what one's other devices and contacts call this device ("Alice's laptop"); at most 64 bytes
 * @property {string | URL} [wasmUrl] where ringfork.wasm is, if not beside ringfork.js; the page's first one counts
 * @property {Transport} [transport] in place of `relay`: one's own way to carry frames. The phone closes it
 * @property {Store} [store] in place of the browser's: where to keep the profile. Closing it is up to its maker
 * @property {RTCIceServer[] | (() => RTCIceServer[])} [iceServers] in place of the relay's
 * @property {RTCIceTransportPolicy} [iceTransportPolicy] "relay" shows no address to those one talks to
 * @property {"contacts" | "anyone"} [incoming] who may ring here; "contacts" when left out
 * @property {"contacts" | "always" | "never"} [preconnect] with whom to connect while it rings: the answer is fast then,
 *   and they see this device's addresses before it; "contacts" when left out
 * @property {"wait" | "refuse"} [whenBusy] what becomes of a second call: "wait" (when left out) shows it with `call.waiting`;
 *   "refuse" answers busy here, while other tabs and devices ring on
 * @property {number} [ringSeconds] how long an outgoing call rings: 10 to 120; 45 when left out
 * @property {AbortSignal} [signal] closes the phone when it fires, also while it opens
 */

/**
 * @typedef {object} Parts
 * @property {WasmInstance} instance
 * @property {Transport} transport
 * @property {Store} store
 * @property {() => RTCIceServer[]} iceServers
 * @property {boolean} ownStore whether the phone made the store
 */

const iceWait = 1000; // ms that opening waits for the relay's ICE servers; the Wasm mostly takes as long to load

/** @type {(parts: Parts, options: PhoneOptions) => Promise<Phone>} */
let start;

/**
 * Opens a phone: loads the Wasm, if no phone of the page has, and the profile's account, which is made when there is none.
 * It does not wait for the relay: see `phone.state`.
 * @param {PhoneOptions} [options]
 * @returns {Promise<Phone>}
 * @throws {RingforkError} unsupported-browser, wasm-load-failed, store-failed, bad-argument, aborted, crashed
 */
export async function openPhone(options = {}) {
  check(options);
  throwIfAborted(options.signal);
  if (typeof RTCPeerConnection !== "function")
    throw new RingforkError("unsupported-browser", "this browser has no WebRTC");
  return openPhoneOn(() => loadWasm({ wasmUrl: options.wasmUrl }), options);
}

/**
 * Opens a phone on a Wasm that is being loaded. The tests have another than the page's.
 * @param {() => Promise<WasmInstance>} load
 * @param {PhoneOptions} options
 * @returns {Promise<Phone>}
 */
export async function openPhoneOn(load, options) {
  const { signal } = options;
  const transport = options.transport ?? relayTransport(options.relay ?? location.origin);
  const store = options.store ?? indexedDBStore(options.profile ?? "default");
  const ownStore = !options.store;
  const { iceServers = () => transport.iceServers?.() ?? [] } = options;
  try {
    const [instance] = await unlessAborted(
      Promise.all([load(), options.iceServers ? undefined : iceReady(transport)]),
      signal,
    );
    const current = typeof iceServers === "function" ? iceServers : () => iceServers;
    const opening = start({ instance, transport, store, ownStore, iceServers: current }, options);
    return await unlessAborted(opening, signal, (phone) => phone.close());
  } catch (error) {
    transport.close();
    if (ownStore) store.close?.();
    throw toRingforkError(error);
  }
}

/**
 * An account's phone in this page. `openPhone` makes one.
 *
 * Events: "incoming", "state", "contacts", "closed" (see their classes). Those that come while the phone opens are kept
 * until the code that awaits `openPhone` has had its chance to listen.
 *
 * When the page is left, the phone hangs up its calls here; other tabs go on ringing. A page that comes back from the
 * back/forward cache finds its phone closed (event "closed", reason `left`) and opens a new one.
 */
export class Phone extends PhoneEventTarget {
  /** @type {RawPhone | null} */
  #raw = null;
  /** @type {Parts} */
  #parts;
  /** @type {PhoneState} */
  #state = "connecting";
  /** @type {readonly Contact[]} */
  #contacts = Object.freeze([]);
  /** Calls that have not ended. @type {Map<string, CallMirror>} */
  #calls = new Map();
  /** What the Wasm told and was not acted on yet. @type {(() => void)[] | null} */
  #queue = [];
  #held = true;
  /** @type {Set<() => void>} */
  #locks = new Set();
  /** Ends all listening. */
  #over = new AbortController();
  /** The way to the profile's other tabs. */
  #tabs = new Tabs(() => this.#wait((raw) => raw.refresh()).catch(() => {})); // at the latest a ring reads the contacts
  /** @type {RingforkError | null} */
  #error = null;
  #left = false;
  /** @type {Promise<void> | null} */
  #closing = null;
  #host = {
    raw: () => this.#open(),
    contact: (/** @type {string} */ id) => this.#contacts.find((contact) => contact.id === id) ?? null,
  };

  /** @type {string} */
  #account = "";
  /** @type {string} */
  #card = "";

  static {
    start = async (parts, options) => {
      const phone = new Phone(parts);
      await phone.#start(options);
      return phone;
    };
  }

  /**
   * @internal
   * @param {Parts} parts
   */
  constructor(parts) {
    super();
    this.#parts = parts;
  }

  /** The account's id, in hex. */
  get account() {
    return this.#account;
  }

  /** The account's card: a link that lets others add it. Whoever has it can ring, as the account's policy allows. */
  get card() {
    return this.#card;
  }

  /** The way to the relay: "connecting", "online" or "offline". */
  get state() {
    return this.#state;
  }

  /** Frozen, sorted by name; another array after each change. */
  get contacts() {
    return this.#contacts;
  }

  /** The calls that have not ended. */
  get calls() {
    return [...new Set(this.#calls.values())].map(({ call }) => call);
  }

  /**
   * Adds a contact, or gives one another name. Needs the relay.
   * @param {string} card a card's link or code
   * @param {{ name?: string }} [options] what to call the contact; what it calls itself when left out
   * @returns {Promise<Contact>}
   * @throws {RingforkError} bad-card, self-call, slot-empty, slot-invalid, relay-unreachable, store-failed, closed, crashed
   */
  async addContact(card, { name = "" } = {}) {
    if (typeof card !== "string" || typeof name !== "string")
      throw new RingforkError("bad-argument", "card and name are strings");
    const { id } = await this.#wait((raw) => raw.addContact(card, name));
    this.#contactsStored();
    const contact = this.#host.contact(id);
    if (!contact) throw new RingforkError("unknown-contact", "the contact was removed while it was added");
    return contact;
  }

  /**
   * @param {string | { id: string }} contact
   * @returns {Promise<void>}
   * @throws {RingforkError} unknown-contact, store-failed, closed, crashed
   */
  async removeContact(contact) {
    await this.#wait((raw) => raw.removeContact(idOf(contact)));
    this.#contactsStored();
  }

  /**
   * Calls a contact. The ring leaves at once, while microphone and, if asked for, camera open; resolves when that is
   * settled. If a device cannot be opened the call goes on without it: see `call.mediaErrors`.
   * @param {string | { id: string }} contact
   * @param {CallMedia & { signal?: AbortSignal }} [media] audio only when left out. The signal cancels the call as long as
   *   nobody answered
   * @returns {Promise<Call>} it may have ended already, if all were that quick
   * @throws {RingforkError} unknown-contact, too-many-calls, bad-argument, aborted, closed, crashed
   */
  async call(contact, { signal, ...media } = {}) {
    throwIfAborted(signal);
    const raw = this.#open();
    const peerId = idOf(contact);
    const id = raw.dial(peerId, asked(media));
    const mirror = this.#mirrorOf(id) ?? this.#add(outgoing(id, this.#host.contact(peerId), peerId, asked(media)));
    const cancel = () => {
      if (mirror.state === "dialing" || mirror.state === "ringing") mirror.hangUp().catch(() => {});
    };
    if (signal) {
      signal.addEventListener("abort", cancel);
      mirror.ended.then(() => signal.removeEventListener("abort", cancel));
    }
    await unlessAborted(mirror.begin(media), signal);
    if (mirror.error) throw mirror.error; // the crash, or what the Wasm found wrong later
    return mirror.call;
  }

  /**
   * Closes the phone: hangs up its calls, closes all devices, lets everything go. Other tabs and devices go on ringing. Any
   * later call gets the same promise.
   * @returns {Promise<void>}
   */
  close() {
    if (!this.#closing) {
      this.#closing = this.#close();
    }
    return this.#closing;
  }

  /** @param {PhoneOptions} options */
  async #start({
    profile = "default",
    name = "",
    label = "",
    incoming = "contacts",
    preconnect = "contacts",
    whenBusy = "wait",
    ringSeconds = 45,
    iceTransportPolicy,
    signal,
  }) {
    const { instance, transport, iceServers } = this.#parts;
    const later = (/** @type {() => void} */ act) => this.#later(act);
    const opening = instance.api.open({
      profile,
      name,
      label,
      incoming,
      preconnect,
      whenBusy,
      ringSeconds,
      relayOnly: iceTransportPolicy === "relay",
      transport: bound(transport),
      store: this.#store(),
      iceServers() {
        try {
          return iceServers();
        } catch {
          return [];
        }
      },
      media: {
        attach: (id, connection) => later(() => this.#mirrorOf(id)?.local.attach(connection)),
        show: (id, connection) => later(() => this.#mirrorOf(id)?.remote.show(connection)),
        detach: (id) => later(() => this.#mirrorOf(id)?.local.stop()),
      },
      siblings: this.#tabs,
      emit: (event) => later(() => this.#take(event)),
    });
    try {
      this.#raw = throwing(await instance.guard(opening));
    } catch (error) {
      this.#over.abort();
      this.#unlock();
      throw error;
    }
    this.#account = this.#raw.account;
    this.#card = this.#raw.card;
    this.#contacts = frozenContacts(this.#raw.contacts());

    const until = { signal: this.#over.signal };
    const uncrash = instance.onCrash((error) => {
      this.#error = error;
      this.#end("crashed");
    });
    this.#over.signal.addEventListener("abort", uncrash);
    signal?.addEventListener("abort", () => this.close(), until);
    globalThis.addEventListener?.("pagehide", () => this.#leave(), until);
    globalThis.addEventListener?.("pageshow", ({ persisted }) => persisted && this.#left && this.close(), until);

    // A task of its own: whoever awaits openPhone listens before the first event. No timer: hidden tabs have slow ones.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      this.#held = false;
      this.#flush();
    };
    port2.postMessage(null);
  }

  /** The store as the Wasm gets it: locks are given back even if the Wasm cannot do it any more. */
  #store() {
    const { store } = this.#parts;
    return {
      get: (/** @type {string} */ key) => store.get(key),
      put: (/** @type {string} */ key, /** @type {Uint8Array} */ value, /** @type {number} */ version) =>
        store.put(key, value, version),
      lock: async (/** @type {string} */ name) => {
        const give = await store.lock(name);
        const unlock = () => {
          if (this.#locks.delete(unlock)) give();
        };
        this.#locks.add(unlock);
        if (this.#over.signal.aborted) unlock();
        return unlock;
      },
    };
  }

  #unlock() {
    for (const unlock of [...this.#locks]) unlock();
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

  /** @param {RawEvent} event */
  #take(event) {
    switch (event.type) {
      case "state":
        if (event.state === this.#state) return;
        this.#state = event.state;
        this.dispatchEvent(new PhoneStateEvent(event.state));
        return;
      case "contacts":
        this.#readContacts();
        return;
      case "refused":
        this.#mirrorOf(event.call)?.refused(event.code);
        return;
      case "incoming":
      case "call":
        this.#takeCall(event.call);
    }
  }

  /** @param {Snapshot} snapshot */
  #takeCall(snapshot) {
    const { id, state, replaces, direction } = snapshot;
    let mirror = this.#calls.get(id);
    if (!mirror && replaces) {
      // Both rang each other: the call that was dialed here goes on as the other's.
      mirror = this.#calls.get(replaces);
      if (mirror) {
        this.#calls.delete(replaces);
        this.#calls.set(id, mirror);
      }
    }
    if (mirror) {
      mirror.update(snapshot);
      return;
    }
    if (state === "ended") return;
    mirror = this.#add(snapshot);
    if (direction === "incoming") this.dispatchEvent(new IncomingEvent(mirror.call));
  }

  /** @param {Snapshot} snapshot */
  #add(snapshot) {
    const mirror = new CallMirror(snapshot, this.#host);
    this.#calls.set(snapshot.id, mirror);
    mirror.ended.then(() => this.#calls.delete(mirror.id));
    return mirror;
  }

  /** @param {string} id */
  #mirrorOf(id) {
    return this.#calls.get(id);
  }

  /** The stored list of contacts is another one: the profile's other tabs have to read it, too. */
  #contactsStored() {
    this.#readContacts();
    this.#tabs.tell("contacts");
  }

  #readContacts() {
    if (!this.#raw || this.#closing || this.#over.signal.aborted) return;
    const contacts = frozenContacts(this.#raw.contacts());
    if (JSON.stringify(contacts) === JSON.stringify(this.#contacts)) return;
    this.#contacts = contacts;
    for (const mirror of this.#calls.values()) mirror.contactsChanged();
    this.dispatchEvent(new ContactsEvent(contacts));
  }

  /** @returns {RawPhone} */
  #open() {
    if (this.#error || this.#closing || this.#left || !this.#raw) throw this.#gone();
    return this.#raw;
  }

  #gone() {
    return this.#error ?? this.#parts.instance.error ?? new RingforkError("closed");
  }

  /**
   * @template T
   * @param {(raw: RawPhone) => Promise<T>} ask
   * @returns {Promise<T>}
   */
  async #wait(ask) {
    try {
      return await this.#parts.instance.guard(ask(this.#open()));
    } catch (error) {
      throw toRingforkError(error);
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
    // A page in the back/forward cache lives on: no device may stay open in it.
    for (const mirror of [...this.#calls.values()]) mirror.end("hangup", null);
  }

  async #close() {
    if (!this.#over.signal.aborted && this.#raw) {
      for (const mirror of this.#calls.values()) mirror.local.stop();
      try {
        await this.#parts.instance.guard(this.#raw.close());
      } catch (error) {
        if (!this.#error) console.error("ringfork:", error); // nothing an application could do about it
      }
      this.#held = false;
      this.#flush();
    }
    this.#end(this.#left ? "left" : "closed");
  }

  /** @param {"closed" | "left" | "crashed"} reason */
  #end(reason) {
    if (this.#over.signal.aborted) return;
    this.#closing ??= Promise.resolve();
    this.#queue = null;
    this.#over.abort();
    for (const mirror of [...this.#calls.values()])
      mirror.end(reason === "crashed" ? "failed" : "hangup", null, this.#error ?? undefined);
    this.#calls.clear();
    const { transport, store, ownStore } = this.#parts;
    transport.close();
    this.#unlock();
    if (ownStore) store.close?.();
    this.#state = "offline";
    this.dispatchEvent(new ClosedEvent(reason, this.#error));
  }
}

/**
 * @param {PhoneOptions} options
 * @throws {RingforkError} bad-argument
 */
function check({
  profile,
  name,
  label,
  incoming,
  preconnect,
  whenBusy,
  ringSeconds,
  iceTransportPolicy,
  iceServers,
  transport,
  store,
}) {
  const bad = (/** @type {string} */ what) => {
    throw new RingforkError("bad-argument", what);
  };
  if (profile !== undefined && (typeof profile !== "string" || !profile || profile.length > 64))
    bad("profile is a string of 1 to 64 characters");
  for (const text of [name, label]) {
    if (text !== undefined && (typeof text !== "string" || new TextEncoder().encode(text).length > 64))
      bad("name and label are strings of at most 64 bytes");
  }
  if (![undefined, "contacts", "anyone"].includes(incoming)) bad("incoming is contacts or anyone");
  if (![undefined, "contacts", "always", "never"].includes(preconnect)) bad("preconnect is contacts, always or never");
  if (![undefined, "wait", "refuse"].includes(whenBusy)) bad("whenBusy is wait or refuse");
  if (ringSeconds !== undefined && !(ringSeconds >= 10 && ringSeconds <= 120)) bad("ringSeconds is from 10 to 120");
  if (![undefined, "all", "relay"].includes(iceTransportPolicy)) bad("iceTransportPolicy is all or relay");
  if (iceServers !== undefined && !Array.isArray(iceServers) && typeof iceServers !== "function")
    bad("iceServers is an array or a function that gives one");
  if (
    transport &&
    (typeof transport.origin !== "string" ||
      !hasMethods(transport, ["start", "subscribe", "publish", "getSlot", "putSlot", "close"]))
  ) {
    bad("the transport lacks something");
  }
  if (store && !hasMethods(store, ["get", "put", "lock"])) bad("the store lacks something");
}

/**
 * @param {object} value
 * @param {string[]} names
 */
function hasMethods(value, names) {
  return names.every((name) => typeof (/** @type {Record<string, unknown>} */ (value)[name]) === "function");
}

/**
 * The transport as the Wasm gets it: plain functions.
 * @param {Transport} transport
 * @returns {Transport}
 */
function bound(transport) {
  return {
    origin: transport.origin,
    start: (onState) => transport.start(onState),
    subscribe: (mailbox, onFrame, onBacklogEnd) => transport.subscribe(mailbox, onFrame, onBacklogEnd),
    publish: (address, frame) => transport.publish(address, frame),
    getSlot: (address) => transport.getSlot(address),
    putSlot: (address, value, replaces) => transport.putSlot(address, value, replaces),
    close: () => transport.close(),
  };
}

/**
 * A call that was dialed and of which the Wasm has not told yet.
 * @param {string} id
 * @param {Contact | null} contact
 * @param {string} peerId
 * @param {{ audio: boolean, video: boolean }} media
 * @returns {Snapshot}
 */
function outgoing(id, contact, peerId, media) {
  const peer = {
    id: peerId,
    name: contact?.name ?? "",
    claimedName: "",
    contact: contact !== null,
    verified: contact?.verified ?? false,
  };
  const remote = { audio: false, video: false, screen: false };
  return { id, direction: "outgoing", peer, state: "dialing", waiting: false, devices: [], media, remote };
}

/** @param {string | { id: string }} contact */
function idOf(contact) {
  const id = typeof contact === "string" ? contact : contact?.id;
  if (typeof id !== "string") throw new RingforkError("bad-argument", "a contact is given by its id or itself");
  return id;
}

/** @param {Contact[]} contacts */
function frozenContacts(contacts) {
  return Object.freeze(contacts.map(({ id, name, verified }) => Object.freeze({ id, name, verified })));
}

/** @param {AbortSignal | undefined} signal */
function throwIfAborted(signal) {
  if (signal?.aborted) throw new RingforkError("aborted", undefined, { cause: signal.reason });
}

/**
 * Settles as `promise` does, or rejects with `aborted` when the signal fires first; what comes after that goes to `late`.
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal | undefined} signal
 * @param {(value: T) => void} [late]
 * @returns {Promise<T>}
 */
function unlessAborted(promise, signal, late) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(new RingforkError("aborted", undefined, { cause: signal.reason }));
      promise.then(late, () => {});
    };
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/**
 * Resolves when the relay's ICE servers are here, or after a while without them.
 * @param {Transport & { iceReady?: () => Promise<void> }} transport
 * @returns {Promise<void>}
 */
function iceReady(transport) {
  return new Promise((resolve) => {
    if (!transport.iceReady) return resolve();
    const timer = setTimeout(resolve, iceWait);
    transport.iceReady().finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
