// What a mail is, as Kith's HTTP adapter sends it, and what is refused.

/**
 * A mail as it was sent.
 * @typedef {object} Letter
 * @property {string} from `Name <address>`, or an address alone
 * @property {string[]} to 1 to 50, in the same form
 * @property {string} subject
 * @property {string} text
 * @property {string | null} html
 * @property {Record<string, string>} headers such as `Message-ID`
 */

/** A mail that was taken: also when, in RFC 3339. @typedef {Letter & { id: string, received_at: string }} Mail */

const MOST_RECIPIENTS = 50;
/** As long as a line of a mail may be. */
const LINE_LIMIT = 998;

/** What is wrong with a mail, as a sentence. */
export class Unfit extends Error {}

/**
 * Takes what is known of a mail from JSON; what else a provider may know is left out.
 * @param {unknown} value
 * @returns {Letter}
 * @throws {Unfit}
 */
export function readLetter(value) {
  const given = objectOf(value, "the body");
  const to = given.to;
  if (!Array.isArray(to) || to.length === 0 || to.length > MOST_RECIPIENTS) throw new Unfit(`to is no list of 1 to ${MOST_RECIPIENTS} addresses`);
  if (typeof given.text !== "string") throw new Unfit("text is no string");
  if (given.html !== undefined && given.html !== null && typeof given.html !== "string") throw new Unfit("html is no string");
  const headers = Object.entries(objectOf(given.headers ?? {}, "headers"));
  for (const [name] of headers) {
    if (!/^[A-Za-z0-9-]+$/.test(name)) throw new Unfit("headers has a name that is none");
  }
  return {
    from: address(given.from, "from"),
    to: to.map((recipient) => address(recipient, "to")),
    subject: line(given.subject, "subject"),
    text: given.text,
    html: given.html ?? null,
    headers: Object.fromEntries(headers.map(([name, content]) => [name, line(content, `headers.${name}`)])),
  };
}

/**
 * Whether a mail went to an address, in whatever case it is written.
 * @param {Letter} letter
 * @param {string} wanted
 */
export function isTo(letter, wanted) {
  return letter.to.some((recipient) => bare(recipient).toLowerCase() === wanted.trim().toLowerCase());
}

/** @param {string} recipient */
function bare(recipient) {
  return /<([^<>]*)>$/.exec(recipient)?.[1] ?? recipient;
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {Record<string, unknown>}
 */
function objectOf(value, name) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Unfit(`${name} is no object`);
  return /** @type {Record<string, unknown>} */ (value);
}

/**
 * A value of a mail's head. A line break in it would begin another header.
 * @param {unknown} value
 * @param {string} name
 */
function line(value, name) {
  if (typeof value !== "string" || value.length > LINE_LIMIT) throw new Unfit(`${name} is no string of at most ${LINE_LIMIT} characters`);
  if (/\p{Cc}/u.test(value)) throw new Unfit(`${name} has a control character`);
  return value;
}

/**
 * @param {unknown} value
 * @param {string} name
 */
function address(value, name) {
  const text = line(value, name);
  if (!/^[^\s@<>]+@[^\s@<>]+$/.test(bare(text))) throw new Unfit(`${name} is no address`);
  return text;
}
