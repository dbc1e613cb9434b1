import { h, setText } from "./dom.js";
import { icon } from "./icons.js";

/**
 * A text to be given away: shown in a field, with a button that copies it.
 *
 * @param {{ id: string, label: string, value: string, what: string, testid: string, buttonTestid: string }} options
 *   what: the text's name in a sentence, "your card"
 * @returns {HTMLElement[]} label, row and what is said to a screen reader
 */
export function copyField({ id, label, value, what, testid, buttonTestid }) {
  const field = h("input", { id, class: "field mono", value, readonly: true, spellcheck: "false", "data-testid": testid, onfocus: () => field.select() });
  const word = h("span", {}, "Copy");
  const mark = h("span", { class: "mark" }, icon("copy"));
  const said = h("span", { class: "visually-hidden", role: "status" });
  let timer = 0;
  async function copy() {
    const done = await copyText(value, field);
    setText(word, done ? "Copied" : "Press Ctrl+C");
    setText(said, done ? "Copied" : "The text is selected: copy it with your keyboard");
    mark.replaceChildren(icon(done ? "check" : "copy"));
    clearTimeout(timer);
    timer = setTimeout(() => {
      setText(word, "Copy");
      setText(said, "");
      mark.replaceChildren(icon("copy"));
    }, 2500);
  }
  const button = h("button", { class: "button copy", type: "button", "data-testid": buttonTestid, onclick: copy }, mark, word, h("span", { class: "visually-hidden" }, ` ${what}`));
  return [h("label", { for: id }, label), h("div", { class: "row" }, field, button), said];
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
