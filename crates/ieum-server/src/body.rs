//! Bodies: read whole, within a size, a time and a share of memory.
//!
//! A small body costs nothing but itself. A larger one first takes a share of what all of them
//! may hold together. Invariant: whatever callers send, bodies never hold more than
//! [`Limits::large_body_bytes_max`] and [`SMALL_BODY_BYTES_MAX`] for each connection.
//!
//! [`Limits::large_body_bytes_max`]: crate::setup::Limits::large_body_bytes_max

use crate::problem::{Kind, Problem};
use crate::setup::{DISCARDED_BYTES_MAX, Limits, SMALL_BODY_BYTES_MAX, millis};
use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One permit stands for so many bytes.
const SHARE_BYTES: usize = 1_024;
/// Up to here a body has a share of what came of it only: a word about its size is no work.
const PROVEN_BYTES: usize = 256 * 1_024;

/// Reads bodies; one for the whole server.
#[derive(Debug)]
pub(crate) struct BodyReader {
    shares: Arc<Semaphore>,
    wait: Duration,
}

/// A body, with its share of memory, which is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct WholeBody {
    /// The bytes.
    pub(crate) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

impl BodyReader {
    /// A reader with these limits.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            shares: Arc::new(Semaphore::new(limits.large_body_bytes_max / SHARE_BYTES)),
            wait: millis(limits.body_ms_max),
        }
    }

    /// Reads a body of at most `bytes_max`.
    pub(crate) async fn read(&self, body: Body, bytes_max: usize) -> Result<WholeBody, Problem> {
        let whole = self.collect(body, bytes_max);
        match tokio::time::timeout(self.wait, whole).await {
            Ok(whole) => whole,
            Err(_) => Err(Problem::new(Kind::Timeout, "the body did not come in time")),
        }
    }

    async fn collect(&self, mut body: Body, bytes_max: usize) -> Result<WholeBody, Problem> {
        let declared = body.size_hint().exact();
        if declared.is_some_and(|bytes| bytes > bytes_max as u64) {
            return Err(too_large(body, bytes_max).await);
        }
        let mut kept = Kept::default();
        let mut share: Option<OwnedSemaphorePermit> = None;
        while let Some(chunk) = next_chunk(&mut body).await? {
            let bytes = kept.len() + chunk.len();
            if bytes > bytes_max {
                drop(kept);
                return Err(too_large(body, bytes_max).await);
            }
            let whole = declared.and_then(|bytes| usize::try_from(bytes).ok());
            let wanted = if bytes <= SMALL_BODY_BYTES_MAX {
                0
            } else if bytes <= PROVEN_BYTES {
                bytes
            } else {
                whole.unwrap_or(bytes_max)
            };
            let has = share.as_ref().map_or(0, |share| share.num_permits() * SHARE_BYTES);
            if wanted > has {
                let more = self.share(wanted - has).await?;
                match &mut share {
                    Some(share) => share.merge(more),
                    None => share = Some(more),
                }
            }
            kept.push(chunk);
        }
        let bytes = kept.into_bytes();
        Ok(WholeBody { bytes, _share: share })
    }

    async fn share(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let permits = u32::try_from(bytes.div_ceil(SHARE_BYTES)).unwrap_or(u32::MAX);
        let taken = Arc::clone(&self.shares).acquire_many_owned(permits).await;
        taken.map_err(|_| Problem::unavailable("the shares of large bodies are closed"))
    }
}

/// The chunks so far: one alone is never copied.
#[derive(Debug, Default)]
struct Kept {
    first: Bytes,
    joined: BytesMut,
}

impl Kept {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn push(&mut self, chunk: Bytes) {
        if self.len() == 0 {
            self.first = chunk;
            return;
        }
        if !self.first.is_empty() {
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&chunk);
    }

    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

async fn next_chunk(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Kind::Malformed, "the body broke off"))?;
        if let Ok(chunk) = frame.into_data() {
            return Ok(Some(chunk));
        }
    }
    Ok(None)
}

/// Reads on for a while without keeping anything: a caller that is still writing would otherwise
/// see a broken connection instead of the answer.
async fn too_large(mut body: Body, bytes_max: usize) -> Problem {
    let mut discarded = 0;
    while let Ok(Some(chunk)) = next_chunk(&mut body).await {
        discarded += chunk.len();
        if discarded > DISCARDED_BYTES_MAX {
            break;
        }
    }
    Problem::new(Kind::TooLarge, format!("the body is over {bytes_max} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    fn chunked(chunks: Vec<&'static [u8]>) -> Body {
        let chunks = chunks.into_iter().map(Bytes::from_static);
        Body::from_stream(stream::iter(chunks.map(Ok::<_, std::io::Error>)))
    }

    fn reader() -> BodyReader {
        BodyReader::new(&Limits {
            large_body_bytes_max: 32 * 1_024,
            body_ms_max: 1_000,
            ..Limits::default()
        })
    }

    #[tokio::test]
    async fn chunks_are_joined_in_order_and_counted() {
        let body = chunked(vec![b"", b"ab", b"", b"cd", b"e"]);
        assert_eq!(reader().read(body, 5).await.unwrap().bytes, "abcde");
        let body = chunked(vec![b"ab", b"cd", b"ef"]);
        let problem = reader().read(body, 5).await.unwrap_err();
        assert_eq!(problem.kind(), Kind::TooLarge);
        assert_eq!(reader().read(Body::empty(), 0).await.unwrap().bytes, "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_comes_is_given_up() {
        let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let problem = reader().read(body, 5).await.unwrap_err();
        assert_eq!(problem.kind(), Kind::Timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_share_what_there_is_and_small_ones_pass() {
        let reader = reader();
        let large = || Body::from(vec![b'x'; 20 * 1_024]);
        let first = reader.read(large(), 32 * 1_024).await.unwrap();
        let problem = reader.read(large(), 32 * 1_024).await.unwrap_err();
        assert_eq!(problem.kind(), Kind::Timeout);
        assert_eq!(reader.read(Body::from("small"), 32).await.unwrap().bytes, "small");
        drop(first);
        assert!(reader.read(large(), 32 * 1_024).await.is_ok());
    }
}
