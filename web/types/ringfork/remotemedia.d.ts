/**
 * What one call shows of the other side.
 */
import type { MediaState } from "./types.js";
/** @import { MediaState } from "./types.js" */
/**
 * The streams are the same objects for as long as the call lasts; their tracks come and go, also when the call moves to
 * another peer connection. The audio track is always there. A video track is there only while the other side says that it
 * sends: an element waits for a video's first picture before it plays the sound.
 */
export declare class RemoteMedia {
    #private;
    /** Voice and camera; null before the call is won. @type {MediaStream | null} */
    stream: MediaStream | null;
    /** The shared screen; null while there is none. @type {MediaStream | null} */
    screen: MediaStream | null;
    /** What the other side says is on. @type {MediaState} */
    state: MediaState;
    /** @param {() => void} onChange called after each change of the streams, their tracks or the state */
    constructor(onChange: () => void);
    /**
     * Shows what this connection receives, in place of what another did.
     * @param {RTCPeerConnection} connection
     */
    show(connection: RTCPeerConnection): void;
    /** @param {MediaState} state */
    become({ audio, video, screen }: MediaState): void;
    /** Shows nothing any more. */
    drop(): void;
}
