//! The gateway: one WebSocket over which KakaoTalk streams events.
//!
//! HELLO, then IDENTIFY (a new session, answered by READY) or RESUME (an old one, answered by what
//! was missed), then events, with heartbeats between. A connection that is lost or leaves a
//! heartbeat unanswered is resumed after a growing wait. Invariant: the place in the stream moves
//! on only together with the events before it.

use super::read::{Reading, event_of, ignored};
use super::wire::{self, Envelope, Hello, Ready};
use super::{KakaoTalkConfig, outcome};
use crate::backoff::Backoff;
use crate::doors::Doors;
use crate::heartbeat::{Beat, BeatingStream};
use ieum_core::ids::Cursor;
use ieum_core::inbound::Arrival;
use ieum_core::ports::connector::{Inbox, InboxClosed, ListenEnd, Pulse};
use ieum_core::ports::dial::{DialFailure, FRAME_BYTES_MAX, Frame};
use ieum_core::time::Timestamp;

use std::convert::Infallible;

/// Bounds for the heartbeat interval that the gateway asks for.
const INTERVAL_MS_MIN: u64 = 1_000;
const INTERVAL_MS_MAX: u64 = 120_000;
/// The first heartbeat leaves within this, so that a resumed stream soon shows that it lives.
const FIRST_BEAT_MS_MAX: u64 = 5_000;
/// So many RESUMEs in a row may end without a word before the session is given up.
const RESUMES_UNANSWERED_MAX: u32 = 10;
/// Close codes of ours: any but 1000 and 1001 keeps the session.
const CLOSE_GIVEN_UP: u16 = 4000;
const CLOSE_STOPPING: u16 = 1001;

/// Listens until the inbox closes or connecting again would not help.
pub(super) async fn listen(
    config: &KakaoTalkConfig,
    doors: &Doors,
    inbox: &dyn Inbox,
    cursor: Option<Cursor>,
) -> ListenEnd {
    let session = cursor.as_ref().and_then(Session::from_cursor);
    let bot_name = config.bot_name.clone();
    let mut gateway =
        Gateway { config, doors, inbox, session, bot_name, resumes: 0, proven: false };
    let mut backoff = Backoff::default();
    loop {
        if let Err(Leave::End(end)) = gateway.connect().await {
            return end;
        }
        if std::mem::take(&mut gateway.proven) {
            backoff.reset();
        }
        doors.clock.sleep(backoff.next_ms(&*doors.entropy)).await;
    }
}

/// Where a stream stands.
#[derive(Debug, Clone)]
struct Session {
    id: Box<str>,
    /// Place of the last durable event.
    seq: u64,
}

impl Session {
    fn from_cursor(cursor: &Cursor) -> Option<Self> {
        let (id, seq) = cursor.as_str().rsplit_once(':')?;
        let (id, seq) = (id.into(), seq.parse().ok()?);
        Some(Self { id, seq })
    }

    fn cursor(&self) -> Cursor {
        Cursor::new(format!("{}:{}", self.id, self.seq))
    }
}

/// What outlives a stream.
struct Gateway<'a> {
    config: &'a KakaoTalkConfig,
    doors: &'a Doors,
    inbox: &'a dyn Inbox,
    session: Option<Session>,
    bot_name: Option<String>,
    /// How many RESUMEs in a row ended without a word.
    resumes: u32,
    /// Whether the present connection answered a heartbeat.
    proven: bool,
}

/// Why a connection is left.
enum Leave {
    Again,
    End(ListenEnd),
}

/// What a step of a connection comes to.
type Flow = Result<(), Leave>;

struct Stream {
    frames: BeatingStream,
    /// RESUME was sent and nothing came since.
    resuming: bool,
    dialled_at: Timestamp,
}

impl Gateway<'_> {
    async fn connect(&mut self) -> Result<Infallible, Leave> {
        let dialled_at = self.doors.clock.now();
        let timeout_ms = self.config.timeouts.connect_ms;
        let opened = self.doors.dial.websocket(&self.config.gateway_url, timeout_ms);
        let frames = match opened.await {
            Ok(frames) => frames,
            Err(DialFailure(why)) => {
                self.bad(&format!("no connection: {why}"));
                return Err(Leave::Again);
            }
        };
        let frames = BeatingStream::new(frames, &self.doors.clock, timeout_ms);
        let mut stream = Stream { frames, resuming: false, dialled_at };
        loop {
            match stream.frames.next().await {
                Some(Frame::Text(text)) => self.on_text(&mut stream, &text).await?,
                Some(Frame::Closed(code)) => return Err(self.on_close(code, stream.resuming)),
                None => self.on_timer(&mut stream).await?,
            }
        }
    }

    async fn on_text(&mut self, stream: &mut Stream, text: &str) -> Flow {
        let frame = Some(text).filter(|text| text.len() <= FRAME_BYTES_MAX);
        let Some(frame) = frame.and_then(|text| serde_json::from_str::<Envelope<'_>>(text).ok())
        else {
            self.bad("a frame could not be read");
            return Ok(());
        };
        if frame.op != Some(wire::OP_HELLO) {
            stream.resuming = false;
            self.resumes = 0;
        }
        match frame.op {
            Some(wire::OP_HELLO) => self.on_hello(stream, &frame).await,
            Some(wire::OP_READY) => return self.on_ready(stream, &frame).await,
            Some(wire::OP_HEARTBEAT_ACK) => self.on_ack(stream),
            Some(wire::OP_DISPATCH) => return self.on_event(stream, &frame).await,
            _ => {}
        }
        Ok(())
    }

    /// Answers the greeting by IDENTIFY, or by RESUME where there is a session.
    async fn on_hello(&mut self, stream: &mut Stream, frame: &Envelope<'_>) {
        if stream.frames.beat() != Beat::Silent {
            return;
        }
        let Ok(hello) = serde_json::from_str::<Hello>(frame.body()) else {
            return self.bad("HELLO could not be read");
        };
        let interval_ms = hello.heartbeat_interval;
        let interval_ms = interval_ms.clamp(INTERVAL_MS_MIN, INTERVAL_MS_MAX);
        let first_ms = self.doors.entropy.below(interval_ms.min(FIRST_BEAT_MS_MAX));
        stream.frames.start(first_ms, interval_ms);
        stream.resuming = self.session.is_some();
        let token = self.config.bot_token.expose();
        let text = match &self.session {
            Some(Session { id, seq }) => wire::resume(self.config.edition, token, id, *seq),
            None => wire::identify(token),
        };
        stream.frames.write(text).await;
    }

    /// A session began. It is made durable before its first event, so that a restart resumes it.
    async fn on_ready(&mut self, stream: &mut Stream, frame: &Envelope<'_>) -> Flow {
        let Ok(ready) = serde_json::from_str::<Ready>(frame.body()) else {
            self.bad("READY could not be read");
            return Ok(());
        };
        let told = ready.bot.and_then(|bot| bot.name);
        self.bot_name = self.bot_name.take().or(told);
        let id = ready.session_id;
        self.session = Some(Session { id, seq: 0 });
        let took_ms = self.doors.clock.now().ms_since(stream.dialled_at);
        self.inbox.pulse(Pulse::Good { took_ms });
        self.deliver(stream, Arrival::default(), frame.s).await
    }

    /// An event that cannot be read is counted and passed by; it would be no better next time.
    async fn on_event(&mut self, stream: &mut Stream, frame: &Envelope<'_>) -> Flow {
        let received_at = self.doors.clock.now();
        let reading = Reading { bot_name: self.bot_name.as_deref(), received_at };
        let arrival = event_of(frame, reading).unwrap_or_else(|why| {
            self.bad(&format!("an event could not be read: {why}"));
            ignored()
        });
        self.deliver(stream, arrival, frame.s).await
    }

    /// Hands in, and moves the place only when that is durable. Replayed events are handed in
    /// again: the store knows them, and the place never goes back.
    async fn deliver(&mut self, stream: &mut Stream, arrival: Arrival, seq: Option<u64>) -> Flow {
        let mut session = self.session.clone();
        if let Some(session) = &mut session {
            session.seq = session.seq.max(seq.unwrap_or(0));
        }
        let cursor = session.as_ref().map(Session::cursor);
        if let Err(InboxClosed) = self.inbox.deliver(arrival, cursor).await {
            stream.frames.close(CLOSE_STOPPING).await;
            return Err(Leave::End(ListenEnd::InboxClosed));
        }
        self.session = session;
        Ok(())
    }

    fn on_ack(&mut self, stream: &mut Stream) {
        if let Some(took_ms) = stream.frames.answered() {
            self.proven = true;
            self.inbox.pulse(Pulse::Good { took_ms });
        }
    }

    async fn on_timer(&mut self, stream: &mut Stream) -> Flow {
        let reason = match stream.frames.beat() {
            Beat::Due(sent) if sent == 0 || self.session.is_some() => {
                let answer_ms = self.config.timeouts.heartbeat_ack_ms;
                stream.frames.send_beat(wire::heartbeat(), answer_ms).await;
                return Ok(());
            }
            Beat::Due(_) => "no READY came",
            Beat::Awaited(_) => "a heartbeat stayed unanswered",
            Beat::Silent => "no HELLO came or the connection broke",
        };
        stream.frames.close(CLOSE_GIVEN_UP).await;
        Err(self.lost(reason, stream.resuming))
    }

    fn on_close(&mut self, code: Option<u16>, resuming: bool) -> Leave {
        match code {
            Some(wire::CLOSE_AUTHENTICATION_FAILED) => self.fatal("the bot token is not accepted"),
            Some(wire::CLOSE_REPLACED) => self.fatal("another connection took the bot over"),
            Some(wire::CLOSE_BAD_PAYLOAD) if !resuming => self.fatal("our frames are not read"),
            Some(wire::CLOSE_BAD_PAYLOAD | wire::CLOSE_SESSION_EXPIRED) => {
                if self.session.take().is_none() {
                    self.bad("the gateway keeps no session");
                }
                Leave::Again
            }
            Some(code) => self.lost(&format!("the gateway closed with {code}"), resuming),
            None => self.lost("the connection was lost", resuming),
        }
    }

    /// A connection ended without an answer to the question whether its session lives on.
    fn lost(&mut self, reason: &str, resuming: bool) -> Leave {
        self.bad(reason);
        self.resumes += u32::from(resuming);
        if self.resumes >= RESUMES_UNANSWERED_MAX {
            self.resumes = 0;
            self.session = None;
        }
        Leave::Again
    }

    fn fatal(&self, why: &str) -> Leave {
        let reason = format!("the gateway closed for good: {why}");
        let end = ListenEnd::Fatal(reason.clone());
        self.inbox.pulse(Pulse::Refused { reason });
        Leave::End(end)
    }

    fn bad(&self, reason: &str) {
        self.inbox.pulse(outcome::bad(reason));
    }
}
