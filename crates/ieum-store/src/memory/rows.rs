//! The tables in maps. Nothing here can fail. Invariant: iteration is in the order of keys, so
//! that two runs are alike.

use crate::lanes::Head;
use crate::row::DeliveryRow;
use crate::rows::{FindKind, FindRow, RowAnswer, Rows};
use ieum_core::delivery::{Lane, State};
use ieum_core::directory::{Change, Directory, Endpoint};
use ieum_core::ids::{
    AccountId, ChatKey, ConversationId, Cursor, DeliverySeq, EventKey, IncidentId,
};
use ieum_core::ids::{JournalSeq, MessageSeq};
use ieum_core::incident::{Incident, Touch};
use ieum_core::journal::{JournalEntry, JournalEvent};
use ieum_core::message::Message;
use ieum_core::network::Network;
use ieum_core::ports::store::{CopyNote, Counts, TouchCounts};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

/// All tables.
#[derive(Debug, Default)]
pub(super) struct MemoryRows {
    seen: BTreeSet<(i64, AccountId, EventKey)>,
    messages: BTreeMap<MessageSeq, Arc<Message>>,
    deliveries_of: BTreeMap<MessageSeq, Vec<DeliverySeq>>,
    deliveries: BTreeMap<DeliverySeq, DeliveryRow>,
    open: BTreeSet<DeliverySeq>,
    added_copies: BTreeMap<MessageSeq, Vec<CopyNote>>,
    finder: BTreeSet<(FindKind, u64, MessageSeq, DeliverySeq)>,
    directory: Directory,
    cursors: BTreeMap<AccountId, Cursor>,
    journal: Vec<JournalEvent>,
    counts: Counts,
    incidents: BTreeMap<IncidentId, Incident>,
    touched: BTreeMap<(IncidentId, DeliverySeq), Touch>,
}

impl MemoryRows {
    /// Makes the entries and figures of one verb the state of record.
    pub(super) fn commit(&mut self, events: &[JournalEvent], counts: &Counts) {
        self.journal.extend_from_slice(events);
        self.counts.clone_from(counts);
    }

    fn put_delivery(&mut self, row: &DeliveryRow) {
        let seq = row.delivery.seq;
        if row.delivery.state.ended() {
            self.open.remove(&seq);
        } else {
            self.open.insert(seq);
        }
        self.deliveries.insert(seq, row.clone());
    }
}

impl Rows for MemoryRows {
    fn note_seen(&mut self, period: i64, account: AccountId, key: &EventKey) -> RowAnswer<bool> {
        Ok(self.seen.insert((period, account, key.clone())))
    }

    fn seen_elsewhere(
        &mut self,
        period: i64,
        account: AccountId,
        key: &EventKey,
    ) -> RowAnswer<bool> {
        let others = self.seen_periods().into_iter().filter(|found| *found != period);
        let mut held = others.map(|other| self.seen.contains(&(other, account, key.clone())));
        Ok(held.any(|held| held))
    }

    fn seen_periods(&self) -> Vec<i64> {
        let first = |rest: Option<&(i64, AccountId, EventKey)>| rest.map(|(period, ..)| *period);
        std::iter::successors(first(self.seen.first()), |found| {
            let after = (found.saturating_add(1), AccountId(0), EventKey::default());
            first(self.seen.range(after..).next())
        })
        .collect()
    }

    fn forget_seen(&mut self, before_period: i64, rows_max: usize) -> RowAnswer<u64> {
        let mut forgotten = 0;
        let old = |first: &(i64, AccountId, EventKey)| first.0 < before_period;
        while forgotten < rows_max && self.seen.first().is_some_and(old) {
            self.seen.pop_first();
            forgotten += 1;
        }
        Ok(u64::try_from(forgotten).unwrap_or(u64::MAX))
    }

    fn insert_message(
        &mut self,
        message: &Arc<Message>,
        first: DeliverySeq,
        count: u64,
    ) -> RowAnswer<()> {
        let seqs = (first.0..first.0.saturating_add(count)).map(DeliverySeq);
        self.deliveries_of.insert(message.seq, seqs.collect());
        self.messages.insert(message.seq, Arc::clone(message));
        Ok(())
    }

    fn message(&mut self, seq: MessageSeq) -> RowAnswer<Option<Arc<Message>>> {
        Ok(self.messages.get(&seq).cloned())
    }

    fn messages_after(
        &mut self,
        after: MessageSeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<Arc<Message>>> {
        let later = self.messages.range((Excluded(after), Unbounded));
        Ok(later.take(rows_max).map(|(_, message)| Arc::clone(message)).collect())
    }

    fn erase(&mut self, erased: &Message) -> RowAnswer<()> {
        self.messages.insert(erased.seq, Arc::new(erased.clone()));
        Ok(())
    }

    fn deliveries_of(&mut self, message: MessageSeq) -> RowAnswer<Vec<DeliverySeq>> {
        Ok(self.deliveries_of.get(&message).cloned().unwrap_or_default())
    }

    fn add_later_delivery(&mut self, message: MessageSeq, delivery: DeliverySeq) -> RowAnswer<()> {
        self.deliveries_of.entry(message).or_default().push(delivery);
        Ok(())
    }

    fn insert_delivery(&mut self, row: &DeliveryRow) -> RowAnswer<()> {
        self.put_delivery(row);
        Ok(())
    }

    fn update_delivery(&mut self, _: &DeliveryRow, new: &DeliveryRow) -> RowAnswer<()> {
        self.put_delivery(new);
        Ok(())
    }

    fn delivery(&mut self, seq: DeliverySeq) -> RowAnswer<Option<DeliveryRow>> {
        Ok(self.deliveries.get(&seq).cloned())
    }

    fn open_seqs(
        &mut self,
        account: Option<Option<AccountId>>,
        after: DeliverySeq,
        rows_max: usize,
    ) -> Vec<DeliverySeq> {
        let of = |seq: &DeliverySeq| self.deliveries.get(seq).and_then(DeliveryRow::account);
        let open = self.open.range((Excluded(after), Unbounded)).copied();
        let passing = open.filter(|seq| account.is_none_or(|account| of(seq) == account));
        passing.take(rows_max).collect()
    }

    fn places(&mut self, seqs: &[DeliverySeq]) -> RowAnswer<Vec<(Lane, Head)>> {
        let rows = seqs.iter().filter_map(|seq| self.deliveries.get(seq));
        Ok(rows.map(|row| (row.delivery.lane(), Head::of(&row.delivery))).collect())
    }

    fn unconfirmed(
        &mut self,
        account: AccountId,
        first: DeliverySeq,
        end: DeliverySeq,
    ) -> RowAnswer<Vec<DeliveryRow>> {
        let unconfirmed = |row: &&DeliveryRow| {
            row.account() == Some(account)
                && matches!(row.delivery.state, State::Sent | State::Doubted)
        };
        let rows = self.deliveries.range(first..end).map(|(_, row)| row);
        Ok(rows.filter(unconfirmed).cloned().collect())
    }

    fn recently_sent(&mut self, account: AccountId, rows_max: u64) -> RowAnswer<Vec<DeliveryRow>> {
        let newest = self.deliveries.last_key_value().map_or(0, |(seq, _)| seq.0);
        let from = DeliverySeq(newest.saturating_sub(rows_max));
        let recent = self.deliveries.range((Excluded(from), Unbounded));
        let may_rise = |row: &&DeliveryRow| {
            row.account() == Some(account)
                && matches!(row.delivery.state, State::Sent | State::Delivered | State::Doubted)
        };
        Ok(recent.map(|(_, row)| row).filter(may_rise).cloned().collect())
    }

    fn add_copy(&mut self, message: MessageSeq, note: &CopyNote) -> RowAnswer<()> {
        let copies = self.added_copies.entry(message).or_default();
        copies.push(note.clone());
        Ok(())
    }

    fn added_copies(&mut self, message: MessageSeq) -> RowAnswer<Vec<CopyNote>> {
        Ok(self.added_copies.get(&message).cloned().unwrap_or_default())
    }

    fn add_find(&mut self, row: FindRow) {
        self.finder.insert((row.kind, row.key, row.message, row.delivery));
    }

    fn newest_in(&mut self, conversation: ConversationId) -> RowAnswer<Option<MessageSeq>> {
        let found = self.find(FindKind::Conversation, conversation.0, MessageSeq(u64::MAX), 1)?;
        Ok(found.first().map(|row| row.message))
    }

    fn find(
        &mut self,
        kind: FindKind,
        key: u64,
        before: MessageSeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<FindRow>> {
        let first = (kind, key, MessageSeq(0), DeliverySeq(0));
        let end = (kind, key, before, DeliverySeq(0));
        let found = self.finder.range(first..end).rev().take(rows_max);
        let row = |(kind, key, message, delivery): &(FindKind, u64, MessageSeq, DeliverySeq)| {
            FindRow { kind: *kind, key: *key, message: *message, delivery: *delivery }
        };
        Ok(found.map(row).collect())
    }

    fn found_lately(&self, kind: FindKind, key: u64) -> Option<MessageSeq> {
        let first = (kind, key, MessageSeq(0), DeliverySeq(0));
        let found = self.finder.range(first..).next()?;
        (found.0 == kind && found.1 == key).then_some(found.2)
    }

    fn put_change(&mut self, change: &Change) -> RowAnswer<()> {
        self.directory.apply(change.clone());
        Ok(())
    }

    fn directory(&mut self) -> RowAnswer<Directory> {
        Ok(self.directory.clone())
    }

    fn chat_of(&mut self, endpoint: Endpoint) -> RowAnswer<Option<ChatKey>> {
        Ok(match endpoint {
            Endpoint::Room(id) => self.directory.room(id).map(|room| room.chat.clone()),
            Endpoint::Address(id) => {
                self.directory.address(id).and_then(|address| address.direct.clone())
            }
        })
    }

    fn put_cursor(&mut self, account: AccountId, cursor: &Cursor) -> RowAnswer<()> {
        self.cursors.insert(account, cursor.clone());
        Ok(())
    }

    fn cursors(&mut self) -> RowAnswer<BTreeMap<AccountId, Cursor>> {
        Ok(self.cursors.clone())
    }

    fn put_incident(&mut self, incident: &Incident) -> RowAnswer<()> {
        self.incidents.insert(incident.id, incident.clone());
        Ok(())
    }

    fn latest_incidents(&mut self) -> RowAnswer<Vec<Incident>> {
        let newest: BTreeMap<Network, &Incident> =
            self.incidents.values().map(|incident| (incident.network, incident)).collect();
        Ok(newest.into_values().cloned().collect())
    }

    fn last_incident(&mut self) -> RowAnswer<IncidentId> {
        Ok(self.incidents.last_key_value().map_or(IncidentId(0), |(id, _)| *id))
    }

    fn page_incidents(&mut self, before: IncidentId, rows_max: usize) -> RowAnswer<Vec<Incident>> {
        let below = self.incidents.range(..before).rev();
        Ok(below.take(rows_max).map(|(_, incident)| incident.clone()).collect())
    }

    fn put_touch(&mut self, id: IncidentId, touch: Touch) -> RowAnswer<()> {
        self.touched.insert((id, touch.delivery), touch);
        Ok(())
    }

    fn page_touched(
        &mut self,
        id: IncidentId,
        after: DeliverySeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<Touch>> {
        let (first, end) = ((id, after), (id, DeliverySeq(u64::MAX)));
        let touched = self.touched.range((Excluded(first), Included(end)));
        Ok(touched.take(rows_max).map(|(_, touch)| *touch).collect())
    }

    fn touch_counts(&mut self, id: IncidentId) -> RowAnswer<TouchCounts> {
        let all = self.touched.range((id, DeliverySeq(0))..=(id, DeliverySeq(u64::MAX)));
        let mut counts = TouchCounts::new();
        for (_, touch) in all {
            *counts.entry(touch.how).or_default() += 1;
        }
        Ok(counts)
    }

    fn page_journal(&mut self, after: JournalSeq, rows_max: usize) -> RowAnswer<Vec<JournalEntry>> {
        let skip = usize::try_from(after.0).unwrap_or(usize::MAX);
        let events = self.journal.iter().skip(skip).take(rows_max);
        let numbered = (after.0.saturating_add(1)..).zip(events);
        let entry = |(seq, event): (u64, &JournalEvent)| JournalEntry {
            seq: JournalSeq(seq),
            event: event.clone(),
        };
        Ok(numbered.map(entry).collect())
    }

    fn saved_counts(&mut self) -> RowAnswer<Counts> {
        Ok(self.counts.clone())
    }
}
