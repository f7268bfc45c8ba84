//! Typed ids: a number or a network's own string that cannot be mistaken for another one.
//!
//! Numbers are given by the hub in growing order (tables keyed by them are appended to); strings
//! are the networks' and are never interpreted outside their connector.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

macro_rules! number_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize,
            Deserialize, Encode, Decode,
        )]
        #[serde(transparent)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] pub u64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

number_id! {
    /// One of the hub's own identities on a network, as configured.
    AccountId;
    /// A human being who uses the hub.
    PersonId;
    /// Where one person (or guest) is reached on one network.
    AddressId;
    /// A chat of one network that our account is a member of.
    RoomId;
    /// A conversation across networks.
    ConversationId;
    /// Place of a message in the hub's order of acceptance.
    MessageSeq;
    /// Place of a delivery in the order of planning.
    DeliverySeq;
    /// Number of a journal entry; the feed has no gaps.
    JournalSeq;
    /// An incident of one network.
    IncidentId;
}

macro_rules! native_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
            Encode, Decode,
        )]
        #[serde(transparent)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] pub Box<str>);

        impl $name {
            /// Wraps the network's own string.
            pub fn new(native: impl Into<Box<str>>) -> Self {
                Self(native.into())
            }

            /// The network's own string.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    )*};
}

native_id! {
    /// A network's id of a chat (room or direct).
    ChatKey;
    /// A network's id of a user.
    UserKey;
    /// A network's id of a message within its chat.
    NativeMessageId;
    /// A network's id of an event, by which a repetition is recognised.
    EventKey;
    /// The hub's lasting name for an author, where a network shows each as a user of their own:
    /// a network's word, `_`, and 32 hexadecimal digits that tell nobody who it is.
    AuthorKey;
    /// A network's token that lets a later message quote an earlier one.
    QuoteKey;
    /// Where polling or streaming continues after a restart; opaque outside its connector.
    Cursor;
}
