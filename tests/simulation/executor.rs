//! One thread that polls one task at a time and draws, at every await, who goes on: the same seed
//! draws the same.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use kith::platform::native::Timeline;

use crate::chaos::Chaos;

/// Whose a task is: all tasks of one owner can be ended at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// What no fault touches: clients, the database's side of a trip, the world around.
    World,
    /// What runs in this isolate, and dies with it.
    Isolate(usize),
}

pub type TaskId = u64;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Task {
    owner: Owner,
    work: Work,
    waker: Arc<TaskWaker>,
}

/// More polls than any run needs that ends.
const MOST_POLLS: usize = 1_000_000;

/// What tasks and the executor share.
#[derive(Default)]
struct Board {
    born: u64,
    spawned: Vec<(TaskId, Owner, Work)>,
    ready: Vec<TaskId>,
    ended_tasks: Vec<TaskId>,
    ended_owners: Vec<Owner>,
    /// How many tasks each owner has.
    living: BTreeMap<usize, usize>,
}

/// Starts and ends tasks, from inside and outside of them.
#[derive(Clone, Default)]
pub struct Spawner(Arc<Mutex<Board>>);

impl Spawner {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn spawn(&self, owner: Owner, work: impl Future<Output = ()> + Send + 'static) -> TaskId {
        let mut board = self.board();
        board.born += 1;
        let id = board.born;
        if let Owner::Isolate(isolate) = owner {
            *board.living.entry(isolate).or_default() += 1;
        }
        board.spawned.push((id, owner, Box::pin(work)));
        id
    }

    /// Drops a task before anything else happens.
    pub fn end(&self, task: TaskId) {
        self.board().ended_tasks.push(task);
    }

    /// Drops everything an owner has.
    pub fn end_all(&self, owner: Owner) {
        self.board().ended_owners.push(owner);
    }

    /// How many tasks of isolates there are.
    pub fn tasks_in_isolates(&self) -> usize {
        self.board().living.values().sum()
    }
}

struct TaskWaker {
    id: TaskId,
    board: Arc<Mutex<Board>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        if !board.ready.contains(&self.id) {
            board.ready.push(self.id);
        }
    }
}

/// Lets anybody else go first.
pub async fn pause() {
    let mut paused = false;
    poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs tasks until `stopped` says so.
///
/// # Errors
/// When no task can go on, or when there is no end to it.
pub fn run(
    spawner: &Spawner,
    timeline: &Timeline,
    chaos: &Chaos,
    mut stopped: impl FnMut() -> bool,
) -> Result<(), String> {
    let mut tasks: BTreeMap<TaskId, Task> = BTreeMap::new();
    for _ in 0..MOST_POLLS {
        admit(spawner, &mut tasks);
        if stopped() {
            return Ok(());
        }
        let Some(id) = next(spawner, chaos) else {
            // Everybody waits for time to pass.
            let rest = timeline.until_next_waking();
            timeline.advance(rest.ok_or("nobody can go on")?);
            continue;
        };
        let Some(task) = tasks.get_mut(&id) else {
            continue;
        };
        timeline.advance(Duration::from_millis(chaos.below(3)));
        let waker = Waker::from(task.waker.clone());
        let done = task
            .work
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready();
        if done {
            spawner.end(id);
        }
    }
    Err(format!("no end after {MOST_POLLS} steps"))
}

/// Takes in what was spawned, and drops what was ended.
fn admit(spawner: &Spawner, tasks: &mut BTreeMap<TaskId, Task>) {
    loop {
        let mut board = spawner.board();
        let newborn = std::mem::take(&mut board.spawned);
        let ended = std::mem::take(&mut board.ended_tasks);
        let owners = std::mem::take(&mut board.ended_owners);
        board.ready.extend(newborn.iter().map(|(id, ..)| *id));
        drop(board);
        if newborn.is_empty() && ended.is_empty() && owners.is_empty() {
            return;
        }
        for (id, owner, work) in newborn {
            let board = spawner.0.clone();
            let waker = Arc::new(TaskWaker { id, board });
            tasks.insert(id, Task { owner, work, waker });
        }
        let belongs =
            |id: &TaskId, task: &mut Task| ended.contains(id) || owners.contains(&task.owner);
        // Dropped outside of the lock: what a task drops may end or wake others.
        let dropped: Vec<_> = tasks.extract_if(.., belongs).collect();
        let mut board = spawner.board();
        for (id, task) in &dropped {
            board.ready.retain(|ready| ready != id);
            if let Owner::Isolate(isolate) = task.owner {
                *board.living.entry(isolate).or_default() -= 1;
            }
        }
    }
}

fn next(spawner: &Spawner, chaos: &Chaos) -> Option<TaskId> {
    let mut board = spawner.board();
    if board.ready.is_empty() {
        return None;
    }
    let drawn = chaos.pick(board.ready.len());
    Some(board.ready.swap_remove(drawn))
}
