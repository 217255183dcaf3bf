//! The ports of one invocation: each call lets others go first, and may go wrong.

use std::sync::Arc;

use futures_channel::oneshot;
use kith::platform::native::SpawnWith;
use kith::platform::{
    Batch, BoxFuture, CostMeter, Database, DatabaseError, KeyValue, KeyValueError, Ports, Queue,
    QueueError, Retrying, StatementResult, Value,
};

use crate::chaos::{self, DatabaseFault, Point};
use crate::executor::{Owner, pause};
use crate::model::Prediction;
use crate::world::{Isolate, RunId, World};

/// The ports of the invocation `run` in `isolate`.
pub fn ports(world: &Arc<World>, isolate: &Isolate, run: RunId) -> Ports {
    let database = Trips {
        world: world.clone(),
        run,
    };
    let owner = Owner::Isolate(isolate.number);
    let spawner = world.spawner.clone();
    let work = move |work| {
        spawner.spawn(owner, work);
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
        }),
        queue: Arc::new(Sender(world.clone())),
        clock: isolate.clock.clone(),
        random: world.random.clone(),
        log: world.log.clone(),
        background: Arc::new(SpawnWith(work)),
        cost: Arc::new(CostMeter::default()),
    }
}

/// The way to the database and back.
struct Trips {
    world: Arc<World>,
    run: RunId,
}

/// A batch as it travels.
pub struct Parcel {
    pub statements: Vec<(&'static str, Vec<Value>)>,
    pub writes: bool,
    /// How many answers its sender had seen before.
    pub trip: usize,
}

impl Parcel {
    fn new(batch: &Batch, trip: usize) -> Self {
        let statements = batch.statements().iter();
        Self {
            statements: statements
                .map(|statement| (statement.sql, statement.params.clone()))
                .collect(),
            writes: !batch.is_read_only(),
            trip,
        }
    }
}

/// What the database answers to a batch, and what it ought to mean.
pub type Reply = (
    Result<Vec<StatementResult>, DatabaseError>,
    Option<Prediction>,
);

impl Trips {
    async fn trip(&self, batch: &Batch) -> Result<Vec<StatementResult>, DatabaseError> {
        let world = &self.world;
        let site = world.site(self.run);
        let fault = world.chaos.database_fault(site);
        world.dawdle().await;
        match fault {
            Some(DatabaseFault::Before | DatabaseFault::Overloaded) => {}
            // Half of them never arrive.
            Some(DatabaseFault::Unknown) if world.chaos.happens(0.5) => {}
            _ => {
                let reply = self.send(Parcel::new(batch, world.trips(self.run)));
                // The error may be faster than the database.
                if fault != Some(DatabaseFault::Unknown) {
                    let (outcome, prediction) = reply
                        .await
                        .map_err(|_| DatabaseError::Failed("the database is gone".to_owned()))?;
                    world.dawdle().await;
                    if fault.is_none() {
                        world.delivered(self.run, prediction);
                        return outcome;
                    }
                }
            }
        }
        let fault = fault.unwrap_or(DatabaseFault::Before);
        world.dawdle().await;
        world.failed(self.run, Point::of_database(fault, site));
        Err(DatabaseError::from_text(fault.text()))
    }

    /// From here on the batch runs whatever becomes of whoever sent it.
    fn send(&self, parcel: Parcel) -> oneshot::Receiver<Reply> {
        let (sender, reply) = oneshot::channel();
        let (world, run) = (self.world.clone(), self.run);
        self.world.spawner.spawn(Owner::World, async move {
            world.dawdle().await;
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
}

impl KeyValue for Store {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<String>, KeyValueError>> {
        Box::pin(async move {
            pause().await;
            if self.world.chaos.strikes(chaos::STORE_FAILS) {
                self.world.struck(chaos::STORE_FAILS);
                return Err(KeyValueError("KV GET failed: 503".to_owned()));
            }
            let value = self.isolate.key_value.get(key).await?;
            if value != self.world.store.newest(key) {
                self.world.struck(chaos::STORE_STALE);
            }
            pause().await;
            Ok(value)
        })
    }
}

struct Sender(Arc<World>);

impl Queue for Sender {
    fn send(&self, messages: Vec<String>) -> BoxFuture<'static, Result<(), QueueError>> {
        let world = self.0.clone();
        if world.chaos.strikes(chaos::QUEUE_REFUSES) {
            world.struck(chaos::QUEUE_REFUSES);
            return Box::pin(async {
                pause().await;
                Err(QueueError("Queue send failed: 500".to_owned()))
            });
        }
        // Sending begins at once.
        let sent = world.queue.send(messages);
        Box::pin(async {
            pause().await;
            sent.await
        })
    }
}
