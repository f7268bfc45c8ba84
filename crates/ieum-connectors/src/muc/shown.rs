//! Words as a room shows them: under whose name, styled, and with whom they call.
//!
//! Invariant: whoever is called stands in the text by the name that the room has for them.

use crate::markup::edits::edited;
use crate::markup::styling;
use crate::xml::Element;
use crate::xmpp::wire;
use ieum_core::ids::UserKey;
use ieum_core::marks::{Mark, MarkKind, move_on};

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

/// The text with its styling (XEP-0393), and whom it calls (XEP-0372): by the name that they have
/// in the room, at which their apps look.
pub(crate) fn body(
    message: Element,
    (text, marks): (&str, &[Mark<UserKey>]),
    shown: &Shown<'_>,
) -> Element {
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
