//! The dialling port: long-lived WebSocket streams (a network's gateway).

use super::BoxFuture;

/// Largest text frame that is accepted.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// What came out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// One text message.
    Text(String),
    /// The other side closed; `None` when the connection was lost without a close frame.
    Closed(Option<u16>),
}

/// Why a stream could not be opened or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stream: {0}")]
pub struct DialFailure(pub String);

/// An open WebSocket. After [`Frame::Closed`] nothing more comes.
pub trait FrameStream: Send {
    /// Sends one text message.
    fn send(&mut self, text: String) -> BoxFuture<'_, Result<(), DialFailure>>;
    /// The next frame. Safe to drop and call again: no frame is lost.
    fn next(&mut self) -> BoxFuture<'_, Frame>;
    /// Closes with a code and waits for nothing.
    fn close(&mut self, code: u16) -> BoxFuture<'_, ()>;
}

/// Opens streams.
pub trait Dial: Send + Sync + std::fmt::Debug {
    /// Connects to a `ws://` or `wss://` address within `timeout_ms`.
    fn websocket<'a>(
        &'a self,
        url: &'a str,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<Box<dyn FrameStream>, DialFailure>>;
}
