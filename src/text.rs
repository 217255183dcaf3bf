//! Texts that people write: what may stand in them, and how long they may be.

use crate::error::{Rule, Violation};

/// Whether a text may have several lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// A name: no control character at all.
    One,
    /// Prose: line breaks and tabs too.
    Many,
}

/// Checks a text of `least` to `most` characters (Unicode code points, as SQLite and every client
/// language can count them); blank counts as empty.
///
/// U+0000 is refused everywhere: SQLite's `length` stops at it.
///
/// # Errors
/// The rule that the text breaks, at `pointer`.
pub fn check(
    pointer: &str,
    text: &str,
    lines: Lines,
    least: usize,
    most: usize,
) -> Result<(), Violation> {
    let length = if text.chars().all(is_blank) {
        0
    } else {
        text.chars().count()
    };
    let broken = if !text.chars().all(|character| is_allowed(character, lines)) {
        Some(Rule::InvalidCharacters)
    } else if length < least {
        Some(Rule::TooShort(least))
    } else if length > most {
        Some(Rule::TooLong(most))
    } else {
        None
    };
    broken.map_or(Ok(()), |rule| Err(Violation::new(pointer, rule)))
}

/// What [`check`] accepts, but for the length, as a regular expression.
#[must_use]
pub fn pattern(lines: Lines) -> String {
    let allowed = all_but(|character| !is_allowed(character, lines));
    let shown = all_but(|character| !is_allowed(character, lines) || is_blank(character));
    format!("^{allowed}*{shown}{allowed}*$")
}

/// What [`check`] accepts where a text may be empty or blank, but for the length.
#[must_use]
pub fn pattern_or_blank(lines: Lines) -> String {
    format!("^{}*$", all_but(|character| !is_allowed(character, lines)))
}

/// A text of anything but U+0000, as a regular expression.
pub const NO_NUL: &str = "^[^\\u0000]*$";

/// The class of all characters but these, as every dialect of regular expressions reads it.
fn all_but(excluded: impl Fn(char) -> bool) -> String {
    format!("[^{}]", ranges(excluded))
}

/// The class of these characters.
#[must_use]
pub fn any_of(included: impl Fn(char) -> bool) -> String {
    format!("[{}]", ranges(included))
}

/// The inside of a class. Not every dialect has an escape for what takes more than four digits.
fn ranges(selected: impl Fn(char) -> bool) -> String {
    let mut ranges: Vec<(char, char)> = Vec::new();
    let mut adjoins = false;
    for character in '\0'..=char::MAX {
        let is_selected = selected(character);
        match ranges.last_mut() {
            Some((_, last)) if is_selected && adjoins => *last = character,
            _ if is_selected => ranges.push((character, character)),
            _ => {}
        }
        adjoins = is_selected;
    }
    let escaped = |character: char| match u32::from(character) {
        _ if character.is_ascii_alphanumeric() || character == '_' => character.to_string(),
        code @ ..=0xffff => format!("\\u{code:04x}"),
        _ => character.to_string(),
    };
    let written = |(first, last)| match (escaped(first), escaped(last)) {
        (one, _) if first == last => one,
        (first, last) => format!("{first}-{last}"),
    };
    ranges.into_iter().map(written).collect()
}

fn is_allowed(character: char, lines: Lines) -> bool {
    let breaks_a_name = lines == Lines::One && breaks_a_name(character);
    !breaks_a_name && !character.is_control()
        || (lines == Lines::Many && matches!(character, '\n' | '\r' | '\t'))
}

/// Whether a character may stand in a text that is shown on one line.
#[must_use]
pub fn stays_in_line(character: char) -> bool {
    is_allowed(character, Lines::One)
}

/// Whether a character shows nothing: white space, and what Unicode calls default-ignorable.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || is_ignorable(character)
}

/// Whether a character is one that Unicode calls default-ignorable, or an empty pattern of Braille.
#[must_use]
pub fn is_ignorable(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{2800}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character separates lines, or can reorder the text around it and so make one name look
/// like another.
fn breaks_a_name(character: char) -> bool {
    matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Collects the outcomes of several checks, so that a client learns of every broken rule at once.
#[derive(Debug, Default)]
pub struct Checks(Vec<Violation>);

impl Checks {
    /// The value of a check that passed; notes the violation of one that did not.
    pub fn note<T>(&mut self, outcome: Result<T, Violation>) -> Option<T> {
        outcome.map_err(|violation| self.0.push(violation)).ok()
    }

    /// The value of a field that must be given.
    pub fn required<T>(&mut self, pointer: &str, value: Option<T>) -> Option<T> {
        self.note(value.ok_or_else(|| Violation::new(pointer, Rule::Required)))
    }

    /// `value` if nothing was violated. It is there unless a check that made it failed.
    ///
    /// # Errors
    /// [`crate::error::Error::Invalid`] with every violation noted.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, crate::error::Error> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(crate::error::Error::Invalid(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str, lines: Lines) -> Option<Rule> {
        check("/text", text, lines, 1, 3)
            .err()
            .map(|violation| violation.rule)
    }

    #[test]
    fn length_counts_code_points() {
        assert_eq!(rule("äöü", Lines::One), None);
        assert_eq!(rule("🦀🦀🦀", Lines::One), None);
        assert_eq!(rule("🦀🦀🦀🦀", Lines::One), Some(Rule::TooLong(3)));
        assert_eq!(rule("", Lines::One), Some(Rule::TooShort(1)));
        assert_eq!(rule(" \u{a0}\u{200b}", Lines::One), Some(Rule::TooShort(1)));
        assert_eq!(
            rule("\u{feff}\u{200d}", Lines::Many),
            Some(Rule::TooShort(1))
        );
    }

    #[test]
    fn the_pattern_says_what_is_refused() {
        assert_eq!(
            all_but(|character| character.is_control() || character >= '\u{10fffe}'),
            "[^\\u0000-\\u001f\\u007f-\\u009f\u{10fffe}-\u{10ffff}]"
        );
        let breaks = "[^\\u0000-\\u0008\\u000b-\\u000c\\u000e-\\u001f\\u007f-\\u009f]*";
        let pattern = pattern(Lines::Many);
        assert!(pattern.starts_with(&format!("^{breaks}[^")), "{pattern}");
        assert!(pattern.ends_with(&format!("]{breaks}$")), "{pattern}");
    }

    #[test]
    fn control_characters_are_refused_but_for_breaks_in_prose() {
        assert_eq!(rule("a\0", Lines::Many), Some(Rule::InvalidCharacters));
        assert_eq!(rule("a\n", Lines::One), Some(Rule::InvalidCharacters));
        assert_eq!(rule("a\u{202e}", Lines::One), Some(Rule::InvalidCharacters));
        assert_eq!(rule("a\u{202e}", Lines::Many), None);
        assert_eq!(rule("a\n", Lines::Many), None);
        assert_eq!(rule("a\u{85}", Lines::Many), Some(Rule::InvalidCharacters));
    }
}
