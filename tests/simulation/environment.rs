//! What happens around the requests: messages arrive, cron fires, isolates die, clocks jump, and an
//! operator does what has no route yet.

use std::sync::Arc;
use std::time::Duration;

use kith::app::App;
use kith::jobs;
use kith::platform::Clock;
use serde_json::Value;

use crate::chaos;
use crate::executor::Owner;
use crate::ports::ports;
use crate::scenarios::{BURY, LIKE_JOB, POST_DELETED_JOB, SWEEP_SITES};
use crate::world::{What, World};

async fn sleep(world: &World, millis: u64) {
    world.timeline.sleep(Duration::from_millis(millis)).await;
}

/// Gives every message that is due to some isolate.
pub async fn deliver_messages(world: Arc<World>) {
    while !world.is_over() {
        while deliver_one(&world) {}
        sleep(&world, 200 + world.chaos.below(2_000)).await;
    }
}

fn deliver_one(world: &Arc<World>) -> bool {
    let chaos = &world.chaos;
    let choose = |count: usize| {
        if count > 1 && chaos.strikes(chaos::QUEUE_REORDERS) {
            world.struck(chaos::QUEUE_REORDERS);
            return 1 + chaos.pick(count - 1);
        }
        0
    };
    let Some(delivery) = world
        .queue
        .receive_dead()
        .or_else(|| world.queue.receive(choose))
    else {
        return false;
    };
    let message: Value = serde_json::from_str(delivery.body()).unwrap();
    let sites: &[_] = match (delivery.is_dead(), message["job"]["kind"].as_str()) {
        (true, _) => &[BURY],
        (false, Some("like")) => &[LIKE_JOB],
        _ => &[POST_DELETED_JOB],
    };
    let isolate = world.any_isolate();
    let run = world.begin(What::Chore, sites);
    world.note(|| format!("run {run} in isolate {}: message {message}", isolate.number));
    let number = isolate.number;
    let world = world.clone();
    let spawner = world.spawner.clone();
    spawner.spawn(Owner::Isolate(number), async move {
        let _held = world.hold_message(number);
        let app = App::new(isolate.deployment.clone(), ports(&world, &isolate, run));
        let (body, attempt) = (delivery.body().to_owned(), delivery.attempt());
        let verdict = if delivery.is_dead() {
            jobs::bury(&app, &body, attempt).await
        } else {
            jobs::consume(&app, &body, attempt).await
        };
        world.note(|| format!("run {run}: {verdict:?}"));
        delivery.settle(verdict);
    });
    true
}

/// Sweeps each minute; more often where the sweep itself is in focus.
pub async fn fire_cron(world: Arc<World>) {
    let in_focus = SWEEP_SITES.contains(&world.chaos.focus.site);
    while !world.is_over() {
        sleep(&world, if in_focus { 10_000 } else { 60_000 }).await;
        if world.chaos.strikes(chaos::CRON_MISSES) {
            world.struck(chaos::CRON_MISSES);
        } else {
            sweep(&world);
        }
    }
}

fn sweep(world: &Arc<World>) {
    let isolate = world.any_isolate();
    let run = world.begin(What::Chore, SWEEP_SITES);
    world.note(|| format!("run {run} in isolate {}: sweep", isolate.number));
    let app = App::new(isolate.deployment.clone(), ports(world, &isolate, run));
    let owner = Owner::Isolate(isolate.number);
    world
        .spawner
        .spawn(owner, async move { jobs::sweep(&app).await });
}

/// Lets isolates die.
pub async fn kill_isolates(world: Arc<World>) {
    let in_focus = world.chaos.focus.fault == chaos::CRASH_IDLE.fault;
    let most = if in_focus { 200 } else { 4_000 };
    while world.state().busy > 0 && !world.is_over() {
        sleep(&world, world.chaos.below(most)).await;
        let isolate = world.any_isolate().number;
        let in_hand = world.state().in_hand[isolate];
        let point = match (in_hand.requests, in_hand.messages) {
            (_, 1..) => chaos::CRASH_MESSAGE,
            (1.., _) => chaos::CRASH_REQUEST,
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
        let clock = world.any_isolate().clock;
        let skew = clock.now().millis() - world.clock.now().millis();
        let by = i64::try_from(world.chaos.below(SKEW.unsigned_abs())).unwrap();
        if skew - by > -SKEW && world.chaos.strikes(chaos::CLOCK_BACK) {
            world.struck(chaos::CLOCK_BACK);
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

/// More rounds than it takes to do every job when nothing goes wrong any more.
const ROUNDS: usize = 500;

/// Once everybody has finished: faults end, an admin replays the dead jobs, and after a while nothing
/// may be left to do.
pub async fn settle(world: Arc<World>) {
    while world.state().busy > 0 {
        sleep(&world, 1_000).await;
    }
    world.chaos.calm();
    world.note(|| "everybody has finished; nothing goes wrong any more".to_owned());
    for _ in 0..ROUNDS {
        world.replay_dead_jobs();
        sweep(&world);
        sleep(&world, 60_000 + world.chaos.below(600_000)).await;
        if world.jobs_left() == 0
            && world.queue.is_empty()
            && world.spawner.tasks_in_isolates() == 0
        {
            world.check_end();
            world.state().settled = true;
            return;
        }
    }
    world.violate(&format!(
        "{} jobs and {} messages are left",
        world.jobs_left(),
        world.queue.len()
    ));
}
