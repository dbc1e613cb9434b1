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
  "too-many-calls": "There are too many calls already. End one first.",
  "call-ended": "The call was over before you were connected.",
  "media-denied": "This page may not use that device. Allow it in your browser’s settings for this page.",
  "media-missing": "No such device was found.",
  "media-busy": "Another program uses that device.",
  "relay-unreachable": "The relay cannot be reached. Try again when it is back.",
  "rate-limited": "The relay takes no more requests for a while. Try again in a minute.",
  "module-load-failed": "The calling module could not be loaded. Check your connection and try again.",
  "wasm-load-failed": "The WebAssembly part of Ringfork could not be loaded. Check your connection and try again.",
  "unsupported-browser": "This browser lacks something Ringfork needs: WebAssembly, WebRTC or WebSocket. A current Chrome, Edge, Firefox or Safari has them all.",
  "store-failed": "Your keys cannot be kept in this browser. Leave private browsing, or allow this page to store data.",
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
