//! The ports of one invocation: each call lets others go first, and may go wrong.

use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot;
use kith::platform::native::{SpawnWith, Version};
use kith::platform::{
    Batch, BoxFuture, Channel, Clock, Consistency, CostMeter, Database, DatabaseError, KeyValue,
    KeyValueError, Ports, Queue, QueueError, RateLimiter, RateLimiterError, ReachedState, Retrying,
    Shield, StatementResult, Value,
};
use kith::time::Timestamp;

use crate::chaos::{self, DatabaseFault, Point};
use crate::executor::{Owner, pause};
use crate::hands::Kind;
use crate::mails::Postman;
use crate::model::Prediction;
use crate::world::{Flags, Isolate, RunId, World};

/// The ports of the invocation `run` in `isolate`.
pub fn ports(world: &Arc<World>, isolate: &Isolate, run: RunId) -> Ports {
    let reached = Arc::new(ReachedState::default());
    let database = Trips {
        world: world.clone(),
        isolate: isolate.clone(),
        run,
        reached: reached.clone(),
    };
    let number = isolate.number;
    let spawning = world.clone();
    let spawn = move |work: BoxFuture<'static, ()>| {
        let held = spawning.hold(number, Kind::Chore);
        let work = async move {
            let _held = held;
            work.await;
        };
        spawning.spawner.spawn(Owner::Isolate(number), work);
    };
    Ports {
        database: Arc::new(Retrying::new(
            database,
            isolate.clock.clone(),
            world.random.clone(),
        )),
        key_value: Arc::new(Store {
            world: world.clone(),
            isolate: isolate.clone(),
            run,
        }),
        queue: Arc::new(Sender(world.clone())),
        mail: Arc::new(Postman(world.clone())),
        rate_limiter: Arc::new(Gate {
            world: world.clone(),
            isolate: isolate.clone(),
            run,
        }),
        clock: isolate.clock.clone(),
        random: world.random.clone(),
        log: world.log.clone(),
        background: Arc::new(SpawnWith(spawn)),
        cost: Arc::new(CostMeter::default()),
        reached,
    }
}

/// Milliseconds after which a batch whose sender knows nothing of it has run, or never will.
pub const LATEST: u64 = 120_000;

/// The way to the database and back.
struct Trips {
    world: Arc<World>,
    isolate: Isolate,
    run: RunId,
    reached: Arc<ReachedState>,
}

/// A batch as it travels.
pub struct Parcel {
    pub statements: Vec<(&'static str, Vec<Value>)>,
    pub writes: bool,
    /// The state that it must see.
    pub consistency: Consistency,
    /// From which isolate it comes.
    pub isolate: usize,
    /// How many answers its sender had seen before.
    pub trip: usize,
    /// When it was sent, by the clock of its isolate.
    pub sent: Timestamp,
}

/// What the database answers to a batch.
pub struct Reply {
    pub outcome: Result<Vec<StatementResult>, DatabaseError>,
    /// What it ought to mean.
    pub prediction: Option<Prediction>,
    /// The state after it.
    pub version: Version,
}

impl Trips {
    async fn trip(&self, batch: &Batch) -> Result<Vec<StatementResult>, DatabaseError> {
        let world = &self.world;
        let parcel = self.pack(batch);
        let site = world.site(self.run);
        let fault = world.chaos.database_fault(site);
        world.dawdle().await;
        let at_replica = parcel.consistency != Consistency::Primary;
        if at_replica && world.chaos.strikes(chaos::REPLICA_FAILS) {
            world.failed(self.run, chaos::REPLICA_FAILS);
            return Err(DatabaseError::from_text(DatabaseFault::Before.text()));
        }
        match fault {
            Some(DatabaseFault::Before | DatabaseFault::Overloaded) => {}
            Some(DatabaseFault::Unknown) => {
                // Half of them never arrive, and others when the error is long answered.
                if world.chaos.happens(0.5) {
                    drop(self.send(parcel, world.chaos.happens(0.3)));
                }
            }
            None | Some(DatabaseFault::After) => {
                let gone = |_| DatabaseError::Failed("the database is gone".to_owned());
                let reply = self.send(parcel, false).await.map_err(gone)?;
                world.dawdle().await;
                // What aborted itself has no effect that could be lost.
                if fault.is_none() || reply.outcome.is_err() {
                    world.delivered(
                        self.run,
                        self.isolate.number,
                        reply.prediction,
                        reply.version,
                    );
                    if batch.names_state() && reply.outcome.is_ok() {
                        let state = world.database.bookmark(reply.version);
                        self.reached.reach(state);
                    }
                    return reply.outcome;
                }
            }
        }
        let fault = fault.unwrap_or(DatabaseFault::Before);
        world.dawdle().await;
        world.failed(self.run, Point::of_database(fault, site));
        Err(DatabaseError::from_text(fault.text()))
    }

    fn pack(&self, batch: &Batch) -> Parcel {
        let sent = self.isolate.clock.now();
        let _ = self.world.state().runs[self.run]
            .first_sent
            .get_or_insert(sent);
        let statements = batch.statements().iter();
        Parcel {
            statements: statements
                .map(|statement| (statement.sql, statement.params.clone()))
                .collect(),
            writes: !batch.is_read_only(),
            consistency: batch.consistency().clone(),
            isolate: self.isolate.number,
            trip: self.world.trips(self.run),
            sent,
        }
    }

    /// From here on the batch runs whatever becomes of whoever sent it.
    fn send(&self, parcel: Parcel, late: bool) -> oneshot::Receiver<Reply> {
        let (sender, reply) = oneshot::channel();
        let (world, run) = (self.world.clone(), self.run);
        self.world.spawner.spawn(Owner::World, async move {
            world.dawdle().await;
            if late {
                let millis = world.chaos.below(LATEST);
                world.timeline.sleep(Duration::from_millis(millis)).await;
            }
            let reply = world.execute(run, &parcel);
            // Nobody may be waiting for it any more.
            let _ = sender.send(reply);
        });
        reply
    }
}

impl Database for Trips {
    fn run<'a>(
        &'a self,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<Vec<StatementResult>, DatabaseError>> {
        Box::pin(self.trip(batch))
    }
}

struct Store {
    world: Arc<World>,
    isolate: Isolate,
    run: RunId,
}

impl KeyValue for Store {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
        Box::pin(async move {
            let world = &self.world;
            pause().await;
            if world.chaos.strikes(chaos::STORE_FAILS) {
                world.struck(chaos::STORE_FAILS);
                world.forgive(self.isolate.number);
                world.read(self.run, Flags::Unanswered);
                return Err(KeyValueError("KV GET failed: 503".to_owned()));
            }
            let value = self.isolate.key_value.get(key).await?;
            if value != world.store.newest(key) {
                world.struck(chaos::STORE_STALE);
            }
            pause().await;
            world.read(self.run, Flags::Read(value.clone()));
            Ok(value)
        })
    }
}

struct Sender(Arc<World>);

impl Sender {
    fn fail(&self, point: chaos::Point) -> BoxFuture<'static, Result<(), QueueError>> {
        self.0.struck(point);
        Box::pin(async {
            pause().await;
            Err(QueueError("Queue send failed: 500".to_owned()))
        })
    }
}

impl Queue for Sender {
    /// Sending begins at once, so what is taken is taken whatever becomes of the future.
    fn send(
        &self,
        channel: Channel,
        messages: Vec<String>,
    ) -> BoxFuture<'static, Result<(), QueueError>> {
        let world = &self.0;
        for message in &messages {
            world.check_message(channel, message);
        }
        if world.chaos.strikes(chaos::QUEUE_REFUSES) {
            return self.fail(chaos::QUEUE_REFUSES);
        }
        if messages.len() > 1 && world.chaos.strikes(chaos::QUEUE_HALF) {
            let half = messages.len() / 2;
            drop(world.queue.send(channel, messages[..half].to_vec()));
            return self.fail(chaos::QUEUE_HALF);
        }
        let sent = world.queue.send(channel, messages);
        if world.chaos.strikes(chaos::QUEUE_UNSURE) {
            return self.fail(chaos::QUEUE_UNSURE);
        }
        Box::pin(async {
            pause().await;
            sent.await
        })
    }
}

/// The platform's limiter, as one location has it.
struct Gate {
    world: Arc<World>,
    isolate: Isolate,
    run: RunId,
}

impl Gate {
    async fn ask(&self, shield: Shield, key: &str) -> Result<bool, RateLimiterError> {
        let world = &self.world;
        pause().await;
        if world.chaos.strikes(chaos::SHIELD_FAILS) {
            world.struck(chaos::SHIELD_FAILS);
            return Err(RateLimiterError("internal error".to_owned()));
        }
        if world.chaos.strikes(chaos::SHIELD_REFUSES) {
            world.struck(chaos::SHIELD_REFUSES);
            return Ok(false);
        }
        world.limiter.admit(shield, key).await
    }
}

impl RateLimiter for Gate {
    fn admit<'a>(
        &'a self,
        shield: Shield,
        key: &'a str,
    ) -> BoxFuture<'a, Result<bool, RateLimiterError>> {
        Box::pin(async move {
            let answer = self.ask(shield, key).await;
            let admitted = answer.as_ref().copied().unwrap_or(true);
            let now = self.isolate.clock.now();
            self.world.limited(self.run, shield, admitted, now);
            answer
        })
    }
}
