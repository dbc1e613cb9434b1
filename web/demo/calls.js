/** @import { Phone, Call, Contact, IncomingEvent } from "./types.js" */
import { ending } from "./endings.js";
import { peerName } from "./people.js";

/**
 * A call that is over, as the list of recent calls keeps it.
 *
 * @typedef {object} Recent
 * @property {string} name
 * @property {boolean} incoming
 * @property {boolean} missed
 * @property {string} line
 * @property {Date} at
 */

/**
 * What this page knows about a call beside what the call itself says.
 *
 * @typedef {object} Notes
 * @property {number | null} activeSince  milliseconds of performance.now(), null before
 * @property {number | null} endedAt
 * @property {boolean} accepting  accept was pressed here
 * @property {boolean} hereOnly   declined for this tab alone
 * @property {boolean} video      whether video was asked for, here or there
 */

/** @typedef {{ contact: Contact, video: boolean, abort: AbortController }} Starting */

/**
 * The calls of one phone as one page shows them: one in front, others waiting behind it.
 * Every change fires "change"; what went wrong fires "trouble" with the error as detail.
 */
export class Desk extends EventTarget {
  /** The call in front; it stays there when it ends, until `dismiss`. @type {Call | null} */
  front = null;
  /** An own call before there is one: the browser may still ask for the microphone. @type {Starting | null} */
  starting = null;
  /** Newest first. @type {Recent[]} */
  recent = [];

  #phone;
  #ownLabel;
  /** Every call that goes on, in the order it came. @type {Call[]} */
  #live = [];
  /** @type {WeakMap<Call, Notes>} */
  #notes = new WeakMap();
  #listeners = new AbortController();

  /**
   * @param {Phone} phone
   * @param {string} ownLabel
   */
  constructor(phone, ownLabel) {
    super();
    this.#phone = phone;
    this.#ownLabel = ownLabel;
    phone.addEventListener("incoming", (/** @type {IncomingEvent} */ { call }) => this.#arrived(call), { signal: this.#listeners.signal });
  }

  /** Whether a call is going on or being made. */
  get busy() {
    return this.starting !== null || (this.front !== null && this.front.state !== "ended");
  }

  /** Incoming calls that ring behind the one in front. */
  get waiting() {
    return this.#live.filter((call) => call !== this.front && call.direction === "incoming" && call.state === "ringing");
  }

  /**
   * @param {Call} call
   * @returns {Notes}
   */
  notes(call) {
    const notes = this.#notes.get(call);
    if (!notes) throw new Error("internal error: a call of another desk");
    return notes;
  }

  /**
   * Calls a contact. Does nothing while a call is going on.
   *
   * @param {Contact} contact
   * @param {boolean} video
   */
  async start(contact, video) {
    if (this.busy) return;
    const abort = new AbortController();
    const starting = { contact, video, abort };
    this.starting = starting;
    this.front = null;
    this.#changed();
    try {
      const call = await this.#phone.call(contact.id, { audio: true, video, signal: abort.signal });
      if (abort.signal.aborted) return void (await call.hangUp());
      this.#watch(call, video);
      this.front = call;
    } catch (error) {
      if (!abort.signal.aborted) this.#trouble(error);
    } finally {
      if (this.starting === starting) this.starting = null;
      this.#fillFront();
      this.#changed();
    }
  }

  /**
   * Accepts a call; ends the one in front of it first.
   *
   * @param {Call} call
   * @param {boolean} video
   */
  async answer(call, video) {
    const notes = this.notes(call);
    if (notes.accepting) return;
    notes.accepting = true;
    notes.video = video;
    if (call !== this.front) {
      await this.hangUp();
      this.front = call;
    }
    this.#changed();
    try {
      await call.accept({ audio: true, video });
    } catch (error) {
      // A lost race is told by the call's end reason; anything else lets the caller ring on here.
      notes.accepting = false;
      if (call.state !== "ended") this.#trouble(error);
    }
    this.#changed();
  }

  /**
   * @param {Call} call
   * @param {boolean} everywhere
   */
  async decline(call, everywhere) {
    this.notes(call).hereOnly = !everywhere;
    await this.#try(call.decline({ everywhere }));
  }

  /** Hangs up, or cancels, whatever is in front. */
  async hangUp() {
    this.starting?.abort.abort();
    this.starting = null; // the browser may still show its question: nobody waits for the answer
    this.#changed();
    if (this.front && this.front.state !== "ended") await this.#try(this.front.hangUp());
  }

  /** Leaves the screen of a call that is over. */
  dismiss() {
    if (this.front?.state !== "ended") return;
    this.front = null;
    this.#fillFront();
    this.#changed();
  }

  /**
   * The contact that the other side of a call is; null for a stranger.
   *
   * @param {Call} call
   * @returns {Contact | null}
   */
  contactOf(call) {
    return this.#phone.contacts.find((contact) => contact.id === call.peer.id) ?? null;
  }

  /**
   * Makes a stranger who calls a contact, under the name they claim.
   *
   * @param {Call} call  with a card in its peer
   */
  async addCaller(call) {
    if (call.peer.card) await this.#phone.addContact(call.peer.card, { name: call.peer.claimedName });
    this.#changed();
  }

  /**
   * How a call ended, in words.
   *
   * @param {Call} call
   */
  ending(call) {
    const { activeSince, endedAt, hereOnly } = this.notes(call);
    return ending({
      reason: call.endReason ?? "failed",
      incoming: call.direction === "incoming",
      name: peerName(call.peer),
      answeredBy: call.answeredBy ?? "",
      ownLabel: this.#ownLabel,
      hereOnly,
      seconds: activeSince === null ? null : ((endedAt ?? performance.now()) - activeSince) / 1000,
    });
  }

  close() {
    this.#listeners.abort();
  }

  /** @param {Call} call */
  #arrived(call) {
    this.#watch(call, call.media.video);
    // When both call each other at once, the call that goes on arrives answered already.
    if (!this.busy || call.state !== "ringing") this.front = call;
    this.#changed();
  }

  /**
   * @param {Call} call
   * @param {boolean} video
   */
  #watch(call, video) {
    this.#notes.set(call, { activeSince: null, endedAt: null, accepting: false, hereOnly: false, video });
    this.#live.push(call);
    const { signal } = this.#listeners;
    const changed = () => this.#follow(call);
    for (const type of /** @type {const} */ (["state", "devices", "localmedia", "remotemedia", "ended"])) {
      call.addEventListener(type, changed, { signal });
    }
    this.#follow(call);
  }

  /** @param {Call} call */
  #follow(call) {
    const notes = this.notes(call);
    if (call.state === "active") notes.activeSince ??= performance.now();
    if (call.state === "ended" && notes.endedAt === null) {
      notes.endedAt = performance.now();
      this.#ended(call);
    }
    this.#changed();
  }

  /** @param {Call} call */
  #ended(call) {
    const { line, missed = false } = this.ending(call);
    const incoming = call.direction === "incoming";
    this.recent = [{ name: peerName(call.peer), incoming, missed, line, at: new Date() }, ...this.recent].slice(0, 5);
    this.#live = this.#live.filter((other) => other !== call);
    this.#fillFront();
  }

  /** Brings the next call forward. With none left, the end of the last one stays to be read. */
  #fillFront() {
    if (!this.busy) this.front = this.#live[0] ?? this.front;
  }

  /** @param {Promise<unknown>} doing */
  async #try(doing) {
    try {
      await doing;
    } catch (error) {
      this.#trouble(error);
    }
  }

  /** @param {unknown} error */
  #trouble(error) {
    this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
