/** @import { Contact } from "./types.js" */
/** @import { Home } from "./view-home.js" */
import { askTwice } from "./ask-twice.js";
import { avatar } from "./avatar.js";
import { h, setText } from "./dom.js";
import { plural } from "./endings.js";
import { icon } from "./icons.js";
import { contactName, localPeople, trust } from "./people.js";
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
  const blockedCount = h("summary");
  const blockedList = h("ul");
  const blockedPart = h("details", { class: "blocked", "data-testid": "blocked" }, blockedCount, blockedList);
  let shown = "";

  const update = () => {
    const { contacts, blocked } = home.phone;
    const people = localPeople(home.profile);
    const state = JSON.stringify([contacts, blocked, people]);
    if (state === shown) return; // leave focus where it is
    shown = state;
    empty.hidden = contacts.length > 0;
    list.hidden = contacts.length === 0;
    list.replaceChildren(...contacts.map((contact) => row(home, contact, people[contact.id])));
    blockedPart.hidden = blocked.length === 0;
    setText(blockedCount, `${plural(blocked.length, "person").replace("persons", "people")} blocked`);
    blockedList.replaceChildren(
      ...blocked.map(({ id, name }) => h("li", { class: "row" }, h("bdi", {}, name || "No name"), h("button", { class: "link", type: "button", "data-testid": "unblock", "aria-label": `Unblock ${name}`, onclick: () => void home.actions.unblock(id) }, "Unblock"))),
    );
  };
  update();
  return { element: h("section", { class: "panel", "aria-labelledby": "contacts-title" }, heading, list, empty, blockedPart), heading, update };
}

/**
 * @param {Home} home
 * @param {Contact} contact
 * @param {string | undefined} profile  set when this contact lives in this browser too
 */
function row(home, contact, profile) {
  const name = contactName(contact);
  const { call, details, remove } = home.actions;
  const state = trust(contact);
  const marks = { verified: "shieldCheck", changed: "shieldWarning", unverified: null };
  const words = { verified: "Verified", changed: "Verified, but there is a new device", unverified: "" };
  const mark = marks[state];
  const badge = mark ? h("span", { class: "verified", "data-testid": "badge", "data-state": state, role: "img", "aria-label": words[state], title: words[state] }, icon(/** @type {"shieldCheck" | "shieldWarning"} */ (mark))) : null;
  const links = h(
    "span",
    { class: "contact-links" },
    profile ? h("a", { class: "link", href: profileLink(profile), target: "_blank", rel: "noopener", "data-testid": "open-as" }, `Open a tab as ${name}`) : null,
    h("button", { class: "link", type: "button", "data-testid": "details", "aria-label": `Details of ${name}`, onclick: () => details(contact) }, "Details"),
    askTwice({ label: "Remove", name: `Remove ${name}`, question: `Remove ${name}?`, testid: "remove", act: () => remove(contact) }),
  );
  return h(
    "li",
    { class: "contact", "data-testid": "contact", "data-id": contact.id },
    avatar(name, contact.id, "small"),
    h("span", { class: "contact-text" }, h("bdi", { class: "contact-name" }, name, badge), links),
    h("button", { class: "button primary call-button", type: "button", "data-testid": "call-audio", "aria-label": `Call ${name}`, onclick: () => call(contact, false) }, icon("phone"), h("span", { class: "wide" }, "Call")),
    h("button", { class: "button call-button", type: "button", "data-testid": "call-video", "aria-label": `Video call ${name}`, onclick: () => call(contact, true) }, icon("video"), h("span", { class: "wide" }, "Video")),
  );
}
