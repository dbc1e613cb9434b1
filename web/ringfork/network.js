// Whether the page is on another network.

/**
 * What some browsers say of it (W3C Network Information API).
 * @typedef {EventTarget & { type?: string }} NetworkInformation
 */

/**
 * Tells when the page is on another network: it is online again, or its connection is of another type. Chromium fires `change`
 * for mere differences in what it measures, too: those are no reason to replace connections.
 * @param {() => void} changed
 * @param {AbortSignal} signal ends it
 */
export function watchNetwork(changed, signal) {
  globalThis.addEventListener?.("online", changed, { signal });
  const { navigator } = /** @type {{ navigator?: { connection?: NetworkInformation } }} */ (globalThis);
  const connection = navigator?.connection;
  let type = connection?.type;
  if (!connection || type === undefined) return;
  const look = () => {
    if (connection.type === type) return;
    type = connection.type;
    if (type !== "none") changed();
  };
  connection.addEventListener("change", look, { signal });
}
