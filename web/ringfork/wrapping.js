/**
 * What is kept on the disk is wrapped: AES-GCM under a key that the browser makes and that no script can read out of it.
 * It keeps a copy of the browser's files from giving the account away by itself, where the browser protects its keys; a
 * script of the page's own origin can use the key as this one does.
 */

/** @typedef {{ iv: Uint8Array, sealed: Uint8Array }} Wrapped */

/** Whether the page may use WebCrypto: over https, on localhost, and nowhere else. */
export function canWrap() {
  return globalThis.crypto?.subtle !== undefined;
}

/**
 * Makes a key that can be kept in a database and used, but not read.
 * @returns {Promise<CryptoKey>}
 */
export function makeKey() {
  return crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/**
 * @param {CryptoKey} key
 * @param {string} name the entry's; with the version it is bound to the value
 * @param {number} version
 * @param {Uint8Array} value
 * @returns {Promise<Wrapped>}
 */
export async function wrap(key, name, version, value) {
  const iv = crypto.getRandomValues(new Uint8Array(12)); // random: an entry is replaced far fewer times than 2^32
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: bound(name, version) }, key, bytes(value));
  return { iv, sealed: new Uint8Array(sealed) };
}

/**
 * @param {CryptoKey} key
 * @param {string} name
 * @param {number} version
 * @param {Wrapped} wrapped
 * @returns {Promise<Uint8Array>}
 * @throws {DOMException} OperationError: it was not wrapped by this key, for this name and version
 */
export async function unwrap(key, name, version, { iv, sealed }) {
  const algorithm = { name: "AES-GCM", iv: bytes(iv), additionalData: bound(name, version) };
  return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, bytes(sealed)));
}

/**
 * @param {string} name
 * @param {number} version
 */
function bound(name, version) {
  return new TextEncoder().encode(JSON.stringify(["ringfork/1/store", name, version]));
}

/**
 * For the types: WebCrypto takes no bytes that are shared between threads, and there are none here.
 * @param {Uint8Array} value
 */
function bytes(value) {
  return /** @type {Uint8Array<ArrayBuffer>} */ (value);
}
