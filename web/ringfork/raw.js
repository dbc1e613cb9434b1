/**
 * The Wasm's phone as the module uses it. A Go function cannot throw: those that return at once say what to throw.
 */

import { RingforkError, toRingforkError } from "./errors.js";

/** @import { Contact, RawPhone, Unthrown, WasmPhone } from "./types.js" */

/**
 * @param {WasmPhone} wasm
 * @returns {RawPhone} whose functions throw RingforkErrors
 */
export function throwing(wasm) {
  return {
    account: wasm.account,
    name: wasm.name,
    card: wasm.card,
    contacts: () => contactsOf(value(wasm.contacts())),
    addContact: (card, name) => wasm.addContact(card, name),
    removeContact: (id) => wasm.removeContact(id),
    safetyNumber: (id) => value(wasm.safetyNumber(id)),
    verify: (id, verified) => wasm.verify(id, verified),
    verifyScanned: (id, text) => wasm.verifyScanned(id, text),
    requests: () => value(wasm.requests()),
    answerRequest: (id, answer, name) => wasm.answerRequest(id, answer, name),
    blocked: () => contactsOf(value(wasm.blocked())),
    block: (id) => wasm.block(id),
    unblock: (id) => wasm.unblock(id),
    devices: () => value(wasm.devices()),
    revoke: (id) => wasm.revoke(id),
    approveLink: (code) => wasm.approveLink(code),
    inviteDevice: () => wasm.inviteDevice(),
    backup: (passphrase) => wasm.backup(passphrase),
    refresh: () => wasm.refresh(),
    dial: (contactId, media) => value(wasm.dial(contactId, media)),
    accept: (callId, media) => value(wasm.accept(callId, media)),
    decline: (callId, everywhere) => value(wasm.decline(callId, everywhere)),
    hangUp: (callId) => value(wasm.hangUp(callId)),
    setMedia: (callId, media) => value(wasm.setMedia(callId, media)),
    networkChanged: () => value(wasm.networkChanged()),
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

/**
 * Reads a list that came as one text, see contactsToJS in wasm/phone.go.
 * @param {string} text
 * @returns {Contact[]}
 */
function contactsOf(text) {
  if (!text) return [];
  return text.split("\n").map((line) => {
    const at = line.indexOf(" ");
    const flags = Number(line[at + 1]);
    return { id: line.slice(0, at), name: line.slice(at + 3), verified: (flags & 1) !== 0, newDevice: (flags & 2) !== 0 };
  });
}
