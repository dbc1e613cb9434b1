/** @import { Contact } from "./types.js" */
/** @import { Home } from "./view-home.js" */
import { avatar } from "./avatar.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { contactName, localPeople } from "./people.js";
import { profileLink } from "./profile.js";

/**
 * The people this profile can call.
 *
 * @param {Home} home
 */
export function contactsPanel(home) {
  const heading = h("h1", { class: "panel-title", tabindex: -1, id: "contacts-title" }, "Contacts");
  const list = h("ul", { class: "contacts", "data-testid": "contacts" });
  const empty = h(
    "div",
    { class: "empty", "data-testid": "no-contacts" },
    h("p", { class: "empty-lead" }, "Nobody here yet."),
    h("p", { class: "muted" }, "Send your card to somebody, add theirs, or open a second person in this browser to try a call alone."),
  );
  let shown = "";

  const update = () => {
    const { contacts } = home.phone;
    const people = localPeople(home.profile);
    const state = JSON.stringify([contacts, people]);
    if (state === shown) return; // leave focus where it is
    shown = state;
    empty.hidden = contacts.length > 0;
    list.hidden = contacts.length === 0;
    list.replaceChildren(...contacts.map((contact) => row(home, contact, people[contact.id])));
  };
  update();
  return { element: h("section", { class: "panel", "aria-labelledby": "contacts-title" }, heading, list, empty), heading, update };
}

/**
 * @param {Home} home
 * @param {Contact} contact
 * @param {string | undefined} profile  set when this contact lives in this browser too
 */
function row(home, contact, profile) {
  const name = contactName(contact);
  const { call, remove } = home.actions;
  const links = h("span", { class: "contact-links" });
  const askRemove = () => {
    const yes = h("button", { class: "link danger", type: "button", "data-testid": "remove-confirm", onclick: () => void remove(contact) }, "Remove");
    const keep = h("button", { class: "link", type: "button", onclick: showLinks }, "Keep");
    links.replaceChildren(h("span", {}, `Remove ${name}?`), yes, keep);
    keep.focus();
  };
  const removeButton = h("button", { class: "link", type: "button", "data-testid": "remove", "aria-label": `Remove ${name}`, onclick: askRemove }, "Remove");
  /** @param {Event} [event] */
  function showLinks(event) {
    links.replaceChildren(
      ...(profile ? [h("a", { class: "link", href: profileLink(profile), target: "_blank", rel: "noopener", "data-testid": "open-as" }, `Open a tab as ${name}`)] : []),
      removeButton,
    );
    if (event) removeButton.focus();
  }
  showLinks();
  return h(
    "li",
    { class: "contact", "data-testid": "contact", "data-id": contact.id },
    avatar(name, contact.id, "small"),
    h("span", { class: "contact-text" }, h("bdi", { class: "contact-name" }, name, contact.verified ? h("span", { class: "verified", title: "Verified" }, icon("check")) : null), links),
    h("button", { class: "button primary call-button", type: "button", "data-testid": "call-audio", "aria-label": `Call ${name}`, onclick: () => call(contact, false) }, icon("phone"), h("span", { class: "wide" }, "Call")),
    h("button", { class: "button call-button", type: "button", "data-testid": "call-video", "aria-label": `Video call ${name}`, onclick: () => call(contact, true) }, icon("video"), h("span", { class: "wide" }, "Video")),
  );
}
