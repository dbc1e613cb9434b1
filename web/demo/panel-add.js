/** @import { Home } from "./view-home.js" */
import { readCard } from "./cards.js";
import { h } from "./dom.js";
import { errorCode, errorText } from "./errors.js";
import { icon } from "./icons.js";
import { cleanName } from "./profile.js";

/**
 * The form that adds somebody's card.
 *
 * @param {Home} home
 */
export function addContactPanel({ actions }) {
  const card = h("input", { id: "card-input", class: "field mono", autocomplete: "off", autocapitalize: "off", spellcheck: "false", placeholder: "Paste a card link", "aria-describedby": "add-error", "data-testid": "card-input", oninput: takeName });
  const name = h("input", { id: "name-input", class: "field", autocomplete: "off", maxlength: 40, placeholder: "What you call them", "data-testid": "name-input", oninput: () => (named = true) });
  const error = h("p", { id: "add-error", class: "field-error", role: "alert", "data-testid": "error", hidden: true });
  const button = h("button", { class: "button primary", type: "submit", "data-testid": "add-contact" }, icon("addPerson"), "Add contact");
  let named = false;

  /** A link brings its owner's name along. */
  function takeName() {
    clearError();
    if (!named) name.value = cleanName(readCard(card.value).name);
  }

  function clearError() {
    error.hidden = true;
    error.replaceChildren();
    card.removeAttribute("aria-invalid");
  }

  /** @param {string} text @param {string} code */
  function say(text, code) {
    error.hidden = false;
    error.dataset.code = code;
    error.replaceChildren(text);
    card.setAttribute("aria-invalid", "true");
  }

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    clearError();
    if (!card.value.trim()) {
      say("Paste the card of the person to add: a link that contains “card=”.", "no-card");
      card.focus();
      return;
    }
    button.disabled = true;
    try {
      await actions.add(card.value, cleanName(name.value));
      card.value = name.value = "";
      named = false;
    } catch (failure) {
      say(errorText(failure), errorCode(failure));
      card.focus();
    } finally {
      button.disabled = false;
    }
  }

  return {
    element: h(
      "section",
      { class: "panel", "aria-labelledby": "add-title" },
      h("h2", { class: "panel-title", id: "add-title" }, "Add a contact"),
      h("form", { class: "stack", novalidate: true, onsubmit: submit }, h("label", { for: "card-input" }, "Their card"), card, error, h("label", { for: "name-input" }, "Name ", h("span", { class: "muted" }, "(optional)")), name, button),
    ),
    /**
     * Shows why the card of a link could not be added, ready to be tried again.
     *
     * @param {unknown} failure
     * @param {string} wantedCard
     * @param {string} wantedName
     */
    showError(failure, wantedCard, wantedName) {
      card.value = wantedCard;
      name.value = wantedName;
      say(errorText(failure), errorCode(failure));
    },
  };
}
