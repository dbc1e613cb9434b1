/** @import { Home } from "./view-home.js" */
import { cardLink } from "./cards.js";
import { h, setText } from "./dom.js";
import { icon } from "./icons.js";
import { cleanName } from "./profile.js";

/**
 * The own name and the own card.
 *
 * @param {Home} home
 * @returns {HTMLElement}
 */
export function youPanel(home) {
  return h("section", { class: "panel", "aria-labelledby": "you-title" }, h("h2", { class: "panel-title", id: "you-title" }, "You"), nameForm(home), cardField(home));
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
  const link = cardLink(phone.card, name);
  const field = h("input", { id: "my-card", class: "field mono", value: link, readonly: true, spellcheck: "false", "data-testid": "card-link", onfocus: () => field.select() });
  const word = h("span", {}, "Copy");
  const mark = h("span", { class: "mark" }, icon("copy"));
  const said = h("span", { class: "visually-hidden", role: "status" });
  let timer = 0;
  async function copy() {
    const done = await copyText(link, field);
    setText(word, done ? "Copied" : "Press Ctrl+C");
    setText(said, done ? "Card copied" : "The link is selected: copy it with your keyboard");
    mark.replaceChildren(icon(done ? "check" : "copy"));
    clearTimeout(timer);
    timer = setTimeout(() => {
      setText(word, "Copy");
      setText(said, "");
      mark.replaceChildren(icon("copy"));
    }, 2500);
  }
  const button = h("button", { class: "button copy", type: "button", "data-testid": "copy-card", onclick: copy }, mark, word, h("span", { class: "visually-hidden" }, " your card"));
  return h(
    "div",
    { class: "stack" },
    h("label", { for: "my-card" }, "Your card"),
    h("div", { class: "row" }, field, button),
    said,
    h("p", { class: "muted small" }, "Whoever has this link can call you. Send it to people you trust."),
  );
}

/**
 * @param {string} text
 * @param {HTMLInputElement} field  holds the same text: selected when the clipboard is closed to the page
 * @returns {Promise<boolean>}
 */
async function copyText(text, field) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    field.focus();
    field.select();
    return false;
  }
}
