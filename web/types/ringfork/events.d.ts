/**
 * The events of phones and calls, one class each. Import their types for `addEventListener`; nobody but Ringfork makes them.
 */
import type { Call } from "./call.js";
import type { RingforkError } from "./errors.js";
import type { CallState, Contact, Device, EndReason, MediaProblem, MediaState, PhoneState } from "./types.js";
/** @import { Call } from "./call.js" */
/** @import { RingforkError } from "./errors.js" */
/** @import { CallState, Contact, Device, EndReason, MediaProblem, MediaState, PhoneState } from "./types.js" */
/** Phone, "incoming": somebody calls. `call.state` is `ringing`; accept or decline it. */
export declare class IncomingEvent extends Event {
    /** @readonly */
    call: Call;
    /** @param {Call} call */
    constructor(call: Call);
}
/** Phone, "state": the way to the relay changed. A call that is active goes on without it. */
export declare class PhoneStateEvent extends Event {
    /** @readonly */
    state: PhoneState;
    /** @param {PhoneState} state */
    constructor(state: PhoneState);
}
/** Phone, "contacts": the list changed, here or in another tab. */
export declare class ContactsEvent extends Event {
    /** @readonly */
    contacts: readonly Contact[];
    /** @param {readonly Contact[]} contacts */
    constructor(contacts: readonly Contact[]);
}
/**
 * Phone, "closed": the phone's last event. Reason `closed`: by `close()` or the signal; `left`: the page was left and came
 * back from the back/forward cache, open a new phone; `crashed`: the Wasm stopped, `error` says more.
 */
export declare class ClosedEvent extends Event {
    /** @readonly */
    reason: "closed" | "crashed" | "left";
    /** @readonly */
    error: RingforkError | null;
    /**
     * @param {"closed" | "left" | "crashed"} reason
     * @param {RingforkError | null} error
     */
    constructor(reason: "closed" | "left" | "crashed", error: RingforkError | null);
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
export declare const PhoneEventTarget: new () => TypedEventTarget<PhoneEvents>;
/** @type {new () => TypedEventTarget<CallEvents>} */
export declare const CallEventTarget: new () => TypedEventTarget<CallEvents>;
