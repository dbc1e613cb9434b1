/** @import { Phone, View } from "./types.js" */
/** @import { HomeActions } from "./actions.js" */
/** @import { Desk } from "./calls.js" */
import { h } from "./dom.js";
import { addContactPanel } from "./panel-add.js";
import { backupPanel } from "./panel-backup.js";
import { contactsPanel } from "./panel-contacts.js";
import { devicesPanel } from "./panel-devices.js";
import { elsewherePanel } from "./panel-elsewhere.js";
import { recentPanel } from "./panel-recent.js";
import { requestsPanel } from "./panel-requests.js";
import { tryPanel } from "./panel-try.js";
import { warningsPanel } from "./panel-warnings.js";
import { youPanel } from "./panel-you.js";

/**
 * @typedef {object} Home
 * @property {Phone} phone
 * @property {Desk} desk
 * @property {string} profile
 * @property {string} name
 * @property {readonly { code: string, name: string }[]} warnings  what the phone warned of; name: whom it is about, or ""
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
  const add = addContactPanel(home);
  const [warnings, requests, trying, recent] = [warningsPanel(home), requestsPanel(home), tryPanel(home), recentPanel(home)];
  const [elsewhere, devices] = [elsewherePanel(home), devicesPanel(home)];
  const parts = [warnings, requests, contacts, trying, recent, elsewhere, devices];
  return {
    element: h(
      "div",
      { class: "home" },
      h("div", { class: "column" }, warnings.element, requests.element, contacts.element, trying.element, add.element, recent.element),
      h("div", { class: "column" }, youPanel(home), devices.element, elsewhere.element, backupPanel(home)),
    ),
    update() {
      for (const part of parts) part.update();
    },
    focus: () => contacts.heading.focus(),
    showAddError: add.showError,
  };
}
