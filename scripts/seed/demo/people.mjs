// Who lives in the demo, and how they stand to each other. Asha and Ben are left out: they are the reader's to
// register.

/** @type {readonly (readonly [username: string, displayName: string, bio: string])[]} */
export const PEOPLE = [
  ["mira", "Mira Castellanos", "Film photography, mostly harbours."],
  ["tomoko", "Tomoko Abe", "Sourdough, slowly."],
  ["kwame", "Kwame Boateng", "Cyclist. Accra, then wherever the road goes."],
  ["greta", "Greta Lindqvist", "Choir, cold water, cardamom."],
  ["priya", "Priya Nair", "I draw buildings that do not exist yet."],
  ["dmitri", "Dmitri Volkov", "Chess, badly and often."],
  ["lucia", "Lucía Ferrer", "Marine biologist on dry land this year."],
  ["jonas", "Jonas Weber", "Repairs radios. Listens to them, too."],
  ["hana", "Hana Novák", "Trains, maps, night trains on maps."],
  ["olu", "Oluwaseun Adeyemi", "Bass player. Ask me about the other eleven strings."],
  ["ines", "Inês Carvalho", "Ceramics and small disasters."],
  ["farid", "Farid Rahimi", "Cooks for fourteen on a stove for four."],
  ["rosa", "Rosa Delgado", "Night shift at the observatory."],
  ["sven", "Sven Dahl", "Allotment 42, beans and opinions."],
  ["amara", "Amara Okafor", "Learning to skate at forty."],
  ["quentin", "Quentin Moreau", "Bookbinder. Yes, still."],
  ["nadia", "Nadia Haddad", "Street dogs and their biographies."],
  ["mateo", "Mateo Ríos", "Climbs things, falls off things, writes it down."],
  ["chiara", "Chiara Bianchi", "Subtitles for a living."],
  ["elif", "Elif Demir", "Weather nerd, kite owner."],
];

/** Lets only followers see what she posts, and asks before anyone follows. */
export const LOCKED = "nadia";

/** Whom she has let in; they talk with her. */
export const LET_IN = ["mira", "hana", "sven", "ines", "amara", "tomoko"];

/** Who has asked, and waits. */
export const ASKING = ["quentin"];

/** Who does not want to hear of whom: barometers at breakfast, and bass at night. */
export const MUTES = /** @type {const} */ ([
  ["jonas", "elif"],
  ["greta", "olu"],
]);

/** Who has had enough of whom. The two are never found in one thread. */
export const BLOCKS = /** @type {const} */ ([["chiara", "dmitri"]]);
