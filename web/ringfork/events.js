/**
 * The events of phones and calls, one class each. Import their types for `addEventListener`; nobody but Ringfork makes them.
 */

/** @import { Call } from "./call.js" */
/** @import { RingforkError } from "./errors.js" */
/** @import { CallState, Contact, Device, EndReason, MediaProblem, MediaState, PhoneState } from "./types.js" */

/** Phone, "incoming": somebody calls. `call.state` is `ringing`; accept or decline it. */
export class IncomingEvent extends Event {
  /** @param {Call} call */
  constructor(call) {
    super("incoming");
    /** @readonly */
    this.call = call;
  }
}

/** Phone, "state": the way to the relay changed. A call that is active goes on without it. */
export class PhoneStateEvent extends Event {
  /** @param {PhoneState} state */
  constructor(state) {
    super("state");
    /** @readonly */
    this.state = state;
  }
}

/** Phone, "contacts": the list changed, here or in another tab. */
export class ContactsEvent extends Event {
  /** @param {readonly Contact[]} contacts */
  constructor(contacts) {
    super("contacts");
    /** @readonly */
    this.contacts = contacts;
  }
}

/**
 * Phone, "closed": the phone's last event. Reason `closed`: by `close()` or the signal; `left`: the page was left and came
 * back from the back/forward cache, open a new phone; `crashed`: the Wasm stopped, `error` says more.
 */
export class ClosedEvent extends Event {
  /**
   * @param {"closed" | "left" | "crashed"} reason
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
 * @typedef {{ incoming: IncomingEvent, state: PhoneStateEvent, contacts: ContactsEvent, closed: ClosedEvent }} PhoneEvents
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
