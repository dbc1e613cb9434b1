/**
 * A call as the application sees it.
 */
import { CallEventTarget } from "./events.js";
import type { CallMirror } from "./mirror.js";
import type { CallMedia, MediaKind } from "./types.js";
/** @import { CallMirror } from "./mirror.js" */
/** @import { CallMedia, MediaKind } from "./types.js" */
/**
 * A call, from the first ring until it has ended. `phone.call()` and the phone's "incoming" event give one.
 *
 * Events: "state", "devices", "localmedia", "remotemedia", "ended" (see their classes). The properties are up to date
 * before the event is dispatched.
 */
export declare class Call extends CallEventTarget {
    #private;
    /**
     * @internal
     * @param {CallMirror} mirror
     */
    constructor(mirror: CallMirror);
    /** In hex. If both sides ring each other at once, the two calls become one, and this may become the other's id. */
    get id(): string;
    get direction(): "incoming" | "outgoing";
    /** The other account. */
    get peer(): Readonly<import("./types.js").Peer>;
    /** `dialing`, `ringing` (an incoming call starts here), `connecting`, `active`, `reconnecting` or `ended`. */
    get state(): import("./types.js").CallState;
    /** How it ended; null before. */
    get endReason(): import("./types.js").EndReason | null;
    /** What ended it, if nobody did: the relay takes no ring from this page, or the module crashed. Else null. */
    get error(): import("./errors.js").RingforkError | null;
    /** The label of the device that answered, where it may be known; else null. */
    get answeredBy(): string | null;
    /** Whether it rings while another call is active here. */
    get waiting(): boolean;
    /** The devices that answered the ring, of an outgoing call. */
    get devices(): readonly Readonly<{
        label: string;
        state: string;
    }>[];
    /** What the caller means to send: for the choice of answering with or without a camera. */
    get media(): Readonly<{
        audio: boolean;
        video: boolean;
    }>;
    /** Own microphone and camera: null before the first opens and after the end, in between the same object. */
    get localStream(): MediaStream | null;
    /** The own screen, while it is shared; else null. */
    get localScreen(): MediaStream | null;
    /** The other side's voice and camera: null before it is answered and after the end, the same object in between. */
    get remoteStream(): MediaStream | null;
    /** The other side's screen, while it is shared; else null. */
    get remoteScreen(): MediaStream | null;
    /** Which own media are sent. */
    get local(): import("./types.js").MediaState;
    /** Which media the other side says it sends. */
    get remote(): {
        audio: boolean;
        video: boolean;
        screen: boolean;
    };
    /** Which devices were wanted and could not be opened, or went away, and why. The call goes on without them. */
    get mediaErrors(): import("./types.js").MediaProblem[];
    /**
     * Accepts an incoming call and opens microphone and, if asked for, camera at once. Resolves when the call is active. If a
     * device cannot be opened the call goes on without it: see `mediaErrors`. A second accept changes nothing and gets the
     * same promise. The rejection need not be handled by those who listen to "ended".
     * @param {CallMedia} [media] audio only when left out
     * @returns {Promise<void>}
     * @throws {import("./errors.js").RingforkError} call-ended (it ended, or another device was first), wrong-state,
     *   bad-argument, closed, crashed
     */
    accept(media?: CallMedia): Promise<void>;
    /**
     * Declines an incoming call that was not accepted: on all own devices, or here only. Resolves when it has ended.
     * @param {{ everywhere?: boolean }} [options]
     * @returns {Promise<void>}
     * @throws {import("./errors.js").RingforkError} wrong-state, closed, crashed
     */
    decline({ everywhere }?: {
        everywhere?: boolean;
    }): Promise<void>;
    /**
     * Ends the call: hangs up, cancels one that was not answered yet, declines one that rings here. Own devices close at
     * once; resolves when the call has ended.
     * @returns {Promise<void>}
     * @throws {import("./errors.js").RingforkError} closed, crashed
     */
    hangUp(): Promise<void>;
    /**
     * Sends this no more. The camera is really closed, its light goes off; the microphone stays open, silent. Of a stream
     * that the application gave, the track is taken off the call and left as it is.
     * @param {MediaKind} kind
     * @returns {Promise<void>}
     * @throws {import("./errors.js").RingforkError} wrong-state (not accepted yet), call-ended, bad-argument
     */
    mute(kind: MediaKind): Promise<void>;
    /**
     * Sends this (again). Opens the device if it is not open: so a camera is added to a voice call, and "screen" asks for a
     * screen to share.
     * @param {MediaKind} kind
     * @returns {Promise<void>}
     * @throws {import("./errors.js").RingforkError} media-denied, media-missing, media-busy, wrong-state (not accepted yet),
     *   call-ended, bad-argument
     */
    unmute(kind: MediaKind): Promise<void>;
}
