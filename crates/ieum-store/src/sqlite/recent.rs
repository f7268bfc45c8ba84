//! Rows used lately, so that a claim does not read what was written a moment ago.
//!
//! Only a cache. Invariant: what it holds equals the tables as the present transaction sees them;
//! after a failed one it is emptied.

use crate::row::DeliveryRow;
use ieum_core::directory::{Change, Endpoint};
use ieum_core::ids::{AccountId, ChatKey, DeliverySeq, MessageSeq};
use ieum_core::message::Message;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most messages kept.
const MESSAGES_MAX: usize = 4_096;
/// Most bytes of content kept.
const CONTENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most open deliveries kept.
const DELIVERIES_MAX: usize = 8_192;
/// Most endpoints kept.
const CHATS_MAX: usize = 8_192;

/// The rows.
#[derive(Debug, Default)]
pub(super) struct Recent {
    messages: BTreeMap<MessageSeq, Arc<Message>>,
    content_bytes: usize,
    deliveries: BTreeMap<DeliverySeq, DeliveryRow>,
    chats: BTreeMap<Endpoint, Option<ChatKey>>,
}

impl Recent {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Keeps a message instead of the oldest ones.
    pub(super) fn keep_message(&mut self, message: &Arc<Message>) {
        self.content_bytes += message.new.content.len();
        self.messages.insert(message.seq, Arc::clone(message));
        while self.messages.len() > MESSAGES_MAX || self.content_bytes > CONTENT_BYTES_MAX {
            let Some((_, oldest)) = self.messages.pop_first() else {
                break;
            };
            self.content_bytes = self.content_bytes.saturating_sub(oldest.new.content.len());
        }
    }

    /// A message.
    pub(super) fn message(&self, seq: MessageSeq) -> Option<Arc<Message>> {
        self.messages.get(&seq).cloned()
    }

    /// Keeps a delivery while it is open, instead of the oldest one.
    pub(super) fn keep_delivery(&mut self, row: &DeliveryRow) {
        if row.delivery.state.ended() {
            self.deliveries.remove(&row.delivery.seq);
            return;
        }
        self.deliveries.insert(row.delivery.seq, row.clone());
        if self.deliveries.len() > DELIVERIES_MAX {
            self.deliveries.pop_first();
        }
    }

    /// A delivery.
    pub(super) fn delivery(&self, seq: DeliverySeq) -> Option<DeliveryRow> {
        self.deliveries.get(&seq).cloned()
    }

    /// The account of an open delivery's route, if the delivery is known here.
    pub(super) fn account_of(&self, seq: DeliverySeq) -> Option<Option<AccountId>> {
        self.deliveries.get(&seq).map(DeliveryRow::account)
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
            Change::Account(_) | Change::Person(_) | Change::Conversation(_) => {}
        }
    }
}
