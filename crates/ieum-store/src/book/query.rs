//! Reading: pages and lookups. Invariant: what a claim changed in memory alone is shown as well.

use super::Book;
use crate::row::DeliveryRow;
use crate::rows::{FindKind, RowAnswer, Rows};
use ieum_core::content::MessageId;
use ieum_core::delivery::{Delivery, State};
use ieum_core::ids::{ConversationId, DeliverySeq, JournalSeq, MessageSeq};
use ieum_core::journal::JournalEntry;
use ieum_core::message::Message;
use ieum_core::ports::store::{OpenFilter, PAGE_ROWS_MAX};
use std::sync::Arc;

impl<R: Rows> Book<R> {
    /// Verb `page_open`.
    pub(crate) fn page_open(
        &mut self,
        filter: OpenFilter,
        after: DeliverySeq,
    ) -> RowAnswer<Vec<Delivery>> {
        let mut after = after;
        loop {
            let rows = match filter.state {
                Some(state @ (State::Attempting | State::Unsure)) => self.heads_in(state, after)?,
                _ => self.page_rows(filter, after)?,
            };
            let last = rows.last().map(|row| row.delivery.seq);
            let full = rows.len() >= PAGE_ROWS_MAX;
            let passing = rows.into_iter().filter(|row| matches(filter, row));
            let page: Vec<Delivery> = passing.take(PAGE_ROWS_MAX).map(|row| row.delivery).collect();
            match last {
                // All of a full page was claimed in memory since: an empty answer would look like
                // the end.
                Some(last) if page.is_empty() && full => after = last,
                _ => return Ok(page),
            }
        }
    }

    /// Only heads of lanes can be in these states, and those are in memory.
    fn heads_in(&mut self, state: State, after: DeliverySeq) -> RowAnswer<Vec<DeliveryRow>> {
        let mut seqs = self.lanes.heads_in(state);
        seqs.retain(|seq| *seq > after);
        seqs.sort_unstable();
        let mut rows = Vec::new();
        for seq in seqs {
            rows.extend(self.delivery(seq)?);
        }
        Ok(rows)
    }

    /// As the tables have them, except those that were claimed in memory since.
    fn page_rows(&mut self, filter: OpenFilter, after: DeliverySeq) -> RowAnswer<Vec<DeliveryRow>> {
        let mut rows = self.rows.open_page(filter, after, PAGE_ROWS_MAX)?;
        for row in &mut rows {
            if let Some(claimed) = self.volatile.get(&row.delivery.seq) {
                row.clone_from(claimed);
            }
        }
        Ok(rows)
    }

    /// Verb `deliveries_of`.
    pub(crate) fn deliveries_of(&mut self, message: MessageSeq) -> RowAnswer<Vec<Delivery>> {
        let mut deliveries = Vec::new();
        for seq in self.rows.deliveries_of(message)? {
            deliveries.extend(self.delivery(seq)?.map(|row| row.delivery));
        }
        Ok(deliveries)
    }

    /// Verb `message`.
    pub(crate) fn message(&mut self, seq: MessageSeq) -> RowAnswer<Option<Arc<Message>>> {
        self.rows.message(seq)
    }

    /// Verb `message_by_id`.
    pub(crate) fn message_by_id(&mut self, id: MessageId) -> RowAnswer<Option<Arc<Message>>> {
        self.find_message(id)
    }

    /// Verb `page_messages`.
    pub(crate) fn page_messages(
        &mut self,
        conversation: ConversationId,
        before: MessageSeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<Arc<Message>>> {
        let rows_max = rows_max.min(PAGE_ROWS_MAX);
        let found = self.rows.find(FindKind::Conversation, conversation.0, before, rows_max)?;
        let mut messages = Vec::with_capacity(found.len());
        for row in found {
            messages.extend(self.rows.message(row.message)?);
        }
        Ok(messages)
    }

    /// Verb `page_journal`.
    pub(crate) fn page_journal(
        &mut self,
        after: JournalSeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<JournalEntry>> {
        self.rows.page_journal(after, rows_max.min(PAGE_ROWS_MAX))
    }
}

/// Whether an open delivery passes the filter.
pub(crate) fn matches(filter: OpenFilter, row: &DeliveryRow) -> bool {
    let delivery = &row.delivery;
    filter.account.is_none_or(|account| row.account() == Some(account))
        && filter.state.is_none_or(|state| delivery.state == state)
        && filter.conversation.is_none_or(|conversation| delivery.conversation == conversation)
}
