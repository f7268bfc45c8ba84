//! Withdrawal: what becomes of deliveries that wait when somebody leaves, blocks, or takes back
//! what they agreed to.
//!
//! Pure. [`narrowed`] tells whose deliveries have to be looked at after a change, [`verdict`] what
//! becomes of each; the same verdict is asked for at the last moment before every attempt.
//! Invariant: nothing stays on a way that its recipient does not agree to now, and nothing goes to
//! whoever is not part of its conversation any more.

use crate::delivery::{Label, Lane, Recipient, Route};
use crate::directory::{
    Change, Conversation, ConversationKind, Directory, Endpoint, Person, Purpose,
};
use crate::health::book::HealthBook;
use crate::ids::{ConversationId, PersonId, RoomId};
use crate::message::Author;
use crate::network::Network;
use crate::people::contacts::{Card, Standing};
use crate::route::{author_person, next_untried};
use std::collections::BTreeSet;

/// Whose waiting deliveries a change may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// A person's, in all their conversations.
    Person(PersonId),
    /// Those of one lane.
    Lane(Lane),
}

/// A delivery that waits, or is about to be attempted.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// Its conversation; one that the directory does not know is between the hub and one person.
    pub conversation: ConversationId,
    /// Who said it.
    pub author: Author,
    /// To whom.
    pub recipient: Recipient,
    /// Its way now.
    pub route: Option<Route>,
    /// What it says about that way.
    pub label: Option<Label>,
    /// Ways that were tried, the present one last.
    pub tried: &'a [Route],
    /// Whether it may go another way: not while it is wanted once only and in doubt.
    pub may_move: bool,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Stays,
    /// It takes a way that its recipient still agrees to.
    Moves {
        /// Which.
        to: Route,
        /// The network that it leaves.
        from: Network,
    },
    /// It ends, with this evidence.
    Ends(&'static str),
}

/// Who or what loses something by these changes.
#[must_use]
pub fn narrowed(before: &Directory, changes: &[Change]) -> BTreeSet<Concern> {
    let mut concerns = BTreeSet::new();
    for change in changes {
        match change {
            Change::Person(new) => {
                let lost = before.person(new.id).is_some_and(|old| loses(before, old, new));
                concerns.extend(lost.then_some(Concern::Person(new.id)));
            }
            Change::Card(new) => {
                let lost = blocks_anew(before.cards().of(new.person), new);
                concerns.extend(lost.then_some(Concern::Person(new.person)));
            }
            Change::Terms(new) => {
                let same = before.terms_of(new.person) == Some(new);
                concerns.extend((!same).then_some(Concern::Person(new.person)));
            }
            Change::Conversation(new) => {
                let old = before.conversation(new.id);
                concerns.extend(old.into_iter().flat_map(|old| gone_from(old, new)));
            }
            Change::Account(_)
            | Change::Address(_)
            | Change::Room(_)
            | Change::Code(_)
            | Change::Tally(_)
            | Change::Stay(_)
            | Change::Question(_)
            | Change::Door(_)
            | Change::Charter(_)
            | Change::Farewell(_)
            | Change::Hold(_)
            | Change::Gone(_) => {}
        }
    }
    concerns
}

/// What becomes of a delivery by what is agreed to now.
#[must_use]
pub fn verdict(directory: &Directory, health: &HealthBook, one: Waiting<'_>) -> Verdict {
    let Some(conversation) = directory.conversation(one.conversation) else {
        return Verdict::Stays;
    };
    match one.recipient {
        Recipient::Room(room) if conversation.rooms.contains(&room) => Verdict::Stays,
        Recipient::Room(_) => Verdict::Ends("the room was parted"),
        Recipient::Person(person) => {
            let person = now_called(directory, person, one.route);
            if !conversation.members.contains(&person) {
                return Verdict::Ends("left the conversation");
            }
            if shuts_out(directory, conversation, person, one.author) {
                return Verdict::Ends("blocks the author");
            }
            by_consent(directory, health, person, one)
        }
    }
}

/// Whether a member of a direct conversation blocks an author. Nobody is told: it is as if it had
/// arrived.
#[must_use]
pub fn shuts_out(
    directory: &Directory,
    conversation: &Conversation,
    member: PersonId,
    author: Author,
) -> bool {
    let author = author_person(directory, author);
    conversation.kind == ConversationKind::Direct
        && author.is_some_and(|author| directory.cards().blocks(member, author))
}

fn loses(before: &Directory, old: &Person, new: &Person) -> bool {
    let unsaid = |network, purpose| old.agreed(network, purpose) && !new.agreed(network, purpose);
    let purposes = [Purpose::Talk, Purpose::Failover, Purpose::Notices];
    let networks = before.accounts().map(|account| account.network);
    let unsaid_somewhere =
        networks.into_iter().any(|network| purposes.iter().any(|one| unsaid(network, *one)));
    unsaid_somewhere || old.routes.iter().any(|route| !new.routes.contains(route))
}

fn blocks_anew(old: Option<&Card>, new: &Card) -> bool {
    let before = |other| old.and_then(|card| card.standing(other));
    let blocked = new.contacts.iter().filter(|entry| entry.standing == Standing::Blocked);
    blocked.into_iter().any(|entry| before(entry.other) != Some(Standing::Blocked))
}

/// Who was in a conversation and is not any more.
fn gone_from(old: &Conversation, new: &Conversation) -> Vec<Concern> {
    let lane = |recipient| Concern::Lane(Lane { conversation: new.id, recipient });
    let mut gone = Vec::new();
    if !new.members.starts_with(&old.members) {
        let still: BTreeSet<PersonId> = new.members.iter().copied().collect();
        let left = old.members.iter().filter(|member| !still.contains(member));
        gone.extend(left.map(|member| lane(Recipient::Person(*member))));
    }
    let parted = old.rooms.iter().filter(|room: &&RoomId| !new.rooms.contains(room));
    gone.extend(parted.map(|room| lane(Recipient::Room(*room))));
    gone
}

/// Who a recipient is now: one who became part of another person is found by the way that they
/// brought along.
fn now_called(directory: &Directory, person: PersonId, route: Option<Route>) -> PersonId {
    let nobody_left = directory.person(person).is_none_or(|one| one.routes.is_empty());
    let owner = match route.map(|route| route.endpoint) {
        Some(Endpoint::Address(id)) => directory.address(id).and_then(|address| address.person),
        Some(Endpoint::Room(_)) | None => None,
    };
    owner.filter(|_| nobody_left).unwrap_or(person)
}

fn by_consent(
    directory: &Directory,
    health: &HealthBook,
    person: PersonId,
    one: Waiting<'_>,
) -> Verdict {
    let Some(route) = one.route else {
        // It has no way, and gets none but one that is agreed to.
        return Verdict::Stays;
    };
    let network = directory.network_of(route.account);
    if network.is_some_and(|network| agreed(directory, person, network, one)) {
        return Verdict::Stays;
    }
    let next = next_untried(directory, health, person, one.conversation, one.tried);
    match (next.filter(|_| one.may_move), network) {
        (Some(to), Some(from)) => Verdict::Moves { to, from },
        _ => Verdict::Ends("consent withdrawn"),
    }
}

/// Whether somebody agrees, now, to be reached there with this.
fn agreed(directory: &Directory, person: PersonId, network: Network, one: Waiting<'_>) -> bool {
    let purpose = match one.label {
        Some(Label::InsteadOf(_)) => Purpose::Failover,
        Some(Label::Late | Label::Again) | None => Purpose::Talk,
    };
    let theirs = |person: &Person| match one.route.map(|route| route.endpoint) {
        Some(Endpoint::Address(id)) => person.routes.contains(&id),
        Some(Endpoint::Room(_)) | None => false,
    };
    let terms = directory.terms_of(person);
    terms.is_none_or(|terms| terms.allow(one.conversation, network))
        && directory
            .person(person)
            .is_some_and(|person| theirs(person) && person.agreed(network, purpose))
}

#[cfg(test)]
mod tests;
