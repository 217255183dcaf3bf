//! What a stranger may have written, so that it can stand in a mail: no program that shows the mail makes a
//! link of it, and it cannot pass for anything that the mail says.

/// The most of a device's description that a mail shows, in characters.
const MAX_DEVICE: usize = 80;

/// What shows nothing, and keeps what is on its two sides apart.
const NOTHING: char = '\u{200c}';

/// A username, which may look like the name of a host: whoever registers with somebody else's address
/// chooses what stands in the mail to it.
pub(super) fn username(username: &str) -> String {
    let mut shown = String::with_capacity(username.len());
    for character in username.chars() {
        shown.push(character);
        if character == '.' {
            shown.push(NOTHING);
        }
    }
    shown
}

/// What a device has said of itself, shortened: its words but for those that look like an address.
pub(super) fn device(user_agent: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || " ()/;:,._-".contains(character);
    // Whatever else there is separates words.
    let plainly: String = user_agent
        .chars()
        .map(|character| if plain(character) { character } else { ' ' })
        .collect();
    let mut shown = String::new();
    for word in plainly.split(' ').filter(|word| !word.is_empty()) {
        if looks_like_an_address(word) {
            continue;
        }
        // One more for the space.
        if shown.len().saturating_add(word.len()) >= MAX_DEVICE {
            break;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(word);
    }
    if shown.is_empty() {
        shown.push_str("unknown");
    }
    shown
}

/// Whether programs make a link of a word: it has a scheme, or a dot that is not between two digits, as
/// that of a version is.
fn looks_like_an_address(word: &str) -> bool {
    let bytes = word.as_bytes();
    let digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let is_no_version = |(at, byte): (usize, &u8)| {
        *byte == b'.' && !(digit(at.checked_sub(1)) && digit(at.checked_add(1)))
    };
    word.contains("//") || bytes.iter().enumerate().any(is_no_version) || looks_like_a_number(word)
}

/// Whether a word is four numbers with dots, which is an address too.
fn looks_like_a_number(word: &str) -> bool {
    let edges = |character: char| !character.is_ascii_digit();
    let numbers = word.trim_matches(edges).split('.');
    numbers.count() == 4 && !word.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_is_no_link() {
        assert_eq!(username("asha_1"), "asha_1");
        assert_eq!(username("evil.example"), "evil.\u{200c}example");
    }

    #[test]
    fn a_device_is_what_it_says_of_itself_but_for_links() {
        for (said, shown) in [
            ("", "unknown"),
            ("curl/8.5.0", "curl/8.5.0"),
            (
                "KithApp/2.1 (iPhone; iOS 18.1)",
                "KithApp/2.1 (iPhone; iOS 18.1)",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
                "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
            ),
            ("Bot/1.0 (+https://evil.example/path)", "Bot/1.0 ("),
            ("evil.example www.evil.example 1.2.3.4 a@evil.example", "a"),
            ("javascript:alert(1) //evil", "javascript:alert(1)"),
            ("one\r\nBcc: two\u{202e}three", "one Bcc: two three"),
            ("<b>Ki\u{3002}th</b>\"'&", "b Ki th /b"),
        ] {
            assert_eq!(device(said), shown, "{said}");
        }
    }

    #[test]
    fn a_long_description_ends_with_a_word() {
        let shown = device(&"word ".repeat(100));
        assert!(
            shown.len() <= MAX_DEVICE && shown.ends_with("word"),
            "{shown}"
        );
        assert_eq!(device(&"x".repeat(1_000)), "unknown");
    }
}
