/**
 * The messages of a reading connection, and bytes as the relay writes them: see docs/RELAY.md.
 */
export declare const addressSize = 20;
export declare const nonceSize = 32;
export declare const frameSize = 4096;
/** The first byte of a message says what it is. */
export declare const message: Readonly<{
    hello: 1;
    frame: 2;
    end: 3;
    refused: 4;
    alive: 5;
    subscribe: 17;
    unsubscribe: 18;
}>;
/** Why the relay closes a connection (RFC 6455, section 7.4). */
export declare const closed: Readonly<{
    moving: 1012;
    later: 1013;
}>;
/** @param {Uint8Array[]} parts */
export declare function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer>;
/** @param {Uint8Array} bytes */
export declare function toHex(bytes: Uint8Array): string;
/**
 * Reads a body of at most `limit` bytes.
 * @param {Response} response
 * @param {number} limit
 * @returns {Promise<Uint8Array>}
 * @throws {RingforkError} relay-refused (more than that), relay-unreachable
 */
export declare function readBody(response: Response, limit: number): Promise<Uint8Array>;
