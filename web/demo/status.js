/** @import { Call } from "./types.js" */
/** @import { Desk } from "./calls.js" */
import { contactName, peerName } from "./people.js";
import { plural } from "./endings.js";

/**
 * Which screen a call is on.
 *
 * @param {Desk} desk
 * @returns {"home" | "incoming" | "outgoing" | "active" | "ended"}
 */
export function screenOf(desk) {
  const call = desk.front;
  if (desk.starting) return "outgoing";
  if (!call) return "home";
  if (call.state === "ended") return "ended";
  if (call.direction === "incoming") return call.state === "ringing" && !desk.notes(call).accepting ? "incoming" : "active";
  return call.state === "dialing" || call.state === "ringing" ? "outgoing" : "active";
}

/** Device states in which nothing rings there. */
const silent = new Set(["declined", "busy", "gone"]);

/**
 * The devices that still ring.
 *
 * @param {Call} call
 * @returns {number}
 */
export function ringingCount(call) {
  return call.devices.filter((device) => !silent.has(device.state)).length;
}

/**
 * What a device of the person called does, in a word.
 *
 * @param {string} state
 * @returns {string}
 */
export function deviceWord(state) {
  switch (state) {
    case "accepted":
    case "won":
      return "Answered";
    case "declined":
      return "Declined";
    case "busy":
      return "Busy";
    default:
      return silent.has(state) ? "Gone" : "Ringing";
  }
}

/**
 * The state of what is in front, as one short line.
 *
 * @param {Desk} desk
 * @returns {string}
 */
export function stateLine(desk) {
  const call = desk.front;
  if (desk.starting) return "Starting the call…";
  if (!call) return "";
  switch (screenOf(desk)) {
    case "incoming":
      return desk.notes(call).video ? "Incoming video call" : "Incoming call";
    case "outgoing": {
      const count = ringingCount(call);
      if (count > 0) return `Ringing on ${plural(count, "device")}`;
      return call.devices.length > 0 ? "Nobody rings any more" : `Calling ${peerName(call.peer)}…`;
    }
    case "ended":
      return desk.ending(call).title;
    default:
      if (call.state === "active") return "In call";
      return call.state === "reconnecting" ? "Reconnecting…" : "Connecting…";
  }
}

/**
 * The same as a sentence for a screen reader and, short, for the page title.
 *
 * @param {Desk} desk
 * @returns {{ sentence: string, title: string }}
 */
export function told(desk) {
  const call = desk.front;
  if (desk.starting) return { sentence: `Calling ${contactName(desk.starting.contact)}`, title: `(Calling ${contactName(desk.starting.contact)})` };
  if (!call) return { sentence: "", title: "" };
  const name = peerName(call.peer);
  switch (screenOf(desk)) {
    case "incoming":
      return { sentence: `${name} is calling`, title: `(${name} is calling)` };
    case "outgoing":
      return { sentence: `${name}: ${stateLine(desk)}`, title: `(Calling ${name})` };
    case "ended": {
      const { title, detail } = desk.ending(call);
      return { sentence: `${title}. ${detail}`, title: `(${title})` };
    }
    default:
      return call.state === "active"
        ? { sentence: `In call with ${name}`, title: `(In call with ${name})` }
        : { sentence: stateLine(desk), title: `(${stateLine(desk)})` };
  }
}
