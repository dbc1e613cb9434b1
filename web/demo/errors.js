/** @import { MediaProblem } from "./types.js" */
/** What is said about an error, by its code. The code itself goes beside it, for whoever asks for help. */

/** @type {Record<string, string>} */
const sentences = {
  "bad-card": "This is no whole card. Copy the link again, from its start to its end.",
  "self-call": "This is your own card. Give it to somebody else, or open a second person in a new tab.",
  "slot-empty": "The relay knows nothing of this card yet. Its owner has to open Ringfork once, at this relay.",
  "slot-invalid": "What the relay keeps for this card is not what its owner signed. Ask them for a new one.",
  "contacts-full": "Your contacts are full. Remove somebody first.",
  "unknown-contact": "This person is not in your contacts any more.",
  "too-many-calls": "You are in a call already. End it first.",
  "call-ended": "The call was over before you were connected.",
  "media-denied": "This page may not use that device. Allow it in your browser’s settings for this page.",
  "media-missing": "No such device was found.",
  "media-busy": "Another program uses that device.",
  "relay-unreachable": "The relay cannot be reached. Try again when it is back.",
  "bad-origin": "The relay serves no pages of this address. Its operator has to allow it.",
  "bad-proof": "The relay goes by another address than this page uses. Its operator has to set that right.",
  "too-many-subscriptions": "The relay listens for no more of your contacts: some of them cannot call you here. Close other tabs, or try again later.",
  "token-missing": "The relay carries calls only for users of its own site.",
  "token-expired": "Your permission to use the relay has expired. Reload the page, or log in again.",
  "bad-token": "The relay does not accept this page’s permission to use it.",
  "token-failed": "This page got no permission to use the relay. Try again, or log in again.",
  "too-many-connections": "The relay serves too many pages at your network’s address already. Close some, or try again later.",
  "relay-full": "The relay is full. Try again later.",
  draining: "The relay is being restarted. Try again in a moment.",
  unavailable: "The relay cannot do its work for the moment. Try again.",
  "mailbox-full": "The relay keeps no more messages for the moment. Try again.",
  "slots-full": "The relay has no room for another account.",
  "rate-limited": "The relay takes no more requests for a while. Try again in a minute.",
  "module-load-failed": "The calling module could not be loaded. Check your connection and try again.",
  "wasm-load-failed": "The WebAssembly part of Ringfork could not be loaded. Check your connection and try again.",
  "unsupported-browser": "This browser lacks something Ringfork needs: WebAssembly, WebRTC or WebSocket. A current Chrome, Edge, Firefox or Safari has them all.",
  "newer-version": "This was written by a newer Ringfork. Reload the page to get it.",
  "slot-taken": "The relay lets somebody else write in your place: changes made here reach none of your devices and contacts. Tell who runs it.",
  "slot-stale": "The relay shows something older than you have seen before. Try again later, or at another relay.",
  "slot-expired": "This person was not here for two weeks, or the relay hides it. They can be called when they have opened their page again.",
  "log-forked": "The relay shows devices of this person that contradict what you have seen before. Ask them over another way before you go on.",
  "unknown-request": "This request was answered already, or taken back.",
  "safety-mismatch": "This is not the safety number of this person.",
  revoked: "Another of your devices removed this one from your account. It cannot call or be called any more.",
  "unknown-device": "This device is not one of yours any more.",
  "devices-full": "Your account has as many devices and backups as it may have. Remove one first. If that does not help, it has had as many as it ever may: start over, with a new account.",
  "account-full": "Your account has grown too large: changes made here reach none of your devices. Remove contacts, devices or backups.",
  "bad-link": "This is no whole link for a new device. Copy it again, from its start to its end.",
  "link-expired": "This link was used or is too old, or the other device is gone. Make a new one there.",
  "link-rejected": "The other device rejected the link.",
  "bad-passphrase": "This passphrase does not open the backup.",
  "bad-backup": "This is no backup, or a part of it is missing.",
  "store-newer": "This profile was used with a newer version of Ringfork. Reload the page.",
  "insecure-context": "Browsers allow calls over https or on localhost only: open this page that way.",
  "store-failed": "Your keys cannot be read or kept in this browser. Try again, and allow this page to store data. If it goes on, they are damaged: start over, with a new account.",
  crashed: "Ringfork stopped because of an error of its own. Your keys and contacts are safe.",
  closed: "Ringfork was closed in this tab. Your keys and contacts are safe.",
};

/**
 * @param {unknown} error
 * @returns {string} its stable code, or "unknown"
 */
export function errorCode(error) {
  const code = /** @type {{ code?: unknown } | null | undefined} */ (error)?.code;
  return typeof code === "string" && code ? code : "unknown";
}

/**
 * @param {unknown} error
 * @returns {string} one or two plain sentences
 */
export function errorText(error) {
  const known = sentences[errorCode(error)];
  if (known) return known;
  const message = error instanceof Error ? error.message : String(error);
  return message ? `That did not work: ${message.replace(/\.$/, "")}.` : "That did not work.";
}

/**
 * What to say about own media that is missing.
 *
 * @param {readonly MediaProblem[]} problems
 * @returns {string} "" when nothing is missing
 */
export function mediaText(problems) {
  const audio = problems.find(({ kind }) => kind === "audio");
  const video = problems.find(({ kind }) => kind === "video");
  if (audio && video) return `No microphone and no camera: you are listening only${because(audio)}.`;
  if (audio) return `No microphone: you are listening only${because(audio)}.`;
  if (video) return `No camera: you are heard but not seen${because(video)}.`;
  return "";
}

/** @param {MediaProblem} problem */
function because({ code }) {
  switch (code) {
    case "media-denied":
      return " (this page may not use it)";
    case "media-missing":
      return " (none was found)";
    case "media-busy":
      return " (another program uses it)";
    default:
      return "";
  }
}
