/** @import { Call, Contact, View } from "./types.js" */
/** @import { Desk } from "./calls.js" */
import { avatar } from "./avatar.js";
import { callButton, toggleButton } from "./call-button.js";
import { h, setText } from "./dom.js";
import { clock } from "./endings.js";
import { errorText, mediaText } from "./errors.js";
import { icon } from "./icons.js";
import { watchLevel } from "./level.js";
import { peerName } from "./people.js";
import { shieldView } from "./shield.js";
import { stateLine } from "./status.js";
import { strangerView } from "./stranger.js";
import { ownVideoView, videoView } from "./video.js";

/**
 * A call that was accepted: it connects, goes on, or looks for its connection.
 *
 * @param {Desk} desk
 * @param {Call} call
 * @param {(contact: Contact) => void} details  shows who a contact is
 * @returns {View}
 */
export function activeView(desk, call, details) {
  const name = peerName(call.peer);
  const own = ownVideoView();
  const remote = videoView({ class: "remote-video", testid: "remote-video", muted: false, label: `Picture of ${name}` });
  const face = h("span", { class: "level" }, avatar(name, call.peer.id, "large", desk.contactOf(call) !== null));
  const state = h("span", { class: "call-state", "data-testid": "call-state" });
  const timer = h("span", { class: "timer", role: "timer", "data-testid": "timer" });
  const flags = h("p", { class: "flags", "data-testid": "remote-flags", role: "status" });
  const notice = h("p", { class: "notice", "data-testid": "media-notice", role: "status", hidden: true });
  const veil = h("div", { class: "veil", "data-testid": "reconnecting", hidden: true }, h("span", { class: "spinner" }), h("p", {}, "Reconnecting…"));
  const stranger = strangerView(desk, call);
  const shield = shieldView(() => desk.contactOf(call), details);
  const mute = toggleButton({ label: "Mute", on: "micOff", off: "mic", testid: "mute", toggle: () => toggle("audio") });
  const camera = toggleButton({ label: "Camera", on: "video", off: "videoOff", testid: "camera", toggle: () => toggle("video") });
  const hangUp = callButton({ label: "Hang up", icon: "hangup", look: "end", testid: "hangup", onclick: () => void desk.hangUp() });
  const heading = h("h1", { class: "call-name", id: "active-name", tabindex: -1 }, h("bdi", {}, name));
  const element = h(
    "section",
    { class: "call active", "aria-labelledby": "active-name" },
    remote.element,
    h("div", { class: "who" }, face, heading, h("p", { class: "status-line" }, state, timer), shield.element, flags, notice, stranger.element),
    own.element,
    veil,
    h("div", { class: "actions" }, h("div", { class: "round-row controls" }, mute.element, camera.element, hangUp)),
  );
  let trouble = "";
  let stopLevel = () => {};
  /** @type {MediaStream | null} */
  let metered = null;

  /** @param {"audio" | "video"} kind */
  async function toggle(kind) {
    trouble = "";
    try {
      await (call.local[kind] ? call.mute(kind) : call.unmute(kind));
    } catch (error) {
      trouble = errorText(error);
    }
    update();
  }

  function meter() {
    const stream = call.remoteStream;
    if (stream === metered || (stream && stream.getAudioTracks().length === 0)) return;
    stopLevel();
    metered = stream;
    stopLevel = stream ? watchLevel(stream, (level) => face.style.setProperty("--level", level.toFixed(2))) : () => {};
  }

  function tick() {
    const { activeSince } = desk.notes(call);
    setText(timer, activeSince === null ? "" : clock((performance.now() - activeSince) / 1000));
  }

  function update() {
    const { remoteStream } = call;
    const seen = call.remote.video && remoteStream !== null && remoteStream.getVideoTracks().length > 0;
    remote.show(remoteStream);
    element.classList.toggle("with-video", seen);
    element.classList.toggle("calm", !seen);
    own.update(call.localStream, call.local.video);
    meter();
    // While it connects the own media is still on its way: show what was asked for.
    const connecting = call.state === "connecting" || call.state === "ringing";
    mute.set(!connecting && !call.local.audio);
    camera.set(connecting ? desk.notes(call).video : call.local.video);
    setText(state, stateLine(desk));
    state.dataset.state = call.state;
    veil.hidden = call.state !== "reconnecting";
    showFlags();
    const missing = trouble || mediaText(call.mediaErrors);
    notice.hidden = missing === "";
    setText(notice, missing);
    stranger.update();
    shield.update();
    tick();
  }

  let flagged = "";
  function showFlags() {
    const live = call.state === "active" || call.state === "reconnecting";
    const words = live ? [!call.remote.audio && "muted", desk.notes(call).video && !call.remote.video && "camera off"].filter(Boolean) : [];
    if (words.join() === flagged) return;
    flagged = words.join();
    flags.replaceChildren(...words.map((word) => h("span", { class: "flag" }, icon(word === "muted" ? "micOff" : "videoOff"), word === "muted" ? `${name} is muted` : `${name}’s camera is off`)));
  }

  const ticking = setInterval(tick, 500);
  update();
  return {
    element,
    update,
    focus: () => heading.focus(), // not a button: a key held down would press it
    close() {
      clearInterval(ticking);
      stopLevel();
      remote.show(null);
      own.update(null, false);
    },
  };
}
