/** @import { Link, View } from "./types.js" */
import { copyField } from "./copy.js";
import { h } from "./dom.js";
import { errorCode, errorText } from "./errors.js";
import { qrImage } from "./qr.js";

/**
 * This device waits to be linked to an account that another device has.
 *
 * @param {object} options
 * @param {(signal: AbortSignal) => Promise<Link>} options.request
 * @param {() => void} options.done
 * @param {() => void} options.back
 * @param {{ before: string } | null} options.invited  it has opened the link that the other device shows; before: whose account is
 *   here now, if somebody's is
 * @returns {View}
 */
export function linkView({ request, done, back, invited }) {
  const leaving = new AbortController();
  const heading = h("h1", { tabindex: -1 }, "Link this device");
  const body = h("div", { class: "stack steps", "aria-live": "polite" });
  const leave = h("button", { class: "link", type: "button", "data-testid": "link-back", onclick: back }, invited?.before ? `Stay ${invited.before}` : "Start without it");

  /** @param {unknown} failure */
  function failed(failure) {
    if (leaving.signal.aborted) return;
    body.replaceChildren(
      h("p", { class: "field-error", role: "alert", "data-testid": "error", "data-code": errorCode(failure) }, errorText(failure)),
      h("button", { class: "button primary", type: "button", "data-testid": "link-again", onclick: () => void start() }, invited ? "Try again" : "Make a new link"),
    );
  }

  /** A link is opened quickly, and may be anybody's. @param {string} before */
  function question(before) {
    body.replaceChildren(
      h("p", {}, "This browser becomes a device of the account that shows the link: calls to it ring here, too."),
      h("p", { class: "muted" }, "Go on only if you opened the link from your own device, just now."),
      ...(before ? [h("p", { class: "muted" }, "Here you are ", h("bdi", { class: "strong" }, before), " now. That account goes from this browser, with its contacts.")] : []),
      h("button", { class: "button primary", type: "button", "data-testid": "join", onclick: () => void start() }, "Link this device"),
    );
  }

  async function start() {
    body.replaceChildren(h("p", { class: "row center muted" }, h("span", { class: "spinner small" }), invited ? "Looking for your other device…" : "Making a link…"));
    try {
      const link = await request(leaving.signal);
      link.done.catch(failed);
      if (!invited) showLink(link);
      showCode(await link.confirm);
      await link.done;
      done();
    } catch (failure) {
      failed(failure);
    }
  }

  /** @param {Link} link */
  function showLink(link) {
    const address = /^https?:/.test(link.code) ? link.code : `${location.origin}/#link=${encodeURIComponent(link.code)}`;
    body.replaceChildren(
      h("p", { class: "muted" }, "Scan this with a device that has your account, or open the link in a browser that has it."),
      qrImage(link.qr, "The link as a QR code"),
      ...copyField({ id: "own-link", label: "Link", value: address, what: "the link", testid: "own-link", buttonTestid: "copy-link" }),
      h("p", { class: "muted small" }, "Show it to nobody else. It is good for one device, for a few minutes."),
    );
  }

  /** @param {string} code */
  function showCode(code) {
    body.replaceChildren(
      h("p", {}, "Your other device asks whether this one may be linked."),
      h("p", { class: "short-code", "data-testid": "short-code" }, code),
      h("p", { class: "muted" }, "Approve it there if it shows the same code."),
      h("p", { class: "row center muted" }, h("span", { class: "spinner small" }), "Waiting for it…"),
    );
  }

  if (invited) question(invited.before);
  else void start();
  return { element: h("section", { class: "plain narrow", "data-testid": "link-view" }, heading, body, leave), focus: () => heading.focus(), close: () => leaving.abort() };
}
