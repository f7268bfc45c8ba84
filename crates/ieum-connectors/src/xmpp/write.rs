//! `Act` -> message stanza, but for from, to and type. Pure.
//!
//! Invariant: the id says which call it was, and the text of a part is in the stanza as a whole.

use super::wire;
use crate::markup::edits::edited;
use crate::markup::styling;
use crate::xml::Element;
use ieum_core::ids::UserKey;
use ieum_core::marks::{Mark, MarkKind, move_on};
use ieum_core::outgoing::{Act, Part};

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

/// How somebody stands in a room: by which name, and behind which address.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) nick: Option<String>,
    pub(crate) uri: String,
}

/// How the author and whoever is called are seen where a message goes.
pub(crate) struct Shown<'a> {
    /// Stands in front where the author is not the sender.
    pub(crate) name: Option<&'a str>,
    /// Whom a user's key means there.
    pub(crate) people: &'a dyn Fn(&UserKey) -> Option<Seen>,
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
    let message = match part.file.as_ref().and_then(|file| file.link.as_deref()) {
        Some(link) => out_of_band(message, link, shown),
        None => body(message, (&part.text, &part.marks), shown),
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

/// The text with its styling (XEP-0393), and whom it calls (XEP-0372): by the name that they have
/// in the room, at which their apps look.
fn body(message: Element, (text, marks): (&str, &[Mark<UserKey>]), shown: &Shown<'_>) -> Element {
    let (mut text, mut marks) = (text.to_owned(), marks.to_vec());
    if let Some(name) = shown.name {
        let head = format!("{name}: ");
        move_on(&mut marks, head.len());
        text.insert_str(0, &head);
    }
    let seen = |mark: &Mark<UserKey>| mark.kind.called().and_then(shown.people);
    let names = marks.iter().filter_map(|mark| {
        let nick = seen(mark)?.nick?;
        Some((mark.start..mark.end, format!("@{nick}")))
    });
    let (text, marks) = edited(&text, names.collect(), marks.clone());
    let plain = marks.iter().all(|mark| matches!(mark.kind, MarkKind::Mention(_)));
    let (text, calls) = styling::write(&text, marks);
    let mut message = message.child(Element::new("body", wire::COMPONENT).text(&text));
    if plain && styling::seems_styled(&text) {
        message = message.child(Element::new("unstyled", wire::STYLING));
    }
    calls.iter().filter_map(|call| Some((call, seen(call)?))).fold(
        message,
        |message, (call, to)| {
            let characters =
                |at: usize| text.get(..at).unwrap_or_default().chars().count().to_string();
            let reference = Element::new("reference", wire::REFERENCE).with("type", "mention");
            let reference = reference.with("uri", &to.uri);
            let reference = reference.with("begin", &characters(call.start));
            message.child(reference.with("end", &characters(call.end)))
        },
    )
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
