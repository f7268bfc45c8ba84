//! Rooms (XEP-0045): entering them as ourselves and as each speaker, reading what was missed, and
//! knowing our own words again.
//!
//! A room is entered in steps: ask what it is, enter, read its archive (XEP-0313) up to the
//! present, then talk. Nothing is written into a room before its recent past is known, and what
//! is found there under the id of an order is that order's answer. Invariant: a message is known
//! to be ours by its id alone, never by a nickname.

use super::calls::Present;
use super::speaking::{Speaker, Standing};
use crate::component::link::Order;
use crate::room_archive::Kept;
use crate::xml::Element;
use crate::xmpp::desk::{Desk, Question, accepted};
use crate::xmpp::wire::{self, bare, resource};
use crate::xmpp::{outcome, read, write};
use ieum_core::ids::{ChatKey, EventKey, NativeMessageId, QuoteKey, UserKey};
use ieum_core::inbound::{ChatRef, Inbound, InboundKind, Sender};
use ieum_core::network::ChatKind;
use ieum_core::outgoing::Outcome;
use ieum_core::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// Most messages of a room that are known by both of their ids.
const KNOWN_MAX: usize = 2_000;
/// Most messages that wait while a room's past is read.
const LIVE_HELD_MAX: usize = 10_000;
/// Most people of a room that are known.
const PEOPLE_MAX: usize = 5_000;
/// How long a room that could not be entered is left alone.
pub(crate) const SHUT_MS: u64 = 5_000;
/// Where there is no archive, so much before the last message is asked for again: clocks differ.
const OVERLAP_MS: u64 = 60_000;
/// How far a server's clock and ours may be apart for history without ids, in milliseconds.
const CLOCKS_APART_MS_MAX: u64 = 5_000;

/// How far we are into a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    Away,
    Asked,
    Entering,
    /// The page of the archive before the place was asked for: it is only got to know.
    Seeding,
    /// A page after the place was asked for: it was missed.
    Paging,
    In,
    /// It would not have us until then.
    Shut(Timestamp),
}

/// A message by both of its ids.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) native: Box<str>,
    pub(crate) id: Box<str>,
    pub(crate) nick: Box<str>,
    by: Box<str>,
}

/// One room.
#[derive(Debug)]
pub(crate) struct Room {
    /// Up to where it was read: an id of its archive, or `@` and a moment.
    pub(crate) place: Option<String>,
    /// Whether it is entered again after a restart.
    pub(crate) stays: bool,
    pub(crate) stage: Stage,
    /// Since when we are that far.
    pub(crate) since: Timestamp,
    /// When the room last said anything, and when it was asked whether we are in it.
    pub(crate) heard_at: Timestamp,
    pub(crate) asked_at: Option<Timestamp>,
    /// How often in a row it turned out that we were not in it, or it did not answer.
    pub(crate) lapses: u32,
    archive: bool,
    /// The archive does not know the place any more.
    pub(crate) place_gone: bool,
    /// How often in a row its archive gave no page for a reason that passes.
    pub(crate) pages_failed: u8,
    /// Up to when it had been read when it was entered, where it has no archive.
    read_to: Option<Timestamp>,
    title: Option<Box<str>>,
    pub(crate) nick: String,
    pub(crate) people: BTreeMap<String, Box<str>>,
    pub(crate) speakers: BTreeMap<String, Speaker>,
    known: VecDeque<Known>,
    pub(crate) page: Vec<Kept>,
    /// Pages that were read back from the end, oldest first, where the place is gone.
    pub(crate) past: Vec<Kept>,
    live: Vec<Element>,
    pub(crate) waiting: VecDeque<Order>,
    pub(crate) written: BTreeMap<String, Order>,
}

impl Room {
    pub(crate) fn new(place: Option<String>) -> Self {
        Self {
            place,
            stays: true,
            stage: Stage::Away,
            since: Timestamp(0),
            heard_at: Timestamp(0),
            asked_at: None,
            lapses: 0,
            archive: false,
            place_gone: false,
            pages_failed: 0,
            read_to: None,
            title: None,
            nick: String::new(),
            people: BTreeMap::new(),
            speakers: BTreeMap::new(),
            known: VecDeque::new(),
            page: Vec::new(),
            past: Vec::new(),
            live: Vec::new(),
            waiting: VecDeque::new(),
            written: BTreeMap::new(),
        }
    }

    /// The stream is gone: what was written waits for the room's own word.
    pub(crate) fn left_alone(&mut self) {
        self.stage = Stage::Away;
        self.people.clear();
        self.page.clear();
        self.past.clear();
        self.asked_at = None;
        self.live.clear();
        let written = std::mem::take(&mut self.written).into_values();
        let speakers = std::mem::take(&mut self.speakers).into_values();
        let waiting = std::mem::take(&mut self.waiting);
        let spoken = speakers.flat_map(|speaker| speaker.waiting);
        self.waiting = written.chain(spoken).chain(waiting).collect();
    }

    /// Whether what was said then was read before the room was entered. Of what has an id that is
    /// looked up instead: the clocks of two servers differ.
    fn has_read(&self, when: Timestamp) -> bool {
        self.read_to.is_some_and(|read_to| when <= read_to.plus_ms(CLOCKS_APART_MS_MAX))
    }

    fn know(&mut self, message: Known) {
        if self.known.len() >= KNOWN_MAX {
            self.known.pop_front();
        }
        self.known.push_back(message);
    }

    pub(crate) fn by_native(&self, native: &str) -> Option<&Known> {
        self.known.iter().rev().find(|known| *known.native == *native)
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Known> {
        self.known.iter().rev().find(|known| *known.id == *id)
    }

    /// Who has a nickname: their real address where the room shows it, else the room's own id of
    /// them (XEP-0421), else the nickname.
    fn person(&self, room: &str, nick: &str, stanza: &Element) -> Box<str> {
        if let Some(known) = self.people.get(nick) {
            return known.clone();
        }
        let item = stanza.find("x", wire::MUC_USER).and_then(|x| x.find("item", wire::MUC_USER));
        let real = item.and_then(|item| item.get("jid")).map(|address| bare(address).into());
        let occupant = stanza.find("occupant-id", wire::OCCUPANT_ID).and_then(|own| own.get("id"));
        real.or_else(|| occupant.map(|id| format!("{room}#{id}").into()))
            .unwrap_or_else(|| format!("{room}/{nick}").into())
    }
}

/// The room's id of a message (XEP-0359), or its author's where the room gives none.
fn native_of<'m>(room: &str, message: &'m Element) -> Option<&'m str> {
    id_by_room(room, message).or_else(|| message.get("id")).filter(|id| !id.is_empty())
}

/// A name for what was said without any id, which stanzas need not have (RFC 6120 §8.1.3): when,
/// by whom, and what. `None` where nothing was said.
fn named(message: &Element, at: Timestamp) -> Option<String> {
    let body = read::child_of(message, "body")?;
    let mark = wire::mark(&[message.get("from")?, &body.texts()].join("\0"));
    Some(format!("~{}-{mark}", at.0))
}

fn id_by_room<'m>(room: &str, message: &'m Element) -> Option<&'m str> {
    let own = |child: &&Element| child.is("stanza-id", wire::STANZA_ID);
    let by_room = message.children().filter(own).find(|own| own.get("by") == Some(room));
    by_room.and_then(|own| own.get("id"))
}

fn is_subject(message: &Element) -> bool {
    let has = |name| read::child_of(message, name).is_some();
    has("subject") && !has("body")
}

impl Desk<'_> {
    /// Begins to enter a room.
    pub(crate) fn ask_about(&mut self, at: &str) {
        let Some(room) = self.rooms.get_mut(at) else { return };
        room.stage = Stage::Asked;
        room.since = self.now;
        let us = self.us();
        let id = self.question(at, Question::Discover(at.to_owned()));
        self.write(&write::discover(&us, at, &id));
    }

    /// Somebody invited us.
    pub(crate) fn invited(&mut self, at: &str) {
        if self.rooms.len() >= crate::xmpp::desk::ROOMS_MAX && !self.rooms.contains_key(at) {
            return;
        }
        let room = self.rooms.entry(at.to_owned()).or_insert_with(|| Room::new(None));
        room.stays = true;
        if matches!(room.stage, Stage::Away | Stage::Shut(_)) {
            self.ask_about(at);
        }
    }

    pub(crate) fn discovered(&mut self, at: &str, answer: &Element) {
        let (us, now) = (self.us(), self.now);
        let nick = self.config.nick.clone();
        let Some(room) = self.rooms.get_mut(at).filter(|room| room.stage == Stage::Asked) else {
            return;
        };
        let Some(query) = answer.find("query", wire::DISCO_INFO) else {
            return self.shut(at, outcome::of_error(answer));
        };
        let identity = query.find("identity", wire::DISCO_INFO);
        room.title = identity.and_then(|own| own.get("name")).map(Into::into);
        room.archive = query.children().any(|child| child.get("var") == Some(wire::ARCHIVE));
        room.stage = Stage::Entering;
        room.since = now;
        room.nick = nick;
        let since = room.place.as_deref().and_then(|place| place.strip_prefix('@'));
        room.read_to = since.and_then(|ms| ms.parse().ok()).map(Timestamp);
        let since = room.read_to.unwrap_or(now);
        let since = Timestamp(since.0.saturating_sub_unsigned(OVERLAP_MS));
        let since = if room.archive || room.place.is_none() { None } else { read::stamp(since) };
        let enter = write::enter(&us, at, &room.nick, since.as_deref());
        self.write(&enter);
    }

    /// The room does not have us: whoever waits for it is told.
    fn shut(&mut self, at: &str, why: Outcome) {
        let until = self.now.plus_ms(SHUT_MS);
        let Some(room) = self.rooms.get_mut(at) else { return };
        room.left_alone();
        room.stage = Stage::Shut(until);
        // Nothing was written: that is certain whatever the room says.
        let why =
            if let Outcome::Unknown { reason } = why { outcome::not_sent(&reason) } else { why };
        for order in std::mem::take(&mut room.waiting) {
            order.ends(why.clone());
        }
    }

    /// Somebody came, went or was refused.
    pub(crate) fn room_presence(&mut self, presence: &Element, from: &str) {
        let at = bare(from).to_owned();
        self.heard_of(&at);
        let (Some(nick), Some(to)) = (resource(from), presence.get("to")) else { return };
        let (to, us) = (to.to_owned(), self.us());
        let user = presence.find("x", wire::MUC_USER);
        let status = |code: &str| {
            user.is_some_and(|x| x.children().any(|status| status.get("code") == Some(code)))
        };
        let kind = presence.get("type");
        let own = status("110") || to != us;
        match kind {
            Some("error") if to == us => self.entering_failed(&at, presence),
            Some("error") => self.speaker_stands(&at, &to, nick, Standing::Refused),
            Some("unavailable") if to != us && status("110") => {
                self.speaker_stands(&at, &to, nick, Standing::Refused);
            }
            Some("unavailable") if to == us && own => self.taken_out(&at, status("303"), user),
            Some("unavailable") if to == us => {
                if let Some(room) = self.rooms.get_mut(&at) {
                    room.people.remove(nick);
                }
            }
            None if to != us && status("110") => {
                self.speaker_stands(&at, &to, nick, Standing::In);
            }
            None if to == us && own => self.entered(&at, nick),
            None if to == us => self.came(&at, nick, presence),
            _ => {}
        }
    }

    /// A nickname that somebody has is made longer; any other refusal stands.
    fn entering_failed(&mut self, at: &str, presence: &Element) {
        let us = self.us();
        let longest = self.config.nick.len() + 3;
        let Some(room) = self.rooms.get_mut(at).filter(|room| room.stage == Stage::Entering) else {
            return;
        };
        if outcome::condition(presence) == Some("conflict") && room.nick.len() < longest {
            room.nick.push('_');
            let enter = write::enter(&us, at, &room.nick, None);
            return self.write(&enter);
        }
        self.shut(at, outcome::of_error(presence));
    }

    /// We are in: now the past is read.
    fn entered(&mut self, at: &str, nick: &str) {
        let Some(room) = self.rooms.get_mut(at) else { return };
        nick.clone_into(&mut room.nick);
        room.people.remove(nick);
        if room.stage != Stage::Entering {
            return;
        }
        if room.archive {
            self.seed(at);
        }
    }

    /// We were taken out, or only renamed.
    fn taken_out(&mut self, at: &str, renamed: bool, user: Option<&Element>) {
        let Some(room) = self.rooms.get_mut(at).filter(|_| !renamed) else { return };
        let code =
            |code| user.is_some_and(|x| x.children().any(|own| own.get("code") == Some(code)));
        let destroyed = user.is_some_and(|x| x.find("destroy", wire::MUC_USER).is_some());
        let for_good = destroyed || ["301", "307", "321", "322"].into_iter().any(code);
        room.stays &= !for_good;
        let reason = "we are not in the room any more";
        self.shut(at, outcome::not_sent(reason));
        if for_good {
            let event = self.fresh_key(&format!("left/{at}"));
            self.room_event(at, event, None, None, InboundKind::WeLeft);
        }
    }

    fn came(&mut self, at: &str, nick: &str, presence: &Element) {
        let domain = format!(".guest@{}", self.config.domain);
        let Some(room) = self.rooms.get_mut(at) else { return };
        let spoken = room.speakers.values().any(|speaker| speaker.nick == nick);
        if spoken || room.people.contains_key(nick) || room.people.len() >= PEOPLE_MAX {
            return;
        }
        let person = room.person(at, nick, presence);
        if person.ends_with(&domain) {
            return;
        }
        room.people.insert(nick.to_owned(), person.clone());
        if room.stage == Stage::In {
            let sender = Sender { key: UserKey::new(person), name: Some(nick.into()) };
            let event = self.fresh_key(&format!("came/{at}"));
            self.room_event(at, event, None, None, InboundKind::PeopleJoined(vec![sender]));
        }
    }

    /// A message of a room: now, of its archive, or of its history.
    pub(crate) fn room_message(&mut self, at: &str, from: &str, message: &Element) {
        let us = self.us();
        if message.get("to") != Some(&*us) {
            return;
        }
        self.heard_of(at);
        if let Some(result) = message.find("result", wire::ARCHIVE).filter(|_| from == at) {
            return self.page_message(at, result);
        }
        if message.get("type") != Some("groupchat") {
            return;
        }
        let Some(room) = self.rooms.get_mut(at) else { return };
        match room.stage {
            Stage::Seeding | Stage::Paging
                if room.live.len() < LIVE_HELD_MAX && resource(from).is_some() =>
            {
                room.live.push(message.clone());
            }
            // Without an archive: what was said before follows our entering, the subject ends it.
            // Where nobody ever set one, it is the room's own word.
            Stage::Entering if !room.archive && is_subject(message) => self.caught_up(at),
            _ if resource(from).is_none() => {}
            Stage::In | Stage::Entering => {
                let when = read::delayed(message);
                self.heard(at, message, when, true);
            }
            Stage::Away | Stage::Asked | Stage::Seeding | Stage::Paging | Stage::Shut(_) => {}
        }
    }

    /// The present is reached: what came meanwhile is read, and what waited leaves.
    pub(crate) fn caught_up(&mut self, at: &str) {
        let Some(room) = self.rooms.get_mut(at) else { return };
        room.stage = Stage::In;
        room.since = self.now;
        let live = std::mem::take(&mut room.live);
        let (title, people) = (room.title.clone(), room.people.clone());
        let event = self.fresh_key(&format!("entered/{at}"));
        self.room_event(at, event, title, None, InboundKind::WeJoined);
        if !people.is_empty() {
            let event = self.fresh_key(&format!("there/{at}"));
            let people = people.into_iter();
            let people = people
                .map(|(nick, key)| Sender { key: UserKey::new(key), name: Some(nick.into()) });
            self.room_event(at, event, None, None, InboundKind::PeopleJoined(people.collect()));
        }
        self.places_moved();
        for message in live {
            let delayed = read::delayed(&message);
            self.heard(at, &message, delayed, true);
        }
        let Some(room) = self.rooms.get_mut(at) else { return };
        for order in std::mem::take(&mut room.waiting) {
            self.say_in_room(at, order);
        }
    }

    /// Takes a message in: it answers an order of ours, or somebody said something (which is an
    /// event if it is `new`).
    pub(crate) fn heard(
        &mut self,
        at: &str,
        message: &Element,
        when: Option<Timestamp>,
        new: bool,
    ) {
        let (now, us) = (self.now, self.us());
        let Some(nick) = message.get("from").and_then(resource).map(str::to_owned) else { return };
        let native = native_of(at, message).map(str::to_owned);
        let is_named = native.is_some();
        let Some(native) = native.or_else(|| named(message, when.unwrap_or(now))) else { return };
        let by_room = id_by_room(at, message).is_some();
        let id = message.get("id").unwrap_or_default();
        let ours = wire::is_ours(&self.config.secret, id);
        let Some(room) = self.rooms.get_mut(at) else { return };
        let is_past = when.is_some_and(|when| room.has_read(when));
        if room.by_native(&native).is_some() || (!is_named && is_past) {
            return;
        }
        let by = if ours { "".into() } else { room.person(at, &nick, message) };
        let known = Known {
            native: native.as_str().into(),
            id: id.into(),
            nick: nick.as_str().into(),
            by: by.clone(),
        };
        let present = Present { at, room, us: &us };
        let kind = if ours { None } else { read::kind(message, &native, Some(&present)) };
        let kind = kind.and_then(|kind| room.checked(kind, &by));
        room.know(known);
        if new {
            match (room.archive, by_room) {
                (true, true) => room.place = Some(native.clone()),
                (true, false) => {}
                (false, _) => room.place = Some(format!("@{}", when.unwrap_or(now).0)),
            }
        }
        if ours && let Some(order) = room.written.remove(id) {
            room.lapses = 0;
            order.ends(accepted(&native, Some(&format!("{at}/{nick}"))));
        }
        if let Some(mut kind) = kind.filter(|_| new) {
            if let InboundKind::Message(said) = &mut kind {
                said.quote = Some(QuoteKey::new(format!("{at}/{nick}")));
            }
            let sender = Sender { key: UserKey::new(by), name: Some(nick.into()) };
            let event = EventKey::new(format!("{at}/{native}"));
            self.room_event(at, event, None, Some((sender, when.unwrap_or(now))), kind);
        }
    }

    fn room_event(
        &mut self,
        at: &str,
        event: EventKey,
        title: Option<Box<str>>,
        who: Option<(Sender, Timestamp)>,
        kind: InboundKind,
    ) {
        let chat = ChatRef { key: ChatKey::new(at), kind: ChatKind::Group };
        let (sender, moment) = who.unzip();
        let moment = moment.unwrap_or(self.now);
        self.event(Inbound { event, at: moment, chat, title, sender, kind });
    }
}

impl Room {
    /// What somebody did, if they may: only what they said themselves can be changed or taken
    /// back. The ids by which authors name their messages become the room's.
    fn checked(&self, kind: InboundKind, by: &str) -> Option<InboundKind> {
        let ours = |known: &&Known| *known.by == *by;
        Some(match kind {
            InboundKind::Edit { native, text, marks } => {
                let known = self.by_id(native.as_str()).filter(ours)?;
                InboundKind::Edit { native: NativeMessageId::new(&*known.native), text, marks }
            }
            InboundKind::Withdrawal { native } => {
                let known = self.by_native(native.as_str()).filter(ours)?;
                InboundKind::Withdrawal { native: NativeMessageId::new(&*known.native) }
            }
            InboundKind::Receipt { .. } => return None,
            InboundKind::Message(_)
            | InboundKind::Reaction { .. }
            | InboundKind::PeopleJoined(_)
            | InboundKind::PeopleLeft(_)
            | InboundKind::WeJoined
            | InboundKind::WeLeft
            | InboundKind::Migrated { .. }
            | InboundKind::Unreadable(_)
            | InboundKind::Button { .. } => kind,
        })
    }
}
