//! Exchanges too large for memory: a body out and a body in, a piece at a time.
//!
//! Each has a connection of its own, which ends with it. Invariants: no body is ever held whole; a
//! call that may reach the public internet only connects to no other address, by name or number.

use super::connection::Connection;
use super::{addressed, chain};
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use ieum_core::media::reach::is_public;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::http::{CarryLimits, HttpFailure, PieceStream, Reach, Upload};
use rustls::ClientConfig;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tower::{Service, ServiceExt as _};

/// What an exchange comes to.
pub(super) type Carried = Result<Response<Box<dyn PieceStream>>, HttpFailure>;

/// Both ways to connect.
#[derive(Debug)]
pub(super) struct Carrier {
    anywhere: HttpsConnector<HttpConnector>,
    public_only: HttpsConnector<HttpConnector<PublicNames>>,
    clock: Arc<dyn Clock>,
}

impl Carrier {
    pub(super) fn new(
        anywhere: HttpsConnector<HttpConnector>,
        tls: &ClientConfig,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(PublicNames(GaiResolver::new()));
        tcp.enforce_http(false);
        let public_only = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self { anywhere, public_only, clock }
    }

    pub(super) async fn carry(&self, request: Request<Upload>, limits: CarryLimits) -> Carried {
        let (_, uri, request) = addressed(request.map(UploadBody::new))?;
        let progress = request.body().progress();
        let connecting = self.connect(uri, limits.reach);
        let connected = self.within(connecting, limits.idle_ms).await;
        let mut connection = connected.ok_or_else(|| {
            HttpFailure::NotSent(format!("not connected within {} ms", limits.idle_ms))
        })??;
        let sending = connection.send(request);
        let sent = self.moving(sending, &progress, limits.idle_ms).await;
        let answer = match sent {
            Some(Ok(answer)) => answer,
            Some(Err(failed)) => return Err(progress.failure(&chain(failed.error()))),
            None => return Err(progress.failure("it stood still")),
        };
        let (head, body) = answer.into_parts();
        let clock = Arc::clone(&self.clock);
        let pieces: Box<dyn PieceStream> =
            Box::new(AnswerPieces { connection, body, clock, idle_ms: limits.idle_ms });
        Ok(Response::from_parts(head, pieces))
    }

    async fn connect(&self, uri: Uri, reach: Reach) -> Result<Connection<UploadBody>, HttpFailure> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            HttpFailure::NotSent(chain(error.as_ref()))
        };
        let stream = match reach {
            Reach::Anywhere => self.anywhere.clone().oneshot(uri).await,
            Reach::PublicOnly => {
                // A number needs no resolver, which would have looked at it.
                let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
                if host.parse::<IpAddr>().is_ok_and(|address| !is_public(address)) {
                    return Err(HttpFailure::NotSent(NOT_PUBLIC.to_owned()));
                }
                self.public_only.clone().oneshot(uri).await
            }
        };
        let connection = Connection::over(stream.map_err(failed)?).await;
        connection.map_err(|error| HttpFailure::NotSent(chain(&error)))
    }

    /// What `wait` gives, if it does in time.
    async fn within<F: Future>(&self, wait: F, idle_ms: u64) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = wait => Some(output),
            () = self.clock.sleep(idle_ms) => None,
        }
    }

    /// What `wait` gives, as long as the upload moves.
    async fn moving<F: Future>(
        &self,
        wait: F,
        progress: &Progress,
        idle_ms: u64,
    ) -> Option<F::Output> {
        let mut wait = std::pin::pin!(wait);
        let mut before = progress.sent();
        loop {
            tokio::select! {
                biased;
                output = &mut wait => return Some(output),
                () = self.clock.sleep(idle_ms) => {}
            }
            let now = progress.sent();
            if now == before {
                return None;
            }
            before = now;
        }
    }
}

const NOT_PUBLIC: &str = "not an address of the public internet";

/// Resolves names to public addresses only.
#[derive(Debug, Clone)]
pub(super) struct PublicNames(GaiResolver);

impl Service<Name> for PublicNames {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.0.call(name);
        Box::pin(async move {
            let public: Vec<_> = resolving.await?.filter(|one| is_public(one.ip())).collect();
            if public.is_empty() {
                return Err(std::io::Error::other(NOT_PUBLIC));
            }
            Ok(public.into_iter())
        })
    }
}

/// How much of a body has left, seen from outside.
#[derive(Debug, Clone)]
struct Progress {
    sent: Arc<AtomicU64>,
    whole: u64,
}

impl Progress {
    fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// A body that did not leave whole was acted on by nobody.
    fn failure(&self, why: &str) -> HttpFailure {
        if self.sent() < self.whole {
            HttpFailure::NotSent(format!("the body did not leave whole: {why}"))
        } else {
            HttpFailure::NoAnswer(why.to_owned())
        }
    }
}

type NextPiece = (Box<dyn PieceStream>, Result<Option<Bytes>, HttpFailure>);

/// An upload as hyper asks for it.
pub(super) struct UploadBody {
    waiting: Option<Bytes>,
    pieces: Option<Box<dyn PieceStream>>,
    asked: Option<BoxFuture<'static, NextPiece>>,
    progress: Progress,
}

impl UploadBody {
    fn new(upload: Upload) -> Self {
        let (waiting, pieces, whole) = match upload {
            Upload::Whole(bytes) => {
                let whole = bytes.len() as u64;
                (Some(bytes).filter(|bytes| !bytes.is_empty()), None, whole)
            }
            Upload::Streamed { bytes, pieces } => (None, Some(pieces), bytes),
        };
        Self { waiting, pieces, asked: None, progress: Progress { sent: Arc::default(), whole } }
    }

    fn progress(&self) -> Progress {
        self.progress.clone()
    }

    fn give(&self, piece: Bytes) -> Poll<Option<Result<Frame<Bytes>, HttpFailure>>> {
        self.progress.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = HttpFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpFailure>>> {
        if let Some(piece) = self.waiting.take() {
            return self.give(piece);
        }
        if let Some(mut pieces) = self.pieces.take() {
            self.asked = Some(Box::pin(async move {
                let next = pieces.next().await;
                (pieces, next)
            }));
        }
        let Some(asked) = &mut self.asked else {
            return Poll::Ready(None);
        };
        let (pieces, next) = ready!(asked.as_mut().poll(cx));
        self.asked = None;
        match next {
            Ok(Some(piece)) => {
                self.pieces = Some(pieces);
                self.give(piece)
            }
            Ok(None) => Poll::Ready(None),
            Err(failure) => Poll::Ready(Some(Err(failure))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.pieces.is_none() && self.asked.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.progress.whole.saturating_sub(self.progress.sent()))
    }
}

/// The body of an answer, with the connection that it comes over.
struct AnswerPieces {
    connection: Connection<UploadBody>,
    body: Incoming,
    clock: Arc<dyn Clock>,
    idle_ms: u64,
}

impl PieceStream for AnswerPieces {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, HttpFailure>> {
        Box::pin(async {
            let Self { connection, body, clock, idle_ms } = self;
            loop {
                let frame = tokio::select! {
                    biased;
                    frame = connection.during(body.frame()) => frame,
                    () = clock.sleep(*idle_ms) => {
                        return Err(HttpFailure::NoAnswer("it stood still".to_owned()));
                    }
                };
                match frame {
                    None => return Ok(None),
                    Some(Err(error)) => return Err(HttpFailure::NoAnswer(chain(&error))),
                    Some(Ok(frame)) => {
                        let piece = frame.into_data().ok().filter(|piece| !piece.is_empty());
                        if piece.is_some() {
                            return Ok(piece);
                        }
                    }
                }
            }
        })
    }
}
