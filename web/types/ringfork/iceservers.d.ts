/**
 * The relay's STUN and TURN servers.
 */
/** Fetches them when they are wanted first, again at half their time to live, and when the relay is another. */
export declare class IceServers {
    #private;
    /** @type {RTCIceServer[]} */
    servers: RTCIceServer[];
    /** @type {Promise<void>} */
    first: Promise<void>;
    /** @param {() => Promise<any>} fetch */
    constructor(fetch: () => Promise<any>);
    start(): void;
    /**
     * Is called when the relay said hello. If it did before, it may have been started anew or be another one, and its TURN server
     * with it, which takes no credentials of the former.
     */
    hello(): void;
    stop(): void;
}
