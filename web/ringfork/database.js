/**
 * The IndexedDB database of a profile: its format, the key that wraps what is in it, and transactions.
 */

import { RingforkError } from "./errors.js";
import { makeKey, wrap } from "./wrapping.js";

/** @import { Wrapped } from "./wrapping.js" */

/** @typedef {Wrapped & { version: number }} Entry what is kept under a key */
/** @typedef {{ value: Uint8Array, version: number }} BareEntry the same in format 1 */
/** @typedef {{ database: IDBDatabase, key: CryptoKey }} Opened */

/** The browser keeps no databases here, or no keys in them: the profile can live in memory only. */
export class NoDatabase extends Error {}

// Format 1 had the store "entries" alone, with bare values.
const format = 2;
const entries = "entries";
const keys = "keys"; // "entries": the CryptoKey that wraps them
const about = "about"; // "format": the number of the format, set once the key is there and all entries are wrapped
const all = [entries, keys, about];

/** @param {string} profile */
export function databaseName(profile) {
  return `ringfork:${profile}`;
}

/**
 * Opens the database of a profile; makes it, or brings it up to date, where that is needed.
 * @param {string} profile
 * @param {() => void} onGone the database was closed from outside; open it again when it is needed
 * @returns {Promise<Opened>}
 * @throws {NoDatabase}
 * @throws {RingforkError} store-newer, store-failed
 */
export async function openDatabase(profile, onGone) {
  const database = await request(profile, onGone);
  try {
    return { database, key: (await keyOf(database)) ?? (await prepare(database)) };
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * @param {IDBDatabase} database
 * @param {string} name
 * @returns {Promise<Entry | undefined>}
 */
export function read(database, name) {
  return transact(database, [entries], "readonly", ({ entries }, done) => {
    entries.get(name).onsuccess = ({ target }) => done(resultOf(target));
  });
}

/**
 * Replaces exactly the version before the entry's own. Compared and replaced in one transaction: no other tab comes
 * between.
 * @param {IDBDatabase} database
 * @param {string} name
 * @param {Entry} entry
 * @returns {Promise<void>}
 * @throws {RingforkError} store-conflict, store-failed
 */
export function replace(database, name, entry) {
  return transact(database, [entries], "readwrite", ({ entries }, done, fail) => {
    entries.get(name).onsuccess = ({ target }) => {
      if ((resultOf(target)?.version ?? 0) !== entry.version - 1) {
        fail(new RingforkError("store-conflict"));
        return;
      }
      entries.put(entry, name);
      done(undefined);
    };
  });
}

/**
 * @param {string} profile
 * @param {() => void} onGone
 * @returns {Promise<IDBDatabase>}
 */
function request(profile, onGone) {
  return new Promise((resolve, reject) => {
    /** @param {unknown} cause */
    const fail = (cause) => {
      const name = nameOf(cause);
      if (name === "VersionError") reject(newer(cause));
      // Only where the browser keeps no databases at all. A database that is there but broken is an error: an account
      // that silently becomes another one could not be called any more.
      else if (name === "SecurityError" || name === "InvalidStateError") reject(new NoDatabase(name, { cause }));
      else reject(new RingforkError("store-failed", "the profile's database could not be opened", { cause }));
    };
    try {
      if (!globalThis.indexedDB) throw new DOMException("no indexedDB", "InvalidStateError");
      const opening = indexedDB.open(databaseName(profile), format);
      opening.onupgradeneeded = () => {
        const there = opening.result.objectStoreNames;
        for (const name of all) if (!there.contains(name)) opening.result.createObjectStore(name);
      };
      opening.onerror = () => fail(opening.error);
      opening.onsuccess = () => {
        const database = opening.result;
        database.onclose = onGone;
        database.onversionchange = () => {
          // Another tab deletes the profile, or is of a newer version: never stand in its way.
          database.close();
          onGone();
        };
        resolve(database);
      };
    } catch (error) {
      fail(error);
    }
  });
}

/**
 * @param {IDBDatabase} database
 * @returns {Promise<CryptoKey | undefined>} undefined: the database is new, or of format 1
 * @throws {RingforkError} store-newer, store-failed
 */
async function keyOf(database) {
  const { version, key } = await transact(database, [about, keys], "readonly", (stores, done) => {
    /** @type {{ version?: unknown, key?: CryptoKey }} */
    const found = {};
    stores.about.get("format").onsuccess = ({ target }) => (found.version = resultOf(target));
    stores.keys.get(entries).onsuccess = ({ target }) => {
      found.key = resultOf(target);
      done(found);
    };
  });
  if (version === undefined) return undefined;
  if (typeof version !== "number" || version > format) throw newer();
  if (!key) throw new RingforkError("store-failed", "the key that the profile is wrapped with is gone from the database");
  return key;
}

/**
 * Makes the key of a database that has none, and wraps what is there from format 1: all in one transaction or nothing.
 * Nobody else writes meanwhile: tabs of format 1 had to close the database for it to become this one.
 * @param {IDBDatabase} database
 * @returns {Promise<CryptoKey>}
 */
async function prepare(database) {
  const key = await makeKey();
  // Outside of the transaction, which does not wait for promises that are not its own.
  const wrapped = await Promise.all(
    (await readAllBare(database)).map(async ([name, { value, version }]) => ({
      name,
      entry: { ...(await wrap(key, name, version, value)), version },
    })),
  );
  await transact(database, all, "readwrite", (stores, done, fail) => {
    stores.about.get("format").onsuccess = ({ target }) => {
      if (resultOf(target) !== undefined) return done(undefined); // another tab was faster: its key counts
      try {
        stores.keys.put(key, entries);
      } catch (cause) {
        // WebKit keeps no keys in private windows.
        const text = "this browser keeps no keys in a database, and the profile that is there needs one";
        fail(wrapped.length === 0 ? new NoDatabase("no keys") : new RingforkError("store-failed", text, { cause }));
        return;
      }
      for (const { name, entry } of wrapped) stores.entries.put(entry, name);
      stores.about.put(format, "format");
      done(undefined);
    };
  });
  const kept = await keyOf(database);
  if (!kept) throw new RingforkError("store-failed", "the profile's database does not keep what is written to it");
  return kept;
}

/**
 * Reads the entries of format 1. What is wrapped already was written by a tab that was faster.
 * @param {IDBDatabase} database
 * @returns {Promise<[string, BareEntry][]>}
 */
function readAllBare(database) {
  return transact(database, [entries], "readonly", ({ entries }, done) => {
    /** @type {string[]} */
    let names = [];
    entries.getAllKeys().onsuccess = ({ target }) => (names = resultOf(target));
    entries.getAll().onsuccess = ({ target }) => {
      /** @type {(BareEntry | Entry)[]} */
      const values = resultOf(target);
      /** @type {[string, BareEntry][]} */
      const bare = [];
      values.forEach((entry, i) => "value" in entry && bare.push([names[i], entry]));
      done(bare);
    };
  });
}

/**
 * Runs one transaction. It resolves with what was given to `done`, once that is committed; `fail` takes it back.
 * @template T
 * @param {IDBDatabase} database
 * @param {string[]} names
 * @param {IDBTransactionMode} mode
 * @param {(stores: Record<string, IDBObjectStore>, done: (result: T) => void, fail: (error: Error) => void) => void} work
 * @returns {Promise<T>}
 */
function transact(database, names, mode, work) {
  return new Promise((resolve, reject) => {
    /** @param {unknown} cause */
    const broken = (cause) => reject(new RingforkError("store-failed", undefined, { cause }));
    try {
      const transaction = database.transaction(names, mode);
      /** @type {T} */
      let result;
      transaction.oncomplete = () => resolve(result);
      transaction.onabort = () => broken(transaction.error);
      work(
        Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)])),
        (value) => (result = value),
        (error) => {
          reject(error);
          transaction.abort();
        },
      );
    } catch (cause) {
      broken(cause);
    }
  });
}

/** @param {unknown} [cause] */
function newer(cause) {
  const text = "the profile was written by a newer version of Ringfork: reload the page to get it";
  return new RingforkError("store-newer", text, { cause });
}

/**
 * @param {EventTarget | null} target of a request's event
 * @returns {any}
 */
function resultOf(target) {
  return /** @type {IDBRequest} */ (target).result;
}

/** @param {unknown} error */
function nameOf(error) {
  return /** @type {{ name?: string } | null} */ (error)?.name;
}
