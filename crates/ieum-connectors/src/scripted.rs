//! Ports that play a script: for the tests of every folder.
//!
//! Invariant: nothing waits but a call beyond the script, so a test can poll a future once.

use crate::doors::Doors;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use ieum_core::ids::Cursor;
use ieum_core::inbound::Arrival;
use ieum_core::inbound::FileKind;
use ieum_core::outgoing::{FileContent, PartFile};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::{Inbox, InboxClosed, Pulse};
use ieum_core::ports::dial::{ByteStream, Dial, DialFailure, FrameStream};
use ieum_core::ports::entropy::Entropy;
use ieum_core::ports::http::{
    CarryLimits, HttpFailure, HttpLimits, HttpTransport, OnePiece, PieceStream, Reach, Upload,
};
use ieum_core::ports::media::{MediaAnswer, MediaFile};
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
    reaches: Vec<Reach>,
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

    /// The next call gets this answer, headers and all.
    pub(crate) fn respond_with(&self, answer: Response<Bytes>) -> &Self {
        self.respond(0, Ok(answer))
    }

    /// How far every call for or with a file may go.
    pub(crate) fn reaches(&self) -> Vec<Reach> {
        self.stage().reaches.clone()
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
    fn carry(
        &self,
        request: Request<Upload>,
        limits: CarryLimits,
    ) -> BoxFuture<'_, Result<Response<Box<dyn PieceStream>>, HttpFailure>> {
        self.stage().reaches.push(limits.reach);
        Box::pin(async move {
            let (head, upload) = request.into_parts();
            let mut whole = Vec::new();
            match upload {
                Upload::Whole(bytes) => whole.extend_from_slice(&bytes),
                Upload::Streamed { mut pieces, bytes } => {
                    while let Some(piece) = pieces.next().await? {
                        whole.extend_from_slice(&piece);
                    }
                    assert_eq!(whole.len() as u64, bytes, "as long as it says");
                }
            }
            let request = Request::from_parts(head, whole.into());
            let limits = HttpLimits { timeout_ms: limits.idle_ms, answer_bytes_max: 1 << 20 };
            let answer = self.call(request, limits).await?;
            Ok(answer.map(|body| {
                let pieces: Box<dyn PieceStream> = Box::new(OnePiece(Some(body)));
                pieces
            }))
        })
    }

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

#[derive(Debug)]
struct FileInMemory(Bytes);

impl MediaFile for FileInMemory {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn piece(&self, at: u64) -> MediaAnswer<'_, Bytes> {
        let at = usize::try_from(at).unwrap().min(self.0.len());
        let end = (at + 4).min(self.0.len());
        Box::pin(std::future::ready(Ok(self.0.slice(at..end))))
    }
}

/// A picture to send, unless its name says otherwise; it comes in small pieces.
pub(crate) fn file(name: &str, bytes: &'static [u8]) -> PartFile {
    let (kind, media_type) = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("mp4") => (FileKind::Video, "video/mp4"),
        Some("ogg") => (FileKind::Audio, "audio/ogg"),
        Some("mp3") => (FileKind::Audio, "audio/mpeg"),
        Some("pdf") => (FileKind::File, "application/pdf"),
        _ => (FileKind::Picture, "image/png"),
    };
    PartFile {
        kind,
        media_type: media_type.into(),
        name: name.to_owned(),
        bytes: bytes.len() as u64,
        duration_ms: None,
        link: Some("https://hub.example/m/abc".to_owned()),
        preview: Some("https://hub.example/m/preview.png".to_owned()),
        content: FileContent(Arc::new(FileInMemory(Bytes::from_static(bytes)))),
    }
}
