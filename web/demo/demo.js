/** @import { ClosedEvent, View } from "./types.js" */
import { deviceLabel, ownLabel } from "./device-label.js";
import { byId } from "./dom.js";
import { brand } from "./header.js";
import { accountPlace, forgetWish, freshPlace, isKnown, readHash, setAccountPlace, storeName, storedName } from "./profile.js";
import { startSession } from "./session.js";
import { fatalView } from "./view-fatal.js";
import { linkView } from "./view-link.js";
import { openingView } from "./view-opening.js";
import { restoreView } from "./view-restore.js";

/** The demo page: opens a phone for the profile in the address, and opens it again when its name or account changes. */

const { profile, card, join } = readHash(location.hash);
const invited = card !== "";
const relay = location.origin;

/** Tabs of one profile tell each other that it gets another account. */
const leavingKey = `ringfork-demo:leaving:${profile}`;

/** @type {View | null} */
let view = null;

/**
 * @param {View} next
 * @param {boolean} [takeFocus]
 */
function show(next, takeFocus = true) {
  view?.close?.();
  view = next;
  byId("screen").replaceChildren(next.element);
  if (takeFocus) next.focus?.();
}

/**
 * @param {string} screen
 * @param {View} next
 * @param {boolean} [takeFocus]
 */
function showAlone(screen, next, takeFocus) {
  document.body.dataset.screen = screen;
  if (screen !== "opening") byId("header").replaceChildren(brand());
  show(next, takeFocus);
}

/** @param {unknown} error */
function fail(error) {
  console.error(error);
  document.title = "Ringfork stopped";
  showAlone("fatal", fatalView(error, () => location.reload(), () => void startOver()));
}

async function loadModule() {
  try {
    return await import("../ringfork.js");
  } catch (cause) {
    throw Object.assign(new Error("failed to load the module", { cause }), { code: "module-load-failed" });
  }
}

/**
 * What to open the profile with. Name and label only where they are new: otherwise the account says what they are, which
 * another device may have changed.
 *
 * @typedef {{ name?: string, label?: string, restore?: string, passphrase?: string }} Wish
 */

/**
 * @param {string} name
 * @returns {Wish}
 */
function named(name) {
  return { name, label: deviceLabel(name) };
}

/**
 * Opens the profile's phone, once more if its name or label would not do.
 *
 * @param {Wish} wish
 * @param {string} [place]  where its account is
 */
async function openPhoneOf(wish, place = accountPlace(profile)) {
  const { openPhone } = await loadModule();
  const open = (/** @type {Wish} */ wish) => openPhone({ relay, profile: place, incoming: "anyone", ...wish });
  let phone = await open(wish);
  const name = phone.name || storedName(profile, invited); // without one, it is an account that is new
  const label = ownLabel(phone.devices, name);
  if (phone.name !== name || phone.devices.find(({ current }) => current)?.label !== label) {
    await phone.close();
    phone = await open({ name, label });
  }
  storeName(profile, name);
  return { phone, name, label };
}

/** @param {Wish} wish */
async function open(wish) {
  showAlone("opening", openingView(), false);
  try {
    enter(await openPhoneOf(wish));
  } catch (error) {
    fail(error);
  }
}

/**
 * Shows the page around an open phone.
 *
 * @param {Awaited<ReturnType<typeof openPhoneOf>>} opened
 */
function enter({ phone, name, label }) {
  const left = new AbortController();
  const { signal } = left;
  const session = startSession({ phone, profile, name, label, show, rename, elsewhere: (how, invitation) => void elsewhere(how, invitation) });

  /** Closes the phone, once. */
  async function leave() {
    left.abort();
    session.close();
    await phone.close();
  }

  /** @param {Wish} wish */
  async function reopen(wish) {
    if (signal.aborted) return;
    await leave();
    await open(wish);
  }

  /** @param {string} next */
  function rename(next) {
    void reopen({ name: next, label: ownLabel(phone.devices, next) });
  }

  /** Takes over a name given in another tab or on another device, once no call is in the way. */
  function followName() {
    if (phone.name !== name && !session.desk.busy) void reopen({});
  }

  /** @param {"link" | "restore"} how @param {string} [invitation] */
  async function elsewhere(how, invitation) {
    if (signal.aborted) return;
    if (!invitation) tellLeaving(); // else its user is asked first
    await leave();
    arrive(how, invitation);
  }

  phone.addEventListener("devices", followName, { signal });
  addEventListener(
    "storage",
    ({ key }) => {
      if (key === leavingKey) void leave().then(() => fail({ code: "closed" }));
    },
    { signal },
  );
  session.desk.addEventListener("change", followName, { signal });
  phone.addEventListener(
    "closed",
    (/** @type {ClosedEvent} */ event) => {
      // Back from the browser's history: the page was left, and its phone with it.
      if (event.reason === "left") return void reopen({});
      left.abort();
      session.close();
      fail(event.error ?? { code: "closed" });
    },
    { signal },
  );
}

/** Has the profile's other tabs leave its account. */
function tellLeaving() {
  localStorage.setItem(leavingKey, String(Date.now()));
}

/**
 * Brings an account here that is elsewhere, in the place of this profile's, which is kept until the other one is there: its card
 * may have been given to somebody.
 *
 * @param {"link" | "restore"} how
 * @param {string} [invitation]  the link that a device of that account shows
 */
function arrive(how, invitation) {
  document.title = "Ringfork";
  const place = freshPlace(profile);
  const over = new AbortController();
  // Another link, of an account or a new device: from the start.
  addEventListener("hashchange", () => location.reload(), { signal: over.signal });
  const forget = async () => (await loadModule()).removeProfile(place);
  const back = () => {
    over.abort();
    void forget().catch(() => {}); // at worst an empty database stays
    void open(wishOf());
  };
  async function moveIn() {
    over.abort();
    const before = accountPlace(profile);
    setAccountPlace(profile, place);
    tellLeaving(); // tabs that were opened meanwhile have the account that goes
    await (await loadModule()).removeProfile(before);
  }
  if (how === "link") {
    const request = async (/** @type {AbortSignal} */ signal) => {
      if (invitation) tellLeaving();
      await forget();
      return (await loadModule()).requestLink({ relay, profile: place, label: deviceLabel(""), invitation, signal });
    };
    const done = () => void moveIn().then(() => open({}), fail);
    const before = isKnown(profile) ? storedName(profile, invited) : "";
    showAlone("link", linkView({ request, done, back, invited: invitation ? { before } : null }));
    return;
  }
  const restore = async (/** @type {string} */ backup, /** @type {string} */ passphrase) => {
    await forget();
    const opened = await openPhoneOf({ restore: backup, passphrase }, place);
    await moveIn();
    enter(opened);
  };
  showAlone("restore", restoreView({ restore, back }));
}

/** After this device was removed from its account: with an account of its own. */
async function startOver() {
  try {
    await (await loadModule()).removeProfile(accountPlace(profile));
    location.reload();
  } catch (error) {
    fail(error);
  }
}

/** @returns {Wish} */
function wishOf() {
  return isKnown(profile) ? {} : named(storedName(profile, invited));
}

if (join) {
  forgetWish(profile);
  arrive("link", join);
} else void open(wishOf());
