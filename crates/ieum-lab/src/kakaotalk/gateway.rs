//! KakaoTalk's gateway: a WebSocket with HELLO, IDENTIFY, READY, heartbeats, DISPATCH with a
//! number, and RESUME over a short replay buffer. One session and one connection a bot.

use std::collections::VecDeque;

use axum::extract::State as Extracted;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use ieum_core::time::Timestamp;
use serde_json::{Value, json};

use super::unavailable;
use crate::fault::Verdict;
use crate::fault::cell::Function;
use crate::network::Network;
use crate::reading::{same_secret, text};
use crate::shared::{HANG_MS_MAX, Shared};
use crate::world::World;
use crate::world::message::BOT;

/// The interval of heartbeats that HELLO names.
pub(crate) const HEARTBEAT_MS: u64 = 41_250;
/// How long a connection lives without a heartbeat (assumption: two and a half intervals).
const SILENCE_MS_MAX: u64 = HEARTBEAT_MS * 5 / 2;
/// How long a client may take to IDENTIFY (assumption).
const IDENTIFY_MS_MAX: u64 = 30_000;
/// How many events a resumed session can be given again.
const REPLAY_MAX: usize = 100;
/// How long a session without a connection is kept (assumption).
const SESSION_MS_MAX: u64 = 5 * 60 * 1_000;
/// The largest frame that a client may send.
const FRAME_BYTES_MAX: usize = 64 * 1024;

/// The close codes.
pub(crate) mod code {
    pub(crate) const RESTART: u16 = 1001;
    pub(crate) const AUTHENTICATION: u16 = 4001;
    pub(crate) const PAYLOAD: u16 = 4003;
    pub(crate) const REPLACED: u16 = 4004;
    pub(crate) const EXPIRED: u16 = 4009;
}

/// The bot's session and the connection that it lives on.
#[derive(Debug, Default)]
pub(crate) struct Gateway {
    session: Option<Session>,
    connection: u64,
    dropped: Option<(u64, u16)>,
    resumed_by_seq: u64,
    resumed_by_sequence: u64,
}

#[derive(Debug)]
struct Session {
    id: String,
    last: u64,
    sent: u64,
    connected: bool,
    left_at: Timestamp,
    buffer: VecDeque<(u64, String)>,
}

impl Gateway {
    /// Numbers an event and puts it into the session; false when there is no session.
    pub(crate) fn dispatch(&mut self, kind: &str, body: &Value) -> bool {
        let Some(session) = &mut self.session else {
            return false;
        };
        session.last += 1;
        let frame = json!({ "op": 0, "s": session.last, "t": kind, "d": body });
        session.buffer.push_back((session.last, frame.to_string()));
        session.trim();
        true
    }

    /// Closes the present connection with a code; false when there is none.
    pub(crate) fn drop_connection(&mut self, code: u16) -> bool {
        let connected = self.session.as_ref().is_some_and(|session| session.connected);
        self.dropped = connected.then_some((self.connection, code));
        connected
    }

    /// Forgets the session, so that a RESUME is answered with 4009.
    pub(crate) fn expire(&mut self) {
        self.session = None;
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.connected)
    }
}

impl Session {
    /// Keeps the last hundred, and while connected also what is not sent yet.
    fn trim(&mut self) {
        while self.buffer.len() > REPLAY_MAX {
            let unsent = self.buffer.front().is_some_and(|(number, _)| *number > self.sent);
            if unsent && self.connected {
                return;
            }
            self.buffer.pop_front();
        }
    }
}

pub(crate) async fn connect(
    Extracted(shared): Extracted<Shared>,
    upgrade: WebSocketUpgrade,
) -> Response {
    match login_verdict(&shared) {
        Verdict::Refuse { .. } => return unavailable(),
        Verdict::Delay { ms } => {
            shared.pause(ms).await;
        }
        Verdict::Hang { .. } | Verdict::Blackhole | Verdict::Pass | Verdict::Duplicate => {}
    }
    upgrade
        .max_message_size(FRAME_BYTES_MAX)
        .on_upgrade(async move |socket| Connection::new(shared, socket).run().await)
}

fn login_verdict(shared: &Shared) -> Verdict {
    shared.lock().verdict(Network::Kakaotalk, &[Function::Login], BOT)
}

/// Why a connection ends.
enum End {
    Close(u16, &'static str),
    Gone,
}

struct Connection {
    shared: Shared,
    socket: WebSocket,
    number: u64,
    heard_at: Timestamp,
}

impl Connection {
    fn new(shared: Shared, socket: WebSocket) -> Self {
        let heard_at = shared.clock.now();
        Self { shared, socket, number: 0, heard_at }
    }

    async fn run(mut self) {
        let end = match self.greet().await {
            Ok(()) => self.serve().await,
            Err(end) => end,
        };
        self.leave();
        if let End::Close(code, reason) = end {
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
            // The client may be gone already; there is nobody else to tell.
            drop(self.socket.send(Message::Close(Some(frame))).await);
        }
    }

    /// HELLO, then IDENTIFY or RESUME.
    async fn greet(&mut self) -> Result<(), End> {
        if matches!(login_verdict(&self.shared), Verdict::Hang { .. } | Verdict::Blackhole) {
            self.shared.pause(HANG_MS_MAX).await;
            return Err(End::Gone);
        }
        self.send(&json!({ "op": 10, "d": { "heartbeat_interval": HEARTBEAT_MS } })).await?;
        let waited = tokio::select! {
            biased;
            () = self.shared.stopped() => return Err(End::Close(code::RESTART, "restart")),
            frame = read(&mut self.socket) => frame?,
            () = self.shared.clock.sleep(IDENTIFY_MS_MAX) => {
                return Err(End::Close(code::AUTHENTICATION, "identify timeout"));
            }
        };
        self.heard_at = self.shared.clock.now();
        match waited.get("op").and_then(Value::as_u64) {
            Some(2) => self.identify(&waited).await,
            Some(6) => self.resume(&waited),
            Some(1) => {
                self.send(&json!({ "op": 11 })).await?;
                Box::pin(self.greet()).await
            }
            _ => Err(End::Close(code::PAYLOAD, "unexpected op")),
        }
    }

    async fn identify(&mut self, frame: &Value) -> Result<(), End> {
        let ready = {
            let mut world = self.shared.lock();
            check_token(&world, frame)?;
            let id = world.random_hex();
            self.number = take_over(&mut world);
            let now = world.now();
            world.kakaotalk.gateway.session = Some(Session {
                id: id.clone(),
                last: 0,
                sent: 0,
                connected: true,
                left_at: now,
                buffer: VecDeque::new(),
            });
            let bot = world.bot(Network::Kakaotalk).native.clone();
            json!({ "op": 3, "d": { "session_id": id, "bot": { "id": bot } } })
        };
        self.shared.bells.ring(Network::Kakaotalk);
        self.send(&ready).await
    }

    fn resume(&mut self, frame: &Value) -> Result<(), End> {
        let mut world = self.shared.lock();
        check_token(&world, frame)?;
        let body = frame.get("d").unwrap_or(&Value::Null);
        let by_seq = body.get("seq").and_then(Value::as_u64);
        let by_sequence = body.get("sequence").and_then(Value::as_u64);
        let Some(seen) = by_seq.or(by_sequence) else {
            return Err(End::Close(code::PAYLOAD, "seq is required"));
        };
        let now = world.now();
        let gateway = &mut world.kakaotalk.gateway;
        gateway.count_resume(by_seq.is_some());
        let session =
            gateway.session.as_mut().filter(|session| session.can_resume(body, seen, now));
        let Some(session) = session else {
            return Err(End::Close(code::EXPIRED, "session expired"));
        };
        session.connected = true;
        session.sent = seen;
        self.number = take_over(&mut world);
        drop(world);
        self.shared.bells.ring(Network::Kakaotalk);
        Ok(())
    }

    async fn serve(&mut self) -> End {
        let bell = self.shared.bells.of(Network::Kakaotalk);
        loop {
            let rung = bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            let wait_ms = match self.push().await {
                Ok(wait_ms) => wait_ms,
                Err(end) => return end,
            };
            let frame = tokio::select! {
                biased;
                () = self.shared.stopped() => return End::Close(code::RESTART, "restart"),
                frame = read(&mut self.socket) => frame,
                () = rung => continue,
                () = self.shared.clock.sleep(wait_ms) => continue,
            };
            match frame {
                Ok(frame) => {
                    if let Err(end) = self.hear(&frame).await {
                        return end;
                    }
                }
                Err(end) => return end,
            }
        }
    }

    /// Sends what is due and gives the time until the connection would be too silent.
    async fn push(&mut self) -> Result<u64, End> {
        loop {
            let (frames, mute) = self.due()?;
            if frames.is_empty() || mute {
                break;
            }
            for (number, frame) in frames {
                self.socket.send(Message::text(frame)).await.map_err(|_| End::Gone)?;
                let mut world = self.shared.lock();
                let session = world.kakaotalk.gateway.session.as_mut();
                if let Some(session) = session {
                    session.sent = session.sent.max(number);
                    session.trim();
                }
            }
        }
        let silent_ms = self.shared.clock.now().ms_since(self.heard_at);
        if silent_ms >= SILENCE_MS_MAX {
            return Err(End::Close(code::EXPIRED, "no heartbeat"));
        }
        Ok(SILENCE_MS_MAX - silent_ms)
    }

    /// The frames to send, and whether a fault keeps the connection mute.
    fn due(&self) -> Result<(Vec<(u64, String)>, bool), End> {
        let world = self.shared.lock();
        let gateway = &world.kakaotalk.gateway;
        if gateway.connection != self.number {
            return Err(End::Close(code::REPLACED, "replaced by another connection"));
        }
        if let Some((_, code)) = gateway.dropped.filter(|(number, _)| *number == self.number) {
            return Err(End::Close(code, "dropped"));
        }
        let mute = match world.verdict(Network::Kakaotalk, &[Function::Login], BOT) {
            Verdict::Refuse { .. } => return Err(End::Close(code::RESTART, "server restart")),
            Verdict::Hang { .. } | Verdict::Blackhole => true,
            Verdict::Pass | Verdict::Delay { .. } | Verdict::Duplicate => false,
        };
        let Some(session) = &gateway.session else {
            return Err(End::Close(code::EXPIRED, "session expired"));
        };
        let frames = session.buffer.iter().filter(|(number, _)| *number > session.sent);
        Ok((frames.take(REPLAY_MAX).cloned().collect(), mute))
    }

    async fn hear(&mut self, frame: &Value) -> Result<(), End> {
        let mute = matches!(login_verdict(&self.shared), Verdict::Hang { .. } | Verdict::Blackhole);
        match frame.get("op").and_then(Value::as_u64) {
            Some(1) if mute => Ok(()),
            Some(1) => {
                self.heard_at = self.shared.clock.now();
                self.send(&json!({ "op": 11 })).await
            }
            _ => Err(End::Close(code::PAYLOAD, "unexpected op")),
        }
    }

    async fn send(&mut self, frame: &Value) -> Result<(), End> {
        let sent = self.socket.send(Message::text(frame.to_string())).await;
        sent.map_err(|_| End::Gone)
    }

    fn leave(&self) {
        let mut world = self.shared.lock();
        let now = world.now();
        let gateway = &mut world.kakaotalk.gateway;
        if gateway.connection != self.number {
            return;
        }
        if let Some(session) = &mut gateway.session {
            session.connected = false;
            session.left_at = now;
            session.trim();
        }
    }
}

impl Gateway {
    fn count_resume(&mut self, by_seq: bool) {
        let counter = if by_seq { &mut self.resumed_by_seq } else { &mut self.resumed_by_sequence };
        *counter += 1;
    }

    /// How often clients resumed, by the name of the field that they used.
    pub(crate) fn resumed_by(&self) -> Value {
        json!({ "seq": self.resumed_by_seq, "sequence": self.resumed_by_sequence })
    }
}

impl Session {
    fn can_resume(&self, body: &Value, seen: u64, now: Timestamp) -> bool {
        let is_this = text(body, "session_id") == Some(self.id.as_str());
        let is_fresh = self.connected || now.ms_since(self.left_at) < SESSION_MS_MAX;
        let oldest = self.buffer.front().map_or(self.last + 1, |(number, _)| *number);
        is_this && is_fresh && seen <= self.last && seen + 1 >= oldest
    }
}

/// Makes a new connection the one; the one before it sees that and closes.
fn take_over(world: &mut World) -> u64 {
    let number = world.count();
    world.kakaotalk.gateway.connection = number;
    world.kakaotalk.gateway.dropped = None;
    number
}

fn check_token(world: &World, frame: &Value) -> Result<(), End> {
    let token = frame.get("d").and_then(|body| text(body, "token")).unwrap_or_default();
    if same_secret(token, &world.bot(Network::Kakaotalk).token) {
        Ok(())
    } else {
        Err(End::Close(code::AUTHENTICATION, "authentication failed"))
    }
}

/// The next JSON frame of the client.
async fn read(socket: &mut WebSocket) -> Result<Value, End> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(frame))) => {
                let read = serde_json::from_str(frame.as_str());
                return read.map_err(|_| End::Close(code::PAYLOAD, "not json"));
            }
            Some(Ok(Message::Binary(_))) => return Err(End::Close(code::PAYLOAD, "not text")),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Gone),
        }
    }
}
