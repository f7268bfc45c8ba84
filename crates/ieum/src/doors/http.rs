//! The HTTP port over hyper: HTTP/1.1, kept-alive connections, no redirects, no retries of what
//! may have left.
//!
//! hyper repeats a request by itself only when it was never written (a kept-alive connection
//! closed before its turn). Invariant: [`HttpFailure::NotSent`] is told only when not one byte of
//! the request can have reached the other side.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{CaptureConnection, HttpConnector, capture_connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::http::{HttpFailure, HttpLimits, HttpTransport};
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;

/// Kept-alive connections to one host that wait for work.
pub const IDLE_PER_HOST_MAX: usize = 128;
/// How long such a connection is kept, in real time; shorter than servers keep theirs, so that
/// a request seldom meets a connection that is just being closed.
pub const IDLE_KEPT_MS: u64 = 15_000;
/// Largest head of an answer.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// HTTP calls over real sockets.
#[derive(Debug)]
pub struct HyperTransport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
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
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_millis(IDLE_KEPT_MS))
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .build(connector);
        Self { client, clock }
    }
}

impl HttpTransport for HyperTransport {
    fn call(
        &self,
        request: Request<Bytes>,
        limits: HttpLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, HttpFailure>> {
        let mut request = request.map(Full::new);
        let connection = capture_connection(&mut request);
        let answer = self.client.request(request);
        let deadline = self.clock.sleep(limits.timeout_ms);
        Box::pin(async move {
            let exchange = async {
                let answer = answer.await.map_err(|error| failure(&error, &connection))?;
                read_whole(answer, limits.answer_bytes_max).await
            };
            tokio::select! {
                biased;
                answer = exchange => answer,
                () = deadline => Err(timed_out(&connection, limits.timeout_ms)),
            }
        })
    }
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

/// A failed call. Errors of hyper never hold the URI, which may contain a token.
fn failure(error: &Error, connection: &CaptureConnection) -> HttpFailure {
    if error.is_connect() || never_connected(connection) || never_written(error) {
        HttpFailure::NotSent(chain(error))
    } else {
        HttpFailure::NoAnswer(chain(error))
    }
}

/// Nothing can have been written while no connection was given to the request.
fn never_connected(connection: &CaptureConnection) -> bool {
    connection.connection_metadata().is_none()
}

/// hyper calls a request canceled only when it hands it back unwritten.
fn never_written(error: &Error) -> bool {
    std::error::Error::source(error)
        .and_then(|cause| cause.downcast_ref::<hyper::Error>())
        .is_some_and(hyper::Error::is_canceled)
}

fn timed_out(connection: &CaptureConnection, timeout_ms: u64) -> HttpFailure {
    if never_connected(connection) {
        HttpFailure::NotSent(format!("not connected within {timeout_ms} ms"))
    } else {
        HttpFailure::NoAnswer(format!("no whole answer within {timeout_ms} ms"))
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
#[path = "http_tests.rs"]
mod tests;
