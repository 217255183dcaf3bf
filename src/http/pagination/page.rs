//! One page of a list, and how it is shown.

use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderValue, LINK};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cursor;
use super::request::PageRequest;
use crate::http::conditional::IfNoneMatch;
use crate::mac::SecretKeys;
use crate::platform::{Batch, Rows};

/// A batch that reads a page: at most [`PageRequest::rows`] visible rows in order, and the boundary of the
/// candidates they were found among.
pub type Listed<T> = (Batch, Rows<T>, Rows<Boundary>);

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
    /// The page asked for, from at most [`PageRequest::rows`] visible rows in order, and the boundary of the
    /// candidates they were found among.
    #[must_use]
    pub fn from_visible(
        mut rows: Vec<T>,
        boundary: Option<Boundary>,
        request: &PageRequest,
        keys: &SecretKeys,
    ) -> Self {
        let next = next_after_full_page(&mut rows, request)
            .or_else(|| boundary.and_then(|boundary| boundary.boundary));
        Self::new(rows, next, request, keys)
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
    /// The page asked for, from at most [`PageRequest::rows`] candidates in order, of which those are shown that
    /// `show` makes something of.
    #[must_use]
    pub fn from_candidates<C: Keyed>(
        mut rows: Vec<C>,
        show: impl FnMut(C) -> Option<T>,
        request: &PageRequest,
        keys: &SecretKeys,
    ) -> Self {
        let next = next_after_full_page(&mut rows, request);
        Self::new(
            rows.into_iter().filter_map(show).collect(),
            next,
            request,
            keys,
        )
    }

    fn new(data: Vec<T>, next: Option<String>, request: &PageRequest, keys: &SecretKeys) -> Self {
        let next_cursor = next.map(|key| cursor::seal(&key, &request.list, keys));
        Self { data, next_cursor }
    }

    /// The same page with each entry as `show` makes it.
    #[must_use]
    pub fn map<U>(self, show: impl FnMut(T) -> U) -> Page<U> {
        Page {
            data: self.data.into_iter().map(show).collect(),
            next_cursor: self.next_cursor,
        }
    }

    /// The `Link` header of RFC 8288 for this page. It has no path, so that it resolves against the address the
    /// client asked.
    #[must_use]
    pub fn link(&self, request: &PageRequest) -> Option<HeaderValue> {
        let cursor = self.next_cursor.as_deref()?;
        let query = request.list.query(request.limit, cursor);
        HeaderValue::from_str(&format!("<?{query}>; rel=\"next\"")).ok()
    }
}

impl<T: Serialize> Page<T> {
    /// 200 with the page, its `Link` and its tag, or 304 where the client has it.
    #[must_use]
    pub fn show(&self, request: &PageRequest, known: &IfNoneMatch) -> Response {
        let mut response = known.show_list(self);
        if response.status() == StatusCode::OK
            && let Some(link) = self.link(request)
        {
            response.headers_mut().insert(LINK, link);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::pagination::List;

    fn keys() -> SecretKeys {
        SecretKeys::new(vec![("k1".into(), [7; 32])]).unwrap()
    }

    impl Keyed for i64 {
        fn key(&self) -> String {
            self.to_string()
        }
    }

    /// The first two numbers.
    fn two() -> PageRequest {
        PageRequest {
            list: List::from("numbers"),
            limit: 2,
            after: None,
        }
    }

    fn opened(page: Page<i64>) -> (Vec<i64>, Option<String>) {
        let next = page
            .next_cursor
            .map(|cursor| cursor::open(&cursor, &two().list, &keys()).unwrap());
        (page.data, next)
    }

    fn from_visible(rows: &[i64], boundary: Option<i64>) -> (Vec<i64>, Option<String>) {
        let boundary = Boundary {
            boundary: boundary.map(|key| key.to_string()),
        };
        let page = Page::from_visible(rows.to_vec(), Some(boundary), &two(), &keys());
        opened(page)
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
        let even = |row: i64| (row % 2 == 0).then_some(row);
        let shown = |rows: &[i64]| {
            let page = Page::from_candidates(rows.to_vec(), even, &two(), &keys());
            opened(page)
        };
        assert_eq!(shown(&[8, 7, 6]), (vec![8], Some("7".into())));
        assert_eq!(shown(&[8, 7]), (vec![8], None));
    }
}
