//! The dialling port: long-lived streams, of WebSocket frames (a network's gateway) or of bytes
//! (a server that speaks its own protocol over TCP).

use super::BoxFuture;
use bytes::Bytes;

/// Largest text frame that is accepted.
pub const FRAME_BYTES_MAX: usize = 1 << 20;
/// Most bytes that one read of a byte stream gives.
pub const CHUNK_BYTES_MAX: usize = 64 * 1024;

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

/// An open stream of bytes; dropping it closes it.
pub trait ByteStream: Send {
    /// Hands all bytes to the operating system; after a failure nothing more can be written.
    fn send(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), DialFailure>>;
    /// The next bytes, at most [`CHUNK_BYTES_MAX`]; none at all once the stream has ended, however
    /// it ended. Safe to drop and call again: no byte is lost.
    fn next(&mut self) -> BoxFuture<'_, Bytes>;
}

/// Opens streams.
pub trait Dial: Send + Sync + std::fmt::Debug {
    /// Connects to a `ws://` or `wss://` address within `timeout_ms`.
    fn websocket<'a>(
        &'a self,
        url: &'a str,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<Box<dyn FrameStream>, DialFailure>>;

    /// Connects to `host:port` over TCP within `timeout_ms`.
    fn tcp<'a>(
        &'a self,
        address: &'a str,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, DialFailure>>;

    /// The same over TLS from the first byte; the other side proves that it is `host`.
    fn tls<'a>(
        &'a self,
        address: &'a str,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, DialFailure>>;
}
