/**
 * The relay's STUN and TURN servers.
 */
/** Fetches them when they are wanted first, and again at half their time to live. */
export declare class IceServers {
    #private;
    /** @type {RTCIceServer[]} */
    servers: RTCIceServer[];
    /** @type {Promise<void>} */
    first: Promise<void>;
    /** @param {() => Promise<any>} fetch */
    constructor(fetch: () => Promise<any>);
    start(): void;
    stop(): void;
}
