/**
 * The phone as the application sees it.
 */

import { Calls } from "./calls.js";
import { Devices } from "./devices.js";
import { ClosedEvent, PhoneEventTarget, PhoneStateEvent } from "./events.js";
import { People } from "./people.js";

/** @import { Call } from "./call.js" */
/** @import { ClosedReason, Endpoint } from "./endpoint.js" */
/** @import { RingforkError } from "./errors.js" */
/** @import { PhoneOptions } from "./options.js" */
/** @import { Blocked, CallMedia, Contact, ContactRequest, DeviceInvitation, LinkApproval, OwnDevice, PhoneState, RawEvent, SafetyNumber } from "./types.js" */

/**
 * Opens the phone of an endpoint: nobody else makes one.
 * @type {(endpoint: Endpoint, options: PhoneOptions) => Promise<Phone>}
 */
export let startPhone;

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
export class Phone extends PhoneEventTarget {
  #endpoint;
  #calls;
  #people;
  #devices;
  /** @type {PhoneState} */
  #state = "connecting";
  /** @type {RingforkError | null} */
  #relayError = null;
  #account = "";
  #name = "";
  #card = "";

  static {
    startPhone = async (endpoint, options) => {
      const phone = new Phone(endpoint);
      await phone.#start(options);
      return phone;
    };
  }

  /**
   * @internal
   * @param {Endpoint} endpoint
   */
  constructor(endpoint) {
    super();
    const tell = (/** @type {Event} */ event) => void this.dispatchEvent(event);
    this.#endpoint = endpoint;
    this.#people = new People(endpoint, () => this.#calls.contactsChanged(), tell);
    this.#calls = new Calls(endpoint, (id) => this.#people.contact(id), tell);
    this.#devices = new Devices(endpoint, tell);
  }

  /** The account's id, in hex. */
  get account() {
    return this.#account;
  }

  /** What the account calls itself, on all its devices. Who opens it with another `name` changes it. */
  get name() {
    return this.#name;
  }

  /** The account's card: a link that lets others add it. Whoever has it can ring, as the account's policy allows. */
  get card() {
    return this.#card;
  }

  /** The way to the relay: "connecting", "online" or "offline". */
  get state() {
    return this.#state;
  }

  /**
   * Why the relay does not do its part, null if it does: it cannot be reached, reads no mailboxes for this page (`bad-origin`,
   * `bad-proof`), or not all of them (`too-many-subscriptions`), or takes nothing from it (`token-missing`, `token-expired`,
   * `bad-token`). Who is refused like this is not called, or calls nobody, until the cause is mended. `state` may be "online"
   * all the while.
   */
  get relayError() {
    return this.#relayError;
  }

  /** Whether the profile outlives the page. Where the browser keeps no databases it does not. */
  get persistent() {
    return this.#endpoint.persistent;
  }

  /** Sorted by name. @returns {readonly Contact[]} */
  get contacts() {
    return this.#people.contacts;
  }

  /** Those who ask to be contacts. @returns {readonly ContactRequest[]} */
  get requests() {
    return this.#people.requests;
  }

  /** Those whose rings and requests are dropped. @returns {readonly Blocked[]} */
  get blocked() {
    return this.#people.blocked;
  }

  /** The account's devices and keys, this one too. @returns {readonly OwnDevice[]} */
  get devices() {
    return this.#devices.list;
  }

  /** The calls that have not ended. */
  get calls() {
    return this.#calls.list;
  }

  /**
   * Adds a contact, or gives one another name, and asks to be a contact of theirs. Needs the relay.
   * @param {string} card a card's link or code
   * @param {{ name?: string }} [options] what to call the contact; what it calls itself when left out
   * @returns {Promise<Contact>}
   * @throws {RingforkError} bad-card, self-call, slot-empty, slot-invalid, slot-expired, log-forked, contacts-full,
   *   relay-unreachable, store-failed, closed, crashed
   */
  addContact(card, { name = "" } = {}) {
    return this.#people.add(card, name);
  }

  /**
   * Forgets a contact: it is a stranger from then on, and may ring only where `incoming` is "anyone".
   * @param {string | { id: string }} contact
   * @returns {Promise<void>}
   * @throws {RingforkError} unknown-contact, store-failed, closed, crashed
   */
  removeContact(contact) {
    return this.#people.remove(contact);
  }

  /**
   * What both sides compare to know that nobody is between them.
   * @param {string | { id: string }} contact
   * @returns {Promise<SafetyNumber>}
   * @throws {RingforkError} unknown-contact, closed, crashed
   */
  safetyNumber(contact) {
    return this.#people.safetyNumber(contact);
  }

  /**
   * Keeps that the user compared the safety numbers and found them the same. Of a verified contact with a new device, that
   * the user knows of it: `contact.newDevice` is false again.
   * @param {string | { id: string }} contact
   * @param {{ scanned?: string }} [options] what was scanned from the other side's code: it is compared here
   * @returns {Promise<void>}
   * @throws {RingforkError} safety-mismatch, unknown-contact, store-failed, closed, crashed
   */
  verify(contact, { scanned } = {}) {
    return this.#people.verify(contact, scanned);
  }

  /**
   * Takes `verify` back.
   * @param {string | { id: string }} contact
   * @returns {Promise<void>}
   * @throws {RingforkError} unknown-contact, store-failed, closed, crashed
   */
  unverify(contact) {
    return this.#people.unverify(contact);
  }

  /**
   * Makes who asks a contact, and tells them. Needs the relay.
   * @param {string | { id: string }} request
   * @param {{ name?: string }} [options] what to call the contact; what it calls itself when left out
   * @returns {Promise<Contact>}
   * @throws {RingforkError} unknown-request, and as `addContact`
   */
  acceptRequest(request, { name = "" } = {}) {
    return this.#people.accept(request, name);
  }

  /**
   * @param {string | { id: string }} request
   * @returns {Promise<void>}
   * @throws {RingforkError} unknown-request, store-failed, closed, crashed
   */
  declineRequest(request) {
    return this.#people.decline(request);
  }

  /**
   * Drops all that comes from somebody from now on, and tells them nothing. A contact is none any more. If they ring, it stops
   * here and rings on for them; a call with them is hung up.
   * @param {string | { id: string }} person a contact, or one who asks to be one
   * @returns {Promise<void>}
   * @throws {RingforkError} unknown-contact, store-failed, closed, crashed
   */
  block(person) {
    return this.#people.block(person);
  }

  /**
   * @param {string | { id: string }} person
   * @returns {Promise<void>}
   * @throws {RingforkError} unknown-contact, store-failed, closed, crashed
   */
  unblock(person) {
    return this.#people.unblock(person);
  }

  /**
   * Removes a device or a key from the account. What it knows of the account is worth nothing from then on: keys and
   * addresses are made anew. Needs the relay. On the device itself the phone closes, with the reason `revoked`.
   * @param {string | { id: string }} device
   * @returns {Promise<void>}
   * @throws {RingforkError} unknown-device, relay-unreachable, store-failed, closed, crashed
   */
  revoke(device) {
    return this.#devices.revoke(device);
  }

  /**
   * Reads the link that another device shows (see `requestLink`) and begins to link it. Resolves when both can show the
   * short code. Nothing of the account is given away before `approve()`.
   * @param {string} code the link, or its code
   * @returns {Promise<LinkApproval>}
   * @throws {RingforkError} bad-link, link-expired, relay-unreachable, closed, crashed
   */
  approveLink(code) {
    return this.#devices.approveLink(code);
  }

  /**
   * The other way round: makes a link that a new device reads (see `requestLink`). Resolves at once; `asking` does when one
   * has. Nothing of the account is given away before its `approve()`.
   * @returns {Promise<DeviceInvitation>}
   * @throws {RingforkError} closed, crashed
   */
  inviteDevice() {
    return this.#devices.inviteDevice();
  }

  /**
   * Makes a backup: a text that opens the account (not its calls) with the passphrase, on a device that is none of it yet.
   * Everything depends on the passphrase: let it be long. Each backup takes the place of a device: revoke those that are not
   * kept any more.
   * @param {string} passphrase
   * @returns {Promise<string>}
   * @throws {RingforkError} devices-full, account-full, relay-unreachable, store-failed, closed, crashed
   */
  backup(passphrase) {
    return this.#devices.backup(passphrase);
  }

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
  call(contact, media = {}) {
    return this.#calls.dial(contact, media);
  }

  /**
   * Closes the phone: hangs up its calls, closes all devices, lets everything go. Other tabs and devices go on ringing. Any
   * later call gets the same promise.
   * @returns {Promise<void>}
   */
  close() {
    return this.#endpoint.close();
  }

  /** @param {PhoneOptions} options */
  async #start(options) {
    const raw = await this.#endpoint.open(options, {
      event: (event) => this.#take(event),
      media: this.#calls.media,
      closing: () => this.#calls.stopMedia(),
      left: () => this.#calls.end("hangup"),
      ended: (reason, error) => this.#ended(reason, error),
    });
    this.#account = raw.account;
    this.#name = raw.name;
    this.#card = raw.card;
    this.#people.begin(raw);
    this.#devices.begin(raw);
  }

  /** @param {RawEvent} event */
  #take(event) {
    switch (event.type) {
      case "state":
        this.#relayIs(event.state, event.error ?? null);
        return;
      case "relay":
        this.#relayIs(this.#state, event.error ?? null);
        return;
      case "contacts":
      case "requests":
        this.#people.read();
        return;
      case "devices":
        this.#card = event.card; // it names the newest entry of the account's log
        this.#devices.read(this.#renamed(event.name));
        return;
      case "warning":
        this.#people.warn(event.code, event.contact);
        return;
      case "refused":
        this.#calls.refused(event.call, event.code);
        return;
      case "incoming":
      case "call":
        this.#calls.take(event.call);
    }
  }

  /**
   * @param {PhoneState} state
   * @param {RingforkError | null} error
   */
  #relayIs(state, error) {
    if (state === this.#state && error?.code === this.#relayError?.code) return;
    this.#state = state;
    this.#relayError = error;
    this.dispatchEvent(new PhoneStateEvent(state, error));
  }

  /**
   * @param {string} name
   * @returns {boolean} whether it is another one
   */
  #renamed(name) {
    const changed = name !== this.#name;
    this.#name = name;
    return changed;
  }

  /**
   * @param {ClosedReason} reason
   * @param {RingforkError | null} error
   */
  #ended(reason, error) {
    this.#calls.end(reason === "crashed" ? "failed" : "hangup", error ?? undefined);
    this.#state = "offline";
    this.dispatchEvent(new ClosedEvent(reason, error));
  }
}
