//! The queue in front of the writer's thread.
//!
//! Made for one receiver that takes all that waits, and wakes it after the lock is free: a thread
//! that is woken while the waker holds what it needs sleeps a second time, which cost a third of a
//! message's way when one conversation waits for each commit. Invariant: a request is handed over
//! once, in order, or its sender is told that nobody receives any more.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

struct State<T> {
    waiting: VecDeque<T>,
    /// The receiver sleeps and nobody woke it yet.
    asleep: bool,
    /// One side is gone.
    closed: bool,
}

struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
}

impl<T> Queue<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes the receiver behind the lock when it sleeps.
    fn tell<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut state = self.lock();
        let changed = change(&mut state);
        let wake = std::mem::take(&mut state.asleep);
        drop(state);
        if wake {
            self.filled.notify_one();
        }
        changed
    }
}

/// A new queue. How much waits is bounded by those who ask: each waits for its answer.
pub(super) fn queue<T>() -> (Sender<T>, Receiver<T>) {
    let state = State { waiting: VecDeque::new(), asleep: false, closed: false };
    let queue = Arc::new(Queue { state: Mutex::new(state), filled: Condvar::new() });
    (Sender(Arc::clone(&queue)), Receiver { queue, taken: VecDeque::new() })
}

/// Where requests are handed in.
pub(super) struct Sender<T>(Arc<Queue<T>>);

impl<T> std::fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// Nobody receives any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

impl<T> Sender<T> {
    /// Hands in a request.
    ///
    /// # Errors
    /// When nobody receives any more; then the request is dropped.
    pub(super) fn send(&self, request: T) -> Result<(), Gone> {
        self.0.tell(|state| {
            if state.closed {
                return Err(Gone);
            }
            state.waiting.push_back(request);
            Ok(())
        })
    }

    /// Says that nothing more will come: the receiver ends behind what waits.
    pub(super) fn end(&self) {
        self.0.tell(|state| state.closed = true);
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Where requests are taken.
pub(super) struct Receiver<T> {
    queue: Arc<Queue<T>>,
    /// Taken from the queue together.
    taken: VecDeque<T>,
}

impl<T> Receiver<T> {
    /// The next request; sleeps until there is one. `None` when there will be none.
    pub(super) fn next(&mut self) -> Option<T> {
        if let Some(request) = self.taken.pop_front() {
            return Some(request);
        }
        let mut state = self.queue.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state.asleep = true;
            state = self.queue.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut state.waiting, &mut self.taken);
        drop(state);
        self.taken.pop_front()
    }

    /// The next request, if there is one within this time.
    pub(super) fn next_within(&mut self, time: Duration) -> Option<T> {
        if let Some(request) = self.next_waiting() {
            return Some(request);
        }
        let mut state = self.queue.lock();
        if state.waiting.is_empty() && !state.closed {
            state.asleep = true;
            let waited = self.queue.filled.wait_timeout(state, time);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.asleep = false;
        }
        std::mem::swap(&mut state.waiting, &mut self.taken);
        drop(state);
        self.taken.pop_front()
    }

    /// The next request that waits already.
    pub(super) fn next_waiting(&mut self) -> Option<T> {
        if self.taken.is_empty() {
            std::mem::swap(&mut self.queue.lock().waiting, &mut self.taken);
        }
        self.taken.pop_front()
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.closed = true;
        let left = std::mem::take(&mut state.waiting);
        drop(state);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn many_hand_in_and_each_ones_requests_come_once_and_in_order() {
        const SENDERS: usize = 4;
        const EACH: usize = 5_000;
        let (sender, mut receiver) = queue();
        let mut next = [0_usize; SENDERS];
        std::thread::scope(|scope| {
            let sending = Arc::new(sender);
            for who in 0..SENDERS {
                let sender = Arc::clone(&sending);
                scope.spawn(move || (0..EACH).for_each(|n| sender.send((who, n)).unwrap()));
            }
            drop(sending);
            let mut waited_for = true;
            while let Some((who, number)) =
                if waited_for { receiver.next() } else { receiver.next_waiting() }
                    .or_else(|| receiver.next())
            {
                assert_eq!(number, next[who], "of {who}");
                next[who] += 1;
                waited_for = !waited_for;
            }
        });
        assert_eq!(next, [EACH; SENDERS]);
    }

    #[test]
    fn a_sleeping_receiver_is_woken_by_a_request_and_by_the_end() {
        let (sender, mut receiver) = queue();
        let received = std::thread::spawn(move || (receiver.next(), receiver.next()));
        while !sender.0.lock().asleep {
            std::thread::yield_now();
        }
        sender.send(7).unwrap();
        while !sender.0.lock().asleep {
            std::thread::yield_now();
        }
        drop(sender);
        assert_eq!(received.join().unwrap(), (Some(7), None));
    }

    #[test]
    fn a_short_wait_ends_with_a_request_with_the_end_or_with_nothing() {
        let (sender, mut receiver) = queue();
        assert_eq!(receiver.next_within(Duration::from_millis(1)), None);
        let received = std::thread::spawn(move || {
            let long = Duration::from_secs(60);
            (receiver.next_within(long), receiver.next_within(long))
        });
        while !sender.0.lock().asleep {
            std::thread::yield_now();
        }
        sender.send(7).unwrap();
        drop(sender);
        assert_eq!(received.join().unwrap(), (Some(7), None));
    }

    #[test]
    fn what_waits_comes_before_the_end() {
        let (sender, mut receiver) = queue();
        sender.send(1).unwrap();
        sender.end();
        assert_eq!(sender.send(2), Err(Gone));
        assert_eq!((receiver.next_waiting(), receiver.next()), (Some(1), None));
    }

    /// Notes that it was dropped.
    struct Noted(Arc<AtomicUsize>);
    impl Drop for Noted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn without_a_receiver_what_waits_is_dropped_and_nothing_more_is_taken() {
        let dropped = Arc::new(AtomicUsize::new(0));
        let (sender, receiver) = queue();
        assert!(sender.send(Noted(Arc::clone(&dropped))).is_ok());
        drop(receiver);
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        assert_eq!(sender.send(Noted(Arc::clone(&dropped))), Err(Gone));
        assert_eq!(dropped.load(Ordering::SeqCst), 2);
    }
}
