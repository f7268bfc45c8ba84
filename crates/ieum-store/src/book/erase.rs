//! Taking texts away for good, and who looked at whose.
//!
//! Invariant: what is journaled here names messages and persons by their numbers alone.

use super::Book;
use crate::rows::{RowAnswer, Rows};
use ieum_core::ids::MessageSeq;
use ieum_core::journal::JournalEvent;
use ieum_core::message::Message;
use ieum_core::ports::store::{Access, PAGE_ROWS_MAX, StoreFailure};
use ieum_core::time::Timestamp;
use std::sync::Arc;

impl<R: Rows> Book<R> {
    /// Verb `erase`.
    pub(crate) fn erase(&mut self, at: Timestamp, messages: Vec<MessageSeq>) -> RowAnswer<u64> {
        if messages.len() > PAGE_ROWS_MAX {
            let complaint = format!("{} messages; at most {PAGE_ROWS_MAX}", messages.len());
            return Err(StoreFailure::Rule(complaint));
        }
        let mut erased = Vec::with_capacity(messages.len());
        for seq in messages {
            let found = self.rows.message(seq)?;
            let Some(message) = found.filter(|one| !one.new.content.is_empty()) else { continue };
            self.rows.erase(&without_text(&message))?;
            erased.push(seq);
        }
        let count = u64::try_from(erased.len()).unwrap_or(u64::MAX);
        if count > 0 {
            self.record(JournalEvent::Erased { at, messages: erased });
        }
        Ok(count)
    }

    /// Verb `note_access`.
    pub(crate) fn note_access(&mut self, at: Timestamp, access: Access) {
        let Access { person, what, by } = access;
        self.record(JournalEvent::Accessed { at, person, what, by });
    }
}

/// What is left of a message: neither its words nor the chat that it was read in.
fn without_text(message: &Message) -> Message {
    let mut left = message.clone();
    left.new.content = Arc::from([]);
    left.new.source = None;
    left
}
