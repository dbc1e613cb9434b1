/** @import { OwnDevice } from "./types.js" */
/** @import { Home } from "./view-home.js" */
import { askTwice } from "./ask-twice.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * The own devices, and the way to add one.
 *
 * @param {Home} home
 */
export function devicesPanel(home) {
  const list = h("ul", { class: "own-devices", "data-testid": "own-devices" });
  const link = h("div", { class: "stack more" }, h("button", { class: "button", type: "button", "data-testid": "link-device", onclick: () => home.actions.link() }, icon("device"), "Link a device"));
  let shown = "";
  const update = () => {
    const { devices } = home.phone;
    const state = JSON.stringify(devices);
    if (state === shown) return; // leave focus where it is
    shown = state;
    list.replaceChildren(...devices.map((device) => row(home, device)));
  };
  update();
  return { element: h("section", { class: "panel", "aria-labelledby": "devices-title" }, h("h2", { class: "panel-title", id: "devices-title" }, "Your devices"), list, link), update };
}

const kinds = { device: "Device", login: "Login", backup: "Backup" };

/**
 * @param {Home} home
 * @param {OwnDevice} device
 */
function row({ actions }, device) {
  const { label, kind, current, addedAt } = device;
  const name = label || kinds[kind];
  const date = h("time", { datetime: addedAt.toISOString() }, addedAt.toLocaleDateString([], { dateStyle: "medium" }));
  const question = kind === "device" ? "Remove it? It is out at once." : `Remove it? This ${kind} opens your account no more.`;
  return h(
    "li",
    { class: "own-device", "data-testid": "own-device", "data-kind": kind },
    h("span", { class: "device-mark" }, icon(kind === "device" ? "device" : "key")),
    h(
      "span",
      { class: "contact-text" },
      h("bdi", { class: "contact-name" }, name),
      h("span", { class: "contact-links muted" }, current ? h("span", { class: "here" }, "This device") : null, h("span", {}, kind === "backup" ? "Made " : "Added ", date), current ? null : askTwice({ label: "Remove", name: `Remove ${name}`, question, testid: "revoke", act: () => actions.revoke(device) })),
    ),
  );
}
