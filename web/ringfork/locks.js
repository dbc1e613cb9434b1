/**
 * Locks that one page at a time holds, and their return when a page is done.
 */

/** @import { Store } from "./types.js" */

/**
 * The last holder of each lock, where the browser has no Web Locks.
 * @type {Map<string, Promise<void>>}
 */
const queues = new Map();

/**
 * Resolves once this page alone holds the lock, with the function that gives it back. A page that goes away gives all
 * its locks back.
 * @param {string} name
 * @returns {Promise<() => void>}
 */
export async function lock(name) {
  const locks = globalThis.navigator?.locks;
  if (locks) {
    try {
      return await new Promise((resolve, reject) => {
        const hold = () => new Promise((/** @type {(value?: unknown) => void} */ unlock) => resolve(() => unlock()));
        locks.request(name, hold).catch(reject);
      });
    } catch {
      // A page without an origin has the API and may not use it. It shares its store with nobody either.
    }
  }
  const before = queues.get(name);
  /** @type {() => void} */
  let unlock = () => {};
  const held = /** @type {Promise<void>} */ (new Promise((resolve) => (unlock = resolve)));
  const last = Promise.resolve(before).then(() => held);
  queues.set(name, last);
  last.then(() => {
    if (queues.get(name) === last) queues.delete(name);
  });
  await before;
  return unlock;
}

/** A store as the Wasm gets it: its locks are given back even if the Wasm cannot do it any more. */
export class LockingStore {
  #store;
  /** @type {Set<() => void>} */
  #held = new Set();
  #over = false;

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** @returns {Store} */
  get forWasm() {
    const store = this.#store;
    return {
      get: (key) => store.get(key),
      put: (key, value, version) => store.put(key, value, version),
      lock: async (name) => {
        const give = await store.lock(name);
        const unlock = () => {
          if (this.#held.delete(unlock)) give();
        };
        this.#held.add(unlock);
        if (this.#over) unlock();
        return unlock;
      },
    };
  }

  /** Gives all locks back, those too that are got later. */
  unlock() {
    this.#over = true;
    for (const unlock of [...this.#held]) unlock();
  }
}
