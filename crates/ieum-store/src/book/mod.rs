//! The book: what each verb of the store means, over any tables.
//!
//! It holds what must be in memory (lanes, counters, claims that need not be durable) and writes
//! the rest through [`Rows`]. It knows nothing of transactions: after a failed one its owner calls
//! [`Book::reload`]. Invariant: a verb checks everything before it writes anything, so an answer
//! of [`StoreFailure::Rule`] leaves no trace.

mod admit;
mod advance;
mod copies;
mod moves;
pub(crate) mod query;

use crate::lanes::{Follow, Head, LANE_WINDOW_MAX, Lanes};
use crate::row::DeliveryRow;
use crate::rows::{RowAnswer, Rows, first_seen_period};
use ieum_core::delivery::{Lane, State};
use ieum_core::directory::Change;
use ieum_core::ids::{DeliverySeq, MessageSeq};
use ieum_core::journal::JournalEvent;
use ieum_core::ports::store::{Counts, Loaded};
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;

/// Most event keys forgotten by one call.
pub(crate) const FORGET_ROWS_MAX: usize = 10_000;
/// Lanes read at a time while opening.
const LANES_PER_READ_MAX: usize = 1_024;

/// The verbs over tables `R`.
#[derive(Debug)]
pub(crate) struct Book<R> {
    pub(crate) rows: R,
    lanes: Lanes,
    counts: Counts,
    /// What happened since [`Book::take_events`].
    events: Vec<JournalEvent>,
    /// Deliveries claimed without being written: a crash leaves them `Queued`.
    volatile: BTreeMap<DeliverySeq, DeliveryRow>,
    /// What `volatile` held before each change of this transaction.
    volatile_before: Vec<(DeliverySeq, Option<DeliveryRow>)>,
}

impl<R: Rows> Book<R> {
    /// A book over empty tables, or over others when [`Book::reload`] follows.
    pub(crate) fn over(rows: R) -> Self {
        Self {
            rows,
            lanes: Lanes::default(),
            counts: Counts::default(),
            events: Vec::new(),
            volatile: BTreeMap::new(),
            volatile_before: Vec::new(),
        }
    }

    /// Forgets what is only in memory and reads the tables: after opening.
    pub(crate) fn reload(&mut self) -> RowAnswer<()> {
        self.volatile.clear();
        self.reread()
    }

    /// Takes back what the failed transaction did in memory and reads the tables again. Claims
    /// that were answered before it stay claimed.
    pub(crate) fn reload_after_failure(&mut self) -> RowAnswer<()> {
        for (seq, before) in std::mem::take(&mut self.volatile_before).into_iter().rev() {
            match before {
                Some(row) => self.volatile.insert(seq, row),
                None => self.volatile.remove(&seq),
            };
        }
        self.reread()
    }

    fn reread(&mut self) -> RowAnswer<()> {
        self.events.clear();
        self.volatile_before.clear();
        self.counts = self.rows.saved_counts()?;
        self.lanes = Lanes::default();
        let mut after = None;
        loop {
            let heads = self.rows.lane_heads(after, LANES_PER_READ_MAX)?;
            for (row, more) in &heads {
                let row = self.volatile.get(&row.delivery.seq).unwrap_or(row);
                let lane = row.delivery.lane();
                self.lanes.place(lane, Head::of(&row.delivery), *more);
                after = Some(lane);
            }
            if heads.len() < LANES_PER_READ_MAX {
                return Ok(());
            }
        }
    }

    /// Verb `load`.
    pub(crate) fn load(&mut self, at: Timestamp) -> RowAnswer<Loaded> {
        self.reload()?;
        let loaded = Loaded {
            directory: self.rows.directory()?,
            cursors: self.rows.cursors()?,
            interrupted: self.interrupted()?,
        };
        self.record(JournalEvent::Opened { at });
        Ok(loaded)
    }

    /// Verb `change`.
    pub(crate) fn change(&mut self, at: Timestamp, changes: &[Change]) -> RowAnswer<()> {
        for change in changes {
            self.rows.put_change(change)?;
            let (entity, id) = entity_of(change);
            self.record(JournalEvent::Changed { at, entity: entity.into(), id });
        }
        Ok(())
    }

    /// Verb `forget_seen`.
    pub(crate) fn forget_seen(&mut self, now: Timestamp) -> RowAnswer<u64> {
        let before = first_seen_period(now);
        self.rows.forget_seen(before, FORGET_ROWS_MAX)
    }

    /// Verb `counts`.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The tables, and what a commit of this transaction adds to the journal.
    pub(crate) fn commit_parts(&mut self) -> (&mut R, &[JournalEvent], &Counts) {
        (&mut self.rows, &self.events, &self.counts)
    }

    /// Ends a transaction for good, with its entries.
    pub(crate) fn take_events(&mut self) -> Vec<JournalEvent> {
        self.volatile_before.clear();
        std::mem::take(&mut self.events)
    }

    fn interrupted(&mut self) -> RowAnswer<Vec<ieum_core::delivery::Delivery>> {
        let mut interrupted = Vec::new();
        for seq in self.lanes.heads_in(State::Attempting) {
            interrupted.extend(self.delivery(seq)?.map(|row| row.delivery));
        }
        Ok(interrupted)
    }

    fn record(&mut self, event: JournalEvent) {
        self.counts.journal += 1;
        self.events.push(event);
    }

    fn next_message(&self) -> MessageSeq {
        MessageSeq(self.counts.messages + 1)
    }

    fn next_delivery(&self) -> DeliverySeq {
        DeliverySeq(self.counts.deliveries + 1)
    }

    fn delivery(&mut self, seq: DeliverySeq) -> RowAnswer<Option<DeliveryRow>> {
        match self.volatile.get(&seq) {
            Some(row) => Ok(Some(row.clone())),
            None => self.rows.delivery(seq),
        }
    }

    fn set_volatile(&mut self, seq: DeliverySeq, row: Option<DeliveryRow>) {
        let before = match row {
            Some(row) => self.volatile.insert(seq, row),
            None => self.volatile.remove(&seq),
        };
        self.volatile_before.push((seq, before));
    }

    /// Writes a new delivery and puts it at the end of its lane.
    fn plant(&mut self, row: &DeliveryRow) -> RowAnswer<()> {
        self.rows.insert_delivery(row)?;
        self.counts.deliveries += 1;
        self.count_open(row, 1);
        let delivery = &row.delivery;
        self.lanes.append(delivery.lane(), Head::of(delivery));
        Ok(())
    }

    /// Writes a changed delivery and lets its lane go on where it ended.
    fn replace(&mut self, old: &DeliveryRow, new: &DeliveryRow) -> RowAnswer<()> {
        if self.volatile.contains_key(&new.delivery.seq) {
            self.set_volatile(new.delivery.seq, None);
        }
        self.rows.update_delivery(new)?;
        self.count_change(old, new);
        let (lane, delivery) = (new.delivery.lane(), &new.delivery);
        if delivery.state.ended() {
            self.follow(lane, delivery.seq)
        } else {
            self.lanes.update(lane, Head::of(delivery));
            Ok(())
        }
    }

    fn follow(&mut self, lane: Lane, ended: DeliverySeq) -> RowAnswer<()> {
        let next = match self.lanes.remove(lane, ended) {
            Follow::Nobody => None,
            Follow::Next(next) => Some(next),
            Follow::Refill(after) => {
                let seqs = self.rows.open_in_lane(lane, after, LANE_WINDOW_MAX + 1)?;
                self.lanes.refill(lane, seqs)
            }
        };
        let Some(next) = next else { return Ok(()) };
        if let Some(row) = self.rows.delivery(next)? {
            self.lanes.promote(lane, Head::of(&row.delivery));
        }
        Ok(())
    }

    fn count_change(&mut self, old: &DeliveryRow, new: &DeliveryRow) {
        let ended = new.delivery.state.ended();
        if old.account() != new.account() || ended {
            self.count_open(old, -1);
            if !ended {
                self.count_open(new, 1);
            }
        }
        match new.delivery.state {
            State::Dead => self.counts.dead += 1,
            State::Expired => self.counts.expired += 1,
            State::Queued
            | State::Attempting
            | State::Unsure
            | State::Held
            | State::Sent
            | State::Delivered
            | State::Read
            | State::Superseded => {}
        }
    }

    fn count_open(&mut self, row: &DeliveryRow, by: i64) {
        let account = row.account().map_or(0, |account| account.0);
        let open = self.counts.open.entry(account).or_default();
        *open = open.saturating_add_signed(by);
        if *open == 0 {
            self.counts.open.remove(&account);
        }
    }
}

fn entity_of(change: &Change) -> (&'static str, u64) {
    match change {
        Change::Account(account) => ("account", account.id.0),
        Change::Person(person) => ("person", person.id.0),
        Change::Address(address) => ("address", address.id.0),
        Change::Room(room) => ("room", room.id.0),
        Change::Conversation(conversation) => ("conversation", conversation.id.0),
    }
}
