//! The gateway: one WebSocket over which KakaoTalk streams events.
//!
//! HELLO, then IDENTIFY (a new session, answered by READY) or RESUME (an old one, answered by what
//! was missed), then events, with heartbeats between. A connection that is lost or leaves a
//! heartbeat unanswered is resumed from the last durable event, after a growing wait. Nothing is
//! remembered beyond the session and its place. Invariant: the place moves on only together with
//! the events before it.

use super::read::{Reading, ServerFrame, decode_frame};
use super::wire::{ClientFrame, ClientHello, close, op};
use super::{Edition, KakaoTalkConfig};
use crate::doors::Doors;
use ieum_core::ids::Cursor;
use ieum_core::inbound::Arrival;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{Inbox, InboxClosed, ListenEnd, Pulse};
use ieum_core::ports::dial::{FRAME_BYTES_MAX, Frame, FrameStream};
use ieum_core::time::Timestamp;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use std::convert::Infallible;

/// First wait before connecting again; each further one is twice as long.
const BACKOFF_MS_MIN: u64 = 1_000;
/// Longest wait before connecting again.
const BACKOFF_MS_MAX: u64 = 30_000;
/// Bounds for the heartbeat interval that the gateway asks for.
const INTERVAL_MS_MIN: u64 = 1_000;
const INTERVAL_MS_MAX: u64 = 120_000;
/// The first heartbeat leaves within this, so that a resumed stream soon shows that it lives.
const FIRST_BEAT_MS_MAX: u64 = 5_000;
/// How long a broken connection may take to tell its close code.
const CLOSE_CODE_MS_MAX: u64 = 1_000;
/// So many RESUMEs in a row may end without a word before the session is given up.
const RESUMES_UNANSWERED_MAX: u32 = 10;

/// Listens until the inbox closes or connecting again would not help.
pub(super) async fn listen(
    config: &KakaoTalkConfig,
    doors: &Doors,
    inbox: &dyn Inbox,
    cursor: Option<Cursor>,
) -> ListenEnd {
    let mut memory = Memory {
        session: cursor.as_ref().and_then(Session::from_cursor),
        bot_name: config.bot_name.clone(),
        resumes_unanswered: 0,
    };
    let mut backoff_ms = BACKOFF_MS_MIN;
    loop {
        let (leave, proven) = connect(config, doors, inbox, &mut memory).await;
        if let Leave::End(end) = leave {
            return end;
        }
        if proven {
            backoff_ms = BACKOFF_MS_MIN;
        }
        let half = backoff_ms / 2;
        doors
            .clock
            .sleep(half + doors.entropy.below(half + 1))
            .await;
        backoff_ms = (backoff_ms * 2).min(BACKOFF_MS_MAX);
    }
}

/// Where a stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Session {
    id: Box<str>,
    /// Place of the last durable event.
    seq: u64,
}

impl Session {
    fn from_cursor(cursor: &Cursor) -> Option<Self> {
        let (id, seq) = cursor.as_str().rsplit_once(':')?;
        Some(Self {
            id: id.into(),
            seq: seq.parse().ok()?,
        })
    }

    fn cursor(&self) -> Cursor {
        Cursor::new(format!("{}:{}", self.id, self.seq))
    }
}

/// What outlives a connection.
#[derive(Debug)]
struct Memory {
    session: Option<Session>,
    bot_name: Option<String>,
    resumes_unanswered: u32,
}

/// Why a connection is left.
#[derive(Debug)]
enum Leave {
    Again,
    End(ListenEnd),
}

/// What the timer stands for.
#[derive(Debug)]
enum Beat {
    /// A heartbeat is to be sent.
    Due,
    /// The answer to one is overdue.
    Awaited(Timestamp),
    /// A write failed and no close code came.
    Broken,
}

/// Opens one connection and stays with it; tells whether it ever answered a heartbeat.
async fn connect(
    config: &KakaoTalkConfig,
    doors: &Doors,
    inbox: &dyn Inbox,
    memory: &mut Memory,
) -> (Leave, bool) {
    let dialled_at = doors.clock.now();
    let connect_ms = config.timeouts.connect_ms;
    let stream = match doors.dial.websocket(&config.gateway_url, connect_ms).await {
        Ok(stream) => stream,
        Err(failure) => {
            inbox.pulse(Pulse::Bad {
                reason: failure.to_string(),
            });
            return (Leave::Again, false);
        }
    };
    let mut connection = Connection {
        timer: doors.clock.sleep(connect_ms),
        config,
        doors,
        inbox,
        memory,
        stream,
        dialled_at,
        interval_ms: INTERVAL_MS_MAX,
        beat: Beat::Due,
        beats: 0,
        resuming: false,
        proven: false,
    };
    let Err(leave) = connection.stay().await;
    (leave, connection.proven)
}

struct Connection<'a> {
    config: &'a KakaoTalkConfig,
    doors: &'a Doors,
    inbox: &'a dyn Inbox,
    memory: &'a mut Memory,
    stream: Box<dyn FrameStream>,
    dialled_at: Timestamp,
    interval_ms: u64,
    timer: BoxFuture<'static, ()>,
    beat: Beat,
    beats: u64,
    /// RESUME was sent and nothing came since.
    resuming: bool,
    proven: bool,
}

impl Connection<'_> {
    async fn stay(&mut self) -> Result<Infallible, Leave> {
        self.greet().await?;
        self.introduce().await;
        loop {
            // A flood of frames must not keep a heartbeat from leaving.
            let due = matches!(self.beat, Beat::Due);
            if due && (&mut self.timer).now_or_never().is_some() {
                self.on_timer().await?;
            }
            match self.next().await {
                Some(frame) => self.on_frame(frame).await?,
                None => self.on_timer().await?,
            }
        }
    }

    /// The next frame, or `None` when the timer ran out first. Frames come before the timer: an
    /// answer that lies ready is not late.
    async fn next(&mut self) -> Option<Frame> {
        match select(self.stream.next(), &mut self.timer).await {
            Either::Left((frame, _)) => Some(frame),
            Either::Right(((), _)) => None,
        }
    }

    /// Waits for HELLO, whatever else comes.
    async fn greet(&mut self) -> Result<(), Leave> {
        loop {
            let hello = match self.next().await {
                Some(Frame::Text(text)) => self.read(&text),
                Some(Frame::Closed(code)) => return Err(self.on_close(code)),
                None => return Err(self.lost("no HELLO came").await),
            };
            if let Some(ServerFrame::Hello { interval_ms }) = hello {
                self.interval_ms = interval_ms.clamp(INTERVAL_MS_MIN, INTERVAL_MS_MAX);
                let first = self
                    .doors
                    .entropy
                    .below(self.interval_ms.min(FIRST_BEAT_MS_MAX));
                self.timer = self.doors.clock.sleep(first);
                return Ok(());
            }
        }
    }

    /// IDENTIFY, or RESUME where there is a session.
    async fn introduce(&mut self) {
        let session = self.memory.session.clone();
        let seq = session.as_ref().map(|session| session.seq);
        let (seq, sequence) = match self.config.edition {
            Edition::July2026 => (None, seq),
            Edition::October2026 => (seq, None),
        };
        self.resuming = session.is_some();
        let hello = ClientHello {
            token: self.config.bot_token.expose(),
            session_id: session.as_ref().map(|session| &*session.id),
            seq,
            sequence,
        };
        let op = if self.resuming {
            op::RESUME
        } else {
            op::IDENTIFY
        };
        self.write(&ClientFrame { op, d: Some(hello) }).await;
    }

    async fn on_timer(&mut self) -> Result<(), Leave> {
        match self.beat {
            Beat::Due if self.beats > 0 && self.memory.session.is_none() => {
                Err(self.lost("no READY came").await)
            }
            Beat::Due => {
                self.beats += 1;
                self.beat = Beat::Awaited(self.doors.clock.now());
                let ack_ms = self.config.timeouts.heartbeat_ack_ms.min(self.interval_ms);
                self.timer = self.doors.clock.sleep(ack_ms);
                self.write(&ClientFrame {
                    op: op::HEARTBEAT,
                    d: None,
                })
                .await;
                Ok(())
            }
            Beat::Awaited(_) => Err(self.lost("a heartbeat stayed unanswered").await),
            Beat::Broken => Err(self.lost("the connection broke").await),
        }
    }

    async fn on_frame(&mut self, frame: Frame) -> Result<(), Leave> {
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Closed(code) => return Err(self.on_close(code)),
        };
        let Some(frame) = self.read(&text) else {
            return Ok(());
        };
        self.resuming = false;
        self.memory.resumes_unanswered = 0;
        match frame {
            ServerFrame::Ready { session, bot_name } => self.on_ready(session, bot_name).await,
            ServerFrame::HeartbeatAck => {
                self.on_ack();
                Ok(())
            }
            ServerFrame::Event { seq, arrival } => {
                if arrival.is_err() {
                    self.bad("an event could not be read");
                }
                let arrival = arrival.unwrap_or(Arrival {
                    events: Vec::new(),
                    ignored: 1,
                });
                self.deliver(arrival, seq).await
            }
            ServerFrame::Hello { .. } | ServerFrame::Other => Ok(()),
        }
    }

    /// A session began. It is made durable before its first event, so that a restart resumes it.
    async fn on_ready(
        &mut self,
        session: Box<str>,
        bot_name: Option<Box<str>>,
    ) -> Result<(), Leave> {
        if self.memory.bot_name.is_none() {
            self.memory.bot_name = bot_name.map(String::from);
        }
        self.memory.session = Some(Session {
            id: session,
            seq: 0,
        });
        let took_ms = self.doors.clock.now().ms_since(self.dialled_at);
        self.inbox.pulse(Pulse::Good { took_ms });
        self.deliver(Arrival::default(), None).await
    }

    fn on_ack(&mut self) {
        let Beat::Awaited(sent_at) = self.beat else {
            return;
        };
        let took_ms = self.doors.clock.now().ms_since(sent_at);
        self.proven = true;
        self.beat = Beat::Due;
        self.timer = self
            .doors
            .clock
            .sleep(self.interval_ms.saturating_sub(took_ms));
        self.inbox.pulse(Pulse::Good { took_ms });
    }

    /// Hands in, and moves the place only when that is durable. Replayed events are handed in
    /// again: the store knows them, and their place never goes back.
    async fn deliver(&mut self, arrival: Arrival, seq: Option<u64>) -> Result<(), Leave> {
        let session = self.memory.session.clone().map(|session| Session {
            seq: session.seq.max(seq.unwrap_or(0)),
            ..session
        });
        let cursor = session.as_ref().map(Session::cursor);
        match self.inbox.deliver(arrival, cursor).await {
            Ok(()) => {
                self.memory.session = session;
                Ok(())
            }
            Err(InboxClosed) => {
                self.stream.close(close::GOING_AWAY).await;
                Err(Leave::End(ListenEnd::InboxClosed))
            }
        }
    }

    fn on_close(&mut self, code: Option<u16>) -> Leave {
        match code {
            Some(close::AUTHENTICATION_FAILED) => self.fatal("it does not accept the bot token"),
            Some(close::REPLACED) => self.fatal("another connection took the bot over"),
            Some(close::BAD_PAYLOAD) if !self.resuming => self.fatal("it does not read our frames"),
            Some(close::BAD_PAYLOAD | close::SESSION_EXPIRED) => {
                if self.memory.session.take().is_none() {
                    self.bad("the gateway keeps no session");
                }
                Leave::Again
            }
            Some(code) => self.cut(&format!("the gateway closed with {code}")),
            None => self.cut("the connection was lost"),
        }
    }

    /// Gives a connection up from our side.
    async fn lost(&mut self, reason: &str) -> Leave {
        self.stream.close(close::HEARTBEAT_MISSED).await;
        self.cut(reason)
    }

    /// A connection ended without an answer to the question whether its session lives on.
    fn cut(&mut self, reason: &str) -> Leave {
        self.bad(reason);
        if self.resuming {
            self.memory.resumes_unanswered += 1;
            if self.memory.resumes_unanswered >= RESUMES_UNANSWERED_MAX {
                self.memory.resumes_unanswered = 0;
                self.memory.session = None;
            }
        }
        Leave::Again
    }

    fn fatal(&self, what: &str) -> Leave {
        let reason = format!("the gateway closed for good: {what}");
        self.inbox.pulse(Pulse::Refused {
            reason: reason.clone(),
        });
        Leave::End(ListenEnd::Fatal(reason))
    }

    fn bad(&self, reason: &str) {
        self.inbox.pulse(Pulse::Bad {
            reason: reason.into(),
        });
    }

    /// `None` for a frame that cannot be read; the stream goes on.
    fn read(&self, text: &str) -> Option<ServerFrame> {
        let reading = Reading {
            bot_name: self.memory.bot_name.as_deref(),
            received_at: self.doors.clock.now(),
        };
        let frame = (text.len() <= FRAME_BYTES_MAX).then(|| decode_frame(text, reading));
        match frame {
            Some(Ok(frame)) => Some(frame),
            Some(Err(_)) | None => {
                self.bad("a frame could not be read");
                None
            }
        }
    }

    /// Writes one frame. A failure is not yet the end: the close code, which says whether to come
    /// back, may still lie unread.
    async fn write(&mut self, frame: &ClientFrame<'_>) {
        let limit = self.doors.clock.sleep(self.config.timeouts.connect_ms);
        let written = match serde_json::to_string(frame) {
            Ok(text) => match select(self.stream.send(text), limit).await {
                Either::Left((sent, _)) => sent.is_ok(),
                Either::Right(((), _)) => false,
            },
            Err(_) => false,
        };
        if !written {
            self.beat = Beat::Broken;
            self.timer = self.doors.clock.sleep(CLOSE_CODE_MS_MAX);
        }
    }
}
