/**
 * One call as this page has it: what the Wasm says of it, its media, and the promises of those who wait for it.
 * `Call` is what the application sees of it.
 */

import { Call } from "./call.js";
import { RingforkError, errorCodes, isFinal, toRingforkError } from "./errors.js";
import { CallStateEvent, DevicesEvent, EndedEvent, LocalMediaEvent, RemoteMediaEvent } from "./events.js";
import { LocalMedia } from "./localmedia.js";
import { RemoteMedia } from "./remotemedia.js";

/** @import { CallMedia, CallState, Contact, Device, EndReason, MediaKind, Peer, RawPhone, Snapshot } from "./types.js" */

/**
 * What a call needs of its phone.
 * @typedef {object} Host
 * @property {() => RawPhone} raw throws if the phone is closed
 * @property {(accountId: string) => Contact | null} contact
 */

export class CallMirror {
  #host;
  /** @type {Promise<void> | null} */
  #accepting = null;
  /** @type {(error?: RingforkError) => void} */
  #accepted = () => {};
  /** Whether the Wasm knows what this side sends: from dial or accept on. */
  #sending = false;
  #told = "";
  /** Those who wait for what they asked of the Wasm. @type {Set<(error: RingforkError) => void>} */
  #asking = new Set();
  /** Whether the Wasm has told of this call. */
  #seen = false;
  /** Whether the user hung up, and the Wasm has not said yet that it is over. */
  #leaving = false;
  /** @type {() => void} */
  #resolveEnded = () => {};

  /**
   * @param {Snapshot} snapshot
   * @param {Host} host
   */
  constructor(snapshot, host) {
    this.#host = host;
    this.id = snapshot.id;
    this.direction = snapshot.direction;
    this.#seen = snapshot.direction === "incoming";
    /** @type {CallState} */
    this.state = snapshot.state;
    /** @type {EndReason | null} */
    this.endReason = null;
    this.answeredBy = snapshot.answeredBy || null;
    this.waiting = snapshot.waiting;
    this.media = Object.freeze({ audio: snapshot.media.audio, video: snapshot.media.video });
    this.devices = frozenDevices(snapshot.devices);
    this.peer = this.#peerOf(snapshot);
    this.local = this.#localMedia();
    /** What ended the call, if it was no person. @type {RingforkError | null} */
    this.error = null;
    this.remote = new RemoteMedia(() => {
      this.call.dispatchEvent(new RemoteMediaEvent(this.remote.stream, this.remote.state));
    });
    /** Resolves when the call has ended. @type {Promise<void>} */
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.call = new Call(this);
    this.remote.become(snapshot.remote);
  }

  /**
   * Takes over what the Wasm says now, and tells the application what changed.
   * @param {Snapshot} snapshot
   */
  update(snapshot) {
    this.#seen = true;
    if (this.state === "ended") {
      // The label of the device that answered may come by a slower way than the news that one did.
      if (snapshot.state === "ended" && snapshot.answeredBy && !this.answeredBy) {
        this.answeredBy = snapshot.answeredBy;
        this.call.dispatchEvent(new CallStateEvent("ended", "ended"));
      }
      return;
    }
    if (snapshot.state === "ended") {
      this.end(snapshot.endReason || "failed", snapshot.answeredBy || null);
      return;
    }
    const { state: previous, devices } = this;
    const before = JSON.stringify([this.state, this.waiting, this.answeredBy, this.peer]);
    // Another id and direction: both rang each other, and this object goes on as the call that won.
    this.id = snapshot.id;
    this.direction = snapshot.direction;
    this.state = snapshot.state;
    this.waiting = snapshot.waiting;
    this.answeredBy = snapshot.answeredBy || null;
    this.peer = this.#peerOf(snapshot);
    const now = frozenDevices(snapshot.devices);
    if (JSON.stringify(now) !== JSON.stringify(devices)) this.devices = now;

    if (this.devices !== devices) this.call.dispatchEvent(new DevicesEvent(this.devices));
    this.remote.become(snapshot.remote);
    if (this.ending()) return; // a listener may have closed the phone
    if (JSON.stringify([this.state, this.waiting, this.answeredBy, this.peer]) !== before) {
      if (this.state === "active" && previous !== "active") this.#tellMedia(true);
      if (this.state === "active") this.#accepted();
      this.call.dispatchEvent(new CallStateEvent(this.state, previous));
    }
  }

  /** The contact list changed: who this peer is may have, too. */
  contactsChanged() {
    if (this.state === "ended") return;
    const { name, claimedName, id, card } = this.peer;
    const contact = this.#host.contact(id);
    const peer = Object.freeze({
      id,
      name: contact?.name ?? (claimedName || name),
      claimedName,
      contact,
      verified: contact?.verified ?? false,
      card,
    });
    if (JSON.stringify(peer) === JSON.stringify(this.peer)) return;
    this.peer = peer;
    this.call.dispatchEvent(new CallStateEvent(this.state, this.state));
  }

  /**
   * The call is over: closes all devices, lets go of the other side's media, settles all promises. Once.
   * @param {EndReason} reason
   * @param {string | null} answeredBy
   * @param {RingforkError} [error] why, if it is the fault of something; what `accept()` rejects with
   */
  end(reason, answeredBy, error) {
    if (this.state === "ended") return;
    const previous = this.state;
    this.state = "ended";
    this.endReason = reason;
    this.error = error ?? null;
    this.answeredBy = answeredBy;
    this.waiting = false;
    this.local.stop();
    this.remote.drop();
    this.#accepted(error ?? new RingforkError("call-ended", `the call ended: ${reason}`));
    if (error) for (const reject of this.#asking) reject(error);
    this.#asking.clear();
    this.#resolveEnded();
    this.call.dispatchEvent(new CallStateEvent("ended", previous));
    this.call.dispatchEvent(new EndedEvent(reason, answeredBy));
  }

  /**
   * The Wasm could not do what it was asked last: what the application saw of the call was out of date.
   * @param {string} code
   */
  refused(code) {
    if (this.state === "ended") return;
    const error = new RingforkError(Object.hasOwn(errorCodes, code) ? code : "internal-error");
    // Never dialed, over long ago, or the relay takes no ring from here.
    if (!this.#seen || code === "unknown-call" || (this.state === "dialing" && isFinal(error))) {
      this.end("failed", null, error);
      return;
    }
    for (const reject of this.#asking) reject(error);
    this.#asking.clear();
    if (this.#accepting && this.state === "ringing") {
      // It may be tried again, with new devices.
      const { local } = this;
      this.#sending = false;
      local.stop();
      this.local = this.#localMedia();
      this.#accepting = null;
      this.#accepted(error);
    }
  }

  /** Whether the user is in this call, or on the way into it. */
  get engaged() {
    if (this.state === "ended" || this.#leaving) return false;
    return this.direction === "outgoing" || this.state !== "ringing" || this.#accepting !== null;
  }

  /** Resolves when the call has ended; rejects when the Wasm does not do its part. */
  #untilEnded() {
    return new Promise((/** @type {(value?: unknown) => void} */ resolve, reject) => {
      this.#asking.add(reject);
      this.ended.then(resolve);
    });
  }

  #localMedia() {
    return new LocalMedia(() => this.#localChanged());
  }

  /** Read anew after events were dispatched, whose listeners may have ended the call. */
  ending() {
    return this.state === "ended";
  }

  /**
   * Begins to open the devices of a call that was just dialed. Resolves when that is settled, or the call ended.
   * @param {CallMedia} media
   * @returns {Promise<void>}
   */
  begin(media) {
    this.#sending = true;
    this.#told = JSON.stringify(asked(media));
    return Promise.race([this.local.start(media).then(() => this.#tellMedia()), this.ended]);
  }

  /**
   * @param {CallMedia} media
   * @returns {Promise<void>}
   */
  accept(media) {
    if (this.#accepting) return this.#accepting;
    if (this.state === "ended")
      return Promise.reject(new RingforkError("call-ended", `the call ended: ${this.endReason}`));
    if (this.direction !== "incoming")
      return Promise.reject(new RingforkError("wrong-state", "an outgoing call is not accepted here"));
    try {
      this.#host.raw().accept(this.id, asked(media));
    } catch (error) {
      return Promise.reject(toRingforkError(error));
    }
    const accepting = new Promise((/** @type {(value?: undefined) => void} */ resolve, reject) => {
      this.#accepted = (error) => (error ? reject(error) : resolve());
    });
    // An application that only listens to "ended" shall not get an unhandled rejection for every call it lost.
    accepting.catch(() => {});
    this.#accepting = accepting;
    this.#sending = true;
    this.#told = JSON.stringify(asked(media));
    this.local.start(media).then(() => this.#tellMedia());
    return accepting;
  }

  /**
   * @param {boolean} everywhere
   * @returns {Promise<void>}
   */
  async decline(everywhere) {
    if (this.state === "ended") return;
    if (this.direction !== "incoming" || this.#accepting)
      throw new RingforkError("wrong-state", "only a call that rings here is declined");
    try {
      this.#host.raw().decline(this.id, everywhere);
    } catch (error) {
      throw toRingforkError(error);
    }
    await this.#untilEnded();
  }

  /** @returns {Promise<void>} */
  async hangUp() {
    if (this.state === "ended") return;
    if (this.direction === "incoming" && this.state === "ringing" && !this.#accepting) return this.decline(true);
    this.#leaving = true;
    this.#sending = false;
    this.local.stop(); // at once, however long the goodbye takes
    try {
      this.#host.raw().hangUp(this.id);
    } catch (error) {
      if (!this.ending()) throw toRingforkError(error);
    }
    await this.#untilEnded();
  }

  /**
   * @param {MediaKind} kind
   * @param {boolean} on
   * @returns {Promise<void>}
   */
  async setMedia(kind, on) {
    if (kind !== "audio" && kind !== "video" && kind !== "screen")
      throw new RingforkError("bad-argument", "the kind of media is none of audio, video and screen");
    if (this.state === "ended") throw new RingforkError("call-ended", `the call ended: ${this.endReason}`);
    if (!this.#sending) throw new RingforkError("wrong-state", "the call was not accepted yet");
    await (on ? this.local.unmute(kind) : this.local.mute(kind));
  }

  #localChanged() {
    this.#tellMedia();
    this.call.dispatchEvent(new LocalMediaEvent(this.local.stream, this.local.state, this.local.problems));
  }

  /**
   * Tells the other side, through the Wasm, what this one sends.
   * @param {boolean} [again] even if it was told the same before
   */
  #tellMedia(again = false) {
    if (!this.#sending || this.state === "ended") return;
    const { state } = this.local;
    const text = JSON.stringify(state);
    if (text === this.#told && !again) return;
    this.#told = text;
    try {
      this.#host.raw().setMedia(this.id, state);
    } catch {
      // Too early or too late. It is told again once the call is active.
    }
  }

  /**
   * @param {Snapshot} snapshot
   * @returns {Readonly<Peer>}
   */
  #peerOf({ peer: { id, name, claimedName, contact, verified, card } }) {
    const known = contact ? this.#host.contact(id) : null;
    return Object.freeze({ id, name, claimedName, contact: known, verified, card: card || null });
  }
}

/**
 * What the other side is told before the devices are open.
 * @param {CallMedia} media
 * @returns {{ audio: boolean, video: boolean }}
 * @throws {RingforkError} bad-argument
 */
export function asked(media) {
  if (media.stream !== undefined && typeof media.stream?.getAudioTracks !== "function")
    throw new RingforkError("bad-argument", "the stream is no MediaStream");
  for (const wanted of [media.audio, media.video]) {
    if (!["undefined", "boolean", "object"].includes(typeof wanted) || wanted === null)
      throw new RingforkError("bad-argument", "audio and video are true, false or constraints");
  }
  if (media.stream)
    return { audio: media.stream.getAudioTracks().length > 0, video: media.stream.getVideoTracks().length > 0 };
  return { audio: Boolean(media.audio ?? true), video: Boolean(media.video ?? false) };
}

/** @param {Device[]} devices */
function frozenDevices(devices) {
  return Object.freeze(devices.map(({ label, state }) => Object.freeze({ label, state })));
}
