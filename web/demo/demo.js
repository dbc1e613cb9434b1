/** @import { ClosedEvent, View } from "./types.js" */
import { deviceLabel } from "./device-label.js";
import { byId } from "./dom.js";
import { brand } from "./header.js";
import { nameKey, readHash, storeName, storedName } from "./profile.js";
import { startSession } from "./session.js";
import { fatalView } from "./view-fatal.js";
import { linkView } from "./view-link.js";
import { openingView } from "./view-opening.js";
import { restoreView } from "./view-restore.js";

/** The demo page: opens a phone for the profile in the address, and opens it again when its name or account changes. */

const { profile, card: invitation } = readHash(location.hash);
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
 * @param {string} name
 * @param {{ restore?: string, passphrase?: string }} [more]
 */
async function openNamed(name, more = {}) {
  const { openPhone } = await loadModule();
  const label = deviceLabel(name);
  return { phone: await openPhone({ relay, profile, name, label, incoming: "anyone", ...more }), label };
}

/** @param {string} name */
async function open(name) {
  showAlone("opening", openingView(), false);
  try {
    enter(name, await openNamed(name));
  } catch (error) {
    fail(error);
  }
}

/**
 * Shows the page around an open phone.
 *
 * @param {string} name
 * @param {Awaited<ReturnType<typeof openNamed>>} opened
 */
function enter(name, { phone, label }) {
  const left = new AbortController();
  const { signal } = left;
  const session = startSession({ phone, profile, name, label, show, rename, elsewhere: (how) => void elsewhere(how) });

  /** Closes the phone, once. */
  async function leave() {
    left.abort();
    session.close();
    await phone.close();
  }

  /** @param {string} next */
  async function reopen(next) {
    if (signal.aborted) return;
    await leave();
    await open(next);
  }

  /** @param {string} next */
  function rename(next) {
    storeName(profile, next);
    void reopen(next);
  }

  /** Takes over a name given in another tab of this profile, once no call is in the way. */
  function followName() {
    const next = storedName(profile, false);
    if (next !== name && !session.desk.busy && localStorage.getItem(nameKey(profile))) void reopen(next);
  }

  /** @param {"link" | "restore"} how */
  async function elsewhere(how) {
    if (signal.aborted) return;
    localStorage.setItem(leavingKey, String(Date.now()));
    await leave();
    arrive(name, how);
  }

  addEventListener("storage", followName, { signal });
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
      if (event.reason === "left") return void reopen(name);
      left.abort();
      session.close();
      fail(event.error ?? { code: "closed" });
    },
    { signal },
  );
}

/**
 * Brings an account here that is elsewhere, in the place of this profile's.
 *
 * @param {string} name
 * @param {"link" | "restore"} how
 */
function arrive(name, how) {
  document.title = "Ringfork";
  const back = () => void open(name);
  const forget = async () => (await loadModule()).removeProfile(profile);
  if (how === "link") {
    const request = async (/** @type {AbortSignal} */ signal) => {
      await forget();
      return (await loadModule()).requestLink({ relay, profile, label: deviceLabel(name), signal });
    };
    showAlone("link", linkView({ request, done: () => void open(name), back }));
    return;
  }
  const restore = async (/** @type {string} */ backup, /** @type {string} */ passphrase) => {
    await forget();
    enter(name, await openNamed(name, { restore: backup, passphrase }));
  };
  showAlone("restore", restoreView({ restore, back }));
}

/** After this device was removed from its account: with an account of its own. */
async function startOver() {
  try {
    await (await loadModule()).removeProfile(profile);
    location.reload();
  } catch (error) {
    fail(error);
  }
}

void open(storedName(profile, invitation !== ""));
