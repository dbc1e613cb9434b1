/** A card as a link of this page, and back. */

/**
 * Reads what somebody pasted: a link of this page, a card as the module writes it, or a bare code.
 *
 * @param {string} text
 * @returns {{ code: string, name: string }}
 */
export function readCard(text) {
  const trimmed = text.trim();
  const found = /(?:^|[#?&])card=([^&\s]+)(?:\S*?&name=([^&\s]+))?/.exec(trimmed);
  if (!found) return { code: trimmed, name: "" };
  return { code: decode(found[1] ?? ""), name: decode(found[2] ?? "") };
}

/**
 * The link to give to others: it opens this page and adds the card's owner.
 *
 * @param {string} card  as the phone gives it
 * @param {string} name
 * @returns {string}
 */
export function cardLink(card, name) {
  return `${location.origin}/#card=${encodeURIComponent(readCard(card).code)}&name=${encodeURIComponent(name)}`;
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
