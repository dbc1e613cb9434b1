/**
 * Locks that one page at a time holds, and their return when a page is done.
 */
import type { Store } from "./types.js";
/**
 * Resolves once this page alone holds the lock, with the function that gives it back. A page that goes away gives all
 * its locks back.
 * @param {string} name
 * @returns {Promise<() => void>}
 */
export declare function lock(name: string): Promise<() => void>;
/** A store as the Wasm gets it: its locks are given back even if the Wasm cannot do it any more. */
export declare class LockingStore {
    #private;
    /** @param {Store} store */
    constructor(store: Store);
    /** @returns {Store} */
    get forWasm(): Store;
    /** Gives all locks back, those too that are got later. */
    unlock(): void;
}
