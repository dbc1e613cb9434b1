/** @import { Contact, ContactRequest, OwnDevice, Phone } from "./types.js" */
/** @import { Desk } from "./calls.js" */
/** @import { Dialogs } from "./dialogs.js" */
/** @import { Pairing } from "./pairing.js" */
import { readCard } from "./cards.js";
import { contactDialog } from "./dialog-contact.js";
import { linkDialog } from "./dialog-link.js";
import { contactName } from "./people.js";
import { profileLink } from "./profile.js";
import { toast } from "./toast.js";

/**
 * What the home screen may ask the page to do. Whatever goes wrong is said in passing, but for `add`, which rejects.
 *
 * @typedef {object} HomeActions
 * @property {(contact: Contact, video: boolean) => void} call
 * @property {(contact: Contact) => void} details  shows who a contact is
 * @property {(contact: Contact) => Promise<void>} remove
 * @property {(card: string, name: string) => Promise<void>} add  rejects with what went wrong
 * @property {(request: ContactRequest) => Promise<void>} accept
 * @property {(request: ContactRequest) => Promise<void>} decline
 * @property {(person: Contact | ContactRequest) => Promise<void>} block
 * @property {(id: string) => Promise<void>} unblock
 * @property {(code?: string) => void} link  a new device, by the link it shows, or by one that is shown here
 * @property {(device: OwnDevice) => Promise<void>} revoke
 * @property {(how: "link" | "restore") => void} elsewhere  leaves this account for one that is elsewhere
 * @property {(index: number) => void} dismiss  a warning
 * @property {(name: string) => void} rename
 * @property {(profile: string) => string} newPersonLink  a link that opens a second person and pairs with them
 */

/**
 * @param {object} page
 * @param {Phone} page.phone
 * @param {Desk} page.desk
 * @param {string} page.profile
 * @param {string} page.name
 * @param {Pairing} page.pairing
 * @param {Dialogs} page.dialogs
 * @param {{ code: string, name: string }[]} page.warnings
 * @param {() => void} page.render
 * @param {(error: unknown) => void} page.trouble
 * @param {(name: string) => void} page.rename
 * @param {(how: "link" | "restore") => void} page.elsewhere
 * @returns {HomeActions}
 */
export function homeActions({ phone, desk, profile, name, pairing, dialogs, warnings, render, trouble, rename, elsewhere }) {
  /** @param {Promise<unknown>} doing @param {string} [said] */
  async function attempt(doing, said = "") {
    try {
      await doing;
      if (said) toast(said);
    } catch (error) {
      trouble(error);
    }
    render();
  }

  /** @type {HomeActions} */
  const actions = {
    call: (contact, video) => void desk.start(contact, video),
    details: (contact) => dialogs.show(contactDialog(phone, contact, { remove: closing(actions.remove), block: closing(actions.block) })),
    remove: (contact) => attempt(phone.removeContact(contact)),
    async add(card, given) {
      const { code, name: theirs } = readCard(card);
      const contact = await phone.addContact(code, { name: given || theirs });
      toast(`${contactName(contact)} is in your contacts now.`);
      render();
    },
    accept: (request) => attempt(phone.acceptRequest(request, { name: request.name }), `${request.name || "They"} can call you now.`),
    decline: (request) => attempt(phone.declineRequest(request)),
    block: (person) => attempt(phone.block(person), "Nothing of theirs reaches you any more."),
    unblock: (id) => attempt(phone.unblock(id)),
    link: (code = "") => dialogs.show(linkDialog(phone, code, name, { done: (label) => toast(`${label || "The new device"} is linked.`), close: () => dialogs.close() })),
    revoke: (device) => attempt(phone.revoke(device), `${device.label || "It"} was removed.`),
    elsewhere,
    dismiss(index) {
      warnings.splice(index, 1);
      render();
    },
    rename,
    newPersonLink: (other) => profileLink(other, { card: readCard(phone.card).code, name, pair: pairing.token(), by: profile }),
  };

  /** @param {(contact: Contact) => Promise<void>} act */
  function closing(act) {
    return async (/** @type {Contact} */ contact) => {
      await act(contact);
      dialogs.close();
    };
  }
  return actions;
}
