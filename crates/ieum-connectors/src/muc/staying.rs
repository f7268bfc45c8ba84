//! Staying in rooms: joining again where a room has forgotten us, and asking a silent one whether
//! we are in it (XEP-0410).
//!
//! A room's server that was restarted knows no occupants any more, and says so only to who speaks.
//! Invariant: what waits for a room, and what it certainly did not take, is kept while we enter
//! again; no step of entering is waited for without a limit.

use super::rooms::{Room, Stage};
use crate::component::link::Order;
use crate::xml::Element;
use crate::xmpp::desk::{Desk, Question};
use crate::xmpp::{outcome, write};
use ieum_core::time::Timestamp;

/// How long a room may take for one step of entering, and for the answer whether we are in it.
pub(super) const STEP_MS_MAX: u64 = 20_000;
/// Silence after which a room is asked whether we are in it.
const SILENCE_MS: u64 = 180_000;
/// When it is asked again after it could not be reached.
const UNREACHED_MS: u64 = 30_000;
/// The wait before the second attempt in a row to enter again, doubled for each further one.
const AGAIN_MS: u64 = 1_000;
const AGAIN_MS_MAX: u64 = 30_000;
/// Who was in for so long had not lapsed before.
const STAYED_MS: u64 = 60_000;
/// How often in a row a room may say that we are not in it before its word is the answer.
const LAPSES_MAX: u32 = 4;

impl Room {
    /// Whether a step of entering, or the answer whether we are in, is overdue.
    fn is_overdue(&self, now: Timestamp) -> bool {
        let since = match self.stage {
            Stage::Asked | Stage::Entering | Stage::Seeding | Stage::Paging => Some(self.since),
            Stage::In => self.asked_at,
            Stage::Away | Stage::Shut(_) => None,
        };
        since.is_some_and(|since| now.ms_since(since) >= STEP_MS_MAX)
    }

    /// Lapses of long ago do not count.
    fn lapses_at(&mut self, now: Timestamp) -> u32 {
        if self.stage == Stage::In && now.ms_since(self.since) >= STAYED_MS {
            self.lapses = 0;
        }
        self.lapses
    }

    fn is_silent(&self, now: Timestamp) -> bool {
        let asked = self.asked_at.is_some() || self.stage != Stage::In;
        !asked && now.ms_since(self.heard_at.max(self.since)) >= SILENCE_MS
    }

    fn is_rested(&self, now: Timestamp) -> bool {
        let rested = matches!(self.stage, Stage::Shut(until) if until <= now);
        rested && (self.stays || !self.waiting.is_empty())
    }
}

impl Desk<'_> {
    /// A room said something.
    pub(super) fn heard_of(&mut self, at: &str) {
        let now = self.now;
        if let Some(room) = self.rooms.get_mut(at) {
            room.heard_at = now;
        }
    }

    /// Time passed: rooms that were left alone are tried again, and so are those that do not
    /// answer; silent ones are asked.
    pub(crate) fn tick(&mut self) {
        let now = self.now;
        for at in self.rooms_that(|room| room.is_rested(now)) {
            self.ask_about(&at);
        }
        for at in self.rooms_that(|room| room.is_overdue(now)) {
            self.enter_again(&at);
        }
        for at in self.rooms_that(|room| room.is_silent(now)) {
            self.ask_whether_in(&at);
        }
        for at in self.rooms_that(|room| room.speakers.values().any(|one| one.is_late(now))) {
            self.enter_late_speakers_again(&at);
        }
        for room in self.rooms.values_mut() {
            room.waiting.retain(Order::is_wanted);
        }
    }

    fn rooms_that(&self, holds: impl Fn(&Room) -> bool) -> Vec<String> {
        let rooms = self.rooms.iter().filter(|(_, room)| holds(room));
        rooms.map(|(at, _)| at.clone()).collect()
    }

    /// Answers about a room that may still come are about what it was.
    fn forget_questions(&mut self, at: &str) {
        self.questions.retain(|_, (_, question)| match question {
            Question::Discover(room) | Question::Page(room) | Question::Inside(room) => room != at,
            Question::Taken(_) | Question::Life(_) => true,
        });
    }

    /// Enters a room from the beginning, the first time in a row at once; what waits for it stays.
    fn enter_again(&mut self, at: &str) {
        self.forget_questions(at);
        let now = self.now;
        let Some(room) = self.rooms.get_mut(at) else { return };
        let lapses = room.lapses_at(now);
        room.left_alone();
        room.lapses = lapses.saturating_add(1);
        let Some(doublings) = lapses.checked_sub(1) else {
            return self.ask_about(at);
        };
        let wait_ms = AGAIN_MS.saturating_mul(1 << doublings.min(10)).min(AGAIN_MS_MAX);
        room.stage = Stage::Shut(now.plus_ms(wait_ms));
    }

    /// A room did not take a message because it does not know its author as an occupant: it has
    /// forgotten us. Gives the order back when that is no reason to enter again.
    pub(super) fn forgotten(&mut self, at: &str, id: &str, stanza: &Element) -> Option<Order> {
        let now = self.now;
        let room = self.rooms.get_mut(at)?;
        let order = room.written.remove(id)?;
        let is_forgotten = outcome::condition(stanza) == Some("not-acceptable");
        if !is_forgotten || room.stage != Stage::In || room.lapses_at(now) >= LAPSES_MAX {
            return Some(order);
        }
        room.written.insert(id.to_owned(), order);
        self.enter_again(at);
        None
    }

    /// Asks ourselves by way of the room.
    fn ask_whether_in(&mut self, at: &str) {
        let (us, now) = (self.us(), self.now);
        let Some(room) = self.rooms.get_mut(at) else { return };
        room.asked_at = Some(now);
        let occupant = format!("{at}/{}", room.nick);
        let id = self.question(&occupant, Question::Inside(at.to_owned()));
        self.write(&write::ping(&us, &occupant, &id));
    }

    /// The answer to that: whoever is in gets their own answer, or that of a program without one.
    pub(crate) fn told_whether_in(&mut self, at: &str, answer: &Element) {
        let now = self.now;
        let Some(room) = self.rooms.get_mut(at).filter(|room| room.stage == Stage::In) else {
            return;
        };
        room.asked_at = None;
        let is_error = answer.get("type") == Some("error");
        match outcome::condition(answer).filter(|_| is_error) {
            None if !is_error => room.heard_at = now,
            Some("service-unavailable" | "feature-not-implemented" | "item-not-found") => {
                room.heard_at = now;
            }
            Some("remote-server-not-found" | "remote-server-timeout") => {
                let early = SILENCE_MS.saturating_sub(UNREACHED_MS);
                room.heard_at = Timestamp(now.0.saturating_sub_unsigned(early));
                room.since = room.heard_at;
            }
            Some(_) | None => self.enter_again(at),
        }
    }
}
