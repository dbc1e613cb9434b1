/**
 * Opening microphone, camera and screen, with what is left when one of them cannot be had.
 */

/** @import { MediaKind, MediaProblem } from "./types.js" */
/** @typedef {boolean | MediaTrackConstraints} Wanted */

/**
 * Opens microphone and camera as far as they are wanted and can be had. Never rejects.
 *
 * Where the user has to be asked, both are asked for in one prompt; where both are allowed already, each is opened on its
 * own, so that the voice does not wait for the camera: then `onTrack` gets it first.
 * @param {{ audio: Wanted, video: Wanted }} wanted
 * @param {(kind: "audio" | "video", track: MediaStreamTrack) => void} onTrack called as each track comes
 * @returns {Promise<MediaProblem[]>}
 */
export async function captureUser({ audio, video }, onTrack) {
  const both = audio && video;
  if (both && !(await allowed("microphone", "camera"))) {
    try {
      const stream = await getUserMedia({ audio, video });
      give(stream, onTrack);
      return [];
    } catch (error) {
      const problems = await captureOne("audio", audio, onTrack);
      // One was refused. If it was not the microphone, it was the camera; do not ask a third time, unless it cannot be
      // a question any more.
      const refused = problemOf("video", error);
      if (refused.code !== "media-denied" || (problems.length > 0 && (await allowed("camera")))) {
        return [...problems, ...(await captureOne("video", video, onTrack))];
      }
      return [...problems, refused];
    }
  }
  const results = await Promise.all([
    audio ? captureOne("audio", audio, onTrack) : [],
    video ? captureOne("video", video, onTrack) : [],
  ]);
  return results.flat();
}

/**
 * Asks for a screen to share.
 * @param {(kind: "screen", track: MediaStreamTrack) => void} onTrack
 * @returns {Promise<MediaProblem[]>}
 */
export async function captureScreen(onTrack) {
  try {
    const devices = mediaDevices();
    if (!devices.getDisplayMedia) throw new DOMException("no getDisplayMedia", "NotFoundError");
    const stream = await devices.getDisplayMedia({ video: true, audio: false });
    const [track] = stream.getVideoTracks();
    track.contentHint = "detail";
    onTrack("screen", track);
    return [];
  } catch (error) {
    return [problemOf("screen", error)];
  }
}

/**
 * @param {"audio" | "video"} kind
 * @param {Wanted} wanted
 * @param {(kind: "audio" | "video", track: MediaStreamTrack) => void} onTrack
 * @returns {Promise<MediaProblem[]>}
 */
async function captureOne(kind, wanted, onTrack) {
  try {
    give(await getUserMedia({ [kind]: wanted }), onTrack);
    return [];
  } catch (error) {
    return [problemOf(kind, error)];
  }
}

/**
 * @param {MediaStream} stream
 * @param {(kind: "audio" | "video", track: MediaStreamTrack) => void} onTrack
 */
function give(stream, onTrack) {
  for (const track of stream.getAudioTracks()) onTrack("audio", track);
  for (const track of stream.getVideoTracks()) onTrack("video", track);
}

/** @param {MediaStreamConstraints} constraints */
async function getUserMedia(constraints) {
  return mediaDevices().getUserMedia(constraints);
}

/** @returns {MediaDevices} */
function mediaDevices() {
  const devices = globalThis.navigator?.mediaDevices;
  if (!devices) throw new DOMException("the page may not open devices: it is no secure context", "NotFoundError");
  return devices;
}

/**
 * Whether the user has allowed all of these for good, so that opening them asks nothing.
 * @param {...("microphone" | "camera")} names
 */
async function allowed(...names) {
  try {
    const states = await Promise.all(
      names.map((name) => navigator.permissions.query({ name: /** @type {PermissionName} */ (name) })),
    );
    return states.every(({ state }) => state === "granted");
  } catch {
    return false; // not every browser can be asked
  }
}

/**
 * @param {MediaKind} kind
 * @param {unknown} cause
 * @returns {MediaProblem}
 */
export function problemOf(kind, cause) {
  const name = /** @type {{ name?: string } | null} */ (cause)?.name ?? "";
  return { kind, code: codeOf(name), cause };
}

/**
 * @param {string} name of a DOMException
 * @returns {MediaProblem["code"]}
 */
function codeOf(name) {
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return "media-denied";
    case "NotReadableError":
    case "AbortError":
      return "media-busy";
    case "TypeError":
      return "bad-argument";
    default: // NotFoundError, OverconstrainedError
      return "media-missing";
  }
}
