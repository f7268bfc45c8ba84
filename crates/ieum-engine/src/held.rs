//! Lanes whose head waits for a way, and which of them a sweep looks at.
//!
//! An outage of days holds thousands of lanes, and nearly all of them can do nothing until their
//! network turns. So a network that is down as a whole is asked through one lane at a time, and
//! its others are only looked at in rounds; lanes of networks that work are looked at each time.
//! Invariant: every lane is looked at within a round, wherever it stands in the order.

use ieum_core::delivery::{Lane, Route};
use ieum_core::ids::AccountId;
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

/// Most lanes of one account that one sweep looks at.
const LANES_PER_SWEEP_MAX: usize = 1_000;
/// Time between two rounds through all lanes of a network that is down.
const ROUND_MS: u64 = 60_000;

/// Lanes that wait for one account, or for any at all.
#[derive(Debug, Default)]
struct Waiting {
    lanes: BTreeMap<Lane, Option<Route>>,
    /// The last lane looked at.
    after: Option<Lane>,
    /// Lanes that the present round has still to look at.
    round_left: usize,
    round_at: Timestamp,
}

/// All lanes whose head waits.
#[derive(Debug, Default)]
pub(crate) struct Held(BTreeMap<Option<AccountId>, Waiting>);

/// A lane to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) lane: Lane,
    pub(crate) route: Option<Route>,
    /// Whether its network is down as a whole.
    pub(crate) down: bool,
}

impl Held {
    /// A lane waits for this route.
    pub(crate) fn insert(&mut self, lane: Lane, route: Option<Route>) {
        let account = route.map(|route| route.account);
        self.0.entry(account).or_default().lanes.insert(lane, route);
    }

    /// Nothing of a lane waits any more.
    pub(crate) fn remove(&mut self, lane: Lane) {
        for waiting in self.0.values_mut() {
            waiting.lanes.remove(&lane);
        }
        self.0.retain(|_, waiting| !waiting.lanes.is_empty());
    }

    /// The network of one account turned: all its lanes are looked at.
    pub(crate) fn turned(&mut self) {
        for waiting in self.0.values_mut() {
            waiting.round_left = waiting.lanes.len();
        }
    }

    /// What one sweep looks at; `down` tells of which accounts the network is down as a whole.
    pub(crate) fn look(&mut self, now: Timestamp, down: impl Fn(AccountId) -> bool) -> Vec<Look> {
        let mut looks = Vec::new();
        for (account, waiting) in &mut self.0 {
            let down = account.is_some_and(&down);
            let lanes = if down { waiting.due(now) } else { LANES_PER_SWEEP_MAX };
            let next = waiting.next(lanes);
            looks.extend(next.into_iter().map(|(lane, route)| Look { lane, route, down }));
        }
        looks
    }
}

impl Waiting {
    /// How many lanes of a network that is down are looked at now: one, or the next of a round.
    fn due(&mut self, now: Timestamp) -> usize {
        if now.ms_since(self.round_at) >= ROUND_MS || now < self.round_at {
            self.round_at = now;
            self.round_left = self.lanes.len();
        }
        let lanes = self.round_left.min(LANES_PER_SWEEP_MAX);
        self.round_left -= lanes;
        lanes.max(1)
    }

    /// The next lanes in a circle.
    fn next(&mut self, most: usize) -> Vec<(Lane, Option<Route>)> {
        let most = most.min(self.lanes.len());
        let from = self.after.map_or(Unbounded, Excluded);
        let behind = self.lanes.range((from, Unbounded)).chain(&self.lanes).take(most);
        let next: Vec<_> = behind.map(|(lane, route)| (*lane, *route)).collect();
        self.after = next.last().map(|(lane, _)| *lane);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ieum_core::delivery::Recipient;
    use ieum_core::directory::Endpoint;
    use ieum_core::ids::{AddressId, ConversationId, PersonId};
    use std::collections::BTreeSet;

    const KAKAO: AccountId = AccountId(1);

    fn lane(number: u64) -> Lane {
        let recipient = Recipient::Person(PersonId(number));
        Lane { conversation: ConversationId(number), recipient }
    }

    fn route(account: AccountId) -> Option<Route> {
        Some(Route { account, endpoint: Endpoint::Address(AddressId(1)) })
    }

    fn many(lanes: u64) -> Held {
        let mut held = Held::default();
        (0..lanes).for_each(|number| held.insert(lane(number), route(KAKAO)));
        held
    }

    #[test]
    fn every_lane_of_a_working_network_gets_its_turn_however_many_there_are() {
        let mut held = many(2_500);
        let mut seen = BTreeSet::new();
        for second in 0..3 {
            let looks = held.look(Timestamp(second * 1_000), |_| false);
            assert_eq!(looks.len(), LANES_PER_SWEEP_MAX);
            seen.extend(looks.into_iter().map(|look| look.lane));
        }
        assert_eq!(seen.len(), 2_500, "the first thousand do not keep the others waiting");
    }

    #[test]
    fn a_network_that_is_down_is_asked_through_one_lane_and_in_rounds() {
        let mut held = many(2_500);
        let mut looked = 0;
        let mut lanes = BTreeSet::new();
        for second in 1..=60 {
            let looks = held.look(Timestamp(60_000 + second * 1_000), |_| true);
            assert!(looks.iter().all(|look| look.down));
            looked += looks.len();
            lanes.extend(looks.into_iter().map(|look| look.lane));
        }
        assert_eq!(looked, 2_500 + 57, "one round, then one lane a second");
        assert_eq!(lanes.len(), 2_500);
        held.turned();
        assert_eq!(held.look(Timestamp(120_500), |_| true).len(), LANES_PER_SWEEP_MAX);
    }

    #[test]
    fn a_lane_that_waits_for_two_networks_is_gone_from_both() {
        let mut held = many(1);
        held.insert(lane(0), route(AccountId(2)));
        held.insert(lane(0), None);
        assert_eq!(held.look(Timestamp(0), |_| false).len(), 3);
        held.remove(lane(0));
        assert!(held.look(Timestamp(0), |_| false).is_empty());
    }
}
