/**
 * What one call sends: its tracks, muted or not, and the peer connections they are put on.
 */

import { captureScreen, captureUser, problemOf } from "./capture.js";
import { RingforkError } from "./errors.js";

/** @import { CallMedia, MediaKind, MediaProblem, MediaState } from "./types.js" */

/** In the order of every offer's transceivers. @type {readonly MediaKind[]} */
const kinds = Object.freeze(["audio", "video", "screen"]);

/**
 * @typedef {object} Source
 * @property {MediaStreamTrack | null} track
 * @property {boolean} given by the application: never stopped, never disabled
 * @property {boolean} muted
 * @property {boolean | MediaTrackConstraints} wanted what to ask for when it is opened
 * @property {Promise<void> | null} opening
 * @property {number} openings an opening whose number is not this one any more is no longer wanted
 * @property {AbortController | null} watch ends the listening on the track
 */

export class LocalMedia {
  /** Microphone and camera; the same object until the call ends. @type {MediaStream | null} */
  stream = null;
  /** The screen that is shared, while it is. @type {MediaStream | null} */
  screen = null;

  #onChange;
  /** @type {Record<MediaKind, Source>} */
  #sources = { audio: source(), video: source(), screen: source() };
  /** @type {Map<MediaKind, MediaProblem>} */
  #problems = new Map();
  /** @type {Set<RTCPeerConnection>} */
  #connections = new Set();
  /** What each sender was told last; its own `track` lags behind. @type {WeakMap<RTCRtpSender, MediaStreamTrack | null>} */
  #told = new WeakMap();
  /** What senders are busy with. @type {Set<Promise<void>>} */
  #replacing = new Set();
  #stopped = new AbortController();

  /** @param {() => void} onChange called after each change of stream, state or problems */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** @returns {MediaState} */
  get state() {
    const on = (/** @type {MediaKind} */ kind) => this.#sources[kind].track !== null && !this.#sources[kind].muted;
    return { audio: on("audio"), video: on("video"), screen: on("screen") };
  }

  /** @returns {MediaProblem[]} */
  get problems() {
    return [...this.#problems.values()];
  }

  /**
   * Opens what is wanted, or takes the application's stream. Resolves when that is settled; never rejects: what could not
   * be opened is among the problems.
   * @param {CallMedia} media
   * @returns {Promise<void>}
   */
  async start(media) {
    const { audio, video } = this.#sources;
    if (media.stream) {
      this.#take("audio", media.stream.getAudioTracks()[0], true);
      this.#take("video", media.stream.getVideoTracks()[0], true);
      return;
    }
    const wanted = { audio: media.audio ?? true, video: media.video ?? false };
    audio.wanted = wanted.audio || true;
    video.wanted = wanted.video || true;
    /** @type {Partial<Record<MediaKind, number>>} */
    const numbers = {};
    const opening = captureUser(wanted, (kind, track) => this.#opened(kind, track, numbers[kind])).then((problems) => {
      this.#settled(problems.filter(({ kind }) => numbers[kind] === this.#sources[kind].openings));
    });
    for (const kind of /** @type {const} */ (["audio", "video"])) {
      if (!wanted[kind]) continue;
      const source = this.#sources[kind];
      numbers[kind] = ++source.openings;
      source.opening = opening.finally(() => {
        if (numbers[kind] === source.openings) source.opening = null;
      });
    }
    await opening;
  }

  /**
   * Puts the tracks on a peer connection's transceivers, from now on until `stop()`.
   * @param {RTCPeerConnection} connection
   */
  attach(connection) {
    if (this.#stopped.signal.aborted) return;
    if (!this.#connections.has(connection)) {
      this.#connections.add(connection);
      // Its transceivers may come with a description that is yet to be set.
      connection.addEventListener("signalingstatechange", () => this.#apply(connection), {
        signal: this.#stopped.signal,
      });
    }
    this.#apply(connection);
  }

  /**
   * Sends this no more. The camera and the screen are really closed; a microphone stays open and silent, so that it is
   * there at once when it is wanted again. A given track is taken off the call and otherwise left alone.
   * @param {MediaKind} kind
   * @returns {Promise<void>}
   */
  async mute(kind) {
    const source = this.#sources[kind];
    source.muted = true;
    this.#problems.delete(kind);
    if (kind !== "audio") {
      source.openings++;
      source.opening = null;
      if (!source.given) this.#drop(kind);
    } else if (source.track && !source.given) {
      source.track.enabled = false;
    }
    await this.#changed();
  }

  /**
   * Sends this again; opens the device if need be.
   * @param {MediaKind} kind
   * @returns {Promise<void>}
   * @throws {RingforkError} media-denied, media-missing, media-busy; call-ended
   */
  async unmute(kind) {
    const source = this.#sources[kind];
    source.muted = false;
    if (source.track) {
      if (!source.given) source.track.enabled = true;
      await this.#changed();
      return;
    }
    if (!source.opening) {
      const number = ++source.openings;
      const opening = this.#open(kind, number).finally(() => {
        if (number === source.openings) source.opening = null;
      });
      source.opening = opening;
    }
    await source.opening;
    if (this.#stopped.signal.aborted) throw new RingforkError("call-ended");
    const problem = this.#problems.get(kind);
    if (problem) throw new RingforkError(problem.code, undefined, { cause: problem.cause });
    await Promise.all(this.#replacing);
  }

  /** Closes every device this opened and takes all tracks off the call. For good. */
  stop() {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    const { stream, screen, problems } = this;
    for (const kind of kinds) this.#drop(kind);
    this.#problems.clear();
    for (const connection of this.#connections) this.#apply(connection);
    this.#connections.clear();
    this.stream = null;
    if (stream || screen || problems.length > 0) this.#onChange();
  }

  /**
   * @param {MediaKind} kind
   * @param {number} number
   */
  async #open(kind, number) {
    const { wanted } = this.#sources[kind];
    const onTrack = (/** @type {MediaKind} */ of, /** @type {MediaStreamTrack} */ track) =>
      this.#opened(of, track, of === kind ? number : undefined);
    const problems =
      kind === "screen"
        ? await captureScreen(onTrack)
        : await captureUser({ audio: kind === "audio" && wanted, video: kind === "video" && wanted }, onTrack);
    if (number === this.#sources[kind].openings) this.#settled(problems);
  }

  /**
   * @param {MediaKind} kind
   * @param {MediaStreamTrack} track
   * @param {number | undefined} number
   */
  #opened(kind, track, number) {
    const source = this.#sources[kind];
    if (this.#stopped.signal.aborted || number !== source.openings || source.track) {
      track.stop(); // came too late
      return;
    }
    if (source.muted) track.enabled = false;
    this.#take(kind, track, false);
  }

  /** @param {MediaProblem[]} problems */
  #settled(problems) {
    if (this.#stopped.signal.aborted || problems.length === 0) return;
    for (const problem of problems) this.#problems.set(problem.kind, problem);
    this.#changed();
  }

  /**
   * @param {MediaKind} kind
   * @param {MediaStreamTrack | undefined} track
   * @param {boolean} given
   */
  #take(kind, track, given) {
    if (!track || track.readyState === "ended") return;
    const source = this.#sources[kind];
    source.track = track;
    source.given = given;
    source.watch = new AbortController();
    track.addEventListener("ended", () => this.#ended(kind), { signal: source.watch.signal });
    this.#problems.delete(kind);
    if (kind === "screen") this.screen = new MediaStream([track]);
    else (this.stream ??= new MediaStream()).addTrack(track);
    this.#changed();
  }

  /**
   * The device was unplugged, its permission taken back, or the user stopped sharing.
   * @param {MediaKind} kind
   */
  #ended(kind) {
    const given = this.#sources[kind].given;
    this.#drop(kind);
    if (kind !== "screen" && !given)
      this.#problems.set(kind, problemOf(kind, new DOMException("the device went away", "NotFoundError")));
    this.#changed();
  }

  /** @param {MediaKind} kind */
  #drop(kind) {
    const source = this.#sources[kind];
    const { track } = source;
    if (!track) return;
    source.watch?.abort();
    source.watch = null;
    source.track = null;
    if (!source.given) track.stop();
    source.given = false;
    if (kind === "screen") this.screen = null;
    else this.stream?.removeTrack(track);
  }

  /** Resolves when all senders send what they should now. */
  async #changed() {
    for (const connection of this.#connections) this.#apply(connection);
    this.#onChange();
    await Promise.all(this.#replacing);
  }

  /** @param {RTCPeerConnection} connection */
  #apply(connection) {
    if (connection.signalingState === "closed") {
      this.#connections.delete(connection);
      return;
    }
    const transceivers = connection.getTransceivers();
    for (const [at, kind] of kinds.entries()) {
      const sender = transceivers[at]?.sender;
      const { track, given, muted } = this.#sources[kind];
      const sent = given && muted ? null : track;
      if (!sender || (this.#told.get(sender) ?? null) === sent) continue;
      this.#told.set(sender, sent);
      // It fails only where the connection was closed meanwhile.
      const replacing = sender.replaceTrack(sent).catch(() => {});
      this.#replacing.add(replacing);
      replacing.then(() => this.#replacing.delete(replacing));
    }
  }
}

/** @returns {Source} */
function source() {
  return { track: null, given: false, muted: false, wanted: true, opening: null, openings: 0, watch: null };
}
