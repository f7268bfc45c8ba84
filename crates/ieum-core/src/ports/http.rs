//! The HTTP port: one request out, one answer or a typed failure back. It never retries.

use super::BoxFuture;
use bytes::Bytes;

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

/// Performs HTTP calls.
pub trait HttpTransport: Send + Sync + std::fmt::Debug {
    /// Sends `request` (absolute URI) once and reads the whole answer.
    fn call(
        &self,
        request: http::Request<Bytes>,
        limits: HttpLimits,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, HttpFailure>>;
}
