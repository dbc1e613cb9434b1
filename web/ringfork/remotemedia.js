/**
 * What one call shows of the other side.
 */

/** @import { MediaState } from "./types.js" */

/**
 * The streams are the same objects for as long as the call lasts; their tracks come and go, also when the call moves to
 * another peer connection. The audio track is always there. A video track is there only while the other side says that it
 * sends: an element waits for a video's first picture before it plays the sound.
 */
export class RemoteMedia {
  /** Voice and camera; null before the call is won. @type {MediaStream | null} */
  stream = null;
  /** The shared screen; null while there is none. @type {MediaStream | null} */
  screen = null;
  /** What the other side says is on. @type {MediaState} */
  state = { audio: false, video: false, screen: false };

  #onChange;
  /** @type {RTCPeerConnection | null} */
  #connection = null;

  /** @param {() => void} onChange called after each change of the streams, their tracks or the state */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /**
   * Shows what this connection receives, in place of what another did.
   * @param {RTCPeerConnection} connection
   */
  show(connection) {
    this.#connection = connection;
    this.stream ??= new MediaStream();
    if (this.#sync()) this.#onChange();
  }

  /** @param {MediaState} state */
  become({ audio, video, screen }) {
    const same = audio === this.state.audio && video === this.state.video && screen === this.state.screen;
    this.state = { audio, video, screen };
    if (this.#sync() || !same) this.#onChange();
  }

  /** Shows nothing any more. */
  drop() {
    this.#connection = null;
    const was = this.stream;
    for (const track of was?.getTracks() ?? []) was?.removeTrack(track);
    this.stream = this.screen = null;
    this.state = { audio: false, video: false, screen: false };
    if (was) this.#onChange();
  }

  /** Whether anything changed. */
  #sync() {
    if (!this.#connection || !this.stream) return false;
    const [audio, video, screen] = this.#connection.getTransceivers().map(({ receiver }) => receiver.track);
    let changed = setTracks(this.stream, [audio, this.state.video ? video : undefined]);
    if (this.state.screen && screen) {
      this.screen ??= new MediaStream();
      changed = setTracks(this.screen, [screen]) || changed;
    } else if (this.screen) {
      this.screen = null;
      changed = true;
    }
    return changed;
  }
}

/**
 * @param {MediaStream} stream
 * @param {(MediaStreamTrack | undefined)[]} tracks
 */
function setTracks(stream, tracks) {
  const has = stream.getTracks();
  const gone = has.filter((track) => !tracks.includes(track));
  const come = tracks.filter((track) => track !== undefined).filter((track) => !has.includes(track));
  for (const track of gone) stream.removeTrack(track);
  for (const track of come) stream.addTrack(track);
  return gone.length + come.length > 0;
}
