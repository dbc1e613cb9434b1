/** @import { Phone, Contact, View } from "./types.js" */
/** @import { Desk } from "./calls.js" */
import { h } from "./dom.js";
import { addContactPanel } from "./panel-add.js";
import { contactsPanel } from "./panel-contacts.js";
import { recentPanel } from "./panel-recent.js";
import { tryPanel } from "./panel-try.js";
import { youPanel } from "./panel-you.js";

/**
 * What the home screen may ask the page to do.
 *
 * @typedef {object} HomeActions
 * @property {(contact: Contact, video: boolean) => void} call
 * @property {(contact: Contact) => Promise<void>} remove
 * @property {(card: string, name: string) => Promise<void>} add  rejects with what went wrong
 * @property {(name: string) => void} rename
 * @property {(profile: string) => string} newPersonLink  a link that opens a second person and pairs with them
 */

/**
 * @typedef {object} Home
 * @property {Phone} phone
 * @property {Desk} desk
 * @property {string} profile
 * @property {string} name
 * @property {HomeActions} actions
 */

/**
 * Contacts, own card, and what a new user needs for a first call.
 *
 * @param {Home} home
 * @returns {View & { showAddError: (error: unknown, card: string, name: string) => void }}
 */
export function homeView(home) {
  const contacts = contactsPanel(home);
  const trying = tryPanel(home);
  const recent = recentPanel(home);
  const add = addContactPanel(home);
  const heading = contacts.heading;
  return {
    element: h(
      "div",
      { class: "home" },
      h("div", { class: "column" }, contacts.element, trying.element, recent.element),
      h("div", { class: "column" }, youPanel(home), add.element),
    ),
    update() {
      contacts.update();
      trying.update();
      recent.update();
    },
    focus: () => heading.focus(),
    showAddError: add.showError,
  };
}
