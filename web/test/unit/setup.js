// An open phone on a fake Wasm, and what a test needs of it.

import { openPhoneOn } from "../../ringfork/opening.js";
import { WasmInstance } from "../../ringfork/wasm.js";
import { FakeConnection, FakeDevices, FakeRaw, FakeStream, settle, snapshot, stubGlobals } from "./fakes.js";

/** An open phone on a fake Wasm, with fake devices, and lists of what it tells. */
export async function setUp(t, options = {}) {
  const devices = new FakeDevices();
  const page = new EventTarget();
  stubGlobals(t, {
    navigator: devices.navigator,
    MediaStream: FakeStream,
    RTCPeerConnection: FakeConnection,
    addEventListener: page.addEventListener.bind(page),
  });
  const raw = new FakeRaw();
  const instance = new WasmInstance(raw.api);
  const closed = [];
  const given = {
    transport: {
      origin: "https://relay.example",
      start() {},
      subscribe: () => () => {},
      publish: async () => {},
      getSlot: async () => null,
      putSlot: async () => {},
      close: () => closed.push("transport"),
      iceServers: () => [{ urls: "stun:relay.example" }],
    },
    store: { get: async () => null, put: async () => {}, lock: async (name) => () => closed.push(`lock ${name}`) },
    ...options,
  };
  const phone = await openPhoneOn(async () => instance, given);
  // What comes while the phone opens is held back for a moment: let that pass.
  raw.options.emit({ type: "state", state: "online" });
  await new Promise((resolve) => phone.addEventListener("state", resolve, { once: true }));
  const told = listen(phone, ["incoming", "state", "contacts", "requests", "devices", "warning", "closed"]);
  t.after(() => phone.close());
  return { phone, raw, instance, devices, page, closed, told };
}

export function listen(target, types) {
  const told = [];
  for (const type of types) target.addEventListener(type, (event) => told.push(event));
  told.types = () => told.map(({ type }) => type);
  return told;
}

const callEvents = ["state", "devices", "localmedia", "remotemedia", "ended"];

/** A phone at which somebody rings. */
export async function ringing(t, changes) {
  const all = await setUp(t);
  all.raw.tell("incoming", snapshot(changes));
  await settle();
  const { call } = all.told.find(({ type }) => type === "incoming");
  return { ...all, call, events: listen(call, callEvents) };
}

export function stubTransport() {
  return {
    origin: "https://relay.example",
    start() {},
    subscribe: () => () => {},
    publish: async () => {},
    getSlot: async () => null,
    putSlot: async () => {},
    close() {},
  };
}

export function stubStore() {
  return { get: async () => null, put: async () => {}, lock: async () => () => {} };
}
