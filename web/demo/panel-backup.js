/** @import { Home } from "./view-home.js" */
import { h, setText } from "./dom.js";
import { errorCode, errorText } from "./errors.js";
import { icon } from "./icons.js";

const shortest = 10; // letters of a passphrase; several words are far more

/**
 * A backup of the account, in a file that a passphrase opens.
 *
 * @param {Home} home
 * @returns {HTMLElement}
 */
export function backupPanel({ phone, name }) {
  const field = h("input", { id: "backup-passphrase", class: "field", type: "password", autocomplete: "new-password", "aria-describedby": "backup-error", "data-testid": "backup-passphrase", oninput: () => (error.hidden = true) });
  const error = h("p", { id: "backup-error", class: "field-error", role: "alert", "data-testid": "backup-error", hidden: true });
  const button = h("button", { class: "button", type: "submit", "data-testid": "backup" }, icon("download"), "Download backup");
  const done = h("p", { class: "muted small", role: "status" });

  /** @param {string} text @param {string} code */
  function say(text, code) {
    error.hidden = false;
    error.dataset.code = code;
    setText(error, text);
    field.focus();
  }

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    if ([...field.value].length < shortest) return say(`Take at least ${shortest} letters. Four or five random words are best.`, "short");
    button.disabled = true;
    setText(done, "Making the backup…");
    try {
      download(`ringfork-${name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-")}-${new Date().toISOString().slice(0, 10)}.txt`, await phone.backup(field.value));
      field.value = "";
      setText(done, "Downloaded. Keep the file and the passphrase in different places.");
    } catch (failure) {
      setText(done, "");
      say(errorText(failure), errorCode(failure));
    } finally {
      button.disabled = false;
    }
  }

  return h(
    "section",
    { class: "panel", "aria-labelledby": "backup-title" },
    h("h2", { class: "panel-title", id: "backup-title" }, "Backup"),
    h("p", { class: "muted small" }, "A file that brings you and your contacts back when all your devices are lost. Whoever has it and its passphrase is you."),
    h("form", { class: "stack more", novalidate: true, onsubmit: submit }, h("label", { for: "backup-passphrase" }, "Passphrase for it"), field, error, button, done),
  );
}

/**
 * @param {string} file
 * @param {string} text
 */
function download(file, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  h("a", { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
