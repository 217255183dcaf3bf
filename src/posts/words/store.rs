//! The table `posts_text`.

use crate::id::{PostId, PostRef};
use crate::platform::{Batch, params};
use crate::posts::visibility::is_there;
use crate::users::post_ref;

/// SQL that writes the words of the post `?1`, under `$condition`: a second time, they would be there twice.
macro_rules! insert_words {
    ($condition:literal) => {
        concat!(
            "insert into posts_text (rowid, caption, audience)
select p.number, p.caption, p.audience
from posts p
where p.id = ?1 and p.number is not null",
            $condition
        )
    };
}

/// Appends that a post which the batch makes is found by its words.
pub(in crate::posts) fn append(batch: &mut Batch, post: &PostId) {
    batch.write_last(insert_words!(""), params![post]);
}

/// Appends that a post is found by its words, as they are once the batch has run, if it is not found already: because
/// the batch has erased those before, or nobody ever wrote them.
pub(in crate::posts) fn append_again(batch: &mut Batch, post: &PostId) {
    batch.write_last(
        insert_words!("\n  and not exists (select 1 from posts_text where rowid = p.number)"),
        params![post],
    );
}

/// Appends, before it is written, that a post which is there is not found by what it says now, unless that is
/// `caption`: the index forgets only what it is told. From here on the batch may not ask for `changes()`.
pub(in crate::posts) fn erase(batch: &mut Batch, post: PostRef, caption: Option<&str>) {
    batch.erase(
        concat!(
            "insert into posts_text (posts_text, rowid, caption, audience)
select 'delete', p.number, p.caption, p.audience
from posts p
where p.id = ",
            post_ref!("?1", "?2"),
            "
  and p.caption is not ?3
  and ",
            is_there!("p"),
            "
  and exists (select 1 from posts_text where rowid = p.number)"
        ),
        post.params(params![caption]),
    );
}
