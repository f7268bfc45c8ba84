//! Archives of XMPP's rooms (XEP-0313): what was missed, page by page, up to the present.
//!
//! Not a connector of its own: the part of `muc` that reads what was said while we were away.
//! Invariant: an archive that does not know the place any more is read back from its end as far as
//! is stated here, and taken in from the oldest on; the place is kept until that is done.

use crate::muc::rooms::{Room, SHUT_MS, Stage};
use crate::xml::Element;
use crate::xmpp::desk::{Desk, Question};
use crate::xmpp::{outcome, read, wire, write};
use ieum_core::time::Timestamp;

/// After so many failures in a row what the archive does not give is taken for lost.
const PAGES_FAILED_MAX: u8 = 60;
/// How far back an archive is read that forgot the place, in messages and in time: what is known
/// of messages is kept for longer (30 days), so that nothing is said twice.
const PAST_MESSAGES_MAX: usize = 2_000;
const PAST_MS_MAX: u64 = 14 * 86_400_000;

/// A message as an archive keeps it.
#[derive(Debug)]
pub(crate) struct Kept {
    place: String,
    message: Element,
    at: Option<Timestamp>,
}

/// Whether reading back is done.
enum Back {
    /// This is all, oldest first.
    Read(Vec<Kept>),
    /// There is more before this place.
    Before(String),
}

impl Room {
    /// One more page, read back from the end.
    fn further_back(&mut self, mut page: Vec<Kept>, complete: bool, since: Timestamp) -> Back {
        let is_late = |kept: &Kept| kept.at.is_none_or(|at| at >= since);
        let goes_on = !complete && page.first().is_some_and(is_late);
        page.append(&mut self.past);
        match page.first().filter(|_| goes_on && page.len() < PAST_MESSAGES_MAX) {
            Some(first) => {
                let place = first.place.clone();
                self.past = page;
                Back::Before(place)
            }
            None => {
                let over = page.len().saturating_sub(PAST_MESSAGES_MAX);
                Back::Read(page.into_iter().skip(over).filter(is_late).collect())
            }
        }
    }
}

impl Desk<'_> {
    /// Asks for what was read already: messages of ours may be among it.
    pub(crate) fn seed(&mut self, at: &str) {
        let Some(room) = self.rooms.get_mut(at) else { return };
        room.stage = Stage::Seeding;
        let place = room.place.clone().filter(|_| !room.place_gone);
        let before = write::Page::Before(place.unwrap_or_default());
        self.ask_page(at, &before);
    }

    fn ask_page(&mut self, at: &str, page: &write::Page) {
        let (us, now) = (self.us(), self.now);
        if let Some(room) = self.rooms.get_mut(at) {
            room.since = now;
        }
        let id = self.question(at, Question::Page(at.to_owned()));
        self.write(&write::page(&us, at, &id, page));
    }

    pub(crate) fn page_message(&mut self, at: &str, result: &Element) {
        let Some(room) = self.rooms.get_mut(at) else { return };
        let Some(forwarded) = result.find("forwarded", wire::FORWARD) else { return };
        let Some(message) = forwarded.find("message", wire::CLIENT) else { return };
        let reading = matches!(room.stage, Stage::Seeding | Stage::Paging);
        if let Some(place) = result.get("id").filter(|_| reading) {
            let kept = Kept {
                place: place.to_owned(),
                message: message.clone(),
                at: read::delayed(forwarded),
            };
            room.page.push(kept);
        }
    }

    /// A page of the archive is whole.
    pub(crate) fn page_ended(&mut self, at: &str, answer: &Element) {
        let Some(room) = self.rooms.get_mut(at) else { return };
        let page = std::mem::take(&mut room.page);
        let fin = answer.find("fin", wire::ARCHIVE);
        let passes = fin.is_none() && outcome::passes(answer);
        if passes && room.place.is_some() && room.pages_failed < PAGES_FAILED_MAX {
            // What was missed is still there: the place stays, and so does what waits.
            let pages_failed = room.pages_failed + 1;
            room.left_alone();
            room.pages_failed = pages_failed;
            room.stage = Stage::Shut(self.now.plus_ms(SHUT_MS));
            return;
        }
        room.pages_failed = 0;
        if fin.is_none() && room.place.is_some() && !room.place_gone {
            // The archive does not go back so far: all that it has may have been missed.
            room.place_gone = true;
            return self.seed(at);
        }
        let complete = fin.is_none_or(|fin| fin.get("complete") == Some("true"));
        let seeding = room.stage == Stage::Seeding;
        let had_place = room.place.is_some() && !room.place_gone;
        let page = if seeding && room.place_gone {
            let since = Timestamp(self.now.0.saturating_sub_unsigned(PAST_MS_MAX));
            match room.further_back(page, complete, since) {
                Back::Read(past) => past,
                Back::Before(place) => return self.ask_page(at, &write::Page::Before(place)),
            }
        } else {
            page
        };
        let missed = !seeding || room.place_gone;
        let read_up_to = room.place.clone();
        let last = page.last().map(|kept| kept.place.clone());
        let more = last.is_some() && !complete;
        for kept in page {
            self.kept(at, &kept, missed && read_up_to.as_ref() != Some(&kept.place));
        }
        let Some(room) = self.rooms.get_mut(at) else { return };
        if missed || !had_place {
            room.place = last.clone().or(room.place.take());
        }
        room.place_gone = false;
        if if seeding { had_place } else { more } {
            room.stage = Stage::Paging;
            // The page before the place ends one short of it: the message there is read again,
            // for it may be ours, heard by us and killed before we said so.
            self.ask_page(at, &last.map_or(write::Page::First, write::Page::After));
        } else {
            self.caught_up(at);
        }
    }

    /// A message out of the archive.
    fn kept(&mut self, at: &str, kept: &Kept, missed: bool) {
        let by_room = Element::new("stanza-id", wire::STANZA_ID);
        let by_room = by_room.with("by", at).with("id", &kept.place);
        let message = kept.message.without("stanza-id").child(by_room);
        self.heard(at, &message, kept.at, missed);
    }
}
