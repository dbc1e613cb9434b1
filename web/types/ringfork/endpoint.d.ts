/**
 * A phone's end of the Wasm: opens it, asks it, brings what it tells in order, and ends with it.
 */
import { RingforkError } from "./errors.js";
import type { PhoneOptions } from "./options.js";
import type { PhoneState, RawEvent, RawOptions, RawPhone, Store, Transport } from "./types.js";
import type { WasmInstance } from "./wasm.js";
export type Parts = {
    instance: WasmInstance;
    transport: Transport;
    store: Store;
    iceServers: () => RTCIceServer[];
    /**
     * whether the phone made the store
     */
    ownStore: boolean;
};
export type ClosedReason = "closed" | "left" | "revoked" | "crashed";
export type Listener = {
    event: (event: RawEvent) => void;
    media: RawOptions["media"];
    /**
     * the phone is being closed: no device may stay open
     */
    closing: () => void;
    /**
     * the page is left, and may live on in the back/forward cache: calls are over
     */
    left: () => void;
    /**
     * the last that is told
     */
    ended: (reason: ClosedReason, error: RingforkError | null) => void;
};
/** @import { PhoneOptions } from "./options.js" */
/** @import { PhoneState, RawEvent, RawOptions, RawPhone, Store, Transport } from "./types.js" */
/** @import { WasmInstance } from "./wasm.js" */
/**
 * What an endpoint is made of.
 * @typedef {object} Parts
 * @property {WasmInstance} instance
 * @property {Transport} transport
 * @property {Store} store
 * @property {() => RTCIceServer[]} iceServers
 * @property {boolean} ownStore whether the phone made the store
 */
/** @typedef {"closed" | "left" | "revoked" | "crashed"} ClosedReason */
/**
 * Who listens to an endpoint: the phone. Nothing is told from inside a call of the Wasm.
 * @typedef {object} Listener
 * @property {(event: RawEvent) => void} event
 * @property {RawOptions["media"]} media
 * @property {() => void} closing the phone is being closed: no device may stay open
 * @property {() => void} left the page is left, and may live on in the back/forward cache: calls are over
 * @property {(reason: ClosedReason, error: RingforkError | null) => void} ended the last that is told
 */
export declare class Endpoint {
    #private;
    /** @param {Parts} parts */
    constructor(parts: Parts);
    /**
     * Opens the Wasm's phone. What comes meanwhile is held until those who wait for this have had their chance to listen.
     * @param {PhoneOptions} options
     * @param {Listener} listener
     * @returns {Promise<RawPhone>}
     */
    open(options: PhoneOptions, listener: Listener): Promise<RawPhone>;
    /** Whether what is stored outlives the page. */
    get persistent(): boolean;
    /**
     * @returns {RawPhone}
     * @throws {RingforkError} closed, crashed, revoked
     */
    raw(): RawPhone;
    /** The same to read from, as long as there is a reader; null at the end. */
    get readable(): RawPhone | null;
    /**
     * Asks for what takes its time; rejects if the Wasm crashes over it.
     * @template T
     * @param {(raw: RawPhone) => Promise<T>} ask
     * @returns {Promise<T>}
     */
    ask<T>(ask: (raw: RawPhone) => Promise<T>): Promise<T>;
    /** What is stored of the account is another: the profile's other tabs have to read it, too. */
    tellStored(): void;
    /** @returns {Promise<void>} the same each time */
    close(): Promise<void>;
}
/**
 * The transport as the Wasm gets it: plain functions.
 * @param {Transport} transport
 * @param {(state: PhoneState, error: RingforkError | null) => void} [onState] hears its states first
 * @returns {Transport}
 */
export declare function bound(transport: Transport, onState?: (state: PhoneState, error: RingforkError | null) => void): Transport;
