/**
 * What one call sends: its tracks, muted or not, and the peer connections they are put on.
 */
import type { CallMedia, MediaKind, MediaProblem, MediaState } from "./types.js";
export type Source = {
    track: MediaStreamTrack | null;
    /**
     * by the application: never stopped, never disabled
     */
    given: boolean;
    muted: boolean;
    /**
     * what to ask for when it is opened
     */
    wanted: boolean | MediaTrackConstraints;
    opening: Promise<void> | null;
    /**
     * an opening whose number is not this one any more is no longer wanted
     */
    openings: number;
    /**
     * ends the listening on the track
     */
    watch: AbortController | null;
};
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
export declare class LocalMedia {
    #private;
    /** Microphone and camera; the same object until the call ends. @type {MediaStream | null} */
    stream: MediaStream | null;
    /** The screen that is shared, while it is. @type {MediaStream | null} */
    screen: MediaStream | null;
    /** @param {() => void} onChange called after each change of stream, state or problems */
    constructor(onChange: () => void);
    /** @returns {MediaState} */
    get state(): MediaState;
    /** @returns {MediaProblem[]} */
    get problems(): MediaProblem[];
    /**
     * Opens what is wanted, or takes the application's stream. Resolves when that is settled; never rejects: what could not
     * be opened is among the problems.
     * @param {CallMedia} media
     * @returns {Promise<void>}
     */
    start(media: CallMedia): Promise<void>;
    /**
     * Puts the tracks on a peer connection's transceivers, from now on until `stop()`.
     * @param {RTCPeerConnection} connection
     */
    attach(connection: RTCPeerConnection): void;
    /**
     * Sends this no more. The camera and the screen are really closed; a microphone stays open and silent, so that it is
     * there at once when it is wanted again. A given track is taken off the call and otherwise left alone.
     * @param {MediaKind} kind
     * @returns {Promise<void>}
     */
    mute(kind: MediaKind): Promise<void>;
    /**
     * Sends this again; opens the device if need be.
     * @param {MediaKind} kind
     * @returns {Promise<void>}
     * @throws {RingforkError} media-denied, media-missing, media-busy; call-ended
     */
    unmute(kind: MediaKind): Promise<void>;
    /** Closes every device this opened and takes all tracks off the call. For good. */
    stop(): void;
}
