/**
 * One mailbox that is read over the connections to a relay, one after the other.
 */

import { RingforkError, errorCodes } from "./errors.js";
import { Seen } from "./seen.js";

/** @import { Mailbox } from "./types.js" */

const longestRetry = 60_000; // ms

export class Subscription {
  mailbox;
  /** Why it is not read, null if it is or nobody knows. @type {RingforkError | null} */
  refused = null;
  #onFrame;
  #onBacklogEnd;
  #seen = new Seen();
  /** Whether this connection brought the end of its backlog. */
  #ended = false;
  /** In a row. */
  #refusals = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /**
   * @param {Mailbox} mailbox
   * @param {(frame: Uint8Array, ageMs: number) => void} onFrame
   * @param {() => void} onBacklogEnd
   */
  constructor(mailbox, onFrame, onBacklogEnd) {
    this.mailbox = mailbox;
    this.#onFrame = onFrame;
    this.#onBacklogEnd = onBacklogEnd;
  }

  /** A new connection begins. */
  begin() {
    [this.#ended, this.refused] = [false, null];
  }

  /** It is not tried again by itself. */
  stop() {
    clearTimeout(this.#retry);
  }

  /**
   * A frame that a former connection brought is not taken from the backlog again; one that its sender posts again is.
   * @param {Uint8Array} rest age and frame
   */
  frame(rest) {
    const age = new DataView(rest.buffer, rest.byteOffset).getUint32(0);
    const frame = rest.slice(4);
    const isNew = this.#seen.add(frame);
    if (isNew || (this.#ended && age === 0)) this.#onFrame(frame, age);
  }

  end() {
    [this.#refusals, this.#ended, this.refused] = [0, true, null];
    this.#onBacklogEnd();
  }

  /**
   * A mailbox that is not read is a phone that does not ring: try again, ever more slowly. A proof that the relay finds wrong
   * it finds wrong again: its operator named another URL than this page.
   * @param {Uint8Array} reason the relay's code
   * @param {() => void} again
   */
  refuse(reason, again) {
    const code = new TextDecoder().decode(reason.subarray(0, 64));
    clearTimeout(this.#retry);
    const delay = Math.min(longestRetry, 1000 * 2 ** this.#refusals++);
    // Too much at once passes by itself, mostly before the next attempt.
    if (code !== "rate-limited" || this.#refusals > 1)
      this.refused = new RingforkError(Object.hasOwn(errorCodes, code) ? code : "relay-refused");
    if (code !== "bad-proof") this.#retry = setTimeout(again, delay);
  }
}
