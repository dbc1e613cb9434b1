/** @import { Home } from "./view-home.js" */
import { cardLink } from "./cards.js";
import { copyField } from "./copy.js";
import { h } from "./dom.js";
import { cleanName } from "./profile.js";

/**
 * The own name and the own card.
 *
 * @param {Home} home
 * @returns {HTMLElement}
 */
export function youPanel(home) {
  const fleeting = h("p", { class: "caution", "data-testid": "fleeting" }, "This browser keeps nothing for this page: you and your contacts are gone when you close it.");
  return h("section", { class: "panel", "aria-labelledby": "you-title" }, h("h2", { class: "panel-title", id: "you-title" }, "You"), nameForm(home), cardField(home), home.phone.persistent ? null : fleeting);
}

/** @param {Home} home */
function nameForm({ name, actions }) {
  const field = h("input", { id: "my-name", class: "field", value: name, maxlength: 40, autocomplete: "off", spellcheck: "false", required: true, "data-testid": "my-name", oninput: changed });
  const save = h("button", { class: "button", type: "submit", hidden: true, "data-testid": "save-name" }, "Save");
  function changed() {
    const wished = cleanName(field.value);
    save.hidden = wished === "" || wished === name;
  }
  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    const wished = cleanName(field.value);
    if (wished && wished !== name) actions.rename(wished);
  }
  return h("form", { class: "stack", onsubmit: submit }, h("label", { for: "my-name" }, "Your name, as others see it"), h("div", { class: "row" }, field, save));
}

/** @param {Home} home */
function cardField({ phone, name }) {
  return h(
    "div",
    { class: "stack" },
    ...copyField({ id: "my-card", label: "Your card", value: cardLink(phone.card, name), what: "your card", testid: "card-link", buttonTestid: "copy-card" }),
    h("p", { class: "muted small" }, "Whoever has this link can call you. Send it to people you trust."),
  );
}
