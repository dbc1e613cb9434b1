import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * A round button with its name under it.
 *
 * @param {{ label: string, name?: string, icon: Parameters<typeof icon>[0], look: "accept" | "end" | "plain", testid: string, onclick: () => void }} options
 *   name: what a screen reader says, where the label alone is too short
 * @returns {HTMLButtonElement}
 */
export function callButton(options) {
  return h(
    "button",
    { class: `round round-${options.look}`, type: "button", "data-testid": options.testid, "aria-label": options.name, onclick: options.onclick },
    h("span", { class: "round-mark" }, icon(options.icon)),
    h("span", { class: "round-label" }, options.label),
  );
}

/**
 * A round button that stays pressed.
 *
 * @param {{ label: string, on: Parameters<typeof icon>[0], off: Parameters<typeof icon>[0], testid: string, toggle: () => Promise<void> }} options
 *   on, off: the icon while pressed and while not
 * @returns {{ element: HTMLButtonElement, set: (pressed: boolean) => void }}
 */
export function toggleButton(options) {
  const mark = h("span", { class: "round-mark" });
  const element = h("button", { class: "round round-plain", type: "button", "data-testid": options.testid, onclick: press }, mark, h("span", { class: "round-label" }, options.label));
  async function press() {
    if (element.getAttribute("aria-disabled") === "true") return;
    element.setAttribute("aria-disabled", "true"); // not `disabled`: that would drop the focus
    try {
      await options.toggle();
    } finally {
      element.removeAttribute("aria-disabled");
    }
  }
  return {
    element,
    set(pressed) {
      if (element.getAttribute("aria-pressed") === String(pressed)) return;
      element.setAttribute("aria-pressed", String(pressed));
      mark.replaceChildren(icon(pressed ? options.on : options.off));
    },
  };
}
