//! The speed limit of an account: how many calls may begin within a second, and how many may go to
//! one room within a minute.
//!
//! Not a queue: whoever may not call waits in the store. Invariant: within no stretch of a second
//! do more calls begin than the network allows, wherever that second is taken to start.

use ieum_core::ids::ChatKey;
use ieum_core::network::RateLimits;
use ieum_core::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// The stretch of time over which all calls are counted.
const SECOND_MS: u64 = 1_000;
/// The stretch of time over which calls to one room are counted.
const MINUTE_MS: u64 = 60_000;
/// Rooms whose speed is remembered at once.
const ROOMS_TIMED_MAX: usize = 10_000;

/// What was called lately, and what will be. Claimed calls count until they begin, however late
/// that is: the next of a run begins when the one before it ended.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    claimed: usize,
    /// Within the last second, how many at which moment.
    began: VecDeque<(Timestamp, usize)>,
    /// All of them together: every claim asks for it.
    began_lately: usize,
    rooms: BTreeMap<ChatKey, VecDeque<Timestamp>>,
}

impl Pace {
    /// How many more calls may be claimed now.
    pub(crate) fn calls_left(&mut self, rate: &RateLimits, now: Timestamp) -> usize {
        self.forget(now);
        let most = usize::try_from(rate.per_second_max).unwrap_or(usize::MAX);
        most.saturating_sub(self.began_lately.saturating_add(self.claimed))
    }

    /// When the first of the calls that began is a second ago.
    pub(crate) fn calls_free_at(&self, now: Timestamp) -> Timestamp {
        let first = self.began.front().map(|(at, _)| *at);
        first.unwrap_or(now).plus_ms(SECOND_MS)
    }

    /// Calls were claimed: room is kept for them.
    pub(crate) fn claim(&mut self, calls: usize) {
        self.claimed = self.claimed.saturating_add(calls);
    }

    /// Claimed calls that will not begin.
    pub(crate) fn release(&mut self, calls: usize) {
        self.claimed = self.claimed.saturating_sub(calls);
    }

    /// A claimed call begins.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.release(1);
        self.began_lately = self.began_lately.saturating_add(1);
        match self.began.back_mut() {
            Some((at, calls)) if *at == now => *calls += 1,
            Some(_) | None => self.began.push_back((now, 1)),
        }
    }

    /// Forgets calls that began a second ago, or later than a clock that was set back says.
    fn forget(&mut self, now: Timestamp) {
        let is_over = |at: Timestamp| at > now || now.ms_since(at) >= SECOND_MS;
        while let Some((_, calls)) = self.began.pop_front_if(|(at, _)| is_over(*at)) {
            self.began_lately = self.began_lately.saturating_sub(calls);
        }
    }

    /// Counts a call to a room, or says when the next one may start.
    pub(crate) fn room(
        &mut self,
        rate: &RateLimits,
        room: &ChatKey,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        let most = usize::try_from(rate.per_room_minute_max).unwrap_or(usize::MAX);
        // A limit that no minute can reach needs no bookkeeping.
        if most >= 60_000 {
            return Ok(());
        }
        if self.rooms.len() >= ROOMS_TIMED_MAX && !self.rooms.contains_key(room) {
            let lately = |last: &Timestamp| now.ms_since(*last) < MINUTE_MS;
            self.rooms.retain(|_, times| times.back().is_some_and(lately));
        }
        let times = self.rooms.entry(room.clone()).or_default();
        while times.front().is_some_and(|first| now.ms_since(*first) >= MINUTE_MS || *first > now) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= most => Err(first.plus_ms(MINUTE_MS)),
            Some(_) | None => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(per_second_max: u32) -> RateLimits {
        RateLimits { per_second_max, per_room_minute_max: 2, in_flight_max: 8 }
    }

    #[test]
    fn what_is_claimed_takes_room_until_it_began_a_second_ago() {
        let (rate, mut pace) = (rate(3), Pace::default());
        pace.claim(3);
        assert_eq!(pace.calls_left(&rate, Timestamp(5_000)), 0, "however long ago");
        pace.begin(Timestamp(5_000));
        pace.begin(Timestamp(5_400));
        pace.release(1);
        let left = |pace: &mut Pace, at| pace.calls_left(&rate, Timestamp(at));
        assert_eq!(left(&mut pace, 5_400), 1);
        assert_eq!(pace.calls_free_at(Timestamp(5_400)), Timestamp(6_000));
        assert_eq!(left(&mut pace, 5_999), 1);
        assert_eq!(left(&mut pace, 6_000), 2);
        assert_eq!(left(&mut pace, 6_400), 3);
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nobody() {
        let (rate, mut pace) = (rate(1), Pace::default());
        pace.claim(1);
        pace.begin(Timestamp(9_000_000));
        assert_eq!(pace.calls_left(&rate, Timestamp(9_000_000)), 0);
        assert_eq!(pace.calls_left(&rate, Timestamp(5_000)), 1);
    }

    #[test]
    fn a_room_has_a_minute_of_its_own() {
        let (rate, mut pace) = (rate(9), Pace::default());
        let [one, other] = ["one", "other"].map(ChatKey::new);
        let mut call = |room: &ChatKey, at| pace.room(&rate, room, Timestamp(at));
        assert_eq!([call(&one, 0), call(&one, 10)], [Ok(()), Ok(())]);
        assert_eq!(call(&one, 59_999), Err(Timestamp(60_000)));
        assert_eq!(call(&other, 59_999), Ok(()), "the others have theirs");
        assert_eq!(call(&one, 60_000), Ok(()));
        assert_eq!(call(&one, 60_001), Err(Timestamp(60_010)));
    }

    /// What a loop does: claims as many as it may, begins or releases what it claimed, waits.
    #[derive(Debug, Clone)]
    enum Act {
        Claim(usize),
        Begin,
        Release,
        Wait(i64),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            3 => (1_usize..20).prop_map(Act::Claim),
            6 => Just(Act::Begin),
            1 => Just(Act::Release),
            3 => (0_i64..700).prop_map(Act::Wait),
        ]
    }

    proptest! {
        #[test]
        fn no_second_has_more_calls_than_the_network_allows(
            acts in proptest::collection::vec(act(), 1..300),
            most in 1_u32..12,
        ) {
            let (rate, mut pace) = (rate(most), Pace::default());
            let (mut now, mut claimed) = (Timestamp(0), 0_usize);
            let mut began = Vec::<Timestamp>::new();
            for act in acts {
                match act {
                    Act::Claim(wanted) => {
                        let calls = wanted.min(pace.calls_left(&rate, now));
                        pace.claim(calls);
                        claimed += calls;
                    }
                    Act::Begin if claimed > 0 => {
                        pace.begin(now);
                        claimed -= 1;
                        began.push(now);
                    }
                    Act::Release if claimed > 0 => {
                        pace.release(1);
                        claimed -= 1;
                    }
                    Act::Wait(ms) => now = Timestamp(now.0 + ms),
                    Act::Begin | Act::Release => {}
                }
            }
            for first in &began {
                let second = began.iter().filter(|at| (first.0..first.0 + 1_000).contains(&at.0));
                prop_assert!(second.count() <= most as usize, "{:?}", began);
            }
            // Nothing is lost either: when all is over there is room for all.
            pace.release(claimed);
            let later = now.plus_ms(SECOND_MS);
            prop_assert_eq!(pace.calls_left(&rate, later), most as usize);
        }
    }
}
