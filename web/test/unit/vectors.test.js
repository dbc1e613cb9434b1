// What Ringfork writes, read by somebody else: see reader.js. The vectors are what the tests in Go read.

import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { armor, Decrypter, identityToRecipient } from "age-encryption";
import * as reader from "./reader.js";

const { bytes, derive, Fields, sha256, statement, vectors } = reader;
const of = (name) => vectors(`keys/testdata/vectors/${name}`);
const hex = (b) => Buffer.from(b).toString("hex");

/** What changes make of good bytes. */
function changed(good, { at = 0, set, xor, add, cut = 0 }) {
  const b = Buffer.from(good);
  bytes(set).copy(b, at);
  bytes(xor).forEach((x, i) => (b[at + i] ^= x));
  return Buffer.concat([b.subarray(0, b.length - cut), bytes(add)]);
}

// The fields of bodies, by their keys. A message has nothing but these; where one means something else, it says so below.
const keys = {
  1: "number", 4: "sentAt", 5: "ttl", 6: "name", 7: "card", 8: "logHead", 9: "peerLogHead", 10: "mailbox", 11: "recipient", 12: "sdp", 13: "candidates",
  14: "seed", 15: "end", 16: "outcome", 17: "winner", 18: "everywhere", 19: "ack", 20: "seq", 21: "screen", 22: "hold", 23: "generation", 24: "what",
  25: "peer", 26: "reason", 27: "boxes", 28: "body",
};
const labelled = [2, 7, 14];

/** A message as the vectors show it, without what is zero. */
function message(kind, body) {
  const out = {};
  const media = kind === 11 ? out : {};
  for (const [key, value] of reader.readBody(body)) {
    let name = keys[key];
    if (key === 6 && labelled.includes(kind)) name = "label";
    if (key === 1 && kind === 14) name = "counter";
    if (key === 13 && kind === 4) name = "list";
    if (key === 2) media.audio = value;
    else if (key === 3) media.video = value;
    else if (key === 12) out.sdp = reader.unpack(value).toString();
    else if (key === 13) out[name] = reader.unpackCandidates(value);
    else out[name] = Buffer.isBuffer(value) ? hex(value) : value;
  }
  if (media !== out && Object.keys(media).length > 0) out.media = media;
  return out;
}

/** Leaves out what is zero: so do bodies. */
function withoutZeros(value) {
  if (Array.isArray(value)) return value.length > 0 ? value.map((item) => withoutZeros(item) ?? item) : undefined;
  if (typeof value !== "object" || value === null) return value === 0 || value === false || /^(00){16,}$|^$/.test(value) ? undefined : value;
  const entries = Object.entries(value).map(([key, item]) => [key, withoutZeros(item)]).filter(([, item]) => item !== undefined);
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

test("every frame is opened by age-encryption, its signature is good, and its body says what it should", async () => {
  const names = readdirSync(new URL("../../../frame/testdata/vectors", import.meta.url)).map((name) => name.replace(".json", ""));
  const kinds = new Set();
  for (const name of names.filter((name) => name !== "refused")) {
    const v = vectors(`frame/testdata/vectors/${name}`);
    const parts = [];
    for (const frame of v.frames.map(bytes)) {
      assert.equal(frame.length, 4096);
      parts.push(reader.readPart(await reader.openAge(frame, v.identity)));
    }
    assert.deepEqual(parts.map(({ part, parts }) => [part, parts]), parts.map((_, i) => [i + 1, parts.length]), name);
    const body = Buffer.concat(parts.map(({ body }) => body));
    for (const { header, hash } of parts) {
      assert.deepEqual(header, v.header, name);
      assert.equal(hash(body), v.hash, name);
    }
    assert.equal(hex(body), hex(bytes(v.body)), name);
    assert.deepEqual(message(v.header.kind, body), withoutZeros(v.message) ?? {}, name);
    if (v.control) assert.equal(hex(bytes(v.control)), `01${hex([v.header.kind])}${v.header.id.toString(16).padStart(8, "0")}${hex(body)}`, name);
    kinds.add(v.header.kind);
    const flipped = changed(bytes(v.frames[0]), { at: 3000, xor: "01" });
    await assert.rejects(reader.openAge(flipped, v.identity), Error, name);
  }
  assert.deepEqual([...kinds].sort((a, b) => a - b), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16]);
});

test("what is to be dropped is", () => {
  const v = vectors("frame/testdata/vectors/refused");
  for (const { what, bytes: plain, why } of v.plaintexts) {
    const padded = Buffer.alloc(2437);
    bytes(plain).copy(padded);
    const read = () => reader.readBody(reader.readPart(padded).body);
    if (why === "unknown-kind") assert.doesNotThrow(read, what);
    else assert.throws(read, new RegExp(why), what);
  }
  for (const { what, bytes: packed, why } of v.packed) assert.throws(() => reader.unpack(bytes(packed)), new RegExp(why), what);
  assert.equal(hex(sha256(reader.dictionary)), "463c8e0aa1f5374c2a12e454c1a911a99470ea17a6b23166de7d268f807760f7");
});

test("cards and names", () => {
  const v = of("card");
  const card = Buffer.concat(["account", "slot", "secret", "head"].map((name) => bytes(v[name])));
  assert.equal(hex(card), hex(bytes(v.bytes)));
  const checksum = sha256(statement("ringfork/1/card", card)).subarray(0, 4);
  assert.equal(v.code, `rf1${Buffer.concat([card, checksum]).toString("base64url")}`);
  assert.equal(v.link, `${v.origin}/#card=${v.code}`);
  for (const { clean } of of("names")) assert.ok(Buffer.byteLength(clean) <= 64 && clean === clean.trim());
});

test("the device log, and those that are refused", () => {
  const v = of("log");
  const read = new Fields(bytes(v.log));
  const { devices, keys, revoked, chain, added } = reader.readLog(read);
  read.end();
  assert.deepEqual({ devices, keys, revoked, added, chain }, { devices: v.devices, keys: v.keys, revoked: v.revoked, added: v.added, chain: v.entries.map(({ hash }) => hash) });
  for (const { what, bytes: log } of v.refused) {
    assert.throws(() => {
      const read = new Fields(bytes(log));
      reader.readLog(read);
      read.end();
    }, Error, what);
  }
});

test("the account's slot: seal, log, head and signatures", () => {
  const v = of("slot");
  const card = new Fields(bytes(v.card));
  const [account, slot, secret, head] = [card.take(32), card.take(20), card.take(32), card.take(32)];
  const value = reader.openSlot(bytes(v.value), slot, secret);
  assert.deepEqual([value.version, hex(value.writer), hex(value.next), hex(value.content)], [v.version, v.writer, v.next, hex(bytes(v.content))]);
  assert.equal(hex(reader.address(value.writer)), hex(slot));
  const found = reader.readPublic(value.content, account, slot);
  assert.deepEqual(found.head, { ...v.head, recipient: hex(bytes(v.head.recipient)), signature: v.head.signature });
  assert.deepEqual(found.log.devices, v.devices);
  assert.ok(found.log.chain.includes(hex(head)));
  assert.equal(v.expires, v.head.made + 14 * 24 * 3600);
  for (const change of v.refused) assert.throws(() => reader.openSlot(changed(bytes(v.value), change), slot, secret), Error, change.what);
  for (const change of v.changedContent) assert.throws(() => reader.readPublic(changed(value.content, change), account, slot), Error, change.what);
  for (const { what, bytes: content } of v.refusedContent.filter(({ what }) => !what.includes("no key"))) assert.throws(() => reader.readPublic(bytes(content), account, slot), Error, what);
});

test("what an account's seeds make", async () => {
  const v = of("account");
  const account = new Fields(bytes(v.bytes));
  assert.equal(account.u8(), 2);
  assert.deepEqual([account.hex(32), account.take(32 + 32).length, account.u32()], [v.deviceSeed, 64, 1]);
  const shared = reader.readShared(account);
  account.end();
  assert.deepEqual([shared.boxSeed, shared.syncSeed, shared.log.chain[0]], [v.boxSeed, v.syncSeed, v.id]);
  const publicKey = (seed) => {
    const key = createPrivateKey({ key: Buffer.concat([bytes("302e020100300506032b657004220420"), seed]), format: "der", type: "pkcs8" });
    return createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  };
  const mailbox = (...what) => hex(reader.address(publicKey(derive(bytes(v.boxSeed), statement(...what)))));
  assert.equal(hex(publicKey(bytes(v.deviceSeed))), v.device);
  assert.equal(mailbox("ringfork/1/inbox mailbox"), v.inbox);
  assert.equal(mailbox("ringfork/1/contact mailbox", bytes(v.contact)), v.mailbox);
  assert.equal(hex(reader.address(publicKey(derive(bytes(v.syncSeed), "ringfork/1/sync mailbox")))), v.syncMailbox);
  assert.equal(hex(reader.address(publicKey(bytes(shared.private.at(-1))))), v.private);
  assert.equal(hex(reader.address(publicKey(bytes(shared.public.at(-1))))), hex(bytes(v.card).subarray(32, 52)));
  // age-encryption makes the same recipient of the identity. Its text is Bech32 of the raw bytes.
  assert.equal(hex(bech32Data(await identityToRecipient(v.inboxIdentities[0]))), hex(bytes(v.inboxRecipient)));
  assert.deepEqual(v.inboxIdentities.map((text) => hex(bech32Data(text.toLowerCase()))), shared.epochs.map(({ seed }) => seed));
});

function bech32Data(text) {
  const digits = [...text.slice(text.lastIndexOf("1") + 1, -6)].map((c) => "qpzry9x8gf2tvdw0s3jn54khce6mua7l".indexOf(c).toString(2).padStart(5, "0")).join("");
  return Buffer.from(digits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

test("the private part is opened by every member, by age-encryption", async () => {
  const v = of("private");
  const { content, version } = reader.openSlot(bytes(v.value), bytes(v.slot), bytes(v.secret));
  assert.equal(version, v.version);
  const read = new Fields(content);
  const [signer, signature] = [read.take(32), read.take(64)];
  assert.equal(hex(signer), v.signer);
  assert.ok(reader.verify(signer, statement("ringfork/1/private", bytes(v.account), read.rest), signature));
  for (const identity of v.identities) {
    assert.equal(hex(await reader.openAge(read.rest, identity)), hex(bytes(v.shared)) + hex(bytes(v.contacts)));
  }
  await assert.rejects(reader.openAge(read.rest, v.stranger), /no identity matched/);
  const shared = reader.readShared(new Fields(bytes(v.shared)));
  assert.equal(shared.log.chain[0], v.account);
  assert.ok(shared.log.devices.includes(v.signer));
  assert.deepEqual(shared.members.map(({ id }) => id).sort(), [...shared.log.devices, ...shared.log.keys].sort());
});

test("a login's secret and its slot", async () => {
  const v = of("secret");
  const secret = bytes(v.secret);
  assert.equal(hex(bech32Data(v.identity.toLowerCase())), hex(derive(secret, "ringfork/1/secret identity")));
  const { writer, content } = reader.openSlot(bytes(v.value), bytes(v.slot), derive(secret, "ringfork/1/secret cipher"));
  assert.equal(hex(reader.address(writer)), v.slot);
  assert.equal(hex(content), hex(bytes(v.locator)));
  assert.equal(hex(content), hex(bytes(v.card)) + v.private + v.outer);
});

test("contacts", () => {
  const v = of("contacts");
  const plain = (list) => list.map((c) => withoutZeros({ ...c, card: hex(bytes(c.card)), public: c.public && { ...c.public, recipient: hex(bytes(c.public.recipient)) } }));
  for (const [form, local] of [["local", true], ["shared", false]]) {
    const read = new Fields(bytes(v[form]));
    const list = reader.readContacts(read, local);
    read.end();
    assert.deepEqual(plain(list), plain(v.contacts.map((c) => (local ? c : { ...c, public: undefined }))), form);
  }
});

test("a linking: codes, ends, commitment, signatures and the short code", () => {
  const v = of("linking");
  const secret = bytes(v.secret);
  assert.equal(v.code, `rfl1${Buffer.concat([secret, sha256(statement("ringfork/1/link code", secret)).subarray(0, 4)]).toString("base64url")}`);
  assert.equal(v.link, `${v.origin}/#link=${v.code}`);
  for (const who of ["approver", "requester"]) {
    assert.equal(hex(bech32Data(v[who].identity.toLowerCase())), hex(derive(secret, `ringfork/1/link ${who} identity`)));
  }
  const [open, ask, reveal, grant] = [v.open, v.ask, v.reveal, v.grant].map(bytes);
  const [nonce, account, approver] = [2, 34, 66].map((at) => reveal.subarray(at, at + 32));
  assert.equal(hex(open.subarray(2)), hex(sha256(statement("ringfork/1/link commit", nonce, account, approver))));
  const device = ask.subarray(34, 66);
  assert.ok(reader.verify(device, statement("ringfork/1/link ask", open.subarray(2), ask.subarray(0, -64)), ask.subarray(-64)));
  const transcript = sha256(statement("ringfork/1/link transcript", open, ask, reveal));
  assert.equal(hex(transcript), v.transcript);
  const code = String(transcript.readBigUInt64BE() % 1000000n).padStart(6, "0");
  assert.equal(`${code.slice(0, 3)} ${code.slice(3)}`, v.shortCode);
  assert.equal(hex(grant.subarray(4, -64)), hex(bytes(v.content)));
  assert.ok(reader.verify(approver, statement("ringfork/1/link grant", transcript, bytes(v.content)), grant.subarray(-64)));
  const rejection = bytes(v.rejection);
  assert.ok(reader.verify(approver, statement("ringfork/1/link grant", transcript, ""), rejection.subarray(-64)));
});

test("safety numbers", () => {
  for (const { a, b, digits, emoji, text } of of("safety")) {
    assert.deepEqual(reader.safetyNumber(bytes(a), bytes(b)), { digits, emoji, text });
    assert.deepEqual(reader.safetyNumber(bytes(b), bytes(a)), { digits, emoji, text });
  }
});

test("a backup is opened by age-encryption", async () => {
  const v = of("backup");
  const open = (passphrase) => {
    const decrypter = new Decrypter();
    decrypter.addPassphrase(passphrase);
    return decrypter.decrypt(armor.decode(v.text.join("\n")));
  };
  assert.equal(hex(await open(v.passphrase)), hex(bytes(v.content)));
  await assert.rejects(open(v.wrongPassphrase));
  assert.equal(hex(bytes(v.content)), `01${v.secret}${hex(bytes(v.locator))}${hex(bytes(v.shared))}${hex(bytes(v.contacts))}`);
});

test("the proof for a mailbox is verified by WebCrypto", async () => {
  const v = of("proof");
  assert.equal(hex(reader.address(bytes(v.key))), v.address);
  const message = statement("ringfork/1/mailbox", v.origin, bytes(v.nonce), bytes(v.address));
  const key = await crypto.subtle.importKey("raw", bytes(v.key), "Ed25519", false, ["verify"]);
  assert.ok(await crypto.subtle.verify("Ed25519", key, bytes(v.signature), message));
  assert.ok(!(await crypto.subtle.verify("Ed25519", key, bytes(v.signature), changed(message, { at: 30, xor: "01" }))));
});
