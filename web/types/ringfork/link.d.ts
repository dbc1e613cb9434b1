/**
 * How a new device becomes one of an account that another device has.
 */
import type { LinkOptions } from "./options.js";
import type { RawLink } from "./types.js";
import type { WasmInstance } from "./wasm.js";
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
export declare function requestLink(options?: LinkOptions): Promise<Link>;
/**
 * The same on a Wasm that is being loaded. The tests have another than the page's.
 * @param {() => Promise<WasmInstance>} load
 * @param {LinkOptions} options
 * @returns {Promise<Link>}
 */
export declare function requestLinkOn(load: () => Promise<WasmInstance>, { relay, profile, label, invitation, signal, ...own }: LinkOptions): Promise<Link>;
/** A link that waits for another device to approve it. `requestLink` makes one. */
export declare class Link {
    #private;
    /**
     * The link, to be opened or pasted on a device of the account; "" where this one has read an invitation. Whoever else gets
     * it shows another short code. @readonly
     */
    code: string;
    /** The same as a QR code: the text of an SVG image. @readonly */
    qr: string;
    /**
     * The short code, once both devices have found each other: the user approves on the other one if both show the same.
     * Rejects as `done` does. @readonly @type {Promise<string>}
     */
    confirm: Promise<string>;
    /**
     * Resolves when the profile is a device of the account. Rejects with link-rejected, link-expired, devices-full,
     * relay-unreachable, store-failed, aborted or crashed. @readonly @type {Promise<void>}
     */
    done: Promise<void>;
    /**
     * @internal
     * @param {RawLink} raw
     * @param {WasmInstance} instance
     * @param {() => void} release
     */
    constructor(raw: RawLink, instance: WasmInstance, release: () => void);
    /**
     * Takes the link back, unless it is done: `confirm` and `done` reject with `aborted`.
     * @param {unknown} [reason] the cause of that
     */
    cancel(reason?: unknown): void;
}
