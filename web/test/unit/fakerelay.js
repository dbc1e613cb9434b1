// A relay as a page sees it: sockets and answers that a test says.

import { relayTransport } from "../../ringfork.js";
import { stubGlobals } from "./fakes.js";

export class FakeSocket {
  static all = [];
  sent = [];
  closedWith = null;

  constructor(url) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  static get last() {
    return FakeSocket.all.at(-1);
  }

  send(data) {
    this.sent.push(Buffer.from(data));
  }

  close(code) {
    this.closedWith = code;
  }

  say(...parts) {
    const { buffer, byteOffset, length } = Buffer.concat(
      parts.map((part) => (typeof part === "number" ? Buffer.of(part) : part)),
    );
    this.onmessage?.({ data: buffer.slice(byteOffset, byteOffset + length) });
  }

  hello(nonce = 1) {
    this.say(0x01, Buffer.alloc(32, nonce));
  }

  lose(code = 1006) {
    this.onclose?.({ code });
  }
}

export const address = Uint8Array.from(Buffer.alloc(20, 0xab));
export const frame = Buffer.alloc(4096, 5);

export function mailbox(proofs = []) {
  return {
    address,
    prove(origin, nonce) {
      proofs.push([origin, nonce[0]]);
      return { key: new Uint8Array(32).fill(7), signature: new Uint8Array(64).fill(nonce[0]) };
    },
  };
}

const offline = () => Promise.reject(new TypeError("failed to fetch"));

/** A started transport on fake sockets and a clock that the test moves; `random` is what Math.random gives. */
export function setUp(t, { random = 0, url = "https://Relay.Example:8443/", answer = offline, token } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.mock.method(Math, "random", () => random);
  FakeSocket.all = [];
  const page = new EventTarget();
  const requests = [];
  const fetch = async (url, init) => {
    requests.push({ url, ...init });
    return answer(url, init);
  };
  stubGlobals(t, { WebSocket: FakeSocket, fetch, addEventListener: page.addEventListener.bind(page) });
  const transport = relayTransport(url, { token });
  const [states, errors] = [[], []];
  transport.start((state, error) => {
    if (state !== states.at(-1)) states.push(state);
    errors.push(error?.code ?? null);
  });
  t.after(() => transport.close());
  return { transport, states, errors, page, requests };
}

/** A transport whose requests are answered by `answer(url, init)`. */
export function withFetch(t, answer, options) {
  const requests = [];
  const fetch = async (url, init) => {
    requests.push({ url, ...init });
    return answer(url, init);
  };
  stubGlobals(t, { fetch });
  const transport = relayTransport("https://relay.example/prefix/", options);
  t.after(() => transport.close());
  return { transport, requests };
}

export const json = (status, body, headers) => new Response(JSON.stringify(body), { status, headers });
