//! The HTTP port over hyper: HTTP/1.1, kept-alive connections, no redirects, no retries of what
//! may have left.
//!
//! A request is repeated only when hyper hands it back unwritten (a kept-alive connection closed
//! before its turn). Invariant: [`HttpFailure::NotSent`] is told only when not one byte of the
//! request can have reached the other side.

mod carrying;
mod connection;
mod pool;

pub use connection::HEAD_BYTES_MAX;
pub use pool::{IDLE_KEPT_MS, IDLE_PER_HOST_MAX};

use bytes::Bytes;
use carrying::{Carried, Carrier};
use connection::Connection;
use http::header::HOST;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::http::{CarryLimits, HttpFailure, HttpLimits, HttpTransport, Upload};
use pool::{Host, Pool};
use rustls::ClientConfig;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tower::ServiceExt;

/// HTTP calls over real sockets.
#[derive(Debug)]
pub struct HyperTransport {
    connector: HttpsConnector<HttpConnector>,
    pool: Pool,
    carrier: Carrier,
    clock: Arc<dyn Clock>,
}

impl HyperTransport {
    /// Deadlines run on `clock`.
    #[must_use]
    pub fn new(tls: &ClientConfig, clock: Arc<dyn Clock>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let carrier = Carrier::new(connector.clone(), tls, Arc::clone(&clock));
        Self { connector, pool: Pool::default(), carrier, clock }
    }

    /// The whole exchange; `given` is set once a connection has the request.
    async fn exchange(
        &self,
        request: Request<Bytes>,
        answer_bytes_max: usize,
        given: &AtomicBool,
    ) -> Result<Response<Bytes>, HttpFailure> {
        let (host, uri, mut request) = addressed(request.map(Full::new))?;
        loop {
            let kept = self.kept(&host).await;
            let is_new = kept.is_none();
            let connection = match kept {
                Some(kept) => kept,
                None => Box::pin(self.connect(uri.clone())).await?,
            };
            match self.once(&host, connection, request, answer_bytes_max, given).await {
                Once::Ended(answer) => return answer,
                Once::Unwritten(again) if !is_new => request = *again,
                Once::Unwritten(_) => {
                    return Err(HttpFailure::NotSent("closed before its turn".to_owned()));
                }
            }
        }
    }

    /// A connection from an earlier call that can still be used.
    async fn kept(&self, host: &Host) -> Option<Connection> {
        while let Some(mut kept) = self.pool.take(host) {
            if kept.usable().await {
                return Some(kept);
            }
        }
        None
    }

    async fn connect(&self, uri: Uri) -> Result<Connection, HttpFailure> {
        let stream = self.connector.clone().oneshot(uri).await;
        let stream = stream.map_err(|error| HttpFailure::NotSent(chain(error.as_ref())))?;
        Connection::over(stream).await.map_err(|error| HttpFailure::NotSent(chain(&error)))
    }

    /// One request over one connection, which is kept where it can be used again.
    async fn once(
        &self,
        host: &Host,
        mut connection: Connection,
        request: Request<Full<Bytes>>,
        answer_bytes_max: usize,
        given: &AtomicBool,
    ) -> Once {
        given.store(true, Ordering::Relaxed);
        let answer = match connection.send(request).await {
            Ok(answer) => answer,
            Err(mut failed) => {
                if let Some(unwritten) = failed.take_message() {
                    given.store(false, Ordering::Relaxed);
                    return Once::Unwritten(Box::new(unwritten));
                }
                return Once::Ended(Err(HttpFailure::NoAnswer(chain(failed.error()))));
            }
        };
        let whole = connection.during(read_whole(answer, answer_bytes_max)).await;
        if whole.is_ok() && connection.usable().await {
            self.pool.keep(host.clone(), connection);
        }
        Once::Ended(whole)
    }
}

/// What came of one request over one connection.
enum Once {
    /// Not one byte of it was written.
    Unwritten(Box<Request<Full<Bytes>>>),
    Ended(Result<Response<Bytes>, HttpFailure>),
}

impl HttpTransport for HyperTransport {
    fn carry(&self, request: Request<Upload>, limits: CarryLimits) -> BoxFuture<'_, Carried> {
        Box::pin(self.carrier.carry(request, limits))
    }

    fn call(
        &self,
        request: Request<Bytes>,
        limits: HttpLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, HttpFailure>> {
        let deadline = self.clock.sleep(limits.timeout_ms);
        Box::pin(async move {
            let given = AtomicBool::new(false);
            tokio::select! {
                biased;
                answer = self.exchange(request, limits.answer_bytes_max, &given) => answer,
                () = deadline => Err(timed_out(given.load(Ordering::Relaxed), limits.timeout_ms)),
            }
        })
    }
}

/// Where a request goes, and the request in the form that a server wants.
fn addressed<B>(mut request: Request<B>) -> Result<(Host, Uri, Request<B>), HttpFailure> {
    let unusable = |what: &str| HttpFailure::NotSent(format!("an address without {what}"));
    let uri = request.uri().clone();
    let scheme = uri.scheme().ok_or_else(|| unusable("a scheme"))?;
    let authority = uri.authority().ok_or_else(|| unusable("a host"))?.clone();
    let host = HeaderValue::from_str(bare(&authority)).map_err(|_| unusable("a usable host"))?;
    request.headers_mut().entry(HOST).or_insert(host);
    let path = uri.path_and_query().cloned();
    *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    Ok(((*scheme == Scheme::HTTPS, authority), uri, request))
}

/// Host and port, without a name and password before them.
fn bare(authority: &http::uri::Authority) -> &str {
    let whole = authority.as_str();
    whole.rsplit_once('@').map_or(whole, |(_, host)| host)
}

async fn read_whole(
    answer: Response<Incoming>,
    bytes_max: usize,
) -> Result<Response<Bytes>, HttpFailure> {
    let (head, body) = answer.into_parts();
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(HttpFailure::AnswerTooLarge),
        Err(error) => Err(HttpFailure::NoAnswer(format!(
            "answer {} broke off: {}",
            head.status,
            chain(error.as_ref())
        ))),
    }
}

fn timed_out(given: bool, timeout_ms: u64) -> HttpFailure {
    if given {
        HttpFailure::NoAnswer(format!("no whole answer within {timeout_ms} ms"))
    } else {
        HttpFailure::NotSent(format!("not connected within {timeout_ms} ms"))
    }
}

/// The error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}

#[cfg(test)]
#[path = "http_carrying_tests.rs"]
mod carrying_tests;
#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
