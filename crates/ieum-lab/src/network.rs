//! The three networks that the lab plays and the surfaces on which people use them. The lab's own
//! words: it shares no type with the connectors that are tried against it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A simulated messenger network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// KakaoTalk with its Bot API.
    Kakaotalk,
    /// LINE with its Messaging API.
    Line,
    /// Telegram with its Bot API.
    Telegram,
}

impl Network {
    /// Every simulated network.
    pub const ALL: [Self; 3] = [Self::Kakaotalk, Self::Line, Self::Telegram];

    /// The name used in JSON, on the command line and in scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kakaotalk => "kakaotalk",
            Self::Line => "line",
            Self::Telegram => "telegram",
        }
    }

    /// The network with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|network| network.name() == name)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Where a network is touched: a person's phone, a person's PC, or the interface for bots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Surface {
    /// The app on a phone.
    Mobile,
    /// The app on a computer.
    Pc,
    /// The interface that our bot uses.
    Api,
}

impl Surface {
    /// The name used in JSON and scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Pc => "pc",
            Self::Api => "api",
        }
    }
}

impl fmt::Display for Surface {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
