//! Messages: canonical and immutable once admitted.

use crate::content::MessageId;
use crate::ids::{AccountId, AddressId, ChatKey, ConversationId, MessageSeq, NativeMessageId};
use crate::ids::{PersonId, QuoteKey};
use crate::time::Timestamp;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Largest encoded content.
pub const CONTENT_BYTES_MAX: usize = 256 * 1024;

/// How a message is to be treated when a network gives no answer (DESIGN §6.2).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    Encode,
    Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Class {
    /// Moves at once: a second copy is better than none.
    #[n(0)]
    Urgent,
    /// Waits a little, then moves.
    #[default]
    #[n(1)]
    Chat,
    /// Holds until it is certain, expired, or released by a person.
    #[n(2)]
    OnceOnly,
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// Somebody on a network (a person's address or a guest's).
    #[n(0)]
    Address(#[n(0)] AddressId),
    /// A person through the hub's own API or page.
    #[n(1)]
    Person(#[n(0)] PersonId),
    /// The hub itself: summaries, notices of who cannot be reached.
    #[n(2)]
    Hub,
}

/// Where a message was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Source {
    /// By which account.
    #[n(0)]
    pub account: AccountId,
    /// In which chat.
    #[n(1)]
    pub chat: ChatKey,
    /// As which native message.
    #[n(2)]
    pub native: NativeMessageId,
    /// By which it can be quoted.
    #[n(3)]
    pub quote: Option<QuoteKey>,
}

/// A message that is to be admitted: everything but its place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Its canonical id.
    pub id: MessageId,
    /// Where it belongs.
    pub conversation: ConversationId,
    /// Who said it.
    pub author: Author,
    /// Where it was read; none for the hub's own and the API's.
    pub source: Option<Source>,
    /// When the hub took it.
    pub accepted_at: Timestamp,
    /// When it was said, by the network's word.
    pub origin_at: Timestamp,
    /// After this it is not worth delivering any more.
    pub expires_at: Timestamp,
    /// How to treat doubt.
    pub class: Class,
    /// Deterministic CBOR (`crate::content`).
    pub content: Arc<[u8]>,
}

/// An admitted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its place in the order.
    pub seq: MessageSeq,
    /// All else.
    pub new: NewMessage,
}
