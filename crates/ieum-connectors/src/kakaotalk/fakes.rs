//! Stand-ins for the ports: a clock that jumps, a scripted gateway, a network that gives one
//! answer. Nothing waits for real and every run is the same.

use super::*;
use crate::doors::Doors;
use bytes::Bytes;
use futures_util::task::noop_waker;
use http::{Request, Response};
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::InboxClosed;
use ieum_core::ports::dial::{ByteStream, Dial, DialFailure, Frame, FrameStream};
use ieum_core::ports::entropy::Entropy;
use ieum_core::ports::http::{HttpFailure, HttpTransport};
use ieum_core::time::Timestamp;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// What the gateway does next on one connection; a script that ran out stays silent.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Waits until the client sent a text that contains this.
    Expect(&'static str),
    /// Lets so many milliseconds pass.
    After(i64),
    /// Lets them pass while the next frame already lies ready.
    Jump(i64),
    /// Says this.
    Say(String),
    /// Closes.
    Close(Option<u16>),
    /// The next write of the client fails.
    FailWrite,
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) now: i64,
    /// When the script's present `After` ends.
    wake_at: Option<i64>,
    /// The scripts of the connections still to come; an empty `Option` refuses to connect.
    pub(super) scripts: VecDeque<Option<VecDeque<Step>>>,
    /// Everything that happened, with its time.
    pub(super) log: Vec<String>,
    unread: VecDeque<String>,
    /// A connection is open.
    open: bool,
    /// It was asked for a frame and had none; only then may time pass.
    idle: bool,
    /// So many deliveries are taken before the inbox closes.
    pub(super) room: usize,
    pub(super) finished: bool,
    pub(super) answer: Option<Result<Response<Bytes>, HttpFailure>>,
    pub(super) asked: Vec<Request<Bytes>>,
}

/// All ports in one: cheap to clone, shared.
#[derive(Debug, Clone, Default)]
pub(super) struct Fake(pub(super) Arc<Mutex<World>>);

impl Fake {
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    fn note(&self, line: &str) {
        self.with(|world| {
            let line = format!("{} {line}", world.now);
            world.log.push(line);
        });
    }

    pub(super) fn doors(&self) -> Doors {
        let all = Arc::new(self.clone());
        Doors { http: all.clone(), dial: all.clone(), clock: all.clone(), entropy: all }
    }
}

impl Clock for Fake {
    fn now(&self) -> Timestamp {
        Timestamp(self.with(|world| world.now))
    }

    /// Time passes only when everybody waits: to the end of this wait or to the script's next
    /// deed, whichever is first.
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        let fake = self.clone();
        let until = fake.with(|world| world.now) + i64::try_from(ms).unwrap();
        Box::pin(poll_fn(move |_| {
            fake.with(|world| {
                if world.now >= until {
                    return Poll::Ready(());
                }
                if !world.open || std::mem::take(&mut world.idle) {
                    world.now = world.wake_at.map_or(until, |at| at.clamp(world.now, until));
                }
                Poll::Pending
            })
        }))
    }
}

impl Entropy for Fake {
    /// Half of every range.
    fn next_u64(&self) -> u64 {
        1 << 63
    }
}

impl HttpTransport for Fake {
    fn call(
        &self,
        request: Request<Bytes>,
        _: HttpLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, HttpFailure>> {
        let answer = self.with(|world| {
            world.now += 12;
            world.asked.push(request);
            world.answer.take().unwrap()
        });
        Box::pin(async { answer })
    }
}

impl Dial for Fake {
    fn websocket<'a>(
        &'a self,
        url: &'a str,
        _: u64,
    ) -> BoxFuture<'a, Result<Box<dyn FrameStream>, DialFailure>> {
        let script = self.with(|world| {
            world.unread.clear();
            world.wake_at = None;
            world.scripts.pop_front()
        });
        let opened: Result<Box<dyn FrameStream>, DialFailure> = match script {
            Some(Some(script)) => {
                self.note(&format!("dial {url}"));
                self.with(|world| world.open = true);
                Ok(Box::new(Stream { fake: self.clone(), script, waiting_since: None }))
            }
            Some(None) => Err(DialFailure("refused".into())),
            None => {
                self.with(|world| world.finished = true);
                Err(DialFailure("the script is over".into()))
            }
        };
        Box::pin(async { opened })
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
        _: &'a str,
        _: u64,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, DialFailure>> {
        Box::pin(async { Err(DialFailure("KakaoTalk is not reached by bare TCP".into())) })
    }
}

struct Stream {
    fake: Fake,
    script: VecDeque<Step>,
    waiting_since: Option<i64>,
}

impl Stream {
    /// Plays the script as far as it goes now.
    fn advance(&mut self) -> Option<Frame> {
        loop {
            let now = self.fake.with(|world| world.now);
            match self.script.front()? {
                Step::FailWrite => return None,
                Step::Expect(part) => {
                    let said = self.fake.with(|world| world.unread.pop_front())?;
                    if !said.contains(part) {
                        continue;
                    }
                }
                Step::After(ms) => {
                    let until = *self.waiting_since.get_or_insert(now) + ms;
                    self.fake.with(|world| world.wake_at = (now < until).then_some(until));
                    if now < until {
                        return None;
                    }
                    self.waiting_since = None;
                }
                Step::Jump(ms) => self.fake.with(|world| world.now += ms),
                Step::Say(_) | Step::Close(_) => {
                    return match self.script.pop_front() {
                        Some(Step::Say(text)) => Some(Frame::Text(text)),
                        Some(Step::Close(code)) => Some(Frame::Closed(code)),
                        _ => None,
                    };
                }
            }
            self.script.pop_front();
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.fake.with(|world| world.open = false);
    }
}

impl FrameStream for Stream {
    fn send(&mut self, text: String) -> BoxFuture<'_, Result<(), DialFailure>> {
        let fails = matches!(self.script.front(), Some(Step::FailWrite));
        if fails {
            self.script.pop_front();
        } else {
            self.fake.note(&format!("> {text}"));
            self.fake.with(|world| world.unread.push_back(text));
        }
        Box::pin(async move { if fails { Err(DialFailure("broken".into())) } else { Ok(()) } })
    }

    fn next(&mut self) -> BoxFuture<'_, Frame> {
        Box::pin(poll_fn(move |_| {
            let frame = self.advance();
            self.fake.with(|world| world.idle = frame.is_none());
            frame.map_or(Poll::Pending, Poll::Ready)
        }))
    }

    fn close(&mut self, code: u16) -> BoxFuture<'_, ()> {
        self.fake.note(&format!("close {code}"));
        Box::pin(async {})
    }
}

impl Inbox for Fake {
    fn deliver(
        &self,
        arrival: Arrival,
        cursor: Option<Cursor>,
    ) -> BoxFuture<'_, Result<(), InboxClosed>> {
        let events: Vec<&str> = arrival.events.iter().map(|event| event.event.as_str()).collect();
        let cursor = cursor.as_ref().map_or("-", Cursor::as_str);
        let taken = self.with(|world| {
            let taken = world.room > 0;
            world.room = world.room.saturating_sub(1);
            taken
        });
        self.note(&format!("deliver {events:?} ignored {} cursor {cursor}", arrival.ignored));
        Box::pin(async move { if taken { Ok(()) } else { Err(InboxClosed) } })
    }

    fn pulse(&self, pulse: Pulse) {
        self.note(&match pulse {
            Pulse::Good { took_ms } => format!("good {took_ms}"),
            Pulse::Bad { reason } => format!("bad {reason}"),
            Pulse::Refused { reason } => format!("refused {reason}"),
        });
    }
}

/// Runs a future that waits for nothing but these fakes.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(&noop_waker())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits for something"),
    }
}

/// Listens until the end, or until the scripts are over; tells what happened, and the end.
pub(super) fn listen(
    connector: &KakaoTalk,
    fake: &Fake,
    cursor: Option<&str>,
) -> (Vec<String>, Option<ListenEnd>) {
    let mut future = pin!(connector.listen(fake, cursor.map(Cursor::new)));
    let waker = noop_waker();
    for _ in 0..100_000 {
        if let Poll::Ready(end) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return (fake.with(|world| std::mem::take(&mut world.log)), Some(end));
        }
        if fake.with(|world| world.finished) {
            return (fake.with(|world| std::mem::take(&mut world.log)), None);
        }
    }
    panic!("nothing happens any more: {:?}", fake.with(|world| world.log.clone()));
}

pub(super) fn config() -> KakaoTalkConfig {
    KakaoTalkConfig {
        api_url: "http://api.test".into(),
        gateway_url: "ws://gateway.test/gateway".into(),
        bot_token: Secret::new("t0ken"),
        bot_name: Some("이음".into()),
        webhook: None,
        edition: Edition::default(),
        receive: Receive::Gateway,
        timeouts: Timeouts::default(),
        rate: RATE_UNPUBLISHED,
    }
}
