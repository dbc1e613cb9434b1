/**
 * The account's own devices and keys.
 */
import { OwnDevicesEvent } from "./events.js";
import type { Endpoint } from "./endpoint.js";
import type { DeviceInvitation, LinkApproval, OwnDevice, RawPhone } from "./types.js";
/** @import { Endpoint } from "./endpoint.js" */
/** @import { DeviceInvitation, LinkApproval, OwnDevice, RawDevice, RawPhone } from "./types.js" */
export declare class Devices {
    #private;
    /** @type {readonly OwnDevice[]} */
    list: readonly OwnDevice[];
    /**
     * @param {Endpoint} endpoint
     * @param {(event: OwnDevicesEvent) => void} tell
     */
    constructor(endpoint: Endpoint, tell: (event: OwnDevicesEvent) => void);
    /**
     * Takes over what an opened phone knows, silently.
     * @param {RawPhone} raw
     */
    begin(raw: RawPhone): void;
    /**
     * Reads the list again, and tells if it changed.
     * @param {boolean} [renamed] whether the account has another name: that is told, too
     */
    read(renamed?: boolean): void;
    /** @param {string | { id: string }} device */
    revoke(device: string | {
        id: string;
    }): Promise<void>;
    /**
     * @param {string} code
     * @returns {Promise<LinkApproval>}
     */
    approveLink(code: string): Promise<LinkApproval>;
    /** @returns {Promise<DeviceInvitation>} */
    inviteDevice(): Promise<DeviceInvitation>;
    /**
     * @param {string} passphrase
     * @returns {Promise<string>}
     */
    backup(passphrase: string): Promise<string>;
}
