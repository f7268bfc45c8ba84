//! The bodies of the control calls.

use serde::Deserialize;

use crate::fault::cell::Backlog;
use crate::network::{Network, Surface};
use crate::world::message::{BOT, Kind};

/// `true` for our bot, one name, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Mentions {
    Bot(bool),
    One(String),
    Many(Vec<String>),
}

impl Mentions {
    pub(crate) fn names(self) -> Vec<String> {
        match self {
            Self::Bot(true) => vec![BOT.to_owned()],
            Self::Bot(false) => Vec::new(),
            Self::One(name) => vec![name],
            Self::Many(names) => names,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SayBody {
    pub(crate) network: Network,
    pub(crate) user: String,
    #[serde(default)]
    pub(crate) room: Option<String>,
    #[serde(default)]
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) media: Option<MediaBody>,
    #[serde(default)]
    pub(crate) reply_to: Option<String>,
    #[serde(default)]
    pub(crate) mention: Option<Mentions>,
    #[serde(default)]
    pub(crate) surface: Option<Surface>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MediaBody {
    pub(crate) file_name: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) base64: String,
    pub(crate) duration_ms: u64,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InRoom {
    pub(crate) network: Network,
    pub(crate) user: String,
    pub(crate) room: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Someone {
    pub(crate) network: Network,
    pub(crate) user: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnSurface {
    pub(crate) network: Network,
    pub(crate) user: String,
    pub(crate) surface: Surface,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mute {
    pub(crate) room: String,
    #[serde(default = "yes")]
    pub(crate) muted: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Standby {
    pub(crate) room: String,
    #[serde(default = "yes")]
    pub(crate) standby: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Room {
    pub(crate) room: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkBody {
    pub(crate) token: String,
    pub(crate) nonce: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlayBody {
    pub(crate) scenario: String,
    #[serde(default)]
    pub(crate) after_s: u32,
    #[serde(default)]
    pub(crate) ramp_s: Option<u32>,
    #[serde(default)]
    pub(crate) dur_s: Option<u32>,
    #[serde(default)]
    pub(crate) backlog: Option<Backlog>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookBody {
    pub(crate) network: Network,
    pub(crate) url: Option<String>,
    #[serde(default)]
    pub(crate) secret: Option<String>,
    #[serde(default)]
    pub(crate) headers: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DropBody {
    #[serde(default)]
    pub(crate) code: Option<u16>,
    #[serde(default)]
    pub(crate) expire: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reward {
    pub(crate) user: String,
    pub(crate) room: String,
}
