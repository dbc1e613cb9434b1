/**
 * What is kept on the disk is wrapped: AES-GCM under a key that the browser makes and that no script can read out of it.
 * It keeps a copy of the browser's files from giving the account away by itself, where the browser protects its keys; a
 * script of the page's own origin can use the key as this one does.
 */
export type Wrapped = {
    iv: Uint8Array;
    sealed: Uint8Array;
};
/** @typedef {{ iv: Uint8Array, sealed: Uint8Array }} Wrapped */
/** Whether the page may use WebCrypto: over https, on localhost, and nowhere else. */
export declare function canWrap(): boolean;
/**
 * Makes a key that can be kept in a database and used, but not read.
 * @returns {Promise<CryptoKey>}
 */
export declare function makeKey(): Promise<CryptoKey>;
/**
 * @param {CryptoKey} key
 * @param {string} name the entry's; with the version it is bound to the value
 * @param {number} version
 * @param {Uint8Array} value
 * @returns {Promise<Wrapped>}
 */
export declare function wrap(key: CryptoKey, name: string, version: number, value: Uint8Array): Promise<Wrapped>;
/**
 * @param {CryptoKey} key
 * @param {string} name
 * @param {number} version
 * @param {Wrapped} wrapped
 * @returns {Promise<Uint8Array>}
 * @throws {DOMException} OperationError: it was not wrapped by this key, for this name and version
 */
export declare function unwrap(key: CryptoKey, name: string, version: number, { iv, sealed }: Wrapped): Promise<Uint8Array>;
