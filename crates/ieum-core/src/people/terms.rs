//! Terms: on which ways each conversation may reach somebody, and how well kept these must be.
//!
//! They narrow what was agreed to and never widen it: without a consent no term opens a way. Pure.
//! Invariant: who never said anything has no terms, and all ways that they agreed to are open.

use crate::directory::{Change, Directory};
use crate::ids::{ConversationId, PersonId};
use crate::network::Network;
use crate::route::security::SecurityLevel;
use serde::{Deserialize, Serialize};

/// Most conversations that one person has a word of their own about.
pub const REACHES_MAX: usize = 1_000;

/// By which networks alone one conversation may reach somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Which conversation.
    pub conversation: ConversationId,
    /// The networks; with none of them the conversation reaches them nowhere but in rooms.
    pub networks: Vec<Network>,
}

/// What one person asks of the ways to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Whose.
    pub person: PersonId,
    /// Nothing plainer than this carries anything to them, in an outage as on any other day.
    pub security_min: SecurityLevel,
    /// Conversations about which they said something of their own.
    pub reaches: Vec<Reach>,
}

impl Terms {
    /// Nothing is asked.
    #[must_use]
    pub const fn none(person: PersonId) -> Self {
        Self { person, security_min: SecurityLevel::Plain, reaches: Vec::new() }
    }

    fn of(directory: &Directory, person: PersonId) -> Self {
        directory.terms_of(person).cloned().unwrap_or_else(|| Self::none(person))
    }

    /// Whether a conversation may reach them by this network, as far as the terms go.
    #[must_use]
    pub fn allow(&self, conversation: ConversationId, network: Network) -> bool {
        let reach = self.reaches.iter().find(|reach| reach.conversation == conversation);
        SecurityLevel::of(network) >= self.security_min
            && reach.is_none_or(|reach| reach.networks.contains(&network))
    }
}

/// Why nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TermsRefusal {
    /// There is no such person.
    #[error("no such person")]
    NoPerson,
    /// They are not in that conversation.
    #[error("the person is not a member of the conversation")]
    NotAMember,
    /// They said something about too many conversations.
    #[error("too many conversations with terms of their own")]
    TooMany,
}

/// Asks that nothing plainer than `level` carries anything to somebody.
///
/// # Errors
/// When there is no such person.
pub fn set_security(
    directory: &Directory,
    person: PersonId,
    level: SecurityLevel,
) -> Result<Vec<Change>, TermsRefusal> {
    directory.person(person).ok_or(TermsRefusal::NoPerson)?;
    let terms = Terms { security_min: level, ..Terms::of(directory, person) };
    Ok(vec![Change::Terms(terms)])
}

/// Says by which networks alone a conversation may reach somebody; `None` takes that back.
///
/// # Errors
/// When they are not in it, or said such things about too many.
pub fn set_reach(
    directory: &Directory,
    person: PersonId,
    conversation: ConversationId,
    networks: Option<Vec<Network>>,
) -> Result<Vec<Change>, TermsRefusal> {
    directory.person(person).ok_or(TermsRefusal::NoPerson)?;
    let mine = directory.conversations_of(person);
    if !mine.contains(&conversation) {
        return Err(TermsRefusal::NotAMember);
    }
    let mut terms = Terms::of(directory, person);
    // What was said about conversations that they left is worth nothing any more.
    terms
        .reaches
        .retain(|reach| reach.conversation != conversation && mine.contains(&reach.conversation));
    if let Some(mut networks) = networks {
        networks.sort_unstable();
        networks.dedup();
        if terms.reaches.len() >= REACHES_MAX {
            return Err(TermsRefusal::TooMany);
        }
        terms.reaches.push(Reach { conversation, networks });
    }
    Ok(vec![Change::Terms(terms)])
}

/// The terms of `to`, who turns out to be `from` as well: the stricter word of the two counts.
pub(crate) fn merged(directory: &Directory, from: PersonId, to: PersonId) -> Option<Change> {
    let old = directory.terms_of(from)?;
    let mut terms = Terms::of(directory, to);
    terms.security_min = terms.security_min.max(old.security_min);
    for reach in &old.reaches {
        let same = |own: &&mut Reach| own.conversation == reach.conversation;
        if let Some(own) = terms.reaches.iter_mut().find(same) {
            own.networks.retain(|network| reach.networks.contains(network));
        } else if terms.reaches.len() < REACHES_MAX {
            terms.reaches.push(reach.clone());
        }
    }
    Some(Change::Terms(terms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Conversation, ConversationKind, Language, Person};
    use proptest::prelude::*;

    const ME: PersonId = PersonId(1);

    fn home() -> Directory {
        let mut directory = Directory::default();
        for id in [1, 2].map(PersonId) {
            directory.apply(Change::Person(Person {
                id,
                name: "".into(),
                language: Language::Ko,
                routes: Vec::new(),
                consents: Vec::new(),
            }));
        }
        for id in (1..=3).map(ConversationId) {
            directory.apply(Change::Conversation(Conversation {
                id,
                kind: ConversationKind::Group,
                title: "모임".into(),
                members: vec![ME],
                rooms: Vec::new(),
            }));
        }
        directory
    }

    fn apply(directory: &mut Directory, changes: Vec<Change>) {
        changes.into_iter().for_each(|change| directory.apply(change));
    }

    #[test]
    fn one_conversation_is_narrowed_and_the_others_are_not() {
        let mut directory = home();
        let one = ConversationId(1);
        let said = set_reach(&directory, ME, one, Some(vec![Network::Line, Network::Line]));
        apply(&mut directory, said.unwrap());
        let terms = directory.terms_of(ME).unwrap();
        assert_eq!(terms.reaches, [Reach { conversation: one, networks: vec![Network::Line] }]);
        assert!(terms.allow(one, Network::Line) && !terms.allow(one, Network::Telegram));
        assert!(terms.allow(ConversationId(2), Network::Telegram));
        let taken_back = set_reach(&directory, ME, one, None);
        apply(&mut directory, taken_back.unwrap());
        assert!(directory.terms_of(ME).unwrap().allow(one, Network::Telegram));
    }

    #[test]
    fn terms_are_for_members_and_of_people_who_are_there() {
        let mut directory = home();
        let stranger = PersonId(2);
        let no = set_reach(&directory, stranger, ConversationId(1), None);
        assert_eq!(no, Err(TermsRefusal::NotAMember));
        let nobody = PersonId(9);
        let no = set_security(&directory, nobody, SecurityLevel::EndToEnd);
        assert_eq!(no, Err(TermsRefusal::NoPerson));
        let reaches =
            (10..1_010).map(|id| Reach { conversation: ConversationId(id), networks: Vec::new() });
        let full = Terms { reaches: reaches.collect(), ..Terms::none(ME) };
        apply(&mut directory, vec![Change::Terms(full)]);
        let said = set_reach(&directory, ME, ConversationId(1), Some(Vec::new())).unwrap();
        let [Change::Terms(terms)] = &said[..] else { panic!("{said:?}") };
        assert_eq!(terms.reaches.len(), 1, "what was said of conversations left is forgotten");
    }

    fn some_terms() -> impl Strategy<Value = (SecurityLevel, Vec<(u64, Vec<Network>)>)> {
        let level = prop::sample::select(&SecurityLevel::ALL[..]);
        let networks = prop::sample::subsequence(Network::ALL.to_vec(), 0..=6);
        (level, prop::collection::vec((1..4_u64, networks), 0..3))
    }

    proptest! {
        #[test]
        fn becoming_one_person_opens_nothing_that_either_had_closed(
            mine in some_terms(), theirs in some_terms(),
        ) {
            let mut directory = home();
            let made = |person, (security_min, reaches): (_, Vec<(u64, Vec<Network>)>)| {
                let mut terms = Terms { person, security_min, reaches: Vec::new() };
                for (id, networks) in reaches {
                    let conversation = ConversationId(id);
                    terms.reaches.retain(|reach| reach.conversation != conversation);
                    terms.reaches.push(Reach { conversation, networks });
                }
                terms
            };
            let (mine, theirs) = (made(ME, mine), made(PersonId(2), theirs));
            apply(&mut directory, vec![Change::Terms(mine.clone()), Change::Terms(theirs.clone())]);
            let merged = merged(&directory, PersonId(2), ME);
            apply(&mut directory, merged.into_iter().collect());
            let both = directory.terms_of(ME).unwrap();
            for conversation in (1..4).map(ConversationId) {
                for network in Network::ALL {
                    let either = mine.allow(conversation, network)
                        && theirs.allow(conversation, network);
                    prop_assert_eq!(both.allow(conversation, network), either);
                }
            }
        }
    }
}
