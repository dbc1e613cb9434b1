/**
 * The options of phones and links, and what is wrong with them.
 */

import { RingforkError } from "./errors.js";

/** @import { TokenOption } from "./token.js" */
/** @import { Store, Transport } from "./types.js" */

/**
 * @typedef {object} PhoneOptions
 * @property {string | URL} [relay] the relay's URL; the page's origin when left out
 * @property {string} [profile] which of this browser's profiles to open; "default" when left out. All tabs that open the
 *   same one are one device
 * @property {string} [name] the name to call oneself: those who are called see it, as a claim; at most 64 bytes
 * @property {string} [label] what one's other devices and contacts call this device ("Alice's laptop"); at most 64 bytes
 * @property {Uint8Array} [secret] 32 random bytes from which the account is found: whoever opens a profile with the same
 *   ones, in whatever browser, is a device of the same account. Whoever has them has the account
 * @property {string} [restore] a backup to restore into a profile that has no account yet; goes with `passphrase`
 * @property {string} [passphrase] that of `restore`
 * @property {string | URL} [wasmUrl] where ringfork.wasm is, if not beside ringfork.js; the page's first one counts
 * @property {Transport} [transport] in place of `relay`: one's own way to carry frames. The phone closes it
 * @property {Store} [store] in place of the browser's: where to keep the profile. Closing it is up to its maker
 * @property {RTCIceServer[] | (() => RTCIceServer[])} [iceServers] in place of the relay's
 * @property {RTCIceTransportPolicy} [iceTransportPolicy] "relay" shows no address to those one talks to
 * @property {"contacts" | "anyone"} [incoming] who may ring here; "contacts" when left out
 * @property {"contacts" | "always" | "never"} [preconnect] with whom to connect while it rings: the answer is fast then,
 *   and they see this device's addresses before it; "contacts" when left out
 * @property {"wait" | "refuse"} [whenBusy] what becomes of a second call: "wait" (when left out) shows it with `call.waiting`;
 *   "refuse" answers busy here, while other tabs and devices ring on
 * @property {number} [ringSeconds] how long an outgoing call rings: 10 to 120; 45 when left out
 * @property {TokenOption} [token] where the relay takes posts only with a publish token: one, or a function that gets
 *   one from the site's backend, and is asked again when it expires
 * @property {AbortSignal} [signal] closes the phone when it fires, also while it opens
 */

/**
 * @typedef {object} LinkOptions
 * @property {string | URL} [relay] the relay's URL, the same as the account's other devices have; the page's origin when
 *   left out
 * @property {string} [profile] which of this browser's profiles to link; "default" when left out. It must have no account yet
 * @property {string} [label] what one's other devices and contacts will call this device; at most 64 bytes
 * @property {string} [invitation] the link that a device of the account shows (see `phone.inviteDevice`), or its code; when
 *   left out, this device shows a link
 * @property {string | URL} [wasmUrl] as for `openPhone`
 * @property {Transport} [transport] as for `openPhone`
 * @property {Store} [store] as for `openPhone`
 * @property {TokenOption} [token] as for `openPhone`
 * @property {AbortSignal} [signal] cancels the link when it fires
 */

/**
 * @param {PhoneOptions} options
 * @throws {RingforkError} bad-argument
 */
export function checkPhone(options) {
  const { name, secret, restore, passphrase } = options;
  const { incoming, preconnect, whenBusy, ringSeconds, iceTransportPolicy, iceServers } = options;
  checkLink(options);
  if (!isShortText(name)) bad("name is a string of at most 64 bytes");
  if (secret !== undefined && !(secret instanceof Uint8Array && secret.length === 32))
    bad("secret is a Uint8Array of exactly 32 bytes");
  if (restore !== undefined && (typeof restore !== "string" || !restore)) bad("restore is the text of a backup");
  if ((restore === undefined) !== (passphrase === undefined)) bad("restore and passphrase go together");
  if (passphrase !== undefined) checkPassphrase(passphrase);
  if (![undefined, "contacts", "anyone"].includes(incoming)) bad("incoming is contacts or anyone");
  if (![undefined, "contacts", "always", "never"].includes(preconnect)) bad("preconnect is contacts, always or never");
  if (![undefined, "wait", "refuse"].includes(whenBusy)) bad("whenBusy is wait or refuse");
  if (ringSeconds !== undefined && !(ringSeconds >= 10 && ringSeconds <= 120)) bad("ringSeconds is from 10 to 120");
  if (![undefined, "all", "relay"].includes(iceTransportPolicy)) bad("iceTransportPolicy is all or relay");
  if (iceServers !== undefined && !Array.isArray(iceServers) && typeof iceServers !== "function")
    bad("iceServers is an array or a function that gives one");
}

/**
 * @param {LinkOptions} options
 * @throws {RingforkError} bad-argument
 */
export function checkLink({ profile, label, invitation, token, transport, store }) {
  if (profile !== undefined) checkProfile(profile);
  if (invitation !== undefined && (typeof invitation !== "string" || !invitation)) bad("an invitation is given by its text");
  if (token !== undefined && typeof token !== "function" && (typeof token !== "string" || !token))
    bad("token is a text or a function that gives one");
  if (!isShortText(label)) bad("label is a string of at most 64 bytes");
  if (
    transport &&
    (typeof transport.origin !== "string" ||
      !hasMethods(transport, ["start", "subscribe", "publish", "getSlot", "putSlot", "close"]))
  ) {
    bad("the transport lacks something");
  }
  if (store && !hasMethods(store, ["get", "put", "lock"])) bad("the store lacks something");
}

/**
 * @param {unknown} profile
 * @throws {RingforkError} bad-argument
 */
export function checkProfile(profile) {
  if (typeof profile !== "string" || !profile || profile.length > 64) bad("profile is a string of 1 to 64 characters");
}

/**
 * @param {unknown} passphrase
 * @throws {RingforkError} bad-argument
 */
export function checkPassphrase(passphrase) {
  if (typeof passphrase !== "string" || !passphrase) bad("a passphrase is a string that is not empty");
}

/**
 * @param {string} what
 * @returns {never}
 */
export function bad(what) {
  throw new RingforkError("bad-argument", what);
}

/** @param {unknown} text */
function isShortText(text) {
  return text === undefined || (typeof text === "string" && new TextEncoder().encode(text).length <= 64);
}

/**
 * @param {object} value
 * @param {string[]} names
 */
function hasMethods(value, names) {
  return names.every((name) => typeof (/** @type {Record<string, unknown>} */ (value)[name]) === "function");
}
