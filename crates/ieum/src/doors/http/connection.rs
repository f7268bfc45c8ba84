//! One HTTP/1.1 connection, driven by whoever waits for its answer.
//!
//! The usual client gives each connection a task of its own, and every call then wakes three. Here
//! the waiting call polls its connection itself. Invariant: a connection is used by one call at a
//! time, and only while that call polls it does anything move on it.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// Largest head of an answer.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What became of a request; one that was never written is handed back.
pub(super) type Sent<B> = Result<Response<Incoming>, TrySendError<Request<B>>>;

/// A connection and both of its ends.
pub(super) struct Connection<B = Full<Bytes>> {
    sender: SendRequest<B>,
    driver: Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>,
    closed: bool,
}

impl<B> std::fmt::Debug for Connection<B> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").field("closed", &self.closed).finish()
    }
}

impl<B> Connection<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Over a stream that is connected, and encrypted where it should be.
    pub(super) async fn over<S>(stream: S) -> hyper::Result<Self>
    where
        S: Read + Write + Unpin + Send + 'static,
    {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX);
        let (sender, connection) = builder.handshake(stream).await?;
        Ok(Self { sender, driver: Box::pin(connection), closed: false })
    }

    /// Sends one request and waits for the head of its answer.
    pub(super) async fn send(&mut self, request: Request<B>) -> Sent<B> {
        let answer = self.sender.try_send_request(request);
        let (driver, closed) = (&mut self.driver, &mut self.closed);
        driving(driver, closed, answer).await
    }

    /// Waits for something that needs the connection to move, as the body of an answer does.
    pub(super) async fn during<F: Future>(&mut self, wait: F) -> F::Output {
        driving(&mut self.driver, &mut self.closed, wait).await
    }

    /// Whether the next request could go out now: the last answer is read whole and the other side
    /// has not closed meanwhile.
    pub(super) async fn usable(&mut self) -> bool {
        poll_fn(|cx| {
            drive(&mut self.driver, &mut self.closed, cx);
            let ready = matches!(self.sender.poll_ready(cx), Poll::Ready(Ok(())));
            Poll::Ready(ready && !self.closed)
        })
        .await
    }
}

/// The driver is polled on both sides of `wait`: what it reads may end the wait, and what the wait
/// wants next it may have read already.
async fn driving<F: Future>(
    driver: &mut Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>,
    closed: &mut bool,
    wait: F,
) -> F::Output {
    let mut wait = pin!(wait);
    poll_fn(|cx| {
        if let Poll::Ready(output) = wait.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        drive(driver, closed, cx);
        wait.as_mut().poll(cx)
    })
    .await
}

/// Lets the connection do what it can; its errors come out of the answer.
fn drive(
    driver: &mut Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>,
    closed: &mut bool,
    cx: &mut Context<'_>,
) {
    if !*closed {
        *closed = driver.as_mut().poll(cx).is_ready();
    }
}
