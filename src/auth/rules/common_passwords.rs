//! The passwords that too many people have: the 10,000 most common ones of at least
//! [`MIN_PASSWORD`](super::MIN_PASSWORD) characters. Pure.
//!
//! They were made from a list of passwords known through leaks, that of `@zxcvbn-ts/language-common` (MIT
//! licence, copyright 2012–2016 Dan Wheeler and Dropbox, Inc., 2021 @zxcvbn-ts), by `scripts/common-passwords.mjs`, which says what form the file has.

/// Sorted; each one as how many bytes it has in common with the one before, and the bytes that follow.
const LIST: &[u8] = include_bytes!("common_passwords.bin");

/// What tells the bytes of a password from the number before them.
const FIRST_LETTER: u8 = b' ';

/// Whether `folded`, a password in lower case, is one of them.
pub(super) fn contain(folded: &str) -> bool {
    any(|password| password == folded.as_bytes())
}

/// Whether one of them is as asked.
fn any(mut asked: impl FnMut(&[u8]) -> bool) -> bool {
    let mut password = Vec::new();
    LIST.chunk_by(|_, next| *next >= FIRST_LETTER).any(|entry| {
        if let [kept, rest @ ..] = entry {
            password.truncate(usize::from(*kept));
            password.extend_from_slice(rest);
        }
        asked(&password)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{MIN_PASSWORD, check_password};
    use super::*;
    use crate::error::Rule;

    fn all() -> Vec<String> {
        let mut all = Vec::new();
        any(|password| {
            all.push(String::from_utf8(password.to_vec()).unwrap());
            false
        });
        all
    }

    fn is_too_weak(password: &str) -> bool {
        match check_password("/password", password, None, None) {
            Ok(()) => false,
            Err(violation) => violation.rule == Rule::TooWeak,
        }
    }

    #[test]
    fn there_are_ten_thousand_all_long_enough_folded_and_sorted() {
        let all = all();
        assert_eq!(all.len(), 10_000);
        assert!(all.is_sorted_by(|one, next| one < next));
        for password in &all {
            assert!(password.chars().count() >= MIN_PASSWORD, "{password}");
            assert_eq!(*password, crate::users::fold_case(password));
        }
    }

    #[test]
    fn each_of_them_is_refused_in_any_case() {
        for password in all() {
            let mut capital = password.clone();
            capital[..1].make_ascii_uppercase();
            for written in [&password, &password.to_uppercase(), &capital] {
                assert!(is_too_weak(written), "{written}");
            }
        }
    }

    #[test]
    fn whoever_thinks_of_one_is_refused_that() {
        for password in [
            "password",
            "12345678",
            "123456789",
            "qwertyuiop",
            "iloveyou",
            "PassWord1",
            "trustno1",
            "11111111",
            "sunshine",
            "Princess",
        ] {
            assert!(is_too_weak(password), "{password}");
        }
    }

    #[test]
    fn what_is_only_near_one_is_taken() {
        let all: BTreeSet<String> = all().into_iter().collect();
        let mut near = 0;
        for password in all.iter().step_by(4) {
            let reversed: String = password.chars().rev().collect();
            let shorter = &password[..password.len() - 1];
            for other in [
                format!("{password}~"),
                format!(" {password}"),
                format!("{password}{password}"),
                reversed,
                shorter.to_owned(),
            ] {
                if !all.contains(&other) && other.len() >= MIN_PASSWORD {
                    assert!(!is_too_weak(&other), "{other}");
                    near += 1;
                }
            }
        }
        assert!(near > 8_000, "{near}");
    }

    #[test]
    fn a_phrase_of_ones_own_is_taken() {
        for password in [
            "a horse of my own",
            "Tr0ub4dor&3",
            "пароль пароль",
            "🦀🦀🦀🦀🦀🦀🦀🦀",
        ] {
            assert!(!is_too_weak(password), "{password}");
        }
    }
}
