/** @import { View } from "./types.js" */
import { askTwice } from "./ask-twice.js";
import { h } from "./dom.js";
import { errorCode, errorText } from "./errors.js";
import { icon } from "./icons.js";

/**
 * The page when there is no phone and will be none.
 *
 * @param {unknown} error
 * @param {() => void} retry
 * @param {() => void} startOver  with another account
 * @returns {View}
 */
export function fatalView(error, retry, startOver) {
  const code = errorCode(error);
  const again = code === "revoked"
    ? h("button", { class: "button primary", type: "button", "data-testid": "start-over", onclick: startOver }, "Start over")
    : h("button", { class: "button primary", type: "button", "data-testid": "retry", onclick: retry }, "Try again");
  const over = code === "store-failed"
    ? h("p", { class: "muted small" }, askTwice({ label: "Start over", name: "Start over", question: "This deletes your keys and contacts here.", testid: "start-over", act: async () => startOver() }))
    : null;
  return {
    element: h(
      "section",
      { class: "plain fatal", role: "alert" },
      h("span", { class: "fatal-mark" }, icon("warning")),
      h("h1", {}, titleOf(code)),
      h("p", { "data-testid": "error", "data-code": code }, errorText(error)),
      h("p", { class: "muted small" }, "Error code: ", h("code", {}, code)),
      again,
      over,
    ),
    focus: () => again.focus(),
  };
}

/** @param {string} code */
function titleOf(code) {
  if (code === "revoked") return "This device was removed";
  return code === "crashed" || code === "closed" ? "Ringfork stopped" : "Ringfork could not start";
}
