/**
 * The frames that a mailbox brought: the backlog of the next connection brings them again.
 */

const life = 130_000; // ms: the relay's 120 s, and some more
const most = 2_048;
const markSize = 32; // bytes at the end: the tag under which a frame is sealed is among them

export class Seen {
  /** When a frame came, by its mark. The oldest first. @type {Map<string, number>} */
  #at = new Map();

  /**
   * Records a frame, and tells whether it is new.
   * @param {Uint8Array} frame
   */
  add(frame) {
    const now = Date.now();
    for (const [mark, at] of this.#at) {
      if (this.#at.size < most && now - at <= life) break;
      this.#at.delete(mark);
    }
    const mark = String.fromCharCode(...frame.subarray(-markSize));
    if (this.#at.has(mark)) return false;
    this.#at.set(mark, now);
    return true;
  }
}
