/** @import { Device, View } from "./types.js" */
/** @import { Desk } from "./calls.js" */
import { avatar } from "./avatar.js";
import { callButton } from "./call-button.js";
import { h, setText } from "./dom.js";
import { mediaText } from "./errors.js";
import { contactName, peerName } from "./people.js";
import { shieldView } from "./shield.js";
import { deviceWord, ringingCount, stateLine } from "./status.js";
import { startRingback } from "./tones.js";
import { ownVideoView } from "./video.js";

/**
 * An own call that nobody has answered yet, from the press of the button on.
 *
 * @param {Desk} desk
 * @returns {View}
 */
export function outgoingView(desk) {
  const contact = desk.starting?.contact ?? desk.front?.peer.contact;
  const name = contact ? contactName(contact) : desk.front ? peerName(desk.front.peer) : "";
  const own = ownVideoView();
  const shield = shieldView(() => desk.starting?.contact ?? desk.front?.peer.contact);
  const state = h("p", { class: "call-state", "data-testid": "call-state" });
  const count = h("span", { "data-testid": "devices-count" });
  const devices = h("ul", { class: "devices", "data-testid": "devices", "aria-label": "Devices" });
  const hint = h("p", { class: "hint" });
  const notice = h("p", { class: "notice", "data-testid": "media-notice", hidden: true });
  const cancel = callButton({ label: "Cancel", icon: "hangup", look: "end", testid: "cancel", onclick: () => void desk.hangUp() });
  const heading = h("h1", { class: "call-name", id: "outgoing-name", tabindex: -1 }, h("bdi", {}, name));
  let stopRingback = () => {};
  let sounds = false;
  let listed = "";

  const update = () => {
    shield.update();
    const call = desk.front;
    state.dataset.state = call?.state ?? "starting";
    const ringing = call ? ringingCount(call) : 0;
    if (ringing > 0) {
      setText(count, String(ringing));
      if (!count.isConnected) state.replaceChildren("Ringing on ", count, " ");
      const word = ringing === 1 ? "device" : "devices";
      if (state.lastChild && state.lastChild.textContent !== ` ${word}`) state.lastChild.textContent = ` ${word}`;
    } else {
      setText(state, stateLine(desk));
    }
    hint.hidden = ringing > 0;
    setText(hint, call ? "Every open tab and device rings as it is reached." : "Your browser may ask for the microphone first.");
    if (call) {
      own.update(call.localStream, call.local.video);
      const missing = mediaText(call.mediaErrors);
      notice.hidden = missing === "";
      setText(notice, missing);
    } else {
      own.update(null, false);
    }
    const groups = grouped(call?.devices ?? []);
    const key = JSON.stringify(groups);
    if (key !== listed) devices.replaceChildren(...groups.map(deviceRow));
    listed = key;
    if (ringing > 0 && !sounds) stopRingback = startRingback();
    if (ringing === 0 && sounds) stopRingback();
    sounds = ringing > 0;
  };
  update();
  return {
    element: h(
      "section",
      { class: "call calm outgoing", "aria-labelledby": "outgoing-name" },
      own.element,
      h("div", { class: "who" }, h("span", { class: "pulse pulse-slow" }, avatar(name, contact?.id ?? "", "large")), heading, state, shield.element, hint, devices, notice),
      h("div", { class: "actions" }, h("div", { class: "round-row" }, cancel)),
    ),
    update,
    focus: () => heading.focus(), // not a button: a key held down would press it
    close: () => stopRingback(),
  };
}

/**
 * Tabs of one browser share a label: they make one line with a number.
 *
 * @param {readonly Device[]} devices
 * @returns {{ label: string, word: string, count: number }[]}
 */
function grouped(devices) {
  /** @type {Map<string, { label: string, word: string, count: number }>} */
  const groups = new Map();
  for (const device of devices) {
    const label = device.label || "A device";
    const word = deviceWord(device.state);
    const key = `${word} ${label}`;
    const group = groups.get(key) ?? { label, word, count: 0 };
    group.count++;
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** @param {{ label: string, word: string, count: number }} group */
function deviceRow({ label, word, count }) {
  return h(
    "li",
    { "data-testid": "device", "data-state": word.toLowerCase() },
    h("bdi", { class: "device-label" }, label),
    count > 1 ? h("span", { class: "device-count" }, `${count} tabs`) : null,
    h("span", { class: "device-state" }, word),
  );
}
