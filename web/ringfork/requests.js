/**
 * What is asked of a relay by fetch: everything but reading mailboxes.
 */

import { RingforkError, errorCodes, isFinal } from "./errors.js";
import { PublishToken, bearer } from "./token.js";
import { concat, readBody, toHex } from "./wire.js";

/** @import { TokenOption } from "./token.js" */

const maxSlotSize = 262_144;
const maxJSONSize = 16_384;
const requestTimeout = 10_000;
const slotTimeout = 40_000; // a slot's value may be large, and the line slow
export const longestWait = 60_000; // ms: the longest that a relay asks for. Proxies before it ask for hours, in which no phone would ring
const longestHold = 8_000; // ms that a frame waits because the relay said so; the attempt ends with its sender's timeout
const maxHeld = 256;
// A browser lets all keepalive requests of a page together carry 64 kB, and refuses the one above.
const keepaliveBudget = 60_000;

export class Requests {
  #base;
  #token;
  #told;
  #keepalive = 0;
  /** Until when the relay wants no frame for a mailbox. @type {Map<string, number>} */
  #held = new Map();

  /**
   * @param {string} base the relay's URL without a slash at its end
   * @param {TokenOption | undefined} token
   * @param {(error: RingforkError | null) => void} told hears of each request that needs a token: null if the relay took it,
   *   else why it was refused for good
   */
  constructor(base, token, told) {
    this.#base = base;
    this.#token = new PublishToken(token);
    this.#told = told;
  }

  /**
   * @param {Uint8Array} address
   * @param {Uint8Array} frame
   */
  async publish(address, frame) {
    const to = toHex(address);
    const wait = Math.min((this.#held.get(to) ?? 0) - Date.now(), longestHold);
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      await this.#withToken((token) => this.#post(concat(address, frame, token ?? new Uint8Array())));
      this.#held.delete(to);
    } catch (error) {
      const after = retryAfter(error);
      if (after > 0) this.#hold(to, after);
      throw error;
    }
  }

  /** @param {Uint8Array<ArrayBuffer>} body */
  async #post(body) {
    // No headers, so that no preflight costs the ring a trip; keepalive, so that a hangup leaves a closing page.
    const keepalive = this.#keepalive + body.length <= keepaliveBudget;
    if (keepalive) this.#keepalive += body.length;
    try {
      return await this.#request("POST", "/v1/pub", { body, keepalive });
    } finally {
      if (keepalive) this.#keepalive -= body.length;
    }
  }

  /**
   * @param {string} to
   * @param {number} ms
   */
  #hold(to, ms) {
    if (this.#held.size >= maxHeld) this.#held.clear();
    this.#held.set(to, Date.now() + ms);
  }

  /**
   * @param {Uint8Array} address
   * @returns {Promise<Uint8Array | null>}
   */
  async getSlot(address) {
    const init = { signal: AbortSignal.timeout(slotTimeout) };
    const response = await this.#request("GET", `/v1/slot/${toHex(address)}`, init);
    if (response.status === 204) return null; // empty
    return readBody(response, maxSlotSize);
  }

  /**
   * @param {Uint8Array} address
   * @param {Uint8Array} value
   * @param {number} replaces
   */
  async putSlot(address, value, replaces) {
    const body = concat(value); // a copy: the type of a caller's array may be backed by memory that fetch does not take
    await this.#withToken((token) => {
      const init = { body, headers: authorization(token), signal: AbortSignal.timeout(slotTimeout) };
      return this.#request("PUT", `/v1/slot/${toHex(address)}?replaces=${replaces}`, init);
    });
  }

  /** The relay's ICE servers, as it answers. @returns {Promise<any>} */
  async ice() {
    const response = await this.#withToken(
      (token) => this.#request("GET", "/v1/ice", { headers: authorization(token) }),
      false,
    );
    return JSON.parse(new TextDecoder().decode(await readBody(response, maxJSONSize)));
  }

  /**
   * Why the relay took no WebSocket, which browsers do not say. Null: it would take one now.
   * @returns {Promise<RingforkError | null>}
   */
  async whyNot() {
    let response;
    try {
      response = await this.#fetch("GET", "/v1/sub");
    } catch (error) {
      return /** @type {RingforkError} */ (error);
    }
    if (response.status !== 426) return response.ok ? new RingforkError("relay-refused") : refusal(response);
    await response.body?.cancel();
    return null;
  }

  /**
   * Makes a request that carries a token, once more with a new one if the token is refused.
   * @param {(token: Uint8Array | null) => Promise<Response>} request
   * @param {boolean} [drain] whether nobody reads the answer
   */
  async #withToken(request, drain = true) {
    try {
      const now = this.#token.get();
      const first = now instanceof Promise ? await now : now;
      let response;
      try {
        response = await request(first);
      } catch (error) {
        if (!(error instanceof RingforkError) || !error.code.includes("token") || !this.#token.renewable) throw error;
        this.#token.drop(first);
        const second = await this.#token.get();
        if (String(second) === String(first)) throw error;
        response = await request(second);
      }
      if (drain) await response.body?.cancel();
      this.#told(null);
      return response;
    } catch (error) {
      if (error instanceof RingforkError && isFinal(error)) this.#told(error);
      throw error;
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<Response>} one that says yes
   * @throws {RingforkError}
   */
  async #request(method, path, init) {
    const response = await this.#fetch(method, path, init);
    if (!response.ok) throw await refusal(response);
    return response;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   * @throws {RingforkError} relay-unreachable
   */
  async #fetch(method, path, init) {
    try {
      return await fetch(this.#base + path, {
        method,
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(requestTimeout),
        ...init,
      });
    } catch (cause) {
      throw new RingforkError("relay-unreachable", undefined, { cause });
    }
  }
}

/** @param {Uint8Array | null} token */
const authorization = (token) => (token ? { Authorization: bearer(token) } : undefined);

/**
 * How long the relay asked to wait before it is asked again, in ms; 0 if it did not.
 * @param {unknown} error
 */
export function retryAfter(error) {
  return error instanceof RingforkError ? error.retryAfter : 0;
}

/**
 * The relay's error answer as an error.
 * @param {Response} response
 * @returns {Promise<RingforkError>}
 */
async function refusal(response) {
  let code;
  try {
    ({ code } = JSON.parse(new TextDecoder().decode(await readBody(response, maxJSONSize))));
  } catch {
    // A proxy's error page, or nothing.
  }
  const error = errorOf(response.status, code);
  const seconds = Number(response.headers.get("Retry-After"));
  if (seconds > 0) error.retryAfter = Math.min(seconds * 1000, longestWait);
  return error;
}

/**
 * @param {number} status
 * @param {unknown} code
 */
function errorOf(status, code) {
  if (typeof code === "string" && Object.hasOwn(errorCodes, code)) return new RingforkError(code);
  if (status === 429) return new RingforkError("rate-limited");
  if (status >= 500) return new RingforkError("relay-unreachable", `the relay answered ${status}`);
  return new RingforkError("relay-refused", `the relay answered ${status}`);
}
