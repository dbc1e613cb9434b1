/**
 * One call as this page has it: what the Wasm says of it, its media, and the promises of those who wait for it.
 * `Call` is what the application sees of it.
 */
import { Call } from "./call.js";
import { RingforkError } from "./errors.js";
import { LocalMedia } from "./localmedia.js";
import { RemoteMedia } from "./remotemedia.js";
import type { CallMedia, CallState, Contact, EndReason, MediaKind, Peer, RawPhone, Snapshot } from "./types.js";
export type Host = {
    /**
     * throws if the phone is closed
     */
    raw: () => RawPhone;
    contact: (accountId: string) => Contact | null;
};
/** @import { CallMedia, CallState, Contact, Device, EndReason, MediaKind, Peer, RawPhone, Snapshot } from "./types.js" */
/**
 * What a call needs of its phone.
 * @typedef {object} Host
 * @property {() => RawPhone} raw throws if the phone is closed
 * @property {(accountId: string) => Contact | null} contact
 */
export declare class CallMirror {
    #private;
    id: string;
    direction: "incoming" | "outgoing";
    /** @type {CallState} */
    state: CallState;
    /** @type {EndReason | null} */
    endReason: EndReason | null;
    answeredBy: string | null;
    waiting: boolean;
    media: Readonly<{
        audio: boolean;
        video: boolean;
    }>;
    devices: readonly Readonly<{
        label: string;
        state: string;
    }>[];
    peer: Readonly<Peer>;
    local: LocalMedia;
    /** What ended the call, if it was no person. @type {RingforkError | null} */
    error: RingforkError | null;
    remote: RemoteMedia;
    /** Resolves when the call has ended. @type {Promise<void>} */
    ended: Promise<void>;
    call: Call;
    /**
     * @param {Snapshot} snapshot
     * @param {Host} host
     */
    constructor(snapshot: Snapshot, host: Host);
    /**
     * Takes over what the Wasm says now, and tells the application what changed.
     * @param {Snapshot} snapshot
     */
    update(snapshot: Snapshot): void;
    /** The contact list changed: who this peer is may have, too. */
    contactsChanged(): void;
    /**
     * The call is over: closes all devices, lets go of the other side's media, settles all promises. Once.
     * @param {EndReason} reason
     * @param {string | null} answeredBy
     * @param {RingforkError} [error] why, if it is the fault of something; what `accept()` rejects with
     */
    end(reason: EndReason, answeredBy: string | null, error?: RingforkError): void;
    /**
     * The Wasm could not do what it was asked last: what the application saw of the call was out of date.
     * @param {string} code
     */
    refused(code: string): void;
    /** Whether the user is in this call, or on the way into it. */
    get engaged(): boolean;
    /** Read anew after events were dispatched, whose listeners may have ended the call. */
    ending(): boolean;
    /**
     * Begins to open the devices of a call that was just dialed. Resolves when that is settled, or the call ended.
     * @param {CallMedia} media
     * @returns {Promise<void>}
     */
    begin(media: CallMedia): Promise<void>;
    /**
     * @param {CallMedia} media
     * @returns {Promise<void>}
     */
    accept(media: CallMedia): Promise<void>;
    /**
     * @param {boolean} everywhere
     * @returns {Promise<void>}
     */
    decline(everywhere: boolean): Promise<void>;
    /** @returns {Promise<void>} */
    hangUp(): Promise<void>;
    /**
     * @param {MediaKind} kind
     * @param {boolean} on
     * @returns {Promise<void>}
     */
    setMedia(kind: MediaKind, on: boolean): Promise<void>;
}
/**
 * What the other side is told before the devices are open.
 * @param {CallMedia} media
 * @returns {{ audio: boolean, video: boolean }}
 * @throws {RingforkError} bad-argument
 */
export declare function asked(media: CallMedia): {
    audio: boolean;
    video: boolean;
};
