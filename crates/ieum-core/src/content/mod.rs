//! Canonical content: what a message says, the same on every network.
//!
//! The shape, the encoding and the limits are those of draft-ietf-mimi-content-08. Content is made
//! once, when a message is admitted, and never changed: an edit, a withdrawal and a reaction are
//! messages of their own that name another. Not here: when a message was accepted, who gets it, and
//! how a network shows it.
//!
//! Invariant: [`Content::decode`] accepts exactly what [`Content::encode`] gives for content that
//! passes [`Content::check`], byte for byte, so equal content has one encoding and one id.

mod build;
mod cbor;
mod check;
mod decode;
mod encode;
mod error;
mod extensions;
pub mod limits;
mod message_id;
mod read;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod properties;

use std::borrow::Cow;
use std::fmt;

pub use cbor::Rule;
pub use error::ContentError;
pub use extensions::{ExtensionKey, ExtensionValue, Extensions};
pub use message_id::{
    HubSecret, MESSAGE_ID_BYTES, MessageId, MessageIdError, SALT_BYTES, message_id, salt_for_native,
};
pub use read::What;

/// The content type of text that is shown as it stands. What a network says is plain text.
pub const PLAIN_TEXT: &str = "text/plain;charset=utf-8";

/// The content type of the draft's own rich text.
pub const MARKDOWN_TEXT: &str = "text/markdown;variant=GFM-MIMI";

/// What one message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Makes the id unguessable and, for a message read from a network, repeatable.
    pub salt: [u8; SALT_BYTES],
    /// The message that this one edits or withdraws.
    pub replaces: Option<MessageId>,
    /// Messages with the same topic belong together; empty for none.
    pub topic_id: Vec<u8>,
    /// When the message is to be forgotten.
    pub expires: Option<Expiration>,
    /// The message that this one answers or reacts to.
    pub in_reply_to: Option<MessageId>,
    /// Sender, room, and what others add.
    pub extensions: Extensions,
    /// The body.
    pub part: Part,
}

/// When a message is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiration {
    /// Whether `seconds` count from the reading of the message, not from 1970.
    pub relative: bool,
    /// Seconds, see `relative`.
    pub seconds: u32,
}

impl Expiration {
    /// Whether the time is at most a year away from `now_s` (Unix seconds), before or after.
    ///
    /// The draft takes anything else for malice.
    #[must_use]
    pub fn is_within_a_year_of(&self, now_s: u64) -> bool {
        let distance_s = if self.relative {
            u64::from(self.seconds)
        } else {
            u64::from(self.seconds).abs_diff(now_s)
        };
        distance_s <= u64::from(limits::EXPIRES_S_MAX)
    }
}

/// One part of a body: the whole of it, or a piece of a multi-part body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What the part is for.
    pub disposition: Disposition,
    /// Language tags separated by commas; empty when not known.
    pub language: String,
    /// What the part holds.
    pub body: Body,
}

/// What a part is for. Unknown values are kept, and read as [`Disposition::RENDER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disposition(pub u8);

impl Disposition {
    /// No hint is given.
    pub const UNSPECIFIED: Self = Self(0);
    /// To be shown.
    pub const RENDER: Self = Self(1);
    /// One reaction to another message.
    pub const REACTION: Self = Self(2);
    /// The profile of a participant or a room.
    pub const PROFILE: Self = Self(3);
    /// To be shown within the conversation.
    pub const INLINE: Self = Self(4);
    /// A picture that stands for somebody or something.
    pub const ICON: Self = Self(5);
    /// To be fetched when wanted.
    pub const ATTACHMENT: Self = Self(6);
    /// A call or meeting, or the way into one.
    pub const SESSION: Self = Self(7);
    /// A preview made by the sender.
    pub const PREVIEW: Self = Self(8);

    /// Whether the part is one to be shown, as text is.
    #[must_use]
    pub fn is_shown(self) -> bool {
        matches!(self, Self::UNSPECIFIED | Self::RENDER | Self::INLINE) || self.0 > Self::PREVIEW.0
    }
}

/// What a part holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing: what was there is withdrawn.
    Null,
    /// One piece of content, carried within the message.
    Single {
        /// Its media type.
        content_type: Cow<'static, str>,
        /// Its bytes.
        content: Vec<u8>,
    },
    /// One piece of content that lies elsewhere.
    External(Box<External>),
    /// Several parts.
    Multi {
        /// How they belong together.
        semantics: Semantics,
        /// The parts, at least two.
        parts: Vec<Part>,
    },
}

/// Content that lies elsewhere: a file, or the way into a call.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct External {
    /// Media type; empty for a service.
    pub content_type: Cow<'static, str>,
    /// Where it lies; empty while nobody can fetch it.
    pub url: String,
    /// Unix seconds after which it is gone; 0 when it stays.
    pub expires: u32,
    /// Bytes; 0 when not known.
    pub size: u64,
    /// AEAD algorithm by its IANA number; 0 when not encrypted.
    pub encryption: u16,
    /// AEAD key. Never printed.
    pub key: Vec<u8>,
    /// AEAD nonce.
    pub nonce: Vec<u8>,
    /// AEAD additional data.
    pub additional_data: Vec<u8>,
    /// Hash algorithm by its IANA number; 0 for none.
    pub hash_algorithm: u8,
    /// Hash of the content.
    pub content_hash: Vec<u8>,
    /// What people are told about it.
    pub description: String,
    /// Suggested file name.
    pub filename: String,
}

impl fmt::Debug for External {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("External")
            .field("content_type", &self.content_type)
            .field("size", &self.size)
            .field("description", &self.description)
            .field("filename", &self.filename)
            .finish_non_exhaustive()
    }
}

/// How the parts of a multi-part body belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Semantics {
    /// The reader picks one.
    ChooseOne = 0,
    /// All or none.
    SingleUnit = 1,
    /// As many as the reader can.
    ProcessAll = 2,
}
