//! Who may see a post and a person: the SQL that decides it, as Kith sends it, against the rules in plain
//! words, for every combination of what they depend on; and that no clause of it is there for nothing.
//!
//! The SQL is taken from `tests/contract/cases/story.json`, which `tests/contract.rs` holds to the stores. What
//! the routes make of it is asked by `tests/api/visibility-matrix.spec.ts`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test says what it expects by failing"
)]

#[path = "visibility/clauses.rs"]
mod clauses;
mod native;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clauses::without_each;
use kith::platform::Value;
use kith::platform::native::Sqlite;
use native::migrated;
use serde::Deserialize;

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Viewer {
    Nobody,
    Author,
    /// Who began the thread, which may be the author.
    Beginner,
    Other,
    /// Sees no more than others do: what moderators do is a route of its own.
    Moderator,
}

/// A follow from the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follow {
    No,
    Pending,
    Accepted,
}

impl Follow {
    const fn as_str(self) -> &'static str {
        match self {
            Self::No => "",
            Self::Pending => "pending",
            Self::Accepted => "accepted",
        }
    }
}

/// All that it may depend on whether somebody sees a post.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "so many things it may depend on"
)]
struct Case {
    viewer: Viewer,
    followers_only: bool,
    deleted: bool,
    removed: bool,
    /// Whether it still has replies.
    answered: bool,
    status: &'static str,
    /// Whether the thread was begun by somebody else than the author.
    comment_of_anothers: bool,
    follows_author: Follow,
    follows_beginner: Follow,
    followed_by_beginner: bool,
    blocks_author: bool,
    blocked_by_author: bool,
    blocks_beginner: bool,
    blocked_by_beginner: bool,
}

/// Whether somebody sees a post, as `docs/decisions/0005-visibility-is-one-predicate.md` says it.
fn may_see(case: &Case) -> bool {
    is_there(case) && is_in_sight(case)
}

/// Whether somebody sees a post or the stub that is left of one with replies.
fn may_see_or_stub(case: &Case) -> bool {
    (is_there(case) || case.answered) && is_in_sight(case)
}

/// Whether somebody may add to a post, and see what others have: who wrote it no more than others.
fn may_join(case: &Case) -> bool {
    is_there(case) && takes_part(case)
}

/// Whether somebody sees what hangs on a post or on what is left of it.
fn may_join_or_stub(case: &Case) -> bool {
    (is_there(case) || case.answered) && takes_part(case)
}

/// Whether somebody may report a post: as if they blocked nobody. One's own is found, to be refused.
fn may_report(case: &Case) -> bool {
    let blocked = case.blocked_by_author || case.blocked_by_beginner;
    let shared = !blocked && is_invited(case);
    is_there(case) && case.status == "active" && (case.viewer == Viewer::Author || shared)
}

const fn is_there(case: &Case) -> bool {
    !case.deleted && !case.removed
}

fn is_in_sight(case: &Case) -> bool {
    case.status == "active" && case.viewer == Viewer::Author || takes_part(case)
}

fn takes_part(case: &Case) -> bool {
    let apart = case.blocks_author
        || case.blocked_by_author
        || case.blocks_beginner
        || case.blocked_by_beginner;
    case.status == "active" && !apart && is_invited(case)
}

fn is_invited(case: &Case) -> bool {
    let began = match case.viewer {
        Viewer::Beginner => true,
        Viewer::Author => !case.comment_of_anothers,
        _ => false,
    };
    !case.followers_only || began || case.follows_beginner == Follow::Accepted
}

const NEVER_OR_EVER: [bool; 2] = [false, true];
const FOLLOWS: [Follow; 3] = [Follow::No, Follow::Pending, Follow::Accepted];

/// Every combination that can be: nobody follows, blocks, or is another than they are.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for viewer in [
        Viewer::Nobody,
        Viewer::Author,
        Viewer::Beginner,
        Viewer::Other,
        Viewer::Moderator,
    ] {
        for comment_of_anothers in NEVER_OR_EVER {
            if viewer == Viewer::Beginner && !comment_of_anothers {
                continue;
            }
            for mut case in relations(viewer, comment_of_anothers) {
                for state in 0..48 {
                    case.followers_only = state & 1 == 1;
                    case.deleted = state & 2 == 2;
                    case.removed = state & 4 == 4;
                    case.answered = state & 8 == 8;
                    case.status = ["active", "suspended", "deleted"][state >> 4];
                    cases.push(case.clone());
                }
            }
        }
    }
    cases
}

/// How a viewer may stand to the author and to who began the thread.
fn relations(viewer: Viewer, comment_of_anothers: bool) -> Vec<Case> {
    let stranger = viewer == Viewer::Other;
    let to_author = stranger || viewer == Viewer::Beginner;
    let to_beginner = comment_of_anothers && (stranger || viewer == Viewer::Author);
    let few = |may: bool| {
        if may {
            &NEVER_OR_EVER[..]
        } else {
            &NEVER_OR_EVER[..1]
        }
    };
    let follows = |may: bool| if may { &FOLLOWS[..] } else { &FOLLOWS[..1] };
    let mut found = Vec::new();
    for &follows_author in follows(to_author) {
        for &follows_beginner in follows(to_beginner) {
            for &followed_by_beginner in few(to_beginner) {
                for blocks in 0..16 {
                    let block = |bit: usize| blocks & bit == bit;
                    if blocks & 0b0011 != 0 && !to_author || blocks & 0b1100 != 0 && !to_beginner {
                        continue;
                    }
                    found.push(Case {
                        viewer,
                        comment_of_anothers,
                        follows_author,
                        // In a thread of the author's own the two are one.
                        follows_beginner: if comment_of_anothers {
                            follows_beginner
                        } else {
                            follows_author
                        },
                        followed_by_beginner,
                        blocks_author: block(1),
                        blocked_by_author: block(2),
                        blocks_beginner: block(4),
                        blocked_by_beginner: block(8),
                        followers_only: false,
                        deleted: false,
                        removed: false,
                        answered: false,
                        status: "active",
                    });
                }
            }
        }
    }
    found
}

/// The cases as Kith would have stored them, each with people of its own.
fn stage(cases: &[Case]) -> Sqlite {
    let database = migrated();
    database
        .migrate("create table cases (post_id text primary key, viewer_id text)")
        .unwrap();
    let mut rows = Rows::default();
    for (number, case) in cases.iter().enumerate() {
        rows.add(number, case);
    }
    rows.insert(&database);
    database
}

#[derive(Default)]
struct Rows {
    users: Vec<[String; 3]>,
    posts: Vec<[String; 7]>,
    follows: Vec<[String; 3]>,
    blocks: Vec<[String; 2]>,
    cases: Vec<(String, Option<String>)>,
}

impl Rows {
    fn add(&mut self, number: usize, case: &Case) {
        let id = |what: &str| format!("{what}-{number}");
        let (author, other) = (id("author"), id("other"));
        let beginner = if case.comment_of_anothers {
            id("beginner")
        } else {
            author.clone()
        };
        let (viewer, role) = match case.viewer {
            Viewer::Nobody => (None, "user"),
            Viewer::Author => (Some(&author), "user"),
            Viewer::Beginner => (Some(&beginner), "user"),
            Viewer::Other => (Some(&other), "user"),
            Viewer::Moderator => (Some(&other), "moderator"),
        };
        self.users
            .push([author.clone(), case.status.to_owned(), "user".to_owned()]);
        for person in [&beginner, &other] {
            if *person != author {
                self.users
                    .push([person.clone(), "active".to_owned(), role.to_owned()]);
            }
        }
        let flag = |is: bool| if is { "1" } else { "" }.to_owned();
        let visibility = if case.followers_only {
            "followers"
        } else {
            "public"
        };
        self.posts.push([
            id("post"),
            author.clone(),
            beginner.clone(),
            visibility.to_owned(),
            flag(case.deleted),
            flag(case.removed),
            flag(case.answered),
        ]);
        self.cases.push((id("post"), viewer.cloned()));
        let Some(viewer) = viewer else { return };
        let mut follow = |follower: &str, followee: &str, state: Follow| {
            if state != Follow::No && follower != followee {
                let row = [
                    follower.to_owned(),
                    followee.to_owned(),
                    state.as_str().to_owned(),
                ];
                self.follows.push(row);
            }
        };
        follow(viewer, &author, case.follows_author);
        if case.comment_of_anothers {
            follow(viewer, &beginner, case.follows_beginner);
        }
        if case.followed_by_beginner {
            follow(&beginner, viewer, Follow::Accepted);
        }
        // Everybody has to do with somebody else too, which must not matter.
        let bystander = "bystander".to_owned();
        for person in BTreeSet::from([viewer, &author, &beginner]) {
            follow(person, &bystander, Follow::Accepted);
            follow(&bystander, person, Follow::Accepted);
            self.blocks.push([person.clone(), bystander.clone()]);
            self.blocks.push([bystander.clone(), person.clone()]);
        }
        for (is, blocker, blocked) in [
            (case.blocks_author, viewer, &author),
            (case.blocked_by_author, &author, viewer),
            (case.blocks_beginner, viewer, &beginner),
            (case.blocked_by_beginner, &beginner, viewer),
        ] {
            if is {
                self.blocks.push([blocker.clone(), blocked.clone()]);
            }
        }
    }

    fn insert(&self, database: &Sqlite) {
        insert(
            database,
            "insert into users (id, username, email, password_hash, display_name, status, role, created_at)
select value ->> 0, value ->> 0, value ->> 0, '', '', value ->> 1, value ->> 2, 1
from json_each(?1)",
            &self.users,
        );
        insert(
            database,
            "insert into posts (
  id, author_id, audience_id, reply_to, caption, visibility, deleted_at, removed_at, comment_count,
  created_at
)
select value ->> 0, value ->> 1, value ->> 2, iif(value ->> 1 = value ->> 2, null, 'root'), '', value ->> 3,
  iif(value ->> 4 = '', null, 1), iif(value ->> 5 = '', null, 1), value ->> 6 <> '', 1
from json_each(?1)",
            &self.posts,
        );
        insert(
            database,
            "insert into follows (follower_id, followee_id, state, created_at)
select value ->> 0, value ->> 1, value ->> 2, 1
from json_each(?1)",
            &self.follows,
        );
        insert(
            database,
            "insert into blocks (blocker_id, blocked_id, created_at)
select value ->> 0, value ->> 1, 1
from json_each(?1)",
            &self.blocks,
        );
        insert(
            database,
            "insert into cases (post_id, viewer_id)
select value ->> 0, value ->> 1
from json_each(?1)",
            &self.cases,
        );
    }
}

/// In parts, because a parameter holds two megabytes.
fn insert<T: serde::Serialize>(database: &Sqlite, sql: &str, rows: &[T]) {
    for part in rows.chunks(5_000) {
        let json = Value::Text(serde_json::to_string(part).unwrap());
        database.batch(&[(sql, &[json])]).unwrap();
    }
}

#[derive(Deserialize)]
struct Story {
    batches: Vec<Vec<Vec<serde_json::Value>>>,
}

/// Every statement that Kith sends.
fn statements() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/cases/story.json");
    let stories: Vec<Story> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    stories
        .into_iter()
        .flat_map(|story| story.batches.into_iter().flatten())
        .map(|statement| statement[0].as_str().unwrap().to_owned())
        .collect()
}

/// A predicate of the post `p` of the author `a` for the viewer `?2`, and where it is found.
struct Predicate {
    /// What stands before and behind it in a statement that asks it.
    before: &'static str,
    behind: &'static str,
    /// Whether stubs are posts to it.
    of_stubs: bool,
    /// What it ought to say.
    rule: fn(&Case) -> bool,
}

const PREDICATES: [Predicate; 5] = [
    Predicate {
        before: "\n    and (v.role in ('moderator', 'admin') or ",
        behind: ")\n), 'abort:not_found'))",
        of_stubs: false,
        rule: may_see,
    },
    Predicate {
        before: ".version\nfrom posts p\njoin users a on a.id = p.author_id\nwhere p.id = ?1 and ",
        behind: "",
        of_stubs: true,
        rule: may_see_or_stub,
    },
    Predicate {
        before: "\n  where p.id = ?1 and ",
        behind: "\n), '$', 'abort:not_found'))",
        of_stubs: false,
        rule: may_join,
    },
    Predicate {
        before: "\n  where p.id = ?1 and ",
        behind: "\n), '$', 'abort:not_found'))",
        of_stubs: true,
        rule: may_join_or_stub,
    },
    Predicate {
        before: "\n  where p.id = ?2 and ",
        behind: "\n), (\n",
        of_stubs: false,
        rule: may_report,
    },
];

impl Predicate {
    /// As Kith sends it, in all statements alike.
    fn text(&self) -> String {
        let texts: BTreeSet<_> = statements()
            .iter()
            .filter_map(|sql| {
                let (_, rest) = sql.split_once(self.before)?;
                if self.behind.is_empty() {
                    return Some(rest.to_owned());
                }
                Some(rest.split_once(self.behind)?.0.to_owned())
            })
            .filter(|text| text.contains("comment_count") == self.of_stubs)
            .collect();
        assert_eq!(texts.len(), 1, "{texts:#?}");
        // Where the viewer is the first parameter there is no second in it.
        let text = texts.into_iter().next().unwrap();
        if text.contains("?2") {
            text
        } else {
            text.replace("?1", "?2")
        }
    }
}

#[derive(Deserialize)]
struct Seen {
    seen: u8,
}

/// What the predicate says of each case, in their order.
fn table(database: &Sqlite, predicate: &str) -> Vec<bool> {
    let sql = format!(
        "select coalesce({}, 0) as seen
from cases c
cross join posts p on p.id = c.post_id
cross join users a on a.id = p.author_id
order by c.rowid",
        predicate.replace("?2", "c.viewer_id")
    );
    let results = database
        .batch(&[(&sql, &[])])
        .unwrap_or_else(|error| panic!("{error}\n{sql}"));
    let rows: Vec<Seen> = serde_json::from_str(results[0].rows.get()).unwrap();
    rows.into_iter().map(|row| row.seen == 1).collect()
}

/// Clauses that decide nothing, each with what they are there for.
const SPARES_A_READ: [&str; 1] = [
    // In a thread of the author's own, who began it need not be looked up a second time.
    "p.audience_id = p.author_id",
];

#[test]
fn the_predicates_say_what_the_rules_say_in_every_combination() {
    let cases = cases();
    assert!(cases.len() > 10_000, "only {} cases", cases.len());
    let database = stage(&cases);
    for predicate in PREDICATES {
        let said = table(&database, &predicate.text());
        let wrong: Vec<_> = cases
            .iter()
            .zip(&said)
            .filter(|(case, seen)| (predicate.rule)(case) != **seen)
            .collect();
        assert!(wrong.is_empty(), "{} wrong, {:?}", wrong.len(), wrong[0]);
        assert!(said.contains(&true));
    }
}

#[test]
fn without_any_clause_a_predicate_says_something_else() {
    let database = stage(&cases());
    for predicate in PREDICATES {
        let predicate = predicate.text();
        let whole = table(&database, &predicate);
        let clauses = without_each(&predicate);
        assert!(clauses.len() > 20, "only {} clauses", clauses.len());
        let idle: Vec<_> = clauses
            .iter()
            .filter(|without| table(&database, &without.text) == whole)
            .map(|without| without.clause.as_str())
            .collect();
        assert_eq!(idle, SPARES_A_READ);
    }
}

/// Statements that read posts and do not ask, each with why.
const NEED_NOT_ASK: [(&str, &str); 5] = [
    (
        "as boundary\n",
        "says where the candidates of a list end, in a cursor that is sealed",
    ),
    (
        "select like_count\nfrom posts",
        "stands behind the condition of its batch",
    ),
    (
        ".version\nfrom posts p\njoin users a on a.id = p.author_id\nwhere p.id = ?1;",
        "answers with what the viewer has written in the same batch",
    ),
    (
        "as reporter,",
        "shows moderators what was reported, whoever may see it",
    ),
    ("r.reporter_id = ?1", "finds the viewer's own report again"),
];

/// What a predicate asks of a post that another wrote, whether or not it is there.
fn shared(predicate: &str) -> &str {
    let begin = predicate.find("(p.visibility = 'public' or ").unwrap();
    predicate[begin..].trim_end_matches(')')
}

#[test]
fn every_statement_that_reads_posts_asks_who_may_see_them() {
    let [seen, _, _, _, reported] = PREDICATES.map(|predicate| predicate.text());
    let asks = |sql: &str| {
        [&seen, &reported].iter().any(|predicate| {
            ["p", "post", "parent"].iter().any(|post| {
                let of_post = shared(predicate).replace("p.", &format!("{post}."));
                (1..=9).any(|place| sql.contains(&of_post.replace("?2", &format!("?{place}"))))
            })
        })
    };
    let reads = |sql: &String| {
        let begins = sql.starts_with("select") || sql.starts_with("with");
        begins && (sql.contains("from posts") || sql.contains("join posts"))
    };
    let statements = statements();
    let reading: Vec<_> = statements.iter().filter(|sql| reads(sql)).collect();
    assert!(reading.len() >= 6, "only {} statements", reading.len());
    let silent: Vec<_> = reading
        .iter()
        .filter(|sql| {
            !asks(sql)
                && !NEED_NOT_ASK
                    .iter()
                    .any(|(part, _)| format!("{sql};").contains(part))
        })
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}
