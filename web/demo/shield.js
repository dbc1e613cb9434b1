/** @import { Contact } from "./types.js" */
import { h, setText } from "./dom.js";
import { icon } from "./icons.js";
import { contactName, trust } from "./people.js";

const looks = /** @type {const} */ ({
  verified: { mark: "shieldCheck", word: "Verified" },
  changed: { mark: "shieldWarning", word: "New device" },
  unverified: { mark: "shield", word: "Not verified" },
});

/**
 * Says in a call how sure it is who the other side is. Strangers have a word of care of their own.
 *
 * @param {() => Contact | null | undefined} contactNow
 * @param {(contact: Contact) => void} [details]  what pressing it does; without it, it is a word only
 * @returns {{ element: HTMLElement, update: () => void }}
 */
export function shieldView(contactNow, details) {
  const mark = h("span", { class: "mark" });
  const word = h("span");
  const press = () => {
    const contact = contactNow();
    if (contact) details?.(contact);
  };
  const element = details
    ? h("button", { class: "shield", type: "button", "data-testid": "shield", onclick: press }, mark, word)
    : h("p", { class: "shield", "data-testid": "shield" }, mark, word);
  let shown = "";
  const update = () => {
    const contact = contactNow();
    element.hidden = !contact;
    if (!contact) return;
    const state = trust(contact);
    if (state === shown) return;
    shown = state;
    element.dataset.state = state;
    mark.replaceChildren(icon(looks[state].mark));
    setText(word, looks[state].word);
    if (details) element.setAttribute("aria-label", `${looks[state].word}: show the safety number of ${contactName(contact)}`);
  };
  update();
  return { element, update };
}
