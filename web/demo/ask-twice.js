import { h } from "./dom.js";

/**
 * A small button for what cannot be undone: it asks before it does it, in its own place.
 *
 * @param {object} options
 * @param {string} options.label     "Remove"
 * @param {string} options.name      what a screen reader says: "Remove Bob"
 * @param {string} options.question  "Remove Bob?"
 * @param {string} options.testid    the one that does it has `${testid}-confirm`
 * @param {() => Promise<void>} options.act
 * @returns {HTMLElement}
 */
export function askTwice({ label, name, question, testid, act }) {
  const place = h("span", { class: "ask" });
  const first = h("button", { class: "link", type: "button", "data-testid": testid, "aria-label": name, onclick: ask }, label);
  function ask() {
    const yes = h("button", { class: "link danger", type: "button", "data-testid": `${testid}-confirm`, onclick: go }, label);
    const keep = h("button", { class: "link", type: "button", onclick: back }, "Keep");
    place.replaceChildren(h("span", {}, question), h("span", { class: "answers" }, yes, keep));
    keep.focus();
    async function go() {
      yes.disabled = keep.disabled = true;
      await act();
      if (place.isConnected) back();
    }
  }
  function back() {
    place.replaceChildren(first);
    first.focus();
  }
  place.append(first);
  return place;
}
