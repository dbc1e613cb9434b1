import assert from "node:assert/strict";
import { test } from "node:test";

import { LocalMedia } from "../../ringfork/localmedia.js";
import { RemoteMedia } from "../../ringfork/remotemedia.js";
import { FakeConnection, FakeDevices, FakeStream, FakeTrack, settle, stubGlobals } from "./fakes.js";

function setUp(t, changes = {}) {
  const devices = Object.assign(new FakeDevices(), changes);
  stubGlobals(t, { navigator: devices.navigator, MediaStream: FakeStream });
  const media = new LocalMedia(() => media.changes++);
  media.changes = 0;
  return { media, devices };
}

const codes = (media) => Object.fromEntries(media.problems.map(({ kind, code }) => [kind, code]));

test("what cannot be opened is left out, for a reason, with as few prompts as can be", async (t) => {
  const denied = "NotAllowedError";
  const missing = "NotFoundError";
  for (const [name, devices, wanted, on, problems, asked] of [
    ["all well", {}, { video: true }, "audio video", {}, ["audio+video"]],
    ["by default audio", {}, {}, "audio", {}, ["audio"]],
    [
      "allowed for good: both at once",
      { granted: ["microphone", "camera"] },
      { video: true },
      "audio video",
      {},
      ["audio", "video"],
    ],
    [
      "camera missing",
      { video: missing },
      { video: true },
      "audio",
      { video: "media-missing" },
      ["audio+video", "audio", "video"],
    ],
    [
      "camera refused",
      { video: denied },
      { video: true },
      "audio",
      { video: "media-denied" },
      ["audio+video", "audio"],
    ],
    [
      "camera busy",
      { video: "NotReadableError" },
      { video: true },
      "audio",
      { video: "media-busy" },
      ["audio+video", "audio", "video"],
    ],
    [
      "microphone missing",
      { audio: missing },
      { video: true },
      "video",
      { audio: "media-missing" },
      ["audio+video", "audio", "video"],
    ],
    ["microphone refused", { audio: denied }, {}, "", { audio: "media-denied" }, ["audio"]],
    [
      "all refused",
      { audio: denied, video: denied },
      { video: true },
      "",
      { audio: "media-denied", video: "media-denied" },
      ["audio+video", "audio"],
    ],
    [
      "microphone refused, camera allowed for good",
      { audio: denied, granted: ["camera"] },
      { video: true },
      "video",
      { audio: "media-denied" },
      ["audio+video", "audio", "video"],
    ],
    ["nothing wanted", {}, { audio: false }, "", {}, []],
    [
      "impossible constraints",
      { audio: "OverconstrainedError" },
      { audio: { deviceId: { exact: "x" } } },
      "",
      { audio: "media-missing" },
      ["audio"],
    ],
  ]) {
    const { media, devices: fake } = setUp(t, devices);
    await media.start(wanted);
    assert.equal(
      Object.keys(media.state)
        .filter((kind) => media.state[kind])
        .join(" "),
      on,
      name,
    );
    assert.deepEqual(codes(media), problems, name);
    // Where both are open already nothing is asked, so the order does not matter.
    if (!fake.granted.includes("microphone") && wanted.audio !== false)
      assert.deepEqual(fake.asked.filter(Boolean), asked, name);
    media.stop();
    assert.equal(fake.live, 0, name);
  }
});

test("a page without devices is listen-only", async (t) => {
  const { media } = setUp(t);
  stubGlobals(t, { navigator: {} });
  await media.start({ video: true });
  assert.deepEqual(codes(media), { audio: "media-missing", video: "media-missing" });
});

test("tracks go onto the transceivers as they come, of connections given before and after", async (t) => {
  const { media, devices } = setUp(t);
  let open;
  devices.gate = new Promise((resolve) => (open = resolve));
  const early = new FakeConnection();
  const bare = new FakeConnection(false);
  media.attach(early);
  media.attach(bare);
  const started = media.start({ audio: true, video: true });
  await settle();
  assert.deepEqual(early.sent, [null, null, null]);
  open();
  await started;
  const late = new FakeConnection();
  media.attach(late);
  await settle();
  const [audio, video] = devices.tracks;
  assert.deepEqual(early.sent, [audio, video, null]);
  assert.deepEqual(late.sent, [audio, video, null]);
  bare.negotiate();
  await settle();
  assert.deepEqual(bare.sent, [audio, video, null]);

  media.stop();
  await settle();
  assert.deepEqual(late.sent, [null, null, null]);
  assert.equal(devices.live, 0);
  assert.equal(media.stream, null);
});

test("muting the microphone silences it, muting the camera closes it", async (t) => {
  const { media, devices } = setUp(t);
  const connection = new FakeConnection();
  media.attach(connection);
  await media.start({ audio: true, video: { width: 320 } });
  const [audio, video] = devices.tracks;
  const stream = media.stream;

  await media.mute("audio");
  assert.deepEqual([audio.enabled, audio.readyState, connection.sent[0]], [false, "live", audio]);
  await media.mute("video");
  assert.deepEqual([video.readyState, connection.sent[1]], ["ended", null]);
  assert.deepEqual(media.state, { audio: false, video: false, screen: false });
  assert.deepEqual(stream.getTracks(), [audio]);

  await media.unmute("audio");
  await media.unmute("video");
  assert.equal(audio.enabled, true);
  assert.deepEqual(connection.sent, [audio, devices.tracks[2], null]);
  assert.equal(media.stream, stream, "the stream is another object");
  assert.deepEqual(media.state, { audio: true, video: true, screen: false });
});

test("mute and unmute at once leave the last one standing", async (t) => {
  const { media, devices } = setUp(t);
  const connection = new FakeConnection();
  media.attach(connection);
  await media.start({ audio: true, video: true });
  await Promise.all([media.mute("video"), media.unmute("video"), media.mute("video")]);
  await settle();
  assert.equal(connection.sent[1], null);
  assert.equal(devices.live, 1);
  await Promise.all([media.unmute("video"), media.unmute("video")]);
  assert.equal(connection.sent[1].readyState, "live");
  assert.equal(devices.live, 2, "the camera was opened twice");
});

test("a mute while the prompt is open counts when it is answered", async (t) => {
  const { media, devices } = setUp(t);
  let open;
  devices.gate = new Promise((resolve) => (open = resolve));
  const started = media.start({ audio: true, video: true });
  await media.mute("audio");
  await media.mute("video");
  open();
  await started;
  assert.deepEqual(media.state, { audio: false, video: false, screen: false });
  assert.equal(devices.tracks[0].enabled, false);
  assert.equal(devices.tracks[1].readyState, "ended");
  await media.unmute("audio");
  assert.equal(devices.tracks[0].enabled, true);
});

test("what opens after the end is closed at once", async (t) => {
  const { media, devices } = setUp(t);
  let open;
  devices.gate = new Promise((resolve) => (open = resolve));
  const started = media.start({ audio: true });
  await settle();
  media.stop();
  open();
  await started;
  assert.equal(devices.tracks.length, 1);
  assert.equal(devices.live, 0);
  assert.deepEqual(media.state, { audio: false, video: false, screen: false });
});

test("an unmute that fails says why, and may be tried again", async (t) => {
  const { media, devices } = setUp(t, { video: "NotAllowedError" });
  await media.start({ audio: true });
  await assert.rejects(media.unmute("video"), { code: "media-denied" });
  assert.deepEqual(codes(media), { video: "media-denied" });
  devices.video = true;
  await media.unmute("video");
  assert.deepEqual([media.state.video, media.problems], [true, []]);
});

test("a device that goes away is told, and can be had again", async (t) => {
  const { media, devices } = setUp(t);
  const connection = new FakeConnection();
  media.attach(connection);
  await media.start({ audio: true });
  const changes = media.changes;
  devices.tracks[0].unplug();
  await settle();
  assert.ok(media.changes > changes);
  assert.deepEqual([media.state.audio, codes(media), connection.sent[0]], [false, { audio: "media-missing" }, null]);
  await media.unmute("audio");
  assert.deepEqual([media.state.audio, connection.sent[0]], [true, devices.tracks[1]]);
});

test("a screen is shared beside the camera, until the user ends it", async (t) => {
  const { media, devices } = setUp(t);
  const connection = new FakeConnection();
  media.attach(connection);
  await media.start({ audio: true });
  await media.unmute("screen");
  const [, screen] = devices.tracks;
  assert.deepEqual(connection.sent, [devices.tracks[0], null, screen]);
  assert.deepEqual([media.screen.getTracks(), screen.contentHint], [[screen], "detail"]);
  screen.unplug();
  await settle();
  assert.deepEqual([media.screen, media.state.screen, media.problems, connection.sent[2]], [null, false, [], null]);
});

test("a stream of the application is sent as it is and never stopped", async (t) => {
  const { media, devices } = setUp(t);
  const connection = new FakeConnection();
  media.attach(connection);
  const [audio, video] = [new FakeTrack("audio"), new FakeTrack("video")];
  await media.start({ stream: new FakeStream([audio, video]) });
  assert.deepEqual(connection.sent, [audio, video, null]);
  await media.mute("audio");
  await media.mute("video");
  assert.deepEqual([connection.sent, audio.enabled, video.readyState], [[null, null, null], true, "live"]);
  await media.unmute("video");
  assert.equal(connection.sent[1], video);
  media.stop();
  await settle();
  assert.deepEqual([audio.readyState, video.readyState, connection.sent[1]], ["live", "live", null]);
  assert.deepEqual(devices.asked, []);
});

test("remote: the streams stay, their tracks follow what the other side says and which connection counts", (t) => {
  stubGlobals(t, { MediaStream: FakeStream });
  let changes = 0;
  const remote = new RemoteMedia(() => changes++);
  remote.become({ audio: true, video: true, screen: false });
  assert.deepEqual([remote.stream, changes], [null, 1]);

  const first = new FakeConnection();
  const tracks = (connection) => connection.transceivers.map(({ receiver }) => receiver.track);
  remote.show(first);
  const { stream } = remote;
  assert.deepEqual(stream.getTracks(), tracks(first).slice(0, 2));
  remote.become({ audio: false, video: false, screen: true });
  assert.deepEqual(stream.getTracks(), tracks(first).slice(0, 1), "a silent side still has its voice track");
  assert.deepEqual(remote.screen.getTracks(), tracks(first).slice(2));
  assert.equal(changes, 3);
  remote.become({ audio: false, video: false, screen: true });
  remote.show(first);
  assert.equal(changes, 3, "told without a change");

  const second = new FakeConnection();
  remote.show(second);
  assert.equal(remote.stream, stream);
  assert.deepEqual(stream.getTracks(), tracks(second).slice(0, 1));
  remote.drop();
  assert.deepEqual([remote.stream, remote.screen, stream.getTracks()], [null, null, []]);
});
