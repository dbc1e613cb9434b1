/**
 * The calls of a phone.
 */

import { throwIfAborted, unlessAborted } from "./abort.js";
import { RingforkError } from "./errors.js";
import { IncomingEvent } from "./events.js";
import { CallMirror, asked } from "./mirror.js";
import { idOf } from "./people.js";

/** @import { Call } from "./call.js" */
/** @import { Endpoint } from "./endpoint.js" */
/** @import { CallMedia, Contact, RawOptions, Snapshot } from "./types.js" */

const maxNameless = 16;

export class Calls {
  #endpoint;
  #contact;
  #tell;
  #host;
  /** Those that have not ended. One that goes on as another has two ids. @type {Map<string, CallMirror>} */
  #mirrors = new Map();
  /** The last ones that were answered elsewhere: by whom may be told a moment later. @type {Map<string, CallMirror>} */
  #nameless = new Map();

  /**
   * @param {Endpoint} endpoint
   * @param {(id: string) => Contact | null} contact
   * @param {(event: IncomingEvent) => void} tell
   */
  constructor(endpoint, contact, tell) {
    this.#endpoint = endpoint;
    this.#contact = contact;
    this.#tell = tell;
    this.#host = { raw: () => endpoint.raw(), contact };
    /** @type {RawOptions["media"]} */
    this.media = {
      attach: (id, connection) => this.#mirrors.get(id)?.local.attach(connection),
      show: (id, connection) => this.#mirrors.get(id)?.remote.show(connection),
      detach: (id) => this.#mirrors.get(id)?.local.stop(),
    };
  }

  /** @returns {Call[]} */
  get list() {
    return [...new Set(this.#mirrors.values())].map(({ call }) => call);
  }

  /**
   * @param {string | { id: string }} contact
   * @param {CallMedia & { signal?: AbortSignal }} options
   * @returns {Promise<Call>}
   */
  async dial(contact, { signal, ...media }) {
    throwIfAborted(signal);
    const raw = this.#endpoint.raw();
    for (const { engaged } of this.#mirrors.values()) if (engaged) throw new RingforkError("too-many-calls");
    const peerId = idOf(contact);
    const id = raw.dial(peerId, asked(media));
    const mirror = this.#mirrors.get(id) ?? this.#add(outgoing(id, this.#contact(peerId), peerId, asked(media)));
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

  /** @param {Snapshot} snapshot */
  take(snapshot) {
    const { id, state, replaces, direction } = snapshot;
    let mirror = this.#mirrors.get(id);
    const dialed = replaces && this.#mirrors.get(replaces);
    if (dialed && dialed !== mirror) {
      // Both rang each other: the call that was dialed here goes on as the other's. If that was shown already, it is no more.
      this.#mirrors.delete(replaces);
      this.#mirrors.set(id, dialed);
      mirror?.end("replaced", null);
      mirror = dialed;
    }
    if (mirror) {
      mirror.update(snapshot);
      return;
    }
    if (state === "ended") {
      this.#nameless.get(id)?.update(snapshot);
      return;
    }
    mirror = this.#add(snapshot);
    if (direction === "incoming") this.#tell(new IncomingEvent(mirror.call));
  }

  /**
   * The Wasm could not do what was asked of a call last.
   * @param {string} id
   * @param {string} code
   */
  refused(id, code) {
    this.#mirrors.get(id)?.refused(code);
  }

  contactsChanged() {
    for (const mirror of this.#mirrors.values()) mirror.contactsChanged();
  }

  /** Closes all devices, and lets the goodbyes take their time. */
  stopMedia() {
    for (const mirror of this.#mirrors.values()) mirror.local.stop();
  }

  /**
   * @param {"hangup" | "failed"} reason
   * @param {RingforkError} [error]
   */
  end(reason, error) {
    for (const mirror of [...this.#mirrors.values()]) mirror.end(reason, null, error);
    this.#mirrors.clear();
    this.#nameless.clear();
  }

  /** @param {Snapshot} snapshot */
  #add(snapshot) {
    const mirror = new CallMirror(snapshot, this.#host);
    this.#mirrors.set(snapshot.id, mirror);
    mirror.ended.then(() => {
      if (this.#mirrors.get(mirror.id) === mirror) this.#mirrors.delete(mirror.id);
      if (mirror.endReason !== "answered-elsewhere" || mirror.answeredBy) return;
      this.#nameless.set(mirror.id, mirror);
      for (const id of this.#nameless.keys()) if (this.#nameless.size > maxNameless) this.#nameless.delete(id);
    });
    return mirror;
  }
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
