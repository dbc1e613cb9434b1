/** @import { Contact, Phone } from "./types.js" */
/** @import { DialogView } from "./dialogs.js" */
import { askTwice } from "./ask-twice.js";
import { avatar } from "./avatar.js";
import { h, setText } from "./dom.js";
import { errorText } from "./errors.js";
import { icon } from "./icons.js";
import { contactName, trust } from "./people.js";
import { qrImage } from "./qr.js";

/**
 * Who a contact is, and whether it is really them: the safety number to compare, and what can be done about the contact.
 *
 * @param {Phone} phone
 * @param {Contact} contact
 * @param {{ remove: (contact: Contact) => Promise<void>, block: (person: Contact) => Promise<void> }} actions
 * @returns {DialogView}
 */
export function contactDialog(phone, contact, actions) {
  const name = contactName(contact);
  const said = h("p", { class: "trust-line" });
  const warning = h("div", { class: "caution", role: "alert", "data-testid": "new-device-warning" }, h("p", {}, h("bdi", {}, name), " has added a device since you verified them. If you do not know of it, ask them, and compare the numbers again."));
  const number = h("div", { class: "safety", "data-testid": "safety" });
  const error = h("p", { class: "field-error", role: "alert", hidden: true });
  const verify = h("button", { class: "button primary", type: "button", "data-testid": "verify", onclick: () => void attempt(() => phone.verify(contact)) });
  const unverify = h("button", { class: "link", type: "button", "data-testid": "unverify", onclick: () => void attempt(() => phone.unverify(contact)) }, "Not verified any more");

  /** @param {() => Promise<void>} act */
  async function attempt(act) {
    error.hidden = true;
    verify.disabled = true;
    try {
      await act();
    } catch (failure) {
      error.hidden = false;
      setText(error, errorText(failure));
    }
    verify.disabled = false;
    update();
  }

  async function showNumber() {
    try {
      const { emoji, digits, qr } = await phone.safetyNumber(contact);
      number.replaceChildren(
        h("p", { class: "safety-emoji", "data-testid": "safety-emoji" }, ...emoji.split(" ").map((one) => h("span", {}, one))),
        h("p", { class: "safety-digits mono", "data-testid": "safety-digits" }, ...digits.split(/\s+/).map((group) => h("span", {}, group))),
        h("details", {}, h("summary", {}, "Show as QR code"), qrImage(qr, "The safety number as a QR code")),
      );
    } catch (failure) {
      number.replaceChildren(h("p", { class: "field-error" }, errorText(failure)));
    }
  }

  let shown = "";
  function update() {
    const now = phone.contacts.find(({ id }) => id === contact.id);
    const state = now ? trust(now) : "gone";
    if (state === shown) return;
    shown = state;
    said.dataset.state = state;
    said.replaceChildren(...lineOf(state));
    warning.hidden = state !== "changed";
    verify.hidden = state === "verified" || state === "gone";
    unverify.hidden = state === "unverified" || state === "gone";
    setText(verify, state === "changed" ? "They still match" : "Mark as verified");
  }

  void showNumber();
  update();
  return {
    title: name,
    testid: "contact-dialog",
    body: h(
      "div",
      { class: "dialog-body" },
      h("div", { class: "dialog-person" }, avatar(name, contact.id, "small"), said),
      warning,
      h("h3", {}, "Safety number"),
      h("p", { class: "muted small" }, "Compare it with ", h("bdi", {}, name), ", side by side or in a call in which you know their voice. If you both see the same, nobody is between you."),
      number,
      error,
      h("div", { class: "row wrap" }, verify, unverify),
      h(
        "p",
        { class: "dialog-foot" },
        askTwice({ label: "Block", name: `Block ${name}`, question: `Block ${name}?`, testid: "block", act: () => actions.block(contact) }),
        askTwice({ label: "Remove", name: `Remove ${name}`, question: `Remove ${name}?`, testid: "remove-contact", act: () => actions.remove(contact) }),
      ),
    ),
    update,
  };
}

/** @param {string} state */
function lineOf(state) {
  switch (state) {
    case "verified":
      return [icon("shieldCheck"), "You verified them."];
    case "changed":
      return [icon("shieldWarning"), "Verified, but there is a new device."];
    case "gone":
      return ["Not in your contacts any more."];
    default:
      return [icon("shield"), "You have not verified them yet."];
  }
}
