/**
 * The usual store: one IndexedDB database per profile, locks through the Web Locks API.
 */

import { RingforkError } from "./errors.js";

/** @import { Store } from "./types.js" */
/** @typedef {{ value: Uint8Array, version: number }} Entry */

const entries = "entries";

/**
 * What stands in for a database, for as long as the page lives.
 * @type {Map<string, Map<string, Entry>>}
 */
const memories = new Map();

/**
 * The last holder of each lock, where the browser has no Web Locks.
 * @type {Map<string, Promise<void>>}
 */
const queues = new Map();

/**
 * Makes the store of a profile. Tabs of one origin that use the same profile share it: they are one device.
 *
 * Where the browser keeps no databases (a private window of some, storage switched off) the profile lives in memory: the
 * account is lost with the page, and each tab is an account of its own. The console says so once.
 * @param {string} profile
 * @returns {Store & { close(): void }}
 */
export function indexedDBStore(profile) {
  return new IndexedDBStore(profile);
}

class IndexedDBStore {
  #profile;
  /** @type {Promise<IDBDatabase | Map<string, Entry>> | null} */
  #opening = null;
  #closed = false;

  /** @param {string} profile */
  constructor(profile) {
    this.#profile = profile;
  }

  /**
   * @param {string} key
   * @returns {Promise<Entry | null>}
   */
  async get(key) {
    const database = await this.#open();
    if (database instanceof Map) return database.get(key) ?? null;
    return this.#transact(database, "readonly", (store, done) => {
      const request = store.get(key);
      request.onsuccess = () => done(request.result ?? null);
    });
  }

  /**
   * @param {string} key
   * @param {Uint8Array} value
   * @param {number} version
   * @returns {Promise<void>}
   */
  async put(key, value, version) {
    const entry = { value: value.slice(), version: version + 1 };
    const conflict = () => new RingforkError("store-conflict");
    const database = await this.#open();
    if (database instanceof Map) {
      if ((database.get(key)?.version ?? 0) !== version) throw conflict();
      database.set(key, entry);
      return;
    }
    // Compared and replaced in one transaction: no other tab comes between.
    await this.#transact(database, "readwrite", (store, done, fail) => {
      const request = store.get(key);
      request.onsuccess = () => {
        if ((request.result?.version ?? 0) !== version) {
          fail(conflict());
          return;
        }
        store.put(entry, key);
        done(undefined);
      };
    });
  }

  /**
   * Resolves once this page alone holds the lock, with the function that gives it back. A page that goes away gives all
   * its locks back.
   * @param {string} name
   * @returns {Promise<() => void>}
   */
  async lock(name) {
    const full = `ringfork:${this.#profile}:${name}`;
    const locks = globalThis.navigator?.locks;
    if (locks) {
      try {
        return await new Promise((resolve, reject) => {
          const hold = () => new Promise((/** @type {(value?: unknown) => void} */ unlock) => resolve(() => unlock()));
          locks.request(full, hold).catch(reject);
        });
      } catch {
        // A page without an origin has the API and may not use it. It shares its store with nobody either.
      }
    }
    const before = queues.get(full);
    /** @type {() => void} */
    let unlock = () => {};
    const held = /** @type {Promise<void>} */ (new Promise((resolve) => (unlock = resolve)));
    const last = Promise.resolve(before).then(() => held);
    queues.set(full, last);
    last.then(() => {
      if (queues.get(full) === last) queues.delete(full);
    });
    await before;
    return unlock;
  }

  close() {
    this.#closed = true;
    const opening = this.#opening;
    this.#opening = null;
    opening?.then(
      (database) => {
        if (!(database instanceof Map)) database.close();
      },
      () => {},
    );
  }

  #open() {
    if (this.#closed) return Promise.reject(new RingforkError("closed", "the store is closed"));
    if (!this.#opening) {
      const opening = openDatabase(this.#profile, () => {
        if (this.#opening === opening) this.#opening = null;
      });
      this.#opening = opening;
      opening.catch(() => {
        if (this.#opening === opening) this.#opening = null;
      });
    }
    return this.#opening;
  }

  /**
   * Runs one transaction. It resolves with what was given to `done`, once that is committed; `fail` takes it back.
   * @template T
   * @param {IDBDatabase} database
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore, done: (result: T) => void, fail: (error: RingforkError) => void) => void} work
   * @returns {Promise<T>}
   */
  #transact(database, mode, work) {
    return new Promise((resolve, reject) => {
      /** @param {unknown} cause */
      const broken = (cause) => reject(new RingforkError("store-failed", undefined, { cause }));
      try {
        const transaction = database.transaction(entries, mode);
        /** @type {T} */
        let result;
        transaction.oncomplete = () => resolve(result);
        transaction.onabort = () => broken(transaction.error);
        work(
          transaction.objectStore(entries),
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
}

/**
 * @param {string} profile
 * @param {() => void} onGone the database was closed from outside; open it again when it is needed
 * @returns {Promise<IDBDatabase | Map<string, Entry>>}
 */
function openDatabase(profile, onGone) {
  return new Promise((resolve, reject) => {
    let request;
    try {
      if (!globalThis.indexedDB) throw new DOMException("no indexedDB", "InvalidStateError");
      request = indexedDB.open(`ringfork:${profile}`, 1);
    } catch (error) {
      settle(error);
      return;
    }
    request.onupgradeneeded = () => request.result.createObjectStore(entries);
    request.onsuccess = () => {
      const database = request.result;
      database.onclose = onGone;
      database.onversionchange = () => {
        // Another tab deletes the profile, or is of a newer version: never stand in its way.
        database.close();
        onGone();
      };
      resolve(database);
    };
    request.onerror = () => settle(request.error);

    /** @param {unknown} error */
    function settle(error) {
      // Only where the browser keeps no databases at all. A database that is there but broken is an error: an account
      // that silently becomes another one could not be called any more.
      const name = /** @type {{ name?: string } | null} */ (error)?.name;
      if (name === "SecurityError" || name === "InvalidStateError") resolve(memory(profile));
      else reject(new RingforkError("store-failed", "the profile's database could not be opened", { cause: error }));
    }
  });
}

/** @param {string} profile */
function memory(profile) {
  let kept = memories.get(profile);
  if (!kept) {
    console.warn("ringfork: this browser keeps no databases here; the account will be lost with this page");
    kept = new Map();
    memories.set(profile, kept);
  }
  return kept;
}
