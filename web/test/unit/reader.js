// A second reader of what Ringfork writes, made after docs/PROTOCOL.md: it shares no code with the program, only the
// tables of the dictionary and of the emoji. The age layer is another's too: the npm package age-encryption.

import { createDecipheriv, createHash, createPublicKey, hkdfSync, verify as verifySignature } from "node:crypto";
import { readFileSync } from "node:fs";
import { Decrypter } from "age-encryption";

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const sha512 = (bytes) => createHash("sha512").update(bytes).digest();

/** A file of vectors. */
export const vectors = (name) => JSON.parse(readFileSync(new URL(`../../../${name}.json`, import.meta.url), "utf8"));

/** The bytes of a hexadecimal string, or of a list of them. */
export const bytes = (hex) => Buffer.from([hex ?? []].flat().join(""), "hex");

export function statement(context, ...fields) {
  return Buffer.concat([context, ...fields].flatMap((field) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(field));
    return [length, Buffer.from(field)];
  }));
}

/** Whether an Ed25519 signature is good. */
export function verify(key, message, signature) {
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key]); // RFC 8410
  return verifySignature(null, message, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
}

export const derive = (seed, info) => Buffer.from(hkdfSync("sha256", seed, "", info, 32));
export const address = (publicKey) => sha256(publicKey).subarray(0, 20);

/** Opens an age file with an identity, "AGE-SECRET-KEY-PQ-1...". */
export async function openAge(file, identity) {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return Buffer.from(await decrypter.decrypt(file));
}

/** Takes fields off the front of bytes. */
export class Fields {
  constructor(all) {
    this.rest = all;
  }
  take(size) {
    if (size > this.rest.length) throw new Error("malformed: too short");
    const field = this.rest.subarray(0, size);
    this.rest = this.rest.subarray(size);
    return field;
  }
  u8 = () => this.take(1)[0];
  u16 = () => this.take(2).readUInt16BE();
  u32 = () => this.take(4).readUInt32BE();
  u64 = () => Number(this.take(8).readBigUInt64BE());
  name = () => this.take(this.u8()).toString();
  hex = (size) => this.take(size).toString("hex");
  uvarint() {
    for (let value = 0, unit = 1; ; unit *= 128) {
      const byte = this.u8();
      value += (byte & 127) * unit;
      if (byte < 128) return value;
      if (unit > 2 ** 49) throw new Error("malformed: a long number");
    }
  }
  end() {
    if (this.rest.length > 0) throw new Error("malformed: too long");
  }
}

/** HChaCha20, which XChaCha20-Poly1305 has before ChaCha20-Poly1305. */
function hchacha20(key, nonce) {
  const word = (from) => (at) => from.readUInt32LE(4 * at);
  const x = Uint32Array.from([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, ...[0, 1, 2, 3, 4, 5, 6, 7].map(word(key)), ...[0, 1, 2, 3].map(word(nonce))]);
  const turn = (a, b, n) => {
    x[a] ^= x[b];
    x[a] = (x[a] << n) | (x[a] >>> (32 - n));
  };
  const quarter = (a, b, c, d) => {
    for (const [n, m] of [[16, 12], [8, 7]]) {
      x[a] += x[b];
      turn(d, a, n);
      x[c] += x[d];
      turn(b, c, m);
    }
  };
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 4; i++) quarter(i, 4 + i, 8 + i, 12 + i);
    for (let i = 0; i < 4; i++) quarter(i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4));
  }
  const out = Buffer.alloc(32);
  [0, 1, 2, 3, 12, 13, 14, 15].forEach((from, at) => out.writeUInt32LE(x[from], 4 * at));
  return out;
}

/** Opens a slot value, and checks that its writer may write the slot at first, or was named by the value before. */
export function openSlot(value, slot, secret) {
  if (![4096, 16384, 65536, 262144].includes(value.length)) throw new Error("wrong size");
  const read = new Fields(value);
  const [version, writer, next, signature] = [8, 32, 32, 64].map((size) => read.take(size));
  const sealed = read.rest;
  if (!verify(writer, statement("ringfork/1/slot", slot, version, next, sealed), signature)) throw new Error("bad signature");
  const nonce = read.take(24);
  const key = hchacha20(derive(secret, "ringfork/1/slot"), nonce.subarray(0, 16));
  const cipher = createDecipheriv("chacha20-poly1305", key, Buffer.concat([Buffer.alloc(4), nonce.subarray(16)]), { authTagLength: 16 });
  cipher.setAAD(statement("ringfork/1/slot", slot), { plaintextLength: read.rest.length - 16 });
  cipher.setAuthTag(read.rest.subarray(-16));
  const plain = new Fields(Buffer.concat([cipher.update(read.rest.subarray(0, -16)), cipher.final()]));
  const content = plain.take(plain.u32());
  if (plain.rest.some((byte) => byte !== 0)) throw new Error("malformed: no zeros");
  return { version: Number(version.readBigUInt64BE()), writer, next, content };
}

/** Reads and verifies a device log, and returns who may speak for the account. */
export function readLog(read) {
  const [devices, keys, revoked, chain] = [new Set(), new Set(), new Set(), []];
  let before = Buffer.alloc(32);
  let added = 0;
  for (let n = read.u8(), number = 0; number < n; number++) {
    const entry = read.take(70);
    const [signer, signature] = [read.take(32), read.take(64)];
    const field = new Fields(entry);
    const [format, type, counted, previous, subject, by] = [field.u8(), field.u8(), field.u32(), field.take(32), field.hex(32), signer.toString("hex")];
    const first = number === 0;
    if (format !== 2 || counted !== number || !previous.equals(before)) throw new Error("the log is broken");
    if (first && (type !== 1 || by !== subject)) throw new Error("the log does not begin with its device");
    if (!first && !devices.has(by) && !(keys.has(by) && type === 1)) throw new Error("the signer may not");
    if (!verify(signer, statement("ringfork/1/log", entry), signature)) throw new Error("bad signature");
    const known = devices.has(subject) || keys.has(subject);
    if (type === 2) {
      if (!known || (devices.delete(subject) && devices.size === 0)) throw new Error("nobody to revoke");
      keys.delete(subject);
      revoked.add(subject);
    } else if (![1, 3].includes(type) || known || revoked.has(subject) || devices.size + keys.size >= 16) {
      throw new Error("nobody to add");
    } else {
      (type === 1 ? devices : keys).add(subject);
    }
    if (type === 1) added = number + 1;
    before = sha256(entry);
    chain.push(before.toString("hex"));
  }
  if (chain.length === 0) throw new Error("no entry");
  return { devices: [...devices], keys: [...keys], revoked: [...revoked], chain, added };
}

/** Reads and verifies what an account's slot holds. */
export function readPublic(content, account, slot) {
  const read = new Fields(content);
  const log = readLog(read);
  const from = read.rest;
  if (read.u8() !== 1) throw new Error("unknown format");
  const head = {
    sequence: read.u64(),
    boxes: read.u32(),
    entries: read.u8(),
    logHead: read.hex(32),
    inbox: read.hex(20),
    recipient: read.hex(1216),
    name: read.name(),
    made: read.u64(),
  };
  const body = from.subarray(0, from.length - read.rest.length);
  const [signer, signature] = [read.take(32), read.take(64)];
  read.end();
  if (log.chain[0] !== account.toString("hex") || log.chain.at(-1) !== head.logHead || log.chain.length !== head.entries) throw new Error("another log");
  if (!log.devices.includes(signer.toString("hex"))) throw new Error("signed by no device");
  if (!verify(signer, statement("ringfork/1/head", account, slot, body), signature)) throw new Error("bad signature");
  return { log, head: { ...head, signer: signer.toString("hex"), signature: signature.toString("hex") } };
}

/** Reads what is left of a list of contacts. */
export function readContacts(read, local) {
  if (read.u8() !== 2) throw new Error("unknown format");
  return Array.from({ length: read.u16() }, () => {
    const flags = read.u8();
    const c = { account: read.hex(32), state: ["known", "blocked", "removed"][flags & 3], verified: (flags & 4) !== 0 };
    Object.assign(c, { stated: read.uvarint(), forgotten: read.uvarint(), version: read.uvarint(), name: read.name() });
    if (flags & 8) c.card = c.account + read.hex(84);
    c.greeted = read.uvarint();
    if (flags & 16) Object.assign(c, { mailbox: read.hex(20), boxes: read.uvarint() });
    if (flags & 32) Object.assign(c, { entries: read.u8(), added: read.u8(), looked: read.u8(), head: read.hex(32) });
    if (local && read.u8() === 1) {
      const list = () => Array.from({ length: read.u8() }, () => read.hex(32));
      c.public = { sequence: read.u64(), boxes: read.u32(), expires: read.u64(), added: read.u8(), devices: list(), chain: list(), inbox: read.hex(20), recipient: read.hex(1216), name: read.name() };
    }
    return c;
  });
}

/** Reads what the devices of an account share. */
export function readShared(read) {
  if (read.u8() !== 1) throw new Error("unknown format");
  const list = (item) => Array.from({ length: read.u8() }, item);
  const seed = () => read.hex(32);
  return {
    sequence: read.u64(),
    name: read.name(),
    secret: seed(),
    outer: seed(),
    public: list(seed),
    private: list(seed),
    epochs: list(() => ({ number: read.u32(), made: read.u64(), seed: seed() })),
    boxes: read.u32(),
    boxSeed: seed(),
    syncSeed: seed(),
    log: readLog(read),
    members: list(() => ({ id: read.hex(32), kind: read.u8(), label: read.name(), added: read.u64(), recipient: read.hex(1216) })),
  };
}

const emojiSource = readFileSync(new URL("../../../keys/safety.go", import.meta.url), "utf8");
const emojiTable = [...emojiSource.matchAll(/^\t"(\P{ASCII}+)"/gmu)].flatMap(([, row]) => [...row]);

/** The safety number of two accounts. */
export function safetyNumber(...ids) {
  const rounds = (sum, and) => {
    for (let i = 0; i < 5200; i++) sum = sha512(Buffer.concat([sum, and]));
    return sum;
  };
  const [low, high] = ids.map((id) => rounds(sha512(statement("ringfork/1/safety", id)), id)).sort(Buffer.compare);
  const groups = (sum) => [0, 5, 10, 15, 20, 25].map((at) => String(sum.readUIntBE(at, 5) % 100000).padStart(5, "0"));
  const both = rounds(sha512(statement("ringfork/1/safety emoji", low, high)), low);
  return {
    digits: [...groups(low), ...groups(high)].join(" "),
    emoji: [...both.subarray(0, 12)].map((byte) => emojiTable[byte & 63]),
    text: `rfs1${Buffer.concat([low.subarray(0, 32), high.subarray(0, 32)]).toString("base64url")}`,
  };
}

/** Reads the plaintext of a frame and verifies its signature. */
export function readPart(plain) {
  if (plain.length !== 2437) throw new Error("wrong size");
  const read = new Fields(plain);
  if (read.u8() !== 1) throw new Error("unknown-version");
  const [kind, id, part, parts] = [read.u8(), read.u32(), read.u8(), read.u8()];
  const fields = [16, 32, 32, 16, 32, 16, 32].map((size) => read.take(size));
  const length = read.u16();
  const signature = read.take(64);
  const body = read.take(length);
  if (read.rest.some((byte) => byte !== 0)) throw new Error("malformed: no zeros");
  if (id < 1 || part < 1 || part > parts || parts > 4 || (part < parts ? length !== 2187 : length < 1)) throw new Error("malformed: parts");
  const u32 = (n) => bytes(n.toString(16).padStart(8, "0"));
  const signed = statement("ringfork/1/frame", u32(kind), u32(id), u32(part), u32(parts), ...fields, body);
  if (!verify(fields[2], signed, signature)) throw new Error("bad-signature");
  const names = ["call", "account", "device", "endpoint", "to", "toEndpoint", "reference"];
  const header = { kind, id, ...Object.fromEntries(names.map((name, i) => [name, fields[i].toString("hex")])) };
  return { header, part, parts, body, hash: (whole) => sha256(statement("ringfork/1/message", u32(kind), u32(id), ...fields, whole)).toString("hex") };
}

/** Reads a message's body: a map of msgpack, as far as it is used. */
export function readBody(body) {
  const read = new Fields(body);
  const sizes = { 0xc4: read.u8, 0xc5: read.u16, 0xc6: read.u32, 0xd9: read.u8, 0xda: read.u16, 0xdb: read.u32 };
  const value = () => {
    const code = read.u8();
    if (code < 0x80) return code;
    if (code === 0xc2 || code === 0xc3) return code === 0xc3;
    if (code >= 0xcc && code <= 0xcf) return [read.u8, read.u16, read.u32, read.u64][code - 0xcc]();
    if (code >= 0xa0 && code < 0xc0) return read.take(code & 31).toString();
    if (!(code in sizes)) throw new Error("malformed: a value of another type");
    const field = read.take(sizes[code]());
    return code < 0xc7 ? field : field.toString();
  };
  const code = read.u8();
  const n = code === 0xde ? read.u16() : code - 0x80;
  if (n < 0 || (n > 15 && code !== 0xde) || n > 63) throw new Error("malformed: no map");
  const map = new Map();
  for (let i = 0; i < n; i++) {
    const key = value();
    if (!(key >= 1 && key <= 63) || map.has(key)) throw new Error("malformed: keys");
    map.set(key, value());
  }
  read.end();
  return map;
}

const source = readFileSync(new URL("../../../frame/dictionary.go", import.meta.url), "utf8");
export const dictionary = Buffer.from(/const dictionary1 = `([^`]*)`/.exec(source)[1].replaceAll("\n", "\r\n"));

/** Unpacks a description, or a list of candidates. */
export function unpack(packed) {
  const read = new Fields(packed);
  if (read.u8() !== 1) throw new Error("unknown-dictionary");
  const size = read.uvarint();
  if (size > 32768) throw new Error("malformed: too long");
  const text = [...dictionary];
  const end = dictionary.length + size;
  while (text.length < end) {
    const run = read.uvarint();
    const n = Math.floor(run / 2);
    if (n < 1 || n > end - text.length) throw new Error("malformed: a run");
    if (run % 2 === 0) {
      text.push(...read.take(n));
      continue;
    }
    const distance = read.uvarint();
    if (distance < 1 || distance > text.length) throw new Error("malformed: a distance");
    for (let i = 0; i < n; i++) text.push(text[text.length - distance]);
  }
  read.end();
  return Buffer.from(text.slice(dictionary.length));
}

/** Unpacks a list of candidates. */
export function unpackCandidates(packed) {
  const read = new Fields(unpack(packed));
  const text = () => read.take(read.uvarint()).toString();
  const list = [];
  while (read.rest.length > 0) list.push({ line: text(), mid: text(), ufrag: text() });
  return list;
}
