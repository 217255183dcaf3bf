//! The deployment's keys, and how an operator rotates them in the middle of everything: a new key is known
//! everywhere before it makes anything, and an old one stays. Isolates come to know of each step one by
//! one.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use kith::mac::SecretKeys;
use sha2::{Digest, Sha256};

use crate::chaos;
use crate::executor::Owner;
use crate::world::World;

/// A key by its id, of which it is made: so nobody can copy one from here.
type Key = (&'static str, [u8; 32]);

fn key(id: &'static str) -> Key {
    (id, Sha256::digest(id).into())
}

/// Those for codes, in the order in which they come.
const SECRET_KEYS: [&str; 3] = ["s1", "s2", "s3"];

/// Those that sign access tokens, likewise.
const SIGNING_KEYS: [&str; 3] = ["k1", "k2", "k3"];

/// How far the rotation of the keys has come. On even steps the keys that there are make everything, the
/// newest first; on odd ones there is one more, which is only known.
pub type Step = usize;

/// The last one: the keys were rotated twice.
pub const LAST_STEP: Step = 4;

/// The order of the keys at this step.
fn at(ids: [&'static str; 3], step: Step) -> Vec<Key> {
    let (made, to_come) = ids.split_at(step / 2 + 1);
    let ordered = made.iter().rev().chain(to_come.iter().take(step % 2));
    ordered.map(|id| key(id)).collect()
}

fn written(keys: &[Key]) -> String {
    let entry = |(id, key): &Key| format!("{id}:{}", URL_SAFE_NO_PAD.encode(key));
    keys.iter().map(entry).collect::<Vec<_>>().join(",")
}

/// The setting `SIGNING_KEYS` at this step.
pub fn signing_setting(step: Step) -> String {
    written(&at(SIGNING_KEYS, step))
}

/// The setting `SECRET_KEYS` at this step.
pub fn secret_setting(step: Step) -> String {
    written(&at(SECRET_KEYS, step))
}

/// The key that signs access tokens at this step.
pub fn signing(step: Step) -> (&'static str, SigningKey) {
    let (id, seed) = at(SIGNING_KEYS, step)[0];
    (id, SigningKey::from_bytes(&seed))
}

/// All that Kith ever makes codes with, the one that it has from the beginning first.
pub fn all_secret() -> SecretKeys {
    let keys = SECRET_KEYS.map(key);
    let keys = keys.map(|(id, key)| (id.to_owned(), key));
    SecretKeys::new(keys.to_vec()).unwrap()
}

/// Takes one step after another: the next one begins once every isolate has taken the one before.
pub async fn rotate(world: Arc<World>) {
    let in_focus = world.chaos.focus.fault == chaos::KEYS_ROTATED.fault;
    let most = if in_focus { 3_000 } else { 60_000 };
    while world.state().busy > 0 && !world.is_over() {
        let pause = Duration::from_millis(1 + world.chaos.below(most));
        world.timeline.sleep(pause).await;
        let (step, behind) = world.steps();
        match behind {
            Some(isolate) => {
                // What it has in its hands ends with it: the platform need not wait.
                world.spawner.end_all(Owner::Isolate(isolate));
                world.restart(isolate);
                world.struck(chaos::KEYS_KNOWN);
            }
            None if step < LAST_STEP => {
                world.state().step = step + 1;
                world.note(|| format!("the keys are rotated: step {}", step + 1));
                world.struck(chaos::KEYS_ROTATED);
            }
            None => return,
        }
    }
}

impl World {
    /// How far the rotation has come, and an isolate that does not know it yet.
    fn steps(&self) -> (Step, Option<usize>) {
        let state = self.state();
        let behind = state.isolates.iter().find(|one| one.step < state.step);
        (state.step, behind.map(|one| one.number))
    }
}

#[test]
fn a_key_is_known_before_it_makes_anything_and_stays() {
    let ids = |step| {
        let keys = at(SECRET_KEYS, step);
        keys.iter().map(|(id, _)| *id).collect::<Vec<_>>()
    };
    let steps: Vec<_> = (0..=LAST_STEP).map(ids).collect();
    let expected: [&[&str]; 5] = [
        &["s1"],
        &["s1", "s2"],
        &["s2", "s1"],
        &["s2", "s1", "s3"],
        &["s3", "s2", "s1"],
    ];
    assert_eq!(steps, expected);
}
