/**
 * AbortSignals, in the way of this module.
 */

import { RingforkError } from "./errors.js";

/** @param {unknown} reason */
export function aborted(reason) {
  return new RingforkError("aborted", undefined, { cause: reason });
}

/**
 * @param {AbortSignal | undefined} signal
 * @throws {RingforkError} aborted
 */
export function throwIfAborted(signal) {
  if (signal?.aborted) throw aborted(signal.reason);
}

/**
 * Settles as `promise` does, or rejects with `aborted` when the signal fires first; what comes after that goes to `late`.
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal | undefined} signal
 * @param {(value: T) => void} [late]
 * @returns {Promise<T>}
 */
export function unlessAborted(promise, signal, late) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(aborted(signal.reason));
      promise.then(late, () => {});
    };
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
