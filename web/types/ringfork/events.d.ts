/**
 * The events of phones and calls, one class each. Import their types for `addEventListener`; nobody but Ringfork makes them.
 */
import type { Call } from "./call.js";
import type { RingforkError } from "./errors.js";
import type { Blocked, CallState, Contact, ContactRequest, Device, EndReason, MediaProblem, MediaState, OwnDevice, PhoneState } from "./types.js";
/** @import { Call } from "./call.js" */
/** @import { RingforkError } from "./errors.js" */
/** @import { Blocked, CallState, Contact, ContactRequest, Device, EndReason, MediaProblem, MediaState, OwnDevice, PhoneState } from "./types.js" */
/** Phone, "incoming": somebody calls. `call.state` is `ringing`; accept or decline it. */
export declare class IncomingEvent extends Event {
    /** @readonly */
    call: Call;
    /** @param {Call} call */
    constructor(call: Call);
}
/** Phone, "state": the way to the relay, or what stands in it, changed. A call that is active goes on without it. */
export declare class PhoneStateEvent extends Event {
    /** @readonly */
    state: PhoneState;
    /** @readonly */
    error: RingforkError | null;
    /**
     * @param {PhoneState} state
     * @param {RingforkError | null} error see `phone.relayError`
     */
    constructor(state: PhoneState, error: RingforkError | null);
}
/** Phone, "contacts": the list of contacts or of those blocked changed, here, in another tab or on another device. */
export declare class ContactsEvent extends Event {
    /** @readonly */
    contacts: readonly Contact[];
    /** @readonly */
    blocked: readonly Blocked[];
    /**
     * @param {readonly Contact[]} contacts
     * @param {readonly Blocked[]} blocked
     */
    constructor(contacts: readonly Contact[], blocked: readonly Blocked[]);
}
/** Phone, "requests": somebody asks to be a contact, or a request was answered, here or on another device. */
export declare class RequestsEvent extends Event {
    /** @readonly */
    requests: readonly ContactRequest[];
    /** @param {readonly ContactRequest[]} requests */
    constructor(requests: readonly ContactRequest[]);
}
/** Phone, "devices": the account's devices and keys, or its name, changed, here or on another device. */
export declare class OwnDevicesEvent extends Event {
    /** @readonly */
    devices: readonly OwnDevice[];
    /** @param {readonly OwnDevice[]} devices */
    constructor(devices: readonly OwnDevice[]);
}
/**
 * Phone, "warning": something that may be an attack and that the user should hear of. `code` says what: `device-added`, a
 * verified contact has a new device, see `contact.newDevice`; or one of the error codes `log-forked`, `slot-stale`,
 * `slot-expired`, `slot-invalid`, `newer-version`, `store-newer`, `slot-taken` and `account-full`, where the phone goes on
 * with what it knew.
 */
export declare class WarningEvent extends Event {
    /** @readonly */
    code: string;
    /** @readonly */
    contact: Contact | null;
    /**
     * @param {string} code
     * @param {Contact | null} contact whom it is about; null: the own account, or one that is no contact
     */
    constructor(code: string, contact: Contact | null);
}
/**
 * Phone, "closed": the phone's last event. Reason `closed`: by `close()` or the signal; `left`: the page was left and came
 * back from the back/forward cache, open a new phone; `revoked`: another device of the account removed this one, the
 * profile opens no more; `crashed`: the Wasm stopped. `error` says more of the last two.
 */
export declare class ClosedEvent extends Event {
    /** @readonly */
    reason: "closed" | "crashed" | "left" | "revoked";
    /** @readonly */
    error: RingforkError | null;
    /**
     * @param {"closed" | "left" | "revoked" | "crashed"} reason
     * @param {RingforkError | null} error
     */
    constructor(reason: "closed" | "left" | "revoked" | "crashed", error: RingforkError | null);
}
/** Call, "state": `state`, `waiting`, `answeredBy` or `peer` changed. `previous` is the state before, maybe the same. */
export declare class CallStateEvent extends Event {
    /** @readonly */
    state: CallState;
    /** @readonly */
    previous: CallState;
    /**
     * @param {CallState} state
     * @param {CallState} previous
     */
    constructor(state: CallState, previous: CallState);
}
/** Call, "devices": a device of the person called joined, left, or did something. */
export declare class DevicesEvent extends Event {
    /** @readonly */
    devices: readonly Device[];
    /** @param {readonly Device[]} devices */
    constructor(devices: readonly Device[]);
}
/** Call, "localmedia": own media went on or off, or a device could not be opened: `errors` holds all that miss now. */
export declare class LocalMediaEvent extends Event {
    /** @readonly */
    stream: MediaStream | null;
    /** @readonly */
    local: MediaState;
    /** @readonly */
    errors: readonly MediaProblem[];
    /**
     * @param {MediaStream | null} stream
     * @param {MediaState} local
     * @param {readonly MediaProblem[]} errors
     */
    constructor(stream: MediaStream | null, local: MediaState, errors: readonly MediaProblem[]);
}
/** Call, "remotemedia": the other side's media came, went on or off. */
export declare class RemoteMediaEvent extends Event {
    /** @readonly */
    stream: MediaStream | null;
    /** @readonly */
    remote: MediaState;
    /**
     * @param {MediaStream | null} stream
     * @param {MediaState} remote
     */
    constructor(stream: MediaStream | null, remote: MediaState);
}
/** Call, "ended": the call's last event. */
export declare class EndedEvent extends Event {
    /** @readonly */
    reason: EndReason;
    /** @readonly */
    answeredBy: string | null;
    /**
     * @param {EndReason} reason
     * @param {string | null} answeredBy the label of the device that answered, if the call was answered elsewhere
     */
    constructor(reason: EndReason, answeredBy: string | null);
}
export type PhoneEvents = {
    incoming: IncomingEvent;
    state: PhoneStateEvent;
    contacts: ContactsEvent;
    requests: RequestsEvent;
    devices: OwnDevicesEvent;
    warning: WarningEvent;
    closed: ClosedEvent;
};
export type CallEvents = {
    state: CallStateEvent;
    devices: DevicesEvent;
    localmedia: LocalMediaEvent;
    remotemedia: RemoteMediaEvent;
    ended: EndedEvent;
};
export type Listener<E> = ((event: E) => unknown) | {
    handleEvent(event: E): unknown;
};
export type TypedEventTarget<Events extends Record<string, Event>> = {
    addEventListener<K extends keyof Events>(type: K, listener: Listener<Events[K]> | null, options?: boolean | AddEventListenerOptions): void;
    removeEventListener<K extends keyof Events>(type: K, listener: Listener<Events[K]> | null, options?: boolean | EventListenerOptions): void;
} & EventTarget;
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
export declare const PhoneEventTarget: new () => TypedEventTarget<PhoneEvents>;
/** @type {new () => TypedEventTarget<CallEvents>} */
export declare const CallEventTarget: new () => TypedEventTarget<CallEvents>;
