/**
 * The events of phones and calls, one class each. Import their types for `addEventListener`; nobody but Ringfork makes them.
 */

/** @import { Call } from "./call.js" */
/** @import { RingforkError } from "./errors.js" */
/** @import { Blocked, CallState, Contact, ContactRequest, Device, EndReason, MediaProblem, MediaState, OwnDevice, PhoneState } from "./types.js" */

/** Phone, "incoming": somebody calls. `call.state` is `ringing`; accept or decline it. */
export class IncomingEvent extends Event {
  /** @param {Call} call */
  constructor(call) {
    super("incoming");
    /** @readonly */
    this.call = call;
  }
}

/** Phone, "state": the way to the relay, or what stands in it, changed. A call that is active goes on without it. */
export class PhoneStateEvent extends Event {
  /**
   * @param {PhoneState} state
   * @param {RingforkError | null} error see `phone.relayError`
   */
  constructor(state, error) {
    super("state");
    /** @readonly */
    this.state = state;
    /** @readonly */
    this.error = error;
  }
}

/** Phone, "contacts": the list of contacts or of those blocked changed, here, in another tab or on another device. */
export class ContactsEvent extends Event {
  /**
   * @param {readonly Contact[]} contacts
   * @param {readonly Blocked[]} blocked
   */
  constructor(contacts, blocked) {
    super("contacts");
    /** @readonly */
    this.contacts = contacts;
    /** @readonly */
    this.blocked = blocked;
  }
}

/** Phone, "requests": somebody asks to be a contact, or a request was answered, here or on another device. */
export class RequestsEvent extends Event {
  /** @param {readonly ContactRequest[]} requests */
  constructor(requests) {
    super("requests");
    /** @readonly */
    this.requests = requests;
  }
}

/** Phone, "devices": the account's devices and keys, or its name, changed, here or on another device. */
export class OwnDevicesEvent extends Event {
  /** @param {readonly OwnDevice[]} devices */
  constructor(devices) {
    super("devices");
    /** @readonly */
    this.devices = devices;
  }
}

/**
 * Phone, "warning": something that may be an attack and that the user should hear of. `code` says what: `device-added`, a
 * verified contact has a new device, see `contact.newDevice`; or one of the error codes `log-forked`, `slot-stale`,
 * `slot-expired`, `slot-invalid`, `newer-version`, `store-newer`, `slot-taken` and `account-full`, where the phone goes on
 * with what it knew.
 */
export class WarningEvent extends Event {
  /**
   * @param {string} code
   * @param {Contact | null} contact whom it is about; null: the own account, or one that is no contact
   */
  constructor(code, contact) {
    super("warning");
    /** @readonly */
    this.code = code;
    /** @readonly */
    this.contact = contact;
  }
}

/**
 * Phone, "closed": the phone's last event. Reason `closed`: by `close()` or the signal; `left`: the page was left and came
 * back from the back/forward cache, open a new phone; `revoked`: another device of the account removed this one, the
 * profile opens no more; `crashed`: the Wasm stopped. `error` says more of the last two.
 */
export class ClosedEvent extends Event {
  /**
   * @param {"closed" | "left" | "revoked" | "crashed"} reason
   * @param {RingforkError | null} error
   */
  constructor(reason, error) {
    super("closed");
    /** @readonly */
    this.reason = reason;
    /** @readonly */
    this.error = error;
  }
}

/** Call, "state": `state`, `waiting`, `answeredBy` or `peer` changed. `previous` is the state before, maybe the same. */
export class CallStateEvent extends Event {
  /**
   * @param {CallState} state
   * @param {CallState} previous
   */
  constructor(state, previous) {
    super("state");
    /** @readonly */
    this.state = state;
    /** @readonly */
    this.previous = previous;
  }
}

/** Call, "devices": a device of the person called joined, left, or did something. */
export class DevicesEvent extends Event {
  /** @param {readonly Device[]} devices */
  constructor(devices) {
    super("devices");
    /** @readonly */
    this.devices = devices;
  }
}

/** Call, "localmedia": own media went on or off, or a device could not be opened: `errors` holds all that miss now. */
export class LocalMediaEvent extends Event {
  /**
   * @param {MediaStream | null} stream
   * @param {MediaState} local
   * @param {readonly MediaProblem[]} errors
   */
  constructor(stream, local, errors) {
    super("localmedia");
    /** @readonly */
    this.stream = stream;
    /** @readonly */
    this.local = local;
    /** @readonly */
    this.errors = errors;
  }
}

/** Call, "remotemedia": the other side's media came, went on or off. */
export class RemoteMediaEvent extends Event {
  /**
   * @param {MediaStream | null} stream
   * @param {MediaState} remote
   */
  constructor(stream, remote) {
    super("remotemedia");
    /** @readonly */
    this.stream = stream;
    /** @readonly */
    this.remote = remote;
  }
}

/** Call, "ended": the call's last event. */
export class EndedEvent extends Event {
  /**
   * @param {EndReason} reason
   * @param {string | null} answeredBy the label of the device that answered, if the call was answered elsewhere
   */
  constructor(reason, answeredBy) {
    super("ended");
    /** @readonly */
    this.reason = reason;
    /** @readonly */
    this.answeredBy = answeredBy;
  }
}

/**
 * @typedef {{ incoming: IncomingEvent, state: PhoneStateEvent, contacts: ContactsEvent, requests: RequestsEvent,
 *   devices: OwnDevicesEvent, warning: WarningEvent, closed: ClosedEvent }} PhoneEvents
 */
/**
 * @typedef {{ state: CallStateEvent, devices: DevicesEvent, localmedia: LocalMediaEvent, remotemedia: RemoteMediaEvent,
 *   ended: EndedEvent }} CallEvents
 */

/**
 * @template E
 * @typedef {((event: E) => unknown) | { handleEvent(event: E): unknown }} Listener
 */

/**
 * An EventTarget whose listeners know the event they get.
 * @template {Record<string, Event>} Events
 * @typedef {{
 *   addEventListener<K extends keyof Events>(
 *     type: K, listener: Listener<Events[K]> | null, options?: boolean | AddEventListenerOptions): void,
 *   removeEventListener<K extends keyof Events>(
 *     type: K, listener: Listener<Events[K]> | null, options?: boolean | EventListenerOptions): void,
 * } & EventTarget} TypedEventTarget
 */

/** @type {new () => TypedEventTarget<PhoneEvents>} */
export const PhoneEventTarget = EventTarget;

/** @type {new () => TypedEventTarget<CallEvents>} */
export const CallEventTarget = EventTarget;
