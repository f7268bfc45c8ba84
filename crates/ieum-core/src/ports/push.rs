//! The port through which a device of somebody's hears of a message: Web Push (RFC 8030).
//!
//! What is told is encrypted for the device (RFC 8291); its push service reads none of it.

use super::BoxFuture;
use crate::ids::ConversationId;
use crate::people::push::{PUSH_KEY_BYTES, Subscription};

/// What a device is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where to go from it.
    pub conversation: ConversationId,
    /// The newest message that it tells of: the same for every repetition.
    pub message: String,
    /// Its first line.
    pub title: String,
    /// What stands below.
    pub text: String,
}

/// One attempt to tell a device.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    /// Which device.
    pub to: &'a Subscription,
    /// What.
    pub note: &'a Note,
    /// For how long its service is to keep it for a device that is away, in seconds.
    pub ttl_s: u32,
    /// Whether it is worth waking a device that saves its battery.
    pub is_urgent: bool,
    /// A newer one of the same topic takes the place of one that waits. Tells nothing by itself.
    pub topic: [u8; 16],
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// The service has it.
    Taken,
    /// The service does not know the device any more.
    Gone,
    /// Not now; after so long, if the service said it.
    Later(Option<u64>),
    /// Never like this; the reason holds no secret.
    Refused(String),
}

/// Tells devices.
pub trait Pusher: Send + Sync + std::fmt::Debug {
    /// The hub's public key (RFC 8292), which a browser ties a subscription to.
    fn public_key(&self) -> [u8; PUSH_KEY_BYTES];

    /// Whether these bytes are a key that something can be encrypted for.
    fn is_key(&self, key: &[u8]) -> bool;

    /// Tells a device once. It does not retry and does not wait without a limit.
    fn push<'a>(&'a self, push: Push<'a>) -> BoxFuture<'a, PushOutcome>;
}
