//! What holds of every list that goes by key, whatever is written meanwhile.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Answer;
use crate::model::{ANYTHING, Prediction, agrees};

/// How a list goes on after a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextPage {
    pub cursor: String,
    /// The key of the last entry shown.
    last: Option<String>,
    /// The keys of what was there to be seen after it, when it was last read, newest first.
    due: Vec<String>,
    /// How many pages were empty since then.
    empty: usize,
}

/// More empty pages than any list has invisible entries.
const MOST_EMPTY_PAGES: usize = 100;

/// Entries of a list that may be seen, newest first, by keys that sort as they do.
pub type Entries = Vec<(String, Value)>;

/// The prediction that leaves open where the page ends.
pub fn prediction(entries: Entries) -> Prediction {
    let entries: Vec<_> = entries
        .into_iter()
        .map(|(key, entry)| json!([key, entry]))
        .collect();
    Prediction::new(200, json!({"entries": entries}))
}

/// None where a refusal was predicted.
fn entries(prediction: &Prediction) -> Entries {
    serde_json::from_value(prediction.body["entries"].clone()).unwrap_or_default()
}

/// Where a page lies in the list.
struct Place {
    /// The keys of the page's entries.
    keys: Vec<String>,
    next: Option<String>,
}

fn place(prediction: &Prediction, answer: &Answer, id: &str) -> Result<Place, String> {
    let by_id: BTreeMap<String, String> = entries(prediction)
        .into_iter()
        .map(|(key, entry)| (entry[id].to_string(), key))
        .collect();
    let data = answer.body["data"].as_array().cloned().unwrap_or_default();
    let keys = data.iter().map(|entry| {
        let key = by_id.get(&entry[id].to_string()).cloned();
        key.ok_or_else(|| format!("shows what must not be seen: {entry}"))
    });
    Ok(Place {
        keys: keys.collect::<Result<_, _>>()?,
        next: answer.body["next_cursor"].as_str().map(str::to_owned),
    })
}

/// Holds a page against the list: nothing but what may be seen, in order, nothing twice, and nothing
/// left out, neither between two entries, nor before the first, nor after the last where the list
/// ends. `id` is the field that names an entry, `more` what the answer holds besides the page.
///
/// # Errors
/// What is wrong with it.
pub fn check(
    prediction: &Prediction,
    answer: &Answer,
    after: Option<&NextPage>,
    id: &str,
    more: &[(&str, Value)],
) -> Result<(), String> {
    if prediction.status != 200 || answer.status != 200 {
        return agrees(prediction, answer.status, &answer.body);
    }
    let all = entries(prediction);
    let Place { keys, next } = place(prediction, answer, id)?;
    let begin = keys.first();
    let end = keys.last().filter(|_| next.is_some());
    // Of what may be seen now, what lies within the page; to the very end where the list ends.
    let within =
        |key: &String| begin.is_some_and(|begin| key <= begin) && end.is_none_or(|end| key >= end);
    let expected: Vec<_> = all.iter().filter(|(key, _)| within(key)).collect();
    let data: Vec<_> = expected.iter().map(|(_, entry)| entry.clone()).collect();
    let cursor = if next.is_some() {
        json!(ANYTHING)
    } else {
        Value::Null
    };
    let mut body = json!({"data": data, "next_cursor": cursor});
    for (name, value) in more {
        body[*name] = value.clone();
    }
    agrees(&Prediction::new(200, body), answer.status, &answer.body)?;
    // What was there to be seen, and still is, comes before anything later does.
    let visible = |key: &&String| all.iter().any(|(known, _)| known == *key);
    let everything: Vec<String> = all.iter().map(|(key, _)| key.clone()).collect();
    let due = after.map_or(&everything, |after| &after.due);
    let passed = |key: &&String| match (begin, &next) {
        (Some(begin), _) => *key > begin,
        (None, next) => next.is_none(),
    };
    if let Some(missed) = due.iter().filter(visible).find(passed) {
        return Err(format!("leaves out {missed}: {}", answer.body));
    }
    let last = after.and_then(|after| after.last.as_ref());
    if let (Some(last), Some(begin)) = (last, begin)
        && begin >= last
    {
        return Err(format!("goes back to {begin}, after {last}"));
    }
    if after.is_some_and(|after| after.empty > MOST_EMPTY_PAGES) {
        return Err("goes on for ever without an entry".to_owned());
    }
    Ok(())
}

/// How the list goes on after this page.
pub fn next(
    prediction: &Prediction,
    answer: &Answer,
    after: Option<&NextPage>,
    id: &str,
) -> Option<NextPage> {
    let Place { keys, next } = place(prediction, answer, id).ok()?;
    let all = entries(prediction).into_iter().map(|(key, _)| key);
    let known = after.and_then(|after| after.last.clone());
    let last = keys.last().cloned().or(known);
    let due = match (keys.last(), after) {
        (Some(last), _) => all.filter(|key| key < last).collect(),
        // What is hidden just now may be passed, and come back later.
        (None, Some(after)) => all.filter(|key| after.due.contains(key)).collect(),
        (None, None) => all.collect(),
    };
    let empty = after.map_or(0, |after| after.empty);
    Some(NextPage {
        cursor: next?,
        last,
        due,
        empty: if keys.is_empty() { empty + 1 } else { 0 },
    })
}
