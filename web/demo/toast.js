import { byId, h } from "./dom.js";

/**
 * Says something in passing.
 *
 * @param {string} text
 * @param {string} [code]  of an error
 */
export function toast(text, code = "") {
  const note = h("p", { class: code ? "toast toast-error" : "toast", "data-testid": "toast", "data-code": code || null }, text, code ? h("code", {}, code) : null);
  byId("toasts").append(note);
  setTimeout(() => note.remove(), code ? 9000 : 5000);
}
