/**
 * Opening microphone, camera and screen, with what is left when one of them cannot be had.
 */
import type { MediaKind, MediaProblem } from "./types.js";
export type Wanted = boolean | MediaTrackConstraints;
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
export declare function captureUser({ audio, video }: {
    audio: Wanted;
    video: Wanted;
}, onTrack: (kind: "audio" | "video", track: MediaStreamTrack) => void): Promise<MediaProblem[]>;
/**
 * Asks for a screen to share.
 * @param {(kind: "screen", track: MediaStreamTrack) => void} onTrack
 * @returns {Promise<MediaProblem[]>}
 */
export declare function captureScreen(onTrack: (kind: "screen", track: MediaStreamTrack) => void): Promise<MediaProblem[]>;
/**
 * @param {MediaKind} kind
 * @param {unknown} cause
 * @returns {MediaProblem}
 */
export declare function problemOf(kind: MediaKind, cause: unknown): MediaProblem;
