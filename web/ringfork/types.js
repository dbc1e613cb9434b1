/**
 * The shapes that cross the module's borders: to the application, to a transport or store it brings, and to the Wasm.
 * Types only, no code.
 */

/** @import { RingforkError } from "./errors.js" */

/** @typedef {"audio" | "video" | "screen"} MediaKind audio: the microphone; video: the camera; screen: a shared screen */
/** @typedef {{ audio: boolean, video: boolean, screen: boolean }} MediaState which media are on */
/** @typedef {"connecting" | "online" | "offline"} PhoneState the way to the relay */
/** @typedef {"dialing" | "ringing" | "connecting" | "active" | "reconnecting" | "ended"} CallState */
/**
 * @typedef {"hangup" | "declined" | "busy" | "cancelled" | "unanswered" | "answered-elsewhere" | "declined-elsewhere"
 *   | "replaced" | "lost" | "failed"} EndReason
 */

/**
 * What to send in a call: either what to capture (audio unless false; video only when asked for), or a stream that the
 * application made. Tracks of such a stream are sent as they are and never stopped or disabled by Ringfork.
 * @typedef {object} CallMedia
 * @property {boolean | MediaTrackConstraints} [audio]
 * @property {boolean | MediaTrackConstraints} [video]
 * @property {MediaStream} [stream] its first audio and first video track are sent
 */

/**
 * A device that could not be opened, or that went away.
 * @typedef {object} MediaProblem
 * @property {MediaKind} kind
 * @property {"media-denied" | "media-missing" | "media-busy" | "bad-argument"} code
 *   bad-argument: the browser takes no such constraints
 * @property {unknown} cause what the browser said
 */

/**
 * @typedef {object} Contact
 * @property {string} id the account's id, in hex
 * @property {string} name the name this account's user gave it
 * @property {boolean} verified whether the user compared the safety numbers and said so
 * @property {boolean} newDevice whether a verified contact has a device that it had not when it was verified last
 */

/**
 * Somebody who is no contact and asks to be one. Nothing was fetched for it, and nothing told to them.
 * @typedef {object} ContactRequest
 * @property {string} id the account's id, in hex
 * @property {string} name the name it gives itself: anybody may claim any
 * @property {string} card
 */

/** @typedef {{ id: string, name: string }} Blocked somebody whose rings and requests are dropped */

/**
 * What two people compare to know that nobody is between them: the same on both sides.
 * @typedef {object} SafetyNumber
 * @property {string} digits in groups, to be read aloud
 * @property {string} emoji the short form, separated by spaces
 * @property {string} qr an SVG image of `text` for the other side to scan
 * @property {string} text what a scan of the other side's `qr` must give: see `phone.verify`
 */

/**
 * A device or key of the own account.
 * @typedef {object} OwnDevice
 * @property {string} id
 * @property {string} label
 * @property {"device" | "login" | "backup"} kind login: the key made from `secret`; backup: the key of a backup
 * @property {boolean} current whether it is this device
 * @property {Date} addedAt
 */

/**
 * A device that asks to be linked to the own account, as the one that approves sees it.
 * @typedef {object} LinkApproval
 * @property {string} confirm the short code: approve if the other device shows the same
 * @property {string} label what the other device calls itself
 * @property {() => Promise<void>} approve makes it a device of the account, which `devices-full` and `account-full` keep from
 *   that. Where it failed it may be tried again; `wrong-state` after `reject`
 * @property {() => Promise<void>} reject likewise
 */

/**
 * A link that a device of the account shows, to be read by a new one.
 * @typedef {object} DeviceInvitation
 * @property {string} code the link, to be given to `requestLink` on the new device as `invitation`. Show it to nobody else
 * @property {string} qr the same as a QR code: the text of an SVG image
 * @property {Promise<LinkApproval>} asking resolves with the first device that has read the link. Rejects with link-expired,
 *   relay-unreachable, aborted, closed or crashed
 * @property {() => void} cancel takes the link back, unless a device has asked: `asking` rejects with `aborted`
 */

/**
 * The other account of a call.
 * @typedef {object} Peer
 * @property {string} id the account's id, in hex
 * @property {string} name what to show: the contact's name, or else the claimed one
 * @property {string} claimedName the name it gives itself: anybody may claim any
 * @property {Contact | null} contact null: a stranger
 * @property {boolean} verified
 * @property {string | null} card of a stranger who calls: the link by which it can be added to the contacts
 */

/** @typedef {{ label: string, state: string }} Device one device of the person called that answered the ring */

/**
 * A mailbox that the Wasm wants to read.
 * @typedef {object} Mailbox
 * @property {Uint8Array} address 20 bytes
 * @property {(origin: string, nonce: Uint8Array) => { key: Uint8Array, signature: Uint8Array }} prove
 *   public key (32 bytes) and signature (64 bytes) over relay origin, nonce and address
 */

/**
 * The way to a relay. `relayTransport` makes the usual one.
 * Callbacks are called one at a time, in order. A failed request rejects with an error that has a `code`.
 * @typedef {object} Transport
 * @property {string} origin what mailbox proofs are made out to
 * @property {(onState: (state: PhoneState, error?: RingforkError | null) => void) => void} start begins to connect, and
 *   reconnects by itself from then on; the error says why the relay does not do its part, and changes with or without the state
 * @property {(mailbox: Mailbox, onFrame: (frame: Uint8Array, ageMs: number) => void, onBacklogEnd: () => void) =>
 *   (() => void)} subscribe
 *   returns at once; survives reconnects, each of which brings the backlog and its end again; the result cancels
 * @property {(address: Uint8Array, frame: Uint8Array) => Promise<void>} publish one attempt
 * @property {(address: Uint8Array) => Promise<Uint8Array | null>} getSlot null: nothing there
 * @property {(address: Uint8Array, value: Uint8Array, replaces: number) => Promise<void>} putSlot
 *   replaces exactly that version (0: none); rejects with code `slot-conflict` if another is there
 * @property {() => void} close idempotent
 * @property {() => RTCIceServer[]} [iceServers] the current ones
 */

/**
 * Where a profile is kept. `indexedDBStore` makes the usual one.
 * @typedef {object} Store
 * @property {(key: string) => Promise<{ value: Uint8Array, version: number } | null>} get
 * @property {(key: string, value: Uint8Array, version: number) => Promise<void>} put
 *   replaces exactly that version (0: nothing there), after which the version is one more; rejects with code
 *   `store-conflict` if another is there
 * @property {(name: string) => Promise<() => void>} lock resolves, once nobody else holds it, with the unlocker
 * @property {boolean} [persistent] whether what is kept outlives the page; true when left out
 * @property {() => void} [close]
 */

/**
 * A call as the Wasm tells it.
 * @typedef {object} Snapshot
 * @property {string} id
 * @property {"incoming" | "outgoing"} direction
 * @property {{ id: string, name: string, claimedName: string, contact: boolean, verified: boolean, card?: string }} peer
 * @property {CallState} state
 * @property {EndReason | "" | null} [endReason]
 * @property {string | null} [answeredBy] the label of the device that answered
 * @property {boolean} waiting
 * @property {Device[]} devices
 * @property {{ audio: boolean, video: boolean }} media what the caller means to send
 * @property {MediaState} remote
 * @property {string} [replaces] the id of the call whose object and media this one takes over (both rang each other)
 */

/**
 * What the Wasm tells. refused: the last thing that was asked of this call could not be done. gone: the phone can go on no
 * more. relay, and the error of state, come from the transport and not from the Wasm.
 * @typedef {{ type: "incoming" | "call", call: Snapshot } | { type: "refused", call: string, code: string }
 *   | { type: "contacts" } | { type: "requests" } | { type: "devices", name: string, card: string }
 *   | { type: "warning", code: string, contact: string }
 *   | { type: "gone", reason: "revoked" }
 *   | { type: "state", state: PhoneState, error?: RingforkError | null } | { type: "relay", error?: RingforkError | null }} RawEvent
 */

/** @typedef {Omit<OwnDevice, "addedAt"> & { addedAt: number }} RawDevice addedAt: in ms since 1970 */

/**
 * A phone on the Wasm. Everything throws or rejects with errors that have a `code`.
 * @typedef {object} RawPhone
 * @property {string} account
 * @property {string} name
 * @property {string} card
 * @property {() => Contact[]} contacts
 * @property {(card: string, name: string) => Promise<Contact>} addContact
 * @property {(id: string) => Promise<void>} removeContact
 * @property {(id: string) => SafetyNumber} safetyNumber
 * @property {(id: string, verified: boolean) => Promise<void>} verify
 * @property {(id: string, text: string) => Promise<void>} verifyScanned
 * @property {() => ContactRequest[]} requests
 * @property {(id: string, answer: "accept" | "decline", name: string) => Promise<Contact | undefined>} answerRequest
 * @property {() => Blocked[]} blocked
 * @property {(id: string) => Promise<void>} block
 * @property {(id: string) => Promise<void>} unblock
 * @property {() => RawDevice[]} devices
 * @property {(id: string) => Promise<void>} revoke
 * @property {(code: string) => Promise<LinkApproval>} approveLink
 * @property {() => Promise<RawInvitation>} inviteDevice
 * @property {(passphrase: string) => Promise<string>} backup
 * @property {() => Promise<void>} refresh reads the account from the store again
 * @property {(contactId: string, media: { audio: boolean, video: boolean }) => string} dial
 * @property {(callId: string, media: { audio: boolean, video: boolean }) => void} accept
 * @property {(callId: string, everywhere: boolean) => void} decline
 * @property {(callId: string) => void} hangUp
 * @property {(callId: string, media: MediaState) => void} setMedia
 * @property {() => void} networkChanged
 * @property {() => void} leave
 * @property {() => Promise<void>} close
 */

/**
 * What a function of the Wasm returns in place of throwing.
 * @template T
 * @typedef {{ value: T } | { error: Error & { code?: string } }} Unthrown
 */

/**
 * The same as the Wasm gives it: what does not return a promise returns a value or an error to throw. Lists that may be long
 * come as text, see raw.js.
 * @typedef {{ [K in keyof RawPhone]: RawPhone[K] extends (...args: infer A) => infer R
 *   ? (...args: A) => R extends Promise<any> ? R : Unthrown<K extends "contacts" | "blocked" ? string : R>
 *   : RawPhone[K] }} WasmPhone
 */

/**
 * What the Wasm is opened with.
 * @typedef {object} RawOptions
 * @property {string} profile
 * @property {string} name
 * @property {string} label
 * @property {Uint8Array | null} secret
 * @property {string} restore
 * @property {string} passphrase
 * @property {"contacts" | "anyone"} incoming
 * @property {"contacts" | "always" | "never"} preconnect
 * @property {"wait" | "refuse"} whenBusy
 * @property {number} ringSeconds
 * @property {boolean} relayOnly
 * @property {Transport} transport
 * @property {Store} store
 * @property {() => RTCIceServer[]} iceServers
 * @property {{ attach(callId: string, pc: RTCPeerConnection): void, show(callId: string, pc: RTCPeerConnection): void,
 *   detach(callId: string): void }} media
 * @property {{ start(account: string, onFrame: (frame: Uint8Array) => void): () => void, send(frame: Uint8Array): void }} siblings
 *   the way to the profile's other tabs
 * @property {(event: RawEvent) => void} emit
 */

/**
 * A link that the Wasm shows for a new device.
 * @typedef {object} RawInvitation
 * @property {string} code
 * @property {string} qr
 * @property {Promise<LinkApproval>} asking
 * @property {() => void} cancel
 */

/**
 * A link that the Wasm offers or has read, and waits for.
 * @typedef {object} RawLink
 * @property {string} code "" where it has read one
 * @property {string} qr likewise
 * @property {Promise<string>} confirm
 * @property {Promise<void>} done
 * @property {() => void} cancel
 */

/**
 * What the Wasm boots with.
 * @typedef {object} RawApi
 * @property {(options: RawOptions) => Promise<WasmPhone>} open
 * @property {(options: { transport: Transport, store: Store, label: string, invitation: string }) => Promise<RawLink>} requestLink
 * @property {() => number} funcs
 */

export {};
