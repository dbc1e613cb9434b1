/**
 * The messages of a reading connection, and bytes as the relay writes them: see docs/RELAY.md.
 */

import { RingforkError } from "./errors.js";

export const addressSize = 20;
export const nonceSize = 32;
export const frameSize = 4096;

/** The first byte of a message says what it is. */
export const message = Object.freeze({
  hello: 0x01, // nonce (32)
  frame: 0x02, // address (20), age in ms (4, big endian), frame (4,096)
  end: 0x03, // address (20): the end of what waited
  refused: 0x04, // address (20), code
  alive: 0x05, // nothing
  subscribe: 0x11, // public key (32), signature (64)
  unsubscribe: 0x12, // address (20)
});

/** Why the relay closes a connection (RFC 6455, section 7.4). */
export const closed = Object.freeze({
  moving: 1012, // this relay ends, another one is there or will be
  later: 1013, // slow-reader, unavailable
});

/** @param {Uint8Array[]} parts */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {Uint8Array} bytes */
export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Reads a body of at most `limit` bytes.
 * @param {Response} response
 * @param {number} limit
 * @returns {Promise<Uint8Array>}
 * @throws {RingforkError} relay-refused (more than that), relay-unreachable
 */
export async function readBody(response, limit) {
  const reader = response.body?.getReader();
  /** @type {Uint8Array[]} */
  const chunks = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done || !value) return concat(...chunks);
      size += value.length;
      if (size > limit) {
        await reader?.cancel();
        throw new RingforkError("relay-refused", "the relay's answer is too large");
      }
      chunks.push(value);
    }
  } catch (cause) {
    if (cause instanceof RingforkError) throw cause;
    throw new RingforkError("relay-unreachable", undefined, { cause });
  }
}
