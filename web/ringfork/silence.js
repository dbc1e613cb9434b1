/**
 * Notices a connection that is dead and does not say so: without a word of TCP it would look open for many minutes.
 */

const longest = 50_000; // ms: a relay gives a sign of life every 20 s

export class Silence {
  #ask;
  #dead;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Whether the relay gives signs of life, as far as is known: older ones give none. */
  #signs = false;
  #asked = false;

  /**
   * @param {() => boolean} ask says something that every relay answers; false if there is nothing to say
   * @param {() => void} dead hears that the connection is dead
   */
  constructor(ask, dead) {
    this.#ask = ask;
    this.#dead = dead;
  }

  /** The relay has said hello on a new connection. */
  begin() {
    this.#asked = false;
    this.#wait();
  }

  /**
   * The relay has said something.
   * @param {boolean} sign whether it was a sign of life
   */
  heard(sign) {
    if (sign) {
      this.#signs = true;
      this.begin();
    } else if (this.#asked) {
      this.end(); // an older relay, and it is there: it is not asked for ever
    }
  }

  /** The connection has ended. */
  end() {
    clearTimeout(this.#timer);
  }

  #wait() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#over(), longest);
  }

  #over() {
    if (this.#signs || this.#asked) {
      this.#signs = false; // an older relay may have taken the place of this one
      this.#dead();
      return;
    }
    this.#asked = this.#ask();
    if (this.#asked) this.#wait();
  }
}
