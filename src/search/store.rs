//! What is found in the full-text index, of what the viewer may see.
//!
//! Rows inside the index are not counted as read, so what bounds its cost is time: `bench/search.mjs`
//! measures it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};
use crate::http::pagination::{Boundary, Keyed, PageRequest};
use crate::platform::{Batch, Rows, flag, json_text, params};
use crate::posts::{Post, post, visible};
use crate::users::{ShortPerson, blocked_between, muted_by, short_person};
use crate::viewer::MaybeViewer;

/// The candidates of a search: `$most` running numbers of rows of `$table` that match `$words`, newest
/// first, after the row with the id `$after`, or from the newest on if that is null. The limit stands inside,
/// so that a page costs the same however many of them are invisible.
macro_rules! candidates {
    ($table:literal, $words:literal, $after:literal, $most:literal) => {
        concat!(
            "select rowid as number
    from ",
            $table,
            "_text
    where ",
            $table,
            "_text match ",
            $words,
            "
      and rowid < iif(",
            $after,
            " is null, 9007199254740991, (select number from ",
            $table,
            " where id = ",
            $after,
            "))
    order by rowid desc
    limit ",
            $most
        )
    };
}

/// SQL for the [`Boundary`] of the [`candidates!`] of the same parameters.
macro_rules! boundary {
    ($table:literal) => {
        concat!(
            "select (select id from ",
            $table,
            " where number = last.number) as boundary
from (
  select iif(sum(1) = ?3, min(number), null) as number
  from (
    ",
            candidates!($table, "?1", "?2", "?3"),
            "
  )
) last"
        )
    };
}

/// A page of the posts and comments with these words, newest first, without those of people whom the viewer
/// mutes; and where its candidates end.
pub(super) fn posts(
    viewer: &MaybeViewer,
    words: &str,
    page: &PageRequest,
) -> (Batch, Rows<Post>, Rows<Boundary>) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    let after = page.after.as_deref();
    let rows = batch.query(
        concat!(
            "select ",
            post!("p", "a", "?1"),
            "
from (
    ",
            candidates!("posts", "?2", "?3", "?4"),
            "
) c
cross join posts p on p.number = c.number
cross join users a on a.id = p.author_id
where ",
            visible!("p", "a", "?1"),
            "
  and not ",
            muted_by!("p.author_id", "?1"),
            "
order by c.number desc
limit ?5"
        ),
        params![
            viewer.user_id(),
            words,
            after,
            page.candidates(),
            page.rows()
        ],
    );
    let boundary = batch.query(boundary!("posts"), params![words, after, page.candidates()]);
    (batch, rows, boundary)
}

/// The key of whoever has the very username that was looked for: they come first, before the newest.
const EXACT: &str = "~";

/// A person who was found.
#[derive(Debug, Deserialize)]
pub(super) struct FoundPerson {
    #[serde(deserialize_with = "json_text")]
    pub(super) person: ShortPerson,
    key: String,
}

impl Keyed for FoundPerson {
    fn key(&self) -> String {
        self.key.clone()
    }
}

/// Where the people are who were found: whoever has the very username, on the first page only, and those
/// with these words in their names, newest account first.
pub(super) struct FoundPeople {
    pub(super) exact: Option<Rows<FoundPerson>>,
    pub(super) others: Rows<FoundPerson>,
    pub(super) boundary: Rows<Boundary>,
}

/// A page of the people with this username or these words in their names.
pub(super) fn people(
    viewer: &MaybeViewer,
    username: &str,
    words: &str,
    page: &PageRequest,
) -> (Batch, FoundPeople) {
    let mut batch = Batch::guarded_if_signed_in(viewer);
    let exact = page.after.is_none().then(|| {
        batch.query(
            concat!(
                "select ",
                short_person!("u"),
                " as person, ?3 as key
from users u
where u.username = ?2
  and u.status = 'active'
  and not ",
                blocked_between!("u.id", "?1")
            ),
            params![viewer.user_id(), username, EXACT],
        )
    });
    let after = page.after.as_deref().filter(|after| *after != EXACT);
    let others = batch.query(
        concat!(
            "select ",
            short_person!("u"),
            " as person, u.id as key
from (
    ",
            candidates!("users", "?2", "?3", "?4"),
            "
) c
cross join users u on u.number = c.number
where u.status = 'active'
  and u.username <> ?6
  and not ",
            blocked_between!("u.id", "?1"),
            "
order by c.number desc
limit ?5"
        ),
        params![
            viewer.user_id(),
            words,
            after,
            page.candidates(),
            page.rows(),
            username
        ],
    );
    let boundary = batch.query(boundary!("users"), params![words, after, page.candidates()]);
    let found = FoundPeople {
        exact,
        others,
        boundary,
    };
    (batch, found)
}

/// A hashtag.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(description = "A hashtag.")]
pub(super) struct Tag {
    /// Without the `#`, folded.
    #[schemars(example = &"harbour")]
    pub(super) tag: String,
}

/// A hashtag that was found.
#[derive(Debug, Deserialize)]
pub(super) struct FoundTag {
    pub(super) tag: String,
    /// Not its text: a cursor can be read, and may be that of a hashtag which its reader may not know.
    number: i64,
    #[serde(deserialize_with = "flag")]
    pub(super) visible: bool,
}

impl Keyed for FoundTag {
    fn key(&self) -> String {
        self.number.to_string()
    }
}

/// Candidates for a page of the hashtags with these words, newest first, each with whether the viewer may see
/// one of its newest three posts.
///
/// # Errors
/// [`Error::Malformed`] for the cursor of a list by something else.
pub(super) fn tags(
    viewer: &MaybeViewer,
    words: &str,
    page: &PageRequest,
) -> Result<(Batch, Rows<FoundTag>), Error> {
    let after = page.after.as_deref().map(str::parse::<i64>);
    let after = after
        .transpose()
        .map_err(|_| Error::Malformed(Code::MalformedCursor))?;
    let mut batch = Batch::guarded_if_signed_in(viewer);
    let rows = batch.query(
        concat!(
            "select t.tag, t.number, exists (
    select 1
    from (
      select post_id
      from post_tags
      where tag = t.tag
      order by post_id desc
      limit 3
    ) newest
    cross join posts p on p.id = newest.post_id
    cross join users a on a.id = p.author_id
    where ",
            visible!("p", "a", "?1"),
            "
  ) as visible
from (
    select rowid as number
    from tags_text
    where tags_text match ?2
      and rowid < cast(coalesce(?3, 9007199254740991) as integer)
    order by rowid desc
    limit ?4
) c
cross join tags t on t.number = c.number
order by c.number desc"
        ),
        params![viewer.user_id(), words, after, page.rows()],
    );
    Ok((batch, rows))
}
