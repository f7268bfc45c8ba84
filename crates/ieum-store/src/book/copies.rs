//! Native copies of messages, and the networks' words on them.
//!
//! Invariant: a receipt only ever raises a delivery that ended as sent.

use super::Book;
use crate::row::DeliveryRow;
use crate::rows::{FindKind, FindRow, RowAnswer, Rows, copy_key};
use ieum_core::delivery::State;
use ieum_core::ids::{AccountId, ChatKey, DeliverySeq, MessageSeq, NativeMessageId};
use ieum_core::inbound::ReceiptLevel;
use ieum_core::journal::JournalEvent;
use ieum_core::message::{Message, Source};
use ieum_core::outgoing::CopyKey;
use ieum_core::ports::store::{CopyNote, ReceiptNote};
use ieum_core::time::Timestamp;
use std::sync::Arc;

/// How many deliveries back a receipt for "all up to now" reaches.
const RECEIPT_ROWS_BACK_MAX: u64 = 4_096;
/// Finder rows looked at for one key; more can only share it by accident.
const SAME_KEY_ROWS_MAX: usize = 16;

/// A native copy by name.
#[derive(Debug, Clone, Copy)]
struct Named<'a> {
    account: AccountId,
    chat: &'a ChatKey,
    native: &'a NativeMessageId,
}

impl Named<'_> {
    fn is(&self, note: &CopyNote) -> bool {
        note.account == self.account && note.chat == *self.chat && note.key.native == *self.native
    }

    fn key(&self) -> u64 {
        copy_key(self.account, self.chat, self.native)
    }
}

impl<R: Rows> Book<R> {
    /// Verb `record_receipt`.
    pub(crate) fn record_receipt(
        &mut self,
        at: Timestamp,
        note: &ReceiptNote,
    ) -> RowAnswer<Vec<DeliverySeq>> {
        let rows = match &note.native {
            Some(native) => {
                self.delivery_by_copy(Named { account: note.account, chat: &note.chat, native })?
            }
            None => self.sent_up_to(note)?,
        };
        let mut raised = Vec::new();
        for row in rows {
            raised.extend(self.raise(at, &row, note.level)?);
        }
        Ok(raised)
    }

    /// A note beside an admission: with a message, one more native copy of it; without, a receipt.
    pub(super) fn note_copy_or_receipt(
        &mut self,
        at: Timestamp,
        message: Option<MessageSeq>,
        note: &ReceiptNote,
    ) -> RowAnswer<()> {
        if let (Some(message), Some(native)) = (message, &note.native) {
            return self.add_copy(at, message, note, native);
        }
        self.record_receipt(at, note).map(|_| ())
    }

    /// Verb `message_by_copy`.
    pub(crate) fn message_by_copy(
        &mut self,
        account: AccountId,
        chat: &ChatKey,
        native: &NativeMessageId,
    ) -> RowAnswer<Option<Arc<Message>>> {
        let named = Named { account, chat, native };
        for found in self.find_copy(named)? {
            if let Some(message) = self.rows.message(found.message)?
                && self.has_copy(&message, found.delivery, named)?
            {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Verb `copies_of`.
    pub(crate) fn copies_of(&mut self, message: MessageSeq) -> RowAnswer<Vec<CopyNote>> {
        let mut notes = match self.rows.message(message)? {
            Some(found) => self.author_copies(&found)?,
            None => return Ok(Vec::new()),
        };
        for seq in self.rows.deliveries_of(message)? {
            notes.extend(self.delivery(seq)?.iter().flat_map(DeliveryRow::copy_notes));
        }
        Ok(notes)
    }

    fn author_copies(&mut self, message: &Message) -> RowAnswer<Vec<CopyNote>> {
        let mut notes: Vec<CopyNote> = message.new.source.iter().map(source_note).collect();
        notes.extend(self.rows.added_copies(message.seq)?);
        Ok(notes)
    }

    fn has_copy(
        &mut self,
        message: &Message,
        delivery: DeliverySeq,
        named: Named<'_>,
    ) -> RowAnswer<bool> {
        let notes = match self.delivery(delivery)? {
            Some(row) => row.copy_notes(),
            None => self.author_copies(message)?,
        };
        Ok(notes.iter().any(|note| named.is(note)))
    }

    fn find_copy(&mut self, named: Named<'_>) -> RowAnswer<Vec<FindRow>> {
        let before = MessageSeq(u64::MAX);
        self.rows.find(FindKind::Copy, named.key(), before, SAME_KEY_ROWS_MAX)
    }

    fn delivery_by_copy(&mut self, named: Named<'_>) -> RowAnswer<Vec<DeliveryRow>> {
        for found in self.find_copy(named)? {
            if let Some(row) = self.delivery(found.delivery)?
                && row.copy_notes().iter().any(|note| named.is(note))
            {
                return Ok(vec![row]);
            }
        }
        Ok(Vec::new())
    }

    /// Ours in that chat that were tried by the time of the note, in order.
    fn sent_up_to(&mut self, note: &ReceiptNote) -> RowAnswer<Vec<DeliveryRow>> {
        let mut rows = self.rows.recently_sent(note.account, RECEIPT_ROWS_BACK_MAX)?;
        rows.retain(|row| {
            row.chat.as_ref() == Some(&note.chat)
                && row.delivery.tried_at.is_some_and(|tried| tried <= note.at)
        });
        rows.sort_by_key(|row| row.delivery.seq);
        Ok(rows)
    }

    fn raise(
        &mut self,
        at: Timestamp,
        old: &DeliveryRow,
        level: ReceiptLevel,
    ) -> RowAnswer<Option<DeliverySeq>> {
        let mut row = old.clone();
        if !row.receive(level) {
            return Ok(None);
        }
        self.rows.update_delivery(old, &row)?;
        let delivery = row.delivery.seq;
        let read = level == ReceiptLevel::Read;
        self.record(JournalEvent::Receipt { at, delivery, read });
        if old.delivery.state == State::Doubted {
            self.spare_stand_ins(at, old)?;
        }
        Ok(Some(delivery))
    }

    fn add_copy(
        &mut self,
        at: Timestamp,
        message: MessageSeq,
        note: &ReceiptNote,
        native: &NativeMessageId,
    ) -> RowAnswer<()> {
        let copy = CopyNote {
            account: note.account,
            chat: note.chat.clone(),
            key: CopyKey { native: native.clone(), quote: None },
            delivery: None,
        };
        self.rows.add_copy(message, &copy)?;
        FindRow::of_copies(message, &[copy]).for_each(|row| self.rows.add_find(row));
        self.record(JournalEvent::Copied {
            at,
            message,
            chat: note.chat.clone(),
            native: native.clone(),
        });
        Ok(())
    }
}

fn source_note(source: &Source) -> CopyNote {
    CopyNote {
        account: source.account,
        chat: source.chat.clone(),
        key: CopyKey { native: source.native.clone(), quote: source.quote.clone() },
        delivery: None,
    }
}
