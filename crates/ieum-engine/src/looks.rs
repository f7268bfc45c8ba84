//! Who looked at which conversation on a page, and when: what they saw needs no push.
//!
//! In memory; a crash forgets it, and at worst somebody is told of what they saw a moment before.
//! Invariant: what is remembered is bounded, the newest stays.

use ieum_core::ids::{ConversationId, PersonId};
use ieum_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Looks that are remembered.
const LOOKS_MAX: usize = 8_192;

/// A conversation, or the list of all of them.
type Place = (PersonId, Option<ConversationId>);

/// When each last looked.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    at: BTreeMap<Place, Timestamp>,
    order: BTreeSet<(Timestamp, Place)>,
}

impl Looks {
    /// Somebody was shown a conversation, or the list.
    pub(crate) fn note(
        &mut self,
        person: PersonId,
        conversation: Option<ConversationId>,
        now: Timestamp,
    ) {
        let place = (person, conversation);
        if let Some(before) = self.at.insert(place, now) {
            self.order.remove(&(before, place));
        }
        self.order.insert((now, place));
        while self.order.len() > LOOKS_MAX {
            if let Some((_, oldest)) = self.order.pop_first() {
                self.at.remove(&oldest);
            }
        }
    }

    /// Whether somebody was shown what was said in a conversation at `said_at`.
    pub(crate) fn saw(
        &self,
        person: PersonId,
        conversation: ConversationId,
        said_at: Timestamp,
    ) -> bool {
        let places = [(person, Some(conversation)), (person, None)];
        places.iter().any(|place| self.at.get(place).is_some_and(|at| *at >= said_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: PersonId = PersonId(1);
    const HERE: ConversationId = ConversationId(1);

    #[test]
    fn what_was_said_before_a_look_was_seen_and_nothing_else() {
        let mut looks = Looks::default();
        assert!(!looks.saw(WHO, HERE, Timestamp(1)));
        looks.note(WHO, Some(HERE), Timestamp(5));
        let table = [(WHO, HERE, 5, true), (WHO, HERE, 6, false), (PersonId(2), HERE, 5, false)];
        for (who, place, at, wanted) in table {
            assert_eq!(looks.saw(who, place, Timestamp(at)), wanted, "{who} {place} {at}");
        }
        assert!(!looks.saw(WHO, ConversationId(2), Timestamp(5)));
        looks.note(WHO, None, Timestamp(9));
        assert!(looks.saw(WHO, ConversationId(2), Timestamp(9)), "the list shows all of them");
    }

    #[test]
    fn only_so_many_are_remembered_and_the_newest_stay() {
        let mut looks = Looks::default();
        for number in 0..=u64::try_from(LOOKS_MAX).unwrap() {
            looks.note(PersonId(number), None, Timestamp(i64::try_from(number).unwrap()));
            looks.note(PersonId(number), None, Timestamp(i64::try_from(number).unwrap()));
        }
        assert_eq!((looks.at.len(), looks.order.len()), (LOOKS_MAX, LOOKS_MAX));
        assert!(!looks.saw(PersonId(0), HERE, Timestamp(0)));
        assert!(looks.saw(PersonId(1), HERE, Timestamp(1)));
    }
}
