// The small, lively demo: twenty people who post, like and follow, so that the first requests of a
// newcomer find something to look at. Asha and Ben are left out: they are the reader's to register.

import { Random } from "./random.mjs";
import { DEMO_PASSWORD, insertFollows, insertLikes, insertPeople, insertPosts } from "./rows.mjs";

export { DEMO_PASSWORD };

/** @typedef {import("./rows.mjs").Database} Database */
/** @typedef {import("./rows.mjs").Person} Person */
/** @typedef {import("./rows.mjs").Post} Post */
/** @typedef {import("./rows.mjs").Like} Like */
/** @typedef {import("./rows.mjs").Follow} Follow */

const DAY_MS = 24 * 3_600_000;
const PERIOD_MS = 21 * DAY_MS;
const SEED = 7;

/** @type {readonly (readonly [username: string, displayName: string, bio: string, captions: readonly string[]])[]} */
const PEOPLE = [
  ["mira", "Mira Castellanos", "Film photography, mostly harbours.", ["First roll from the old Zenit. Half of it is my thumb, the other half is gold.", "The ferry at six in the morning belongs to gulls and nurses.", "Scanned 36 frames tonight. Kept two. That is a good ratio. #film"]],
  ["tomoko", "Tomoko Abe", "Sourdough, slowly.", ["Day nine of the starter. It has a name now, so I cannot give up. #sourdough", "Crumb shot, because I am that person.", "If your kitchen is cold, put the dough on the router. You are welcome."]],
  ["kwame", "Kwame Boateng", "Cyclist. Accra, then wherever the road goes.", ["120 km, two punctures, one very patient goat.", "New chain, new me. #cycling", "Headwind both ways. I want to speak to whoever is in charge."]],
  ["greta", "Greta Lindqvist", "Choir, cold water, cardamom.", ["The lake is four degrees and I have never been so awake.", "We open with Pärt on Saturday. Come early, the benches are hard.", "Cardamom buns for the basses, who were brave."]],
  ["priya", "Priya Nair", "I draw buildings that do not exist yet.", ["Sketch of a library with a tree in the reading room. The tree was there first.", "Cut the model twice, measured once. Learn from me.", "A stair is a place too. #architecture"]],
  ["dmitri", "Dmitri Volkov", "Chess, badly and often.", ["Lost to a nine-year-old. She apologised, which was worse.", "Found a draw in a position I had resigned in my head ten moves ago.", "The endgame is where honesty lives. #chess"]],
  ["lucia", "Lucía Ferrer", "Marine biologist on dry land this year.", ["Counted 214 seahorses in a photograph archive today. My eyes see seahorses now.", "Octopus facts upon request.", "Low tide at dawn, boots full of water, extremely happy. #ocean"]],
  ["jonas", "Jonas Weber", "Repairs radios. Listens to them, too.", ["A 1958 Grundig came in dead and left singing. One capacitor, fifty cents.", "The smell of warm valves should be a perfume.", "Shortwave tonight: something in Portuguese and a lot of weather."]],
  ["hana", "Hana Novák", "Trains, maps, night trains on maps.", ["Couchette, window seat, soup from a flask. Nobody can reach me until Ljubljana.", "Drew the timetable as a map. It looks like a fern. #trains", "Missed the connection, found the bakery."]],
  ["olu", "Oluwaseun Adeyemi", "Bass player. Ask me about the other eleven strings.", ["Rehearsal ran long because the groove refused to end.", "New strings feel like someone else's hands. #bass", "We played for twelve people and a dog. The dog stayed."]],
  ["ines", "Inês Carvalho", "Ceramics and small disasters.", ["Opened the kiln: eleven bowls, one miracle, one archipelago.", "Blue again. I said I would stop. #ceramics", "The mug with the crooked handle is the one everybody reaches for."]],
  ["farid", "Farid Rahimi", "Cooks for fourteen on a stove for four.", ["Saffron, patience, and a lid that really closes. That is the rice.", "My grandmother's recipe says 'enough'. I am still calibrating.", "Fourteen guests, no leftovers, one very full sink. #cooking"]],
  ["rosa", "Rosa Delgado", "Night shift at the observatory.", ["Clouds. Astronomy is ninety per cent clouds.", "Three clear hours and a comet. I forgive the week. #astronomy", "Coffee at 3 a.m. tastes of duty."]],
  ["sven", "Sven Dahl", "Allotment 42, beans and opinions.", ["The beans have reached the roof and are asking about the neighbours.", "Slugs 1, lettuce 0.", "Traded a crate of plums for a wheelbarrow. #garden"]],
  ["amara", "Amara Okafor", "Learning to skate at forty.", ["Fell eleven times, stood up twelve. The arithmetic is the point.", "First turn without swearing.", "Knees are a subscription service. #skating"]],
  ["quentin", "Quentin Moreau", "Bookbinder. Yes, still.", ["Resewed a dictionary that somebody had loved at the letter M.", "Gold leaf and a cold: never again. #books", "Marbled forty sheets. Eight are good. Three are magic."]],
  ["nadia", "Nadia Haddad", "Street dogs and their biographies.", ["Biscuit has been adopted. By the fire station. As their chief.", "Looking for a home: Moth, six, excellent listener. #dogs", "Walked five, was walked by two."]],
  ["mateo", "Mateo Ríos", "Climbs things, falls off things, writes it down.", ["Third try on the slab, and it went. It felt like reading a sentence I finally understood.", "Rest day. I rested so hard I need another one.", "Chalk in the coffee. Again. #climbing"]],
  ["chiara", "Chiara Bianchi", "Subtitles for a living.", ["Translated a pun today. It took four hours and nobody will ever know.", "Forty-two characters a line. Try saying goodbye in that. #film", "The best line in the film is a silence."]],
  ["elif", "Elif Demir", "Weather nerd, kite owner.", ["Barometer dropped nine in three hours. Took the washing in, put the kite out.", "Mammatus clouds over the market, and people looked up from their phones.", "Fog so thick that the tram rang its bell for the joy of it. #weather"]],
];

/** Whom the ready-made curl signs in as. */
export const DEMO_USERNAME = "mira";

/** Lets only followers see some of her posts, and asks before anyone follows. */
const LOCKED_USERNAME = "nadia";

export const DEMO_USERNAMES = PEOPLE.map(([username]) => username);

/**
 * The whole demo in one batch, that is, all of it or nothing.
 * @param {Database} db
 * @param {number} now milliseconds since 1970
 */
export async function seedDemo(db, now) {
  const random = new Random(SEED);
  const people = makePeople(random, now);
  const posts = makePosts(random, people, now);
  const likes = makeLikes(random, posts, people, now);
  const follows = makeFollows(random, people, now);
  await db.batch([insertPeople(db, people), insertPosts(db, posts), insertLikes(db, likes), insertFollows(db, follows)]);
  return { people: people.length, posts: posts.length, likes: likes.length, follows: follows.length };
}

/**
 * @param {Random} random
 * @param {number} now
 * @returns {Person[]}
 */
function makePeople(random, now) {
  return PEOPLE.map(([username, displayName, bio], index) => {
    const createdAt = now - PERIOD_MS - (PEOPLE.length - index) * DAY_MS + random.below(DAY_MS);
    const locked = username === LOCKED_USERNAME;
    return { id: random.uuidV7(createdAt), username, displayName, bio, locked, createdAt, postCount: 0, followerCount: 0, followingCount: 0 };
  });
}

/**
 * @param {Random} random
 * @param {readonly Person[]} people
 * @param {number} now
 * @returns {Post[]}
 */
function makePosts(random, people, now) {
  return PEOPLE.flatMap(([username, , , captions]) => {
    const author = people.find((person) => person.username === username);
    if (author === undefined) return [];
    author.postCount = captions.length;
    return captions.map((caption) => {
      const createdAt = now - random.below(PERIOD_MS);
      const visibility = author.locked ? /** @type {const} */ ("followers") : /** @type {const} */ ("public");
      return { id: random.uuidV7(createdAt), author, caption, visibility, createdAt, likeCount: 0 };
    });
  });
}

/**
 * @param {Random} random
 * @param {readonly Post[]} posts
 * @param {readonly Person[]} people
 * @param {number} now
 * @returns {Like[]}
 */
function makeLikes(random, posts, people, now) {
  return posts.flatMap((post) => {
    const warmth = random.fraction() ** 1.5 * 0.6;
    const likers = people.filter((person) => person !== post.author && random.fraction() < warmth);
    // Only followers see the posts of the locked account, and who follows is decided later.
    if (post.visibility === "followers") return [];
    post.likeCount = likers.length;
    return likers.map((person) => ({ post, person, createdAt: post.createdAt + Math.floor((now - post.createdAt) * random.fraction() ** 3) }));
  });
}

/**
 * @param {Random} random
 * @param {readonly Person[]} people
 * @param {number} now
 * @returns {Follow[]}
 */
function makeFollows(random, people, now) {
  return people.flatMap((follower) => {
    const followees = people.filter((person) => person !== follower && random.fraction() < 0.25);
    follower.followingCount = followees.length;
    return followees.map((followee) => {
      followee.followerCount += 1;
      return { follower, followee, createdAt: now - random.below(PERIOD_MS) };
    });
  });
}
