/**
 * The usual transport: one WebSocket to read mailboxes, one fetch for everything else.
 */
import type { TokenOption } from "./token.js";
import type { Transport } from "./types.js";
/**
 * Makes the transport to the relay at `url` (http, https, ws or wss; a path is a prefix of the relay's own paths).
 * Nothing is connected before `start()`.
 * @param {string | URL} url
 * @param {{ token?: TokenOption }} [options] token: as for `openPhone`
 * @returns {Transport & { iceServers(): RTCIceServer[], iceReady(): Promise<void> }}
 * @throws {RingforkError} bad-argument
 */
export declare function relayTransport(url: string | URL, { token }?: {
    token?: TokenOption;
}): Transport & {
    iceServers(): RTCIceServer[];
    iceReady(): Promise<void>;
};
