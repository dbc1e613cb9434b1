/** @import { Call } from "./types.js" */
/** @import { Desk } from "./calls.js" */
import { h, setText } from "./dom.js";
import { errorText } from "./errors.js";
import { icon } from "./icons.js";

/**
 * A word of care about a caller who is no contact, and the button that makes them one.
 *
 * @param {Desk} desk
 * @param {Call} call
 * @returns {{ element: HTMLElement, update: () => void }}
 */
export function strangerView(desk, call) {
  const claim = call.peer.claimedName;
  const said = h("span", { role: "status" });
  const button = h("button", { class: "button small", type: "button", "data-testid": "add-stranger", onclick: press }, icon("addPerson"), "Add to contacts");
  const words = h("p", {}, "Not in your contacts.", claim ? " Claims to be " : " Gives no name.", claim ? h("bdi", {}, `“${claim}”`) : null, claim ? "." : null);
  const element = h("div", { class: "stranger", "data-testid": "stranger" }, words, button, said);
  let added = false;
  async function press() {
    button.disabled = true;
    try {
      await desk.addCaller(call);
      added = true;
      setText(said, "Added to your contacts.");
    } catch (error) {
      button.disabled = false;
      setText(said, errorText(error));
    }
    update();
  }
  const update = () => {
    element.hidden = desk.contactOf(call) !== null && !added;
    words.hidden = added;
    button.hidden = added || !call.peer.card;
  };
  update();
  return { element, update };
}
