//! `Act` -> message stanza, but for from, to and type. Pure.
//!
//! Invariant: the id says which call it was, and the text of a part is in the stanza as a whole.

use super::wire;
use crate::muc::shown::{Shown, body};
use crate::xml::Element;
use ieum_core::outgoing::{Act, Part};
use ieum_core::place::Point;

/// Messages in one page of an archive.
const PAGE_MESSAGES_MAX: usize = 100;

/// What a message points to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pointed<'a> {
    /// The id by which an answer, a reaction or a retraction names it.
    pub(crate) native: &'a str,
    /// The id that its author gave it, by which it is corrected.
    pub(crate) authors: &'a str,
}

/// Adds to `message` what the act says.
pub(crate) fn act(message: Element, act: &Act, pointed: Pointed<'_>, shown: &Shown<'_>) -> Element {
    match act {
        Act::Say(parts) => match parts.first() {
            Some(part) => said(message, part, shown),
            None => message,
        },
        Act::Edit { text, marks, .. } => {
            body(message, (text, marks), &Shown { name: None, ..*shown })
                .child(Element::new("replace", wire::CORRECTION).with("id", pointed.authors))
        }
        Act::Withdraw { .. } => {
            let retract = Element::new("retract", wire::RETRACTION).with("id", pointed.native);
            message.child(retract).child(stored())
        }
        Act::React { emoji, .. } => {
            let mut reactions = Element::new("reactions", wire::REACTIONS);
            reactions = reactions.with("id", pointed.native);
            if let Some(emoji) = emoji {
                let one = Element::new("reaction", wire::REACTIONS).text(emoji);
                reactions = reactions.child(one);
            }
            message.child(reactions).child(stored())
        }
    }
}

fn said(message: Element, part: &Part, shown: &Shown<'_>) -> Element {
    let link = part.file.as_ref().and_then(|file| file.link.as_deref());
    let message = match (link, &part.place) {
        (Some(link), _) => out_of_band(message, link, shown),
        (None, Some(place)) => placed(message, place.point, shown),
        (None, None) => body(message, (&part.text, &part.marks), shown),
    };
    let Some(reply) = &part.reply else {
        return message;
    };
    let mut element = Element::new("reply", wire::REPLY).with("id", reply.native.as_str());
    if let Some(author) = &reply.quote {
        element = element.with("to", author.as_str());
    }
    message.child(element)
}

/// A file behind an address: apps show it where the text is the address and nothing else.
fn out_of_band(message: Element, link: &str, shown: &Shown<'_>) -> Element {
    let url = Element::new("url", wire::OUT_OF_BAND).text(link);
    body(message, (link, &[]), shown).child(Element::new("x", wire::OUT_OF_BAND).child(url))
}

/// A place: apps show a map where the text is its address and nothing else.
fn placed(message: Element, point: Point, shown: &Shown<'_>) -> Element {
    let degrees = |name, degrees: f64| Element::new(name, wire::GEOLOC).text(&degrees.to_string());
    let place = Element::new("geoloc", wire::GEOLOC)
        .child(degrees("lat", point.latitude()))
        .child(degrees("lon", point.longitude()));
    body(message, (&point.uri(), &[]), shown).child(place)
}

/// Archives keep what has no body only when they are asked to.
fn stored() -> Element {
    Element::new("store", wire::HINTS)
}

/// The origin's id (XEP-0359), the same as the stanza's.
pub(crate) fn identified(message: Element, id: &str) -> Element {
    let origin = Element::new("origin-id", wire::STANZA_ID).with("id", id);
    message.with("id", id).child(origin)
}

/// Asks for a word when it has arrived (XEP-0184) and when it was seen (XEP-0333).
pub(crate) fn with_receipts(message: Element) -> Element {
    let request = Element::new("request", wire::RECEIPTS);
    message.child(request).child(Element::new("markable", wire::MARKERS))
}

/// The word that a message of somebody's has arrived.
pub(crate) fn received(from: &str, to: &str, id: &str) -> Element {
    let received = Element::new("received", wire::RECEIPTS).with("id", id);
    wire::stanza("message", "chat", from, to).child(received).child(stored())
}

/// A presence that enters a room under a nickname, with or without what was said before.
pub(crate) fn enter(from: &str, room: &str, nick: &str, since: Option<&str>) -> Element {
    let history = Element::new("history", wire::MUC);
    let history = match since {
        Some(since) => history.with("since", since),
        None => history.with("maxstanzas", "0"),
    };
    let muc = Element::new("x", wire::MUC).child(history);
    wire::stanza("presence", "", from, &format!("{room}/{nick}")).child(muc)
}

/// Asks what an entity is and can.
pub(crate) fn discover(from: &str, to: &str, id: &str) -> Element {
    let query = Element::new("query", wire::DISCO_INFO);
    wire::stanza("iq", "get", from, to).with("id", id).child(query)
}

/// Asks whether an entity is there.
pub(crate) fn ping(from: &str, to: &str, id: &str) -> Element {
    let ping = Element::new("ping", wire::PING);
    wire::stanza("iq", "get", from, to).with("id", id).child(ping)
}

/// A page of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Page {
    /// The one before a place; before the end, where the place is empty.
    Before(String),
    /// The one after a place.
    After(String),
    /// The one that the archive begins with.
    First,
}

/// Asks a room's archive for a page.
pub(crate) fn page(from: &str, room: &str, id: &str, page: &Page) -> Element {
    let place = match page {
        Page::Before(place) => Some(("before", place)),
        Page::After(place) => Some(("after", place)),
        Page::First => None,
    };
    let most = Element::new("max", wire::RESULT_SET).text(&PAGE_MESSAGES_MAX.to_string());
    let set = Element::new("set", wire::RESULT_SET).child(most);
    let set = match place {
        Some((name, place)) => set.child(Element::new(name, wire::RESULT_SET).text(place)),
        None => set,
    };
    let query = Element::new("query", wire::ARCHIVE).with("queryid", id).child(set);
    wire::stanza("iq", "set", from, room).with("id", id).child(query)
}
