const stored = "contacts"; // as tabs of older versions know it

/**
 * The way between the tabs of one profile: a BroadcastChannel that carries the account's id in its name. What the Wasm sends
 * there is sealed and signed; the page itself only says that what is stored of the account is another.
 */
export class Tabs {
  /** @type {BroadcastChannel | null} */
  #channel = null;
  #onStored;

  /** @param {() => void} onStored called when another tab changed what is stored of the account */
  constructor(onStored) {
    this.#onStored = onStored;
  }

  /**
   * Listens until the result is called. Browsers without BroadcastChannel hear each other through the relay only.
   * @param {string} account
   * @param {(frame: Uint8Array) => void} onFrame
   * @returns {() => void}
   */
  start = (account, onFrame) => {
    if (typeof BroadcastChannel !== "function") return () => {};
    const channel = new BroadcastChannel(`ringfork:${account}`);
    this.#channel = channel;
    channel.onmessage = ({ data }) => {
      if (data === stored) this.#onStored();
      else if (data instanceof Uint8Array) onFrame(data);
    };
    return () => {
      channel.close();
      if (this.#channel === channel) this.#channel = null;
    };
  };

  /** @param {Uint8Array} frame */
  send = (frame) => this.#channel?.postMessage(frame);

  /** Tells the other tabs that what is stored of the account is another. */
  tellStored() {
    this.#channel?.postMessage(stored);
  }
}
