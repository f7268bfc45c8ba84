//! The HTTP port: one request out, one answer or a typed failure back. It never retries.

use super::BoxFuture;
use bytes::{Bytes, BytesMut};

/// How long one call may take and how large its answer may be.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// The whole exchange, from connecting to the last byte of the answer, on the clock port.
    pub timeout_ms: u64,
    /// An answer with a longer body is [`HttpFailure::AnswerTooLarge`].
    pub answer_bytes_max: usize,
}

/// Why there is no answer. The distinction decides whether a message may be sent again unlabelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpFailure {
    /// The request certainly did not reach the other side (refused, unresolvable, no route).
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request may have reached the other side (timed out, connection lost while waiting).
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// An answer came but its body is over the limit; the other side has acted.
    #[error("answer too large")]
    AnswerTooLarge,
}

/// Bytes that come piece by piece: of a file that goes out, or of an answer.
pub trait PieceStream: Send {
    /// The next piece; `None` at the end. After a failure nothing more comes.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, HttpFailure>>;
}

/// The body of a request that may be too large for memory.
pub enum Upload {
    /// All of it.
    Whole(Bytes),
    /// So many bytes, piece by piece.
    Streamed {
        /// How many in all.
        bytes: u64,
        /// Their pieces.
        pieces: Box<dyn PieceStream>,
    },
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(bytes) => write!(out, "Whole({} bytes)", bytes.len()),
            Self::Streamed { bytes, .. } => write!(out, "Streamed({bytes} bytes)"),
        }
    }
}

/// Which hosts may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Any: the operator named it.
    Anywhere,
    /// Only addresses of the public internet: a stranger named it.
    PublicOnly,
}

/// How long a large exchange may stand still, and where it may go.
#[derive(Debug, Clone, Copy)]
pub struct CarryLimits {
    /// Longest time without a byte in either direction, on the clock port.
    pub idle_ms: u64,
    /// Where it may go.
    pub reach: Reach,
}

/// Largest body that a transport without streams of its own takes or gives.
pub const CARRIED_WHOLE_BYTES_MAX: usize = 64 << 20;

/// Performs HTTP calls.
pub trait HttpTransport: Send + Sync + std::fmt::Debug {
    /// Sends `request` (absolute URI) once, its body piece by piece, and gives the answer's body
    /// piece by piece. [`HttpFailure::NotSent`] also tells that the body did not leave whole.
    ///
    /// A transport that has no streams does it by [`Self::call`], all in memory.
    fn carry(
        &self,
        request: http::Request<Upload>,
        limits: CarryLimits,
    ) -> BoxFuture<'_, Result<http::Response<Box<dyn PieceStream>>, HttpFailure>> {
        Box::pin(async move {
            let (head, upload) = request.into_parts();
            let body = whole(upload).await?;
            let limits = HttpLimits {
                timeout_ms: limits.idle_ms,
                answer_bytes_max: CARRIED_WHOLE_BYTES_MAX,
            };
            let answer = self.call(http::Request::from_parts(head, body), limits).await?;
            Ok(answer.map(|body| {
                let pieces: Box<dyn PieceStream> = Box::new(OnePiece(Some(body)));
                pieces
            }))
        })
    }

    /// Sends `request` (absolute URI) once and reads the whole answer.
    fn call(
        &self,
        request: http::Request<Bytes>,
        limits: HttpLimits,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, HttpFailure>>;
}

/// All of a body that is not too large.
async fn whole(upload: Upload) -> Result<Bytes, HttpFailure> {
    let mut pieces = match upload {
        Upload::Whole(bytes) => return Ok(bytes),
        Upload::Streamed { pieces, .. } => pieces,
    };
    let mut all = BytesMut::new();
    while let Some(piece) = pieces.next().await? {
        all.extend_from_slice(&piece);
        if all.len() > CARRIED_WHOLE_BYTES_MAX {
            return Err(HttpFailure::NotSent("too large for this transport".to_owned()));
        }
    }
    Ok(all.freeze())
}

/// A body that is here already.
#[derive(Debug)]
pub struct OnePiece(pub Option<Bytes>);

impl PieceStream for OnePiece {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, HttpFailure>> {
        let piece = self.0.take().filter(|piece| !piece.is_empty());
        Box::pin(std::future::ready(Ok(piece)))
    }
}
