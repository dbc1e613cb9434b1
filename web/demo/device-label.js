/** @import { OwnDevice } from "./types.js" */
import { firstBytes } from "./profile.js";

/**
 * What this device is called where its owner's contacts see it: "Bob's Firefox on Linux".
 *
 * @param {string} owner  "" while nobody knows
 * @param {string} [agent]
 * @returns {string}
 */
export function deviceLabel(owner, agent = navigator.userAgent) {
  const device = `${firstMatch(browsers, agent)} on ${firstMatch(systems, agent)}`;
  return owner ? `${firstBytes(owner, 36)}'s ${device}` : device;
}

/**
 * The same, and a number where another device of the account is called so already: where a call was answered is told by it.
 *
 * @param {readonly OwnDevice[]} devices
 * @param {string} owner
 * @returns {string} the label that this device has, if it will do
 */
export function ownLabel(devices, owner) {
  const plain = deviceLabel(owner);
  const own = devices.find(({ current }) => current)?.label ?? "";
  const taken = new Set(devices.filter(({ current }) => !current).map(({ label }) => label));
  if (own.startsWith(plain) && /^( \d+)?$/.test(own.slice(plain.length)) && !taken.has(own)) return own;
  let label = plain;
  for (let number = 2; taken.has(label); number++) label = `${plain} ${number}`;
  return label;
}

/** The order matters: most browsers claim to be others too. @type {[RegExp, string][]} */
const browsers = [
  [/Edg/, "Edge"],
  [/OPR/, "Opera"],
  [/Firefox|FxiOS/, "Firefox"],
  [/Chrome|CriOS/, "Chrome"],
  [/Safari/, "Safari"],
  [/./, "browser"],
];

/** @type {[RegExp, string][]} */
const systems = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/CrOS/, "ChromeOS"],
  [/Windows/, "Windows"],
  [/Mac OS/, "Mac"],
  [/Linux|X11/, "Linux"],
  [/./, "a computer"],
];

/**
 * @param {[RegExp, string][]} table
 * @param {string} agent
 */
function firstMatch(table, agent) {
  return table.find(([pattern]) => pattern.test(agent))?.[1] ?? "a computer";
}
