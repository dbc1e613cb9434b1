/**
 * The account's own devices and keys.
 */

import { unlessAborted } from "./abort.js";
import { OwnDevicesEvent } from "./events.js";
import { bad, checkPassphrase } from "./options.js";
import { frozen, idOf, same } from "./people.js";

/** @import { Endpoint } from "./endpoint.js" */
/** @import { DeviceInvitation, LinkApproval, OwnDevice, RawDevice, RawPhone } from "./types.js" */

export class Devices {
  /** @type {readonly OwnDevice[]} */
  list = Object.freeze([]);

  #endpoint;
  #tell;

  /**
   * @param {Endpoint} endpoint
   * @param {(event: OwnDevicesEvent) => void} tell
   */
  constructor(endpoint, tell) {
    this.#endpoint = endpoint;
    this.#tell = tell;
  }

  /**
   * Takes over what an opened phone knows, silently.
   * @param {RawPhone} raw
   */
  begin(raw) {
    this.list = frozen(raw.devices().map(deviceOf));
  }

  /**
   * Reads the list again, and tells if it changed.
   * @param {boolean} [renamed] whether the account has another name: that is told, too
   */
  read(renamed = false) {
    const raw = this.#endpoint.readable;
    if (!raw) return;
    const { list } = this;
    this.begin(raw);
    const changed = !same(list, this.list);
    if (!changed) this.list = list;
    if (changed || renamed) this.#tell(new OwnDevicesEvent(this.list));
  }

  /** @param {string | { id: string }} device */
  revoke(device) {
    return this.#change((raw) => raw.revoke(idOf(device)));
  }

  /**
   * @param {string} code
   * @returns {Promise<LinkApproval>}
   */
  async approveLink(code) {
    if (typeof code !== "string" || !code) bad("a link is given by its text");
    return this.#approval(await this.#endpoint.ask((raw) => raw.approveLink(code)));
  }

  /** @returns {Promise<DeviceInvitation>} */
  async inviteDevice() {
    const { code, qr, asking, cancel } = await this.#endpoint.ask((raw) => raw.inviteDevice());
    asking.catch(() => {}); // the phone may be closed by now, and nobody waits for it
    const back = new AbortController();
    let over = false;
    const asked = this.#endpoint.ask(() => asking).finally(() => (over = true));
    const approval = unlessAborted(asked, back.signal, (late) => void late.reject().catch(() => {})).then((raw) =>
      this.#approval(raw),
    );
    approval.catch(() => {}); // an application may not wait for it
    return Object.freeze({
      code,
      qr,
      asking: approval,
      cancel: () => {
        if (over || back.signal.aborted) return;
        back.abort();
        try {
          cancel();
        } catch {
          // It crashed: nothing is left to cancel.
        }
      },
    });
  }

  /**
   * @param {LinkApproval} raw
   * @returns {LinkApproval}
   */
  #approval({ confirm, label, approve, reject }) {
    return Object.freeze({
      confirm,
      label,
      approve: () => this.#change(() => approve()),
      reject: () => this.#endpoint.ask(() => reject()),
    });
  }

  /**
   * @param {string} passphrase
   * @returns {Promise<string>}
   */
  async backup(passphrase) {
    checkPassphrase(passphrase);
    return this.#change((raw) => raw.backup(passphrase));
  }

  /**
   * Does what changes the stored account. The list is up to date when it resolves.
   * @template T
   * @param {(raw: RawPhone) => Promise<T>} ask
   * @returns {Promise<T>}
   */
  async #change(ask) {
    const result = await this.#endpoint.ask(ask);
    this.read();
    this.#endpoint.tellStored();
    return result;
  }
}

/** @param {RawDevice} device */
function deviceOf({ id, label, kind, current, addedAt }) {
  return { id, label, kind, current, addedAt: new Date(addedAt) };
}
