/**
 * Who this tab is. A profile has keys of its own in this browser, so that several people fit into one;
 * the address names it: `#as=bob`.
 */

export const defaultProfile = "me";

/**
 * What the fragment of the address asks for.
 *
 * @typedef {object} Wish
 * @property {string} profile
 * @property {string} card  the code of a card to add, or ""
 * @property {string} link  the link of a new device that asks to be one of this account's, or ""
 * @property {string} join  the link of an account that asks this device to be one of its own, or ""
 * @property {string} name  the name that goes with the card, or ""
 * @property {string} pair  the token of the tab that opened this one to pair with it, or ""
 * @property {string} by    that tab's profile, or ""
 */

/**
 * Reads `#as=NAME&card=CODE&name=NAME`, `#link=CODE` or `#join=CODE`.
 *
 * @param {string} hash
 * @returns {Wish}
 */
export function readHash(hash) {
  // A "+" is a plus here, not a space: links are written with encodeURIComponent.
  const params = new URLSearchParams(hash.replace(/^#/, "").replaceAll("+", "%2B"));
  const read = (/** @type {string} */ key) => (params.get(key) ?? "").trim();
  return {
    profile: cleanProfile(read("as")) || defaultProfile,
    card: read("card"),
    link: read("link"),
    join: read("join"),
    name: cleanName(read("name")),
    pair: read("pair"),
    by: cleanProfile(read("by")),
  };
}

/**
 * The address of a profile's tab.
 *
 * @param {string} profile
 * @param {Record<string, string>} [more]  further fields of the fragment
 * @returns {string}
 */
export function profileLink(profile, more = {}) {
  const fields = Object.entries({ as: profile, ...more });
  return `${location.origin}/#${fields.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&")}`;
}

/**
 * Takes what the fragment asked for out of the address: it is done once.
 *
 * @param {string} profile
 */
export function forgetWish(profile) {
  history.replaceState(null, "", profile === defaultProfile ? "/" : profileLink(profile));
}

/** @param {string} profile */
export function capitalised(profile) {
  return profile.charAt(0).toUpperCase() + profile.slice(1);
}

/**
 * The name this profile shows to others: the one chosen here, else one to start with.
 *
 * @param {string} profile
 * @param {boolean} invited  whether somebody's card brought this person here
 * @returns {string}
 */
export function storedName(profile, invited) {
  const stored = cleanName(localStorage.getItem(nameKey(profile)) ?? "");
  if (stored) return stored;
  if (profile !== defaultProfile) return cleanName(capitalised(profile));
  // Alice is whoever starts; two Alices would confuse the first of them.
  return invited ? "Guest" : "Alice";
}

/**
 * @param {string} profile
 * @param {string} name
 */
export function storeName(profile, name) {
  localStorage.setItem(nameKey(profile), name);
}

/**
 * Whether the profile was opened in this browser before.
 *
 * @param {string} profile
 */
export function isKnown(profile) {
  return localStorage.getItem(nameKey(profile)) !== null;
}

/**
 * Under what name the module keeps the profile's account: another one, once an account from elsewhere took its place.
 *
 * @param {string} profile
 */
export function accountPlace(profile) {
  return localStorage.getItem(placeKey(profile)) ?? profile;
}

/**
 * A place that no account has, for one that is to come.
 *
 * @param {string} profile
 */
export function freshPlace(profile) {
  return `${profile}@${crypto.randomUUID()}`; // an "@" is in no profile's name
}

/**
 * @param {string} profile
 * @param {string} place
 */
export function setAccountPlace(profile, place) {
  localStorage.setItem(placeKey(profile), place);
}

/** @param {string} profile */
function placeKey(profile) {
  return `ringfork-demo:place:${profile}`;
}

/** @param {string} profile */
function nameKey(profile) {
  return `ringfork-demo:name:${profile}`;
}

/**
 * A name as Ringfork carries it: one line, at most 64 bytes.
 *
 * @param {string} name
 * @returns {string}
 */
export function cleanName(name) {
  return firstBytes(name.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim(), 64);
}

/**
 * The longest start of a text that is at most so many bytes of UTF-8.
 *
 * @param {string} text
 * @param {number} bytes
 * @returns {string}
 */
export function firstBytes(text, bytes) {
  let kept = "";
  let left = bytes;
  for (const letter of text) {
    left -= new TextEncoder().encode(letter).length;
    if (left < 0) break;
    kept += letter;
  }
  return kept.trim();
}

/** @param {string} profile */
function cleanProfile(profile) {
  return profile.normalize("NFC").toLowerCase().replace(/[^\p{L}\p{N}_-]/gu, "").slice(0, 32);
}
