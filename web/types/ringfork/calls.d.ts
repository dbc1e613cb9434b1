/**
 * The calls of a phone.
 */
import { RingforkError } from "./errors.js";
import { IncomingEvent } from "./events.js";
import type { Call } from "./call.js";
import type { Endpoint } from "./endpoint.js";
import type { CallMedia, Contact, RawOptions, Snapshot } from "./types.js";
export declare class Calls {
    #private;
    /** @type {RawOptions["media"]} */
    media: RawOptions["media"];
    /**
     * @param {Endpoint} endpoint
     * @param {(id: string) => Contact | null} contact
     * @param {(event: IncomingEvent) => void} tell
     */
    constructor(endpoint: Endpoint, contact: (id: string) => Contact | null, tell: (event: IncomingEvent) => void);
    /** @returns {Call[]} */
    get list(): Call[];
    /**
     * @param {string | { id: string }} contact
     * @param {CallMedia & { signal?: AbortSignal }} options
     * @returns {Promise<Call>}
     */
    dial(contact: string | {
        id: string;
    }, { signal, ...media }: CallMedia & {
        signal?: AbortSignal;
    }): Promise<Call>;
    /** @param {Snapshot} snapshot */
    take(snapshot: Snapshot): void;
    /**
     * The Wasm could not do what was asked of a call last.
     * @param {string} id
     * @param {string} code
     */
    refused(id: string, code: string): void;
    contactsChanged(): void;
    /** Closes all devices, and lets the goodbyes take their time. */
    stopMedia(): void;
    /**
     * @param {"hangup" | "failed"} reason
     * @param {RingforkError} [error]
     */
    end(reason: "hangup" | "failed", error?: RingforkError): void;
}
