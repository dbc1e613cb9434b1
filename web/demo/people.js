/** @import { Peer, Contact } from "./types.js" */

/**
 * What to call the other side of a call.
 *
 * @param {Peer} peer
 * @returns {string}
 */
export function peerName(peer) {
  return peer.contact?.name || peer.name || peer.claimedName || "Somebody";
}

/** @param {Contact} contact */
export function contactName(contact) {
  return contact.name || "No name";
}

/**
 * How sure it is who a contact is.
 *
 * @param {Contact} contact
 * @returns {"verified" | "changed" | "unverified"} changed: verified, and a device was added since
 */
export function trust(contact) {
  if (!contact.verified) return "unverified";
  return contact.newDevice ? "changed" : "verified";
}

/** @param {string} name */
export function initials(name) {
  const words = name.split(/[\s._-]+/u).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words[words.length - 1] : ""].map((word) => [...(word ?? "")][0] ?? "");
  return letters.join("").toUpperCase() || "?";
}

/**
 * People who live in this browser under a profile of their own: known because this profile paired with them.
 *
 * @param {string} ownProfile
 * @returns {Record<string, string>} contact id to profile
 */
export function localPeople(ownProfile) {
  try {
    return JSON.parse(localStorage.getItem(peopleKey(ownProfile)) ?? "{}");
  } catch {
    return {};
  }
}

/**
 * @param {string} ownProfile
 * @param {string} id       the contact's
 * @param {string} profile  the contact's
 */
export function rememberLocal(ownProfile, id, profile) {
  localStorage.setItem(peopleKey(ownProfile), JSON.stringify({ ...localPeople(ownProfile), [id]: profile }));
}

/** @param {string} ownProfile */
function peopleKey(ownProfile) {
  return `ringfork-demo:local:${ownProfile}`;
}

const cast = ["Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi", "Ivan", "Judy", "Mallory", "Niaj", "Olivia", "Peggy", "Rupert", "Sybil", "Trent", "Uma", "Victor", "Walter"];

/**
 * A name for the next person that nobody here has.
 *
 * @param {string[]} taken
 * @returns {string}
 */
export function unusedName(taken) {
  const used = new Set(taken.map((name) => name.toLowerCase()));
  const free = cast.find((name) => !used.has(name.toLowerCase()));
  if (free) return free;
  let number = 2;
  while (used.has(`person${number}`)) number++;
  return `Person${number}`;
}
