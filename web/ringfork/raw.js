/**
 * The Wasm's phone as the module uses it. A Go function cannot throw: those that return at once say what to throw.
 */

import { RingforkError, toRingforkError } from "./errors.js";

/** @import { RawPhone, Unthrown, WasmPhone } from "./types.js" */

/**
 * @param {WasmPhone} wasm
 * @returns {RawPhone} whose functions throw RingforkErrors
 */
export function throwing(wasm) {
  return {
    account: wasm.account,
    card: wasm.card,
    contacts: () => value(wasm.contacts()),
    addContact: (card, name) => wasm.addContact(card, name),
    removeContact: (id) => wasm.removeContact(id),
    refresh: () => wasm.refresh(),
    dial: (contactId, media) => value(wasm.dial(contactId, media)),
    accept: (callId, media) => value(wasm.accept(callId, media)),
    decline: (callId, everywhere) => value(wasm.decline(callId, everywhere)),
    hangUp: (callId) => value(wasm.hangUp(callId)),
    setMedia: (callId, media) => value(wasm.setMedia(callId, media)),
    leave: () => value(wasm.leave()),
    close: () => wasm.close(),
  };
}

/**
 * @template T
 * @param {Unthrown<T> | undefined} result undefined: the Wasm crashed over it
 * @returns {T}
 */
function value(result) {
  if (!result) throw new RingforkError("crashed");
  if ("error" in result) throw toRingforkError(result.error);
  return result.value;
}
