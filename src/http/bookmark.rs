//! `D1-Bookmark`: a write's answer names the state it has made, and whoever sends that back reads at least
//! that state, wherever they read.
//!
//! A bookmark is the platform's own name of a state, with a code that only Kith can make before it: what
//! reaches the database as a bookmark is what the database itself has said.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;

use super::headers::D1_BOOKMARK;
use crate::error::{Code, Error};
use crate::mac::SecretKeys;
use crate::platform::Bookmark;

const PURPOSE: &str = "bookmark";

/// Bytes of the code in a bookmark: 128 bits are out of reach for guessing over the network.
const CODE_LENGTH: usize = 16;

/// The longest bookmark, in characters: five times as long as D1's are.
const MAX_LENGTH: usize = 512;

/// The bookmark that a request brings, if it brings one.
///
/// # Errors
/// [`Error::Malformed`] for one of another making, and for more than one.
pub fn sent(headers: &HeaderMap, keys: &SecretKeys) -> Result<Option<Bookmark>, Error> {
    let mut values = headers.get_all(D1_BOOKMARK).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let only = values.next().is_none();
    let bookmark = open(value.as_bytes(), keys).filter(|_| only);
    bookmark
        .map(Some)
        .ok_or(Error::Malformed(Code::MalformedBookmark))
}

fn open(value: &[u8], keys: &SecretKeys) -> Option<Bookmark> {
    if value.len() > MAX_LENGTH {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
    let (code, state) = bytes.split_at_checked(CODE_LENGTH)?;
    if !keys.verify(PURPOSE, &[state], code) {
        return None;
    }
    std::str::from_utf8(state).ok().map(Bookmark::new)
}

/// The bookmark as clients get it; none if it is longer than would be taken back.
#[must_use]
pub fn seal(bookmark: &Bookmark, keys: &SecretKeys) -> Option<String> {
    let state = bookmark.as_str().as_bytes();
    let (_, code) = keys.sign(PURPOSE, &[state]);
    let mut bytes: Vec<u8> = code.into_iter().take(CODE_LENGTH).collect();
    bytes.extend_from_slice(state);
    let sealed = URL_SAFE_NO_PAD.encode(bytes);
    (sealed.len() <= MAX_LENGTH).then_some(sealed)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// As D1 makes them.
    const STATE: &str = "00000085-0000024c-00004c6d-8e61117bf38d7adb71b934ebbf891683";

    fn keys(byte: u8) -> SecretKeys {
        SecretKeys::new(vec![("k1".into(), [byte; 32])]).unwrap()
    }

    fn read(values: &[&str]) -> Result<Option<Bookmark>, Error> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(D1_BOOKMARK, HeaderValue::from_str(value).unwrap());
        }
        sent(&headers, &keys(7))
    }

    fn is_refused(values: &[&str]) -> bool {
        matches!(read(values), Err(Error::Malformed(Code::MalformedBookmark)))
    }

    #[test]
    fn a_bookmark_comes_back_as_it_was() {
        let sealed = seal(&Bookmark::new(STATE), &keys(7)).unwrap();
        assert_eq!(read(&[&sealed]).unwrap(), Some(Bookmark::new(STATE)));
        assert_eq!(read(&[]).unwrap(), None);
    }

    #[test]
    fn a_bookmark_of_another_making_is_refused() {
        let sealed = seal(&Bookmark::new(STATE), &keys(7)).unwrap();
        let foreign = seal(&Bookmark::new(STATE), &keys(8)).unwrap();
        let bare = URL_SAFE_NO_PAD.encode(STATE);
        let (_, code) = keys(7).sign("cursor", &[STATE.as_bytes()]);
        let cursor = URL_SAFE_NO_PAD.encode([&code[..CODE_LENGTH], STATE.as_bytes()].concat());
        for value in [
            "",
            "!",
            "first-unconstrained",
            STATE,
            "'; drop table users; --",
            &foreign,
            &bare,
            &cursor,
            &sealed[..sealed.len() - 4],
            &sealed[4..],
            &sealed[..20],
            &format!("{sealed}AAAA"),
            &format!("{sealed}="),
            &format!("{sealed}, {sealed}"),
            &"A".repeat(100_000),
        ] {
            assert!(is_refused(&[value]), "{value}");
        }
    }

    #[test]
    fn two_bookmarks_are_refused_though_each_is_good() {
        let sealed = seal(&Bookmark::new(STATE), &keys(7)).unwrap();
        assert!(is_refused(&[&sealed, &sealed]));
    }

    #[test]
    fn a_name_too_long_to_be_taken_back_is_not_given_away() {
        let longest = "x".repeat(MAX_LENGTH / 4 * 3 - CODE_LENGTH);
        let sealed = seal(&Bookmark::new(&longest), &keys(7)).unwrap();
        assert_eq!(sealed.len(), MAX_LENGTH);
        assert_eq!(read(&[&sealed]).unwrap(), Some(Bookmark::new(&longest)));
        assert_eq!(seal(&Bookmark::new(&format!("{longest}x")), &keys(7)), None);
    }
}
