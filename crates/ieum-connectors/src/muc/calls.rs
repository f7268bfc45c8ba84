//! Who is called in a room: references (XEP-0372) and nicknames <-> users of the hub's nouns.
//!
//! Not here: `@` and a name in the middle of a text, which the hub looks for on every network.
//! Invariant: nobody is called by a nickname that does not stand whole, at the beginning before a
//! colon or a comma as apps complete it, or behind an `@`.

use super::rooms::Room;
use super::shown::Seen;
use crate::xml::Element;
use crate::xmpp::wire::{self, bare, resource};

use ieum_core::ids::UserKey;
use ieum_core::marks::{Mark, MarkKind, Named};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Most references of one message that are looked at.
const REFERENCES_MAX: usize = 50;
/// What stands in an address as it is (RFC 5122).
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@').remove(b'/');

/// A room as its messages speak of people.
pub(crate) struct Present<'r> {
    pub(crate) at: &'r str,
    pub(crate) room: &'r Room,
    /// Our own address.
    pub(crate) us: &'r str,
}

/// Who is called in a message.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) marks: Vec<Mark<Named>>,
    pub(crate) us: bool,
}

/// Whom an address or a nickname means.
enum Meant {
    Us,
    Somebody(Named),
}

impl Present<'_> {
    /// The name by which we are called here.
    pub(crate) fn our_name(&self) -> &str {
        &self.room.nick
    }

    /// Who is called in a message with this text.
    pub(crate) fn called(&self, message: &Element, text: &str) -> Calls {
        let mut calls = Calls::default();
        let references = message.children().filter(|child| {
            child.is("reference", wire::REFERENCE) && child.get("type") == Some("mention")
        });
        for reference in references.take(REFERENCES_MAX) {
            match reference.get("uri").and_then(|uri| self.behind(uri)) {
                Some(Meant::Us) => calls.us = true,
                Some(Meant::Somebody(named)) => {
                    let range = range_of(reference, text).unwrap_or(0..0);
                    calls.marks.push(Mark::new(range, MarkKind::Mention(named)));
                }
                None => {}
            }
        }
        for (range, named) in self.completed(text).into_iter().chain(self.typed(text)) {
            let free = |mark: &Mark<Named>| mark.end <= range.start || mark.start >= range.end;
            if calls.marks.iter().all(free) {
                calls.marks.push(Mark::new(range, MarkKind::Mention(named)));
            }
        }
        calls
    }

    fn behind(&self, uri: &str) -> Option<Meant> {
        let address = uri.strip_prefix("xmpp:")?.split(['?', '#']).next()?;
        let address = percent_decode_str(address).decode_utf8().ok()?;
        if bare(&address) == self.at {
            return self.nicked(resource(&address)?);
        }
        if bare(&address) == bare(self.us) {
            return Some(Meant::Us);
        }
        let mut speakers = self.room.speakers.iter();
        let speaker = speakers.find(|(_, speaker)| bare(&speaker.address) == bare(&address));
        let named = match speaker {
            Some((name, _)) => Named::Shown(name.as_str().into()),
            None => Named::User(UserKey::new(bare(&address))),
        };
        Some(Meant::Somebody(named))
    }

    fn nicked(&self, nick: &str) -> Option<Meant> {
        if *nick == self.room.nick {
            return Some(Meant::Us);
        }
        let mut speakers = self.room.speakers.iter();
        if let Some((name, _)) = speakers.find(|(_, speaker)| speaker.nick == nick) {
            return Some(Meant::Somebody(Named::Shown(name.as_str().into())));
        }
        let user = self.room.people.get(nick)?;
        Some(Meant::Somebody(Named::User(UserKey::new(user.clone()))))
    }

    /// `name: words`, as apps complete a name at the beginning: the longest that fits.
    fn completed(&self, text: &str) -> Option<(std::ops::Range<usize>, Named)> {
        let speakers = self.room.speakers.values().map(|speaker| speaker.nick.as_str());
        let nicks = speakers.chain(self.room.people.keys().map(String::as_str));
        let fits = |nick: &&str| {
            let behind = text.strip_prefix(*nick);
            !nick.is_empty() && behind.is_some_and(|rest| rest.starts_with([':', ',']))
        };
        let nick = nicks.filter(fits).max_by_key(|nick| nick.len())?;
        match self.nicked(nick)? {
            Meant::Somebody(named) => Some((0..nick.len(), named)),
            Meant::Us => None,
        }
    }

    /// `@` and the whole nickname of one of our speakers, network and all.
    fn typed(&self, text: &str) -> Vec<(std::ops::Range<usize>, Named)> {
        let speakers = self.room.speakers.iter().filter(|_| text.contains('@'));
        let found = speakers.filter_map(|(name, speaker)| {
            let called = format!("@{}", speaker.nick);
            let at = text.find(&called)?;
            let end = at + called.len();
            let more = text.get(end..)?.chars().next().is_some_and(char::is_alphanumeric);
            (!more).then(|| (at..end, Named::Shown(name.as_str().into())))
        });
        found.collect()
    }
}

/// The bytes that a reference points to; it counts characters.
fn range_of(reference: &Element, text: &str) -> Option<std::ops::Range<usize>> {
    let place = |name| reference.get(name)?.parse::<usize>().ok();
    let (begin, end) = (place("begin")?, place("end")?);
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let mut ends = ends.enumerate().filter(|(count, _)| *count == begin || *count == end);
    let (_, from) = ends.next()?;
    let (_, to) = ends.next()?;
    Some(from..to)
}

impl Room {
    /// How a user is seen in this room.
    pub(crate) fn seen(&self, at: &str, user: &UserKey) -> Option<Seen> {
        let mut people = self.people.iter();
        let nick = people.find(|(_, key)| ***key == *user.as_str()).map(|(nick, _)| nick.clone());
        // A user of whom the room shows no address is named by the room's own.
        let is_real = wire::is_bare_address(user.as_str()) && !user.as_str().starts_with(at);
        let real = is_real.then(|| user.as_str().to_owned());
        let address = real.or_else(|| nick.as_ref().map(|nick| format!("{at}/{nick}")))?;
        let uri = format!("xmpp:{}", utf8_percent_encode(&address, PLAIN));
        Some(Seen { nick, uri })
    }
}
