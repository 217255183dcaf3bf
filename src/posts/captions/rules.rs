//! Finds hashtags and mentions in a caption. Pure: how Unicode writes the same in one form is passed in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_ident::{is_xid_continue, is_xid_start};

use crate::text::is_ignorable;
use crate::users::Username;

/// The longest hashtag, in characters.
pub(crate) const MAX_TAG: usize = 100;

/// The most hashtags of a post. What follows is text.
pub(crate) const MAX_TAGS: usize = 30;

/// The most people that a post names. Who follows is text.
pub(crate) const MAX_PEOPLE: usize = 20;

/// A caption, and what was found in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Caption {
    /// As it was written.
    pub(crate) text: String,
    /// Folded, each once, in the order in which they first appear.
    pub(crate) tags: Vec<String>,
    /// Every place where somebody is named.
    pub(crate) mentions: Vec<Mention>,
}

/// A place in a caption where somebody is named.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[schemars(
    description = "A place in the caption that names somebody. Whether there is such an account is not told."
)]
pub(crate) struct Mention {
    /// The username, folded, without the `@`.
    #[schemars(example = &"asha")]
    pub(crate) username: String,
    /// Where the `@` stands, in Unicode code points.
    #[schemars(range(min = 0), example = 12)]
    pub(crate) start: usize,
    /// Where the text goes on behind the name.
    #[schemars(range(min = 0), example = 17)]
    pub(crate) end: usize,
}

impl Caption {
    /// Finds what is in a caption. `nfkc` writes what is the same in the same form.
    pub(crate) fn read(text: String, nfkc: impl Fn(&str) -> String) -> Self {
        let (mut tags, mut mentions) = (Vec::new(), Vec::<Mention>::new());
        let mut people: Vec<String> = Vec::new();
        let characters: Vec<char> = text.chars().collect();
        let mut before = Before::default();
        let mut rest = characters.as_slice();
        let mut start: usize = 0;
        while let [character, after @ ..] = rest {
            match character {
                '#' | '＃' if before.a_tag() && tags.len() < MAX_TAGS => {
                    tags.extend(tag(after, &nfkc).filter(|tag| !tags.contains(tag)));
                }
                '@' if before.a_mention() => {
                    if let Some(username) = named(after) {
                        let known = people.contains(&username);
                        if !known && people.len() < MAX_PEOPLE {
                            people.push(username.clone());
                        }
                        if people.contains(&username) {
                            let length = username.len();
                            mentions.push(Mention {
                                username,
                                start,
                                end: start.saturating_add(length).saturating_add(1),
                            });
                        }
                    }
                }
                _ => {}
            }
            before.pass(*character);
            start = start.saturating_add(1);
            rest = after;
        }
        Self {
            text,
            tags,
            mentions,
        }
    }

    /// The people named, each once.
    pub(crate) fn people(&self) -> Vec<&str> {
        let mut people: Vec<&str> = Vec::new();
        for mention in &self.mentions {
            if !people.contains(&mention.username.as_str()) {
                people.push(&mention.username);
            }
        }
        people
    }
}

/// The form under which hashtags are compared and shown: NFKC in lower case, without what shows nothing. Folding
/// twice is folding once.
#[must_use]
pub(crate) fn fold_tag(tag: &str, nfkc: impl Fn(&str) -> String) -> String {
    if tag.is_ascii() {
        return tag.to_ascii_lowercase();
    }
    let shown = nfkc(tag);
    let shown = shown.chars().filter(|character| !is_ignorable(*character));
    let lower = shown.flat_map(char::to_lowercase).map(|lower| match lower {
        // Upper case does not tell where a word ends.
        'ς' => 'σ',
        other => other,
    });
    nfkc(&lower.collect::<String>())
}

/// Joins what stands around it, as Persian and the scripts of India need it inside of words (UTS #31, section 2.3).
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

fn is_word(character: char) -> bool {
    is_xid_continue(character) || is_joiner(character)
}

/// The hashtag that stands behind a `#`, folded (UTS #31, section 6, with the letters, marks and digits of
/// identifiers). It holds a letter, so that neither `#1` nor a keycap is one.
fn tag(after: &[char], nfkc: impl Fn(&str) -> String) -> Option<String> {
    let begins = |first: &char| is_xid_start(*first) || first.is_numeric() || *first == '_';
    after.first().filter(|first| begins(first))?;
    let run = after.split(|character| !is_word(*character)).next()?;
    // A joiner is part of it only between two others.
    let last = run.iter().rposition(|character| !is_joiner(*character))?;
    let written = run
        .get(..=last)
        .filter(|written| written.len() <= MAX_TAG)?;
    let folded = fold_tag(&written.iter().collect::<String>(), nfkc);
    let fits = folded.chars().count() <= MAX_TAG;
    (fits && folded.chars().any(is_xid_start)).then_some(folded)
}

/// The username that stands behind an `@`, folded: as much as can be one. Dots that end a sentence are none of it,
/// and neither `@asha@example.com` nor a longer word names `asha`.
fn named(after: &[char]) -> Option<String> {
    let part =
        |character: &&char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.');
    let run: String = after.iter().take_while(part).collect();
    let typed = run.split("..").next()?.trim_end_matches('.');
    let next = after.get(run.len()).copied();
    if typed.len() == run.len() && next.is_some_and(|next| is_word(next) || next == '@') {
        return None;
    }
    let username = Username::parse("", typed).ok()?;
    Some(username.as_str().to_owned())
}

/// What stands before a character, as far as it matters.
#[derive(Default)]
struct Before {
    last: Option<char>,
    /// How much of `://` there was.
    scheme: u8,
    /// A link has begun, and goes on to its end.
    link: bool,
    /// What could be the name before the `@` of an e-mail address (RFC 5322, section 3.2.3) holds a word.
    address: bool,
}

impl Before {
    /// Whether a `#` can begin a hashtag here: not inside of a word, a link or an entity of HTML.
    fn a_tag(&self) -> bool {
        let barred = |last| is_word(last) || matches!(last, '#' | '＃' | '@' | '/' | '&');
        !self.link && !self.last.is_some_and(barred)
    }

    /// Whether an `@` can begin a name here: not inside of an address or a link.
    fn a_mention(&self) -> bool {
        let barred = |last| is_word(last) || matches!(last, '@' | '＠' | '#' | '＃');
        !self.link && !self.address && !self.last.is_some_and(barred)
    }

    fn pass(&mut self, character: char) {
        let word = is_word(character);
        let ends_a_link = character.is_whitespace()
            || matches!(character, '<' | '>' | '"')
            || (!character.is_ascii() && !word);
        self.scheme = match (self.scheme, character) {
            (_, ':') => 1,
            (seen @ 1..=2, '/') => seen.saturating_add(1),
            _ => 0,
        };
        self.link = !ends_a_link && (self.link || self.scheme == 3);
        let in_address = matches!(
            character,
            '!' | '#'
                | '$'
                | '%'
                | '&'
                | '\''
                | '*'
                | '+'
                | '-'
                | '/'
                | '='
                | '?'
                | '^'
                | '`'
                | '{'
                | '|'
                | '}'
                | '~'
                | '.'
        );
        self.address = word || (in_address && self.address);
        self.last = Some(character);
    }
}
