//! Time that passes when it is told to.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::platform::{BoxFuture, Clock};
use crate::time::Timestamp;

/// How much time has passed, and who sleeps. Never goes back; clocks that show it may.
#[derive(Debug, Default)]
pub struct Timeline(Mutex<Passed>);

#[derive(Debug, Default)]
struct Passed {
    /// Milliseconds since the beginning.
    elapsed: i64,
    /// Who is woken when, in the order in which they went to sleep.
    sleepers: BTreeMap<(i64, u64), Waker>,
    slept: u64,
}

impl Timeline {
    /// Time that begins now.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Milliseconds since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> i64 {
        self.passed().elapsed
    }

    /// Lets time pass, and wakes whoever has slept long enough.
    pub fn advance(&self, duration: Duration) {
        let mut passed = self.passed();
        passed.elapsed = passed.elapsed.saturating_add(millis(duration));
        let later = (passed.elapsed.saturating_add(1), 0);
        let later = passed.sleepers.split_off(&later);
        let woken = std::mem::replace(&mut passed.sleepers, later);
        drop(passed);
        for waker in woken.into_values() {
            waker.wake();
        }
    }

    /// How long until the first sleeper wakes; `None` where nobody sleeps.
    #[must_use]
    pub fn until_next_waking(&self) -> Option<Duration> {
        let passed = self.passed();
        let ((due, _), _) = passed.sleepers.first_key_value()?;
        let rest = due.saturating_sub(passed.elapsed).max(0);
        Some(Duration::from_millis(rest.unsigned_abs()))
    }

    /// Sleeps for this long.
    pub fn sleep(self: &Arc<Self>, duration: Duration) -> BoxFuture<'static, ()> {
        let due = self.elapsed().saturating_add(millis(duration));
        Box::pin(Sleep {
            timeline: self.clone(),
            due,
            place: None,
        })
    }

    fn passed(&self) -> MutexGuard<'_, Passed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sleeper. One that is dropped holds up nobody's time.
struct Sleep {
    timeline: Arc<Timeline>,
    due: i64,
    /// Where it waits among the sleepers.
    place: Option<(i64, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let timeline = self.timeline.clone();
        let mut passed = timeline.passed();
        if let Some(place) = self.place.take() {
            passed.sleepers.remove(&place);
        }
        if passed.elapsed >= self.due {
            return Poll::Ready(());
        }
        passed.slept = passed.slept.saturating_add(1);
        let place = (self.due, passed.slept);
        passed.sleepers.insert(place, context.waker().clone());
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.timeline.passed().sleepers.remove(&place);
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A clock over a [`Timeline`]. Several can show different times of one timeline, as the machines of
/// a network do, and one can be set while others go on.
#[derive(Debug)]
pub struct VirtualClock {
    timeline: Arc<Timeline>,
    /// What it shows when the timeline begins.
    origin: AtomicI64,
}

impl VirtualClock {
    /// A clock that shows `origin` at the beginning of `timeline`.
    #[must_use]
    pub fn new(timeline: Arc<Timeline>, origin: Timestamp) -> Self {
        Self {
            timeline,
            origin: AtomicI64::new(origin.millis()),
        }
    }

    /// Sets the clock forward by `millis`, or back if negative. Nobody sleeps longer or shorter.
    pub fn jump(&self, millis: i64) {
        self.origin.fetch_add(millis, Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let origin = self.origin.load(Relaxed);
        Timestamp::from_millis(origin.saturating_add(self.timeline.elapsed()))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.timeline.sleep(duration)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_sleeper_wakes_when_its_time_has_passed() {
        let timeline = Timeline::new();
        let clock = VirtualClock::new(timeline.clone(), Timestamp::from_millis(1_000));
        let mut sleeping = clock.sleep(Duration::from_millis(30));
        assert!((&mut sleeping).now_or_never().is_none());
        assert_eq!(
            timeline.until_next_waking(),
            Some(Duration::from_millis(30))
        );
        timeline.advance(Duration::from_millis(29));
        assert!((&mut sleeping).now_or_never().is_none());
        timeline.advance(Duration::from_millis(1));
        assert!((&mut sleeping).now_or_never().is_some());
        assert_eq!(timeline.until_next_waking(), None);
        assert_eq!(clock.now().millis(), 1_030);
    }

    #[test]
    fn a_sleeper_that_is_gone_wakes_nobody() {
        let timeline = Timeline::new();
        let mut sleeping = timeline.sleep(Duration::from_millis(30));
        assert!((&mut sleeping).now_or_never().is_none());
        drop(sleeping);
        assert_eq!(timeline.until_next_waking(), None);
    }

    #[test]
    fn setting_a_clock_changes_neither_its_neighbours_nor_who_sleeps() {
        let timeline = Timeline::new();
        let [fast, slow] = [1_000, 900]
            .map(|origin| VirtualClock::new(timeline.clone(), Timestamp::from_millis(origin)));
        let mut sleeping = fast.sleep(Duration::from_millis(10));
        fast.jump(-500);
        timeline.advance(Duration::from_millis(10));
        assert!((&mut sleeping).now_or_never().is_some());
        assert_eq!([fast.now().millis(), slow.now().millis()], [510, 910]);
    }
}
