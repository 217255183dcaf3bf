//! People: their accounts and public profiles.
//!
//! Invariants: a username and an e-mail address belong to one account each, case-folded; a counter
//! on an account changes only in the batch of the fact it counts; whoever is suspended or deleted,
//! and whoever blocks the one who asks, is not there.

mod following;
mod meeting;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
mod profiles;
pub mod routes;
mod rules;
mod standing;
mod store;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::time::Timestamp;

pub use following::{
    FollowState, Which, append_acceptance, append_acceptances, append_changed_for,
    append_changed_for_both, append_follow, append_follower, append_lost_follow,
};
pub use meeting::require_person;
pub(crate) use meeting::{blocked_between, blocked_by, is_found, is_met, muted_by};
pub use profiles::ListedPerson;
pub use rules::{Email, MAX_DISPLAY_NAME, Username, check_display_name, fold_case};
pub use standing::{
    NewStanding, Plan, Role, Status, append_admin, append_standing, append_suspension_of_reported,
    require_an_admin,
};
pub use store::{
    Me, NewAccount, Taken, append_account, append_account_of_registration, append_email,
    append_email_proof, append_password, append_password_by_mail, append_password_upgrade,
    append_post_changed, append_post_count, append_post_gone, select_me,
};
pub(crate) use store::{append_text, post_ref, relation, short_person, told_of_post};

/// A person inside other things: the author of a post, one who liked it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub struct ShortPerson {
    /// The account.
    pub id: UserId,
    /// Its public address.
    #[schemars(example = &"asha")]
    pub username: String,
    /// The name shown.
    #[schemars(example = &"Asha Rao")]
    pub display_name: String,
    /// The picture shown.
    #[schemars(example = None::<String>)]
    pub avatar_url: Option<String>,
}

/// A person's public profile.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Person {
    /// The account.
    pub id: UserId,
    /// Its public address.
    #[schemars(example = &"asha")]
    pub username: String,
    /// The name shown.
    #[schemars(example = &"Asha Rao")]
    pub display_name: String,
    /// What the person says about themselves.
    #[schemars(example = &"Boats and bread.")]
    pub bio: String,
    /// The picture shown.
    #[schemars(example = None::<String>)]
    pub avatar_url: Option<String>,
    /// Whether follows need approval.
    #[serde(deserialize_with = "crate::platform::flag")]
    pub locked: bool,
    /// Posts, without comments.
    #[schemars(range(min = 0), example = 12)]
    pub post_count: i64,
    /// Accepted followers.
    #[schemars(range(min = 0), example = 40)]
    pub follower_count: i64,
    /// Accounts followed.
    #[schemars(range(min = 0), example = 31)]
    pub following_count: i64,
    /// Since when.
    pub created_at: Timestamp,
    /// Grows with every change of the profile itself. Shown in the entity tag only.
    #[serde(skip_serializing)]
    pub version: i64,
}

/// How the one who asks and a person stand to each other.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the contract's shape: five independent facts"
)]
pub struct Relation {
    /// I follow them.
    pub following: bool,
    /// They follow me.
    pub followed_by: bool,
    /// I asked to follow them, and they have not answered.
    pub requested: bool,
    /// I block them.
    pub blocking: bool,
    /// I mute them.
    pub muting: bool,
}
