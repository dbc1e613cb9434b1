/**
 * The usual store: one IndexedDB database per profile, locks through the Web Locks API.
 */
import type { Store } from "./types.js";
export type Entry = {
    value: Uint8Array;
    version: number;
};
/**
 * Makes the store of a profile. Tabs of one origin that use the same profile share it: they are one device.
 *
 * Where the browser keeps no databases (a private window of some, storage switched off) the profile lives in memory: the
 * account is lost with the page, and each tab is an account of its own. The console says so once.
 * @param {string} profile
 * @returns {Store & { close(): void }}
 */
export declare function indexedDBStore(profile: string): Store & {
    close(): void;
};
