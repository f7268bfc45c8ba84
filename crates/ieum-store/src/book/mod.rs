//! The book: what each verb of the store means, over any tables.
//!
//! It holds what must be in memory (lanes, counters, claims that need not be durable) and writes
//! the rest through [`Rows`]. It knows nothing of transactions: after a failed one its owner calls
//! [`Book::reload`]. Invariant: a verb checks everything before it writes anything, so an answer
//! of [`StoreFailure::Rule`] leaves no trace.

mod admit;
mod advance;
mod copies;
mod doubt;
mod erase;
mod incidents;
mod moves;
pub(crate) mod query;

use crate::lanes::{Head, Lanes};
use crate::row::DeliveryRow;
use crate::rows::{RowAnswer, Rows, first_seen_period};
use ieum_core::delivery::State;
use ieum_core::directory::{Change, Gone};
use ieum_core::health::hold::Hold;
use ieum_core::ids::{AccountId, DeliverySeq, EventKey, MessageSeq};
use ieum_core::journal::JournalEvent;
use ieum_core::people::farewell::Farewell;
use ieum_core::people::here::Stay;
use ieum_core::people::links::Question;
use ieum_core::ports::store::{Counts, Loaded, StoreFailure};
use ieum_core::time::Timestamp;
use incidents::Followed;
use std::collections::{BTreeMap, BTreeSet};

/// Most event keys forgotten by one call.
pub(crate) const FORGET_ROWS_MAX: usize = 10_000;
/// Open deliveries read at a time while opening.
const OPEN_PER_READ_MAX: usize = 4_096;

/// The verbs over tables `R`.
#[derive(Debug)]
pub(crate) struct Book<R> {
    pub(crate) rows: R,
    lanes: Lanes,
    counts: Counts,
    /// What happened since the last commit.
    events: Vec<JournalEvent>,
    /// Deliveries claimed: their rows say so later, or never.
    claimed: BTreeMap<DeliverySeq, Claimed>,
    /// What `claimed` held before each change of this transaction.
    claimed_before: Vec<(DeliverySeq, Option<Claimed>)>,
    /// Lanes could not be put back after a failure.
    torn: bool,
    followed: Followed,
    /// The time of what was made due in this transaction.
    moment: Option<Timestamp>,
    /// How many deliveries were looked up.
    #[cfg(test)]
    pub(crate) looked_up: u64,
}

/// A delivery that was claimed.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) row: DeliveryRow,
    /// The journal tells of it. If not, a crash leaves the delivery `Queued`.
    pub(crate) durable: bool,
}

/// What a commit writes beside the rows.
#[derive(Debug)]
pub(crate) struct CommitParts<'a, R> {
    pub(crate) rows: &'a mut R,
    /// What is added to the journal.
    pub(crate) events: &'a [JournalEvent],
    pub(crate) counts: &'a Counts,
    /// Claims of which some are only told by the journal.
    pub(crate) claimed: &'a BTreeMap<DeliverySeq, Claimed>,
}

impl<R: Rows> Book<R> {
    /// A book over empty tables, or over others when [`Book::reload`] follows.
    pub(crate) fn over(rows: R) -> Self {
        Self {
            rows,
            lanes: Lanes::default(),
            counts: Counts::default(),
            events: Vec::new(),
            claimed: BTreeMap::new(),
            claimed_before: Vec::new(),
            torn: false,
            followed: Followed::default(),
            moment: None,
            #[cfg(test)]
            looked_up: 0,
        }
    }

    /// Forgets what is only in memory and reads the tables: after opening.
    pub(crate) fn reload(&mut self) -> RowAnswer<()> {
        self.claimed.retain(|_, claimed| claimed.durable);
        self.claimed_before.clear();
        self.events.clear();
        self.counts = self.rows.saved_counts()?;
        self.reread_incidents()?;
        self.reread_lanes()
    }

    /// What was claimed durably when the store was last open, and when.
    pub(crate) fn restore_claims(&mut self, claims: &[(DeliverySeq, Timestamp)]) -> RowAnswer<()> {
        for (seq, at) in claims {
            let row = self.rows.delivery(*seq)?;
            let unwritten = row.filter(|row| row.delivery.state == State::Queued);
            if let Some(mut row) = unwritten {
                row.claim(*at);
                self.claimed.insert(*seq, Claimed { row, durable: true });
            }
        }
        Ok(())
    }

    /// Takes back what the failed transaction did in memory. Claims that were answered before it
    /// stay claimed.
    pub(crate) fn reload_after_failure(&mut self) -> RowAnswer<()> {
        for (seq, before) in std::mem::take(&mut self.claimed_before).into_iter().rev() {
            match before {
                Some(claimed) => self.claimed.insert(seq, claimed),
                None => self.claimed.remove(&seq),
            };
        }
        self.events.clear();
        self.moment = None;
        self.counts = self.rows.saved_counts()?;
        self.reread_incidents()?;
        if self.torn {
            return self.reread_lanes();
        }
        self.torn = true;
        for (lane, mut open) in self.lanes.take_apart(DeliverySeq(self.counts.deliveries)) {
            let Some(first) = open.pop_front() else { continue };
            let row = self.delivery(first)?.ok_or_else(|| gone(first))?;
            self.lanes.put_back(lane, Head::of(&row.delivery), open);
        }
        self.torn = false;
        Ok(())
    }

    fn reread_lanes(&mut self) -> RowAnswer<()> {
        self.torn = true;
        self.lanes = Lanes::default();
        let mut after = DeliverySeq(0);
        loop {
            let seqs = self.rows.open_seqs(None, after, OPEN_PER_READ_MAX);
            let begun = self.rows.begin_reading()?;
            let places = self.rows.places(&seqs);
            self.rows.end_reading(begun)?;
            for (lane, head) in places? {
                self.recall_claim(head)?;
                let claimed = self.claimed.get(&head.seq);
                let head = claimed.map_or(head, |claimed| Head::of(&claimed.row.delivery));
                self.lanes.append(lane, head);
            }
            self.lanes.committed();
            let Some(last) = seqs.last() else { break };
            after = *last;
        }
        self.torn = false;
        Ok(())
    }

    /// A row that says that it is claimed tells it alone: the journal is not read so far back.
    fn recall_claim(&mut self, head: Head) -> RowAnswer<()> {
        if head.state == State::Attempting && !self.claimed.contains_key(&head.seq) {
            let row = self.rows.delivery(head.seq)?.ok_or_else(|| gone(head.seq))?;
            self.claimed.insert(head.seq, Claimed { row, durable: true });
        }
        Ok(())
    }

    /// Verb `load`.
    pub(crate) fn load(&mut self, at: Timestamp) -> RowAnswer<Loaded> {
        let directory = self.rows.directory()?;
        let accounts = directory.accounts().map(|account| (account.id, account.network));
        self.followed.networks = accounts.collect();
        let loaded =
            Loaded { directory, cursors: self.rows.cursors()?, interrupted: self.interrupted()? };
        self.record(JournalEvent::Opened { at });
        Ok(loaded)
    }

    /// Verb `change`.
    pub(crate) fn change(&mut self, at: Timestamp, changes: &[Change]) -> RowAnswer<()> {
        for change in changes {
            self.rows.put_change(change)?;
            if let Change::Account(account) = change {
                self.followed.networks.insert(account.id, account.network);
            }
            let (entity, id) = entity_of(change);
            self.record(JournalEvent::Changed { at, entity: entity.into(), id });
        }
        Ok(())
    }

    /// Verb `knows_event`.
    pub(crate) fn knows_event(&mut self, account: AccountId, key: &EventKey) -> RowAnswer<bool> {
        // No event was ever admitted in that period: all others are looked at.
        self.rows.seen_elsewhere(i64::MIN, account, key)
    }

    /// Verb `forget_seen`.
    pub(crate) fn forget_seen(&mut self, now: Timestamp) -> RowAnswer<u64> {
        let before = first_seen_period(now, &self.rows.seen_periods());
        self.rows.forget_seen(before, FORGET_ROWS_MAX)
    }

    /// Verb `counts`.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The tables, and what a commit of this transaction adds to them.
    pub(crate) fn commit_parts(&mut self) -> CommitParts<'_, R> {
        CommitParts {
            rows: &mut self.rows,
            events: &self.events,
            counts: &self.counts,
            claimed: &self.claimed,
        }
    }

    /// Ends a transaction for good.
    pub(crate) fn committed(&mut self) {
        self.claimed_before.clear();
        self.lanes.committed();
        self.events.clear();
        self.moment = None;
    }

    fn interrupted(&mut self) -> RowAnswer<Vec<ieum_core::delivery::Delivery>> {
        let mut interrupted = Vec::new();
        for seq in self.attempting() {
            interrupted.extend(self.delivery(seq)?.map(|row| row.delivery));
        }
        Ok(interrupted)
    }

    /// What is claimed, in order: heads of lanes, of which rows may say so since long ago, and
    /// what follows them in runs.
    fn attempting(&self) -> BTreeSet<DeliverySeq> {
        let heads = self.lanes.heads_in(State::Attempting).into_iter();
        heads.chain(self.claimed.keys().copied()).collect()
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
        #[cfg(test)]
        {
            self.looked_up += 1;
        }
        match self.claimed.get(&seq) {
            Some(claimed) => Ok(Some(claimed.row.clone())),
            None => self.rows.delivery(seq),
        }
    }

    fn set_claimed(&mut self, seq: DeliverySeq, claimed: Option<Claimed>) {
        let before = match claimed {
            Some(claimed) => self.claimed.insert(seq, claimed),
            None => self.claimed.remove(&seq),
        };
        self.claimed_before.push((seq, before));
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
        let (lane, delivery) = (new.delivery.lane(), &new.delivery);
        if self.claimed.contains_key(&delivery.seq) {
            self.set_claimed(delivery.seq, None);
        }
        self.rows.update_delivery(old, new)?;
        self.count_change(old, new);
        if !delivery.state.ended() {
            self.lanes.update(lane, Head::of(delivery));
        } else if let Some(next) = self.lanes.remove(lane, delivery.seq) {
            let row = self.delivery(next)?.ok_or_else(|| gone(next))?;
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
            | State::Superseded
            | State::Withdrawn
            | State::Doubted => {}
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

/// A delivery that must be there is not.
fn gone(seq: DeliverySeq) -> StoreFailure {
    StoreFailure::Damaged(format!("delivery {seq} is gone"))
}

fn entity_of(change: &Change) -> (&'static str, u64) {
    match change {
        Change::Account(account) => ("account", account.id.0),
        Change::Person(person) => ("person", person.id.0),
        Change::Address(address) => ("address", address.id.0),
        Change::Room(room) => ("room", room.id.0),
        Change::Conversation(conversation) => ("conversation", conversation.id.0),
        // A code's number is the ticket of whoever waits for it: the journal tells it to nobody.
        Change::Code(_) | Change::Gone(Gone::Code(_)) => ("code", 0),
        Change::Tally(_) | Change::Gone(Gone::Tally(_)) => ("tally", 0),
        Change::Stay(Stay { person, .. }) | Change::Gone(Gone::Stay(person)) => ("stay", person.0),
        Change::Card(card) => ("card", card.person.0),
        Change::Terms(terms) => ("terms", terms.person.0),
        Change::Door(door) => ("door", door.person.0),
        Change::Charter(charter) => ("charter", charter.conversation.0),
        Change::Farewell(Farewell { person, .. }) | Change::Gone(Gone::Farewell(person)) => {
            ("farewell", person.0)
        }
        Change::Hold(Hold { cell, .. }) | Change::Gone(Gone::Hold(cell)) => ("hold", cell.number()),
        Change::Question(Question { asked, .. }) | Change::Gone(Gone::Question(asked)) => {
            ("question", asked.0)
        }
    }
}
