/** @import { Home } from "./view-home.js" */
import { h } from "./dom.js";
import { errorText } from "./errors.js";
import { icon } from "./icons.js";
import { contactName, trust } from "./people.js";

/**
 * What the user should hear of before the next call: verified contacts with new devices, and what the relay got wrong.
 *
 * @param {Home} home
 */
export function warningsPanel(home) {
  const element = h("div", { class: "warnings", role: "alert" });
  let shown = "";
  const update = () => {
    const changed = home.phone.contacts.filter((contact) => trust(contact) === "changed");
    const state = JSON.stringify([changed, home.warnings]);
    if (state === shown) return;
    shown = state;
    element.hidden = changed.length + home.warnings.length === 0;
    element.replaceChildren(
      ...changed.map((contact) =>
        warning(
          "new-device",
          [h("bdi", { class: "strong" }, contactName(contact)), " has a new device since you verified them."],
          h("button", { class: "button small", type: "button", "data-testid": "new-device", onclick: () => home.actions.details(contact) }, "Check"),
        ),
      ),
      ...home.warnings.map((code, i) =>
        warning(code.code, [code.name ? h("bdi", { class: "strong" }, `${code.name}: `) : null, errorText(code)], h("button", { class: "button small", type: "button", onclick: () => home.actions.dismiss(i) }, "Dismiss")),
      ),
    );
  };
  update();
  return { element, update };
}

/**
 * @param {string} code
 * @param {(Node | string | null)[]} words
 * @param {HTMLElement} button
 */
function warning(code, words, button) {
  return h("div", { class: "warning", "data-testid": "warning", "data-code": code }, icon("shieldWarning"), h("p", {}, ...words), button);
}
