/**
 * The way between the tabs of one profile: a BroadcastChannel that carries the account's id in its name. What the Wasm sends
 * there is sealed and signed; the page itself only says that the stored contacts are others.
 */
export declare class Tabs {
    #private;
    /** @param {() => void} onContacts called when another tab changed the stored contacts */
    constructor(onContacts: () => void);
    /**
     * Listens until the result is called. Browsers without BroadcastChannel hear each other through the relay only.
     * @param {string} account
     * @param {(frame: Uint8Array) => void} onFrame
     * @returns {() => void}
     */
    start: (account: string, onFrame: (frame: Uint8Array) => void) => () => void;
    /** @param {Uint8Array} frame */
    send: (frame: Uint8Array) => void | undefined;
    /** @param {"contacts"} what */
    tell(what: "contacts"): void;
}
