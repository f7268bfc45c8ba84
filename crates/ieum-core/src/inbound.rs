//! What a connector read from its network, in the hub's words.

use crate::ids::{ChatKey, EventKey, NativeMessageId, QuoteKey, UserKey};
use crate::marks::{Mark, Named};
use crate::network::ChatKind;
use crate::time::Timestamp;
use serde::Serialize;

/// Most events that one webhook call or one polled batch may carry.
pub const EVENTS_PER_ARRIVAL_MAX: usize = 1_000;

/// One webhook call or polled batch, proven genuine and read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrival {
    /// In the order in which they are to be admitted.
    pub events: Vec<Inbound>,
    /// Events of kinds that the hub does not know; they are counted, never fatal.
    pub ignored: u32,
}

/// A chat as its network names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChatRef {
    /// The network's id of the chat.
    pub key: ChatKey,
    /// Direct or group.
    pub kind: ChatKind,
}

/// A user as an event shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The network's id of the user.
    pub key: UserKey,
    /// Their name, where the event tells it.
    pub name: Option<Box<str>>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// By which a repetition is recognised, unique within the account.
    pub event: EventKey,
    /// When it happened, by the network's word.
    pub at: Timestamp,
    /// Where it happened.
    pub chat: ChatRef,
    /// Title of the room, where the event tells it.
    pub title: Option<Box<str>>,
    /// Who did it; some networks keep this to themselves.
    pub sender: Option<Sender>,
    /// What happened.
    pub kind: InboundKind,
}

/// A file that came with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNote {
    /// What it is.
    pub kind: FileKind,
    /// Its name, where there is one.
    pub name: Option<Box<str>>,
    /// Its size in bytes, where it is told.
    pub bytes: Option<u64>,
    /// Its media type, where it is told.
    pub media_type: Option<Box<str>>,
    /// How long it plays, where it is told.
    pub duration_ms: Option<u32>,
    /// Where its bytes are, in words that [`Connector::fetch`] understands; `None` where there is
    /// nothing to fetch. Of a place: its `geo:` URI.
    ///
    /// [`Connector::fetch`]: crate::ports::connector::Connector::fetch
    pub place: Option<Box<str>>,
}

impl FileNote {
    /// A thing of a kind, of which nothing else is known.
    #[must_use]
    pub fn of(kind: FileKind) -> Self {
        Self { kind, name: None, bytes: None, media_type: None, duration_ms: None, place: None }
    }
}

/// Kinds of files and other things that are not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A picture.
    Picture,
    /// A video.
    Video,
    /// A voice message or other sound.
    Audio,
    /// Any other file.
    File,
    /// A sticker.
    Sticker,
    /// A place; the text carries its name and coordinates.
    Place,
    /// Something else (poll, contact card, ...).
    Other,
}

/// A message as read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InboundMessage {
    /// The network's id of the message, unique within its chat.
    pub native: NativeMessageId,
    /// Its text or caption; mentions of our account are already taken off.
    pub text: String,
    /// What stretches of the text are. Somebody who is meant without a place in the text has a
    /// mark of no length.
    pub marks: Vec<Mark<Named>>,
    /// The message it answers, in the same chat.
    pub reply_to: Option<NativeMessageId>,
    /// By which it can be quoted later.
    pub quote: Option<QuoteKey>,
    /// A one-time token by which it can be answered.
    pub answer_token: Option<Box<str>>,
    /// Whether it was said to our account by name.
    pub mentions_us: bool,
    /// What else came with it.
    pub file: Option<FileNote>,
}

/// How far the network says a message got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReceiptLevel {
    /// It reached the recipient's device.
    Delivered,
    /// The recipient saw it.
    Read,
}

/// Why something cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is encrypted from end to end, and the hub is none of the ends.
    Encrypted,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboundKind {
    /// Somebody said something.
    Message(InboundMessage),
    /// Somebody changed what they said.
    Edit {
        /// The changed message.
        native: NativeMessageId,
        /// Its new text.
        text: String,
        /// What stretches of it are, as in [`InboundMessage::marks`].
        marks: Vec<Mark<Named>>,
    },
    /// Somebody took back what they said.
    Withdrawal {
        /// The withdrawn message.
        native: NativeMessageId,
    },
    /// Somebody reacted to a message; `emoji` is `None` when a reaction was taken back.
    Reaction {
        /// The message reacted to.
        native: NativeMessageId,
        /// The reaction now standing.
        emoji: Option<Box<str>>,
        /// The reaction's own id, where a withdrawal will name it and not the message.
        own: Option<NativeMessageId>,
    },
    /// Somebody said something that our account cannot read.
    Unreadable(Unreadable),
    /// People came into the room (or were seen there).
    PeopleJoined(Vec<Sender>),
    /// People left the room.
    PeopleLeft(Vec<Sender>),
    /// Our account came into the room, or a person opened a direct chat with it.
    WeJoined,
    /// Our account was taken out of the room, or a person blocked it.
    WeLeft,
    /// The chat goes on under another id.
    Migrated {
        /// Its new id.
        to: ChatKey,
    },
    /// A tapped button's payload.
    Button {
        /// As it was given when the button was sent.
        payload: Box<str>,
    },
    /// The network's word on one of our messages.
    Receipt {
        /// Our message; `None` means all of ours in the chat up to `at`.
        native: Option<NativeMessageId>,
        /// How far it got.
        level: ReceiptLevel,
    },
}
