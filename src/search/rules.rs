//! What is looked for, and how the full-text index is asked for it. Pure: no database, no clock.

use unicode_ident::is_xid_start;

use crate::error::Error;
use crate::text::{self, Checks, Lines};
use crate::users::fold_case;
use crate::word::word;

/// The longest text to look for, in characters.
pub(super) const MAX_TEXT: usize = 100;

/// The most words of it that are looked for: each is one more list of matches to walk.
const MAX_WORDS: usize = 10;

/// The shortest word that stands for all that begin with it. Of one letter, at a million posts, the lists to
/// be merged took 40 to 70 ms before the first match was known; from two on the index has them merged.
const MIN_PREFIX: usize = 2;

word!(
    /// What is looked for.
    #[schemars(inline)]
    pub(super) Kind {
        /// People, by username and display name.
        Users = "users",
        /// Posts and comments, by caption.
        Posts = "posts",
        /// Hashtags.
        Tags = "tags",
    }
);

/// A search that keeps every rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Search {
    pub(super) kind: Kind,
    /// As it was typed: 1–100 characters.
    pub(super) text: String,
}

impl Search {
    /// Reads two parameters of a query string.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every rule they break.
    pub(super) fn parse(text: Option<String>, kind: Option<&str>) -> Result<Self, Error> {
        let mut checks = Checks::default();
        let text = checks.required("/q", text).and_then(|text| {
            checks.note(text::check("/q", &text, Lines::One, 1, MAX_TEXT))?;
            Some(text)
        });
        let kind = checks
            .required("/type", kind)
            .and_then(|kind| checks.note(Kind::parse("/type", kind)));
        let search = text.zip(kind).map(|(text, kind)| Self { kind, text });
        checks.finish(search)
    }

    /// The username that this may be, in any case and with an `@` before it or not.
    pub(super) fn username(&self) -> String {
        let text = self.text.trim();
        fold_case(text.strip_prefix('@').unwrap_or(text))
    }

    /// What the full-text index is asked: every word in quotes, which leaves it none to read as its own
    /// language; all must be there (FTS5, section 3), the last or one that begins with it. `""`, which
    /// finds nothing, where there is no word.
    pub(super) fn words(&self) -> String {
        let mut words: Vec<&str> = Vec::new();
        let mut more = false;
        for word in self.text.split(|character| !is_of_word(character)) {
            if !word.chars().any(is_letter) {
                continue;
            }
            more = words.len() == MAX_WORDS;
            if more {
                break;
            }
            words.push(word);
        }
        let Some(last) = words.pop() else {
            return "\"\"".to_owned();
        };
        let is_prefix = !more && letters_at_end(last) >= MIN_PREFIX;
        let mut asked: Vec<String> = Vec::new();
        for word in words {
            let word = quoted(word);
            // The same word again would be looked up again.
            if !asked.contains(&word) {
                asked.push(word);
            }
        }
        let star = if is_prefix { " *" } else { "" };
        asked.push(format!("{}{star}", quoted(last)));
        asked.join(" ")
    }
}

/// A string of the full-text index' language (FTS5, section 3.1).
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('"', "\"\""))
}

/// Whether a character can stand in a word. What divides words here divides them for the index too; where
/// the index divides what is one here, it looks for the parts side by side.
fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || is_diacritic(character)
}

/// How many letters the last of the words has that the index makes of this one.
fn letters_at_end(word: &str) -> usize {
    let mut words = word.split(|character| !is_letter(character) && !is_diacritic(character));
    let last = words.rfind(|part| part.contains(is_letter));
    last.map_or(0, |last| last.chars().filter(|c| is_letter(*c)).count())
}

/// Whether the index keeps a character as a letter or a digit of a word. Fewer than what Rust calls alphanumeric: a
/// letter in a circle divides words there, and so does a vowel sign. What it keeps and this does not know has only no
/// beginnings looked for.
fn is_letter(character: char) -> bool {
    let divides = matches!(character, '\u{19b0}'..='\u{19c9}' | '\u{1cf2}'..='\u{1cf3}' | '\u{2118}' | '\u{212e}');
    (is_xid_start(character) || character.is_numeric()) && !divides
}

/// Whether a character only marks the letter before it, and is dropped by the index.
fn is_diacritic(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{304}'
            | '\u{306}'..='\u{30c}'
            | '\u{30f}'
            | '\u{311}'
            | '\u{31b}'
            | '\u{323}'..='\u{328}'
            | '\u{32d}'..='\u{32e}'
            | '\u{330}'..='\u{331}'
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rusqlite::Connection;

    use super::*;
    use crate::error::{Rule, Violation};

    fn search(text: &str) -> Search {
        Search::parse(Some(text.to_owned()), Some("posts")).unwrap()
    }

    fn words(text: &str) -> String {
        search(text).words()
    }

    fn broken(text: Option<&str>, kind: Option<&str>) -> Vec<Violation> {
        match Search::parse(text.map(str::to_owned), kind) {
            Err(Error::Invalid(violations)) => violations,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_word_must_be_there_and_the_last_may_be_the_beginning_of_one() {
        assert_eq!(words("boat"), "\"boat\" *");
        assert_eq!(words("  red boat, ha "), "\"red\" \"boat\" \"ha\" *");
        assert_eq!(words("#sun_set"), "\"sun\" \"set\" *");
        assert_eq!(words("@ben.x2"), "\"ben\" \"x2\" *");
    }

    #[test]
    fn one_letter_stands_for_itself() {
        assert_eq!(words("boat h"), "\"boat\" \"h\"");
        assert_eq!(words("e\u{301}"), "\"e\u{301}\"");
        assert_eq!(words("e\u{301}t"), "\"e\u{301}t\" *");
        assert_eq!(words("東京"), "\"東京\" *");
    }

    #[test]
    fn what_divides_words_is_no_second_letter() {
        for text in ["qⒶ", "q\u{93e}", "abⒶq", "ab\u{93e}q", "q\u{301}Ⓐ"] {
            assert_eq!(words(text), format!("\"{text}\""));
        }
        for text in ["abⒶ", "qⒶab", "e\u{301}t", "q२"] {
            assert_eq!(words(text), format!("\"{text}\" *"));
        }
        assert_eq!(words("Ⓐ"), "\"\"");
        assert_eq!(words("q\u{305}"), "\"q\"");
        // A sign without a vowel divides here too, and what follows it is a word of three letters.
        assert_eq!(words("नमस्तेनम"), "\"नमस\" \"तेनम\" *");
    }

    /// Of every character there is, by an index like ours: between two letters, one that divides leaves them alone,
    /// and one that is dropped brings them together.
    #[test]
    fn what_counts_as_a_letter_is_one_for_the_index() {
        let index = Connection::open_in_memory().unwrap();
        index
            .execute_batch(
                "create virtual table words using fts5 (
  word, content='', tokenize='unicode61 remove_diacritics 2'
)",
            )
            .unwrap();
        let mut insert = index
            .prepare("insert into words (rowid, word) values (?1, ?2)")
            .unwrap();
        for character in '\u{1}'..=char::MAX {
            insert
                .execute((u32::from(character), format!("x{character}y")))
                .unwrap();
        }
        let found = |word: &str| -> HashSet<u32> {
            let mut query = index
                .prepare("select rowid from words where words match ?1")
                .unwrap();
            let rows = query.query_map([word], |row| row.get(0)).unwrap();
            rows.collect::<Result<_, _>>().unwrap()
        };
        let (dividing, dropped) = (found("x"), found("xy"));
        for character in '\u{1}'..=char::MAX {
            let code = u32::from(character);
            assert!(
                !is_letter(character) || !dividing.contains(&code),
                "{code:x}"
            );
            assert!(
                !is_letter(character) || !dropped.contains(&code),
                "{code:x}"
            );
            assert_eq!(is_diacritic(character), dropped.contains(&code), "{code:x}");
        }
    }

    #[test]
    fn what_has_no_word_finds_nothing() {
        for text in ["!?", "\"", "* ^ -", "( )", "🎉", "_"] {
            assert_eq!(words(text), "\"\"", "{text}");
        }
    }

    #[test]
    fn the_query_language_is_only_words() {
        assert_eq!(words("a AND NOT b*"), "\"a\" \"AND\" \"NOT\" \"b\"");
        assert_eq!(words("NEAR(x, 5)"), "\"NEAR\" \"x\" \"5\"");
        assert_eq!(words("caption : \"x\"y"), "\"caption\" \"x\" \"y\"");
        assert_eq!(words("{a b} : ^cd + -ef"), "\"a\" \"b\" \"cd\" \"ef\" *");
    }

    #[test]
    fn at_most_ten_words_are_looked_for_and_each_once() {
        assert_eq!(words("go go go go"), "\"go\" \"go\" *");
        assert_eq!(words("a1 b c d e f g h i jj").matches('"').count(), 20);
        assert!(words("a1 b c d e f g h i jj").ends_with("\"jj\" *"));
        assert!(words("a1 b c d e f g h i jj kk").ends_with("\"jj\""));
        assert!(words("a1 b c d e f g h i jj !").ends_with("\"jj\" *"));
    }

    #[test]
    fn a_username_is_meant_in_any_case_and_with_a_sign_or_without() {
        assert_eq!(search(" @Ben ").username(), "ben");
        assert_eq!(search("ben").username(), "ben");
    }

    #[test]
    fn both_parameters_must_be_given_and_fit() {
        let invalid = |pointer, rule| Violation::new(pointer, rule);
        assert_eq!(
            broken(None, None),
            [
                invalid("/q", Rule::Required),
                invalid("/type", Rule::Required)
            ]
        );
        assert_eq!(
            broken(Some(" "), Some("people")),
            [
                invalid("/q", Rule::TooShort(1)),
                invalid("/type", Rule::InvalidValue)
            ]
        );
        let long = "x".repeat(101);
        for (text, rule) in [
            (long.as_str(), Rule::TooLong(100)),
            ("a\0", Rule::InvalidCharacters),
            ("a\n", Rule::InvalidCharacters),
        ] {
            assert_eq!(broken(Some(text), Some("users")), [invalid("/q", rule)]);
        }
    }
}
