//! People as others see them: the profile of one, the directory of all, and whoever a list holds.

mod store;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Person, Relation, ShortPerson};
use crate::http::pagination::Keyed;
use crate::id::UserId;
use crate::platform::{json_text, optional_json_text};

pub(super) use store::{list, read};

/// A person as the one who asks sees them.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "Person")]
pub(super) struct PersonRow {
    #[serde(flatten)]
    person: Person,
    /// How the two stand to each other; told to others who are signed in.
    #[serde(
        deserialize_with = "optional_json_text",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Relation")]
    relation: Option<Relation>,
}

impl Keyed for PersonRow {
    fn key(&self) -> String {
        self.person.id.to_string()
    }
}

/// What is left of a person for the one who blocks them: enough to lift the block.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct BlockedPerson {
    /// The account.
    id: UserId,
    /// Its public address.
    #[schemars(example = &"asha")]
    username: String,
    /// The name shown.
    #[schemars(example = &"Asha Rao")]
    display_name: String,
    /// The picture shown.
    #[schemars(example = None::<String>)]
    avatar_url: Option<String>,
    /// How the two stand to each other: `blocking` is true.
    relation: Relation,
}

/// A profile: whole, or what is left of it.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(untagged)]
pub(super) enum Profile {
    /// A person.
    Whole(PersonRow),
    /// Somebody whom the one who asks blocks.
    Blocked(BlockedPerson),
}

impl From<PersonRow> for Profile {
    fn from(row: PersonRow) -> Self {
        match row.relation {
            Some(relation) if relation.blocking => Self::Blocked(BlockedPerson {
                id: row.person.id,
                username: row.person.username,
                display_name: row.person.display_name,
                avatar_url: row.person.avatar_url,
                relation,
            }),
            _ => Self::Whole(row),
        }
    }
}

impl PersonRow {
    /// The version of the profile itself.
    pub(super) const fn version(&self) -> i64 {
        self.person.version
    }
}

/// Somebody in a list of short persons, and the place there.
#[derive(Debug, Deserialize)]
pub struct ListedPerson {
    /// Who.
    #[serde(deserialize_with = "json_text")]
    pub person: ShortPerson,
    key: String,
}

impl Keyed for ListedPerson {
    fn key(&self) -> String {
        self.key.clone()
    }
}
