/**
 * The frames that a mailbox brought: the backlog of the next connection brings them again.
 */
export declare class Seen {
    #private;
    /**
     * Records a frame, and tells whether it is new.
     * @param {Uint8Array} frame
     */
    add(frame: Uint8Array): boolean;
}
