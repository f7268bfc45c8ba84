//! Runs: what was claimed of one lane together, attempted one after the other.
//!
//! The next of a run leaves when the one before it was accepted, without waiting until that is
//! durable: what is claimed is known to be in doubt. Invariant: of one lane at most one attempt is
//! under way, and a run ends with the first attempt that was not accepted whole.

use crate::failover::Moving;
use ieum_core::delivery::{Claim, Lane, Step};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

/// Lanes of which something is claimed.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// With an attempt under way, and what was claimed behind it.
    lanes: BTreeMap<Lane, VecDeque<Claim>>,
    /// How many claims are not settled durably.
    unsettled: BTreeMap<Lane, usize>,
}

/// What follows an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing was claimed behind it.
    Nothing,
    /// This is to be attempted now.
    Attempt(Box<Claim>),
    /// These are not to be attempted: they wait behind it again.
    Release(VecDeque<Claim>),
}

impl Runs {
    /// Takes a claim in; gives it back when it is the first of its lane, to be attempted now.
    pub(crate) fn add(&mut self, claim: Claim) -> Option<Claim> {
        let lane = claim.delivery.lane();
        *self.unsettled.entry(lane).or_default() += 1;
        match self.lanes.entry(lane) {
            Entry::Occupied(mut run) => {
                run.get_mut().push_back(claim);
                None
            }
            Entry::Vacant(place) => {
                place.insert(VecDeque::new());
                Some(claim)
            }
        }
    }

    /// The attempt of a lane ended: what follows.
    pub(crate) fn next(&mut self, ended: &Moving) -> Next {
        let lane = ended.delivery.lane();
        let whole = matches!(ended.settlement.step, Step::Sent { .. });
        if whole && let Some(next) = self.lanes.get_mut(&lane).and_then(VecDeque::pop_front) {
            return Next::Attempt(Box::new(next));
        }
        match self.lanes.remove(&lane) {
            Some(rest) if !rest.is_empty() => Next::Release(rest),
            Some(_) | None => Next::Nothing,
        }
    }

    /// A claim was settled durably; whether nothing of its lane is claimed any more.
    pub(crate) fn settled(&mut self, lane: Lane) -> bool {
        let left = self.unsettled.get_mut(&lane).map(|claims| {
            *claims = claims.saturating_sub(1);
            *claims
        });
        if left == Some(0) {
            self.unsettled.remove(&lane);
        }
        left.is_none_or(|claims| claims == 0)
    }

    /// Takes out everything that is not under way.
    pub(crate) fn stop(&mut self) -> impl Iterator<Item = Claim> {
        std::mem::take(&mut self.lanes).into_values().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ieum_core::content::{Content, HubSecret, salt_for_native};
    use ieum_core::delivery::{Delivery, Recipient, Settlement, State};
    use ieum_core::ids::{ConversationId, DeliverySeq, MessageSeq, PersonId};
    use ieum_core::message::{Author, Class, Message, NewMessage};
    use ieum_core::time::Timestamp;
    use std::sync::Arc;

    fn claim(seq: u64, person: u64) -> Claim {
        let secret = HubSecret::new([7; 32]);
        let salt = salt_for_native(&secret, "line", "room", &seq.to_string());
        let (id, content) = Content::text(salt, "mimi://a", "mimi://r", "안녕").seal();
        let at = Timestamp(1);
        let new = NewMessage {
            id,
            conversation: ConversationId(1),
            author: Author::Hub,
            source: None,
            accepted_at: at,
            origin_at: at,
            expires_at: at.plus_ms(1_000),
            class: Class::Chat,
            content: content.into(),
        };
        let delivery = Delivery {
            seq: DeliverySeq(seq),
            message: MessageSeq(seq),
            conversation: ConversationId(1),
            recipient: Recipient::Person(PersonId(person)),
            route: None,
            state: State::Attempting,
            attempts: 1,
            part: 0,
            due_at: at,
            tried_at: Some(at),
            label: None,
            stands_in_for: None,
            copies: Vec::new(),
        };
        Claim { delivery, message: Arc::new(Message { seq: MessageSeq(seq), new }) }
    }

    fn ended(claim: &Claim, step: Step) -> Moving {
        let settlement = Settlement {
            delivery: claim.delivery.seq,
            step,
            evidence: "200".into(),
            at: Timestamp(2),
            plus: Vec::new(),
        };
        Moving { delivery: claim.delivery.clone(), settlement, good: None, began_at: Timestamp(1) }
    }

    fn sent() -> Step {
        Step::Sent { copies: Vec::new() }
    }

    #[test]
    fn one_of_a_lane_at_a_time_in_order() {
        let mut runs = Runs::default();
        let first = runs.add(claim(1, 1)).unwrap();
        assert!(runs.add(claim(2, 1)).is_none());
        let other = runs.add(claim(3, 2)).unwrap();
        assert_eq!(runs.next(&ended(&first, sent())), Next::Attempt(Box::new(claim(2, 1))));
        assert_eq!(runs.next(&ended(&other, sent())), Next::Nothing);
        assert_eq!(runs.next(&ended(&claim(2, 1), sent())), Next::Nothing);
        assert!(runs.add(claim(4, 1)).is_some(), "its run is over");
    }

    #[test]
    fn a_run_breaks_at_the_first_that_is_not_accepted_whole() {
        let at = Timestamp(5);
        let steps = [
            Step::Unsure { decide_at: at },
            Step::RetryAt { at, label: None },
            Step::NextPart { copies: Vec::new(), part: 1 },
            Step::Hold { label: None },
            Step::Dead { scope: ieum_core::outgoing::Scope::Message },
        ];
        for step in steps {
            let mut runs = Runs::default();
            let first = runs.add(claim(1, 1)).unwrap();
            runs.add(claim(2, 1));
            runs.add(claim(3, 1));
            let Next::Release(rest) = runs.next(&ended(&first, step.clone())) else {
                panic!("the run goes on after {step:?}");
            };
            assert_eq!(rest.iter().map(|one| one.delivery.seq.0).collect::<Vec<_>>(), [2, 3]);
        }
    }

    #[test]
    fn a_lane_is_free_when_the_last_of_its_claims_is_durable() {
        let mut runs = Runs::default();
        let first = runs.add(claim(1, 1)).unwrap();
        runs.add(claim(2, 1));
        runs.next(&ended(&first, sent()));
        runs.next(&ended(&claim(2, 1), sent()));
        let lane = first.delivery.lane();
        assert!(!runs.settled(lane));
        assert!(runs.settled(lane));
        assert!(runs.settled(lane), "nothing is claimed of it at all");
    }

    #[test]
    fn what_is_not_under_way_is_given_back_at_a_stop() {
        let mut runs = Runs::default();
        let first = runs.add(claim(1, 1)).unwrap();
        runs.add(claim(2, 1));
        let stopped: Vec<_> = runs.stop().map(|claim| claim.delivery.seq.0).collect();
        assert_eq!(stopped, [2]);
        assert_eq!(runs.next(&ended(&first, sent())), Next::Nothing);
    }
}
