//! What the server is set up with, and the limits that hold on every connection.
//!
//! Time-outs here are about sockets and the patience of real peers: they run on the wall clock,
//! even where the hub's own clock runs faster.

use crate::tokens::Token;
use std::time::Duration;

/// Largest body of a call to `/v1`: the largest text, with room for JSON's escapes.
pub const API_BODY_BYTES_MAX: usize = 512 * 1_024;
/// Bodies up to this size need no share of [`Limits::large_body_bytes_max`].
pub const SMALL_BODY_BYTES_MAX: usize = 16 * 1_024;
/// What is read and thrown away of a body that is too large, so that its sender reads the answer.
pub const DISCARDED_BYTES_MAX: usize = 8 << 20;
/// Largest head of a request: request line and headers together.
pub const HEAD_BYTES_MAX: usize = 16 * 1_024;
/// Most headers of a request.
pub const HEADERS_MAX: usize = 64;

/// What one server may spend on its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; more wait in the system's queue.
    pub connections_max: usize,
    /// How long the head of a request may take, the rest between two requests included.
    pub head_ms_max: u64,
    /// The same while more than three quarters of the connections are taken.
    pub head_busy_ms_max: u64,
    /// How long the body of a request may take.
    pub body_ms_max: u64,
    /// How long a peer may take nothing of what it is owed.
    pub write_stall_ms_max: u64,
    /// How long connections may finish what they do once the server stops.
    pub drain_ms_max: u64,
    /// Bytes of large bodies that are held at once, over all connections.
    pub large_body_bytes_max: usize,
    /// Open event streams.
    pub event_streams_max: usize,
    /// How long an event stream may be silent before it sends a comment. A stream whose client
    /// has gone is noticed at its next write, so that this also frees its place.
    pub heartbeat_ms: u64,
    /// How long `/readyz` waits for the store.
    pub ready_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 2_048,
            head_ms_max: 15_000,
            head_busy_ms_max: 2_000,
            body_ms_max: 10_000,
            write_stall_ms_max: 15_000,
            drain_ms_max: 10_000,
            large_body_bytes_max: 32 << 20,
            event_streams_max: 64,
            heartbeat_ms: 10_000,
            ready_ms_max: 2_000,
        }
    }
}

/// What the server is set up with.
#[derive(Debug, Clone, Default)]
pub struct ServerSetup {
    /// Who may use `/v1`. Without tokens nobody may.
    pub tokens: Vec<Token>,
    /// What callers may cost.
    pub limits: Limits,
    /// Where people find our accounts.
    pub doors: Vec<AccountLink>,
    /// Where people find the pages: `https://…`, without a slash behind it.
    pub public_url: Option<String>,
}

/// Where people find one of our accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLink {
    /// The account's name.
    pub account: String,
    /// An address that opens a chat with it on a phone: `https://…` or `mailto:…`.
    pub link: String,
}

/// A number of milliseconds as the runtime's own type.
pub(crate) const fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
