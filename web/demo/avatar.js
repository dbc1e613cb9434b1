import { h } from "./dom.js";
import { initials } from "./people.js";

const tints = 6;

/**
 * A round mark for a person: their initials on one of a few calm tints, always the same for the same id.
 *
 * @param {string} name
 * @param {string} id
 * @param {"small" | "large"} size
 * @param {boolean} [known]  false for a stranger: a claimed name earns no initials
 * @returns {HTMLElement}
 */
export function avatar(name, id, size, known = true) {
  let sum = 0;
  for (const letter of id || name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  const tint = known ? `tint-${sum % tints}` : "tint-none";
  return h("span", { class: `avatar avatar-${size} ${tint}`, "aria-hidden": "true" }, known ? initials(name) : "?");
}
