/**
 * The Wasm's phone as the module uses it. A Go function cannot throw: those that return at once say what to throw.
 */
import type { RawPhone, WasmPhone } from "./types.js";
/** @import { Contact, RawPhone, Unthrown, WasmPhone } from "./types.js" */
/**
 * @param {WasmPhone} wasm
 * @returns {RawPhone} whose functions throw RingforkErrors
 */
export declare function throwing(wasm: WasmPhone): RawPhone;
