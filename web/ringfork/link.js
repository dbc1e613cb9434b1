/**
 * How a new device becomes one of an account that another device has.
 */

import { aborted, throwIfAborted, unlessAborted } from "./abort.js";
import { bound } from "./endpoint.js";
import { toRingforkError } from "./errors.js";
import { LockingStore } from "./locks.js";
import { checkLink } from "./options.js";
import { relayTransport } from "./relay.js";
import { indexedDBStore } from "./store.js";
import { loadWasm } from "./wasm.js";

/** @import { RingforkError } from "./errors.js" */
/** @import { LinkOptions } from "./options.js" */
/** @import { RawLink } from "./types.js" */
/** @import { WasmInstance } from "./wasm.js" */

/**
 * Asks to be linked: makes the link that another device of the account reads, with `phone.approveLink`, or the other way round
 * reads the `invitation` that one shows. Once it is `done`, the profile is a device of that account: open it with `openPhone`.
 * A link is good for one device, for a few minutes.
 * @param {LinkOptions} [options]
 * @returns {Promise<Link>}
 * @throws {RingforkError} unsupported-browser, insecure-context, wasm-load-failed, store-failed, store-newer, wrong-state
 *   (the profile has an account), bad-link, bad-argument, aborted, crashed
 */
export async function requestLink(options = {}) {
  checkLink(options);
  throwIfAborted(options.signal);
  return requestLinkOn(() => loadWasm({ wasmUrl: options.wasmUrl }), options);
}

/**
 * The same on a Wasm that is being loaded. The tests have another than the page's.
 * @param {() => Promise<WasmInstance>} load
 * @param {LinkOptions} options
 * @returns {Promise<Link>}
 */
export async function requestLinkOn(load, { relay, profile = "default", label = "", invitation = "", signal, ...own }) {
  const transport = own.transport ?? relayTransport(relay ?? location.origin, own);
  const store = own.store ?? indexedDBStore(profile);
  const locking = new LockingStore(store);
  const release = () => {
    transport.close();
    locking.unlock();
    if (!own.store) store.close?.();
  };
  try {
    const instance = await unlessAborted(load(), signal);
    const asking = instance.guard(
      instance.api.requestLink({ transport: bound(transport), store: locking.forWasm, label, invitation }),
    );
    const raw = await unlessAborted(asking, signal, (late) => late.cancel());
    const link = new Link(raw, instance, release);
    const cancel = () => link.cancel(signal?.reason);
    signal?.addEventListener("abort", cancel);
    link.done.catch(() => {}).finally(() => signal?.removeEventListener("abort", cancel));
    return link;
  } catch (error) {
    release();
    throw toRingforkError(error);
  }
}

/** A link that waits for another device to approve it. `requestLink` makes one. */
export class Link {
  #raw;
  #release;
  /** @type {((error: RingforkError) => void)[]} */
  #rejects = [];
  #over = false;

  /**
   * @internal
   * @param {RawLink} raw
   * @param {WasmInstance} instance
   * @param {() => void} release
   */
  constructor(raw, instance, release) {
    this.#raw = raw;
    this.#release = release;
    /**
     * The link, to be opened or pasted on a device of the account; "" where this one has read an invitation. Whoever else gets
     * it shows another short code. @readonly
     */
    this.code = raw.code;
    /** The same as a QR code: the text of an SVG image. @readonly */
    this.qr = raw.qr;
    /**
     * The short code, once both devices have found each other: the user approves on the other one if both show the same.
     * Rejects as `done` does. @readonly @type {Promise<string>}
     */
    this.confirm = this.#part(instance.guard(raw.confirm));
    /**
     * Resolves when the profile is a device of the account. Rejects with link-rejected, link-expired, devices-full,
     * relay-unreachable, store-failed, aborted or crashed. @readonly @type {Promise<void>}
     */
    this.done = this.#part(instance.guard(raw.done));
    this.done.then(
      () => this.#end(),
      () => {},
    );
  }

  /**
   * Takes the link back, unless it is done: `confirm` and `done` reject with `aborted`.
   * @param {unknown} [reason] the cause of that
   */
  cancel(reason) {
    if (this.#over) return;
    try {
      this.#raw.cancel();
    } catch {
      // It crashed: nothing is left to cancel.
    }
    this.#fail(aborted(reason));
  }

  /**
   * Settles as the Wasm's promise does; if one of the parts fails all do.
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  #part(promise) {
    const part = new Promise((/** @type {(value: T) => void} */ resolve, reject) => {
      this.#rejects.push(reject);
      promise.then(resolve, (error) => this.#fail(toRingforkError(error)));
    });
    part.catch(() => {}); // an application may wait for one of them only
    return part;
  }

  /** @param {RingforkError} error */
  #fail(error) {
    for (const reject of this.#rejects) reject(error);
    this.#end();
  }

  #end() {
    if (this.#over) return;
    this.#over = true;
    this.#release();
  }
}
