//! What happens around the requests: messages arrive, cron fires, isolates die, clocks jump, and an
//! operator does what has no route yet.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use kith::app::App;
use kith::jobs;
use kith::platform::Clock;
use kith::platform::native::Delivery;
use serde_json::Value;

use crate::chaos;
use crate::executor::Owner;
use crate::hands::Kind;
use crate::ports::{LATEST, ports};
use crate::scenarios::{
    BURY, FORGET_COUNTS, FORGET_KEYS, FORGET_REGISTRATIONS, FORGET_SESSIONS, MAIL_SITES,
    POST_DELETED_JOB, SWEEP_SITES, Site, TELL_JOB, UNLOCKED_JOB,
};
use crate::world::{Isolate, RunId, What, World};

async fn sleep(world: &World, millis: u64) {
    world.timeline.sleep(Duration::from_millis(millis)).await;
}

/// The most messages that one invocation is given, as in `wrangler.toml`.
const BATCH: usize = 20;

/// Gives every message that is due to some isolate, several at once.
pub async fn deliver_messages(world: Arc<World>) {
    while !world.is_over() {
        while let Some(delivery) = world.queue.receive_dead() {
            deliver(&world, vec![delivery]);
        }
        let batch: Vec<_> = std::iter::from_fn(|| receive(&world)).take(BATCH).collect();
        if !batch.is_empty() {
            deliver(&world, batch);
        }
        sleep(&world, 200 + world.chaos.below(2_000)).await;
    }
}

fn receive(world: &World) -> Option<Delivery> {
    let chaos = &world.chaos;
    world.queue.receive(|count| {
        if count > 1 && chaos.strikes(chaos::QUEUE_REORDERS) {
            world.struck(chaos::QUEUE_REORDERS);
            return 1 + chaos.pick(count - 1);
        }
        0
    })
}

/// One invocation: each message is handled and settled for itself.
fn deliver(world: &Arc<World>, batch: Vec<Delivery>) {
    let isolate = world.any_isolate();
    let messages = batch.into_iter().map(|delivery| {
        let message: Value = serde_json::from_str(delivery.body()).unwrap();
        let id = message["id"].as_str().unwrap_or_default().to_owned();
        let (what, sites): (_, &[_]) = match message["job"]["kind"].as_str() {
            _ if delivery.is_dead() => (What::Bury(id), &[BURY]),
            Some("unlocked") => (What::Message(id), &[UNLOCKED_JOB]),
            Some("post_deleted") => (What::Message(id), &[POST_DELETED_JOB]),
            Some("mail") => (What::Message(id), MAIL_SITES),
            _ => (What::Message(id), &[TELL_JOB]),
        };
        let run = world.prepare(what, sites);
        world.note(|| format!("run {run} in isolate {}: message {message}", isolate.number));
        handle(world.clone(), isolate.clone(), run, delivery)
    });
    let owner = Owner::Isolate(isolate.number);
    let messages = join_all(messages.collect::<Vec<_>>());
    world.spawner.spawn(owner, async move {
        messages.await;
    });
}

async fn handle(world: Arc<World>, isolate: Isolate, run: RunId, delivery: Delivery) {
    let _held = world.hold(isolate.number, Kind::Message);
    let app = App::new(isolate.deployment.clone(), ports(&world, &isolate, run));
    let (body, attempt) = (delivery.body().to_owned(), delivery.attempt());
    let verdict = if delivery.is_dead() {
        jobs::bury(&app, &body, attempt).await
    } else {
        jobs::consume(&app, &body, attempt).await
    };
    world.note(|| format!("run {run}: {verdict:?}"));
    delivery.settle(verdict);
}

/// Sweeps each minute; more often where the sweep itself is in focus.
pub async fn fire_cron(world: Arc<World>) {
    let focus = world.chaos.focus;
    let in_focus = SWEEP_SITES.iter().any(|site| site.name == focus.site)
        || [chaos::QUEUE_HALF, chaos::CRASH_CHORE].contains(&focus);
    while !world.is_over() {
        sleep(&world, if in_focus { 10_000 } else { 60_000 }).await;
        if world.chaos.strikes(chaos::CRON_MISSES) {
            world.struck(chaos::CRON_MISSES);
        } else {
            sweep(&world);
            forget_keys(&world);
            forget_counts(&world);
            forget_sessions(&world);
            forget_registrations(&world);
        }
    }
}

fn sweep(world: &Arc<World>) {
    do_chore(world, What::Sweep, SWEEP_SITES, |app| async move {
        jobs::sweep(&app).await;
    });
}

fn forget_keys(world: &Arc<World>) {
    do_chore(world, What::Forget, &[FORGET_KEYS], |app| async move {
        app.forget_old_keys().await;
    });
}

fn forget_counts(world: &Arc<World>) {
    do_chore(world, What::Forget, &[FORGET_COUNTS], |app| async move {
        app.forget_old_counts().await;
    });
}

fn forget_sessions(world: &Arc<World>) {
    do_chore(world, What::Forget, &[FORGET_SESSIONS], |app| async move {
        app.forget_old_sessions().await;
    });
}

fn forget_registrations(world: &Arc<World>) {
    do_chore(
        world,
        What::Forget,
        &[FORGET_REGISTRATIONS],
        |app| async move {
            app.forget_old_registrations().await;
        },
    );
}

/// Lets some isolate do what cron asks for.
fn do_chore<F: Future<Output = ()> + Send + 'static>(
    world: &Arc<World>,
    what: What,
    sites: &'static [Site],
    work: impl FnOnce(App) -> F,
) {
    let isolate = world.any_isolate();
    let run = world.prepare(what, sites);
    world.note(|| format!("run {run} in isolate {}: a chore", isolate.number));
    let app = App::new(isolate.deployment.clone(), ports(world, &isolate, run));
    let held = world.hold(isolate.number, Kind::Chore);
    let work = work(app);
    world
        .spawner
        .spawn(Owner::Isolate(isolate.number), async move {
            let _held = held;
            work.await;
        });
}

/// Lets isolates die.
pub async fn kill_isolates(world: Arc<World>) {
    let in_focus = world.chaos.focus.fault == chaos::CRASH_IDLE.fault;
    let most = if in_focus { 200 } else { 4_000 };
    while world.state().busy > 0 && !world.is_over() {
        sleep(&world, world.chaos.below(most)).await;
        let isolate = world.any_isolate().number;
        let in_hand = world.state().in_hand[isolate];
        let point = match (in_hand.messages, in_hand.chores, in_hand.requests) {
            (1.., _, _) => chaos::CRASH_MESSAGE,
            (_, 1.., _) => chaos::CRASH_CHORE,
            (_, _, 1..) => chaos::CRASH_REQUEST,
            _ => chaos::CRASH_IDLE,
        };
        if world.chaos.strikes(point) {
            world.struck(point);
            world.spawner.end_all(Owner::Isolate(isolate));
            world.restart(isolate);
        }
    }
}

/// The furthest a machine's clock is from the others, in milliseconds. Kith allows for a minute
/// between two.
const SKEW: i64 = 25_000;

/// Sets clocks, and lets hours pass.
pub async fn set_clocks(world: Arc<World>) {
    while world.state().busy > 0 && !world.is_over() {
        sleep(&world, world.chaos.below(20_000)).await;
        let isolate = world.any_isolate();
        let clock = isolate.clock;
        let skew = clock.now().millis() - world.clock.now().millis();
        let by = i64::try_from(world.chaos.below(SKEW.unsigned_abs())).unwrap();
        if skew - by > -SKEW && world.chaos.strikes(chaos::CLOCK_BACK) {
            world.struck(chaos::CLOCK_BACK);
            world.forgive(isolate.number);
            clock.jump(-by);
        } else if skew + by < SKEW && world.chaos.strikes(chaos::CLOCK_AHEAD) {
            world.struck(chaos::CLOCK_AHEAD);
            clock.jump(by);
        }
        if world.chaos.happens(0.1) && world.chaos.strikes(chaos::TIME_PASSES) {
            world.struck(chaos::TIME_PASSES);
            let minutes = 1 + world.chaos.below(600);
            world.timeline.advance(Duration::from_mins(minutes));
        }
    }
}

/// Minutes after which every job must be done, once nothing goes wrong any more: the longest lease,
/// and a few for the message.
const TO_THE_END: usize = 65;

/// Minutes after which a job that was replayed must be done.
const REPLAYED: usize = 3;

/// Once everybody has finished, faults end. Then every job must be done that is not dead or put off; an admin
/// replays those; and then nothing may be left to do.
pub async fn settle(world: Arc<World>) {
    while world.state().busy > 0 {
        sleep(&world, 1_000).await;
    }
    world.chaos.calm();
    world.note(|| "everybody has finished; nothing goes wrong any more".to_owned());
    // What was sent before may still arrive, and make a job dead that was replayed.
    sleep(&world, 2 * LATEST).await;
    let done = |world: &World| world.jobs_to_come() == 0 && world.queue.is_empty();
    wait_until(&world, TO_THE_END, done).await;
    world.replay_dead_jobs();
    let done = |world: &World| world.jobs_left() == 0 && world.spawner.tasks_in_isolates() == 0;
    wait_until(&world, REPLAYED, done).await;
    world.check_end();
    world.state().settled = true;
}

/// Waits for what must come within so many minutes.
async fn wait_until(world: &Arc<World>, minutes: usize, done: impl Fn(&World) -> bool) {
    // Not in step with the sweep, which is a task too.
    for _ in 0..minutes * 7 {
        if done(world) {
            return;
        }
        sleep(world, 60_000 / 7).await;
    }
    if !done(world) {
        let (jobs, messages) = (world.jobs_left(), world.queue.len());
        world.violate(&format!("{jobs} jobs and {messages} messages are left"));
    }
}
