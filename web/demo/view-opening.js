/** @import { View } from "./types.js" */
import { h, setText } from "./dom.js";

/**
 * The page before the phone is open.
 *
 * @returns {View}
 */
export function openingView() {
  const line = h("p", { class: "muted", role: "status" }, "Starting…");
  const slow = setTimeout(() => setText(line, "Still starting. The first time loads more than later ones…"), 6000);
  return {
    element: h("section", { class: "plain opening", "data-testid": "opening" }, h("img", { class: "opening-mark", src: "/demo/icon.svg", alt: "", width: 72, height: 72 }), h("h1", { class: "visually-hidden" }, "Ringfork"), line),
    close: () => clearTimeout(slow),
  };
}
