/** @import { View } from "./types.js" */
import { h } from "./dom.js";
import { errorCode, errorText } from "./errors.js";
import { icon } from "./icons.js";

/**
 * The page when there is no phone and will be none.
 *
 * @param {unknown} error
 * @param {() => void} retry
 * @returns {View}
 */
export function fatalView(error, retry) {
  const code = errorCode(error);
  const title = code === "crashed" || code === "closed" ? "Ringfork stopped" : "Ringfork could not start";
  const again = h("button", { class: "button primary", type: "button", "data-testid": "retry", onclick: retry }, "Try again");
  return {
    element: h(
      "section",
      { class: "plain fatal", role: "alert" },
      h("span", { class: "fatal-mark" }, icon("warning")),
      h("h1", {}, title),
      h("p", { "data-testid": "error", "data-code": code }, errorText(error)),
      h("p", { class: "muted small" }, "Error code: ", h("code", {}, code)),
      again,
    ),
    focus: () => again.focus(),
  };
}
