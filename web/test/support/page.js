// What runs in the pages under test: installed before any other script. It watches what the module does to the browser,
// and gives the tests words to use a phone by.
// @ts-nocheck: it is serialized into the page.

export function install() {
  const native = { Connection: globalThis.RTCPeerConnection, media: navigator.mediaDevices?.getUserMedia, fetch: globalThis.fetch };
  const watch = { connections: [], captures: 0, opening: 0, tracks: [], posting: 0, postedAt: 0, gate: null };
  globalThis.fetch = function (...args) {
    if (!String(args[0]).endsWith("/v1/pub")) return native.fetch.apply(globalThis, args);
    const over = () => {
      watch.posting--;
      watch.postedAt = performance.now();
    };
    watch.posting++;
    // What a page says while it closes has to leave at once.
    const answer = watch.gate ? watch.gate.open.then(() => native.fetch.apply(globalThis, args)) : native.fetch.apply(globalThis, args);
    answer.then(over, over);
    return answer;
  };
  globalThis.RTCPeerConnection = class extends native.Connection {
    constructor(...args) {
      super(...args);
      watch.connections.push(this);
    }
  };
  if (native.media) {
    navigator.mediaDevices.getUserMedia = async function (constraints) {
      watch.captures++;
      if (globalThis.test.refuse?.(constraints)) throw new DOMException("refused by the test", "NotAllowedError");
      watch.opening++;
      try {
        const stream = await native.media.call(navigator.mediaDevices, constraints);
        for (const track of stream.getTracks()) watchTrack(track);
        return stream;
      } finally {
        watch.opening--;
      }
    };
  }

  /** Notes when a device is open and when it is closed again: a track that is stopped tells nobody. */
  const watchTrack = (track) => {
    const stop = track.stop;
    watch.tracks.push(track);
    test.note("open device", { kind: track.kind });
    track.stop = () => {
      if (track.readyState === "ended") return;
      stop.call(track);
      test.note("closed device", { kind: track.kind });
    };
  };

  const test = (globalThis.test = {
    watch,
    phone: null,
    calls: [],
    log: [],
    errors: [],

    now: () => performance.timeOrigin + performance.now(),

    note(what, more = {}) {
      test.log.push({ at: test.now(), what, ...more });
    },

    /** The last thing of a kind that was noted; of a call's states, one of them. */
    noted: (what, state) => test.log.findLast((entry) => entry.what === what && (!state || entry.state === state)),

    /** Waits for a moment without letting anything else happen: timers are not that exact. */
    spinUntil(at) {
      while (test.now() < at);
    },

    async open(module, options) {
      const { openPhone } = await import(module);
      const began = performance.now();
      const secret = options.secret && Uint8Array.from(options.secret); // it came as an array
      const token = test.token ?? options.token; // a function cannot be handed in
      test.phone = await openPhone({ ...options, secret, token, transport: test.transport?.(options.relay) });
      test.note("open", { took: performance.now() - began });
      test.phone.addEventListener("state", ({ state }) => test.note("phone", { state }));
      test.phone.addEventListener("warning", ({ code, contact }) => test.note("warning", { code, contact }));
      test.phone.addEventListener("closed", ({ reason, error }) => test.note("closed", { reason, code: error?.code }));
      test.phone.addEventListener("incoming", ({ call }) => {
        test.follow(call);
        test.note("incoming", { peer: call.peer });
      });
      return { account: test.phone.account, card: test.phone.card, contacts: [...test.phone.contacts] };
    },

    /** Tries to open a phone, and says with which code that failed. */
    async fails(module, options) {
      try {
        await test.open(module, options);
      } catch (error) {
        return error.code;
      }
    },

    /** Asks to be linked. What comes of it is in `test.link`. */
    async requestLink(module, options) {
      const { requestLink } = await import(module);
      test.link = await requestLink(options);
      return test.link.code;
    },

    /** Shows a link for a new device. What comes of it is in `test.asking`. */
    async inviteDevice() {
      test.invitation = await test.phone.inviteDevice();
      test.invited = test.invitation.asking.then((asking) => (test.asking = asking));
      test.invited.catch(() => {});
      return test.invitation.code;
    },

    /** Reads another device's link. What comes of it is in `test.asking`. */
    async approveLink(code) {
      test.asking = await test.phone.approveLink(code);
      return { confirm: test.asking.confirm, label: test.asking.label };
    },

    async online() {
      await test.until(() => test.phone.state === "online");
    },

    follow(call) {
      test.calls.push(call);
      call.addEventListener("state", () => test.note("state", { state: call.state }));
      call.addEventListener("devices", () => test.note("devices", { devices: call.devices }));
      call.addEventListener("ended", () => test.note("ended", { reason: call.endReason, by: call.answeredBy }));
      call.addEventListener("remotemedia", () => test.play(call));
      call.addEventListener("localmedia", () => test.note("localmedia", { state: { ...call.local } }));
      // It may be answered before the own microphone is open, which phone.call() waits for.
      if (call.state === "active") test.note("state", { state: call.state });
      test.play(call);
    },

    get last() {
      return test.calls.at(-1);
    },

    async call(id, media) {
      test.note("call");
      const call = await test.phone.call(id, media);
      test.follow(call);
      return call.id;
    },

    async accept(media) {
      test.note("accept");
      try {
        await test.last.accept(media);
        return "active";
      } catch (error) {
        return error.code;
      }
    },

    /** Plays what comes, as a page would: without an element some browsers decode nothing. */
    play(call) {
      if (!call.remoteStream || test.video?.srcObject === call.remoteStream) return;
      test.video ??= document.body.appendChild(document.createElement("video"));
      test.video.autoplay = true;
      test.video.srcObject = call.remoteStream;
    },

    /** Waits for something. It looks once more when the time is over: a machine that stood still is no reason to miss it. */
    async until(check, ms = 30_000) {
      for (const deadline = performance.now() + ms; ; ) {
        const over = performance.now() >= deadline;
        const value = await check();
        if (value) return value;
        if (over) throw new Error(`waited in vain for ${check}; log ${JSON.stringify(test.log.slice(-12))}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },

    /** Waits until the relay has taken all that the page posts, and the page posted nothing more for a while, in ms. */
    quiet: (ms = 300) => test.until(() => watch.posting === 0 && performance.now() - watch.postedAt > ms),

    /** Keeps what is posted from now on in the page, until it is let go. */
    keepPosts() {
      let letGo;
      const open = new Promise((resolve) => (letGo = resolve));
      watch.gate = { open, letGo };
    },

    letPostsGo() {
      watch.gate.letGo();
      watch.gate = null;
    },

    /** Notes from now on when nothing ran in the page for longer than that. */
    notePauses(ms) {
      let ran = test.now();
      setInterval(() => {
        const at = test.now();
        if (at - ran > ms) test.note("pause", { ms: at - ran });
        ran = at;
      }, 20);
    },

    state: () => test.last?.state ?? "none",

    /** How much is sent and received in all connections of the page. */
    async rtp() {
      const sum = { sent: 0, received: 0, energy: 0, frames: 0 };
      for (const connection of watch.connections) {
        if (connection.connectionState === "closed") continue;
        for (const report of (await connection.getStats()).values()) {
          if (report.type === "outbound-rtp") sum.sent += report.packetsSent;
          if (report.type !== "inbound-rtp") continue;
          sum.received += report.packetsReceived;
          sum.energy += report.totalAudioEnergy ?? 0;
          sum.frames += report.framesDecoded ?? 0;
        }
      }
      return sum;
    },

    /** Waits until sound with energy comes in. */
    hears: (ms) => test.until(async () => (await test.rtp()).energy > 0, ms),

    /** Waits until two pictures of the other side's differ, and the browser has counted that it decoded both. */
    async sees(ms) {
      const canvas = new OffscreenCanvas(64, 48);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      let before = null;
      await test.until(() => {
        if (!test.video?.videoWidth) return false;
        context.drawImage(test.video, 0, 0, 64, 48);
        const now = String(context.getImageData(0, 0, 64, 48).data);
        const changed = before !== null && now !== before;
        before ??= now;
        return changed;
      }, ms);
      await test.until(async () => (await test.rtp()).frames > 1, ms); // the counters lag behind what is shown
    },

    /** How many devices are open, or are being opened. */
    openDevices: () => watch.opening + watch.tracks.filter((track) => track.readyState === "live").length,

    openConnections: () => watch.connections.filter(({ connectionState }) => connectionState !== "closed"),
  });
  addEventListener("error", ({ message }) => test.errors.push(message));
  addEventListener("unhandledrejection", ({ reason }) => test.errors.push(String(reason)));
}
