/**
 * Notices a connection that is dead and does not say so: without a word of TCP it would look open for many minutes.
 */
export declare class Silence {
    #private;
    /**
     * @param {() => boolean} ask says something that every relay answers; false if there is nothing to say
     * @param {() => void} dead hears that the connection is dead
     */
    constructor(ask: () => boolean, dead: () => void);
    /** The relay has said hello on a new connection. */
    begin(): void;
    /**
     * The relay has said something.
     * @param {boolean} sign whether it was a sign of life
     */
    heard(sign: boolean): void;
    /** The connection has ended. */
    end(): void;
}
