//! Which page of which list a client asks for.

use form_urlencoded::Serializer;
use schemars::JsonSchema;
use serde::Deserialize;

use super::cursor;
use crate::error::{Code, Error, Rule};
use crate::mac::SecretKeys;

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
pub struct Cursor(#[schemars(regex(pattern = cursor::pattern()))] String);

/// The query string of a list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    #[schemars(with = "Limit")]
    limit: Option<Limit>,
    #[schemars(with = "Cursor")]
    cursor: Option<Cursor>,
}

/// Everything that selects the entries of a list: its name, which for the likes of a post names the post and for
/// what only its owner sees the owner, and the parameters of the query string that pick among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    name: String,
    /// As a query string.
    selection: String,
}

impl From<&str> for List {
    fn from(name: &str) -> Self {
        Self::from(name.to_owned())
    }
}

impl From<String> for List {
    fn from(name: String) -> Self {
        Self {
            name,
            selection: String::new(),
        }
    }
}

impl List {
    /// Only those entries that this parameter of the query string picks; all, where it was not sent.
    #[must_use]
    pub fn selected_by(mut self, parameter: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            let mut selection = Serializer::new(self.selection);
            self.selection = selection.append_pair(parameter, value).finish();
        }
        self
    }

    /// What a cursor is bound to.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        [self.name.as_bytes(), self.selection.as_bytes()]
    }

    /// The query string of this list's page of `limit` entries that `cursor` begins.
    pub(super) fn query(&self, limit: i64, cursor: &str) -> String {
        Serializer::new(self.selection.clone())
            .append_pair("limit", &limit.to_string())
            .append_pair("cursor", cursor)
            .finish()
    }
}

/// A page asked for: of which list, how many entries, and after which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The list.
    pub list: List,
    /// At most this many entries, 1–100.
    pub limit: i64,
    /// The key of the last entry the client has seen; none for the first page.
    pub after: Option<String>,
}

/// Sorts after every id, so that the first page needs no statement of its own.
const AFTER_EVERY_ID: &str = "~";

/// A place in a list of accounts by time, such as who likes a post: the key of the entry before it, which reads
/// `<milliseconds, 16 digits> <id>` and so sorts as the list does.
#[derive(Debug)]
pub struct TimedPlace {
    /// Milliseconds since 1970.
    pub time: i64,
    /// The account.
    pub id: String,
}

impl PageQuery {
    /// What the query string of a list that takes more than these two holds of them.
    #[must_use]
    pub const fn new(limit: Option<Limit>, cursor: Option<Cursor>) -> Self {
        Self { limit, cursor }
    }

    /// Reads limit and cursor for a list.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a bad limit, [`Error::Malformed`] for a cursor of another making.
    pub fn parse(&self, list: impl Into<List>, keys: &SecretKeys) -> Result<PageRequest, Error> {
        let list = list.into();
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
            .map(|Cursor(cursor)| cursor::open(cursor, &list, keys))
            .transpose()?;
        Ok(PageRequest { list, limit, after })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(limit: Option<&str>) -> Result<PageRequest, Error> {
        let keys = SecretKeys::new(vec![("k1".into(), [7; 32])]).unwrap();
        let limit = limit.map(|text| Limit(text.to_owned()));
        PageQuery::new(limit, None).parse("posts", &keys)
    }

    #[test]
    fn a_limit_is_a_number_from_1_to_100() {
        assert_eq!(limited(None).unwrap().limit, 20);
        assert_eq!(limited(Some("100")).unwrap().limit, 100);
        for limit in ["0", "101", "-1", "", "x", "1.5", "99999999999999999999"] {
            let refused = limited(Some(limit));
            assert!(matches!(refused, Err(Error::Invalid(_))), "{limit}");
        }
    }

    #[test]
    fn the_first_page_begins_before_all_there_is() {
        let first = limited(None).unwrap();
        assert!(first.before_id() > "ffffffff-ffff-7fff-bfff-ffffffffffff");
        assert_eq!(first.after_id(), "");
        assert_eq!(first.timed_place().unwrap().time, 1 << 53);
    }

    #[test]
    fn a_place_by_time_is_read_from_its_key() {
        let request = |after: &str| PageRequest {
            after: Some(after.to_owned()),
            ..limited(None).unwrap()
        };
        let place = request("0000001753000000 u-1").timed_place().unwrap();
        assert_eq!((place.time, place.id.as_str()), (1_753_000_000, "u-1"));
        for key in ["u-1", "x u-1", ""] {
            let refused = request(key).timed_place();
            assert!(matches!(refused, Err(Error::Malformed(_))), "{key}");
        }
    }

    #[test]
    fn the_next_page_is_asked_for_with_what_selected_this_one() {
        let list = List::from("search")
            .selected_by("q", Some("a & b"))
            .selected_by("type", None);
        assert_eq!(list.query(5, "QUJD"), "q=a+%26+b&limit=5&cursor=QUJD");
        let all = List::from("posts");
        assert_eq!(all.query(20, "QUJD"), "limit=20&cursor=QUJD");
    }
}
