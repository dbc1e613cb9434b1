/** @import { Phone, View, WarningEvent } from "./types.js" */
import { homeActions } from "./actions.js";
import { Desk } from "./calls.js";
import { Dialogs } from "./dialogs.js";
import { byId, setText } from "./dom.js";
import { errorCode, errorText } from "./errors.js";
import { headerView } from "./header.js";
import { Pairing, addPatiently, sendBack } from "./pairing.js";
import { contactName, rememberLocal } from "./people.js";
import { forgetWish, readHash } from "./profile.js";
import { screenOf, told } from "./status.js";
import { toast } from "./toast.js";
import { activeView } from "./view-active.js";
import { endedView } from "./view-ended.js";
import { homeView } from "./view-home.js";
import { incomingView } from "./view-incoming.js";
import { outgoingView } from "./view-outgoing.js";
import { showWaiting } from "./waiting-banner.js";

/**
 * One open phone and the page around it, until `close`.
 *
 * @param {object} options
 * @param {Phone} options.phone
 * @param {string} options.profile
 * @param {string} options.name
 * @param {string} options.label  of this device
 * @param {(view: View, takeFocus: boolean) => void} options.show
 * @param {(name: string) => void} options.rename
 * @param {(how: "link" | "restore", invitation?: string) => void} options.elsewhere
 * @returns {{ desk: Desk, close: () => void }}
 */
export function startSession({ phone, profile, name, label, show, rename, elsewhere }) {
  const ending = new AbortController();
  const { signal } = ending;
  const desk = new Desk(phone, label);
  const header = headerView(name, phone);
  byId("header").replaceChildren(...header.elements);

  const pairing = new Pairing(async (reply) => {
    try {
      const contact = await addPatiently(phone, reply.card, reply.name, signal);
      rememberLocal(profile, contact.id, reply.profile);
      toast(`${contactName(contact)} is in your contacts now.`);
      render();
    } catch (error) {
      trouble(error);
    }
  });

  /** @type {View | null} */
  let view = null;
  /** Kept through calls: what somebody was typing is still there after them. @type {ReturnType<typeof homeView> | null} */
  let home = null;
  let shown = "";

  function makeView() {
    const screen = screenOf(desk);
    if (screen === "outgoing") return outgoingView(desk);
    const call = desk.front;
    if (!call) return (home ??= homeView({ phone, desk, profile, name, warnings, actions }));
    if (screen === "incoming") return incomingView(desk, call, profile);
    return screen === "active" ? activeView(desk, call, actions.details) : endedView(desk, call);
  }

  function render() {
    const screen = screenOf(desk);
    // An own call has no id before it is dialing, and keeps its screen when it gets one.
    const key = screen === "outgoing" ? screen : `${screen} ${desk.front?.id ?? ""}`;
    if (key !== shown) {
      const first = shown === "";
      shown = key;
      view = makeView();
      show(view, !first);
    }
    view?.update?.();
    dialogs.update();
    showWaiting(byId("waiting"), desk);
    tell();
  }

  function tell() {
    const { sentence, title } = told(desk);
    document.title = `${title} ${name} · Ringfork`.trim();
    setText(byId("announcer"), sentence);
    document.body.dataset.screen = screenOf(desk);
    document.querySelector("link[rel=icon]")?.setAttribute("href", screenOf(desk) === "incoming" ? "/demo/icon-ringing.svg" : "/demo/icon.svg");
  }

  let wasOffline = false;
  function showRelay() {
    header.update();
    // A new try says "connecting": the banner stays until one succeeds.
    wasOffline = phone.state === "offline" || (wasOffline && phone.state !== "online");
    const banner = byId("relay-banner");
    banner.hidden = !wasOffline;
    setText(banner, !wasOffline ? "" : desk.front?.state === "active" ? "Relay unreachable. Trying again… Your call goes on without it." : "Relay unreachable. Trying again…");
  }

  /** @param {unknown} error */
  function trouble(error) {
    if (!signal.aborted) toast(errorText(error), errorCode(error));
  }

  /** @type {{ code: string, name: string }[]} */
  const warnings = [];
  const dialogs = new Dialogs(() => screenOf(desk));
  const actions = homeActions({ phone, desk, profile, name, pairing, dialogs, warnings, render, trouble, rename, elsewhere });

  /** @param {WarningEvent} event */
  function warn({ code, contact }) {
    if (code === "device-added") return render(); // said for as long as it is so, not only when it happens
    const about = contact ? contactName(contact) : "";
    if (!warnings.some((warning) => warning.code === code && warning.name === about)) warnings.push({ code, name: about });
    render();
  }

  /** Does what the address asks for, once. */
  async function followAddress() {
    const wish = readHash(location.hash);
    if (wish.profile !== profile) return location.reload(); // another person: other keys
    if (!wish.card && !wish.link && !wish.join) return;
    forgetWish(profile);
    if (wish.link) return actions.link(wish.link);
    if (wish.join) return desk.busy ? toast("End the call first, then open the link again.") : elsewhere("link", wish.join);
    if (wish.pair) void answerPairing(wish.pair);
    try {
      const contact = await addPatiently(phone, wish.card, wish.name, signal);
      if (wish.pair && wish.by) rememberLocal(profile, contact.id, wish.by);
      toast(`${contactName(contact)} is in your contacts now.`);
      render();
    } catch (error) {
      if (signal.aborted) return;
      home?.showAddError(error, wish.card, wish.name);
      if (view !== home) trouble(error);
    }
  }

  /** @param {string} token */
  async function answerPairing(token) {
    if (phone.state !== "online") {
      await new Promise((resolve) => phone.addEventListener("state", () => phone.state === "online" && resolve(null), { signal }));
    }
    sendBack({ token, card: phone.card, name, profile });
  }

  desk.addEventListener("change", render, { signal });
  desk.addEventListener("change", showRelay, { signal });
  desk.addEventListener("trouble", (event) => trouble(/** @type {CustomEvent} */ (event).detail), { signal });
  for (const type of /** @type {const} */ (["contacts", "requests", "devices"])) phone.addEventListener(type, render, { signal });
  phone.addEventListener("warning", warn, { signal });
  phone.addEventListener("state", showRelay, { signal });
  addEventListener("hashchange", () => void followAddress(), { signal });
  // Another tab of this profile may have paired with somebody.
  addEventListener("storage", render, { signal });

  render();
  showRelay();
  queueMicrotask(() => signal.aborted || void followAddress()); // the session is begun by then, and may be left again

  return {
    desk,
    close() {
      ending.abort();
      pairing.close();
      desk.close();
      dialogs.close();
      byId("waiting").replaceChildren();
      byId("relay-banner").hidden = true;
    },
  };
}
