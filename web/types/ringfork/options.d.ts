/**
 * The options of phones and links, and what is wrong with them.
 */
import type { TokenOption } from "./token.js";
import type { Store, Transport } from "./types.js";
export type PhoneOptions = {
    /**
     * the relay's URL; the page's origin when left out
     */
    relay?: string | URL;
    /**
     * which of this browser's profiles to open; "default" when left out. All tabs that open the
     * same one are one device
     */
    profile?: string;
    /**
     * the name to call oneself: those who are called see it, as a claim; at most 64 bytes
     */
    name?: string;
    /**
     * what one's other devices and contacts call this device ("Alice's laptop"); at most 64 bytes
     */
    label?: string;
    /**
     * 32 random bytes from which the account is found: whoever opens a profile with the same
     * ones, in whatever browser, is a device of the same account. Whoever has them has the account
     */
    secret?: Uint8Array;
    /**
     * a backup to restore into a profile that has no account yet; goes with `passphrase`
     */
    restore?: string;
    /**
     * that of `restore`
     */
    passphrase?: string;
    /**
     * where ringfork.wasm is, if not beside ringfork.js; the page's first one counts
     */
    wasmUrl?: string | URL;
    /**
     * in place of `relay`: one's own way to carry frames. The phone closes it
     */
    transport?: Transport;
    /**
     * in place of the browser's: where to keep the profile. Closing it is up to its maker
     */
    store?: Store;
    /**
     * in place of the relay's
     */
    iceServers?: RTCIceServer[] | (() => RTCIceServer[]);
    /**
     * "relay" shows no address to those one talks to
     */
    iceTransportPolicy?: RTCIceTransportPolicy;
    /**
     * who may ring here; "contacts" when left out
     */
    incoming?: "contacts" | "anyone";
    /**
     * with whom to connect while it rings: the answer is fast then,
     * and they see this device's addresses before it; "contacts" when left out
     */
    preconnect?: "contacts" | "always" | "never";
    /**
     * what becomes of a second call: "wait" (when left out) shows it with `call.waiting`;
     * "refuse" answers busy here, while other tabs and devices ring on
     */
    whenBusy?: "wait" | "refuse";
    /**
     * how long an outgoing call rings: 10 to 120; 45 when left out
     */
    ringSeconds?: number;
    /**
     * where the relay takes posts only with a publish token: one, or a function that gets
     * one from the site's backend, and is asked again when it expires
     */
    token?: TokenOption;
    /**
     * closes the phone when it fires, also while it opens
     */
    signal?: AbortSignal;
};
export type LinkOptions = {
    /**
     * the relay's URL, the same as the account's other devices have; the page's origin when
     * left out
     */
    relay?: string | URL;
    /**
     * which of this browser's profiles to link; "default" when left out. It must have no account yet
     */
    profile?: string;
    /**
     * what one's other devices and contacts will call this device; at most 64 bytes
     */
    label?: string;
    /**
     * the link that a device of the account shows (see `phone.inviteDevice`), or its code; when
     * left out, this device shows a link
     */
    invitation?: string;
    /**
     * as for `openPhone`
     */
    wasmUrl?: string | URL;
    /**
     * as for `openPhone`
     */
    transport?: Transport;
    /**
     * as for `openPhone`
     */
    store?: Store;
    /**
     * as for `openPhone`
     */
    token?: TokenOption;
    /**
     * cancels the link when it fires
     */
    signal?: AbortSignal;
};
/** @import { TokenOption } from "./token.js" */
/** @import { Store, Transport } from "./types.js" */
/**
 * @typedef {object} PhoneOptions
 * @property {string | URL} [relay] the relay's URL; the page's origin when left out
 * @property {string} [profile] which of this browser's profiles to open; "default" when left out. All tabs that open the
 *   same one are one device
 * @property {string} [name] the name to call oneself: those who are called see it, as a claim; at most 64 bytes
 * @property {string} [label] what one's other devices and contacts call this device ("Alice's laptop"); at most 64 bytes
 * @property {Uint8Array} [secret] 32 random bytes from which the account is found: whoever opens a profile with the same
 *   ones, in whatever browser, is a device of the same account. Whoever has them has the account
 * @property {string} [restore] a backup to restore into a profile that has no account yet; goes with `passphrase`
 * @property {string} [passphrase] that of `restore`
 * @property {string | URL} [wasmUrl] where ringfork.wasm is, if not beside ringfork.js; the page's first one counts
 * @property {Transport} [transport] in place of `relay`: one's own way to carry frames. The phone closes it
 * @property {Store} [store] in place of the browser's: where to keep the profile. Closing it is up to its maker
 * @property {RTCIceServer[] | (() => RTCIceServer[])} [iceServers] in place of the relay's
 * @property {RTCIceTransportPolicy} [iceTransportPolicy] "relay" shows no address to those one talks to
 * @property {"contacts" | "anyone"} [incoming] who may ring here; "contacts" when left out
 * @property {"contacts" | "always" | "never"} [preconnect] with whom to connect while it rings: the answer is fast then,
 *   and they see this device's addresses before it; "contacts" when left out
 * @property {"wait" | "refuse"} [whenBusy] what becomes of a second call: "wait" (when left out) shows it with `call.waiting`;
 *   "refuse" answers busy here, while other tabs and devices ring on
 * @property {number} [ringSeconds] how long an outgoing call rings: 10 to 120; 45 when left out
 * @property {TokenOption} [token] where the relay takes posts only with a publish token: one, or a function that gets
 *   one from the site's backend, and is asked again when it expires
 * @property {AbortSignal} [signal] closes the phone when it fires, also while it opens
 */
/**
 * @typedef {object} LinkOptions
 * @property {string | URL} [relay] the relay's URL, the same as the account's other devices have; the page's origin when
 *   left out
 * @property {string} [profile] which of this browser's profiles to link; "default" when left out. It must have no account yet
 * @property {string} [label] what one's other devices and contacts will call this device; at most 64 bytes
 * @property {string} [invitation] the link that a device of the account shows (see `phone.inviteDevice`), or its code; when
 *   left out, this device shows a link
 * @property {string | URL} [wasmUrl] as for `openPhone`
 * @property {Transport} [transport] as for `openPhone`
 * @property {Store} [store] as for `openPhone`
 * @property {TokenOption} [token] as for `openPhone`
 * @property {AbortSignal} [signal] cancels the link when it fires
 */
/**
 * @param {PhoneOptions} options
 * @throws {RingforkError} bad-argument
 */
export declare function checkPhone(options: PhoneOptions): void;
/**
 * @param {LinkOptions} options
 * @throws {RingforkError} bad-argument
 */
export declare function checkLink({ profile, label, invitation, token, transport, store }: LinkOptions): void;
/**
 * @param {unknown} profile
 * @throws {RingforkError} bad-argument
 */
export declare function checkProfile(profile: unknown): void;
/**
 * @param {unknown} passphrase
 * @throws {RingforkError} bad-argument
 */
export declare function checkPassphrase(passphrase: unknown): void;
/**
 * @param {string} what
 * @returns {never}
 */
export declare function bad(what: string): never;
