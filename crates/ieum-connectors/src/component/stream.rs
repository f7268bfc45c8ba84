//! The stream (XEP-0114): dial, prove who we are, then feed the desk and write what it gives.
//!
//! A stream that is lost or silent is opened again after a short, growing wait. What was read is
//! handed in while reading and writing go on: a room's echo never waits for a disk. Invariant:
//! what was read is handed in once, in order, and is durable before anything says that it was read.

use super::link::{Link, Order};
use crate::backoff::Backoff;
use crate::doors::Doors;
use crate::xml::{Element, Piece, StreamReader, escape};
use crate::xmpp::desk::Desk;
use crate::xmpp::{XmppConfig, wire, write};
use bytes::Bytes;
use futures_channel::mpsc;
use futures_util::future::{Either, pending, select};
use futures_util::{FutureExt as _, StreamExt as _};
use ieum_core::ids::Cursor;
use ieum_core::inbound::Arrival;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{Inbox, InboxClosed, ListenEnd, Pulse};
use ieum_core::ports::dial::ByteStream;
use ieum_core::time::Timestamp;
use std::convert::Infallible;

/// The longest wait between two streams: the server is ours, and people wait.
const REOPEN_MS_MAX: u64 = 1_500;
/// Time between two looks at what is due.
const TICK_MS: u64 = 1_000;
/// Silence after which the server is asked whether it lives, and after which it is given up.
const SILENCE_MS: u64 = 15_000;
const SILENCE_MS_MAX: u64 = 30_000;
/// Most orders that are written at once.
const ORDERS_AT_ONCE_MAX: usize = 256;

/// Most events that are handed in at once.
const EVENTS_AT_ONCE_MAX: usize = 500;

/// Why a stream is left.
enum Leave {
    Again(String),
    End(ListenEnd),
}

/// What outlives a stream.
pub(crate) struct Listening<'a> {
    pub(crate) config: &'a XmppConfig,
    pub(crate) doors: &'a Doors,
    pub(crate) inbox: &'a dyn Inbox,
    pub(crate) link: &'a Link,
    pub(crate) desk: Desk<'a>,
}

/// One connection.
struct Open {
    bytes: Box<dyn ByteStream>,
    reader: StreamReader,
    unread: Vec<Piece>,
    heard_at: Timestamp,
    asked: bool,
}

impl<'a> Listening<'a> {
    /// Listens until the inbox closes or opening again would not help.
    pub(crate) async fn listen(&mut self, orders: &mut mpsc::Receiver<Order>) -> ListenEnd {
        let mut backoff = Backoff::up_to(REOPEN_MS_MAX);
        loop {
            let (left, was_up) = match self.stream(orders).await {
                Ok(never) => match never {},
                Err((leave, was_up)) => (leave, was_up),
            };
            self.link.set_up(false);
            self.desk.now = self.doors.clock.now();
            self.desk.lost();
            let reason = match left {
                Leave::End(end) => return end,
                Leave::Again(reason) => reason,
            };
            self.inbox.pulse(Pulse::Bad { reason });
            if was_up {
                backoff.reset();
            }
            self.doors.clock.sleep(backoff.next_ms(&*self.doors.entropy)).await;
        }
    }

    async fn stream(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<Infallible, (Leave, bool)> {
        let began = self.doors.clock.now();
        let mut open = self.open().await.map_err(|leave| (leave, false))?;
        let took_ms = self.doors.clock.now().ms_since(began);
        self.inbox.pulse(Pulse::Good { took_ms });
        self.link.set_up(true);
        self.desk.now = self.doors.clock.now();
        self.desk.opened();
        self.run(&mut open, orders).await.map_err(|leave| (leave, true))
    }

    async fn open(&self) -> Result<Open, Leave> {
        let opening = self.doors.dial.tcp(&self.config.address, self.config.timeout_ms);
        let bytes = opening.await.map_err(|failure| Leave::Again(failure.to_string()))?;
        let heard_at = self.doors.clock.now();
        let reader = StreamReader::new();
        let mut open = Open { bytes, reader, unread: Vec::new(), heard_at, asked: false };
        self.write(&mut open, header(&self.config.domain)).await?;
        let Piece::Opened(root) = self.greeting(&mut open).await? else {
            return Err(Leave::Again("the stream did not begin".to_owned()));
        };
        let proof = wire::handshake(root.get("id").unwrap_or_default(), &self.config.secret);
        self.write(&mut open, format!("<handshake>{proof}</handshake>")).await?;
        match self.greeting(&mut open).await? {
            Piece::Whole(taken) if taken.is("handshake", wire::COMPONENT) => Ok(open),
            Piece::Whole(other) => Err(refusal(&other)),
            Piece::Opened(_) | Piece::Closed => {
                Err(Leave::Again("the server closed the stream".to_owned()))
            }
        }
    }

    /// The next piece of the opening.
    async fn greeting(&self, open: &mut Open) -> Result<Piece, Leave> {
        let deadline = self.doors.clock.sleep(self.config.timeout_ms);
        let reading = async {
            loop {
                if !open.unread.is_empty() {
                    return Ok(open.unread.remove(0));
                }
                open.read().await?;
            }
        };
        match select(Box::pin(reading), deadline).await {
            Either::Left((piece, _)) => piece,
            Either::Right(((), _)) => Err(Leave::Again("the server does not answer".to_owned())),
        }
    }

    /// Reads and writes until the stream breaks; what is being handed in then is waited for.
    async fn run(
        &mut self,
        open: &mut Open,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<Infallible, Leave> {
        let mut handing = None;
        let left = self.read_and_write(open, orders, &mut handing).await;
        match handing {
            Some(handing) => handed(handing.await).and(left),
            None => left,
        }
    }

    async fn read_and_write(
        &mut self,
        open: &mut Open,
        orders: &mut mpsc::Receiver<Order>,
        handing: &mut Option<Handing<'a>>,
    ) -> Result<Infallible, Leave> {
        let mut tick = self.doors.clock.sleep(TICK_MS);
        let mut owed = String::new();
        loop {
            self.hear(open)?;
            if handing.is_none()
                && let Some(arrival) = self.desk.take_arrival()
            {
                *handing = Some(hand_in(self.inbox, arrival, self.desk.cursor()));
                owed = std::mem::take(&mut self.desk.owed);
            }
            let output = self.desk.take_output();
            self.write(open, output).await?;
            let bytes = (!self.is_full()).then_some(&mut open.bytes);
            let due = due(bytes, orders, (&mut tick, handing)).await;
            self.desk.now = self.doors.clock.now();
            match due {
                Due::Bytes(bytes) => open.take(&bytes, self.desk.now)?,
                Due::Order(first) => self.orders(first, orders),
                Due::HandedIn(handed_in) => {
                    *handing = None;
                    handed(handed_in)?;
                    self.write(open, std::mem::take(&mut owed)).await?;
                }
                Due::Tick => {
                    tick = self.doors.clock.sleep(TICK_MS);
                    self.desk.tick();
                    self.look_for_life(open)?;
                }
            }
        }
    }

    /// Whether so much was read and not handed in that more can wait.
    fn is_full(&self) -> bool {
        self.desk.arrival.events.len() >= EVENTS_AT_ONCE_MAX
    }

    /// Shows the desk what was read.
    fn hear(&mut self, open: &mut Open) -> Result<(), Leave> {
        for piece in std::mem::take(&mut open.unread) {
            match piece {
                Piece::Whole(stanza) if stanza.is("error", wire::STREAM) => {
                    return Err(refusal(&stanza));
                }
                Piece::Whole(stanza) => self.desk.stanza(&stanza),
                Piece::Opened(_) => {}
                Piece::Closed => return Err(Leave::Again("the server closed".to_owned())),
            }
        }
        Ok(())
    }

    /// Takes what is asked by now.
    fn orders(&mut self, first: Order, more: &mut mpsc::Receiver<Order>) {
        self.desk.order(first);
        for _ in 1..ORDERS_AT_ONCE_MAX {
            let Some(Some(order)) = more.next().now_or_never() else { break };
            self.desk.order(order);
        }
    }

    /// Asks a silent server whether it lives; gives it up when it does not say.
    fn look_for_life(&mut self, open: &mut Open) -> Result<(), Leave> {
        if self.is_full() {
            // It is we who do not listen.
            open.heard_at = self.desk.now;
        }
        let silent_ms = self.desk.now.ms_since(open.heard_at);
        if silent_ms >= SILENCE_MS_MAX {
            return Err(Leave::Again("the server is silent".to_owned()));
        }
        if silent_ms >= SILENCE_MS && !std::mem::replace(&mut open.asked, true) {
            let us = self.desk.us();
            self.desk.write(&write::ping(&us, &self.config.server, "alive"));
        }
        Ok(())
    }

    async fn write(&self, open: &mut Open, text: String) -> Result<(), Leave> {
        if text.is_empty() {
            return Ok(());
        }
        let writing = open.bytes.send(Bytes::from(text));
        match select(writing, self.doors.clock.sleep(self.config.timeout_ms)).await {
            Either::Left((Ok(()), _)) => Ok(()),
            Either::Left((Err(failure), _)) => Err(Leave::Again(failure.to_string())),
            Either::Right(((), _)) => Err(Leave::Again("the server takes nothing".to_owned())),
        }
    }
}

impl Open {
    async fn read(&mut self) -> Result<(), Leave> {
        let bytes = self.bytes.next().await;
        let now = self.heard_at;
        self.take(&bytes, now)
    }

    fn take(&mut self, bytes: &[u8], now: Timestamp) -> Result<(), Leave> {
        if bytes.is_empty() {
            return Err(Leave::Again("the connection was lost".to_owned()));
        }
        self.heard_at = now;
        self.asked = false;
        let pieces = self.reader.read(bytes);
        self.unread.extend(pieces.map_err(|broken| Leave::Again(broken.to_string()))?);
        Ok(())
    }
}

/// Something that is being made durable.
type Handing<'a> = BoxFuture<'a, Result<(), InboxClosed>>;

/// Hands in what was read, in portions; the place up to which it was read goes with the last.
fn hand_in(inbox: &dyn Inbox, mut arrival: Arrival, cursor: Cursor) -> Handing<'_> {
    Box::pin(async move {
        while arrival.events.len() > EVENTS_AT_ONCE_MAX {
            let rest = arrival.events.split_off(EVENTS_AT_ONCE_MAX);
            let first = std::mem::replace(&mut arrival.events, rest);
            inbox.deliver(Arrival { events: first, ignored: 0 }, None).await?;
        }
        inbox.deliver(arrival, Some(cursor)).await
    })
}

fn handed(answer: Result<(), InboxClosed>) -> Result<(), Leave> {
    answer.map_err(|InboxClosed| Leave::End(ListenEnd::InboxClosed))
}

/// What happens next.
enum Due {
    Bytes(Bytes),
    Order(Order),
    HandedIn(Result<(), InboxClosed>),
    Tick,
}

/// Waits for whatever comes first; for bytes only where there is room for what they hold.
async fn due(
    bytes: Option<&mut Box<dyn ByteStream>>,
    orders: &mut mpsc::Receiver<Order>,
    (tick, handing): (&mut BoxFuture<'static, ()>, &mut Option<Handing<'_>>),
) -> Due {
    // The queue's other end is held by the connector, which outlives its listening.
    let order = orders.select_next_some();
    let bytes = async {
        match bytes {
            Some(bytes) => bytes.next().await,
            None => pending().await,
        }
    };
    let handed_in = async {
        match handing {
            Some(handing) => handing.await,
            None => pending().await,
        }
    };
    let (bytes, handed_in) = (std::pin::pin!(bytes), std::pin::pin!(handed_in));
    match select(select(handed_in, bytes), select(order, tick)).await {
        Either::Left((Either::Left((answer, _)), _)) => Due::HandedIn(answer),
        Either::Left((Either::Right((bytes, _)), _)) => Due::Bytes(bytes),
        Either::Right((Either::Left((order, _)), _)) => Due::Order(order),
        Either::Right((Either::Right(((), _)), _)) => Due::Tick,
    }
}

fn header(domain: &str) -> String {
    let mut header = "<?xml version='1.0'?><stream:stream xmlns:stream='".to_owned();
    header.push_str(wire::STREAM);
    header.push_str("' xmlns='");
    header.push_str(wire::COMPONENT);
    header.push_str("' to=\"");
    escape(&mut header, domain);
    header.push_str("\">");
    header
}

/// A stream error: only a secret that is not accepted is beyond mending by trying again. A server
/// that is just starting may not know us yet.
fn refusal(error: &Element) -> Leave {
    let told = error.children().find(|child| child.space() == wire::STREAM_ERRORS);
    match told.map(Element::name) {
        Some("not-authorized") => {
            Leave::End(ListenEnd::Fatal("the component's secret is not accepted".to_owned()))
        }
        Some(name) => {
            let name: String = name.chars().take(60).collect();
            Leave::Again(format!("the server ended the stream: {name}"))
        }
        None => Leave::Again("the server ended the stream".to_owned()),
    }
}
