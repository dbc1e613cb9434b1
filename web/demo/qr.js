import { h } from "./dom.js";

/**
 * A QR code as the module gives it. As an image: whatever the SVG holds, nothing of it runs.
 *
 * @param {string} svg
 * @param {string} alt
 * @returns {HTMLElement}
 */
export function qrImage(svg, alt) {
  return h("img", { class: "qr", src: `data:image/svg+xml,${encodeURIComponent(svg)}`, alt, width: 220, height: 220, "data-testid": "qr" });
}
