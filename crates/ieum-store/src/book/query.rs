//! Reading: pages and lookups. Invariant: what a claim changed in memory alone is shown as well.

use super::Book;
use crate::row::DeliveryRow;
use crate::rows::{FindKind, RowAnswer, Rows};
use ieum_core::content::MessageId;
use ieum_core::delivery::{Delivery, Lane, State};
use ieum_core::ids::{ConversationId, DeliverySeq, JournalSeq, MessageSeq};
use ieum_core::journal::JournalEntry;
use ieum_core::message::Message;
use ieum_core::ports::store::{OpenFilter, PAGE_ROWS_MAX};
use std::sync::Arc;

/// Most deliveries looked at in one transaction for a page of open ones: what looks for few among
/// many goes on with the next, so that whoever asked meanwhile is answered between.
pub(crate) const LOOKED_AT_MAX: usize = 4 * PAGE_ROWS_MAX;

/// Open deliveries in order, and behind which one the next part goes on.
pub(crate) type OpenPart = (Vec<Delivery>, Option<DeliverySeq>);

impl<R: Rows> Book<R> {
    /// Verb `page_open`, or the part of it that fits into one transaction: of at most `rows_max`
    /// that pass the filter those that were met, and where to go on when there may be more.
    pub(crate) fn page_open_part(
        &mut self,
        filter: OpenFilter,
        after: DeliverySeq,
        rows_max: usize,
    ) -> RowAnswer<OpenPart> {
        let begun = self.rows.begin_reading()?;
        let part = self.open_part(filter, after, rows_max);
        self.rows.end_reading(begun)?;
        part
    }

    fn open_part(
        &mut self,
        filter: OpenFilter,
        after: DeliverySeq,
        rows_max: usize,
    ) -> RowAnswer<OpenPart> {
        let (mut found, mut after) = (Vec::new(), after);
        for _ in 0..LOOKED_AT_MAX / PAGE_ROWS_MAX {
            let seqs = self.open_seqs(filter, after);
            let Some(last) = seqs.last() else { return Ok((found, None)) };
            after = *last;
            for seq in seqs {
                let row = self.delivery(seq)?.filter(|row| matches(filter, row));
                found.extend(row.map(|row| row.delivery));
                if found.len() >= rows_max {
                    return Ok((found, None));
                }
            }
        }
        Ok((found, Some(after)))
    }

    /// Some of those that may pass the filter, in order; all at once or a page.
    fn open_seqs(&mut self, filter: OpenFilter, after: DeliverySeq) -> Vec<DeliverySeq> {
        if let (Some(conversation), Some(recipient)) = (filter.conversation, filter.recipient) {
            let open = self.lanes.open_in(Lane { conversation, recipient });
            return open.filter(|seq| *seq > after).take(PAGE_ROWS_MAX).collect();
        }
        let mut seqs: Vec<DeliverySeq> = match (filter.state, filter.conversation) {
            (Some(State::Attempting), _) => self.attempting().into_iter().collect(),
            // Behind a head in doubt others may be in doubt, too: they are looked at in turn.
            (Some(State::Unsure), _) => self.lanes.unsure_heads(),
            (_, Some(conversation)) => self.lanes.of_conversation(conversation).collect(),
            (_, None) => {
                let account = filter.account.map(Some);
                return self.rows.open_seqs(account, after, PAGE_ROWS_MAX);
            }
        };
        seqs.retain(|seq| *seq > after);
        seqs.sort_unstable();
        seqs.truncate(PAGE_ROWS_MAX);
        seqs
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

    /// Verb `messages_after`.
    pub(crate) fn messages_after(
        &mut self,
        after: MessageSeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<Arc<Message>>> {
        self.rows.messages_after(after, rows_max.min(PAGE_ROWS_MAX))
    }

    /// Verb `newest_in`.
    pub(crate) fn newest_in(
        &mut self,
        conversations: &[ConversationId],
    ) -> RowAnswer<Vec<Option<MessageSeq>>> {
        let sought = conversations.iter().take(PAGE_ROWS_MAX);
        sought.map(|conversation| self.rows.newest_in(*conversation)).collect()
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
fn matches(filter: OpenFilter, row: &DeliveryRow) -> bool {
    let delivery = &row.delivery;
    filter.account.is_none_or(|account| row.account() == Some(account))
        && filter.state.is_none_or(|state| delivery.state == state)
        && filter.conversation.is_none_or(|conversation| delivery.conversation == conversation)
        && filter.recipient.is_none_or(|recipient| delivery.recipient == recipient)
}
