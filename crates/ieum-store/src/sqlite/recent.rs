//! Rows that will be needed soon, so that a claim does not read what was written before.
//!
//! Only a cache. What is claimed next is the oldest of what is open, so when there is no room it
//! is the newest that is not kept. Invariant: what it holds equals the tables as the present
//! transaction sees them; after a failed one it is emptied.

use crate::row::DeliveryRow;
use ieum_core::directory::{Change, Endpoint};
use ieum_core::ids::{ChatKey, DeliverySeq, MessageSeq};
use ieum_core::message::Message;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most messages kept.
const MESSAGES_MAX: usize = 32_768;
/// Most bytes of content kept.
const CONTENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most open deliveries kept.
const DELIVERIES_MAX: usize = 32_768;
/// Most endpoints kept.
const CHATS_MAX: usize = 8_192;

/// The rows.
#[derive(Debug, Default)]
pub(super) struct Recent {
    messages: BTreeMap<MessageSeq, Waiting>,
    content_bytes: usize,
    /// The last message that was read from its table: its deliveries are claimed one after the
    /// other.
    last_read: Option<Arc<Message>>,
    deliveries: BTreeMap<DeliverySeq, DeliveryRow>,
    chats: BTreeMap<Endpoint, Option<ChatKey>>,
}

#[derive(Debug)]
struct Waiting {
    message: Arc<Message>,
    /// Deliveries planned with it that are open.
    deliveries: u64,
}

impl Recent {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Keeps a new message until so many deliveries have ended.
    pub(super) fn keep_message(&mut self, message: &Arc<Message>, deliveries: u64) {
        let bytes = self.content_bytes + message.new.content.len();
        let room = self.messages.len() < MESSAGES_MAX && bytes <= CONTENT_BYTES_MAX;
        if deliveries > 0 && room {
            self.content_bytes = bytes;
            let waiting = Waiting { message: Arc::clone(message), deliveries };
            self.messages.insert(message.seq, waiting);
        }
    }

    /// A message has another content by now.
    pub(super) fn forget_message(&mut self, seq: MessageSeq) {
        self.last_read.take_if(|read| read.seq == seq);
        if let Some(waiting) = self.messages.remove(&seq) {
            let bytes = waiting.message.new.content.len();
            self.content_bytes = self.content_bytes.saturating_sub(bytes);
        }
    }

    /// A message was read from its table.
    pub(super) fn keep_read(&mut self, message: &Arc<Message>) {
        self.last_read = Some(Arc::clone(message));
    }

    /// A message.
    pub(super) fn message(&self, seq: MessageSeq) -> Option<Arc<Message>> {
        let read = self.last_read.as_ref().filter(|read| read.seq == seq);
        let waiting = || self.messages.get(&seq).map(|waiting| &waiting.message);
        read.or_else(waiting).cloned()
    }

    /// Keeps an open delivery.
    pub(super) fn keep_delivery(&mut self, row: &DeliveryRow) {
        self.deliveries.insert(row.delivery.seq, row.clone());
        if self.deliveries.len() > DELIVERIES_MAX {
            self.deliveries.pop_last();
        }
    }

    /// A delivery ended.
    pub(super) fn forget_delivery(&mut self, row: &DeliveryRow) {
        self.deliveries.remove(&row.delivery.seq);
        let Some(waiting) = self.messages.get_mut(&row.delivery.message) else {
            return;
        };
        waiting.deliveries = waiting.deliveries.saturating_sub(1);
        if waiting.deliveries == 0 {
            let bytes = waiting.message.new.content.len();
            self.content_bytes = self.content_bytes.saturating_sub(bytes);
            self.messages.remove(&row.delivery.message);
        }
    }

    /// A delivery.
    pub(super) fn delivery(&self, seq: DeliverySeq) -> Option<DeliveryRow> {
        self.deliveries.get(&seq).cloned()
    }

    /// The chat of an endpoint, if it is known here whether it has one.
    pub(super) fn chat(&self, endpoint: Endpoint) -> Option<Option<ChatKey>> {
        self.chats.get(&endpoint).cloned()
    }

    /// Keeps the chat of an endpoint.
    pub(super) fn keep_chat(&mut self, endpoint: Endpoint, chat: Option<ChatKey>) {
        if self.chats.len() >= CHATS_MAX {
            self.chats.pop_first();
        }
        self.chats.insert(endpoint, chat);
    }

    /// Follows a change of the directory.
    pub(super) fn follow(&mut self, change: &Change) {
        match change {
            Change::Room(room) => {
                self.chats.remove(&Endpoint::Room(room.id));
            }
            Change::Address(address) => {
                self.chats.remove(&Endpoint::Address(address.id));
            }
            Change::Account(_)
            | Change::Person(_)
            | Change::Conversation(_)
            | Change::Code(_)
            | Change::Tally(_)
            | Change::Stay(_)
            | Change::Question(_)
            | Change::Card(_)
            | Change::Terms(_)
            | Change::Door(_)
            | Change::Charter(_)
            | Change::Farewell(_)
            | Change::Hold(_)
            | Change::Gone(_) => {}
        }
    }
}
