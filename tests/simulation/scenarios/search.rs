//! Search.

use std::fmt::Write;
use std::sync::Arc;

use super::lists::{self, Entries, NextPage};
use super::{Answer, Call, Memory, Moment, Operation, Scenario, Site, USUAL};
use crate::model::{Caller, Model, Prediction, Status};

pub const SEARCH: Scenario = Scenario {
    route: "GET /api/v1/search",
    sites: &[Site::reading("search")],
    weight: 8,
    draw: |choice| {
        let chaos = choice.chaos;
        let number = choice.number.to_string();
        // Some numbers of captions and names are said often.
        let beginning = number.get(..2).unwrap_or(&number);
        let (kind, text) = match chaos.pick(9) {
            0 => ("posts", "number".to_owned()),
            1 => ("posts", "NUMB".to_owned()),
            2 => ("posts", format!("number {beginning}")),
            3 => ("posts", format!("{beginning}* number")),
            4 => ("users", choice.username()),
            5 => ("users", format!("@{}", choice.username().to_uppercase())),
            6 => ("users", choice.username().chars().take(2).collect()),
            7 => ("users", "\"name\"".to_owned()),
            _ => ("users", format!("name {beginning}")),
        };
        let search = Search {
            kind,
            text,
            after: None,
            limit: choice.limit(),
        };
        let after = choice.next_page(&search.list());
        Arc::new(Search { after, ..search })
    },
    ..USUAL
};

struct Search {
    kind: &'static str,
    text: String,
    after: Option<NextPage>,
    limit: usize,
}

/// The words of a text, as far as people write any here.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Whether these texts hold all the words of another, or for its last one that begins with it.
fn matches(texts: &[&str], looked_for: &str) -> bool {
    let there: Vec<String> = texts.iter().flat_map(|text| words(text)).collect();
    let mut wanted = words(looked_for);
    let last = wanted.pop().unwrap();
    wanted.iter().all(|word| there.contains(word))
        && there
            .iter()
            .any(|word| *word == last || (last.len() > 1 && word.starts_with(&last)))
}

impl Search {
    /// The address of the list, without the page.
    fn list(&self) -> String {
        let mut encoded = String::new();
        for byte in self.text.bytes() {
            let _ = write!(encoded, "%{byte:02x}");
        }
        format!("/search?type={}&q={encoded}", self.kind)
    }

    fn posts(&self, model: &Model, viewer: Option<&str>, numbered: &[String]) -> Entries {
        let found = numbered.iter().enumerate().rev().filter(|(_, id)| {
            // A replica may not have what there is by now.
            let post = model.posts.get(*id);
            post.is_some_and(|post| matches(&[&post.caption], &self.text))
                && model.may_see(viewer, id)
        });
        found
            .map(|(place, id)| (format!("{place:06}"), model.post(viewer, id)))
            .collect()
    }

    fn people(&self, model: &Model, viewer: Option<&str>, numbered: &[String]) -> Entries {
        let username = self.text.trim_start_matches('@').to_lowercase();
        let mut found: Entries = vec![];
        for (place, id) in numbered.iter().enumerate() {
            let Some(user) = model.users.get(id) else {
                continue;
            };
            let exact = user.username == username;
            let blocked = viewer.is_some_and(|viewer| model.blocked_between(id, viewer));
            if user.status == Status::Active
                && !blocked
                && (exact || matches(&[&user.username, &user.display_name], &self.text))
            {
                let key = if exact {
                    "first".to_owned()
                } else {
                    format!("{place:06}")
                };
                found.push((key, model.short(id)));
            }
        }
        found.sort_by(|(one, _), (other, _)| other.cmp(one));
        found
    }
}

impl Operation for Search {
    fn call(&self) -> Call {
        let after = self.after.as_ref();
        let cursor = after.map_or_else(String::new, |next| format!("&cursor={}", next.cursor));
        let list = self.list();
        Call::new("GET", format!("{list}&limit={}{cursor}", self.limit))
    }

    fn open_to_anyone(&self) -> bool {
        true
    }

    fn writes(&self) -> bool {
        false
    }

    fn happen(
        &self,
        caller: Option<&Caller>,
        moment: &mut Moment<'_>,
        _: usize,
    ) -> Result<Prediction, Prediction> {
        let viewer = moment.admit_if_signed_in(caller)?;
        let entries = if self.kind == "posts" {
            let numbered = moment.ids("select id from posts where ?1 = '' order by number", "");
            self.posts(moment.model, viewer, &numbered)
        } else {
            let numbered = moment.ids("select id from users where ?1 = '' order by number", "");
            self.people(moment.model, viewer, &numbered)
        };
        Ok(lists::prediction(entries))
    }

    fn check(&self, prediction: &Prediction, answer: &Answer) -> Result<(), String> {
        lists::check(prediction, answer, self.after.as_ref(), "id", &[])
    }

    fn remember(&self, prediction: &Prediction, answer: &Answer, memory: &mut Memory) {
        let next = lists::next(prediction, answer, self.after.as_ref(), "id");
        memory.turn_page(&self.list(), next);
    }
}
