//! A queue of what a fault holds back from one place: one chat on one surface of one person, or
//! one chat's events to our bot. Invariant: while it holds anything, nothing newer overtakes it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ieum_core::time::Timestamp;

use crate::fault::cell::Backlog;
use crate::fault::mode::{Mode, ORDINARY_LATENCY_MS};
use crate::fault::{Asked, Faults};

/// How much is held back from one place; beyond it the oldest is lost.
pub(crate) const HELD_MAX: usize = 100_000;

#[derive(Debug, Clone)]
struct Pending<T> {
    what: T,
    since: Timestamp,
    not_before: Timestamp,
    backlog: Option<Backlog>,
    doubled: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Held<T> {
    pending: VecDeque<Pending<T>>,
}

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self { pending: VecDeque::new() }
    }
}

/// What is let through, in order, each with the moment at which it got through.
pub(crate) type Released<T> = Vec<(Timestamp, T)>;

impl<T: Clone> Held<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Puts one more at the end, unless a fault swallows it. `draw` is uniform in `0..1`.
    pub(crate) fn push(
        &mut self,
        what: T,
        faults: &Faults,
        asked: &Asked<'_>,
        now: Timestamp,
        draw: f64,
    ) {
        let mut pending =
            Pending { what, since: now, not_before: now, backlog: None, doubled: false };
        if let Some(fault) = faults.hit(asked, now) {
            match fault.cell.mode {
                Mode::Blackhole => return,
                Mode::Delay { times } => {
                    pending.not_before = now.plus_ms(u64::from(times) * ORDINARY_LATENCY_MS);
                }
                Mode::Duplicate { chance } => pending.doubled = draw < chance,
                Mode::Refuse | Mode::Hang | Mode::Flap { .. } => {
                    pending.backlog = Some(fault.backlog());
                }
                Mode::DropReceipt => {}
            }
        }
        if self.pending.len() >= HELD_MAX {
            self.pending.pop_front();
        }
        self.pending.push_back(pending);
    }

    /// Lets through what nothing holds any more.
    pub(crate) fn release(
        &mut self,
        faults: &Faults,
        asked: &Asked<'_>,
        now: Timestamp,
    ) -> Released<T> {
        let mut run: Vec<(Timestamp, Pending<T>)> = Vec::new();
        let mut last = Timestamp(i64::MIN);
        while let Some(front) = self.pending.front() {
            let Some(due) = due_of(front, faults, asked) else {
                break;
            };
            if due > now {
                break;
            }
            last = last.max(due);
            if let Some(pending) = self.pending.pop_front() {
                run.push((last, pending));
            }
        }
        arranged(run)
    }

    /// When the next one gets through; `None` when nothing is held or no end is set.
    pub(crate) fn next_due(&self, faults: &Faults, asked: &Asked<'_>) -> Option<Timestamp> {
        self.pending.front().and_then(|front| due_of(front, faults, asked))
    }
}

/// The queues of all places, in the order in which they get through. Invariant: a queue that has
/// a due moment stands under it, so that nobody has to walk the others.
#[derive(Debug, Clone)]
pub(crate) struct Waiting<P, T> {
    queues: BTreeMap<P, (Option<Timestamp>, Held<T>)>,
    dues: BTreeSet<(Timestamp, P)>,
}

impl<P, T> Default for Waiting<P, T> {
    fn default() -> Self {
        Self { queues: BTreeMap::new(), dues: BTreeSet::new() }
    }
}

impl<P: Ord + Clone, T: Clone> Waiting<P, T> {
    /// Puts one more behind what waits at its place, and takes out what nothing holds there now.
    /// `draw` is uniform in `0..1`.
    pub(crate) fn pass(
        &mut self,
        place: P,
        what: T,
        faults: &Faults,
        asked: &Asked<'_>,
        (now, draw): (Timestamp, f64),
    ) -> Released<T> {
        let mut held = self.take(&place).unwrap_or_default();
        held.push(what, faults, asked, now, draw);
        let released = held.release(faults, asked, now);
        let due = held.next_due(faults, asked);
        self.put_back(place, held, due);
        released
    }

    /// Takes out one queue that is due by now; it is to be put back.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<(P, Held<T>)> {
        let (due, place) = self.dues.first()?;
        if *due > now {
            return None;
        }
        let place = place.clone();
        let held = self.take(&place)?;
        Some((place, held))
    }

    /// Puts a queue back under its due moment, unless it is empty.
    pub(crate) fn put_back(&mut self, place: P, held: Held<T>, due: Option<Timestamp>) {
        if held.is_empty() {
            return;
        }
        self.dues.extend(due.map(|due| (due, place.clone())));
        self.queues.insert(place, (due, held));
    }

    /// When the first queue is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.dues.first().map(|(due, _)| *due)
    }

    /// Asks anew when each queue is due.
    pub(crate) fn recount(&mut self, due_of: impl Fn(&P, &Held<T>) -> Option<Timestamp>) {
        self.dues.clear();
        for (place, (due, held)) in &mut self.queues {
            *due = due_of(place, held);
            self.dues.extend(due.map(|due| (due, place.clone())));
        }
    }

    fn take(&mut self, place: &P) -> Option<Held<T>> {
        let (due, held) = self.queues.remove(place)?;
        if let Some(due) = due {
            self.dues.remove(&(due, place.clone()));
        }
        Some(held)
    }
}

fn due_of<T>(pending: &Pending<T>, faults: &Faults, asked: &Asked<'_>) -> Option<Timestamp> {
    if pending.backlog.is_none() {
        return Some(pending.not_before);
    }
    faults.clear_at(asked, pending.since).map(|clear| clear.max(pending.not_before))
}

/// Applies what the fault says of its backlog: in order, reversed, lost or doubled.
fn arranged<T: Clone>(mut run: Vec<(Timestamp, Pending<T>)>) -> Released<T> {
    let reversed = run.iter().all(|(_, one)| one.backlog == Some(Backlog::Reorder));
    if reversed && run.len() > 1 {
        let moment = run.last().map_or(Timestamp(0), |(moment, _)| *moment);
        run.reverse();
        run.iter_mut().for_each(|(at, _)| *at = moment);
    }
    let mut released = Vec::with_capacity(run.len());
    for (moment, pending) in run {
        let doubled = pending.doubled || pending.backlog == Some(Backlog::Dup);
        if pending.backlog == Some(Backlog::Lose) {
            continue;
        }
        if doubled {
            released.push((moment, pending.what.clone()));
        }
        released.push((moment, pending.what));
    }
    released
}
