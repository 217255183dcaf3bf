//! The feed against a naive model of it: random worlds, in which people post, delete, edit, follow, block and mute
//! between the pages that somebody reads.
//!
//! Every page must be the model's at that moment; what was in the feed all along is shown, and nothing is shown
//! twice. Then defects are planted in the statement itself, and each must be found.
//!
//! * `KITH_FEED_CASES`: how many cases (2,000 without it).
//! * `KITH_FEED_SEED`: the seed of the first case, the next one's is one more; drawn without it. A failure names the
//!   seed of its case, so that `KITH_FEED_SEED=… KITH_FEED_CASES=1 cargo test --test feed` replays it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test says what it expects by failing"
)]
#![expect(unreachable_pub, reason = "the modules of a test are all private")]

#[path = "feed/kith.rs"]
mod kith_native;
mod native;
#[path = "feed/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};

use kith_native::{Defect, Kith};
use world::{Fed, World};

/// Cases of the short form.
const CASES: u64 = 2_000;

/// More pages than any case has posts.
const MOST_PAGES: usize = 300;

/// What the cases of a run have been through, so that they prove something.
#[derive(Default)]
struct Extent {
    pages: usize,
    posts: usize,
    changes: usize,
    /// Pages that were shorter than asked for and yet led on.
    short: usize,
    /// Posts that were in the feed from the first page to the last, of feeds of several pages.
    all_along: usize,
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

fn first_seed() -> u64 {
    number("KITH_FEED_SEED").unwrap_or_else(|| RandomState::new().hash_one(0) >> 16)
}

/// Somebody reads their feed to its end while the world goes on.
///
/// # Errors
/// What is wrong with what they were shown.
fn read_to_the_end(kith: &Kith, seed: u64, extent: &mut Extent) -> Result<(), String> {
    let mut world = World::new(kith, seed);
    let limit = world.draw(1, 7);
    let mut after = None;
    let mut cursor = None;
    let mut shown: Vec<String> = Vec::new();
    let mut all_along = world.feed();
    for pages in 0.. {
        if pages == MOST_PAGES {
            return Err("it never ends".to_owned());
        }
        let expected = world.page(after.as_deref(), limit);
        let answer = kith.feed(world.token(), limit, cursor.as_deref())?;
        let ids = answer.posts.iter().map(|post| post.id.clone());
        let ids: Vec<_> = ids.collect();
        extent.pages += 1;
        extent.posts += ids.len();
        if answer.posts != expected.posts {
            let wanted: Vec<&Fed> = expected.posts.iter().collect();
            return Err(format!(
                "page {pages} of {limit} after {after:?} is\n{:#?}\nand not\n{wanted:#?}",
                answer.posts
            ));
        }
        if let Some(twice) = ids.iter().find(|id| shown.contains(id)) {
            return Err(format!("page {pages} shows {twice} again"));
        }
        shown.extend(ids);
        if answer.cursor.is_some() != expected.goes_on_after.is_some() {
            return Err(format!("page {pages} leads on: {:?}", answer.cursor));
        }
        if expected.goes_on_after.is_none() {
            break;
        }
        if answer.posts.len() < limit {
            extent.short += 1;
        }
        after = expected.goes_on_after;
        cursor = answer.cursor;
        for _ in 0..world.draw(0, 5) {
            world.change();
            extent.changes += 1;
            let now = world.feed();
            all_along.retain(|id| now.contains(id));
        }
    }
    let shown: BTreeSet<_> = shown.into_iter().collect();
    if let Some(missed) = all_along.iter().find(|id| !shown.contains(*id)) {
        return Err(format!("{missed} was there all along and not shown"));
    }
    if after.is_some() {
        extent.all_along += all_along.len();
    }
    Ok(())
}

#[test]
fn every_page_is_the_models_and_none_misses_or_repeats_a_post() {
    let (first, cases) = (first_seed(), number("KITH_FEED_CASES").unwrap_or(CASES));
    println!("{cases} cases from seed {first}");
    let kith = Kith::new(None);
    let mut extent = Extent::default();
    for seed in first..first + cases {
        if let Err(wrong) = read_to_the_end(&kith, seed, &mut extent) {
            panic!(
                "KITH_FEED_SEED={seed} KITH_FEED_CASES=1 shows that the feed is wrong:\n{wrong}"
            );
        }
    }
    let Extent {
        pages,
        posts,
        changes,
        short,
        all_along,
    } = extent;
    println!(
        "{pages} pages, {posts} posts, {changes} changes between pages, {short} short pages that led on, \
         {all_along} posts that were there all along"
    );
    if cases >= CASES {
        let enough = pages > 6_000 && changes > 6_000 && short > 100 && all_along > 5_000;
        assert!(enough, "these cases prove too little");
    }
}

/// What somebody might do to the statement, by its text and what stands there instead.
const DEFECTS: [Defect; 8] = [
    Defect {
        what: "a page begins with the last post of the one before",
        instead_of: "and id < ?2",
        stands: "and id <= ?2",
    },
    Defect {
        what: "an author's next post is the same again",
        instead_of: "and id < m.id",
        stands: "and id <= m.id",
    },
    Defect {
        what: "one's own posts are missing",
        instead_of: "    union all\n    select ?1\n",
        stands: "",
    },
    Defect {
        what: "the muted are not left out",
        instead_of: "and not exists (select 1 from mutes where muter_id = ?1 and muted_id = f.followee_id)",
        stands: "",
    },
    Defect {
        what: "who only asks to follow follows",
        instead_of: "and f.state = 'accepted'",
        stands: "",
    },
    Defect {
        what: "the suspended take places of the page",
        instead_of: "and u.status = 'active'",
        stands: "",
    },
    Defect {
        what: "the queue is no queue",
        instead_of: "  order by 1 desc\n",
        stands: "",
    },
    Defect {
        what: "whoever is followed may be seen",
        instead_of: "select m.id, iif(",
        stands: "select m.id, iif(1 or ",
    },
];

#[test]
fn each_planted_defect_is_found() {
    let first = first_seed();
    for defect in DEFECTS {
        let what = defect.what;
        let kith = Kith::new(Some(defect));
        let found = (first..first + CASES)
            .position(|seed| read_to_the_end(&kith, seed, &mut Extent::default()).is_err());
        assert!(
            kith.was_planted(),
            "the statement no longer reads as it did where {what}"
        );
        let Some(place) = found else {
            panic!("from seed {first} nothing shows that {what}");
        };
        println!("{what}: found by case {}", place + 1);
    }
}
