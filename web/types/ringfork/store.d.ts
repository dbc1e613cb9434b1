/**
 * The usual store: one IndexedDB database per profile, wrapped by a key of the browser's; locks through the Web Locks API.
 */
import type { Store } from "./types.js";
export type Value = {
    value: Uint8Array;
    version: number;
};
/**
 * Makes the store of a profile. Tabs of one origin that use the same profile share it: they are one device. What is in it
 * is wrapped by a key that the browser keeps and no script can read.
 *
 * Where the browser keeps no databases (a private window of some, storage switched off) the profile lives in memory: the
 * account is lost with the page, and each tab is an account of its own. `persistent` is false then, and the console says
 * so once.
 * @param {string} profile
 * @returns {Store & { readonly persistent: boolean, close(): void }}
 */
export declare function indexedDBStore(profile: string): Store & {
    readonly persistent: boolean;
    close(): void;
};
/**
 * Removes a profile of this browser: its account's keys are gone from this device. Close its phones first, in other tabs
 * too. The account's other devices go on; one of them should revoke this one.
 * @param {string} [profile] "default" when left out
 * @returns {Promise<void>}
 * @throws {RingforkError} bad-argument, store-failed
 */
export declare function removeProfile(profile?: string): Promise<void>;
