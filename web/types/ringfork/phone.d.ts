/**
 * The phone as the application sees it, and its way to the Wasm.
 */
import { PhoneEventTarget } from "./events.js";
import type { Call } from "./call.js";
import type { CallMedia, Contact, PhoneState, Store, Transport } from "./types.js";
import type { WasmInstance } from "./wasm.js";
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
     * closes the phone when it fires, also while it opens
     */
    signal?: AbortSignal;
};
export type Parts = {
    instance: WasmInstance;
    transport: Transport;
    store: Store;
    iceServers: () => RTCIceServer[];
    /**
     * whether the phone made the store
     */
    ownStore: boolean;
};
/**
 * Opens a phone: loads the Wasm, if no phone of the page has, and the profile's account, which is made when there is none.
 * It does not wait for the relay: see `phone.state`.
 * @param {PhoneOptions} [options]
 * @returns {Promise<Phone>}
 * @throws {RingforkError} unsupported-browser, wasm-load-failed, store-failed, bad-argument, aborted, crashed
 */
export declare function openPhone(options?: PhoneOptions): Promise<Phone>;
/**
 * Opens a phone on a Wasm that is being loaded. The tests have another than the page's.
 * @param {() => Promise<WasmInstance>} load
 * @param {PhoneOptions} options
 * @returns {Promise<Phone>}
 */
export declare function openPhoneOn(load: () => Promise<WasmInstance>, options: PhoneOptions): Promise<Phone>;
/**
 * An account's phone in this page. `openPhone` makes one.
 *
 * Events: "incoming", "state", "contacts", "closed" (see their classes). Those that come while the phone opens are kept
 * until the code that awaits `openPhone` has had its chance to listen.
 *
 * When the page is left, the phone hangs up its calls here; other tabs go on ringing. A page that comes back from the
 * back/forward cache finds its phone closed (event "closed", reason `left`) and opens a new one.
 */
export declare class Phone extends PhoneEventTarget {
    #private;
    /**
     * @internal
     * @param {Parts} parts
     */
    constructor(parts: Parts);
    /** The account's id, in hex. */
    get account(): string;
    /** The account's card: a link that lets others add it. Whoever has it can ring, as the account's policy allows. */
    get card(): string;
    /** The way to the relay: "connecting", "online" or "offline". */
    get state(): PhoneState;
    /** Frozen, sorted by name; another array after each change. */
    get contacts(): readonly Contact[];
    /** The calls that have not ended. */
    get calls(): Call[];
    /**
     * Adds a contact, or gives one another name. Needs the relay.
     * @param {string} card a card's link or code
     * @param {{ name?: string }} [options] what to call the contact; what it calls itself when left out
     * @returns {Promise<Contact>}
     * @throws {RingforkError} bad-card, self-call, slot-empty, slot-invalid, relay-unreachable, store-failed, closed, crashed
     */
    addContact(card: string, { name }?: {
        name?: string;
    }): Promise<Contact>;
    /**
     * @param {string | { id: string }} contact
     * @returns {Promise<void>}
     * @throws {RingforkError} unknown-contact, store-failed, closed, crashed
     */
    removeContact(contact: string | {
        id: string;
    }): Promise<void>;
    /**
     * Calls a contact. The ring leaves at once, while microphone and, if asked for, camera open; resolves when that is
     * settled. If a device cannot be opened the call goes on without it: see `call.mediaErrors`.
     * @param {string | { id: string }} contact
     * @param {CallMedia & { signal?: AbortSignal }} [media] audio only when left out. The signal cancels the call as long as
     *   nobody answered
     * @returns {Promise<Call>} it may have ended already, if all were that quick
     * @throws {RingforkError} unknown-contact, too-many-calls, bad-argument, aborted, closed, crashed
     */
    call(contact: string | {
        id: string;
    }, { signal, ...media }?: CallMedia & {
        signal?: AbortSignal;
    }): Promise<Call>;
    /**
     * Closes the phone: hangs up its calls, closes all devices, lets everything go. Other tabs and devices go on ringing. Any
     * later call gets the same promise.
     * @returns {Promise<void>}
     */
    close(): Promise<void>;
}
