/**
 * The way between the tabs of one profile: a BroadcastChannel that carries the account's id in its name. What the Wasm sends
 * there is sealed and signed; the page itself only says that the stored contacts are others.
 */
export class Tabs {
  /** @type {BroadcastChannel | null} */
  #channel = null;
  #onContacts;

  /** @param {() => void} onContacts called when another tab changed the stored contacts */
  constructor(onContacts) {
    this.#onContacts = onContacts;
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
      if (data === "contacts") this.#onContacts();
      else if (data instanceof Uint8Array) onFrame(data);
    };
    return () => {
      channel.close();
      if (this.#channel === channel) this.#channel = null;
    };
  };

  /** @param {Uint8Array} frame */
  send = (frame) => this.#channel?.postMessage(frame);

  /** @param {"contacts"} what */
  tell(what) {
    this.#channel?.postMessage(what);
  }
}
