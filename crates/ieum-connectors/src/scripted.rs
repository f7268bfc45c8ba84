//! Ports that play a script: for the tests of every folder.
//!
//! Invariant: nothing waits but a call beyond the script, so a test can poll a future once.

use crate::doors::Doors;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use ieum_core::ids::Cursor;
use ieum_core::inbound::Arrival;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::{Inbox, InboxClosed, Pulse};
use ieum_core::ports::dial::{ByteStream, Dial, DialFailure, FrameStream};
use ieum_core::ports::entropy::Entropy;
use ieum_core::ports::http::{HttpFailure, HttpLimits, HttpTransport};
use ieum_core::time::Timestamp;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

/// When scripts begin.
pub(crate) const NOW: Timestamp = Timestamp(1_764_000_000_000);

type Answer = Result<Response<Bytes>, HttpFailure>;

#[derive(Debug, Default)]
struct Stage {
    answers: VecDeque<(u64, Answer)>,
    calls: Vec<Request<Bytes>>,
    limits: Vec<HttpLimits>,
    elapsed_ms: u64,
    slept_ms: Vec<u64>,
}

/// The outside world as a script.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Stage>>);

impl Script {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap()
    }

    /// The next call gets this answer.
    pub(crate) fn answer(&self, status: u16, body: &str) -> &Self {
        self.answer_after(0, status, body)
    }

    /// The next call gets this answer after a while.
    pub(crate) fn answer_after(&self, ms: u64, status: u16, body: &str) -> &Self {
        let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
        *response.status_mut() = status.try_into().unwrap();
        self.respond(ms, Ok(response))
    }

    /// The next call fails.
    pub(crate) fn fail(&self, failure: HttpFailure) -> &Self {
        self.respond(0, Err(failure))
    }

    fn respond(&self, ms: u64, answer: Answer) -> &Self {
        self.stage().answers.push_back((ms, answer));
        self
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Request<Bytes>> {
        self.stage().calls.clone()
    }

    /// The only call so far.
    pub(crate) fn only_call(&self) -> Request<Bytes> {
        let calls = self.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.into_iter().next().unwrap()
    }

    /// Time limit of every call so far.
    pub(crate) fn timeouts_ms(&self) -> Vec<u64> {
        self.stage().limits.iter().map(|limits| limits.timeout_ms).collect()
    }

    /// Every wait so far.
    pub(crate) fn slept_ms(&self) -> Vec<u64> {
        self.stage().slept_ms.clone()
    }

    /// The doors that open on this script.
    pub(crate) fn doors(&self) -> Doors {
        Doors {
            http: Arc::new(self.clone()),
            dial: Arc::new(self.clone()),
            clock: Arc::new(self.clone()),
            entropy: Arc::new(self.clone()),
        }
    }
}

impl HttpTransport for Script {
    fn call(&self, request: Request<Bytes>, limits: HttpLimits) -> BoxFuture<'_, Answer> {
        let mut stage = self.stage();
        stage.calls.push(request);
        stage.limits.push(limits);
        match stage.answers.pop_front() {
            Some((ms, answer)) => {
                stage.elapsed_ms += ms;
                Box::pin(std::future::ready(answer))
            }
            None => Box::pin(std::future::pending()),
        }
    }
}

impl Clock for Script {
    fn now(&self) -> Timestamp {
        NOW.plus_ms(self.stage().elapsed_ms)
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        let mut stage = self.stage();
        stage.elapsed_ms += ms;
        stage.slept_ms.push(ms);
        Box::pin(std::future::ready(()))
    }
}

impl Entropy for Script {
    fn next_u64(&self) -> u64 {
        u64::MAX
    }
}

impl Dial for Script {
    fn websocket<'a>(
        &'a self,
        url: &'a str,
        _timeout_ms: u64,
    ) -> BoxFuture<'a, Result<Box<dyn FrameStream>, DialFailure>> {
        Box::pin(std::future::ready(Err(DialFailure(format!("no stream in this script: {url}")))))
    }

    fn tls<'a>(
        &'a self,
        _: &'a str,
        _: u64,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, DialFailure>> {
        Box::pin(async { Err(DialFailure("no TLS in this script".to_owned())) })
    }

    fn tcp<'a>(
        &'a self,
        address: &'a str,
        _timeout_ms: u64,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, DialFailure>> {
        let why = format!("no stream in this script: {address}");
        Box::pin(std::future::ready(Err(DialFailure(why))))
    }
}

/// Runs what never waits.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the script ran out")
}

/// An inbox that remembers, and closes after so many deliveries.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) delivered: Mutex<Vec<(Arrival, Option<Cursor>)>>,
    pub(crate) pulses: Mutex<Vec<Pulse>>,
    pub(crate) closes_after: Option<usize>,
}

impl Kept {
    /// Every pulse so far.
    pub(crate) fn pulses(&self) -> Vec<Pulse> {
        self.pulses.lock().unwrap().clone()
    }

    /// Every delivery so far.
    pub(crate) fn delivered(&self) -> Vec<(Arrival, Option<Cursor>)> {
        self.delivered.lock().unwrap().clone()
    }
}

impl Inbox for Kept {
    fn deliver(
        &self,
        arrival: Arrival,
        cursor: Option<Cursor>,
    ) -> BoxFuture<'_, Result<(), InboxClosed>> {
        let mut delivered = self.delivered.lock().unwrap();
        let open = self.closes_after.is_none_or(|most| delivered.len() < most);
        if open {
            delivered.push((arrival, cursor));
        }
        Box::pin(std::future::ready(if open { Ok(()) } else { Err(InboxClosed) }))
    }

    fn pulse(&self, pulse: Pulse) {
        self.pulses.lock().unwrap().push(pulse);
    }
}
