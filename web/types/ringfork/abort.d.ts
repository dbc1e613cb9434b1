/**
 * AbortSignals, in the way of this module.
 */
import { RingforkError } from "./errors.js";
/** @param {unknown} reason */
export declare function aborted(reason: unknown): RingforkError;
/**
 * @param {AbortSignal | undefined} signal
 * @throws {RingforkError} aborted
 */
export declare function throwIfAborted(signal: AbortSignal | undefined): void;
/**
 * Settles as `promise` does, or rejects with `aborted` when the signal fires first; what comes after that goes to `late`.
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal | undefined} signal
 * @param {(value: T) => void} [late]
 * @returns {Promise<T>}
 */
export declare function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined, late?: (value: T) => void): Promise<T>;
