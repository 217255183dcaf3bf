//! Lists in pages: `?limit=` and `?cursor=` in, `{data, next_cursor}` and `Link` out.
//!
//! A cursor is the key to resume after, with a code that only Kith can make, bound to its list: one
//! that was forged, or taken from another list, is refused.

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::header::{HeaderValue, LINK};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditional::IfNoneMatch;
use crate::error::{Code, Error, Rule};
use crate::mac::SecretKeys;

const PURPOSE: &str = "cursor";

/// Bytes of the code in a cursor: 128 bits are out of reach for guessing over the network.
const CODE_LENGTH: usize = 16;

/// The largest page.
const MAX_LIMIT: i64 = 100;

/// The page a client gets that does not say how large.
const DEFAULT_LIMIT: i64 = 20;

/// What was sent as `limit`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(
    inline,
    description = "The most entries of the page.",
    extend("default" = DEFAULT_LIMIT)
)]
pub struct Limit(#[schemars(with = "i64", range(min = 1, max = MAX_LIMIT))] String);

/// What was sent as `cursor`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(
    inline,
    description = "The `next_cursor` of the page before. It is good for the same list only."
)]
pub struct Cursor(#[schemars(regex(pattern = cursor_pattern()))] String);

/// The query string of a list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    #[schemars(with = "Limit")]
    limit: Option<Limit>,
    #[schemars(with = "Cursor")]
    cursor: Option<Cursor>,
}

/// A page asked for: how many entries, and after which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// At most this many entries, 1–100.
    pub limit: i64,
    /// The key of the last entry the client has seen; none for the first page.
    pub after: Option<String>,
}

/// Sorts after every id, so that the first page needs no statement of its own.
const AFTER_EVERY_ID: &str = "~";

impl PageRequest {
    /// The id before which a list by ids, newest first, goes on.
    #[must_use]
    pub fn before_id(&self) -> &str {
        self.after.as_deref().unwrap_or(AFTER_EVERY_ID)
    }

    /// The id after which a list by ids, oldest first, goes on.
    #[must_use]
    pub fn after_id(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }
}

/// A place in a list of accounts by time, such as who likes a post: the key of the entry before it, which reads
/// `<milliseconds, 16 digits> <id>` and so sorts as the list does.
#[derive(Debug)]
pub struct TimedPlace {
    /// Milliseconds since 1970.
    pub time: i64,
    /// The account.
    pub id: String,
}

impl PageRequest {
    /// The place in a list by time, newest first, after which it goes on; the beginning without a cursor.
    ///
    /// # Errors
    /// [`Error::Malformed`] for the cursor of a list by something else.
    pub fn timed_place(&self) -> Result<TimedPlace, Error> {
        let Some(key) = self.after.as_deref() else {
            // Later than every time that 53 bits can hold, and after every id.
            return Ok(TimedPlace {
                time: 1 << 53,
                id: AFTER_EVERY_ID.to_owned(),
            });
        };
        let place = key.split_once(' ').and_then(|(time, id)| {
            Some(TimedPlace {
                time: time.parse().ok()?,
                id: id.to_owned(),
            })
        });
        place.ok_or(Error::Malformed(Code::MalformedCursor))
    }
}

impl PageQuery {
    /// What the query string of a list that takes more than these two holds of them.
    #[must_use]
    pub const fn new(limit: Option<Limit>, cursor: Option<Cursor>) -> Self {
        Self { limit, cursor }
    }

    /// Reads limit and cursor for the list named `list`, which must name everything that selects its
    /// entries (for the likes of a post, the post).
    ///
    /// # Errors
    /// [`Error::Invalid`] for a bad limit, [`Error::Malformed`] for a cursor of another making.
    pub fn parse(&self, list: &str, keys: &SecretKeys) -> Result<PageRequest, Error> {
        let limit = match &self.limit {
            None => DEFAULT_LIMIT,
            Some(Limit(text)) => text
                .parse()
                .map_err(|_| Error::invalid("/limit", Rule::InvalidType))?,
        };
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Error::invalid("/limit", Rule::OutOfRange(1, MAX_LIMIT)));
        }
        let after = self
            .cursor
            .as_ref()
            .map(|Cursor(cursor)| open(cursor, list, keys))
            .transpose()?;
        Ok(PageRequest { limit, after })
    }
}

fn open(cursor: &str, list: &str, keys: &SecretKeys) -> Result<String, Error> {
    let malformed = || Error::Malformed(Code::MalformedCursor);
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| malformed())?;
    let (code, key) = bytes.split_at_checked(CODE_LENGTH).ok_or_else(malformed)?;
    if !keys.verify(PURPOSE, &[list.as_bytes(), key], code) {
        return Err(malformed());
    }
    String::from_utf8(key.to_vec()).map_err(|_| malformed())
}

/// What every cursor looks like, as a regular expression: a code and a key of a byte at least, in
/// base64url. What looks like one is refused all the same, unless it was issued for the list.
fn cursor_pattern() -> String {
    let bits = CODE_LENGTH.saturating_add(1).saturating_mul(8);
    format!("^[A-Za-z0-9_-]{{{},}}$", bits.div_ceil(6))
}

fn seal(key: &str, list: &str, keys: &SecretKeys) -> String {
    let (_, code) = keys.sign(PURPOSE, &[list.as_bytes(), key.as_bytes()]);
    let mut bytes: Vec<u8> = code.into_iter().take(CODE_LENGTH).collect();
    bytes.extend_from_slice(key.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

impl PageRequest {
    /// How many candidates a list may look at: twice the page, so that some may be invisible, and
    /// one to learn whether there are more.
    #[must_use]
    pub const fn candidates(&self) -> i64 {
        self.limit.saturating_mul(2).saturating_add(1)
    }

    /// How many rows a list may answer with: the page, and one to learn whether there are more.
    #[must_use]
    pub const fn rows(&self) -> i64 {
        self.limit.saturating_add(1)
    }
}

/// A row of a list, which knows its place in it.
pub trait Keyed {
    /// The key to resume after.
    fn key(&self) -> String;
}

/// The last candidate that a list has looked at, or null if there were fewer than it may look at:
/// what follows it is for the next page, even if nothing before it was visible.
#[derive(Debug, Deserialize)]
pub struct Boundary {
    /// The candidate's key.
    pub boundary: Option<String>,
}

/// One page of a list. A page may be short or empty; only `next_cursor: null` ends the list.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// What to send as `cursor` for the next page; null ends the list.
    #[schemars(example = &"qL1vTq0b2mZ5c8sX3nD4yzAxOTNhYmM")]
    pub next_cursor: Option<String>,
}

impl<T: Keyed> Page<T> {
    /// The page asked for of the list named `list`, from at most [`PageRequest::rows`] visible rows
    /// in order, and the boundary of the candidates they were found among.
    #[must_use]
    pub fn from_visible(
        mut rows: Vec<T>,
        boundary: Option<Boundary>,
        request: &PageRequest,
        list: &str,
        keys: &SecretKeys,
    ) -> Self {
        let next = next_after_full_page(&mut rows, request)
            .or_else(|| boundary.and_then(|boundary| boundary.boundary));
        Self {
            data: rows,
            next_cursor: next.map(|key| seal(&key, list, keys)),
        }
    }

    /// The page asked for of the list named `list`, from at most [`PageRequest::rows`] candidates in
    /// order, of which only the visible ones are shown.
    #[must_use]
    pub fn from_candidates(
        mut rows: Vec<T>,
        is_visible: impl Fn(&T) -> bool,
        request: &PageRequest,
        list: &str,
        keys: &SecretKeys,
    ) -> Self {
        let next = next_after_full_page(&mut rows, request);
        rows.retain(is_visible);
        Self {
            data: rows,
            next_cursor: next.map(|key| seal(&key, list, keys)),
        }
    }
}

/// Cuts `rows` to the page; if there were more, the key of the last that stays.
fn next_after_full_page<T: Keyed>(rows: &mut Vec<T>, request: &PageRequest) -> Option<String> {
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_| more).map(Keyed::key)
}

impl<T> Page<T> {
    /// The same page with each entry as `show` makes it.
    #[must_use]
    pub fn map<U>(self, show: impl FnMut(T) -> U) -> Page<U> {
        Page {
            data: self.data.into_iter().map(show).collect(),
            next_cursor: self.next_cursor,
        }
    }

    /// The `Link` header of RFC 8288 for this page of `limit` entries at most. It has no path, so
    /// that it resolves against the address the client asked.
    #[must_use]
    pub fn link(&self, limit: i64) -> Option<HeaderValue> {
        self.link_selected(limit, "")
    }

    /// The same, where `selection` of the query string selects the list; empty if nothing does.
    fn link_selected(&self, limit: i64, selection: &str) -> Option<HeaderValue> {
        let cursor = self.next_cursor.as_deref()?;
        let and = if selection.is_empty() { "" } else { "&" };
        let query = format!("{selection}{and}limit={limit}&cursor={cursor}");
        HeaderValue::from_str(&format!("<?{query}>; rel=\"next\"")).ok()
    }
}

impl<T: Serialize> Page<T> {
    /// 200 with the page, its `Link` and its tag, or 304 where the client has it.
    #[must_use]
    pub fn show(&self, request: &PageRequest, known: &IfNoneMatch) -> Response {
        self.show_selected(request, known, "")
    }

    /// The same for a list that is selected by `selection`, parameters of its query string such as
    /// `type=posts`, in ASCII.
    #[must_use]
    pub fn show_selected(
        &self,
        request: &PageRequest,
        known: &IfNoneMatch,
        selection: &str,
    ) -> Response {
        let mut response = known.show_list(self);
        if response.status() == StatusCode::OK
            && let Some(link) = self.link_selected(request.limit, selection)
        {
            response.headers_mut().insert(LINK, link);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> SecretKeys {
        SecretKeys::new(vec![("k1".into(), [7; 32])]).unwrap()
    }

    fn query(limit: Option<&str>, cursor: Option<String>) -> PageQuery {
        PageQuery {
            limit: limit.map(|text| Limit(text.to_owned())),
            cursor: cursor.map(Cursor),
        }
    }

    impl Keyed for i64 {
        fn key(&self) -> String {
            self.to_string()
        }
    }

    const TWO: PageRequest = PageRequest {
        limit: 2,
        after: None,
    };

    fn opened(page: Page<i64>) -> (Vec<i64>, Option<String>) {
        let next = page
            .next_cursor
            .map(|cursor| open(&cursor, "numbers", &keys()).unwrap());
        (page.data, next)
    }

    fn from_visible(rows: &[i64], boundary: Option<i64>) -> (Vec<i64>, Option<String>) {
        let boundary = Boundary {
            boundary: boundary.map(|key| key.to_string()),
        };
        opened(Page::from_visible(
            rows.to_vec(),
            Some(boundary),
            &TWO,
            "numbers",
            &keys(),
        ))
    }

    #[test]
    fn a_full_page_goes_on_behind_its_last_entry() {
        assert_eq!(
            from_visible(&[8, 6, 4], Some(1)),
            (vec![8, 6], Some("6".into()))
        );
    }

    #[test]
    fn a_page_without_more_candidates_ends_the_list() {
        assert_eq!(from_visible(&[], None), (vec![], None));
        assert_eq!(from_visible(&[8, 6], None), (vec![8, 6], None));
    }

    #[test]
    fn a_page_of_invisible_candidates_is_short_but_goes_on() {
        assert_eq!(from_visible(&[8], Some(1)), (vec![8], Some("1".into())));
        assert_eq!(from_visible(&[], Some(1)), (vec![], Some("1".into())));
    }

    #[test]
    fn candidates_are_paged_first_and_judged_then() {
        let even = |rows: &[i64]| {
            let rows = rows.to_vec();
            opened(Page::from_candidates(
                rows,
                |row| row % 2 == 0,
                &TWO,
                "numbers",
                &keys(),
            ))
        };
        assert_eq!(even(&[8, 7, 6]), (vec![8], Some("7".into())));
        assert_eq!(even(&[8, 7]), (vec![8], None));
    }

    #[test]
    fn a_cursor_resumes_its_own_list() {
        let cursor = seal("key-9", "posts", &keys());
        let request = query(Some("5"), Some(cursor))
            .parse("posts", &keys())
            .unwrap();
        assert_eq!(
            request,
            PageRequest {
                limit: 5,
                after: Some("key-9".into())
            }
        );
    }

    #[test]
    fn a_cursor_of_another_list_or_making_is_malformed() {
        let cursor = seal("key-9", "posts", &keys());
        let foreign = query(None, Some(cursor.clone())).parse("likes", &keys());
        assert!(matches!(
            foreign,
            Err(Error::Malformed(Code::MalformedCursor))
        ));
        let forged = format!("{cursor}AAAA");
        for cursor in [
            forged,
            String::new(),
            "!".into(),
            "AAAA".into(),
            seal("k", "x", &keys()),
        ] {
            let result = query(None, Some(cursor)).parse("posts", &keys());
            assert!(matches!(
                result,
                Err(Error::Malformed(Code::MalformedCursor))
            ));
        }
    }

    #[test]
    fn a_limit_is_a_number_from_1_to_100() {
        assert_eq!(query(None, None).parse("posts", &keys()).unwrap().limit, 20);
        assert_eq!(
            query(Some("100"), None)
                .parse("posts", &keys())
                .unwrap()
                .limit,
            100
        );
        for limit in ["0", "101", "-1", "", "x", "1.5", "99999999999999999999"] {
            assert!(
                matches!(
                    query(Some(limit), None).parse("posts", &keys()),
                    Err(Error::Invalid(_))
                ),
                "{limit}"
            );
        }
    }
}
