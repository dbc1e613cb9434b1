/** @import { Desk } from "./calls.js" */
import { h } from "./dom.js";
import { peerName } from "./people.js";

/**
 * Shows who else calls while a call is in front.
 *
 * @param {HTMLElement} place
 * @param {Desk} desk
 */
export function showWaiting(place, desk) {
  const calls = desk.waiting;
  const key = calls.map((call) => call.id).join();
  if (place.dataset.calls === key) return;
  place.dataset.calls = key;
  place.replaceChildren(
    ...calls.map((call) => {
      const name = peerName(call.peer);
      return h(
        "div",
        { class: "waiting", role: "alert", "data-testid": "waiting" },
        h("p", {}, h("bdi", {}, name), desk.contactOf(call) ? " is calling" : " (not in your contacts) is calling"),
        h(
          "div",
          { class: "row" },
          h("button", { class: "button small danger", type: "button", "data-testid": "waiting-decline", "aria-label": `Decline ${name}`, onclick: () => void desk.decline(call, true) }, "Decline"),
          h("button", { class: "button small primary", type: "button", "data-testid": "waiting-answer", onclick: () => void desk.answer(call, desk.notes(call).video) }, "End and answer"),
        ),
      );
    }),
  );
}
