//! The whole App under a seeded scheduler: many people, and everything that can go wrong.
//!
//! A run is a deployment of its own on native ports, in which people act at once while faults strike;
//! then the faults end, and what Kith promises must hold. The same seed replays the same history.
//!
//! * `KITH_SIM_SEEDS`: how many seeds (a short form without it).
//! * `KITH_SIM_SEED`: the first seed; with one seed, its history is printed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test says what it expects by failing"
)]
#![expect(unreachable_pub, reason = "the modules of a test are all private")]

mod chaos;
mod clients;
mod environment;
mod executor;
mod hands;
mod keys;
mod mail_tokens;
mod mails;
mod model;
mod news;
mod operator;
mod oracle;
mod ports;
mod refresh_tokens;
mod replicas;
mod report;
mod scenarios;
mod switches;
mod tokens;
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use chaos::Chaos;
use clients::Client;
use executor::Owner;
use model::NewPost;
use report::Report;
use world::{Finish, World};

/// Seeds of the short form: each fault point is in focus three times.
const ROUNDS: u64 = 3;

/// The real migrations, in order.
fn migrations() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// One run from beginning to end. `close` notes and checks each step.
fn simulate(seed: u64, migrations: &[String], close: bool) -> Finish {
    let points = chaos::points();
    let focus = points[usize::try_from(seed).unwrap() % points.len()];
    let chaos = Arc::new(Chaos::new(seed, focus));
    let world = Arc::new(World::new(chaos.clone(), seed, migrations, close));
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let at_the_door = focus.site.starts_with("auth.") || focus == chaos::STORE_STALE;
        let hashes = at_the_door || focus.is_of_mails() || chaos.happens(0.05);
        populate(&world, hashes);
        let spawner = &world.spawner;
        spawner.spawn(Owner::World, environment::deliver_messages(world.clone()));
        spawner.spawn(Owner::World, environment::fire_cron(world.clone()));
        spawner.spawn(Owner::World, environment::kill_isolates(world.clone()));
        spawner.spawn(Owner::World, environment::set_clocks(world.clone()));
        spawner.spawn(Owner::World, operator::meddle(world.clone()));
        spawner.spawn(Owner::World, keys::rotate(world.clone()));
        spawner.spawn(Owner::World, environment::settle(world.clone()));
        let over = || world.is_over();
        executor::run(spawner, &world.timeline, &chaos, over)
    }));
    match ran {
        Ok(Ok(())) => {}
        Ok(Err(stuck)) => world.violate(&stuck),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            world.violate(&format!("a panic: {}", text.unwrap_or_default()));
        }
    }
    world.finish()
}

/// People, their devices and their first posts.
fn populate(world: &Arc<World>, hashes: bool) {
    let chaos = &world.chaos;
    let names = ["asha", "ben", "chen", "dara", "emil", "fatou"];
    let people: Vec<_> = names[..3 + chaos.pick(4)]
        .iter()
        .map(|name| world.settle_in(name))
        .collect();
    // Mostly somebody runs it, and sometimes two do.
    for (person, role) in people.iter().zip(["admin", "admin", "moderator"]) {
        if chaos.happens(0.7) {
            world.set_role(person, role);
        }
    }
    for (author, name) in people.iter().zip(names) {
        let post = NewPost {
            caption: format!("First of {name}"),
            followers_only: chaos.happens(0.3),
        };
        world.write_post(author, &post, None);
    }
    for from in &people {
        for to in people.iter().filter(|to| *to != from) {
            if chaos.happens(0.3) {
                world.befriend(from, to, chaos.happens(0.7));
            }
        }
    }
    for person in &people {
        if chaos.happens(0.3) {
            world.leave_long_ago(person);
        }
        let mut caller = world.open_session(person);
        for device in 0..=chaos.pick(2) {
            // Now and then two use one session: as two tabs do, or a thief and the owner.
            if device > 0 && chaos.happens(0.7) {
                caller = world.open_session(person);
            }
            add_client(world, Some(person.clone()), Some(caller.clone()), hashes);
        }
    }
    add_client(world, None, None, hashes);
}

fn add_client(
    world: &Arc<World>,
    home: Option<model::Id>,
    caller: Option<model::Caller>,
    hashes: bool,
) {
    world.state().busy += 1;
    let things = 5 + world.chaos.below(8);
    let client = Client::new(world.clone(), home, caller, hashes);
    world.spawner.spawn(Owner::World, client.live(things));
}

/// The statements that Kith sends here and not in the contract's story, so that D1 was never asked
/// what it makes of them.
fn unknown_to_the_contract(report: &Report) -> Vec<&'static str> {
    #[derive(serde::Deserialize)]
    struct Case {
        batches: Vec<Vec<Vec<serde_json::Value>>>,
    }
    let story = include_str!("../contract/cases/story.json");
    let cases: Vec<Case> = serde_json::from_str(story).unwrap();
    let batches = cases.into_iter().flat_map(|case| case.batches);
    let known: BTreeSet<_> = batches
        .flatten()
        .filter_map(|statement| Some(statement.first()?.as_str()?.to_owned()))
        .collect();
    let sent = report.statements.iter().copied();
    sent.filter(|sql| !known.contains(*sql)).collect()
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

#[test]
fn whatever_goes_wrong_every_promise_is_kept() {
    let count = number("KITH_SIM_SEEDS");
    let first = number("KITH_SIM_SEED").unwrap_or(0);
    let short = ROUNDS * u64::try_from(chaos::points().len()).unwrap();
    let seeds = count.unwrap_or(short);
    assert!(seeds > 0, "no seed proves nothing");
    let migrations = migrations();
    if seeds == 1 {
        let finish = simulate(first, &migrations, true);
        println!("{}", finish.history.join("\n"));
    }
    let report = Report::of(first, seeds, |seed| simulate(seed, &migrations, false));
    println!("{report}");
    if let Some((seed, violation)) = &report.violation {
        let again = simulate(*seed, &migrations, true);
        let end = again.history.len().saturating_sub(60);
        println!(
            "the end of the history of seed {seed}:\n{}",
            again.history[end..].join("\n")
        );
        let earliest = again.violation.as_ref().unwrap_or(violation);
        panic!("seed {seed} breaks a promise:\n{earliest}");
    }
    let unknown = unknown_to_the_contract(&report);
    assert!(
        unknown.is_empty(),
        "tests/contract/story.rs has no batch with:\n{}",
        unknown.join("\n\n")
    );
    let never = report.never_struck();
    assert!(
        seeds < short || report.lag.differed > 0,
        "no read missed anything, so replicas were not tried"
    );
    let all = u64::try_from(chaos::points().len()).unwrap();
    if seeds < all {
        println!("not every point was in focus: it takes {all} seeds");
    } else {
        assert!(never.is_empty(), "never struck: {never:?}");
    }
}

#[test]
fn the_same_seed_replays_the_same_history() {
    let migrations = migrations();
    for seed in [3, 40, 77] {
        let [one, other] = [(); 2].map(|()| simulate(seed, &migrations, true));
        assert!(one.history.len() > 100);
        assert_eq!(one.history, other.history, "seed {seed}");
        // Looking closely changes nothing.
        let from_afar = simulate(seed, &migrations, false);
        assert_eq!(
            (one.answered, one.struck),
            (from_afar.answered, from_afar.struck)
        );
    }
}
