/** @import { Home } from "./view-home.js" */
import { h, setText } from "./dom.js";
import { icon } from "./icons.js";
import { capitalised, profileLink } from "./profile.js";
import { localPeople, unusedName } from "./people.js";

/**
 * The way to a first call for one person alone: a second person in a new tab, then more tabs of theirs.
 *
 * @param {Home} home
 */
export function tryPanel(home) {
  const label = h("span");
  // A link, not window.open: no popup blocker is in the way, and the new tab gets a process of its own.
  const open = h("a", { class: "button", target: "_blank", rel: "noopener", "data-testid": "second-person", onclick: () => setTimeout(renew) }, icon("newTab"), label);
  const more = h("div", { class: "more-tabs" });
  let shown = "";

  /** Each click uses the link up: the next one is for the next tab. */
  function renew() {
    const { contacts } = home.phone;
    const name = unusedName([home.name, home.profile, ...contacts.map((contact) => contact.name), ...Object.values(localPeople(home.profile))]);
    open.href = home.actions.newPersonLink(name.toLowerCase());
  }

  const update = () => {
    const people = localPeople(home.profile);
    const local = home.phone.contacts.filter((contact) => people[contact.id]);
    const state = JSON.stringify([home.phone.contacts, people]);
    if (state === shown) return;
    shown = state;
    renew();
    open.classList.toggle("primary", home.phone.contacts.length === 0);
    setText(label, local.length > 0 ? "Open another person in a new tab" : "Open a second person in a new tab");
    const person = local[0];
    more.hidden = !person;
    if (!person) return;
    const profile = people[person.id] ?? "";
    const name = person.name || capitalised(profile);
    more.replaceChildren(
      h("p", {}, "Now let it ring: open this link in two more tabs, then call ", h("bdi", {}, name), "."),
      h("p", { class: "tab-link" }, h("a", { href: profileLink(profile), target: "_blank", rel: "noopener", "data-testid": "tab-link" }, profileLink(profile))),
    );
  };
  update();
  return {
    element: h(
      "section",
      { class: "panel try", "aria-labelledby": "try-title" },
      h("h2", { class: "panel-title", id: "try-title" }, "Try it alone"),
      h("p", { class: "muted" }, "A second person with keys of their own, in this browser. You become each other's contacts at once."),
      open,
      more,
    ),
    update,
  };
}
