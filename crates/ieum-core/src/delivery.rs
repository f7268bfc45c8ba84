//! Deliveries: one message owed to one recipient, and where that stands.
//!
//! Invariant: a delivery ends only through a [`Step`] that carries its evidence, and an ended
//! delivery never changes again but for receipts and for doubt in what its network said.

use crate::directory::Endpoint;
use crate::ids::{AccountId, ConversationId, DeliverySeq, MessageSeq, PersonId, RoomId};
use crate::message::Message;
use crate::network::Network;
use crate::outgoing::{CopyKey, Scope};
use crate::time::Timestamp;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Whom a message is owed to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// A person, wherever they are reached.
    #[n(0)]
    Person(#[n(0)] PersonId),
    /// A joined room.
    #[n(1)]
    Room(#[n(0)] RoomId),
}

/// The order that is kept: one lane for each conversation and recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    /// The conversation.
    pub conversation: ConversationId,
    /// The recipient.
    pub recipient: Recipient,
}

/// An endpoint and the account that serves it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
pub struct Route {
    /// Our account.
    #[n(0)]
    pub account: AccountId,
    /// Where it ends.
    #[n(1)]
    pub endpoint: Endpoint,
}

/// Why a copy does not look like an ordinary one; `render` turns it into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// It takes the place of a copy on this network, which may or may not have arrived.
    #[n(0)]
    InsteadOf(#[n(0)] Network),
    /// It comes after the fact, and somebody here may have seen it elsewhere.
    #[n(1)]
    Late,
    /// The same route again after an answer that never came: it may be a second copy.
    #[n(2)]
    Again,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum State {
    /// To be attempted when due.
    #[n(0)]
    Queued,
    /// Claimed; an attempt may be under way.
    #[n(1)]
    Attempting,
    /// An attempt left and no certain answer came; decided at `due_at`.
    #[n(2)]
    Unsure,
    /// Its network is down and there is no other way: it waits for the catch-up.
    #[n(3)]
    Held,
    /// Ended: the network took every part.
    #[n(4)]
    Sent,
    /// Ended: the network says it reached the device.
    #[n(5)]
    Delivered,
    /// Ended: the recipient saw it.
    #[n(6)]
    Read,
    /// Ended: everybody it was for got it another way.
    #[n(7)]
    Superseded,
    /// Ended: its lifetime passed.
    #[n(8)]
    Expired,
    /// Ended: refused on every route; shown to the sender.
    #[n(9)]
    Dead,
    /// Ended: the recipient may not get it any more, by their own word or a conversation's.
    #[n(10)]
    Withdrawn,
    /// Ended: the network took it, and its word turned out to be worth nothing; another delivery
    /// of the same message stands in for it.
    #[n(11)]
    Doubted,
}

impl State {
    /// Whether nothing more is to be done.
    #[must_use]
    pub fn ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Attempting | Self::Unsure | Self::Held)
    }
}

/// A delivery as planned, before it has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// To whom.
    pub recipient: Recipient,
    /// By which route; `None` when there is none at all (it starts `Held`).
    pub route: Option<Route>,
    /// `Queued` or `Held`.
    pub state: State,
    /// Whether it says why it comes this way.
    pub label: Option<Label>,
    /// The delivery that this one stands in for (a personal copy of a held room delivery).
    pub stands_in_for: Option<DeliverySeq>,
}

/// One message owed to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub seq: DeliverySeq,
    /// The message.
    pub message: MessageSeq,
    /// Its conversation.
    pub conversation: ConversationId,
    /// To whom.
    pub recipient: Recipient,
    /// Its route now.
    pub route: Option<Route>,
    /// Where it stands.
    pub state: State,
    /// Attempts on the present route.
    pub attempts: u32,
    /// The first part that was not yet accepted.
    pub part: u32,
    /// When it is to be looked at again (`Queued`, `Unsure`).
    pub due_at: Timestamp,
    /// When the first attempt on the present route was claimed.
    pub tried_at: Option<Timestamp>,
    /// Whether it says why it comes this way.
    pub label: Option<Label>,
    /// The delivery that this one stands in for.
    pub stands_in_for: Option<DeliverySeq>,
    /// What the network gave for the accepted parts.
    pub copies: Vec<CopyKey>,
}

impl Delivery {
    /// Its lane.
    #[must_use]
    pub fn lane(&self) -> Lane {
        Lane { conversation: self.conversation, recipient: self.recipient }
    }
}

/// A delivery taken for an attempt, with its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The delivery, now `Attempting`, `attempts` already counting this one.
    pub delivery: Delivery,
    /// What to say.
    pub message: Arc<Message>,
}

/// What becomes of a claimed delivery: the answer of `settle`, applied by the store as one change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// All parts are accepted. Ends.
    #[n(0)]
    Sent {
        /// One for each part of this call.
        #[n(0)]
        copies: Vec<CopyKey>,
    },
    /// Some parts are accepted; the rest follows at once. Back to `Queued`.
    #[n(1)]
    NextPart {
        /// One for each part of this call.
        #[n(0)]
        copies: Vec<CopyKey>,
        /// The first part that is still to be sent.
        #[n(1)]
        part: u32,
    },
    /// Try again on the same route. Back to `Queued`.
    #[n(2)]
    RetryAt {
        /// Not before.
        #[n(0)]
        at: Timestamp,
        /// Whether the next copy may be a second one.
        #[n(1)]
        label: Option<Label>,
    },
    /// Go another way, as a new first attempt from the first part. Back to `Queued`.
    #[n(3)]
    NextRoute {
        /// Which.
        #[n(0)]
        route: Route,
        /// What the copy says about that.
        #[n(1)]
        label: Option<Label>,
        /// Not before.
        #[n(2)]
        at: Timestamp,
    },
    /// Wait for the network to return.
    #[n(4)]
    Hold {
        /// What the copy says when it goes after all.
        #[n(0)]
        label: Option<Label>,
    },
    /// Nobody knows whether it arrived; decide later.
    #[n(5)]
    Unsure {
        /// When.
        #[n(0)]
        decide_at: Timestamp,
    },
    /// Everybody got it another way. Ends.
    #[n(6)]
    Superseded,
    /// Its lifetime passed. Ends.
    #[n(7)]
    Expired,
    /// Refused on every route. Ends.
    #[n(8)]
    Dead {
        /// The last refusal's scope.
        #[n(0)]
        scope: Scope,
    },
    /// Its recipient left, blocks the author, or took back what they agreed to. Ends; the author is
    /// not told, because a block is nobody else's business.
    #[n(9)]
    Withdrawn,
    /// It was sent, nobody confirmed that it arrived, and the network takes messages that it does
    /// not deliver. Ends anew; what is owed now are the labelled copies planned with it. Only for
    /// what is `Sent` or `Doubted`, by a move.
    #[n(10)]
    Doubted {
        /// Its conversation: the journal's reader remembers nothing of what was sent.
        #[n(0)]
        conversation: ConversationId,
    },
}

/// A step with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Which delivery.
    pub delivery: DeliverySeq,
    /// What becomes of it.
    pub step: Step,
    /// Why: the network's answer in short, never message text. At most
    /// [`EVIDENCE_CHARS_MAX`] characters are kept.
    pub evidence: Box<str>,
    /// When.
    pub at: Timestamp,
    /// Personal copies planned in the same transaction (members of a held room).
    pub plus: Vec<NewDelivery>,
}

/// Longest kept evidence.
pub const EVIDENCE_CHARS_MAX: usize = 200;
