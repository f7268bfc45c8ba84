//! The journal: the numbered feed of all that happened.
//!
//! It holds ids, states, times and evidence, never message text. Invariant: every write of the
//! store that changes a message or a delivery has its entry here, in the same transaction; `audit`
//! replays the feed and compares.

use crate::delivery::{Label, Recipient, Route, Step};
use crate::health::CellChange;
use crate::ids::PersonId;
use crate::ids::{AccountId, ChatKey};
use crate::ids::{ConversationId, Cursor, DeliverySeq, JournalSeq, MessageSeq, NativeMessageId};
use crate::message::{Author, Class};
use crate::time::Timestamp;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// One numbered entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Its number; the feed has no gaps.
    pub seq: JournalSeq,
    /// What happened.
    pub event: JournalEvent,
}

/// A delivery as planned, for the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Planned {
    /// Its number.
    #[n(0)]
    pub delivery: DeliverySeq,
    /// To whom.
    #[n(1)]
    pub recipient: Recipient,
    /// By which route.
    #[n(2)]
    pub route: Option<Route>,
    /// Whether it waits for a network from the start.
    #[n(3)]
    pub held: bool,
    /// The delivery that it stands in for.
    #[n(4)]
    pub stands_in_for: Option<DeliverySeq>,
    /// What it says about that.
    #[n(5)]
    pub label: Option<Label>,
}

/// What happened. Numbers of variants and fields are stored: they are never reused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum JournalEvent {
    /// The store was opened by a hub.
    #[n(0)]
    Opened {
        /// When.
        #[n(0)]
        at: Timestamp,
    },
    /// A message was accepted.
    #[n(1)]
    Admitted {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// Its place.
        #[n(1)]
        message: MessageSeq,
        /// Its canonical id.
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        #[serde(with = "hex_id")]
        id: [u8; 32],
        /// Its conversation.
        #[n(3)]
        conversation: ConversationId,
        /// Who said it.
        #[n(4)]
        author: Author,
        /// How doubt is treated.
        #[n(5)]
        class: Class,
        /// Whom it is owed to.
        #[n(6)]
        deliveries: Vec<Planned>,
    },
    /// A delivery was taken for an attempt (only where the network cannot repeat safely).
    #[n(2)]
    Claimed {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// Which.
        #[n(1)]
        delivery: DeliverySeq,
        /// Which attempt on the present route.
        #[n(2)]
        attempt: u32,
    },
    /// Something became of a delivery.
    #[n(3)]
    Settled {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// Which.
        #[n(1)]
        delivery: DeliverySeq,
        /// What.
        #[n(2)]
        step: Step,
        /// Why.
        #[n(3)]
        evidence: Box<str>,
        /// Copies planned with it.
        #[n(4)]
        plus: Vec<Planned>,
    },
    /// A network said how far a delivery got.
    #[n(4)]
    Receipt {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// Which.
        #[n(1)]
        delivery: DeliverySeq,
        /// Whether it was seen, not only delivered.
        #[n(2)]
        read: bool,
    },
    /// The directory changed; the entity itself is not repeated here.
    #[n(5)]
    Changed {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// `person`, `address`, `room`, ...
        #[n(1)]
        entity: Box<str>,
        /// Its number.
        #[n(2)]
        id: u64,
    },
    /// A polled network was read up to here.
    #[n(6)]
    Read {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// By which account.
        #[n(1)]
        account: AccountId,
        /// How far.
        #[n(2)]
        cursor: Cursor,
    },
    /// A network's cell changed its state.
    #[n(7)]
    Health {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// From what to what, and why.
        #[n(1)]
        change: CellChange,
    },
    /// A message of ours was found under a native id (kept for edits and answers).
    #[n(8)]
    Copied {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// Which message.
        #[n(1)]
        message: MessageSeq,
        /// In which chat.
        #[n(2)]
        chat: ChatKey,
        /// As which native message.
        #[n(3)]
        native: NativeMessageId,
    },
    /// Texts were taken away for good: their ids and times stay.
    #[n(9)]
    Erased {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// Whose.
        #[n(1)]
        messages: Vec<MessageSeq>,
    },
    /// An operator looked at what the hub holds of a person.
    #[n(10)]
    Accessed {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// Whose data.
        #[n(1)]
        person: PersonId,
        /// What was looked at: `export`, `search`, `delete`.
        #[n(2)]
        what: Box<str>,
        /// By whom: the name of their token.
        #[n(3)]
        by: Box<str>,
    },
}

impl JournalEvent {
    /// When it happened, by the hub's clock of then.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Opened { at }
            | Self::Admitted { at, .. }
            | Self::Claimed { at, .. }
            | Self::Settled { at, .. }
            | Self::Receipt { at, .. }
            | Self::Changed { at, .. }
            | Self::Read { at, .. }
            | Self::Health { at, .. }
            | Self::Copied { at, .. }
            | Self::Erased { at, .. }
            | Self::Accessed { at, .. } => *at,
        }
    }
}

/// Thirty-two bytes as lower-case hexadecimal digits in JSON.
mod hex_id {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::fmt::Write;

    pub(super) fn serialize<S: Serializer>(id: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(64);
        for byte in id {
            write!(text, "{byte:02x}").map_err(serde::ser::Error::custom)?;
        }
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(from)?;
        let id: crate::content::MessageId = text.parse().map_err(D::Error::custom)?;
        Ok(*id.as_bytes())
    }
}
