//! Messages of a network, as plain records.

use std::collections::BTreeMap;

use bytes::Bytes;
use ieum_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::network::Network;

/// The name of our bot where a user's short name could stand.
pub const BOT: &str = "bot";

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Words.
    #[default]
    Text,
    /// A picture.
    Image,
    /// A film.
    Video,
    /// Sound, a voice message.
    Audio,
    /// A file.
    File,
    /// A sticker or emoticon.
    Sticker,
    /// A place.
    Location,
    /// A card or other rich bubble; its words are in the text.
    Card,
}

impl Kind {
    /// The word used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::File => "file",
            Self::Sticker => "sticker",
            Self::Location => "location",
            Self::Card => "card",
        }
    }

    /// Does the function `media` of a fault touch it?
    #[must_use]
    pub const fn is_media(self) -> bool {
        matches!(self, Self::Image | Self::Video | Self::Audio | Self::File)
    }
}

/// What hangs on a message that is not text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Media {
    /// The name of the file.
    pub file_name: String,
    /// The type of the bytes.
    pub content_type: String,
    /// The bytes, as far as the lab has them.
    pub bytes: Bytes,
    /// Where it lies instead (bots on KakaoTalk and LINE give addresses).
    pub url: Option<String>,
    /// Milliseconds of sound or film.
    pub duration_ms: u64,
    /// Degrees, for places.
    pub latitude: f64,
    /// Degrees, for places.
    pub longitude: f64,
}

/// A mention inside a text, in UTF-16 units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mention {
    /// Short name of the person, or `bot`, or `all`.
    pub user: String,
    /// Where it begins.
    pub index: usize,
    /// How long it is.
    pub length: usize,
}

/// Something to tap under a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Button {
    /// What is written on it.
    pub label: String,
    /// What tapping it does: `message`, `postback`, `link` or the network's own word.
    pub action: String,
    /// The words, data or address that go with it.
    pub value: String,
}

/// One message as the network keeps it.
#[derive(Debug, Clone)]
pub struct Message {
    /// The lab's own number, in the order of acceptance over all networks.
    pub key: u64,
    /// The network.
    pub network: Network,
    /// The chat, by short name.
    pub chat: String,
    /// The id on the wire.
    pub native: String,
    /// Short name of the author, or `bot`.
    pub author: String,
    /// What it is.
    pub kind: Kind,
    /// The words, the caption, or the text of a card.
    pub text: String,
    /// When the network took it.
    pub sent_at: Timestamp,
    /// The message that it answers.
    pub reply_to: Option<u64>,
    /// The quoted part, where it was given.
    pub quote: Option<String>,
    /// The name that a LINE bot put in place of its own.
    pub sender: Option<String>,
    /// What can be tapped.
    pub buttons: Vec<Button>,
    /// Who is mentioned where.
    pub mentions: Vec<Mention>,
    /// What hangs on it.
    pub media: Option<Media>,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// Was it withdrawn?
    pub withdrawn: bool,
    /// Reactions by short name.
    pub reactions: BTreeMap<String, String>,
}

/// A message about to be posted.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// What it is.
    pub kind: Kind,
    /// The words.
    pub text: String,
    /// The message that it answers.
    pub reply_to: Option<u64>,
    /// The quoted part.
    pub quote: Option<String>,
    /// The name in place of the bot's own.
    pub sender: Option<String>,
    /// What can be tapped.
    pub buttons: Vec<Button>,
    /// Who is mentioned where.
    pub mentions: Vec<Mention>,
    /// What hangs on it.
    pub media: Option<Media>,
}

impl Draft {
    /// Plain words.
    #[must_use]
    pub fn text(words: impl Into<String>) -> Self {
        Self { text: words.into(), ..Self::default() }
    }
}

/// How many UTF-16 units a text has: what LINE and Telegram count.
#[must_use]
pub fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}
