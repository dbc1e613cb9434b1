/**
 * One mailbox that is read over the connections to a relay, one after the other.
 */
import { RingforkError } from "./errors.js";
import type { Mailbox } from "./types.js";
export declare class Subscription {
    #private;
    mailbox: Mailbox;
    /** Why it is not read, null if it is or nobody knows. @type {RingforkError | null} */
    refused: RingforkError | null;
    /**
     * @param {Mailbox} mailbox
     * @param {(frame: Uint8Array, ageMs: number) => void} onFrame
     * @param {() => void} onBacklogEnd
     */
    constructor(mailbox: Mailbox, onFrame: (frame: Uint8Array, ageMs: number) => void, onBacklogEnd: () => void);
    /** A new connection begins. */
    begin(): void;
    /** It is not tried again by itself. */
    stop(): void;
    /**
     * A frame that a former connection brought is not taken from the backlog again; one that its sender posts again is.
     * @param {Uint8Array} rest age and frame
     */
    frame(rest: Uint8Array): void;
    end(): void;
    /**
     * A mailbox that is not read is a phone that does not ring: try again, ever more slowly. A proof that the relay finds wrong
     * it finds wrong again: its operator named another URL than this page.
     * @param {Uint8Array} reason the relay's code
     * @param {() => void} again
     */
    refuse(reason: Uint8Array, again: () => void): void;
}
