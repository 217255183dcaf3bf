//! The key to resume after, with a code that only Kith can make, bound to its list: one that was forged, or
//! taken from another list, is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::request::List;
use crate::error::{Code, Error};
use crate::mac::SecretKeys;

const PURPOSE: &str = "cursor";

/// Bytes of the code in a cursor: 128 bits are out of reach for guessing over the network.
const CODE_LENGTH: usize = 16;

/// The cursor that resumes `list` after the entry with `key`.
pub(super) fn seal(key: &str, list: &List, keys: &SecretKeys) -> String {
    let [name, selection] = list.parts();
    let (_, code) = keys.sign(PURPOSE, &[name, selection, key.as_bytes()]);
    let mut bytes: Vec<u8> = code.into_iter().take(CODE_LENGTH).collect();
    bytes.extend_from_slice(key.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The key in a cursor of `list`.
///
/// # Errors
/// [`Error::Malformed`] for a cursor of another making, or of another list.
pub(super) fn open(cursor: &str, list: &List, keys: &SecretKeys) -> Result<String, Error> {
    let malformed = || Error::Malformed(Code::MalformedCursor);
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| malformed())?;
    let (code, key) = bytes.split_at_checked(CODE_LENGTH).ok_or_else(malformed)?;
    let [name, selection] = list.parts();
    if !keys.verify(PURPOSE, &[name, selection, key], code) {
        return Err(malformed());
    }
    String::from_utf8(key.to_vec()).map_err(|_| malformed())
}

/// What every cursor looks like, as a regular expression: a code and a key of a byte at least, in
/// base64url. What looks like one is refused all the same, unless it was issued for the list.
pub(super) fn pattern() -> String {
    let bits = CODE_LENGTH.saturating_add(1).saturating_mul(8);
    format!("^[A-Za-z0-9_-]{{{},}}$", bits.div_ceil(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> SecretKeys {
        SecretKeys::new(vec![("k1".into(), [7; 32])]).unwrap()
    }

    fn refuses(cursor: &str, list: &List) -> bool {
        let opened = open(cursor, list, &keys());
        matches!(opened, Err(Error::Malformed(Code::MalformedCursor)))
    }

    #[test]
    fn a_cursor_resumes_its_own_list() {
        let list = List::from("posts").selected_by("status", Some("open"));
        let cursor = seal("key-9", &list, &keys());
        assert_eq!(open(&cursor, &list, &keys()).unwrap(), "key-9");
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let list = List::from("posts").selected_by("status", Some("open"));
        let cursor = seal("key-9", &list, &keys());
        let others = [
            List::from("likes").selected_by("status", Some("open")),
            List::from("posts").selected_by("status", Some("resolved")),
            List::from("posts"),
            // The same text, cut elsewhere.
            List::from("postsstatus=open"),
        ];
        for other in others {
            assert!(refuses(&cursor, &other), "{other:?}");
        }
    }

    #[test]
    fn a_cursor_of_another_making_is_refused() {
        let list = List::from("posts");
        let forged = format!("{}AAAA", seal("key-9", &list, &keys()));
        for cursor in [forged.as_str(), "", "!", "AAAA"] {
            assert!(refuses(cursor, &list), "{cursor}");
        }
    }
}
