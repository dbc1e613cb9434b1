/**
 * The way between the tabs of one profile: a BroadcastChannel that carries the account's id in its name. What the Wasm sends
 * there is sealed and signed; the page itself only says that what is stored of the account is another.
 */
export declare class Tabs {
    #private;
    /** @param {() => void} onStored called when another tab changed what is stored of the account */
    constructor(onStored: () => void);
    /**
     * Listens until the result is called. Browsers without BroadcastChannel hear each other through the relay only.
     * @param {string} account
     * @param {(frame: Uint8Array) => void} onFrame
     * @returns {() => void}
     */
    start: (account: string, onFrame: (frame: Uint8Array) => void) => () => void;
    /** @param {Uint8Array} frame */
    send: (frame: Uint8Array) => void | undefined;
    /** Tells the other tabs that what is stored of the account is another. */
    tellStored(): void;
}
