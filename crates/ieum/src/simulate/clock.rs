//! Virtual time: a clock that stands still while anybody can do something, and then jumps to the
//! moment at which the next one wants to be woken.
//!
//! It knows nothing of hubs or networks. Invariant: sleepers are woken one at a time, in the order
//! of their moments and, within one, in the order in which they lay down; so two runs are alike.

use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The moment of a sleeper, and its number among those of the same moment.
type Place = (Timestamp, u64);

/// The time of the world outside: it only ever goes forward.
#[derive(Debug, Clone)]
pub(super) struct VirtualClock(Arc<Mutex<Dormitory>>);

#[derive(Debug)]
struct Dormitory {
    now: Timestamp,
    next_number: u64,
    sleepers: BTreeMap<Place, Option<Waker>>,
}

impl VirtualClock {
    /// Begins at `start`.
    pub(super) fn new(start: Timestamp) -> Self {
        let dormitory = Dormitory { now: start, next_number: 0, sleepers: BTreeMap::new() };
        Self(Arc::new(Mutex::new(dormitory)))
    }

    /// One thread that jumps ahead whenever nobody on it can go on.
    ///
    /// # Errors
    /// When the system gives no resources for it.
    pub(super) fn runtime(&self) -> std::io::Result<tokio::runtime::Runtime> {
        let clock = self.clone();
        tokio::runtime::Builder::new_current_thread().on_thread_park(move || clock.jump()).build()
    }

    /// Wakes the first sleeper at its moment.
    fn jump(&self) {
        let mut dormitory = self.lock();
        let first = dormitory.sleepers.pop_first();
        assert!(first.is_some(), "everybody waits and nobody sleeps: nothing would ever happen");
        let Some(((moment, _), waker)) = first else { return };
        dormitory.now = dormitory.now.max(moment);
        drop(dormitory);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Dormitory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        let mut dormitory = self.lock();
        if ms == 0 {
            return Box::pin(std::future::ready(()));
        }
        let place = (dormitory.now.plus_ms(ms), dormitory.next_number);
        dormitory.next_number += 1;
        dormitory.sleepers.insert(place, None);
        drop(dormitory);
        Box::pin(Sleep { clock: self.clone(), place })
    }
}

/// One wait; dropping it cancels it.
#[derive(Debug)]
struct Sleep {
    clock: VirtualClock,
    place: Place,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.clock.lock().sleepers.get_mut(&self.place) {
            Some(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.lock().sleepers.remove(&self.place);
    }
}

/// The hub's own clock: the same pace, but it may be wrong, and be set right with a jump.
#[derive(Debug, Clone)]
pub(super) struct WallClock {
    truth: VirtualClock,
    wrong_by_ms: Arc<AtomicI64>,
}

impl WallClock {
    /// A clock that is right.
    pub(super) fn new(truth: VirtualClock) -> Self {
        Self { truth, wrong_by_ms: Arc::default() }
    }

    /// Sets it; nobody is woken by that.
    pub(super) fn set_wrong_by(&self, ms: i64) {
        self.wrong_by_ms.store(ms, Ordering::Relaxed);
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.truth.now().0.saturating_add(self.wrong_by_ms.load(Ordering::Relaxed)))
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        self.truth.sleep(ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::JoinSet;

    #[test]
    fn days_pass_at_once_and_sleepers_wake_in_order() {
        let clock = VirtualClock::new(Timestamp(0));
        let woken = Arc::new(Mutex::new(Vec::new()));
        clock.runtime().unwrap().block_on(async {
            let mut set = JoinSet::new();
            for (name, ms) in [("late", 90 * 86_400_000), ("b", 5), ("a", 1), ("b too", 5)] {
                let (clock, woken) = (clock.clone(), Arc::clone(&woken));
                set.spawn(async move {
                    clock.sleep(ms).await;
                    woken.lock().unwrap().push((name, clock.now().0));
                });
            }
            while set.join_next().await.is_some() {}
        });
        let expected = [("a", 1), ("b", 5), ("b too", 5), ("late", 90 * 86_400_000)];
        assert_eq!(*woken.lock().unwrap(), expected);
    }

    #[test]
    fn a_dropped_wait_wakes_nobody() {
        let clock = VirtualClock::new(Timestamp(0));
        clock.runtime().unwrap().block_on(async {
            drop(clock.sleep(10));
            clock.sleep(20).await;
        });
        assert_eq!(clock.now(), Timestamp(20));
        assert!(clock.lock().sleepers.is_empty());
    }

    #[test]
    #[should_panic(expected = "nothing would ever happen")]
    fn standing_still_for_ever_is_a_defect_that_is_told() {
        let clock = VirtualClock::new(Timestamp(0));
        clock.runtime().unwrap().block_on(std::future::pending::<()>());
    }

    #[test]
    fn the_hubs_clock_may_be_set_and_keeps_its_pace() {
        let truth = VirtualClock::new(Timestamp(1_000));
        let wall = WallClock::new(truth.clone());
        wall.set_wrong_by(-3_600_000);
        truth.runtime().unwrap().block_on(wall.sleep(500));
        assert_eq!((truth.now().0, wall.now().0), (1_500, 1_500 - 3_600_000));
    }
}
