//! The state of the conversation with one server: a machine that is fed stanzas, orders and time,
//! and gives stanzas to write and events to admit. No I/O.
//!
//! Direct chats and questions are here, rooms in `rooms`. Invariants: an answer is believed only
//! from whom it was asked; what a restart may not lose is in the places, which move on together
//! with the events before them.

use super::wire::{self, bare};
use super::write::{self, Pointed};
use super::{XmppConfig, outcome, read};
use crate::component::link::{Asked, Order, impossible};
use crate::muc::rooms::Room;
use crate::muc::shown::Shown;
use crate::xml::Element;
use ieum_core::ids::{ChatKey, Cursor, EventKey, NativeMessageId, UserKey};
use ieum_core::inbound::{Arrival, ChatRef, Inbound, InboundKind, Sender};
use ieum_core::network::ChatKind;
use ieum_core::outgoing::{Act, CopyKey, Outcome, Outgoing};
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;

/// Most rooms of one account.
pub(crate) const ROOMS_MAX: usize = 500;
/// Most questions that are open at once; the oldest are forgotten.
const QUESTIONS_MAX: usize = 4_096;

/// What an answer is awaited to.
#[derive(Debug)]
pub(crate) enum Question {
    /// What a room is and can.
    Discover(String),
    /// A page of a room's archive.
    Page(String),
    /// Whether we are in a room.
    Inside(String),
    /// Whether the recipient's server has taken what stood before this in the stream.
    Taken(String),
    /// Whether the server lives.
    Life(Order),
}

/// The whole state.
pub(crate) struct Desk<'a> {
    pub(crate) config: &'a XmppConfig,
    pub(crate) rooms: BTreeMap<String, Room>,
    pub(crate) questions: BTreeMap<String, (String, Question)>,
    direct: BTreeMap<String, Order>,
    serial: u64,
    pub(crate) now: Timestamp,
    out: String,
    /// What says that something was read: written once that is durable.
    pub(crate) owed: String,
    pub(crate) arrival: Arrival,
    moved: bool,
    up: bool,
}

impl<'a> Desk<'a> {
    /// As it was when the cursor was kept.
    pub(crate) fn new(config: &'a XmppConfig, cursor: Option<&Cursor>, now: Timestamp) -> Self {
        let kept: Option<BTreeMap<String, Option<String>>> =
            cursor.and_then(|cursor| serde_json::from_str(cursor.as_str()).ok());
        let kept = kept.into_iter().flatten().take(ROOMS_MAX);
        let known = config.rooms.iter().map(|room| (room.clone(), None));
        let rooms = known.chain(kept).map(|(room, place)| (room, Room::new(place))).collect();
        Self {
            config,
            rooms,
            questions: BTreeMap::new(),
            direct: BTreeMap::new(),
            serial: 0,
            now,
            out: String::new(),
            owed: String::new(),
            arrival: Arrival::default(),
            moved: false,
            up: false,
        }
    }

    /// Our own address.
    pub(crate) fn us(&self) -> String {
        format!("{}@{}/{}", self.config.name, self.config.domain, wire::RESOURCE)
    }

    /// Where rooms are read up to.
    pub(crate) fn cursor(&self) -> Cursor {
        let stay = self.rooms.iter().filter(|(_, room)| room.stays);
        let kept: BTreeMap<_, _> = stay.map(|(at, room)| (at, &room.place)).collect();
        Cursor::new(serde_json::to_string(&kept).unwrap_or_default())
    }

    /// What was read since the last call, and whether there is anything to keep.
    pub(crate) fn take_arrival(&mut self) -> Option<Arrival> {
        let moved = std::mem::take(&mut self.moved);
        let arrival = std::mem::take(&mut self.arrival);
        (moved || !arrival.events.is_empty() || arrival.ignored > 0).then_some(arrival)
    }

    /// What is to be written since the last call.
    pub(crate) fn take_output(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    /// The stream is there.
    pub(crate) fn opened(&mut self) {
        self.up = true;
        let rooms: Vec<String> = self.rooms.keys().cloned().collect();
        rooms.iter().for_each(|room| self.ask_about(room));
    }

    /// The stream is gone. What was written to a person is in doubt; what was written to a room
    /// is looked for in the room when it is entered again.
    pub(crate) fn lost(&mut self) {
        self.up = false;
        for order in std::mem::take(&mut self.direct).into_values() {
            order.ends(outcome::unanswered("the stream was lost before the answer"));
        }
        for (_, question) in std::mem::take(&mut self.questions).into_values() {
            if let Question::Life(order) = question {
                order.ends(outcome::not_sent("the stream was lost"));
            }
        }
        self.rooms.values_mut().for_each(Room::left_alone);
    }

    /// Somebody asks for something.
    pub(crate) fn order(&mut self, order: Order) {
        match &order.asked {
            Asked::Life => {
                let server = self.config.server.clone();
                let us = self.us();
                let id = self.question(&server, Question::Life(order));
                self.write(&write::ping(&us, &server, &id));
            }
            Asked::Say(Outgoing { chat, .. }) => match chat.kind {
                ChatKind::Direct => self.say_directly(order),
                ChatKind::Group => {
                    let room = chat.key.as_str().to_owned();
                    self.say_in_room(&room, order);
                }
            },
        }
    }

    /// One message to a person, and a question to their server: once that is answered, the server
    /// has the message, because stanzas between two parties keep their order.
    fn say_directly(&mut self, order: Order) {
        let Asked::Say(outgoing) = &order.asked else { return };
        let to = outgoing.chat.key.as_str().to_owned();
        if !wire::is_bare_address(&to) {
            return order.ends(impossible("not the address of a person"));
        }
        if !order.leaves() {
            return;
        }
        let us = self.us();
        let id = wire::message_id(&self.config.secret, &outgoing.key);
        let target = target_of(&outgoing.act);
        let message = write::identified(wire::stanza("message", "chat", &us, &to), &id);
        let pointed = Pointed { native: target, authors: target };
        let nobody = Shown { name: None, people: &|_| None };
        let mut message = write::act(message, &outgoing.act, pointed, &nobody);
        if let Act::Say(_) = outgoing.act {
            message = write::with_receipts(message);
        }
        self.write(&message);
        self.direct.insert(id.clone(), order);
        let server = wire::domain(&to).to_owned();
        let asked = self.question(&server, Question::Taken(id));
        self.write(&write::ping(&us, &server, &asked));
    }

    /// Opens a question and gives its id.
    pub(crate) fn question(&mut self, to: &str, question: Question) -> String {
        self.serial += 1;
        let id = format!("q{:08}", self.serial);
        if self.questions.len() >= QUESTIONS_MAX {
            self.questions.pop_first();
        }
        self.questions.insert(id.clone(), (to.to_owned(), question));
        id
    }

    /// Adds a stanza to what is to be written.
    pub(crate) fn write(&mut self, stanza: &Element) {
        stanza.write_to(&mut self.out, wire::COMPONENT);
    }

    /// Adds an event to what is to be admitted.
    pub(crate) fn event(&mut self, event: Inbound) {
        self.arrival.events.push(event);
    }

    /// Says that the places moved without an event.
    pub(crate) fn places_moved(&mut self) {
        self.moved = true;
    }

    /// A key for an event that nobody repeats.
    pub(crate) fn fresh_key(&mut self, what: &str) -> EventKey {
        self.serial += 1;
        EventKey::new(format!("{what}/{}/{}", self.now.0, self.serial))
    }

    /// Takes a stanza in.
    pub(crate) fn stanza(&mut self, stanza: &Element) {
        let Some(from) = stanza.get("from").map(str::to_owned) else {
            return;
        };
        match stanza.name() {
            "message" => self.message(stanza, &from),
            "presence" if self.rooms.contains_key(bare(&from)) => self.room_presence(stanza, &from),
            "presence" => self.presence(stanza, bare(&from)),
            "iq" => self.query(stanza, &from),
            _ => {}
        }
    }

    fn message(&mut self, message: &Element, from: &str) {
        let (place, kind) = (bare(from).to_owned(), message.get("type"));
        let id = message.get("id").unwrap_or_default();
        if kind == Some("error") {
            if !self.room_refused(&place, message, id)
                && let Some(order) = self.direct.remove(id)
            {
                order.ends(outcome::of_error(message));
            }
        } else if self.rooms.contains_key(&place) && read::invited_to(message).is_none() {
            self.room_message(&place, from, message);
        } else if kind != Some("groupchat") && message.get("to").is_some_and(wire::is_speaker) {
            self.said_to_speaker(message, from, id);
        } else if let Some(room) = read::invited_to(message) {
            self.invited(room);
        } else if kind != Some("groupchat") {
            self.direct_message(message, &place, id);
        }
    }

    /// Words to somebody who speaks through us in a room: they have no private chat here, and must
    /// not become words to all.
    fn said_to_speaker(&mut self, message: &Element, from: &str, id: &str) {
        let said = read::child_of(message, "body").is_some();
        let Some(speaker) = message.get("to").filter(|_| said) else { return };
        self.arrival.ignored += 1;
        let answer = wire::stanza("message", "error", speaker, from).with("id", id);
        self.write(&answer.child(wire::not_served()));
    }

    fn direct_message(&mut self, message: &Element, person: &str, id: &str) {
        let told = Some(id).filter(|id| !id.is_empty() && id.len() <= 512);
        let key = self.fresh_key("message");
        let native = told.unwrap_or(key.as_str()).to_owned();
        let Some(kind) = read::kind(message, &native, None).filter(|kind| self.may(kind)) else {
            self.arrival.ignored += u32::from(read::child_of(message, "body").is_some());
            return;
        };
        let wants_word = message.find("request", wire::RECEIPTS).is_some();
        let at = read::delayed(message).unwrap_or(self.now);
        let event = match told {
            Some(id) => EventKey::new(format!("{person}/{id}")),
            None => key,
        };
        self.event(Inbound { event, at, kind, ..self.said_by(person) });
        if wants_word && told.is_some() {
            let us = self.us();
            write::received(&us, person, id).write_to(&mut self.owed, wire::COMPONENT);
        }
    }

    /// Nobody changes or takes back what we said.
    fn may(&self, kind: &InboundKind) -> bool {
        if let InboundKind::Edit { native, .. } | InboundKind::Withdrawal { native } = kind {
            return !wire::is_ours(&self.config.secret, native.as_str());
        }
        true
    }

    /// An event of a person's direct chat with us, without what happened.
    fn said_by(&self, person: &str) -> Inbound {
        let name = person.split_once('@').map_or(person, |(name, _)| name);
        Inbound {
            event: EventKey::default(),
            at: self.now,
            chat: ChatRef { key: ChatKey::new(person), kind: ChatKind::Direct },
            title: None,
            sender: Some(Sender { key: UserKey::new(person), name: Some(name.into()) }),
            kind: InboundKind::WeJoined,
        }
    }

    /// Somebody takes us into their list, or out of it, or asks whether we are there.
    fn presence(&mut self, presence: &Element, person: &str) {
        let answers: &[&str] = match presence.get("type") {
            Some("subscribe") => &["subscribed", ""],
            Some("unsubscribe") => &["unsubscribed"],
            Some("probe") => &[""],
            _ => return,
        };
        let to = presence.get("to").map(bare);
        if to != Some(bare(&self.us())) || !wire::is_bare_address(person) {
            return;
        }
        let us = self.us();
        for kind in answers {
            let from = if kind.is_empty() { us.as_str() } else { bare(&us) };
            self.write(&wire::stanza("presence", kind, from, person));
        }
        let (what, kind) = match presence.get("type") {
            Some("subscribe") => ("subscribe", InboundKind::WeJoined),
            Some("unsubscribe") => ("unsubscribe", InboundKind::WeLeft),
            _ => return,
        };
        let event = self.fresh_key(&format!("{what}/{person}"));
        self.event(Inbound { event, kind, ..self.said_by(person) });
    }

    /// A question to us, or an answer to one of ours.
    fn query(&mut self, stanza: &Element, from: &str) {
        let id = stanza.get("id").unwrap_or_default();
        match stanza.get("type") {
            Some("get" | "set") => self.answer(stanza, from, id),
            Some("result" | "error") => {
                let asked = self.questions.get(id).is_some_and(|(to, _)| to == from);
                let question = if asked { self.questions.remove(id) } else { None };
                if let Some((_, question)) = question {
                    self.answered(question, stanza);
                }
            }
            _ => {}
        }
    }

    fn answered(&mut self, question: Question, stanza: &Element) {
        match question {
            Question::Discover(room) => self.discovered(&room, stanza),
            Question::Page(room) => self.page_ended(&room, stanza),
            Question::Inside(room) => self.told_whether_in(&room, stanza),
            Question::Life(order) => order.ends(accepted("", None)),
            Question::Taken(id) => {
                let Some(order) = self.direct.remove(&id) else { return };
                let unreached = outcome::condition(stanza)
                    .is_some_and(|condition| condition.starts_with("remote-server"));
                let taken = accepted(&id, None);
                order.ends(if unreached { outcome::of_error(stanza) } else { taken });
            }
        }
    }

    /// Everybody who asks is answered, as the standard demands.
    fn answer(&mut self, stanza: &Element, from: &str, id: &str) {
        let Some(to) = stanza.get("to") else { return };
        let asked = stanza.children().next();
        let is = |name, space| asked.is_some_and(|asked| asked.is(name, space));
        let answer = wire::stanza("iq", "", to, from).with("id", id);
        let answer = if is("ping", wire::PING) {
            answer.with("type", "result")
        } else if is("query", wire::DISCO_INFO) {
            answer.with("type", "result").child(wire::what_we_are(to.contains('@')))
        } else {
            answer.with("type", "error").child(wire::not_served())
        };
        self.write(&answer);
    }
}

/// The network took it under this id.
pub(crate) fn accepted(native: &str, author: Option<&str>) -> Outcome {
    let quote = author.map(ieum_core::ids::QuoteKey::new);
    let copies = vec![CopyKey { native: NativeMessageId::new(native), quote }];
    Outcome::Accepted { copies }
}

/// The message that an act is about.
pub(crate) fn target_of(act: &Act) -> &str {
    match act {
        Act::Say(_) => "",
        Act::Edit { target, .. } | Act::Withdraw { target } | Act::React { target, .. } => {
            target.as_str()
        }
    }
}
