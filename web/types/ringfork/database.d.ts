/**
 * The IndexedDB database of a profile: its format, the key that wraps what is in it, and transactions.
 */
import type { Wrapped } from "./wrapping.js";
export type Entry = Wrapped & {
    version: number;
};
export type BareEntry = {
    value: Uint8Array;
    version: number;
};
export type Opened = {
    database: IDBDatabase;
    key: CryptoKey;
};
/** @import { Wrapped } from "./wrapping.js" */
/** @typedef {Wrapped & { version: number }} Entry what is kept under a key */
/** @typedef {{ value: Uint8Array, version: number }} BareEntry the same in format 1 */
/** @typedef {{ database: IDBDatabase, key: CryptoKey }} Opened */
/** The browser keeps no databases here, or no keys in them: the profile can live in memory only. */
export declare class NoDatabase extends Error {
}
/** @param {string} profile */
export declare function databaseName(profile: string): string;
/**
 * Opens the database of a profile; makes it, or brings it up to date, where that is needed.
 * @param {string} profile
 * @param {() => void} onGone the database was closed from outside; open it again when it is needed
 * @returns {Promise<Opened>}
 * @throws {NoDatabase}
 * @throws {RingforkError} store-newer, store-failed
 */
export declare function openDatabase(profile: string, onGone: () => void): Promise<Opened>;
/**
 * @param {IDBDatabase} database
 * @param {string} name
 * @returns {Promise<Entry | undefined>}
 */
export declare function read(database: IDBDatabase, name: string): Promise<Entry | undefined>;
/**
 * Replaces exactly the version before the entry's own. Compared and replaced in one transaction: no other tab comes
 * between.
 * @param {IDBDatabase} database
 * @param {string} name
 * @param {Entry} entry
 * @returns {Promise<void>}
 * @throws {RingforkError} store-conflict, store-failed
 */
export declare function replace(database: IDBDatabase, name: string, entry: Entry): Promise<void>;
