/** @import { LinkApproval, Phone } from "./types.js" */
/** @import { DialogView } from "./dialogs.js" */
import { h } from "./dom.js";
import { errorCode, errorText } from "./errors.js";

/**
 * A new device that asks to be one of the own: both show a short code, and its owner decides.
 *
 * @param {Phone} phone
 * @param {string} code  the link that the new device shows
 * @param {string} owner  the own name
 * @param {{ done: (label: string) => void, close: () => void }} then
 * @returns {DialogView}
 */
export function approveDialog(phone, code, owner, then) {
  const body = h("div", { class: "dialog-body", "aria-live": "polite" });
  /** Not decided yet. @type {LinkApproval | null} */
  let open = null;
  let gone = false;

  /** @param {unknown} failure */
  function failed(failure) {
    open = null;
    body.replaceChildren(
      h("p", { class: "field-error", role: "alert", "data-testid": "error", "data-code": errorCode(failure) }, errorText(failure)),
      h("div", { class: "row wrap" }, h("button", { class: "button", type: "button", onclick: then.close }, "Close")),
    );
  }

  /** @param {LinkApproval} approval */
  function ask(approval) {
    const { confirm, label } = approval;
    const approve = h("button", { class: "button primary", type: "button", "data-testid": "approve", onclick: () => void decide(true) }, "Approve");
    const reject = h("button", { class: "button", type: "button", "data-testid": "reject", onclick: () => void decide(false) }, "Reject");
    async function decide(/** @type {boolean} */ yes) {
      open = null;
      approve.disabled = reject.disabled = true;
      try {
        await (yes ? approval.approve() : approval.reject());
        if (yes) then.done(label);
        then.close();
      } catch (failure) {
        failed(failure);
      }
    }
    body.replaceChildren(
      h("p", {}, h("bdi", { class: "strong" }, label || "A device without a name"), " asks to be a device of ", h("bdi", { class: "strong" }, owner), "."),
      h("p", { class: "muted" }, "Does it show this code?"),
      h("p", { class: "short-code", "data-testid": "short-code" }, confirm),
      h("p", { class: "muted small" }, "Approve only a device that you are linking yourself, right now. If it shows another code, or none, reject: somebody else uses the link. An approved device calls and answers as you, and sees your contacts."),
      h("div", { class: "row wrap" }, approve, reject),
    );
  }

  async function start() {
    body.replaceChildren(h("p", { class: "row" }, h("span", { class: "spinner small" }), "Looking for the new device…"));
    try {
      open = await phone.approveLink(code);
      if (gone) return void open.reject().catch(() => {});
      ask(open);
    } catch (failure) {
      failed(failure);
    }
  }

  void start();
  return {
    title: "Link a device",
    testid: "approve-dialog",
    body,
    firm: true,
    closed() {
      gone = true;
      void open?.reject().catch(() => {});
    },
  };
}
