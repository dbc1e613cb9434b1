/** @import { Phone, Contact } from "./types.js" */
import { errorCode } from "./errors.js";
import { cleanName } from "./profile.js";

/**
 * The second person in a new tab. The link that opens the tab carries this person's card and a token; the new
 * tab adds the card and sends its own back over a BroadcastChannel with the token. Only a token given out by
 * this tab is believed. This is the demo's convenience: cards between real people go by link.
 *
 * @typedef {object} Reply
 * @property {string} token
 * @property {string} card
 * @property {string} name
 * @property {string} profile
 */
const channelName = "ringfork-demo-pairing";

/** Listens for the tabs this one opened. */
export class Pairing {
  /** @type {Set<string>} */
  #tokens = new Set();
  #channel = new BroadcastChannel(channelName);

  /** @param {(reply: Reply) => void} onReply */
  constructor(onReply) {
    this.#channel.addEventListener("message", ({ data }) => {
      if (!isReply(data) || !this.#tokens.delete(data.token)) return;
      onReply({ ...data, name: cleanName(data.name) });
    });
  }

  /** @returns {string} a token for one new tab */
  token() {
    const token = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    this.#tokens.add(token);
    return token;
  }

  close() {
    this.#channel.close();
  }
}

/**
 * Sends this tab's card to the one that opened it.
 *
 * @param {Reply} reply
 */
export function sendBack(reply) {
  const channel = new BroadcastChannel(channelName);
  channel.postMessage(reply);
  channel.close();
}

/**
 * Adds a card, and waits for a relay that is away or an owner who has not published yet: both may have been
 * opened a moment ago.
 *
 * @param {Phone} phone
 * @param {string} card  a link or a code
 * @param {string} name
 * @param {AbortSignal} signal
 * @returns {Promise<Contact>}
 */
export async function addPatiently(phone, card, name, signal) {
  for (let wait = 300; ; wait *= 2) {
    try {
      return await phone.addContact(card, { name });
    } catch (error) {
      if (signal.aborted || wait > 10_000 || !["relay-unreachable", "slot-empty"].includes(errorCode(error))) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    signal.throwIfAborted();
  }
}

/**
 * @param {unknown} data
 * @returns {data is Reply}
 */
function isReply(data) {
  const fields = /** @type {Record<string, unknown> | null} */ (typeof data === "object" ? data : null);
  return fields !== null && ["token", "card", "name", "profile"].every((key) => typeof fields[key] === "string");
}
