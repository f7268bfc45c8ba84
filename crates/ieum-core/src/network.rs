//! Networks and what they can carry, as data.

use crate::inbound::FileKind;
use crate::render::measure::TextUnit;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// A messenger system that the hub joins.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "lowercase")]
#[cbor(index_only)]
pub enum Network {
    /// KakaoTalk, through its Bot API.
    #[n(0)]
    KakaoTalk,
    /// LINE, through the Messaging API.
    #[n(1)]
    Line,
    /// Telegram, through the Bot API.
    #[n(2)]
    Telegram,
    /// Matrix, as an application service of one homeserver.
    #[n(3)]
    Matrix,
    /// XMPP, as a component of a server.
    #[n(4)]
    Xmpp,
    /// Mail, through a mailbox.
    #[n(5)]
    Mail,
}

impl Network {
    /// Every network, in the order of this type.
    pub const ALL: [Self; 6] =
        [Self::KakaoTalk, Self::Line, Self::Telegram, Self::Matrix, Self::Xmpp, Self::Mail];

    /// The lower-case word used in configuration, URLs and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::KakaoTalk => "kakaotalk",
            Self::Line => "line",
            Self::Telegram => "telegram",
            Self::Matrix => "matrix",
            Self::Xmpp => "xmpp",
            Self::Mail => "mail",
        }
    }

    /// The network whose [`word`](Self::word) this is.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|network| network.word() == word)
    }
}

/// Direct chat with our account, or a room with several people.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "lowercase")]
#[cbor(index_only)]
pub enum ChatKind {
    /// One person and our account.
    #[n(0)]
    Direct,
    /// Several people and our account.
    #[n(1)]
    Group,
}

/// What of the people's talk our account gets to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hears {
    /// Every message.
    Everything,
    /// Only messages that mention our account.
    MentionsOnly,
}

/// Where the name of an inbound message's sender comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NameSource {
    /// It stands in the message.
    WithMessage,
    /// A profile call tells it.
    ByProfile,
    /// The network never tells; the person is asked once.
    AskedOnce,
}

/// How an answer to an earlier message can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplySupport {
    /// Not at all: the earlier text is quoted.
    Quoted,
    /// By the native id of the earlier message in the same chat.
    ById,
    /// By the quote token that came with the earlier message.
    ByQuoteKey,
}

/// Where the remote author's name can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorSupport {
    /// In front of the text.
    InText,
    /// As the message's own sender name, the network that they wrote from behind it.
    AsSender {
        /// Longest name, in UTF-16 units.
        name_max: usize,
    },
    /// As a user of their own, named with the network that they wrote from: see
    /// [`Outgoing::author`](crate::outgoing::Outgoing::author).
    AsUser {
        /// Longest name, in UTF-16 units.
        name_max: usize,
    },
}

/// Which marks of a text are shown as such: links, strong words, quotes and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Formats {
    /// None: addresses of links and signs of quotes stand in the text.
    Words,
    /// All but links, whose addresses stand in the text.
    Styles,
    /// All.
    All,
}

/// How places are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Places {
    /// Not at all: words and the address of a map stand in the text.
    Words,
    /// On a map in a message of its own, behind the words.
    Alone,
    /// On a map together with the words.
    WithText,
}

/// What one kind of chat of a network can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ChatCapabilities {
    /// What our account hears here.
    pub hears: Hears,
    /// Longest text of one part.
    pub text_max: usize,
    /// How that length is counted.
    pub text_unit: TextUnit,
    /// How many parts one call can carry; they arrive together or not at all.
    pub parts_per_send_max: usize,
    /// Whether our own message can be changed.
    pub edit: bool,
    /// Whether our own message can be taken back.
    pub withdraw: bool,
    /// Whether our account can react.
    pub react: bool,
    /// How an answer is shown.
    pub reply: ReplySupport,
    /// Where the author's name goes.
    pub author: AuthorSupport,
    /// How many mentions one message can carry.
    pub mentions_max: usize,
    /// Which marks of a text it shows as such.
    pub formats: Formats,
    /// Whether a message can carry buttons that speak to our account.
    pub buttons: bool,
    /// Whether a send with the same key is carried out once, so that `Unknown` may be repeated.
    pub idempotent_send: bool,
    /// Which files it carries, and how; the first that fits is taken. What fits none goes as words
    /// and a link.
    pub files: &'static [FileWay],
    /// How it shows places.
    pub places: Places,
    /// Longest text that goes with a file in one part, in the unit of texts; 0 where none can.
    pub caption_max: usize,
}

/// One way in which a network carries files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FileWay {
    /// Of which kind.
    pub kind: FileKind,
    /// Of which media types; empty for all.
    pub types: &'static [&'static str],
    /// Largest size.
    pub bytes_max: u64,
    /// How they get there.
    pub by: FileDoor,
}

/// How a file gets to a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileDoor {
    /// We hand its bytes over.
    Upload,
    /// The network fetches it from a public https address of ours.
    PublicLink,
}

impl ChatCapabilities {
    /// How a file is carried: as what it is, else as a lesser thing of which it is one.
    #[must_use]
    pub fn file_way(
        &self,
        kind: FileKind,
        media_type: &str,
        bytes: u64,
    ) -> Option<&'static FileWay> {
        let fallbacks: &[FileKind] = match kind {
            FileKind::Sticker => &[FileKind::Sticker, FileKind::Picture, FileKind::File],
            FileKind::Picture => &[FileKind::Picture, FileKind::File],
            FileKind::Video => &[FileKind::Video, FileKind::File],
            FileKind::Audio => &[FileKind::Audio, FileKind::File],
            FileKind::File => &[FileKind::File],
            FileKind::Place | FileKind::Other => &[],
        };
        let takes = |way: &&FileWay, kind| {
            way.kind == kind
                && bytes <= way.bytes_max
                && (way.types.is_empty() || way.types.contains(&media_type))
        };
        // No network takes a file of nothing.
        let kinds = fallbacks.iter().filter(|_| bytes > 0);
        kinds.into_iter().find_map(|kind| self.files.iter().find(|way| takes(way, *kind)))
    }
}

/// Speed limits that a network publishes; the dispatcher stays below them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimits {
    /// Calls a second over all chats.
    pub per_second_max: u32,
    /// Calls a minute in one room.
    pub per_room_minute_max: u32,
    /// Calls under way at once.
    pub in_flight_max: usize,
}

/// What a network can carry; degradation in `render` follows this and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// In a direct chat.
    pub direct: ChatCapabilities,
    /// In a room.
    pub group: ChatCapabilities,
    /// Where sender names come from.
    pub names: NameSource,
    /// Published speed limits.
    pub rate: RateLimits,
}

impl Capabilities {
    /// Whether every send may be repeated with its key, whatever the chat: then no claim need be
    /// durable before its call leaves.
    #[must_use]
    pub fn always_idempotent(&self) -> bool {
        self.direct.idempotent_send && self.group.idempotent_send
    }

    /// Those of one kind of chat.
    #[must_use]
    pub fn of(&self, kind: ChatKind) -> &ChatCapabilities {
        match kind {
            ChatKind::Direct => &self.direct,
            ChatKind::Group => &self.group,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stores hold these numbers: one that changed would turn people's addresses into another
    /// network's.
    #[test]
    fn every_network_keeps_its_number_in_the_store() {
        for (network, number) in [
            (Network::KakaoTalk, 0),
            (Network::Line, 1),
            (Network::Telegram, 2),
            (Network::Xmpp, 4),
            (Network::Mail, 5),
        ] {
            assert_eq!(minicbor::to_vec(network).unwrap(), [number], "{network:?}");
            assert_eq!(minicbor::decode::<Network>(&[number]).unwrap(), network);
        }
    }
}
