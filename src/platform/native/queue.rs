//! A queue in memory that keeps the promises of the real one, and not one more: a message comes once or
//! several times, sooner or later, in no order; and a local one forgets everything when it is killed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Timeline;
use crate::platform::{BoxFuture, Channel, Queue, QueueError, Verdict};

/// What happens to a message that was sent: one delay for each copy of it that will arrive. None is a
/// loss, several are duplicates.
pub type Fate = Vec<Duration>;

/// Messages on their way.
pub struct MemoryQueue {
    timeline: Arc<Timeline>,
    /// How often a message is delivered before it goes to the dead letters.
    most_attempts: u32,
    fate: Box<dyn Fn() -> Fate + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Message>,
    dead: Vec<Message>,
    in_hand: usize,
}

/// A message on its way.
#[derive(Clone, Debug)]
struct Message {
    body: String,
    /// How often it has been delivered.
    attempts: u32,
    /// When it may be delivered next, in milliseconds of the timeline.
    due: i64,
}

impl MemoryQueue {
    /// A queue whose messages meet the fate that `fate` draws for each.
    #[must_use]
    pub fn new(
        timeline: Arc<Timeline>,
        most_attempts: u32,
        fate: impl Fn() -> Fate + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            timeline,
            most_attempts,
            fate: Box::new(fate),
            state: Mutex::default(),
        })
    }

    /// Delivers one of the messages that may be delivered now; `choose` picks its place among that
    /// many, in the order in which they were sent.
    pub fn receive(self: &Arc<Self>, choose: impl FnOnce(usize) -> usize) -> Option<Delivery> {
        let now = self.timeline.elapsed();
        let mut state = self.state();
        let due: Vec<usize> = (0..)
            .zip(&state.waiting)
            .filter(|(_, message)| message.due <= now)
            .map(|(place, _)| place)
            .collect();
        if due.is_empty() {
            return None;
        }
        let place = due.get(choose(due.len()))?;
        let mut message = state.waiting.remove(*place);
        message.attempts = message.attempts.saturating_add(1);
        state.in_hand = state.in_hand.saturating_add(1);
        drop(state);
        Some(Delivery {
            queue: self.clone(),
            message: Some(message),
            dead: false,
        })
    }

    /// Delivers the oldest of the dead letters that may be delivered now. They never give up, unlike
    /// the real ones: what would happen then is that a job lives on in the sweeps.
    pub fn receive_dead(self: &Arc<Self>) -> Option<Delivery> {
        let now = self.timeline.elapsed();
        let mut state = self.state();
        let place = state.dead.iter().position(|message| message.due <= now)?;
        let mut message = state.dead.remove(place);
        message.attempts = message.attempts.saturating_add(1);
        state.in_hand = state.in_hand.saturating_add(1);
        drop(state);
        Some(Delivery {
            queue: self.clone(),
            message: Some(message),
            dead: true,
        })
    }

    /// How many messages are waiting, dead or in somebody's hands.
    #[must_use]
    pub fn len(&self) -> usize {
        let state = self.state();
        let waiting = state.waiting.len().saturating_add(state.dead.len());
        waiting.saturating_add(state.in_hand)
    }

    /// Whether no message is left anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn put_back(&self, mut message: Message, dead: bool, delay: Duration) {
        let delay = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        message.due = self.timeline.elapsed().saturating_add(delay);
        let mut state = self.state();
        state.in_hand = state.in_hand.saturating_sub(1);
        if dead {
            state.dead.push(message);
        } else if message.attempts >= self.most_attempts {
            // The dead letters count their deliveries from the beginning, and come at once.
            message.attempts = 0;
            message.due = self.timeline.elapsed();
            state.dead.push(message);
        } else {
            state.waiting.push(message);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue for MemoryQueue {
    /// All channels are one here: a message comes in any order, whoever it must wait for.
    fn send(
        &self,
        _: Channel,
        messages: Vec<String>,
    ) -> BoxFuture<'static, Result<(), QueueError>> {
        let now = self.timeline.elapsed();
        for body in messages {
            for delay in (self.fate)() {
                let delay = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
                self.state().waiting.push(Message {
                    body: body.clone(),
                    attempts: 0,
                    due: now.saturating_add(delay),
                });
            }
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A message in the hands of a consumer. If it is dropped unsettled, because the consumer died, it
/// comes again.
pub struct Delivery {
    queue: Arc<MemoryQueue>,
    message: Option<Message>,
    dead: bool,
}

/// When a message comes again whose consumer died.
const ABANDONED: Duration = Duration::from_secs(30);

impl Delivery {
    /// What was sent.
    #[must_use]
    pub fn body(&self) -> &str {
        self.message
            .as_ref()
            .map_or("", |message| message.body.as_str())
    }

    /// How often it has been delivered, this time included.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.message.as_ref().map_or(0, |message| message.attempts)
    }

    /// Whether it comes from the dead letters.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    /// Does as the consumer says.
    pub fn settle(mut self, verdict: Verdict) {
        let Some(message) = self.message.take() else {
            return;
        };
        match verdict {
            Verdict::Acknowledge => {
                let mut state = self.queue.state();
                state.in_hand = state.in_hand.saturating_sub(1);
            }
            Verdict::Retry { delay_seconds } => {
                let delay = Duration::from_secs(delay_seconds.into());
                self.queue.put_back(message, self.dead, delay);
            }
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            self.queue.put_back(message, self.dead, ABANDONED);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn queue(fate: &[Duration]) -> (Arc<Timeline>, Arc<MemoryQueue>) {
        let timeline = Timeline::new();
        let fate = fate.to_vec();
        let queue = MemoryQueue::new(timeline.clone(), 2, move || fate.clone());
        queue
            .send(Channel::Jobs, vec!["one".into(), "two".into()])
            .now_or_never()
            .unwrap()
            .unwrap();
        (timeline, queue)
    }

    const AT_ONCE: &[Duration] = &[Duration::ZERO];

    #[test]
    fn messages_come_in_any_order_until_they_are_acknowledged() {
        let (_, queue) = queue(AT_ONCE);
        let second = queue.receive(|count| count - 1).unwrap();
        assert_eq!((second.body(), second.attempt()), ("two", 1));
        second.settle(Verdict::Acknowledge);
        let first = queue.receive(|count| count - 1).unwrap();
        assert_eq!(first.body(), "one");
        first.settle(Verdict::Acknowledge);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_message_that_fails_too_often_becomes_a_dead_letter() {
        let (timeline, queue) = queue(AT_ONCE);
        for attempt in [1, 2] {
            let delivery = queue.receive(|_| 0).unwrap();
            assert_eq!((delivery.body(), delivery.attempt()), ("one", attempt));
            delivery.settle(Verdict::Retry { delay_seconds: 5 });
            queue.receive(|_| 0).unwrap().settle(Verdict::Acknowledge);
            assert!(queue.receive(|_| 0).is_none());
            timeline.advance(Duration::from_secs(5));
            queue
                .send(Channel::Jobs, vec!["two".into()])
                .now_or_never()
                .unwrap()
                .unwrap();
        }
        let dead = queue.receive_dead().unwrap();
        assert_eq!((dead.body(), dead.is_dead()), ("one", true));
    }

    #[test]
    fn a_message_whose_consumer_died_comes_again() {
        let (timeline, queue) = queue(AT_ONCE);
        drop(queue.receive(|_| 0));
        assert_eq!(queue.len(), 2);
        timeline.advance(ABANDONED);
        let again = queue.receive(|count| count - 1).unwrap();
        assert_eq!((again.body(), again.attempt()), ("one", 2));
    }

    #[test]
    fn fate_decides_how_many_copies_arrive_and_when() {
        let (_, lost) = queue(&[]);
        assert!(lost.is_empty());
        let (timeline, doubled) = queue(&[Duration::ZERO, Duration::from_secs(3)]);
        assert_eq!(doubled.len(), 4);
        doubled.receive(|_| 0).unwrap().settle(Verdict::Acknowledge);
        doubled.receive(|_| 0).unwrap().settle(Verdict::Acknowledge);
        assert!(doubled.receive(|_| 0).is_none());
        timeline.advance(Duration::from_secs(3));
        assert!(doubled.receive(|_| 0).is_some());
    }
}
