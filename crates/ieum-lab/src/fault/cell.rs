//! One spoiled cell of a network, as it is written in a scenario file or sent to `POST /fault`.

use serde::{Deserialize, Serialize};

use super::mode::Mode;
use crate::network::{Network, Surface};

/// What of a network is spoiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// Sending a message.
    Send,
    /// Receiving messages (people) or events (our bot).
    Recv,
    /// Signing in; for our bot every call that does not send, and the gateway.
    Login,
    /// Sending anything that is not text, and fetching content.
    Media,
    /// Events to our bot (the same as `recv` on surface `api`).
    Webhook,
    /// Receipts. Nothing on the three networks, see [`Mode::DropReceipt`].
    Receipt,
}

/// By what the spoiled share is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShareKey {
    /// By room; a direct chat is a room of its own.
    #[default]
    Room,
    /// By person; our bot is one of them.
    User,
    /// By the carrier of the person's phone.
    Carrier,
}

/// In which chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatFilter {
    /// In direct chats with our bot.
    Direct,
    /// In rooms.
    Group,
}

/// What happens to what was held back, when the fault ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backlog {
    /// All of it arrives, oldest first.
    #[default]
    DeliverInOrder,
    /// All of it arrives, newest first.
    Reorder,
    /// None of it arrives.
    Lose,
    /// Each of it arrives twice.
    Dup,
}

/// One spoiled cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The network; in a scenario file the scenario's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// What is spoiled.
    #[serde(rename = "fn")]
    pub function: Function,
    /// Where it is spoiled.
    pub surface: Surface,
    /// How much of it, between 0 and 1.
    #[serde(default = "all")]
    pub share: f64,
    /// In which way.
    pub mode: Mode,
    /// By what the share is chosen.
    #[serde(default)]
    pub key: ShareKey,
    /// When given, only in direct chats or only in rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChatFilter>,
    /// When given, only these rooms, persons or carriers (by `key`), whatever the share says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Seconds after the start of the scenario (or of the call) at which it begins.
    #[serde(default)]
    pub start_s: u32,
    /// Seconds that it lasts; in a scenario file the scenario's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dur_s: Option<u32>,
    /// Seconds over which the share grows from 0 to `share`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp_s: Option<u32>,
    /// What happens to what was held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog: Option<Backlog>,
    /// With `refuse` and `hang` on surface `api`: the request is carried out all the same.
    #[serde(default)]
    pub after_accept: bool,
}

const fn all() -> f64 {
    1.0
}

impl Cell {
    /// A cell of one network that spoils everything until it is cleared.
    #[must_use]
    pub const fn new(network: Network, function: Function, surface: Surface, mode: Mode) -> Self {
        Self {
            network: Some(network),
            function,
            surface,
            share: 1.0,
            mode,
            key: ShareKey::Room,
            chat: None,
            only: Vec::new(),
            start_s: 0,
            dur_s: None,
            ramp_s: None,
            backlog: None,
            after_accept: false,
        }
    }

    /// What is wrong with the numbers, if anything.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        if !(0.0..=1.0).contains(&self.share) {
            return Some(format!("share must be between 0 and 1, not {}", self.share));
        }
        None
    }
}
