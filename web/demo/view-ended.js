/** @import { Call, View } from "./types.js" */
/** @import { Desk } from "./calls.js" */
import { avatar } from "./avatar.js";
import { h, setText } from "./dom.js";
import { icon } from "./icons.js";
import { peerName } from "./people.js";
import { strangerView } from "./stranger.js";

/** How long the end of a call stays where there is nothing left to do, in seconds. */
const briefly = 8;

/**
 * How a call ended.
 *
 * @param {Desk} desk
 * @param {Call} call
 * @returns {View}
 */
export function endedView(desk, call) {
  const name = peerName(call.peer);
  const contact = desk.contactOf(call);
  const stranger = strangerView(desk, call);
  const { title, detail, brief, bad, missed } = desk.ending(call);
  const { video } = desk.notes(call);
  const back = h("button", { class: brief || !contact ? "button primary" : "button", type: "button", "data-testid": "back", onclick: () => desk.dismiss() }, "Back");
  const again = contact && !brief ? h("button", { class: "button primary", type: "button", "data-testid": "call-again", onclick: () => void desk.start(contact, video) }, icon(video ? "video" : "phone"), missed ? "Call back" : "Call again") : null;
  const leaving = h("p", { class: "muted small leaving" });
  const heading = h("h1", { class: "call-name ended-title", id: "end-title", tabindex: -1, "data-testid": "call-state", "data-state": "ended" }, title);
  let left = briefly;
  const count = () => {
    setText(leaving, `Back to your contacts in ${left} s`);
    if (left-- <= 0) desk.dismiss();
  };
  const timer = brief ? setInterval(count, 1000) : 0;
  if (brief) count();
  return {
    element: h(
      "section",
      { class: "call calm ended", "aria-labelledby": "end-title", "data-reason": call.endReason },
      h(
        "div",
        { class: "who" },
        h("span", { class: bad ? "faded bad" : "faded" }, avatar(name, call.peer.id, "large", desk.contactOf(call) !== null)),
        h("p", { class: "ended-name" }, h("bdi", {}, name)),
        heading,
        h("p", { class: "hint", "data-testid": "end-text" }, detail),
        stranger.element,
      ),
      h("div", { class: "actions" }, h("div", { class: "row center" }, back, again), brief ? leaving : null),
    ),
    update: stranger.update,
    focus: () => heading.focus(), // not a button: a key held down would press it
    close: () => clearInterval(timer),
  };
}
