/**
 * The people an account knows: its contacts, those who ask to be one, those it blocked.
 */
import { ContactsEvent, RequestsEvent, WarningEvent } from "./events.js";
import type { Endpoint } from "./endpoint.js";
import type { Blocked, Contact, ContactRequest, RawPhone, SafetyNumber } from "./types.js";
/** @import { Endpoint } from "./endpoint.js" */
/** @import { Blocked, Contact, ContactRequest, RawPhone, SafetyNumber } from "./types.js" */
export declare class People {
    #private;
    /** @type {readonly Contact[]} */
    contacts: readonly Contact[];
    /** @type {readonly ContactRequest[]} */
    requests: readonly ContactRequest[];
    /** @type {readonly Blocked[]} */
    blocked: readonly Blocked[];
    /**
     * @param {Endpoint} endpoint
     * @param {() => void} changed called before the event that the contacts changed
     * @param {(event: ContactsEvent | RequestsEvent | WarningEvent) => void} tell
     */
    constructor(endpoint: Endpoint, changed: () => void, tell: (event: ContactsEvent | RequestsEvent | WarningEvent) => void);
    /**
     * Takes over what an opened phone knows, silently.
     * @param {RawPhone} raw
     */
    begin(raw: RawPhone): void;
    /** Reads everything again, and tells what changed. */
    read(): void;
    /**
     * @param {string} code
     * @param {string} id the contact's; empty where it is about none
     */
    warn(code: string, id: string): void;
    /** @param {string} id */
    contact(id: string): Contact | null;
    /**
     * @param {string} card
     * @param {string} name
     */
    add(card: string, name: string): Promise<Contact>;
    /** @param {string | { id: string }} contact */
    remove(contact: string | {
        id: string;
    }): Promise<void>;
    /**
     * @param {string | { id: string }} contact
     * @returns {Promise<SafetyNumber>}
     */
    safetyNumber(contact: string | {
        id: string;
    }): Promise<SafetyNumber>;
    /**
     * @param {string | { id: string }} contact
     * @param {string | undefined} scanned
     */
    verify(contact: string | {
        id: string;
    }, scanned: string | undefined): Promise<void>;
    /** @param {string | { id: string }} contact */
    unverify(contact: string | {
        id: string;
    }): Promise<void>;
    /**
     * @param {string | { id: string }} request
     * @param {string} name
     */
    accept(request: string | {
        id: string;
    }, name: string): Promise<Contact>;
    /** @param {string | { id: string }} request */
    decline(request: string | {
        id: string;
    }): Promise<void>;
    /** @param {string | { id: string }} person */
    block(person: string | {
        id: string;
    }): Promise<void>;
    /** @param {string | { id: string }} person */
    unblock(person: string | {
        id: string;
    }): Promise<void>;
}
/**
 * @param {string | { id: string }} thing a contact, a request, a device
 * @returns {string}
 * @throws {RingforkError} bad-argument
 */
export declare function idOf(thing: string | {
    id: string;
}): string;
/**
 * @template {object} T
 * @param {T[]} list
 * @returns {readonly Readonly<T>[]}
 */
export declare function frozen<T extends object>(list: T[]): readonly Readonly<T>[];
/**
 * @param {unknown} a
 * @param {unknown} b
 */
export declare function same(a: unknown, b: unknown): boolean;
