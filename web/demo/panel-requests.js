/** @import { ContactRequest } from "./types.js" */
/** @import { Home } from "./view-home.js" */
import { askTwice } from "./ask-twice.js";
import { avatar } from "./avatar.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * Those who ask to be contacts, and those who are blocked.
 *
 * @param {Home} home
 */
export function requestsPanel(home) {
  const list = h("ul", { class: "contacts", "data-testid": "requests" });
  const element = h("section", { class: "panel", "aria-labelledby": "requests-title" }, h("h2", { class: "panel-title", id: "requests-title" }, "Wants to be your contact"), list);
  let shown = "";
  const update = () => {
    const { requests } = home.phone;
    element.hidden = requests.length === 0;
    const state = JSON.stringify(requests);
    if (state === shown) return; // leave focus where it is
    shown = state;
    list.replaceChildren(...requests.map((request) => row(home, request)));
  };
  update();
  return { element, update };
}

/**
 * @param {Home} home
 * @param {ContactRequest} request
 */
function row({ actions }, request) {
  const name = request.name || "Somebody without a name";
  const accept = h("button", { class: "button primary", type: "button", "data-testid": "request-accept", "aria-label": `Accept ${name}`, onclick: () => void answer(actions.accept) }, icon("check"), h("span", { class: "wide" }, "Accept"));
  const decline = h("button", { class: "button", type: "button", "data-testid": "request-decline", "aria-label": `Decline ${name}`, onclick: () => void answer(actions.decline) }, icon("close"), h("span", { class: "wide" }, "Decline"));
  /** @param {(request: ContactRequest) => Promise<void>} act */
  async function answer(act) {
    accept.disabled = decline.disabled = true;
    await act(request);
    accept.disabled = decline.disabled = false;
  }
  return h(
    "li",
    { class: "contact request", "data-testid": "request", "data-id": request.id },
    avatar(name, request.id, "small", false),
    h("span", { class: "contact-text" }, h("bdi", { class: "contact-name" }, `“${name}”`), h("span", { class: "contact-links" }, h("span", { class: "muted" }, "Claims this name"), askTwice({ label: "Block", name: `Block ${name}`, question: "Block them?", testid: "request-block", act: () => actions.block(request) }))),
    accept,
    decline,
  );
}
