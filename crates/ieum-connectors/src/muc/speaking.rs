//! Speaking in rooms: each speaker as an occupant of their own, we ourselves for those whom the
//! room does not have.
//!
//! Invariant: a message is written at most once as long as the room's past is known; the room's
//! own copy of it is the answer.

use super::rooms::{Room, Stage};
use super::shown::Shown;
use super::staying::STEP_MS_MAX;
use crate::component::link::{Asked, Order, impossible};
use crate::xml::Element;
use crate::xmpp::desk::{Desk, accepted, target_of};
use crate::xmpp::write::{self, Pointed};
use crate::xmpp::{outcome, wire};
use ieum_core::ids::UserKey;
use ieum_core::outgoing::Act;
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;

/// Most speakers in one room; further ones speak through us, with their names in the text.
const SPEAKERS_MAX: usize = 100;

/// A speaker's own occupant.
#[derive(Debug, Default)]
pub(crate) struct Speaker {
    pub(crate) address: String,
    pub(crate) nick: String,
    stands: Standing,
    /// When they began to enter.
    since: Timestamp,
    pub(crate) waiting: Vec<Order>,
}

/// How far a speaker is into the room.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    #[default]
    Entering,
    In,
    Refused,
}

impl Speaker {
    /// Whether the room does not say whether they are in.
    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        self.stands == Standing::Entering && now.ms_since(self.since) >= STEP_MS_MAX
    }
}

impl Desk<'_> {
    /// Speakers whom the room did not answer enter again, if somebody still waits for them.
    pub(super) fn enter_late_speakers_again(&mut self, at: &str) {
        let now = self.now;
        let Some(room) = self.rooms.get_mut(at) else { return };
        let late = std::mem::take(&mut room.speakers);
        let (late, others) = late.into_iter().partition(|(_, speaker)| speaker.is_late(now));
        room.speakers = others;
        let late: BTreeMap<String, Speaker> = late;
        for order in late.into_values().flat_map(|speaker| speaker.waiting) {
            self.say_in_room(at, order);
        }
    }

    /// One attempt in a room.
    pub(crate) fn say_in_room(&mut self, at: &str, order: Order) {
        if !order.is_wanted() {
            return;
        }
        let Asked::Say(outgoing) = &order.asked else { return };
        if !wire::is_bare_address(at) {
            return order.ends(impossible("not the address of a room"));
        }
        let id = wire::message_id(&self.config.secret, &outgoing.key);
        let room = self.rooms.entry(at.to_owned()).or_insert_with(|| Room::new(None));
        if room.stage != Stage::In {
            room.waiting.push_back(order);
            if matches!(room.stage, Stage::Away) {
                self.ask_about(at);
            }
            return;
        }
        if let Some(known) = room.by_id(&id) {
            let author = format!("{at}/{}", known.nick);
            return order.ends(accepted(&known.native, Some(&author)));
        }
        if let Some(waiting) = room.written.get_mut(&id) {
            // The same call once more: the first one's answer is its answer.
            *waiting = order;
            return;
        }
        self.speak(at, order, &id);
    }

    /// Writes as the speaker, who enters first if they are not there.
    fn speak(&mut self, at: &str, order: Order, id: &str) {
        let Asked::Say(outgoing) = &order.asked else { return };
        let (us, domain, now) = (self.us(), self.config.domain.clone(), self.now);
        let Some(room) = self.rooms.get_mut(at) else { return };
        let target = target_of(&outgoing.act);
        let known = room.by_native(target);
        let name = match &outgoing.act {
            Act::Say(parts) => {
                parts.first().and_then(|part| part.sender.as_ref()).map(|sender| &*sender.name)
            }
            Act::Edit { .. } | Act::Withdraw { .. } => known.map(|known| &*known.nick),
            Act::React { .. } => None,
        };
        let name = name.filter(|name| *name != room.nick).map(str::to_owned);
        let mut from = us;
        if let Some(name) = &name {
            let full = room.speakers.len() >= SPEAKERS_MAX;
            match room.speakers.get_mut(name) {
                Some(speaker) if speaker.stands == Standing::In => {
                    from.clone_from(&speaker.address);
                }
                Some(speaker) if speaker.stands == Standing::Entering => {
                    return speaker.waiting.push(order);
                }
                None if !full => {
                    let address = wire::speaker_address(name, &domain);
                    let enter = write::enter(&address, at, name, None);
                    let (nick, since) = (name.clone(), now);
                    let mut speaker = Speaker { address, nick, since, ..Speaker::default() };
                    speaker.waiting.push(order);
                    room.speakers.insert(name.clone(), speaker);
                    return self.write(&enter);
                }
                Some(_) | None => {}
            }
        }
        let through_us = from == self.us();
        self.put(at, order, id, &from, name.as_deref().filter(|_| through_us));
    }

    fn put(&mut self, at: &str, order: Order, id: &str, from: &str, name: Option<&str>) {
        let Asked::Say(outgoing) = &order.asked else { return };
        let target = target_of(&outgoing.act);
        let Some(room) = self.rooms.get_mut(at) else { return };
        let known = room.by_native(target);
        let by_id = matches!(outgoing.act, Act::Edit { .. } | Act::Withdraw { .. });
        if by_id && known.is_none() {
            return order.ends(impossible("too old to be changed: the room's past is not known"));
        }
        let authors = known.map_or(target, |known| &known.id);
        let message = wire::stanza("message", "groupchat", from, at);
        let message = write::identified(message, id);
        let pointed = Pointed { native: target, authors };
        let people = |user: &UserKey| room.seen(at, user);
        let shown = Shown { name, people: &people };
        let message = write::act(message, &outgoing.act, pointed, &shown);
        if order.leaves() {
            room.written.insert(id.to_owned(), order);
            self.write(&message);
        }
    }

    /// A speaker came in, was refused or was taken out: what they have to say leaves, or leaves
    /// through us.
    pub(crate) fn speaker_stands(&mut self, at: &str, address: &str, nick: &str, stands: Standing) {
        let Some(room) = self.rooms.get_mut(at) else { return };
        let mut speakers = room.speakers.iter_mut();
        let Some((name, speaker)) = speakers.find(|(_, speaker)| speaker.address == address) else {
            return;
        };
        let was_in = speaker.stands == Standing::In;
        speaker.stands = stands;
        if stands == Standing::In {
            nick.clone_into(&mut speaker.nick);
        }
        let waiting = std::mem::take(&mut speaker.waiting);
        if stands == Standing::Refused && was_in {
            // Taken out: the next message tries to enter again.
            let name = name.clone();
            room.speakers.remove(&name);
        }
        room.people.remove(nick);
        for order in waiting {
            self.say_in_room(at, order);
        }
    }

    /// A room answered a message of ours by an error; tells whether it was one of these.
    pub(crate) fn room_refused(&mut self, at: &str, stanza: &Element, id: &str) -> bool {
        if !self.rooms.contains_key(at) {
            return false;
        }
        if let Some(order) = self.forgotten(at, id, stanza) {
            order.ends(outcome::of_error(stanza));
        }
        true
    }
}
