// What the server finds in a caption, found here for made-up ones. Simpler than the server's own rules, which
// know every script: for letters of the Latin alphabet both find the same, and the demo's captions are held to
// that (`tests/scripts/demo.spec.ts`).

/** @typedef {{ username: string, start: number, end: number }} Mention places in code points */

/** A `#` that no word runs into, and a word after it that is not all digits. */
const TAG = /(?<![\p{L}\p{N}_#&/])#([\p{L}\p{N}_]*[\p{L}_][\p{L}\p{N}_]*)/gu;

/** An `@` that no word runs into, and a username after it, which does not end with a full stop. */
const MENTION = /(?<![\p{L}\p{N}_@./])@([a-z0-9_][a-z0-9_.]{1,28}[a-z0-9_])/giu;

/**
 * The hashtags in it, folded, each once.
 * @param {string} caption
 */
export function findTags(caption) {
  return [...new Set([...caption.matchAll(TAG)].map(([, tag]) => /** @type {string} */ (tag).toLowerCase()))];
}

/**
 * The usernames in it, each time one stands there.
 * @param {string} caption
 * @returns {Mention[]}
 */
export function findMentions(caption) {
  return [...caption.matchAll(MENTION)].map((found) => {
    const start = codePoints(caption.slice(0, found.index));
    return { username: /** @type {string} */ (found[1]).toLowerCase(), start, end: start + codePoints(found[0]) };
  });
}

/** @param {string} text */
function codePoints(text) {
  return Array.from(text).length;
}
