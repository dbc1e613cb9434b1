// Stand-ins for what only a browser has, small and without a will of their own.

/** Sets globals for one test and puts back what was there when it is over. */
export function stubGlobals(t, values) {
  for (const [name, value] of Object.entries(values)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: true });
    t.after(() => (before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]));
  }
}

/** Resolves when all microtasks that are due, and those they make, have run. */
export function settle() {
  return new Promise((resolve) => setImmediate(resolve));
}

export class FakeTrack extends EventTarget {
  constructor(kind) {
    super();
    this.kind = kind;
    this.enabled = true;
    this.readyState = "live";
  }

  stop() {
    this.readyState = "ended";
  }

  /** The device goes away by itself. */
  unplug() {
    this.readyState = "ended";
    this.dispatchEvent(new Event("ended"));
  }
}

export class FakeStream {
  #tracks;

  constructor(tracks = []) {
    this.#tracks = [...tracks];
  }

  getTracks() {
    return [...this.#tracks];
  }

  getAudioTracks() {
    return this.#tracks.filter(({ kind }) => kind === "audio");
  }

  getVideoTracks() {
    return this.#tracks.filter(({ kind }) => kind === "video");
  }

  addTrack(track) {
    if (!this.#tracks.includes(track)) this.#tracks.push(track);
  }

  removeTrack(track) {
    this.#tracks = this.#tracks.filter((other) => other !== track);
  }
}

/** A peer connection with the three transceivers of every call, or none yet. */
export class FakeConnection extends EventTarget {
  constructor(ready = true) {
    super();
    this.signalingState = "stable";
    this.transceivers = ready ? transceivers() : [];
    this.closed = false;
  }

  getTransceivers() {
    return this.transceivers;
  }

  negotiate() {
    this.transceivers = transceivers();
    this.dispatchEvent(new Event("signalingstatechange"));
  }

  /** What is sent: audio, camera, screen. */
  get sent() {
    return this.transceivers.map(({ sender }) => sender.track);
  }

  close() {
    this.closed = true;
    this.signalingState = "closed";
  }
}

function transceivers() {
  return ["audio", "video", "video"].map((kind) => ({
    sender: {
      track: null,
      async replaceTrack(track) {
        await null; // as a browser does: the sender's track lags behind
        this.track = track;
      },
    },
    receiver: { track: new FakeTrack(kind) },
  }));
}

/**
 * Devices: `audio` and `video` are either true (there and allowed) or the name of the DOMException that opening them gives.
 * `gate`, if set, is awaited before anything opens, as if the user thought about the prompt.
 */
export class FakeDevices {
  audio = true;
  video = true;
  screen = true;
  gate = null;
  granted = [];
  asked = [];
  tracks = [];

  async getUserMedia(constraints) {
    this.asked.push(
      Object.keys(constraints)
        .filter((kind) => constraints[kind])
        .join("+"),
    );
    await this.gate;
    const kinds = ["audio", "video"].filter((kind) => constraints[kind]);
    for (const kind of kinds) {
      if (this[kind] !== true) throw new DOMException("no", this[kind]);
    }
    return this.#open(kinds);
  }

  async getDisplayMedia() {
    this.asked.push("screen");
    await this.gate;
    if (this.screen !== true) throw new DOMException("no", this.screen);
    return this.#open(["video"]);
  }

  /** What navigator is to be. */
  get navigator() {
    const query = async ({ name }) => ({ state: this.granted.includes(name) ? "granted" : "prompt" });
    return { mediaDevices: this, permissions: { query } };
  }

  get live() {
    return this.tracks.filter(({ readyState }) => readyState === "live").length;
  }

  #open(kinds) {
    const tracks = kinds.map((kind) => new FakeTrack(kind));
    this.tracks.push(...tracks);
    return new FakeStream(tracks);
  }
}

export function snapshot(changes = {}) {
  return {
    id: "c1",
    direction: "incoming",
    peer: { id: "bob", name: "Bob", claimedName: "Bobby", contact: true, verified: false },
    state: "ringing",
    endReason: "",
    answeredBy: "",
    waiting: false,
    devices: [],
    media: { audio: true, video: false },
    remote: { audio: false, video: false, screen: false },
    ...changes,
  };
}

/** The Wasm's side of a phone: notes what it is asked, and tells what a test wants told. */
export class FakeRaw {
  account = "alice";
  name = "Alice";
  card = "https://example.org/#card=rf1";
  list = [{ id: "bob", name: "Bob", verified: false, newDevice: false }];
  asking = [{ id: "dave", name: "Dave", card: "rf1dave" }];
  dropped = [];
  own = [{ id: "d1", label: "Laptop", kind: "device", current: true, addedAt: 1_700_000_000_000 }];
  approval = null;
  link = null;
  dialed = "c1";
  asked = [];
  options = null;
  fails = {};

  /** What `WasmInstance` is made of. */
  get api() {
    return {
      open: async (options) => {
        this.options = options;
        await null;
        if (this.fails.open) throw this.fails.open;
        return this.#wasm();
      },
      requestLink: async (options) => {
        this.options = options;
        await null;
        if (this.fails.requestLink) throw this.fails.requestLink;
        this.link = new FakeLink();
        return this.link;
      },
      funcs: () => 0,
    };
  }

  contacts() {
    return this.list;
  }

  async addContact(card, name) {
    this.#ask("addContact", card, name);
    const contact = { id: "carol", name, verified: false, newDevice: false };
    this.list = [...this.list, contact];
    return contact;
  }

  async removeContact(id) {
    this.#ask("removeContact", id);
    this.list = this.list.filter((contact) => contact.id !== id);
  }

  safetyNumber(id) {
    this.#ask("safetyNumber", id);
    return { digits: "12345 67890", emoji: "🐢 🌲", qr: "<svg/>", text: `safety:${id}`, more: "not told" };
  }

  async verify(id, verified) {
    this.#ask("verify", id, verified);
    this.list = this.list.map((contact) => (contact.id === id ? { ...contact, verified, newDevice: false } : contact));
  }

  async verifyScanned(id, text) {
    this.#ask("verifyScanned", id, text);
    if (text !== `safety:${id}`) throw coded("safety-mismatch");
  }

  requests() {
    return this.asking;
  }

  async answerRequest(id, answer, name) {
    this.#ask("answerRequest", id, answer, name);
    const request = this.asking.find((request) => request.id === id);
    if (!request) throw coded("unknown-request");
    this.asking = this.asking.filter((other) => other !== request);
    if (answer !== "accept") return undefined;
    const contact = { id, name: name || request.name, verified: false, newDevice: false };
    this.list = [...this.list, contact];
    return contact;
  }

  blocked() {
    return this.dropped;
  }

  async block(id) {
    this.#ask("block", id);
    const { name } = [...this.list, ...this.asking].find((person) => person.id === id);
    this.list = this.list.filter((contact) => contact.id !== id);
    this.asking = this.asking.filter((request) => request.id !== id);
    this.dropped = [...this.dropped, { id, name }];
  }

  async unblock(id) {
    this.#ask("unblock", id);
    this.dropped = this.dropped.filter((person) => person.id !== id);
  }

  devices() {
    return this.own;
  }

  async revoke(id) {
    this.#ask("revoke", id);
    this.own = this.own.filter((device) => device.id !== id);
  }

  async approveLink(code) {
    this.#ask("approveLink", code);
    this.approval = {
      confirm: "123 456",
      label: "Phone",
      approve: async () => {
        this.#ask("approve");
        this.own = [...this.own, { id: "d2", label: "Phone", kind: "device", current: false, addedAt: 1_700_000_001_000 }];
      },
      reject: async () => this.#ask("reject"),
    };
    return this.approval;
  }

  async inviteDevice() {
    this.#ask("inviteDevice");
    const asking = new Promise((resolve, reject) => (this.invitation = { read: resolve, fail: reject, cancelled: 0 }));
    const cancel = () => {
      this.invitation.cancelled++;
      this.invitation.fail(coded("closed"));
    };
    return { code: "https://example.org/#join=x", qr: "<svg/>", asking, cancel };
  }

  async backup(passphrase) {
    this.#ask("backup", passphrase);
    return "-----BEGIN AGE ENCRYPTED FILE-----";
  }

  async refresh() {
    this.#ask("refresh");
  }

  dial(id, media) {
    this.#ask("dial", id, media);
    return this.dialed;
  }

  accept(id, media) {
    this.#ask("accept", id, media);
  }

  decline(id, everywhere) {
    this.#ask("decline", id, everywhere);
  }

  hangUp(id) {
    this.#ask("hangUp", id);
  }

  setMedia(id, media) {
    this.#ask("setMedia", id, media);
  }

  networkChanged() {
    this.#ask("networkChanged");
  }

  leave() {
    this.#ask("leave");
  }

  async close() {
    this.#ask("close");
  }

  tell(type, call) {
    this.options.emit({ type, call });
  }

  /** As the Wasm gives it: what would throw at once returns the error. */
  #wasm() {
    const now =
      (name) =>
      (...args) => {
        try {
          const value = this[name](...args);
          return { value: name === "contacts" || name === "blocked" ? lines(value) : value };
        } catch (error) {
          return { error };
        }
      };
    const later =
      (name) =>
      (...args) =>
        this[name](...args);
    const { account, name, card } = this;
    const nows = ["contacts", "requests", "blocked", "devices", "safetyNumber", "dial", "accept", "decline", "hangUp", "setMedia", "networkChanged", "leave"];
    const laters = ["addContact", "removeContact", "verify", "verifyScanned", "answerRequest", "block", "unblock", "revoke"];
    laters.push("approveLink", "inviteDevice", "backup", "refresh", "close");
    const functions = [...nows.map((name) => [name, now(name)]), ...laters.map((name) => [name, later(name)])];
    return { account, name, card, ...Object.fromEntries(functions) };
  }

  #ask(name, ...args) {
    this.asked.push([name, ...args]);
    if (this.fails[name]) throw this.fails[name];
  }
}

/** A list of contacts as the Wasm gives it. */
function lines(contacts) {
  return contacts.map(({ id, name, verified, newDevice }) => `${id} ${(verified ? 1 : 0) + (newDevice ? 2 : 0)} ${name}`).join("\n");
}

/** The Wasm's side of a link: the test says how it goes. */
class FakeLink {
  code = "https://example.org/#link=x";
  qr = "<svg/>";
  cancelled = 0;

  constructor() {
    this.confirm = new Promise((resolve, reject) => Object.assign(this, { read: resolve, refuse: reject }));
    this.done = new Promise((resolve, reject) => Object.assign(this, { finish: resolve, fail: reject }));
  }

  cancel = () => this.cancelled++;
}

export function coded(code) {
  return Object.assign(new Error(`go says ${code}`), { code });
}
