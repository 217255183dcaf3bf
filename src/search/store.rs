//! What is found in the full-text index, of what the viewer may see.
//!
//! Rows inside the index are not counted as read, so what bounds its cost is time: `bench/search.mjs`
//! measures it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};
use crate::http::pagination::{Boundary, Keyed, PageRequest};
use crate::platform::{Batch, Rows, flag, params};
use crate::posts::{Post, post, visible};
use crate::users::{ListedPerson, blocked_between, muted_by, short_person};
use crate::viewer::MaybeViewer;

/// The candidates of a search: `$most` running numbers of rows of `$table` that match `$words`, newest
/// first, after the row with the id `$after`, or from the newest on if that is null. The limit stands inside,
/// so that a page costs the same however many of them are invisible.
macro_rules! candidates {
    ($table:literal, $words:expr, $after:literal, $most:literal) => {
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

/// SQL for the [`Boundary`] of the [`candidates!`] after `?2`, at most `?3`.
macro_rules! boundary {
    ($table:literal, $words:expr) => {
        concat!(
            "select (select id from ",
            $table,
            " where number = last.number) as boundary
from (
  select iif(sum(1) = ?3, min(number), null) as number
  from (
    ",
            candidates!($table, $words, "?2", "?3"),
            "
  )
) last"
        )
    };
}

/// SQL for what the index of posts is asked by the viewer `$viewer`: for the words `$words` in captions, and for posts
/// that the viewer may see unless somebody is blocked or suspended. So no candidate is for others alone, and neither
/// a page that is short nor where it ends tells that there is such a post.
///
/// These are the posts for everyone; those for the viewer's followers, and what the viewer wrote; and those for the
/// followers of the first of the accounts that the viewer follows, by their ids: as many as a page has rows left.
/// The words behind U+E000 and U+E001 are those of the column `posts.audience`.
macro_rules! in_sight_of {
    ($words:literal, $viewer:literal) => {
        concat!(
            "'{caption} : (' || ",
            $words,
            " || ') AND {audience} : (' || (
      select group_concat(word, ' OR ')
      from (
        select char(57344) as word
        union all
        select char(57344) || replace(",
            $viewer,
            ", '-', '')
        union all
        select char(57345) || replace(",
            $viewer,
            ", '-', '')
        union all
        select char(57344) || replace(followee_id, '-', '')
        from (
          select followee_id
          from follows
          where follower_id = ",
            $viewer,
            " and state = 'accepted'
          order by followee_id
          limit 30
        )
      )
    ) || ')'"
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
            candidates!("posts", in_sight_of!("?2", "?1"), "?3", "?4"),
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
    let boundary = batch.query(
        boundary!("posts", in_sight_of!("?1", "?4")),
        params![words, after, page.candidates(), viewer.user_id()],
    );
    (batch, rows, boundary)
}

/// The key of whoever has the very username that was looked for: they come first, before the newest.
const EXACT: &str = "~";

/// Where the people are who were found: whoever has the very username, on the first page only, and those
/// with these words in their names, newest account first.
pub(super) struct FoundPeople {
    pub(super) exact: Option<Rows<ListedPerson>>,
    pub(super) others: Rows<ListedPerson>,
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
    let boundary = batch.query(
        boundary!("users", "?1"),
        params![words, after, page.candidates()],
    );
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
