/**
 * Ringfork: private calls between web pages. Every open tab and device of the person called rings, the first answer wins.
 *
 * ```js
 * import { openPhone } from "./ringfork.js";
 *
 * const phone = await openPhone({ profile: "alice", name: "Alice" });
 * const bob = await phone.addContact(cardOfBob, { name: "Bob" });
 * const call = await phone.call(bob, { audio: true });
 * phone.addEventListener("incoming", ({ call }) => call.accept({ audio: true }));
 * ```
 *
 * Importing this module runs nothing and reads no browser global, so a page may be rendered on a server.
 * @module
 */
export { openPhone } from "./ringfork/opening.js";
export { Phone } from "./ringfork/phone.js";
export { requestLink, Link } from "./ringfork/link.js";
export { Call } from "./ringfork/call.js";
export { RingforkError, errorCodes } from "./ringfork/errors.js";
export { IncomingEvent, PhoneStateEvent, ContactsEvent, RequestsEvent, OwnDevicesEvent, WarningEvent, ClosedEvent, CallStateEvent, DevicesEvent, LocalMediaEvent, RemoteMediaEvent, EndedEvent, } from "./ringfork/events.js";
export { relayTransport } from "./ringfork/relay.js";
export { indexedDBStore, removeProfile } from "./ringfork/store.js";
export type PhoneOptions = import("./ringfork/options.js").PhoneOptions;
export type LinkOptions = import("./ringfork/options.js").LinkOptions;
export type CallMedia = import("./ringfork/types.js").CallMedia;
export type Contact = import("./ringfork/types.js").Contact;
export type ContactRequest = import("./ringfork/types.js").ContactRequest;
export type Blocked = import("./ringfork/types.js").Blocked;
export type SafetyNumber = import("./ringfork/types.js").SafetyNumber;
export type OwnDevice = import("./ringfork/types.js").OwnDevice;
export type DeviceInvitation = import("./ringfork/types.js").DeviceInvitation;
export type LinkApproval = import("./ringfork/types.js").LinkApproval;
export type Peer = import("./ringfork/types.js").Peer;
export type Device = import("./ringfork/types.js").Device;
export type MediaState = import("./ringfork/types.js").MediaState;
export type MediaProblem = import("./ringfork/types.js").MediaProblem;
export type MediaKind = import("./ringfork/types.js").MediaKind;
export type PhoneState = import("./ringfork/types.js").PhoneState;
export type CallState = import("./ringfork/types.js").CallState;
export type EndReason = import("./ringfork/types.js").EndReason;
export type Mailbox = import("./ringfork/types.js").Mailbox;
export type TokenOption = import("./ringfork/token.js").TokenOption;
export type Transport = import("./ringfork/types.js").Transport;
export type Store = import("./ringfork/types.js").Store;
export type ErrorCode = import("./ringfork/errors.js").ErrorCode;
/** @typedef {import("./ringfork/options.js").PhoneOptions} PhoneOptions */
/** @typedef {import("./ringfork/options.js").LinkOptions} LinkOptions */
/** @typedef {import("./ringfork/types.js").CallMedia} CallMedia */
/** @typedef {import("./ringfork/types.js").Contact} Contact */
/** @typedef {import("./ringfork/types.js").ContactRequest} ContactRequest */
/** @typedef {import("./ringfork/types.js").Blocked} Blocked */
/** @typedef {import("./ringfork/types.js").SafetyNumber} SafetyNumber */
/** @typedef {import("./ringfork/types.js").OwnDevice} OwnDevice */
/** @typedef {import("./ringfork/types.js").DeviceInvitation} DeviceInvitation */
/** @typedef {import("./ringfork/types.js").LinkApproval} LinkApproval */
/** @typedef {import("./ringfork/types.js").Peer} Peer */
/** @typedef {import("./ringfork/types.js").Device} Device */
/** @typedef {import("./ringfork/types.js").MediaState} MediaState */
/** @typedef {import("./ringfork/types.js").MediaProblem} MediaProblem */
/** @typedef {import("./ringfork/types.js").MediaKind} MediaKind */
/** @typedef {import("./ringfork/types.js").PhoneState} PhoneState */
/** @typedef {import("./ringfork/types.js").CallState} CallState */
/** @typedef {import("./ringfork/types.js").EndReason} EndReason */
/** @typedef {import("./ringfork/types.js").Mailbox} Mailbox */
/** @typedef {import("./ringfork/token.js").TokenOption} TokenOption */
/** @typedef {import("./ringfork/types.js").Transport} Transport */
/** @typedef {import("./ringfork/types.js").Store} Store */
/** @typedef {import("./ringfork/errors.js").ErrorCode} ErrorCode */
