//! Admitting: an event becomes a message with its deliveries, once.
//!
//! Invariant: an event key that was admitted is never admitted again while it is remembered, and
//! neither is a message id.

use super::Book;
use crate::row::{DeliveryRow, check_planned};
use crate::rows::{FindKind, FindRow, RowAnswer, Rows, id_key, seen_period};
use ieum_core::delivery::NewDelivery;
use ieum_core::ids::{AccountId, ConversationId, DeliverySeq, EventKey, MessageSeq};
use ieum_core::journal::{JournalEvent, Planned};
use ieum_core::message::{CONTENT_BYTES_MAX, Message, NewMessage};
use ieum_core::ports::store::{Admission, AdmitBatch, Admitted, StoreFailure};
use ieum_core::time::Timestamp;
use std::sync::Arc;

/// Finder rows looked at for one key; more can only share it by accident.
const SAME_KEY_ROWS_MAX: usize = 16;

impl<R: Rows> Book<R> {
    /// Verb `admit`.
    pub(crate) fn admit(&mut self, batch: AdmitBatch) -> RowAnswer<Vec<Admitted>> {
        check_admissions(&batch.admissions)?;
        let admitted = self.admit_all(batch.at, batch.admissions)?;
        if let Some((account, cursor)) = batch.cursor {
            self.rows.put_cursor(account, &cursor)?;
            let at = batch.at;
            self.record(JournalEvent::Read { at, account, cursor });
        }
        Ok(admitted)
    }

    /// Admits checked admissions in order.
    pub(super) fn admit_all(
        &mut self,
        at: Timestamp,
        admissions: Vec<Admission>,
    ) -> RowAnswer<Vec<Admitted>> {
        self.moment = Some(at);
        admissions.into_iter().map(|admission| self.admit_one(at, admission)).collect()
    }

    fn admit_one(&mut self, at: Timestamp, admission: Admission) -> RowAnswer<Admitted> {
        if self.known(at, &admission)? {
            self.counts.repeated_events += 1;
            return Ok(Admitted::Known);
        }
        let mut admitted = (None, Vec::new());
        if let Some(new) = admission.message {
            let (message, deliveries) = self.store_message(at, new, admission.deliveries)?;
            if let Some(network) = admission.about {
                self.touch_by_telling(network, &deliveries, at)?;
            }
            admitted = (Some(message), deliveries);
        }
        for note in &admission.receipts {
            self.note_copy_or_receipt(at, admitted.0, note)?;
        }
        Ok(Admitted::New { message: admitted.0, deliveries: admitted.1 })
    }

    fn known(&mut self, at: Timestamp, admission: &Admission) -> RowAnswer<bool> {
        if let Some((account, key)) = &admission.event
            && !self.note_event(at, *account, key)?
        {
            return Ok(true);
        }
        match &admission.message {
            Some(message) => self.known_message(message, admission.event.is_some()),
            None => Ok(false),
        }
    }

    fn note_event(&mut self, at: Timestamp, account: AccountId, key: &EventKey) -> RowAnswer<bool> {
        let period = seen_period(at);
        if self.rows.seen_elsewhere(period, account, key)? {
            return Ok(false);
        }
        self.rows.note_seen(period, account, key)
    }

    /// A message with an event key is mainly guarded by that key: only the latest ids are
    /// compared. One without is looked for among all.
    fn known_message(&mut self, new: &NewMessage, has_event: bool) -> RowAnswer<bool> {
        let key = id_key(&new.id);
        let lately = self.rows.found_lately(FindKind::Id, key);
        if has_event && lately.is_none() {
            return Ok(false);
        }
        Ok(self.find_message(new.id)?.is_some())
    }

    pub(super) fn find_message(
        &mut self,
        id: ieum_core::content::MessageId,
    ) -> RowAnswer<Option<Arc<Message>>> {
        let before = MessageSeq(u64::MAX);
        let found = self.rows.find(FindKind::Id, id_key(&id), before, SAME_KEY_ROWS_MAX)?;
        for row in found {
            if let Some(message) = self.rows.message(row.message)?
                && message.new.id == id
            {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn store_message(
        &mut self,
        at: Timestamp,
        new: NewMessage,
        deliveries: Vec<NewDelivery>,
    ) -> RowAnswer<(MessageSeq, Vec<DeliverySeq>)> {
        let message = Arc::new(Message { seq: self.next_message(), new });
        let count = u64::try_from(deliveries.len()).unwrap_or(u64::MAX);
        let first = self.next_delivery();
        self.rows.insert_message(&message, first, count)?;
        self.counts.messages += 1;
        FindRow::of_message(&message).for_each(|row| self.rows.add_find(row));
        let place = (message.seq, message.new.conversation);
        let planned = self.plan(at, place, deliveries)?;
        let seqs = planned.iter().map(|planned| planned.delivery).collect();
        self.record(admitted_event(at, &message, planned));
        Ok((message.seq, seqs))
    }

    /// Writes new deliveries of one message.
    pub(super) fn plan(
        &mut self,
        at: Timestamp,
        place: (MessageSeq, ConversationId),
        deliveries: Vec<NewDelivery>,
    ) -> RowAnswer<Vec<Planned>> {
        let mut planned = Vec::with_capacity(deliveries.len());
        for new in deliveries {
            let row = DeliveryRow::planned(&new, self.next_delivery(), place, at);
            self.plant(&row)?;
            self.touch_by_plan(&row, at)?;
            planned.push(row.to_planned());
        }
        Ok(planned)
    }
}

fn admitted_event(at: Timestamp, message: &Message, deliveries: Vec<Planned>) -> JournalEvent {
    JournalEvent::Admitted {
        at,
        message: message.seq,
        id: *message.new.id.as_bytes(),
        conversation: message.new.conversation,
        author: message.new.author,
        class: message.new.class,
        deliveries,
    }
}

/// Refuses what would break a rule, before anything is written.
pub(super) fn check_admissions(admissions: &[Admission]) -> RowAnswer<()> {
    for admission in admissions {
        check_planned(&admission.deliveries)?;
        let Some(message) = &admission.message else {
            if admission.deliveries.is_empty() {
                continue;
            }
            let complaint = "deliveries need a message".to_owned();
            return Err(StoreFailure::Rule(complaint));
        };
        if message.content.len() > CONTENT_BYTES_MAX {
            let bytes = message.content.len();
            let complaint = format!("content of {bytes} bytes; at most {CONTENT_BYTES_MAX}");
            return Err(StoreFailure::Rule(complaint));
        }
    }
    Ok(())
}
