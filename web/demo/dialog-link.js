/** @import { DeviceInvitation, LinkApproval, Phone } from "./types.js" */
/** @import { DialogView } from "./dialogs.js" */
import { copyField } from "./copy.js";
import { h } from "./dom.js";
import { errorCode, errorText } from "./errors.js";
import { qrImage } from "./qr.js";

/**
 * A new device that is to be one of the own: it reads the link shown here, or its own link is read; then both show a short code,
 * and its owner decides.
 *
 * @param {Phone} phone
 * @param {string} code  the link that the new device shows; "" to show one
 * @param {string} owner  the own name
 * @param {{ done: (label: string) => void, close: () => void }} then
 * @returns {DialogView}
 */
export function linkDialog(phone, code, owner, then) {
  const body = h("div", { class: "dialog-body", "aria-live": "polite" });
  /** Not decided yet. @type {LinkApproval | null} */
  let open = null;
  /** Shown here, and not read yet. @type {DeviceInvitation | null} */
  let shown = null;
  let gone = false;

  /** @param {unknown} failure */
  function failed(failure) {
    open = shown = null;
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

  /** @param {DeviceInvitation} invitation */
  function show({ code, qr }) {
    const field = h("input", { id: "link-input", class: "field mono", autocomplete: "off", autocapitalize: "off", spellcheck: "false", placeholder: "Paste its link", "data-testid": "link-input" });
    const form = h(
      "form",
      {
        class: "stack link-form",
        novalidate: true,
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          const theirs = field.value.trim();
          if (!theirs) return field.focus();
          shown?.cancel();
          shown = null;
          void start(theirs);
        },
      },
      h("label", { for: "link-input" }, "Does the new device show a link instead?"),
      h("div", { class: "row" }, field, h("button", { class: "button", type: "submit", "data-testid": "link-continue" }, "Continue")),
    );
    body.replaceChildren(
      h("p", {}, "Scan this with the new device, or open the link in its browser."),
      qrImage(qr, "The link as a QR code"),
      h("div", { class: "stack" }, ...copyField({ id: "own-link", label: "Link", value: code, what: "the link", testid: "own-link", buttonTestid: "copy-link" })),
      h("p", { class: "muted small" }, "Show it to nobody else. It is good for one device, for a few minutes."),
      form,
    );
  }

  /** @param {string} theirs */
  async function start(theirs) {
    /** Whether this try is the one that the dialog shows. */
    let current = () => !gone;
    try {
      let approval;
      if (theirs) {
        body.replaceChildren(h("p", { class: "row" }, h("span", { class: "spinner small" }), "Looking for the new device…"));
        approval = await phone.approveLink(theirs);
      } else {
        const invitation = await phone.inviteDevice();
        if (gone) return invitation.cancel();
        shown = invitation;
        current = () => shown === invitation;
        show(invitation);
        approval = await invitation.asking;
      }
      if (!current()) return void approval.reject().catch(() => {});
      shown = null;
      open = approval;
      ask(approval);
    } catch (failure) {
      if (current()) failed(failure);
    }
  }

  void start(code);
  return {
    title: "Link a device",
    testid: "link-dialog",
    body,
    firm: true,
    closed() {
      gone = true;
      shown?.cancel();
      shown = null;
      void open?.reject().catch(() => {});
    },
  };
}
