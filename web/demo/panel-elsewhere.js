/** @import { Phone } from "./types.js" */
/** @import { Home } from "./view-home.js" */
import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * Whether nothing was done with an account yet: nobody loses anything when another takes its place.
 *
 * @param {Phone} phone
 */
export function isFresh(phone) {
  return phone.contacts.length === 0 && phone.requests.length === 0 && phone.devices.length <= 1;
}

/**
 * For those who are not new: the ways to their account.
 *
 * @param {Home} home
 */
export function elsewherePanel({ phone, actions }) {
  const element = h(
    "section",
    { class: "panel", "aria-labelledby": "elsewhere-title" },
    h("h2", { class: "panel-title", id: "elsewhere-title" }, "Not new here?"),
    h(
      "div",
      { class: "stack" },
      h("button", { class: "button", type: "button", "data-testid": "elsewhere-link", onclick: () => actions.elsewhere("link") }, icon("device"), "I have an account on another device"),
      h("button", { class: "button", type: "button", "data-testid": "elsewhere-restore", onclick: () => actions.elsewhere("restore") }, icon("key"), "I have a backup"),
    ),
  );
  const update = () => {
    element.hidden = !isFresh(phone);
  };
  update();
  return { element, update };
}
