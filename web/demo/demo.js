/** @import { ClosedEvent, View } from "./types.js" */
import { deviceLabel } from "./device-label.js";
import { byId } from "./dom.js";
import { nameKey, readHash, storeName, storedName } from "./profile.js";
import { startSession } from "./session.js";
import { fatalView } from "./view-fatal.js";
import { openingView } from "./view-opening.js";

/** The demo page: opens a phone for the profile in the address, and opens it again when its name changes. */

const { profile, card: invitation } = readHash(location.hash);

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

/** @param {unknown} error */
function fail(error) {
  console.error(error);
  byId("header").replaceChildren();
  document.title = "Ringfork stopped";
  document.body.dataset.screen = "fatal";
  show(fatalView(error, () => location.reload()));
}

async function loadModule() {
  try {
    return await import("../ringfork.js");
  } catch (cause) {
    throw Object.assign(new Error("failed to load the module", { cause }), { code: "module-load-failed" });
  }
}

/** @param {string} name */
async function open(name) {
  document.body.dataset.screen = "opening";
  show(openingView(), false);
  const label = deviceLabel(name);
  try {
    const { openPhone } = await loadModule();
    const phone = await openPhone({ relay: location.origin, profile, name, label, incoming: "anyone" });
    const session = startSession({ phone, profile, name, label, show, rename });
    const left = new AbortController();
    const { signal } = left;

    /** @param {string} next */
    async function reopen(next) {
      if (signal.aborted) return;
      left.abort();
      session.close();
      await phone.close();
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

    addEventListener("storage", followName, { signal });
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
  } catch (error) {
    fail(error);
  }
}

void open(storedName(profile, invitation !== ""));
