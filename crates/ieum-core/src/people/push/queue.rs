//! What waits to be pushed: for each person and conversation the newest message, a little while.
//!
//! The while is for what may make it needless: it is read elsewhere, answered, or followed by
//! another. Pure; lives in memory. Invariants: a message is given out once at most; several of one
//! conversation that wait together are given out as one.

use crate::ids::{ConversationId, MessageSeq, PersonId};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// How long a message waits before it is pushed.
pub const SETTLE_MS: u64 = 3_000;
/// Most that waits; what comes beyond is not pushed.
pub const PENDING_MAX: usize = 20_000;

/// Something that is to be pushed to one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// To whom.
    pub person: PersonId,
    /// In which conversation.
    pub conversation: ConversationId,
    /// The newest message.
    pub message: MessageSeq,
    /// How many there are with it.
    pub count: u32,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    message: MessageSeq,
    count: u32,
    due: Timestamp,
}

/// All that waits.
#[derive(Debug, Default)]
pub struct PushQueue {
    waiting: BTreeMap<(PersonId, ConversationId), Entry>,
    /// The same by when it is due.
    order: BTreeSet<(Timestamp, PersonId, ConversationId)>,
}

impl PushQueue {
    /// Somebody is to hear of a message; not of one that came before what waits already.
    pub fn add(
        &mut self,
        person: PersonId,
        conversation: ConversationId,
        message: MessageSeq,
        now: Timestamp,
    ) {
        if let Some(entry) = self.waiting.get_mut(&(person, conversation)) {
            if message > entry.message {
                entry.message = message;
                entry.count = entry.count.saturating_add(1);
            }
        } else if self.waiting.len() < PENDING_MAX {
            let due = now.plus_ms(SETTLE_MS);
            self.waiting.insert((person, conversation), Entry { message, count: 1, due });
            self.order.insert((due, person, conversation));
        }
    }

    /// Somebody was seen in a conversation: they know what was said there up to now.
    pub fn seen(&mut self, person: PersonId, conversation: ConversationId) {
        if let Some(entry) = self.waiting.remove(&(person, conversation)) {
            self.order.remove(&(entry.due, person, conversation));
        }
    }

    /// When the next one is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.order.first().map(|(due, _, _)| *due)
    }

    /// Takes out the one that waited longest, if it is due.
    pub fn take_due(&mut self, now: Timestamp) -> Option<Waiting> {
        let (due, person, conversation) = *self.order.first()?;
        if due > now {
            return None;
        }
        self.order.pop_first();
        let Entry { message, count, .. } = self.waiting.remove(&(person, conversation))?;
        Some(Waiting { person, conversation, message, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Step {
        Say(u64, u64),
        See(u64, u64),
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1..4_u64, 1..4_u64).prop_map(|(who, place)| Step::Say(who, place)),
            1 => (1..4_u64, 1..4_u64).prop_map(|(who, place)| Step::See(who, place)),
            2 => (0..5_000_u64).prop_map(Step::Wait),
        ]
    }

    proptest! {
        #[test]
        fn each_is_pushed_once_with_its_like_or_was_seen(
            steps in prop::collection::vec(step(), 0..120),
        ) {
            let (mut queue, mut now) = (PushQueue::default(), Timestamp(0));
            // What was said to whom and where, since when, and not yet seen or pushed.
            let mut open: Vec<(PersonId, ConversationId, MessageSeq, Timestamp)> = Vec::new();
            let mut said = 0;
            for step in steps.into_iter().chain([Step::Wait(SETTLE_MS)]) {
                match step {
                    Step::Say(who, place) => {
                        said += 1;
                        let (who, place) = (PersonId(who), ConversationId(place));
                        queue.add(who, place, MessageSeq(said), now);
                        open.push((who, place, MessageSeq(said), now));
                    }
                    Step::See(who, place) => {
                        let (who, place) = (PersonId(who), ConversationId(place));
                        queue.seen(who, place);
                        open.retain(|one| (one.0, one.1) != (who, place));
                    }
                    Step::Wait(ms) => now = now.plus_ms(ms),
                }
                while let Some(due) = queue.take_due(now) {
                    let with = |one: &&(PersonId, ConversationId, MessageSeq, Timestamp)| {
                        (one.0, one.1) == (due.person, due.conversation)
                    };
                    let told: Vec<_> = open.iter().filter(with).copied().collect();
                    prop_assert_eq!(told.len(), usize::try_from(due.count).unwrap());
                    prop_assert_eq!(told.last().map(|one| one.2), Some(due.message));
                    prop_assert!(now.ms_since(told[0].3) >= SETTLE_MS);
                    open.retain(|one| (one.0, one.1) != (due.person, due.conversation));
                }
                prop_assert!(queue.next_due().is_none_or(|due| due > now));
            }
            prop_assert!(open.is_empty(), "{open:?} was never pushed");
            prop_assert_eq!(queue.next_due(), None);
        }
    }

    #[test]
    fn what_waits_is_bounded_and_an_older_message_changes_nothing() {
        let (mut queue, now) = (PushQueue::default(), Timestamp(5));
        let place = ConversationId(1);
        for who in 0..=u64::try_from(PENDING_MAX).unwrap() {
            queue.add(PersonId(who), place, MessageSeq(9), now);
        }
        queue.add(PersonId(3), place, MessageSeq(4), now);
        let at = now.plus_ms(SETTLE_MS);
        let mut given = Vec::new();
        while let Some(one) = queue.take_due(at) {
            given.push(one);
        }
        assert_eq!(given.len(), PENDING_MAX);
        assert!(given.iter().all(|one| (one.message, one.count) == (MessageSeq(9), 1)));
    }
}
