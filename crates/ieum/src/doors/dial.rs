//! The dialling port: `ws://` and `wss://` over tungstenite (text messages only), and bare TCP.
//!
//! Pings are answered by the library; binary messages are dropped. Invariant: after
//! [`Frame::Closed`] every further read gives the same [`Frame::Closed`].

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, SinkExt, StreamExt};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::dial::{
    ByteStream, CHUNK_BYTES_MAX, Dial, DialFailure, FRAME_BYTES_MAX, Frame, FrameStream,
};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

/// Read and write buffers of one stream; a gateway's frames are a few hundred bytes.
const BUFFER_BYTES: usize = 16 * 1024;
/// Most that waits to be written before a send fails.
const UNSENT_BYTES_MAX: usize = FRAME_BYTES_MAX + BUFFER_BYTES;

/// WebSockets over real sockets.
pub struct TungsteniteDial {
    tls: Arc<ClientConfig>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for TungsteniteDial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TungsteniteDial(..)")
    }
}

impl TungsteniteDial {
    /// Deadlines run on `clock`.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>, clock: Arc<dyn Clock>) -> Self {
        Self { tls, clock }
    }
}

impl Dial for TungsteniteDial {
    fn websocket<'a>(
        &'a self,
        url: &'a str,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<Box<dyn FrameStream>, DialFailure>> {
        let tls = Connector::Rustls(Arc::clone(&self.tls));
        let opening =
            tokio_tungstenite::connect_async_tls_with_config(url, Some(limits()), true, Some(tls));
        let deadline = self.clock.sleep(timeout_ms);
        Box::pin(async move {
            tokio::select! {
                biased;
                opened = Box::pin(opening) => match opened {
                    Ok((socket, _)) => Ok(Box::new(Stream { socket, closed: None }) as _),
                    Err(error) => Err(DialFailure(error.to_string())),
                },
                () = deadline => Err(late(timeout_ms)),
            }
        })
    }

    fn tcp<'a>(
        &'a self,
        address: &'a str,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, DialFailure>> {
        Box::pin(self.within(timeout_ms, async move { Ok(raw(connect(address).await?)) }))
    }

    fn tls<'a>(
        &'a self,
        address: &'a str,
        timeout_ms: u64,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, DialFailure>> {
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        Box::pin(self.within(timeout_ms, async move {
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host).to_owned();
            let name = ServerName::try_from(host).map_err(|error| failure(&error))?;
            let socket = connect(address).await?;
            let socket = connector.connect(name, socket).await.map_err(|error| failure(&error))?;
            Ok(raw(socket))
        }))
    }
}

impl TungsteniteDial {
    /// What is opened, or a failure once the time is up.
    async fn within<T>(
        &self,
        timeout_ms: u64,
        opening: impl Future<Output = Result<T, DialFailure>> + Send,
    ) -> Result<T, DialFailure> {
        let deadline = self.clock.sleep(timeout_ms);
        tokio::select! {
            biased;
            opened = Box::pin(opening) => opened,
            () = deadline => Err(late(timeout_ms)),
        }
    }
}

async fn connect(address: &str) -> Result<Prompt, DialFailure> {
    let socket = TcpStream::connect(address).await.map_err(|error| failure(&error))?;
    // Small stanzas must not wait for one another's acknowledgement.
    socket.set_nodelay(true).map_err(|error| failure(&error))?;
    Ok(Prompt(socket))
}

/// A connection that acknowledges what it reads at once. A server that does not send small
/// segments before the last one is acknowledged (RFC 896) would keep each line back until our
/// kernel's 40 ms of waiting for an answer to ride on are over (RFC 1122, 4.2.3.2).
struct Prompt(TcpStream);

impl AsyncRead for Prompt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.0).poll_read(context, buffer);
        #[cfg(target_os = "linux")]
        if read.is_ready() {
            // The kernel takes this back by itself; where it does not know it, lines are later.
            let _later = socket2::SockRef::from(&self.0).set_tcp_quickack(true);
        }
        read
    }
}

impl AsyncWrite for Prompt {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

fn raw<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(socket: S) -> Box<dyn ByteStream> {
    Box::new(Raw { socket, unread: BytesMut::with_capacity(BUFFER_BYTES) })
}

fn late(timeout_ms: u64) -> DialFailure {
    DialFailure(format!("not open within {timeout_ms} ms"))
}

fn failure(error: &impl std::fmt::Display) -> DialFailure {
    DialFailure(error.to_string())
}

/// A connection without frames.
struct Raw<S> {
    socket: S,
    unread: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for Raw<S> {
    fn send(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), DialFailure>> {
        Box::pin(async move {
            self.socket.write_all(&bytes).await.map_err(|error| failure(&error))?;
            // TLS keeps back what it was given until it is told to let go.
            self.socket.flush().await.map_err(|error| failure(&error))
        })
    }

    /// Reading into the buffer either takes bytes and ends, or takes none: dropping it between two
    /// polls loses nothing.
    fn next(&mut self) -> BoxFuture<'_, Bytes> {
        Box::pin(async move {
            self.unread.reserve(BUFFER_BYTES.min(CHUNK_BYTES_MAX));
            match self.socket.read_buf(&mut self.unread).await {
                Ok(_) => self.unread.split().freeze(),
                Err(_) => Bytes::new(),
            }
        })
    }
}

fn limits() -> WebSocketConfig {
    let mut config = WebSocketConfig::default();
    config.read_buffer_size = BUFFER_BYTES;
    config.write_buffer_size = 0;
    config.max_write_buffer_size = UNSENT_BYTES_MAX;
    config.max_message_size = Some(FRAME_BYTES_MAX);
    config.max_frame_size = Some(FRAME_BYTES_MAX);
    config
}

struct Stream {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Set when the stream ended: the code of the other side, if it told one.
    closed: Option<Option<u16>>,
}

impl Stream {
    /// Reads until a text or the end comes. Only the socket holds what was read, so that dropping
    /// this between two polls loses nothing.
    async fn read(&mut self) -> Frame {
        loop {
            if let Some(code) = self.closed {
                return Frame::Closed(code);
            }
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Frame::Text(text.as_str().to_owned()),
                Some(Ok(Message::Close(frame))) => {
                    self.closed = Some(frame.map(|frame| frame.code.into()));
                    // Our answer to the close is queued; one try to write it is all it is worth.
                    self.socket.flush().now_or_never();
                }
                Some(Err(_)) | None => self.closed = Some(None),
                Some(Ok(
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
                )) => {}
            }
        }
    }
}

impl FrameStream for Stream {
    fn send(&mut self, text: String) -> BoxFuture<'_, Result<(), DialFailure>> {
        Box::pin(async move {
            if self.closed.is_some() {
                return Err(DialFailure(Error::ConnectionClosed.to_string()));
            }
            let sent = self.socket.send(Message::text(text)).await;
            sent.map_err(|error| DialFailure(error.to_string()))
        })
    }

    fn next(&mut self) -> BoxFuture<'_, Frame> {
        Box::pin(self.read())
    }

    fn close(&mut self, code: u16) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
            // One poll writes the frame unless the peer takes nothing any more.
            self.socket.send(Message::Close(Some(frame))).now_or_never();
            self.closed.get_or_insert(None);
        })
    }
}

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;
