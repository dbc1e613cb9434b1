/**
 * The people an account knows: its contacts, those who ask to be one, those it blocked.
 */

import { RingforkError, toRingforkError } from "./errors.js";
import { ContactsEvent, RequestsEvent, WarningEvent } from "./events.js";
import { bad } from "./options.js";

/** @import { Endpoint } from "./endpoint.js" */
/** @import { Blocked, Contact, ContactRequest, RawPhone, SafetyNumber } from "./types.js" */

export class People {
  /** @type {readonly Contact[]} */
  contacts = Object.freeze([]);
  /** @type {readonly ContactRequest[]} */
  requests = Object.freeze([]);
  /** @type {readonly Blocked[]} */
  blocked = Object.freeze([]);

  #endpoint;
  #changed;
  #tell;

  /**
   * @param {Endpoint} endpoint
   * @param {() => void} changed called before the event that the contacts changed
   * @param {(event: ContactsEvent | RequestsEvent | WarningEvent) => void} tell
   */
  constructor(endpoint, changed, tell) {
    this.#endpoint = endpoint;
    this.#changed = changed;
    this.#tell = tell;
  }

  /**
   * Takes over what an opened phone knows, silently.
   * @param {RawPhone} raw
   */
  begin(raw) {
    this.contacts = frozen(raw.contacts().map(contactOf));
    this.requests = frozen(raw.requests().map(requestOf));
    this.blocked = frozen(raw.blocked().map(blockedOf));
  }

  /** Reads everything again, and tells what changed. */
  read() {
    const raw = this.#endpoint.readable;
    if (!raw) return;
    const { contacts, requests, blocked } = this;
    this.begin(raw);
    if (same(requests, this.requests)) this.requests = requests;
    if (same(contacts, this.contacts)) this.contacts = contacts;
    if (same(blocked, this.blocked)) this.blocked = blocked;
    if (this.requests !== requests) this.#tell(new RequestsEvent(this.requests));
    if (this.contacts !== contacts || this.blocked !== blocked) {
      this.#changed();
      this.#tell(new ContactsEvent(this.contacts, this.blocked));
    }
  }

  /**
   * @param {string} code
   * @param {string} id the contact's; empty where it is about none
   */
  warn(code, id) {
    this.#tell(new WarningEvent(code, this.contact(id)));
  }

  /** @param {string} id */
  contact(id) {
    return this.contacts.find((contact) => contact.id === id) ?? null;
  }

  /**
   * @param {string} card
   * @param {string} name
   */
  async add(card, name) {
    if (typeof card !== "string" || typeof name !== "string") bad("card and name are strings");
    return this.#contactMade(await this.#change((raw) => raw.addContact(card, name)));
  }

  /** @param {string | { id: string }} contact */
  remove(contact) {
    return this.#change((raw) => raw.removeContact(idOf(contact)));
  }

  /**
   * @param {string | { id: string }} contact
   * @returns {Promise<SafetyNumber>}
   */
  async safetyNumber(contact) {
    try {
      const { digits, emoji, qr, text } = this.#endpoint.raw().safetyNumber(idOf(contact));
      return Object.freeze({ digits, emoji, qr, text });
    } catch (error) {
      throw toRingforkError(error);
    }
  }

  /**
   * @param {string | { id: string }} contact
   * @param {string | undefined} scanned
   */
  async verify(contact, scanned) {
    if (scanned !== undefined && typeof scanned !== "string") bad("scanned is the text of a scanned code");
    await this.#change((raw) =>
      scanned === undefined ? raw.verify(idOf(contact), true) : raw.verifyScanned(idOf(contact), scanned),
    );
  }

  /** @param {string | { id: string }} contact */
  unverify(contact) {
    return this.#change((raw) => raw.verify(idOf(contact), false));
  }

  /**
   * @param {string | { id: string }} request
   * @param {string} name
   */
  async accept(request, name) {
    if (typeof name !== "string") bad("name is a string");
    const id = idOf(request);
    await this.#change((raw) => raw.answerRequest(id, "accept", name));
    return this.#contactMade({ id });
  }

  /** @param {string | { id: string }} request */
  async decline(request) {
    await this.#change((raw) => raw.answerRequest(idOf(request), "decline", ""));
  }

  /** @param {string | { id: string }} person */
  block(person) {
    return this.#change((raw) => raw.block(idOf(person)));
  }

  /** @param {string | { id: string }} person */
  unblock(person) {
    return this.#change((raw) => raw.unblock(idOf(person)));
  }

  /**
   * Does what changes the stored account. The lists are up to date when it resolves.
   * @template T
   * @param {(raw: RawPhone) => Promise<T>} ask
   * @returns {Promise<T>}
   */
  async #change(ask) {
    const result = await this.#endpoint.ask(ask);
    this.read();
    this.#endpoint.tellStored();
    return result;
  }

  /** @param {{ id: string }} made */
  #contactMade({ id }) {
    const contact = this.contact(id);
    if (!contact) throw new RingforkError("unknown-contact", "the contact was removed while it was added");
    return contact;
  }
}

/**
 * @param {string | { id: string }} thing a contact, a request, a device
 * @returns {string}
 * @throws {RingforkError} bad-argument
 */
export function idOf(thing) {
  const id = typeof thing === "string" ? thing : thing?.id;
  if (typeof id !== "string" || !id) bad("people and devices are given by their id or by themselves");
  return id;
}

/** @param {Contact} contact */
function contactOf({ id, name, verified, newDevice }) {
  return { id, name, verified, newDevice };
}

/** @param {ContactRequest} request */
function requestOf({ id, name, card }) {
  return { id, name, card };
}

/** @param {Blocked} blocked */
function blockedOf({ id, name }) {
  return { id, name };
}

/**
 * @template {object} T
 * @param {T[]} list
 * @returns {readonly Readonly<T>[]}
 */
export function frozen(list) {
  return Object.freeze(list.map((entry) => Object.freeze(entry)));
}

/**
 * @param {unknown} a
 * @param {unknown} b
 */
export function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}
