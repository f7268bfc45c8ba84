//! People and chats of a network, as plain records.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::network::{Network, Surface};

/// One person's account on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// The lab's short name, unique on its network: `minji`.
    pub id: String,
    /// The network.
    pub network: Network,
    /// The name that others see: `민지`.
    pub name: String,
    /// The id on the wire: `U` and 32 hex digits, a number, or `buk_...`.
    pub native: String,
    /// Where the person reads and writes.
    pub surfaces: BTreeSet<Surface>,
    /// The surfaces that are signed in.
    pub signed_in: BTreeSet<Surface>,
    /// The carrier of the phone.
    pub carrier: String,
    /// Has the person added or started our bot?
    pub follows: bool,
    /// Has the person blocked our bot?
    pub blocked: bool,
}

/// What kind of chat it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatKind {
    /// One person and our bot: a channel chat, a direct chat, a private chat.
    Direct,
    /// A group.
    Group,
    /// LINE: a chat of several people that is not a group (`R...`).
    Room,
    /// KakaoTalk: an open chat.
    Open,
    /// KakaoTalk: a team chat.
    Team,
    /// Telegram: a supergroup.
    Supergroup,
}

impl ChatKind {
    /// Does this network have chats of this kind?
    #[must_use]
    pub const fn exists_on(self, network: Network) -> bool {
        match self {
            Self::Direct | Self::Group => true,
            Self::Room => matches!(network, Network::Line),
            Self::Open | Self::Team => matches!(network, Network::Kakaotalk),
            Self::Supergroup => matches!(network, Network::Telegram),
        }
    }
}

/// A chat: a room, or a direct chat with our bot (`direct:USER`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chat {
    /// The lab's short name: `family`, or `direct:minji`.
    pub id: String,
    /// The network.
    pub network: Network,
    /// The kind.
    pub kind: ChatKind,
    /// The name of the room.
    pub title: String,
    /// The id on the wire.
    pub native: String,
    /// The people in it, by short name.
    pub members: BTreeSet<String>,
    /// Is our bot in it?
    pub bot: bool,
    /// Was our bot thrown out (rather than never in it)?
    pub bot_removed: bool,
    /// Telegram: is our bot an administrator?
    pub bot_admin: bool,
    /// KakaoTalk: have the people switched bot messages off?
    pub bot_muted: bool,
    /// LINE: another module has the chat; our bot hears it and is not to answer.
    pub standby: bool,
    /// Telegram: the id that a group had before it became a supergroup.
    pub migrated_from: Option<String>,
}

impl Chat {
    /// Is it a direct chat with our bot?
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.kind == ChatKind::Direct
    }
}

/// The short name of the direct chat of a user with our bot.
#[must_use]
pub fn direct_id(user: &str) -> String {
    format!("direct:{user}")
}

/// A person to create.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The network.
    pub network: Network,
    /// The short name.
    pub id: String,
    /// The name that others see; the short name when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The id on the wire; made up when absent.
    #[serde(default)]
    pub native: Option<String>,
    /// Where the person reads and writes; phone and PC when absent.
    #[serde(default)]
    pub surfaces: Option<BTreeSet<Surface>>,
    /// The carrier of the phone.
    #[serde(default)]
    pub carrier: Option<String>,
    /// Has the person added or started our bot? True when absent.
    #[serde(default)]
    pub follows: Option<bool>,
}

/// A room to create.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRoom {
    /// The network.
    pub network: Network,
    /// The short name.
    pub id: String,
    /// The name of the room; the short name when absent.
    #[serde(default)]
    pub title: Option<String>,
    /// The kind; a group when absent (Telegram: a supergroup).
    #[serde(default)]
    pub kind: Option<ChatKind>,
    /// The people in it, by short name.
    #[serde(default)]
    pub members: Vec<String>,
    /// Is our bot in it? True when absent. It is told that it joined.
    #[serde(default)]
    pub bot: Option<bool>,
    /// Telegram: is our bot an administrator?
    #[serde(default)]
    pub bot_admin: bool,
}
