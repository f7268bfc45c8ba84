//! What an error stanza means: a condition of RFC 6120, section 8.3.3 -> `Outcome`.
//!
//! Invariant: a condition that the standard does not know is `Unknown`, and no reason repeats a
//! text that a server sent.

use super::wire::STANZA_ERRORS;
use crate::verdict::refused;
use crate::xml::Element;
use ieum_core::outgoing::{Fault, Outcome, Scope};

/// What an error means for the message that it answers.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    Later(Fault),
    Never(Scope),
    Unknown,
}

const NETWORK: Meaning = Meaning::Later(Fault::Network);
const LIMIT: Meaning = Meaning::Later(Fault::Limit);
const REQUEST: Meaning = Meaning::Later(Fault::Request);
const MESSAGE: Meaning = Meaning::Never(Scope::Message);
const RECIPIENT: Meaning = Meaning::Never(Scope::Recipient);

/// Every defined condition.
const CONDITIONS: &[(&str, Meaning)] = &[
    ("bad-request", MESSAGE),
    ("conflict", MESSAGE),
    ("feature-not-implemented", MESSAGE),
    ("forbidden", RECIPIENT),
    ("gone", RECIPIENT),
    ("internal-server-error", Meaning::Unknown),
    ("item-not-found", RECIPIENT),
    ("jid-malformed", RECIPIENT),
    ("not-acceptable", RECIPIENT),
    ("not-allowed", RECIPIENT),
    ("not-authorized", RECIPIENT),
    ("policy-violation", MESSAGE),
    ("recipient-unavailable", REQUEST),
    ("redirect", RECIPIENT),
    ("registration-required", RECIPIENT),
    ("remote-server-not-found", RECIPIENT),
    ("remote-server-timeout", NETWORK),
    ("resource-constraint", LIMIT),
    ("service-unavailable", RECIPIENT),
    ("subscription-required", RECIPIENT),
    ("undefined-condition", Meaning::Unknown),
    ("unexpected-request", REQUEST),
];

/// The condition that an error stanza names, if the standard knows it.
pub(crate) fn condition(stanza: &Element) -> Option<&'static str> {
    entry(stanza).map(|(name, _)| *name)
}

fn entry(stanza: &Element) -> Option<&'static (&'static str, Meaning)> {
    let error = stanza.children().find(|child| child.name() == "error")?;
    let told = error.children().filter(|child| child.space() == STANZA_ERRORS);
    let mut known =
        told.filter_map(|told| CONDITIONS.iter().find(|(name, _)| *name == told.name()));
    known.next()
}

/// What an error stanza means.
pub(crate) fn of_error(stanza: &Element) -> Outcome {
    let (name, meaning) = *entry(stanza).unwrap_or(&("a condition not known", Meaning::Unknown));
    let reason = format!("answered by an error: {name}");
    match meaning {
        Meaning::Later(fault) => Outcome::Deferred { after_ms: 0, fault, reason },
        Meaning::Never(scope) => refused(scope, reason),
        Meaning::Unknown => Outcome::Unknown { reason },
    }
}

/// Whether an error is one that may be over soon.
pub(crate) fn passes(stanza: &Element) -> bool {
    let passing = ["internal-server-error", "resource-constraint", "remote-server-timeout"];
    condition(stanza).is_some_and(|told| passing.contains(&told))
}

/// Nothing left: there was no stream, or the room was not entered.
pub(crate) fn not_sent(reason: &str) -> Outcome {
    Outcome::Deferred { after_ms: 0, fault: Fault::Network, reason: reason.to_owned() }
}

/// It left, and no answer came.
pub(crate) fn unanswered(reason: &str) -> Outcome {
    Outcome::Unknown { reason: reason.to_owned() }
}
