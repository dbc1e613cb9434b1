/** @import { View } from "./types.js" */
import { h, setText } from "./dom.js";
import { errorCode, errorText } from "./errors.js";

/**
 * Brings an account back from its backup.
 *
 * @param {object} options
 * @param {(backup: string, passphrase: string) => Promise<void>} options.restore  rejects with what went wrong
 * @param {() => void} options.back
 * @returns {View}
 */
export function restoreView({ restore, back }) {
  const heading = h("h1", { tabindex: -1 }, "Restore a backup");
  const file = h("input", { id: "backup-file", class: "field", type: "file", accept: ".txt,.age,text/plain", "data-testid": "backup-file", onchange: () => (error.hidden = true) });
  const passphrase = h("input", { id: "restore-passphrase", class: "field", type: "password", autocomplete: "off", "data-testid": "restore-passphrase", oninput: () => (error.hidden = true) });
  const error = h("p", { class: "field-error", role: "alert", "data-testid": "error", hidden: true });
  const button = h("button", { class: "button primary", type: "submit", "data-testid": "restore" }, "Restore");

  /** @param {string} text @param {string} code @param {HTMLElement} field */
  function say(text, code, field) {
    error.hidden = false;
    error.dataset.code = code;
    setText(error, text);
    field.focus();
  }

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    const chosen = file.files?.[0];
    if (!chosen) return say("Choose the file of the backup.", "no-file", file);
    if (!passphrase.value) return say("Type the passphrase of the backup.", "no-passphrase", passphrase);
    button.disabled = true;
    setText(button, "Restoring…");
    try {
      await restore((await chosen.text()).trim(), passphrase.value);
    } catch (failure) {
      say(errorText(failure), errorCode(failure), passphrase);
    } finally {
      button.disabled = false;
      setText(button, "Restore");
    }
  }

  return {
    element: h(
      "section",
      { class: "plain narrow", "data-testid": "restore-view" },
      heading,
      h("form", { class: "stack steps", novalidate: true, onsubmit: submit }, h("label", { for: "backup-file" }, "Backup file"), file, h("label", { for: "restore-passphrase" }, "Passphrase"), passphrase, error, button),
      h("button", { class: "link", type: "button", onclick: back }, "Start without it"),
    ),
    focus: () => heading.focus(),
  };
}
