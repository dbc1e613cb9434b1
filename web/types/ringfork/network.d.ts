export type NetworkInformation = EventTarget & {
    type?: string;
};
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
export declare function watchNetwork(changed: () => void, signal: AbortSignal): void;
