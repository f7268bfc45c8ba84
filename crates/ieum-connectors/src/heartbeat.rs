//! A stream of frames that is kept alive by heartbeats, whatever the network says in them.
//!
//! Not a reconnecting client. Invariant: a frame that lies ready is read before the timer is
//! looked at (an answer that has come is not late), but no flood of frames holds a heartbeat back.

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::dial::{Frame, FrameStream};
use ieum_core::time::Timestamp;
use std::sync::Arc;

/// How long a broken connection may take to tell its close code.
const CLOSE_CODE_MS_MAX: u64 = 1_000;

/// What the timer of a stream stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beat {
    /// A heartbeat is to be sent; so many were sent before.
    Due(u64),
    /// The answer to the one sent then is overdue.
    Awaited(Timestamp),
    /// There are none before the start, nor after a write failed.
    Silent,
}

/// The stream with its timer.
pub(crate) struct BeatingStream {
    frames: Box<dyn FrameStream>,
    clock: Arc<dyn Clock>,
    patience_ms: u64,
    timer: BoxFuture<'static, ()>,
    beat: Beat,
    sent: u64,
    interval_ms: u64,
}

impl BeatingStream {
    /// A stream that waits `patience_ms` for its start, and as long for each write.
    pub(crate) fn new(
        frames: Box<dyn FrameStream>,
        clock: &Arc<dyn Clock>,
        patience_ms: u64,
    ) -> Self {
        let timer = clock.sleep(patience_ms);
        let clock = Arc::clone(clock);
        let beat = Beat::Silent;
        Self { frames, clock, patience_ms, timer, beat, sent: 0, interval_ms: u64::MAX }
    }

    /// The next frame, or `None` when the timer ran out first; [`beat`](Self::beat) tells for what.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        if matches!(self.beat, Beat::Due(_)) && (&mut self.timer).now_or_never().is_some() {
            return None;
        }
        match select(self.frames.next(), &mut self.timer).await {
            Either::Left((frame, _)) => Some(frame),
            Either::Right(((), _)) => None,
        }
    }

    /// What the timer stands for.
    pub(crate) fn beat(&self) -> Beat {
        self.beat
    }

    /// Makes the first heartbeat due after `first_ms`, each later one after `interval_ms`.
    pub(crate) fn start(&mut self, first_ms: u64, interval_ms: u64) {
        self.interval_ms = interval_ms;
        self.timer = self.clock.sleep(first_ms);
        self.beat = Beat::Due(self.sent);
    }

    /// Sends a heartbeat that is to be answered within `answer_ms`.
    pub(crate) async fn send_beat(&mut self, text: String, answer_ms: u64) {
        self.sent += 1;
        self.timer = self.clock.sleep(answer_ms.min(self.interval_ms));
        self.beat = Beat::Awaited(self.clock.now());
        self.write(text).await;
    }

    /// Takes an answer; tells how long it took, if one was awaited.
    pub(crate) fn answered(&mut self) -> Option<u64> {
        let Beat::Awaited(sent_at) = self.beat else {
            return None;
        };
        let took_ms = self.clock.now().ms_since(sent_at);
        self.start(self.interval_ms.saturating_sub(took_ms), self.interval_ms);
        Some(took_ms)
    }

    /// Writes one frame. A failure is not yet the end: the close code, which says whether to come
    /// back, may still lie unread.
    pub(crate) async fn write(&mut self, text: String) {
        let limit = self.clock.sleep(self.patience_ms);
        let sent = match select(self.frames.send(text), limit).await {
            Either::Left((sent, _)) => sent.is_ok(),
            Either::Right(((), _)) => false,
        };
        if !sent {
            self.beat = Beat::Silent;
            self.timer = self.clock.sleep(CLOSE_CODE_MS_MAX);
        }
    }

    /// Closes from our side.
    pub(crate) async fn close(&mut self, code: u16) {
        self.frames.close(code).await;
    }
}
