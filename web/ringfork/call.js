/**
 * A call as the application sees it.
 */

import { CallEventTarget } from "./events.js";

/** @import { CallMirror } from "./mirror.js" */
/** @import { CallMedia, MediaKind } from "./types.js" */

/**
 * A call, from the first ring until it has ended. `phone.call()` and the phone's "incoming" event give one.
 *
 * Events: "state", "devices", "localmedia", "remotemedia", "ended" (see their classes). The properties are up to date
 * before the event is dispatched.
 */
export class Call extends CallEventTarget {
  #mirror;

  /**
   * @internal
   * @param {CallMirror} mirror
   */
  constructor(mirror) {
    super();
    this.#mirror = mirror;
  }

  /** In hex. If both sides ring each other at once, the two calls become one, and this may become the other's id. */
  get id() {
    return this.#mirror.id;
  }

  get direction() {
    return this.#mirror.direction;
  }

  /** The other account. */
  get peer() {
    return this.#mirror.peer;
  }

  /** `dialing`, `ringing` (an incoming call starts here), `connecting`, `active`, `reconnecting` or `ended`. */
  get state() {
    return this.#mirror.state;
  }

  /** How it ended; null before. */
  get endReason() {
    return this.#mirror.endReason;
  }

  /** What ended it, if nobody did: the relay takes no ring from this page, or the module crashed. Else null. */
  get error() {
    return this.#mirror.error;
  }

  /** The label of the device that answered, where it may be known; else null. */
  get answeredBy() {
    return this.#mirror.answeredBy;
  }

  /** Whether it rings while another call is active here. */
  get waiting() {
    return this.#mirror.waiting;
  }

  /** The devices that answered the ring, of an outgoing call. */
  get devices() {
    return this.#mirror.devices;
  }

  /** What the caller means to send: for the choice of answering with or without a camera. */
  get media() {
    return this.#mirror.media;
  }

  /** Own microphone and camera: null before the first opens and after the end, in between the same object. */
  get localStream() {
    return this.#mirror.local.stream;
  }

  /** The own screen, while it is shared; else null. */
  get localScreen() {
    return this.#mirror.local.screen;
  }

  /** The other side's voice and camera: null before it is answered and after the end, the same object in between. */
  get remoteStream() {
    return this.#mirror.remote.stream;
  }

  /** The other side's screen, while it is shared; else null. */
  get remoteScreen() {
    return this.#mirror.remote.screen;
  }

  /** Which own media are sent. */
  get local() {
    return this.#mirror.local.state;
  }

  /** Which media the other side says it sends. */
  get remote() {
    return { ...this.#mirror.remote.state };
  }

  /** Which devices were wanted and could not be opened, or went away, and why. The call goes on without them. */
  get mediaErrors() {
    return this.#mirror.local.problems;
  }

  /**
   * Accepts an incoming call and opens microphone and, if asked for, camera at once. Resolves when the call is active. If a
   * device cannot be opened the call goes on without it: see `mediaErrors`. A second accept changes nothing and gets the
   * same promise. The rejection need not be handled by those who listen to "ended".
   * @param {CallMedia} [media] audio only when left out
   * @returns {Promise<void>}
   * @throws {import("./errors.js").RingforkError} call-ended (it ended, or another device was first), wrong-state,
   *   bad-argument, closed, crashed
   */
  accept(media = {}) {
    return this.#mirror.accept(media);
  }

  /**
   * Declines an incoming call that was not accepted: on all own devices, or here only. Resolves when it has ended.
   * @param {{ everywhere?: boolean }} [options]
   * @returns {Promise<void>}
   * @throws {import("./errors.js").RingforkError} wrong-state, closed, crashed
   */
  decline({ everywhere = true } = {}) {
    return this.#mirror.decline(everywhere);
  }

  /**
   * Ends the call: hangs up, cancels one that was not answered yet, declines one that rings here. Own devices close at
   * once; resolves when the call has ended.
   * @returns {Promise<void>}
   * @throws {import("./errors.js").RingforkError} closed, crashed
   */
  hangUp() {
    return this.#mirror.hangUp();
  }

  /**
   * Sends this no more. The camera is really closed, its light goes off; the microphone stays open, silent. Of a stream
   * that the application gave, the track is taken off the call and left as it is.
   * @param {MediaKind} kind
   * @returns {Promise<void>}
   * @throws {import("./errors.js").RingforkError} wrong-state (not accepted yet), call-ended, bad-argument
   */
  mute(kind) {
    return this.#mirror.setMedia(kind, false);
  }

  /**
   * Sends this (again). Opens the device if it is not open: so a camera is added to a voice call, and "screen" asks for a
   * screen to share.
   * @param {MediaKind} kind
   * @returns {Promise<void>}
   * @throws {import("./errors.js").RingforkError} media-denied, media-missing, media-busy, wrong-state (not accepted yet),
   *   call-ended, bad-argument
   */
  unmute(kind) {
    return this.#mirror.setMedia(kind, true);
  }
}
