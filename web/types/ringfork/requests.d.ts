/**
 * What is asked of a relay by fetch: everything but reading mailboxes.
 */
import { RingforkError } from "./errors.js";
import type { TokenOption } from "./token.js";
export declare const longestWait = 60000;
export declare class Requests {
    #private;
    /**
     * @param {string} base the relay's URL without a slash at its end
     * @param {TokenOption | undefined} token
     * @param {(error: RingforkError | null) => void} told hears of each request that needs a token: null if the relay took it,
     *   else why it was refused for good
     */
    constructor(base: string, token: TokenOption | undefined, told: (error: RingforkError | null) => void);
    /**
     * @param {Uint8Array} address
     * @param {Uint8Array} frame
     */
    publish(address: Uint8Array, frame: Uint8Array): Promise<void>;
    /**
     * @param {Uint8Array} address
     * @returns {Promise<Uint8Array | null>}
     */
    getSlot(address: Uint8Array): Promise<Uint8Array | null>;
    /**
     * @param {Uint8Array} address
     * @param {Uint8Array} value
     * @param {number} replaces
     */
    putSlot(address: Uint8Array, value: Uint8Array, replaces: number): Promise<void>;
    /** The relay's ICE servers, as it answers. @returns {Promise<any>} */
    ice(): Promise<any>;
    /**
     * Why the relay took no WebSocket, which browsers do not say. Null: it would take one now.
     * @returns {Promise<RingforkError | null>}
     */
    whyNot(): Promise<RingforkError | null>;
}
/**
 * How long the relay asked to wait before it is asked again, in ms; 0 if it did not.
 * @param {unknown} error
 */
export declare function retryAfter(error: unknown): number;
