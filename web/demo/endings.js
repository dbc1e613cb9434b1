/**
 * What is said when a call is over, to either side.
 *
 * @typedef {object} Ended
 * @property {string} reason      the call's endReason
 * @property {boolean} incoming
 * @property {string} name        the other person
 * @property {string} answeredBy  label of the own device that answered, or ""
 * @property {string} ownLabel    label of this device
 * @property {boolean} hereOnly   declined for this tab alone
 * @property {number | null} seconds  how long both could talk; null if never
 */

/**
 * @typedef {object} Ending
 * @property {string} title
 * @property {string} detail
 * @property {string} line    the same in a few words, for the list of recent calls
 * @property {boolean} brief  nothing to do here: the screen leaves by itself
 * @property {boolean} [bad]  something went wrong
 * @property {boolean} [missed]
 */

/**
 * @param {Ended} ended
 * @returns {Ending}
 */
export function ending(ended) {
  const { reason, incoming, name, hereOnly, seconds } = ended;
  switch (reason) {
    case "hangup":
      return seconds === null
        ? { title: "Call ended", detail: "It ended before you were connected.", line: "Ended", brief: false }
        : { title: "Call ended", detail: `You talked for ${spoken(seconds)}.`, line: clock(seconds), brief: false };
    case "declined":
      if (!incoming) return { title: "Declined", detail: `${name} declined your call.`, line: "Declined", brief: false };
      return hereOnly
        ? { title: "Declined here", detail: "Your other tabs and devices go on ringing.", line: "Declined here", brief: true }
        : { title: "You declined", detail: `${name} has been told.`, line: "You declined", brief: true };
    case "busy":
      return incoming
        ? { title: "You were busy", detail: `${name} was told that you are in another call.`, line: "You were busy", brief: true, missed: true }
        : { title: "Busy", detail: `${name} is in another call. Try again later.`, line: "Busy", brief: false };
    case "cancelled":
      return incoming
        ? { title: "Missed call", detail: `${name} stopped calling.`, line: "Missed call", brief: false, missed: true }
        : { title: "Call cancelled", detail: `You stopped before ${name} answered.`, line: "Cancelled", brief: true };
    case "unanswered":
      return incoming
        ? { title: "Missed call", detail: `${name} called, and nobody answered.`, line: "Missed call", brief: false, missed: true }
        : { title: "No answer", detail: `${name} did not answer. Perhaps no tab of theirs is open.`, line: "No answer", brief: false };
    case "answered-elsewhere":
      return { title: "Answered elsewhere", detail: `You took this call ${elsewhere(ended)}.`, line: `Answered ${elsewhere(ended)}`, brief: true };
    case "declined-elsewhere":
      return { title: "Declined elsewhere", detail: "You declined this call in another tab or on another device.", line: "Declined elsewhere", brief: true };
    case "lost":
      return { title: "Connection lost", detail: `The connection to ${name} broke and did not come back.`, line: "Connection lost", brief: false, bad: true };
    case "replaced":
      return incoming
        ? { title: "Called again", detail: `A newer call from ${name} took the place of this one.`, line: "Called again", brief: true }
        : { title: "Replaced", detail: "A newer call took the place of this one.", line: "Replaced", brief: true };
    case "moved":
      return { title: "Call moved", detail: "It goes on in another tab or on another device of yours.", line: "Moved", brief: true };
    default:
      return { title: "Call failed", detail: `No connection to ${name} could be made.`, line: "Failed", brief: false, bad: true };
  }
}

/** @param {Ended} ended */
function elsewhere({ answeredBy, ownLabel }) {
  if (!answeredBy) return "in another tab or on another device";
  return answeredBy === ownLabel ? "in another tab of this browser" : `on ${answeredBy}`;
}

/**
 * A length of time as a clock shows it: "0:07", "1:02:03".
 *
 * @param {number} seconds
 * @returns {string}
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** @param {number} seconds */
function spoken(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return plural(whole, "second");
  if (whole < 600) return whole % 60 ? `${plural(Math.floor(whole / 60), "minute")} ${plural(whole % 60, "second")}` : plural(whole / 60, "minute");
  return plural(Math.round(whole / 60), "minute");
}

/**
 * @param {number} count
 * @param {string} thing
 */
export function plural(count, thing) {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
