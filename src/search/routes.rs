//! `GET /search`.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use schemars::JsonSchema;
use serde::Deserialize;

use super::rules::{Kind, MAX_TEXT, Search};
use super::store::{self, FoundTag, Tag};
use crate::app::App;
use crate::error::Error;
use crate::http::api;
use crate::http::conditional::IfNoneMatch;
use crate::http::extract::Query;
use crate::http::pagination::{self, List, Page, PageQuery};
use crate::text::{self, Lines};
use crate::viewer::MaybeViewer;

/// The route of search.
pub fn router() -> Router {
    Router::new().route(api!("/search"), get(search))
}

/// The query string of a search.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchQuery {
    /// What to look for. It is split into words; all must be there, in any order, case and accents aside.
    /// The last may be the beginning of a word, from two letters on. Ten words count.
    #[schemars(
        required,
        length(min = 1, max = MAX_TEXT),
        regex(pattern = text::pattern(Lines::One)),
        example = &"harbour"
    )]
    q: Option<String>,
    /// Where to look for it.
    #[schemars(required, with = "Kind")]
    r#type: Option<String>,
    #[schemars(with = "pagination::Limit")]
    limit: Option<pagination::Limit>,
    #[schemars(with = "pagination::Cursor")]
    cursor: Option<pagination::Cursor>,
}

/// `GET /search`
///
/// Searches people, posts or hashtags.
///
/// `users` are found by username and display name: first whoever has the very username, then the newest
/// account. `posts` are found by caption, comments as well, newest first, without those of people whom one
/// mutes. `tags` are found by their words, newest first, if they stand in public posts. Nobody finds what they may
/// not see. Of posts for followers one's own are looked through, and those of the first 30 accounts, by id, that one
/// follows. Words are what stands between spaces and punctuation: in a text that has none between its words, such as
/// Chinese, Japanese or Thai, only the beginning of a run of letters is found.
pub(super) async fn search(
    app: App,
    viewer: MaybeViewer,
    known: IfNoneMatch,
    Query(query): Query<SearchQuery>,
) -> Result<Response, Error> {
    let search = Search::parse(query.q, query.r#type.as_deref())?;
    let (words, keys) = (search.words(), app.secret_keys());
    let list = List::from("search")
        .selected_by("q", Some(&search.text))
        .selected_by("type", Some(search.kind.as_str()));
    let request = PageQuery::new(query.limit, query.cursor).parse(list, keys)?;
    match search.kind {
        Kind::Posts => {
            let posts = store::posts(&viewer, &words, &request);
            Ok(app.page(&request, posts).await?.show(&request, &known))
        }
        Kind::Users => {
            let (batch, found) = store::people(&viewer, &search.username(), &words, &request);
            let outcome = app.run(batch).await?;
            let mut people = Vec::new();
            if let Some(exact) = &found.exact {
                people = outcome.rows(exact)?;
            }
            people.extend(outcome.rows(&found.others)?);
            let boundary = outcome.first(&found.boundary)?;
            let page =
                Page::from_visible(people, boundary, &request, keys).map(|found| found.person);
            Ok(page.show(&request, &known))
        }
        Kind::Tags => {
            let (batch, rows) = store::tags(&viewer, &words, &request)?;
            let rows = app.run(batch).await?.rows(&rows)?;
            let show = |found: FoundTag| found.visible.then_some(Tag { tag: found.tag });
            let page = Page::from_candidates(rows, show, &request, keys);
            Ok(page.show(&request, &known))
        }
    }
}
