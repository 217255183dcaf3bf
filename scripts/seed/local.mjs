// Runs under the Node that wrangler needs: opens the local D1 as `wrangler dev` would, and fills it.
// `../seed.mjs` and `../start.mjs` start it; nobody else does.
//
//   node local.mjs                    the demo people, once
//   node local.mjs --if-empty         the same, unless anybody is there
//   node local.mjs --scale 100000     so many posts, and a tenth as many people

import { parseArgs } from "node:util";
import { getPlatformProxy } from "wrangler";
import { Failure, formatDuration, main, messageOf, say } from "../progress.mjs";
import { DEMO_PASSWORD, DEMO_USERNAME, DEMO_USERNAMES, seedDemo } from "./demo.mjs";
import { FIRST_USERNAME, seedScale } from "./scale.mjs";

/** @typedef {import("./rows.mjs").Database} Database */

/**
 * @param {Database} db
 * @param {readonly string[]} usernames
 */
async function countTaken(db, usernames) {
  const sql = "select count(*) as taken from users where username in (select value from json_each(?1))";
  return Number(await db.prepare(sql).bind(JSON.stringify(usernames)).first("taken"));
}

/**
 * @param {Database} db
 * @param {boolean} onlyIfEmpty
 */
async function addDemo(db, onlyIfEmpty) {
  const taken = await countTaken(db, DEMO_USERNAMES);
  if (taken === DEMO_USERNAMES.length) {
    say(`The ${taken} demo people are there already; every password is: ${DEMO_PASSWORD}`);
    return;
  }
  if (onlyIfEmpty && Number(await db.prepare("select exists (select 1 from users) as anybody").first("anybody")) === 1) {
    say("Somebody is there already; nothing added.");
    return;
  }
  if (taken > 0) {
    throw new Failure(`${taken} of the demo usernames belong to others. \`npm run reset\` starts over.`);
  }
  const made = await seedDemo(db, Date.now());
  say(`Added ${made.people} demo people with ${made.posts} posts, ${made.comments} comments, ${made.likes} likes and ${made.follows} follows.`);
  say(`Sign in as any of them, for example ${DEMO_USERNAME}; every password is: ${DEMO_PASSWORD}`);
}

/**
 * @param {Database} db
 * @param {number} posts
 * @param {number} seed
 */
async function addScale(db, posts, seed) {
  if ((await countTaken(db, [FIRST_USERNAME])) > 0) {
    throw new Failure("The database has been filled before. `npm run reset` starts over.");
  }
  const begun = performance.now();
  const made = await seedScale(db, { posts, seed }).catch((/** @type {unknown} */ error) => {
    throw new Failure(`Seeding broke off (${messageOf(error)}). \`npm run reset\` removes what is half done.`);
  });
  const took = formatDuration(performance.now() - begun);
  say(`Added ${made.people} people, ${made.posts} posts, ${made.comments} comments, ${made.likes} likes and ${made.follows} follows in ${took}.`);
  say(`They are called ${FIRST_USERNAME} and so on; every password is: ${DEMO_PASSWORD}`);
}

await main(async () => {
  const { values } = parseArgs({
    options: { "if-empty": { type: "boolean", default: false }, scale: { type: "string" }, seed: { type: "string", default: "1" } },
  });
  const proxy = await getPlatformProxy();
  try {
    const db = /** @type {Database} */ (proxy.env.DB);
    if (values.scale === undefined) await addDemo(db, values["if-empty"]);
    else await addScale(db, Number(values.scale), Number(values.seed));
  } finally {
    await proxy.dispose();
  }
});
