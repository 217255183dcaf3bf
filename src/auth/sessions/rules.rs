//! What is kept of a device's own words. Pure: no database, no clock.

use crate::text;

/// The most of a `User-Agent` that is kept, in characters.
const MAX_USER_AGENT: usize = 256;

/// What a device calls itself, as far as it may be shown: a line of bounded length. Anybody can send
/// anything.
pub(super) fn user_agent(sent: &str) -> String {
    let shown = sent
        .chars()
        .filter(|character| text::stays_in_line(*character));
    shown.take(MAX_USER_AGENT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_line_or_turn_it_around_is_left_out() {
        assert_eq!(user_agent("Kith/1.0 (phone)"), "Kith/1.0 (phone)");
        assert_eq!(
            user_agent("a\0b\tc\r\nd\u{1b}[31me\u{7f}f\u{85}g"),
            "abcd[31mefg"
        );
        assert_eq!(user_agent("a\u{202e}b\u{2028}c\u{2066}d"), "abcd");
        assert_eq!(user_agent("Téléphone 📱"), "Téléphone 📱");
    }

    #[test]
    fn it_is_cut_by_characters_of_which_those_left_out_do_not_count() {
        let long = "\t📱".repeat(MAX_USER_AGENT + 1);
        assert_eq!(user_agent(&long), "📱".repeat(MAX_USER_AGENT));
    }
}
