//! The one trait of a network.
//!
//! A connector translates. It never sees the store, the engine or another connector; it does not
//! retry, sleep between attempts or log message texts; it holds no state that a restart may not
//! lose (profiles are remembered by the hub, cursors by the store).

use super::BoxFuture;
use super::http::PieceStream;
use crate::ids::{Cursor, UserKey};
use crate::inbound::{Arrival, ChatRef};
use crate::network::{Capabilities, Network};
use crate::outgoing::{Outcome, Outgoing};
use bytes::Bytes;

/// Largest webhook body that is read at all.
pub const HOOK_BODY_BYTES_MAX: usize = 1 << 20;
/// The same for networks that call addresses below the hook and hand in many events at once.
pub const HOOK_BATCH_BYTES_MAX: usize = 8 << 20;

/// Largest body of a call to `path` below an account's hook.
#[must_use]
pub fn hook_bytes_max(path: &str) -> usize {
    if path.is_empty() { HOOK_BODY_BYTES_MAX } else { HOOK_BATCH_BYTES_MAX }
}

/// A webhook call as it came in, before anything is believed.
#[derive(Debug, Clone, Copy)]
pub struct HookRequest<'a> {
    /// What follows the account's hook in the address, with its slash; empty for most networks.
    pub path: &'a str,
    /// All headers.
    pub headers: &'a http::HeaderMap,
    /// The raw bytes; signatures are over these.
    pub body: &'a Bytes,
}

/// Why a webhook call is turned away; nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookRefusal {
    /// No or wrong signature or secret: 401.
    #[error("the call is not proven to come from the network")]
    Forged,
    /// Genuine but unreadable: 400. The text is for the caller and names the field.
    #[error("malformed: {0}")]
    Malformed(String),
    /// This account does not take webhooks: 404.
    #[error("this account does not take webhooks")]
    NotUsed,
}

/// A sign of life, or its absence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pulse {
    /// The network answered; `took_ms` on the clock port.
    Good {
        /// Round-trip time.
        took_ms: u64,
    },
    /// The network failed to answer as it should.
    Bad {
        /// For the evidence.
        reason: String,
    },
    /// The network answered that *we* are wrong (token revoked, account closed).
    Refused {
        /// For the operator.
        reason: String,
    },
}

/// What a probe learns: life, and who the network thinks we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The sign.
    pub pulse: Pulse,
    /// Our account's own name or id there, when told.
    pub identity: Option<String>,
}

/// A user's public profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Display name.
    pub name: Box<str>,
    /// Public picture.
    pub icon_url: Option<Box<str>>,
}

/// A file at its network, opened: it is read once, piece by piece.
pub struct Fetched {
    /// What the network calls it.
    pub media_type: Option<Box<str>>,
    /// Its size, where it is told.
    pub bytes: Option<u64>,
    /// Its bytes.
    pub pieces: Box<dyn PieceStream>,
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Fetched({:?}, {:?} bytes)", self.media_type, self.bytes)
    }
}

/// Why a file was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchFailure {
    /// The network does not give it, or not any more; asking again would not help.
    #[error("gone: {0}")]
    Gone(String),
    /// It is larger than the network gives.
    #[error("larger than the network gives")]
    TooLarge,
    /// Not now.
    #[error("not now: {reason}")]
    Later {
        /// Not before so many milliseconds; zero leaves it to us.
        after_ms: u64,
        /// For the log; no address and no name.
        reason: String,
    },
}

/// The inbox would not take an arrival (the hub is stopping or the store failed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the inbox does not take arrivals now")]
pub struct InboxClosed;

/// Where polled and streaming networks hand in what they read.
pub trait Inbox: Send + Sync {
    /// Admits all events and keeps the cursor, in one transaction; returns when both are durable.
    fn deliver(
        &self,
        arrival: Arrival,
        cursor: Option<Cursor>,
    ) -> BoxFuture<'_, Result<(), InboxClosed>>;

    /// Reports the state of the stream: connected, heartbeat answered, lost.
    fn pulse(&self, pulse: Pulse);
}

/// Why listening ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenEnd {
    /// This account is not polled or streamed.
    NotUsed,
    /// The inbox closed.
    InboxClosed,
    /// Listening again would not help (bad token, replaced by another connection).
    Fatal(String),
}

/// One network, for one account.
pub trait Connector: Send + Sync + std::fmt::Debug {
    /// Which network.
    fn network(&self) -> Network;

    /// What it can carry.
    fn capabilities(&self) -> &Capabilities;

    /// Proves a webhook call genuine and reads it. Pure: no I/O, no state.
    ///
    /// # Errors
    /// A [`HookRefusal`] when the call is forged or unreadable.
    fn accept(&self, hook: HookRequest<'_>) -> Result<Arrival, HookRefusal>;

    /// Makes one attempt.
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Outcome>;

    /// Asks for a sign of life with a cheap authenticated call.
    fn probe(&self) -> BoxFuture<'_, Probe>;

    /// Polls or streams until the inbox closes; reconnects by itself with back-off and jitter.
    fn listen<'a>(
        &'a self,
        inbox: &'a dyn Inbox,
        cursor: Option<Cursor>,
    ) -> BoxFuture<'a, ListenEnd>;

    /// Opens a file that came with a message, with the account's own credentials; `place` is what
    /// [`FileNote::place`](crate::inbound::FileNote::place) told. Networks without files have none.
    fn fetch<'a>(&'a self, place: &'a str) -> BoxFuture<'a, Result<Fetched, FetchFailure>> {
        let unknown = format!(
            "{} has no files to fetch ({} bytes of place)",
            self.network().word(),
            place.len()
        );
        Box::pin(std::future::ready(Err(FetchFailure::Gone(unknown))))
    }

    /// A user's profile, for networks whose events do not tell names. `None` when it is not told.
    fn profile<'a>(
        &'a self,
        chat: &'a ChatRef,
        user: &'a UserKey,
    ) -> BoxFuture<'a, Option<Profile>>;
}
