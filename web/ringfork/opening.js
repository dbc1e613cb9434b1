/**
 * How a phone is opened.
 */

import { throwIfAborted, unlessAborted } from "./abort.js";
import { Endpoint } from "./endpoint.js";
import { RingforkError, toRingforkError } from "./errors.js";
import { checkPhone } from "./options.js";
import { startPhone } from "./phone.js";
import { relayTransport } from "./relay.js";
import { indexedDBStore } from "./store.js";
import { loadWasm } from "./wasm.js";

/** @import { PhoneOptions } from "./options.js" */
/** @import { Phone } from "./phone.js" */
/** @import { Transport } from "./types.js" */
/** @import { WasmInstance } from "./wasm.js" */

const iceWait = 1000; // ms that opening waits for the relay's ICE servers; the Wasm mostly takes as long to load

/**
 * Opens a phone: loads the Wasm, if no phone of the page has, and the profile's account, which is made when there is none.
 * It does not wait for the relay (see `phone.state`), except with `secret` or `restore` where the profile has no account
 * yet: the account is looked for there.
 * @param {PhoneOptions} [options]
 * @returns {Promise<Phone>}
 * @throws {RingforkError} unsupported-browser, insecure-context, wasm-load-failed, store-failed, store-newer, revoked,
 *   wrong-secret, bad-backup, bad-passphrase, devices-full, bad-argument, aborted, crashed; relay-unreachable and the other
 *   codes of the relay
 */
export async function openPhone(options = {}) {
  checkPhone(options);
  throwIfAborted(options.signal);
  if (typeof RTCPeerConnection !== "function")
    throw new RingforkError("unsupported-browser", "this browser has no WebRTC");
  return openPhoneOn(() => loadWasm({ wasmUrl: options.wasmUrl }), options);
}

/**
 * Opens a phone on a Wasm that is being loaded. The tests have another than the page's.
 * @param {() => Promise<WasmInstance>} load
 * @param {PhoneOptions} options
 * @returns {Promise<Phone>}
 */
export async function openPhoneOn(load, options) {
  const { signal } = options;
  const transport = options.transport ?? relayTransport(options.relay ?? location.origin, options);
  const store = options.store ?? indexedDBStore(options.profile ?? "default");
  const ownStore = !options.store;
  const { iceServers = () => transport.iceServers?.() ?? [] } = options;
  const current = typeof iceServers === "function" ? iceServers : () => iceServers;
  try {
    const [instance] = await unlessAborted(
      Promise.all([load(), options.iceServers ? undefined : iceReady(transport)]),
      signal,
    );
    const endpoint = new Endpoint({ instance, transport, store, ownStore, iceServers: current });
    return await unlessAborted(startPhone(endpoint, options), signal, (phone) => phone.close());
  } catch (error) {
    transport.close();
    if (ownStore) store.close?.();
    throw toRingforkError(error);
  }
}

/**
 * Resolves when the relay's ICE servers are here, or after a while without them.
 * @param {Transport & { iceReady?: () => Promise<void> }} transport
 * @returns {Promise<void>}
 */
function iceReady(transport) {
  return new Promise((resolve) => {
    if (!transport.iceReady) return resolve();
    const timer = setTimeout(resolve, iceWait);
    transport.iceReady().finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
