/**
 * The module's types under the names the demo uses: the one place to follow when they change.
 *
 * @typedef {import("../ringfork.js").Phone} Phone
 * @typedef {import("../ringfork.js").Call} Call
 * @typedef {import("../ringfork.js").Contact} Contact
 * @typedef {import("../ringfork.js").ContactRequest} ContactRequest
 * @typedef {import("../ringfork.js").Blocked} Blocked
 * @typedef {import("../ringfork.js").OwnDevice} OwnDevice
 * @typedef {import("../ringfork.js").DeviceInvitation} DeviceInvitation
 * @typedef {import("../ringfork.js").LinkApproval} LinkApproval
 * @typedef {import("../ringfork.js").Link} Link
 * @typedef {import("../ringfork.js").Peer} Peer
 * @typedef {import("../ringfork.js").Device} Device
 * @typedef {import("../ringfork.js").MediaProblem} MediaProblem
 * @typedef {import("../ringfork.js").IncomingEvent} IncomingEvent
 * @typedef {import("../ringfork.js").WarningEvent} WarningEvent
 * @typedef {import("../ringfork.js").ClosedEvent} ClosedEvent
 *
 * A screen, or a part of one. `update` follows a change of state, `focus` puts the keyboard where it is
 * wanted first, `close` releases what the view holds (timers, sound, media).
 * @typedef {object} View
 * @property {HTMLElement} element
 * @property {() => void} [update]
 * @property {() => void} [focus]
 * @property {() => void} [close]
 */

export {};
