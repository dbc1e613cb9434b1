/**
 * The usual store: one IndexedDB database per profile, wrapped by a key of the browser's; locks through the Web Locks API.
 */

import { NoDatabase, databaseName, openDatabase, read, replace } from "./database.js";
import { RingforkError } from "./errors.js";
import { lock } from "./locks.js";
import { canWrap, unwrap, wrap } from "./wrapping.js";

/** @import { Opened } from "./database.js" */
/** @import { Store } from "./types.js" */

/** @typedef {{ value: Uint8Array, version: number }} Value */

/**
 * What stands in for a database, for as long as the page lives.
 * @type {Map<string, Map<string, Value>>}
 */
const memories = new Map();

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
export function indexedDBStore(profile) {
  return new IndexedDBStore(profile);
}

/**
 * Removes a profile of this browser: its account's keys are gone from this device. Close its phones first, in other tabs
 * too. The account's other devices go on; one of them should revoke this one.
 * @param {string} [profile] "default" when left out
 * @returns {Promise<void>}
 * @throws {RingforkError} bad-argument, store-failed
 */
export async function removeProfile(profile = "default") {
  if (typeof profile !== "string" || !profile) throw new RingforkError("bad-argument", "a profile is given by its name");
  memories.delete(profile);
  await new Promise((resolve, reject) => {
    /** @param {unknown} cause */
    const fail = (cause) => reject(new RingforkError("store-failed", "the profile could not be removed", { cause }));
    try {
      if (!globalThis.indexedDB) return resolve(undefined);
      const request = indexedDB.deleteDatabase(databaseName(profile));
      request.onsuccess = () => resolve(undefined);
      request.onerror = () => fail(request.error);
    } catch (cause) {
      // Not allowed to have databases: there is none.
      if (cause instanceof DOMException && cause.name === "SecurityError") resolve(undefined);
      else fail(cause);
    }
  });
}

class IndexedDBStore {
  #profile;
  /** @type {Promise<Opened | Map<string, Value>> | null} */
  #opening = null;
  #closed = false;
  #persistent = true;

  /** @param {string} profile */
  constructor(profile) {
    this.#profile = profile;
  }

  /** Whether what is kept here outlives the page. Known once something was read or written; true before. */
  get persistent() {
    return this.#persistent;
  }

  /**
   * @param {string} name
   * @returns {Promise<Value | null>}
   */
  async get(name) {
    const opened = await this.#open();
    if (opened instanceof Map) return opened.get(name) ?? null;
    const entry = await read(opened.database, name);
    if (!entry) return null;
    try {
      return { value: await unwrap(opened.key, name, entry.version, entry), version: entry.version };
    } catch (cause) {
      const text = `the entry "${name}" of the profile cannot be decrypted: the database was damaged or changed from outside`;
      throw new RingforkError("store-failed", text, { cause });
    }
  }

  /**
   * @param {string} name
   * @param {Uint8Array} value
   * @param {number} version
   * @returns {Promise<void>}
   */
  async put(name, value, version) {
    const kept = { value: value.slice(), version: version + 1 };
    const opened = await this.#open();
    if (opened instanceof Map) {
      if ((opened.get(name)?.version ?? 0) !== version) throw new RingforkError("store-conflict");
      opened.set(name, kept);
      return;
    }
    const wrapped = await wrap(opened.key, name, kept.version, kept.value);
    await replace(opened.database, name, { ...wrapped, version: kept.version });
  }

  /**
   * @param {string} name
   * @returns {Promise<() => void>}
   */
  lock(name) {
    return lock(`ringfork:${this.#profile}:${name}`);
  }

  close() {
    this.#closed = true;
    const opening = this.#opening;
    this.#opening = null;
    opening?.then(
      (opened) => {
        if (!(opened instanceof Map)) opened.database.close();
      },
      () => {},
    );
  }

  #open() {
    if (this.#closed) return Promise.reject(new RingforkError("closed", "the store is closed"));
    if (!this.#opening) {
      const opening = this.#openAny(() => {
        if (this.#opening === opening) this.#opening = null;
      });
      this.#opening = opening;
      opening.catch(() => {
        if (this.#opening === opening) this.#opening = null;
      });
    }
    return this.#opening;
  }

  /** @param {() => void} onGone */
  async #openAny(onGone) {
    if (!canWrap()) throw new RingforkError("insecure-context");
    try {
      return await openDatabase(this.#profile, onGone);
    } catch (error) {
      if (!(error instanceof NoDatabase)) throw error;
      this.#persistent = false;
      return memory(this.#profile);
    }
  }
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
