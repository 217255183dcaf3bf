//! What a caption says besides its words: hashtags, and the people it names (decision 0034).
//!
//! Invariants: both are found by the server alone, and stored with the caption; a hashtag is folded, so that
//! each has one form; a mention is a matter of writing, and says nothing about whether there is such an account.

mod rules;
mod store;

pub(super) use rules::{Caption, MAX_TAG, MAX_TAGS, Mention, fold_tag};
pub(super) use store::{append_mentions, append_tags, forget_tags};

/// What is a hashtag, and what names somebody.
#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use unicode_ident::{is_xid_continue, is_xid_start};

    use super::rules::{Caption, MAX_PEOPLE, MAX_TAG, MAX_TAGS, Mention, fold_tag};
    use crate::platform::nfkc;

    fn read(text: &str) -> Caption {
        Caption::read(text.to_owned(), nfkc)
    }

    fn tags(text: &str) -> Vec<String> {
        read(text).tags
    }

    /// The mentions, each as the part of the text it stands for.
    fn mentioned(text: &str) -> Vec<String> {
        let characters: Vec<char> = text.chars().collect();
        let part = |mention: &Mention| characters[mention.start..mention.end].iter().collect();
        read(text).mentions.iter().map(part).collect()
    }

    #[test]
    fn a_hashtag_is_a_word_behind_its_sign_in_any_script() {
        for (text, found) in [
            ("#harbour", "harbour"),
            ("(#Harbour)", "harbour"),
            ("＃ハーバー", "ハーバー"),
            ("#straße!", "straße"),
            ("#snow_2026.", "snow_2026"),
            ("#2026snow", "2026snow"),
            ("#नमस्ते", "नमस्ते"),
            ("#مرحبا،", "مرحبا"),
            ("#東京、#", "東京"),
            ("¿#año?", "año"),
            ("‎#one\u{202c}", "one"),
        ] {
            assert_eq!(tags(text), [found], "{text}");
        }
    }

    #[test]
    fn a_hashtag_has_one_form_however_it_is_written() {
        for text in [
            "#cafe\u{301}",
            "#CAFÉ",
            "#ｃａｆé",
            "#ca\u{fe0f}fé",
            "#café #Café #CAFE\u{301}",
        ] {
            assert_eq!(tags(text), ["café"], "{text}");
        }
        assert_eq!(tags("#ΣΟΦΟΣ #σοφος #σοφοσ"), ["σοφοσ"]);
        assert_eq!(tags("#\u{212a}ith #kith"), ["kith"]);
    }

    #[test]
    fn joiners_stand_inside_of_a_hashtag_and_not_at_its_ends() {
        assert_eq!(tags("#می\u{200c}خواهم"), ["میخواهم"]);
        assert_eq!(tags("#one\u{200d} #two\u{200c}\u{200d}!"), ["one", "two"]);
        assert_eq!(tags("#\u{200d}one"), [""; 0]);
    }

    #[test]
    fn what_is_no_hashtag_is_text() {
        for text in [
            "#",
            "##",
            "#1",
            "#２０２６",
            "#1_000",
            "#___",
            "#\u{fe0f}\u{20e3}",
            "#\u{301}e",
            "#😀",
            "# harbour",
            "#-x",
            "a#b",
            "é#b",
            "a\u{200d}#b",
            "##b",
            "#1#b",
            "&#x27;",
            "https://kith.example/#top",
            "https://kith.example/?q=(#top)",
            "kith.example/#top",
            "@#b",
        ] {
            assert_eq!(tags(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_hashtag_begins_anew_behind_a_link() {
        assert_eq!(tags("https://kith.example/#top #one"), ["one"]);
        assert_eq!(tags("https://kith.example、#one"), ["one"]);
        assert_eq!(tags("<https://kith.example>#one"), ["one"]);
    }

    #[test]
    fn a_hashtag_has_at_most_100_characters_in_either_form() {
        assert_eq!(tags(&format!("#{}", "é".repeat(100))), ["é".repeat(100)]);
        assert_eq!(tags(&format!("#{}", "é".repeat(101))), [""; 0]);
        // One character that is written as two.
        assert_eq!(tags(&format!("#{}", "ĳ".repeat(50))).len(), 1);
        assert_eq!(tags(&format!("#{}", "ĳ".repeat(51))), [""; 0]);
    }

    #[test]
    fn a_post_has_at_most_30_hashtags_and_the_rest_is_text() {
        let many: Vec<_> = (0..40).map(|number| format!("#tag{number}")).collect();
        let found = tags(&format!("#tag0 {}", many.join(" ")));
        assert_eq!(found.len(), MAX_TAGS);
        assert_eq!(found.first().map(String::as_str), Some("tag0"));
        assert_eq!(found.last().map(String::as_str), Some("tag29"));
    }

    #[test]
    fn a_mention_is_a_username_behind_its_sign() {
        for (text, found) in [
            ("@asha", "@asha"),
            ("Hi @Asha_7, all", "@Asha_7"),
            ("(@asha.rao)", "@asha.rao"),
            ("Ask @asha.", "@asha"),
            ("Ask @asha...", "@asha"),
            ("@asha..ben", "@asha"),
            (".@asha", "@asha"),
            ("*@asha*", "@asha"),
            ("@asha's", "@asha"),
            ("🦀🦀 @asha🦀", "@asha"),
            ("e\u{301}: @asha", "@asha"),
            ("#one @asha #two", "@asha"),
        ] {
            assert_eq!(mentioned(text), [found], "{text}");
        }
        let mention = &read("🦀 é @ASHA!").mentions[0];
        assert_eq!(
            (mention.username.as_str(), mention.start, mention.end),
            ("asha", 4, 9)
        );
    }

    #[test]
    fn what_names_nobody_is_text() {
        for text in [
            "@",
            "@@asha",
            "@ab",
            "@abcdefghijklmnopqrstuvwxyz01234",
            "@.asha",
            "@ashaé",
            "@asha\u{301}",
            "@asha\u{200d}",
            "ben@asha.com",
            "ben.@asha",
            "ben+@asha",
            "bén@asha",
            "@asha@kith.example",
            "mailto:ben@asha.com",
            "https://kith.example/@asha",
            "kith.example/@asha",
            "@admin",
            "#@asha",
            "＠asha",
        ] {
            assert_eq!(mentioned(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn at_most_20_people_are_named_as_often_as_one_likes() {
        let many: Vec<_> = (10..40).map(|number| format!("@person{number}")).collect();
        let caption = read(&format!("{} @person10 @person39 @person29", many.join(" ")));
        assert_eq!(caption.people().len(), MAX_PEOPLE);
        assert_eq!(caption.mentions.len(), MAX_PEOPLE + 2);
        assert!(!caption.people().contains(&"person39"));
    }

    /// A text of what matters, and of anything else.
    fn anything(random: &mut ChaCha8Rng) -> String {
        const PIECES: [&str; 24] = [
            "#", "＃", "@", "a", "Z", "_", ".", "1", "é", "e\u{301}", "ß", "\u{200d}", "\u{200c}",
            "\u{fe0f}", "\u{202e}", " ", "://", "/", "&", "東", "😀", "asha", "ﷺ", "K",
        ];
        let piece = |random: &mut ChaCha8Rng| match random.random_range(0..30) {
            place @ 0..24 => PIECES[place].to_owned(),
            _ => random.random::<char>().to_string(),
        };
        let length = random.random_range(0..120);
        (0..length).map(|_| piece(random)).collect()
    }

    #[test]
    fn whatever_is_written_what_is_found_keeps_the_rules() {
        let mut random = ChaCha8Rng::seed_from_u64(34);
        let (mut some_tags, mut some_mentions) = (0, 0);
        for _ in 0..20_000 {
            let text = anything(&mut random);
            let caption = read(&text);
            assert_eq!(caption.text, text);
            assert!(caption.tags.len() <= MAX_TAGS && caption.people().len() <= MAX_PEOPLE);
            for (place, tag) in caption.tags.iter().enumerate() {
                assert!((1..=MAX_TAG).contains(&tag.chars().count()), "{text:?}");
                assert!(tag.chars().any(is_xid_start), "{text:?}");
                assert!(tag.chars().all(is_xid_continue), "{text:?}: {tag:?}");
                assert_eq!(fold_tag(tag, nfkc), *tag, "{text:?}");
                assert!(!caption.tags[..place].contains(tag), "{text:?}");
                // Alone, it is found again.
                assert_eq!(tags(&format!("#{tag}")), [tag.as_str()], "{text:?}");
            }
            let mut end = 0;
            for (mention, part) in caption.mentions.iter().zip(mentioned(&text)) {
                assert!(mention.start >= end, "{text:?}");
                assert_eq!(
                    part.to_lowercase(),
                    format!("@{}", mention.username),
                    "{text:?}"
                );
                end = mention.end;
            }
            some_tags += caption.tags.len();
            some_mentions += caption.mentions.len();
        }
        assert!(
            some_tags > 1_000 && some_mentions > 100,
            "{some_tags}, {some_mentions}"
        );
    }

    #[test]
    fn folding_twice_is_folding_once() {
        for character in '\0'..=char::MAX {
            let once = fold_tag(&character.to_string(), nfkc);
            assert_eq!(fold_tag(&once, nfkc), once, "{:x}", u32::from(character));
        }
    }
}
