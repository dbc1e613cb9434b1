/** @import { Call, View } from "./types.js" */
/** @import { Desk } from "./calls.js" */
import { avatar } from "./avatar.js";
import { callButton } from "./call-button.js";
import { h, setText } from "./dom.js";
import { peerName } from "./people.js";
import { shieldView } from "./shield.js";
import { stateLine } from "./status.js";
import { strangerView } from "./stranger.js";
import { startRingtone } from "./tones.js";

/**
 * A call that rings here.
 *
 * @param {Desk} desk
 * @param {Call} call
 * @param {string} profile
 * @returns {View}
 */
export function incomingView(desk, call, profile) {
  const stopRinging = startRingtone(profile);
  const name = peerName(call.peer);
  const stranger = strangerView(desk, call);
  const shield = shieldView(() => desk.contactOf(call));
  const state = h("p", { class: "call-state", id: "ring-state", "data-testid": "call-state" });
  const accept = callButton({ label: "Accept", name: `Accept: ${name}`, icon: "phone", look: "accept", testid: "accept", onclick: () => void desk.answer(call, false) });
  const acceptVideo = callButton({ label: "With video", name: "Accept with video", icon: "video", look: "accept", testid: "accept-video", onclick: () => void desk.answer(call, true) });
  const decline = callButton({ label: "Decline", icon: "hangup", look: "end", testid: "decline", onclick: () => void desk.decline(call, true) });
  const here = h("button", { class: "link here-only", type: "button", "data-testid": "decline-here", onclick: () => void desk.decline(call, false) }, "Decline here only");
  const element = h(
    "section",
    { class: "call calm incoming", role: "alertdialog", "aria-labelledby": "ring-name", "aria-describedby": "ring-state", tabindex: -1 },
    h("div", { class: "who" }, h("span", { class: "pulse" }, avatar(name, call.peer.id, "large", desk.contactOf(call) !== null)), h("h1", { class: "call-name", id: "ring-name" }, h("bdi", {}, name)), state, shield.element, stranger.element),
    h("div", { class: "actions" }, h("div", { class: "round-row" }, decline, accept, acceptVideo), here),
  );
  const update = () => {
    setText(state, stateLine(desk));
    state.dataset.state = call.state;
    acceptVideo.hidden = !desk.notes(call).video;
    stranger.update();
    shield.update();
  };
  update();
  // Who is typing when it rings would accept with the next Enter or Space.
  const typing = document.activeElement instanceof HTMLInputElement;
  return { element, update, focus: () => (typing ? element : accept).focus(), close: stopRinging };
}
