//! Single resources, asked for again with the tag of what the client has.

use serde_json::Value;

use super::{Answer, Choice, Memory};
use crate::model::{self, Prediction};

/// A single resource as a client last saw it, perhaps for another account that used the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub tag: String,
    body: Value,
}

impl Choice<'_> {
    /// What the client has of the resource at `path`, if it says so.
    pub fn seen(&self, path: &str) -> Option<Seen> {
        let seen = self.memory.seen.get(path).cloned();
        seen.filter(|_| self.chaos.happens(0.7))
    }
}

/// Either the resource as it must be, with its tag, or word that it is still what the client has.
///
/// # Errors
/// What is wrong with the answer.
pub fn check(prediction: &Prediction, answer: &Answer, known: Option<&Seen>) -> Result<(), String> {
    if answer.status == 304 && prediction.status == 200 {
        let known = known.ok_or("answered 304 to who has nothing")?;
        let same = model::agrees(prediction, 200, &known.body);
        return same.map_err(|_| format!("answered 304, where {:?} was right", prediction.body));
    }
    if answer.status == 200 {
        let tag = answer.etag.as_ref().ok_or("answered without a tag")?;
        if known.is_some_and(|known| known.tag == *tag) {
            return Err(format!("told again what the client has: {tag}"));
        }
    }
    model::agrees(prediction, answer.status, &answer.body)
}

/// Keeps what was answered at `path`.
pub fn remember(path: &str, answer: &Answer, memory: &mut Memory) {
    if let (200, Some(tag)) = (answer.status, &answer.etag) {
        let seen = Seen {
            tag: tag.clone(),
            body: answer.body.clone(),
        };
        memory.seen.insert(path.to_owned(), seen);
    }
}
