/**
 * Publish tokens: what a site's own backend gives to its users, where a relay takes posts from them only.
 */

import { RingforkError } from "./errors.js";

/** @typedef {string | (() => string | Promise<string>)} TokenOption */

const tokenSize = 40; // expiry in s since 1970 (8, big endian), MAC (32)
const margin = 5_000; // ms before its expiry from which a token is not used any more: the way to the relay takes its time
const patience = 10_000; // ms that the application's function may take
const again = 10_000; // ms until the function is asked again for a token that comes expired: this clock is wrong, or that one
const pause = 10_000; // ms at least between two questions that refusals lead to: it may be the application's key that is wrong

/** The token at hand, and where the next one comes from. */
export class PublishToken {
  #option;
  /** @type {Uint8Array | null} */
  #current = null;
  /** From when another one is asked for beside the requests, and from when they wait for it; in ms since 1970. */
  #stale = 0;
  #dead = 0;
  /** Until when a refusal does not lead to another question; in ms since 1970. */
  #settled = 0;
  /** @type {Promise<Uint8Array> | null} */
  #asking = null;

  /**
   * @param {TokenOption} [option]
   * @throws {RingforkError} bad-argument
   */
  constructor(option) {
    this.#option = option;
    if (option === undefined || typeof option === "function") return;
    this.#current = decode(option);
    if (!this.#current) throw new RingforkError("bad-argument", "token is none that a relay takes, nor a function");
  }

  /** Whether a refused token can be replaced by another. */
  get renewable() {
    return typeof this.#option === "function";
  }

  /**
   * The token to send, null if there is none. No promise where it is at hand: what a page says when it is left must not
   * wait.
   * @returns {Uint8Array | null | Promise<Uint8Array>}
   */
  get() {
    if (!this.renewable) return this.#current;
    const now = Date.now();
    if (!this.#current || now >= this.#dead) return this.#ask();
    if (now >= this.#stale) {
      this.#stale = now + again; // if it fails, this one will do for a while
      this.#ask().catch(() => {});
    }
    return this.#current;
  }

  /**
   * The relay refused a token: the next one is another, unless there was such a refusal just now.
   * @param {Uint8Array | null} token
   */
  drop(token) {
    const now = Date.now();
    if (!this.renewable || this.#current !== token || now < this.#settled) return;
    [this.#current, this.#settled] = [null, now + pause];
  }

  /** Asks the application, once for all who wait. */
  #ask() {
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #fetch() {
    const option = /** @type {() => string | Promise<string>} */ (this.#option);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let text;
    try {
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error("the function takes too long")), patience);
      });
      text = await Promise.race([option(), late]);
    } catch (cause) {
      throw new RingforkError("token-failed", undefined, { cause });
    } finally {
      clearTimeout(timer);
    }
    const token = decode(text);
    if (!token) throw new RingforkError("bad-token", "the application's token function gave none that a relay takes");
    const now = Date.now();
    const expiry = Number(new DataView(token.buffer).getBigUint64(0)) * 1000;
    const life = Math.max(expiry - now - margin, 0) || again;
    [this.#current, this.#stale, this.#dead] = [token, now + life / 2, now + life];
    return token;
  }
}

/**
 * @param {unknown} text base64url without padding
 * @returns {Uint8Array<ArrayBuffer> | null}
 */
function decode(text) {
  if (typeof text !== "string" || !/^[\w-]{54}$/.test(text)) return null;
  const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return bytes.length === tokenSize ? Uint8Array.from(bytes, (char) => char.charCodeAt(0)) : null;
}

/**
 * A token as a header carries it.
 * @param {Uint8Array} token
 */
export function bearer(token) {
  const text = btoa(String.fromCharCode(...token));
  return `Bearer ${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}
