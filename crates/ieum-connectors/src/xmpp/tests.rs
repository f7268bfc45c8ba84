//! The desk, fed with stanzas and orders as a server and a hub would give them.

use super::desk::Desk;
use super::*;
use crate::component::link::Order;
use crate::scripted::{NOW, Script};
use crate::xml::{Element, Piece, StreamReader};
use expect_test::{Expect, expect};
use futures_channel::oneshot;
use futures_util::FutureExt as _;
use ieum_core::ids::{ChatKey, NativeMessageId, QuoteKey};
use ieum_core::inbound::{Inbound, InboundKind};
use ieum_core::network::ChatKind;
use ieum_core::outgoing::{Act, Part, ReplyTarget, ShownSender};
use std::sync::Arc;

mod directly;
mod files;
mod listening;
mod marks;
mod rooms;
mod shapes;
mod staying;

const US: &str = "ieum@gate.test/ieum";
const ROOM: &str = "family@rooms.test";

fn config() -> XmppConfig {
    XmppConfig {
        address: "127.0.0.1:5347".to_owned(),
        domain: "gate.test".to_owned(),
        server: "test".to_owned(),
        secret: Secret::new("between us"),
        name: "ieum".to_owned(),
        nick: "이음".to_owned(),
        rooms: Vec::new(),
        timeout_ms: 5_000,
        rate: RATE_UNPUBLISHED,
    }
}

/// The stanzas in a text that stands inside a component's stream.
fn stanzas(text: &str) -> Vec<Element> {
    let head = "<s:stream xmlns:s='http://etherx.jabber.org/streams' \
                xmlns='jabber:component:accept'>";
    let pieces = StreamReader::new().read(format!("{head}{text}").as_bytes()).expect(text);
    let whole = pieces.into_iter().filter_map(|piece| match piece {
        Piece::Whole(stanza) => Some(stanza),
        Piece::Opened(_) | Piece::Closed => None,
    });
    whole.collect()
}

/// A desk and what it said so far.
struct Town<'a> {
    desk: Desk<'a>,
}

/// Somebody who waits for an outcome.
type Waiting = oneshot::Receiver<Outcome>;

impl<'a> Town<'a> {
    fn new(config: &'a XmppConfig, cursor: Option<&Cursor>) -> Self {
        let mut desk = Desk::new(config, cursor, NOW);
        desk.opened();
        Self { desk }
    }

    /// Gives stanzas in.
    fn hears(&mut self, text: &str) -> &mut Self {
        for stanza in stanzas(text) {
            self.desk.stanza(&stanza);
        }
        self
    }

    /// What it wants written, with the numbers of its questions.
    fn writes(&mut self) -> String {
        self.desk.take_output().replace("><", ">\n<")
    }

    /// What is to be admitted.
    fn events(&mut self) -> Vec<Inbound> {
        self.desk.take_arrival().unwrap_or_default().events
    }

    /// Only what was said, changed or taken back, one line each.
    fn said(&mut self) -> Vec<String> {
        self.events().iter().filter_map(line).collect()
    }

    /// The id of the newest question that was written.
    fn question(&mut self) -> String {
        let written = self.desk.take_output();
        let asked = stanzas(&written).into_iter().rev().find(|stanza| stanza.name() == "iq");
        asked.and_then(|stanza| stanza.get("id").map(str::to_owned)).expect(&written)
    }

    fn asks(&mut self, outgoing: Outgoing) -> Waiting {
        let (order, waiting) = Order::new(Asked::Say(outgoing));
        self.desk.order(order);
        waiting
    }
}

fn line(event: &Inbound) -> Option<String> {
    let who = event.sender.as_ref()?;
    let name = who.name.as_deref().unwrap_or_default();
    let what = match &event.kind {
        InboundKind::Message(said) => {
            let answers = said.reply_to.as_ref().map(|to| format!(" -> {}", to.as_str()));
            let file = said.file.as_ref().map(|file| format!(" +{:?}", file.kind));
            let extra = answers.unwrap_or_default() + &file.unwrap_or_default();
            format!("{} says {:?}{extra}", said.native.as_str(), said.text)
        }
        InboundKind::Edit { native, text, .. } => format!("{} is now {text:?}", native.as_str()),
        InboundKind::Withdrawal { native } => format!("{} is gone", native.as_str()),
        InboundKind::Reaction { native, emoji, .. } => {
            format!("{} gets {emoji:?}", native.as_str())
        }
        InboundKind::PeopleJoined(_)
        | InboundKind::PeopleLeft(_)
        | InboundKind::WeJoined
        | InboundKind::WeLeft
        | InboundKind::Migrated { .. }
        | InboundKind::Button { .. }
        | InboundKind::Unreadable(_)
        | InboundKind::Receipt { .. } => return None,
    };
    Some(format!("{} [{name}] {what}", who.key.as_str()))
}

fn say(chat: &str, kind: ChatKind, key: u8, text: &str) -> Outgoing {
    let part = Part { text: text.to_owned(), ..Part::default() };
    act(chat, kind, key, Act::Say(vec![part]))
}

fn act(chat: &str, kind: ChatKind, key: u8, act: Act) -> Outgoing {
    let chat = ChatRef { key: ChatKey::new(chat), kind };
    Outgoing { chat, key: [key; 16], answer_token: None, author: None, act }
}

fn as_speaker(mut outgoing: Outgoing, name: &str) -> Outgoing {
    if let Act::Say(parts) = &mut outgoing.act {
        let sender = ShownSender { name: name.to_owned(), icon_url: None };
        parts.iter_mut().for_each(|part| part.sender = Some(sender.clone()));
    }
    outgoing
}

fn id(key: u8) -> String {
    wire::message_id(&config().secret, &[key; 16])
}

/// What the one who waits was told by now.
fn told(waiting: &mut Waiting) -> Option<Outcome> {
    waiting.now_or_never().map(|told| told.expect("somebody answers"))
}

fn check(seen: &str, expected: &Expect) {
    expected.assert_eq(&seen.replace(&id(1), "ID1").replace(&id(2), "ID2").replace(ROOM, "ROOM"));
}
