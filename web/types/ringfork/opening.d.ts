/**
 * How a phone is opened.
 */
import type { PhoneOptions } from "./options.js";
import type { Phone } from "./phone.js";
import type { WasmInstance } from "./wasm.js";
/**
 * Opens a phone: loads the Wasm, if no phone of the page has, and the profile's account, which is made when there is none.
 * It does not wait for the relay (see `phone.state`), except with `secret` or `restore` where the profile has no account
 * yet: the account is looked for there.
 * @param {PhoneOptions} [options]
 * @returns {Promise<Phone>}
 * @throws {RingforkError} unsupported-browser, insecure-context, wasm-load-failed, store-failed, store-newer, revoked,
 *   wrong-secret, bad-backup, bad-passphrase, devices-full, bad-argument, aborted, crashed; relay-unreachable and the other
 *   codes of the relay
 */
export declare function openPhone(options?: PhoneOptions): Promise<Phone>;
/**
 * Opens a phone on a Wasm that is being loaded. The tests have another than the page's.
 * @param {() => Promise<WasmInstance>} load
 * @param {PhoneOptions} options
 * @returns {Promise<Phone>}
 */
export declare function openPhoneOn(load: () => Promise<WasmInstance>, options: PhoneOptions): Promise<Phone>;
