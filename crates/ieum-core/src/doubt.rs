//! Doubt in what was sent: what is owed again when a network turns out to say yes and deliver
//! nothing (a black hole, DESIGN §6.5).
//!
//! Pure, like settling: a sent delivery that nobody confirmed is unknown again and waits as long
//! as its class allows; then copies are owed that say what they are. It does not decide whether a
//! network is a black hole. Invariant: of one delivery each recipient is owed at most one further
//! copy, and every copy is labelled.

use crate::delivery::{Delivery, Label, NewDelivery, Recipient, Route, State};
use crate::ids::PersonId;
use crate::message::{Author, NewMessage};
use crate::network::Network;
use crate::settle::unsure_ms_max;
use crate::time::Timestamp;

/// Whether a black hole is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hole {
    /// Who has another way gets the copy by that one; the others wait.
    Open,
    /// The network delivers again: whoever got no copy gets it where the first one went.
    Closed,
}

/// What doubting looks at.
#[derive(Debug, Clone, Copy)]
pub struct DoubtFacts<'a> {
    /// What was sent, and was not confirmed.
    pub delivery: &'a Delivery,
    /// All deliveries of its message.
    pub siblings: &'a [Delivery],
    /// The network that took it.
    pub network: Network,
    /// Whether it may be tried there again.
    pub hole: Hole,
    /// The next way to its person over another network, if there is one.
    pub next: Option<Route>,
    /// For a room's delivery: personal copies for those of its people who have another way.
    pub stand_ins: &'a [NewDelivery],
}

/// Whether doubt about a sent message has lasted as long as its class allows. What the hub said
/// itself is not said again, nor is what has lost its worth. What is wanted once only stays in
/// doubt until then, and so is never doubled.
#[must_use]
pub fn is_due(delivery: &Delivery, message: &NewMessage, now: Timestamp) -> bool {
    let sent = matches!(delivery.state, State::Sent | State::Doubted);
    let wait_ms = unsure_ms_max(message.class, message.accepted_at, message.expires_at);
    // By a clock that was set back since, how long it waited is not known: it did.
    let waited =
        delivery.tried_at.is_some_and(|tried| tried > now || now >= tried.plus_ms(wait_ms));
    sent && waited && now < message.expires_at && message.author != Author::Hub
}

/// The copies that are owed now in place of a delivery that [`is_due`]; none is no reason to doubt
/// it yet.
#[must_use]
pub fn second_copies(facts: DoubtFacts<'_>) -> Vec<NewDelivery> {
    match (facts.delivery.recipient, facts.hole) {
        (Recipient::Person(_) | Recipient::Room(_), Hole::Closed) => again(facts),
        (Recipient::Person(person), Hole::Open) => another_way(facts, person),
        (Recipient::Room(_), Hole::Open) => {
            let missing = facts.stand_ins.iter().filter(|copy| !is_owed(facts, copy.recipient));
            let for_it = |copy: &NewDelivery| NewDelivery {
                stands_in_for: Some(facts.delivery.seq),
                ..copy.clone()
            };
            missing.map(for_it).collect()
        }
    }
}

/// Whether this recipient is owed a copy in place of the delivery already.
fn is_owed(facts: DoubtFacts<'_>, recipient: Recipient) -> bool {
    facts
        .siblings
        .iter()
        .any(|one| one.stands_in_for == Some(facts.delivery.seq) && one.recipient == recipient)
}

fn another_way(facts: DoubtFacts<'_>, person: PersonId) -> Vec<NewDelivery> {
    let recipient = Recipient::Person(person);
    let way = facts.next.filter(|_| !is_owed(facts, recipient));
    let copy = way.map(|route| NewDelivery {
        recipient,
        route: Some(route),
        state: State::Queued,
        label: Some(Label::InsteadOf(facts.network)),
        stands_in_for: Some(facts.delivery.seq),
    });
    copy.into_iter().collect()
}

/// The same route once more; the catch-up lets it go at its pace.
fn again(facts: DoubtFacts<'_>) -> Vec<NewDelivery> {
    let recipient = facts.delivery.recipient;
    if is_owed(facts, recipient) {
        return Vec::new();
    }
    vec![NewDelivery {
        recipient,
        route: facts.delivery.route,
        state: State::Held,
        label: Some(Label::Again),
        stands_in_for: Some(facts.delivery.seq),
    }]
}

#[cfg(test)]
mod tests;
