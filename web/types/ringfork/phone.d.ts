/**
 * The phone as the application sees it.
 */
import { PhoneEventTarget } from "./events.js";
import type { Call } from "./call.js";
import type { Endpoint } from "./endpoint.js";
import type { RingforkError } from "./errors.js";
import type { PhoneOptions } from "./options.js";
import type { Blocked, CallMedia, Contact, ContactRequest, DeviceInvitation, LinkApproval, OwnDevice, PhoneState, SafetyNumber } from "./types.js";
/** @import { Call } from "./call.js" */
/** @import { ClosedReason, Endpoint } from "./endpoint.js" */
/** @import { RingforkError } from "./errors.js" */
/** @import { PhoneOptions } from "./options.js" */
/** @import { Blocked, CallMedia, Contact, ContactRequest, DeviceInvitation, LinkApproval, OwnDevice, PhoneState, RawEvent, SafetyNumber } from "./types.js" */
/**
 * Opens the phone of an endpoint: nobody else makes one.
 * @type {(endpoint: Endpoint, options: PhoneOptions) => Promise<Phone>}
 */
export declare let startPhone: (endpoint: Endpoint, options: PhoneOptions) => Promise<Phone>;
/**
 * An account's phone in this page. `openPhone` makes one.
 *
 * Events: "incoming", "state", "contacts", "requests", "devices", "warning", "closed" (see their classes). Those that come
 * while the phone opens are kept until the code that awaits `openPhone` has had its chance to listen. Lists are frozen: there
 * is another array after each change, up to date before its event is dispatched.
 *
 * When the page is left, the phone hangs up its calls here; other tabs go on ringing. A page that comes back from the
 * back/forward cache finds its phone closed (event "closed", reason `left`) and opens a new one.
 */
export declare class Phone extends PhoneEventTarget {
    #private;
    /**
     * @internal
     * @param {Endpoint} endpoint
     */
    constructor(endpoint: Endpoint);
    /** The account's id, in hex. */
    get account(): string;
    /** What the account calls itself, on all its devices. Who opens it with another `name` changes it. */
    get name(): string;
    /** The account's card: a link that lets others add it. Whoever has it can ring, as the account's policy allows. */
    get card(): string;
    /** The way to the relay: "connecting", "online" or "offline". */
    get state(): PhoneState;
    /**
     * Why the relay does not do its part, null if it does: it cannot be reached, reads no mailboxes for this page (`bad-origin`,
     * `bad-proof`), or not all of them (`too-many-subscriptions`), or takes nothing from it (`token-missing`, `token-expired`,
     * `bad-token`). Who is refused like this is not called, or calls nobody, until the cause is mended. `state` may be "online"
     * all the while.
     */
    get relayError(): RingforkError | null;
    /** Whether the profile outlives the page. Where the browser keeps no databases it does not. */
    get persistent(): boolean;
    /** Sorted by name. @returns {readonly Contact[]} */
    get contacts(): readonly Contact[];
    /** Those who ask to be contacts. @returns {readonly ContactRequest[]} */
    get requests(): readonly ContactRequest[];
    /** Those whose rings and requests are dropped. @returns {readonly Blocked[]} */
    get blocked(): readonly Blocked[];
    /** The account's devices and keys, this one too. @returns {readonly OwnDevice[]} */
    get devices(): readonly OwnDevice[];
    /** The calls that have not ended. */
    get calls(): Call[];
    /**
     * Adds a contact, or gives one another name, and asks to be a contact of theirs. Needs the relay.
     * @param {string} card a card's link or code
     * @param {{ name?: string }} [options] what to call the contact; what it calls itself when left out
     * @returns {Promise<Contact>}
     * @throws {RingforkError} bad-card, self-call, slot-empty, slot-invalid, slot-expired, log-forked, contacts-full,
     *   relay-unreachable, store-failed, closed, crashed
     */
    addContact(card: string, { name }?: {
        name?: string;
    }): Promise<Contact>;
    /**
     * Forgets a contact: it is a stranger from then on, and may ring only where `incoming` is "anyone".
     * @param {string | { id: string }} contact
     * @returns {Promise<void>}
     * @throws {RingforkError} unknown-contact, store-failed, closed, crashed
     */
    removeContact(contact: string | {
        id: string;
    }): Promise<void>;
    /**
     * What both sides compare to know that nobody is between them.
     * @param {string | { id: string }} contact
     * @returns {Promise<SafetyNumber>}
     * @throws {RingforkError} unknown-contact, closed, crashed
     */
    safetyNumber(contact: string | {
        id: string;
    }): Promise<SafetyNumber>;
    /**
     * Keeps that the user compared the safety numbers and found them the same. Of a verified contact with a new device, that
     * the user knows of it: `contact.newDevice` is false again.
     * @param {string | { id: string }} contact
     * @param {{ scanned?: string }} [options] what was scanned from the other side's code: it is compared here
     * @returns {Promise<void>}
     * @throws {RingforkError} safety-mismatch, unknown-contact, store-failed, closed, crashed
     */
    verify(contact: string | {
        id: string;
    }, { scanned }?: {
        scanned?: string;
    }): Promise<void>;
    /**
     * Takes `verify` back.
     * @param {string | { id: string }} contact
     * @returns {Promise<void>}
     * @throws {RingforkError} unknown-contact, store-failed, closed, crashed
     */
    unverify(contact: string | {
        id: string;
    }): Promise<void>;
    /**
     * Makes who asks a contact, and tells them. Needs the relay.
     * @param {string | { id: string }} request
     * @param {{ name?: string }} [options] what to call the contact; what it calls itself when left out
     * @returns {Promise<Contact>}
     * @throws {RingforkError} unknown-request, and as `addContact`
     */
    acceptRequest(request: string | {
        id: string;
    }, { name }?: {
        name?: string;
    }): Promise<Contact>;
    /**
     * @param {string | { id: string }} request
     * @returns {Promise<void>}
     * @throws {RingforkError} unknown-request, store-failed, closed, crashed
     */
    declineRequest(request: string | {
        id: string;
    }): Promise<void>;
    /**
     * Drops all that comes from somebody from now on, and tells them nothing. A contact is none any more. If they ring, it stops
     * here and rings on for them; a call with them is hung up.
     * @param {string | { id: string }} person a contact, or one who asks to be one
     * @returns {Promise<void>}
     * @throws {RingforkError} unknown-contact, store-failed, closed, crashed
     */
    block(person: string | {
        id: string;
    }): Promise<void>;
    /**
     * @param {string | { id: string }} person
     * @returns {Promise<void>}
     * @throws {RingforkError} unknown-contact, store-failed, closed, crashed
     */
    unblock(person: string | {
        id: string;
    }): Promise<void>;
    /**
     * Removes a device or a key from the account. What it knows of the account is worth nothing from then on: keys and
     * addresses are made anew. Needs the relay. On the device itself the phone closes, with the reason `revoked`.
     * @param {string | { id: string }} device
     * @returns {Promise<void>}
     * @throws {RingforkError} unknown-device, relay-unreachable, store-failed, closed, crashed
     */
    revoke(device: string | {
        id: string;
    }): Promise<void>;
    /**
     * Reads the link that another device shows (see `requestLink`) and begins to link it. Resolves when both can show the
     * short code. Nothing of the account is given away before `approve()`.
     * @param {string} code the link, or its code
     * @returns {Promise<LinkApproval>}
     * @throws {RingforkError} bad-link, link-expired, relay-unreachable, closed, crashed
     */
    approveLink(code: string): Promise<LinkApproval>;
    /**
     * The other way round: makes a link that a new device reads (see `requestLink`). Resolves at once; `asking` does when one
     * has. Nothing of the account is given away before its `approve()`.
     * @returns {Promise<DeviceInvitation>}
     * @throws {RingforkError} closed, crashed
     */
    inviteDevice(): Promise<DeviceInvitation>;
    /**
     * Makes a backup: a text that opens the account (not its calls) with the passphrase, on a device that is none of it yet.
     * Everything depends on the passphrase: let it be long. Each backup takes the place of a device: revoke those that are not
     * kept any more.
     * @param {string} passphrase
     * @returns {Promise<string>}
     * @throws {RingforkError} devices-full, account-full, relay-unreachable, store-failed, closed, crashed
     */
    backup(passphrase: string): Promise<string>;
    /**
     * Calls a contact. The ring leaves at once, while microphone and, if asked for, camera open; resolves when that is
     * settled. If a device cannot be opened the call goes on without it: see `call.mediaErrors`.
     * @param {string | { id: string }} contact
     * @param {CallMedia & { signal?: AbortSignal }} [media] audio only when left out. The signal cancels the call as long as
     *   nobody answered
     * @returns {Promise<Call>} it may have ended already, if all were that quick
     * @throws {RingforkError} unknown-contact, too-many-calls, bad-argument, aborted, closed, crashed; bad-origin and the codes of
     *   tokens, if the relay takes no ring from this page
     */
    call(contact: string | {
        id: string;
    }, media?: CallMedia & {
        signal?: AbortSignal;
    }): Promise<Call>;
    /**
     * Closes the phone: hangs up its calls, closes all devices, lets everything go. Other tabs and devices go on ringing. Any
     * later call gets the same promise.
     * @returns {Promise<void>}
     */
    close(): Promise<void>;
}
