/** @import { Phone } from "./types.js" */
import { h, setText } from "./dom.js";

const words = { connecting: "Connecting", online: "Online", offline: "Offline" };

/**
 * The line on top of every screen: the mark, who this tab is, and the relay.
 *
 * @param {string} name
 * @param {Pick<Phone, "state">} phone
 * @returns {{ elements: HTMLElement[], update: () => void }}
 */
export function headerView(name, phone) {
  const relayWord = h("span");
  const relay = h("span", { class: "relay", "data-testid": "relay-state", title: "The relay carries the messages of your calls" }, h("span", { class: "dot" }), relayWord);
  const update = () => {
    relay.dataset.state = phone.state;
    setText(relayWord, words[phone.state]);
  };
  update();
  const elements = [
    brand(),
    h("span", { class: "whoami" }, h("span", { class: "whoami-label" }, "You are "), h("bdi", {}, name)),
    relay,
  ];
  return { elements, update };
}

/** @returns {HTMLElement} */
export function brand() {
  return h("span", { class: "brand" }, h("img", { src: "/demo/icon.svg", alt: "", width: 28, height: 28 }), h("span", { class: "wordmark" }, "Ringfork"));
}
