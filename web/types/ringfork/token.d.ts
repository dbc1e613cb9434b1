/**
 * Publish tokens: what a site's own backend gives to its users, where a relay takes posts from them only.
 */
export type TokenOption = string | (() => string | Promise<string>);
/** The token at hand, and where the next one comes from. */
export declare class PublishToken {
    #private;
    /**
     * @param {TokenOption} [option]
     * @throws {RingforkError} bad-argument
     */
    constructor(option?: TokenOption);
    /** Whether a refused token can be replaced by another. */
    get renewable(): boolean;
    /**
     * The token to send, null if there is none. No promise where it is at hand: what a page says when it is left must not
     * wait.
     * @returns {Uint8Array | null | Promise<Uint8Array>}
     */
    get(): Uint8Array | null | Promise<Uint8Array>;
    /**
     * The relay refused a token: the next one is another, unless there was such a refusal just now.
     * @param {Uint8Array | null} token
     */
    drop(token: Uint8Array | null): void;
}
/**
 * A token as a header carries it.
 * @param {Uint8Array} token
 */
export declare function bearer(token: Uint8Array): string;
