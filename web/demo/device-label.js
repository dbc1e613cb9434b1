import { firstBytes } from "./profile.js";

/**
 * What this device is called where its owner's contacts see it: "Bob's Firefox on Linux".
 *
 * @param {string} owner
 * @param {string} [agent]
 * @returns {string}
 */
export function deviceLabel(owner, agent = navigator.userAgent) {
  return `${firstBytes(owner, 36)}'s ${firstMatch(browsers, agent)} on ${firstMatch(systems, agent)}`;
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
