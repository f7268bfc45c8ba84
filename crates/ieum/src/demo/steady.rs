//! Keeps the story no faster than the machine: what the hub's ways take of real time must stay
//! little of the story's, or a busy machine would look like an outage of every network.
//!
//! It measures how long one turn of the hub's runtime and store takes, and bounds the clock by it.
//! Invariant: while the runtime has no turn, the story stands still.

use crate::doors::clock::{ScaledClock, Stopwatch, SystemClock};
use ieum_core::ports::clock::Clock;
use ieum_engine::Hub;
use std::sync::Arc;
use std::time::Duration;

/// Between two measurements, in real milliseconds.
const TICK_MS: u64 = 5;
/// What the clock may run on without one.
const LEASE: Duration = Duration::from_millis(25);
/// What one turn may take of the story, in milliseconds; a message takes a handful of turns.
const TURN_STORY_MS_MAX: f64 = 500.0;
/// The shortest turn that is reckoned with, in real milliseconds.
const TURN_MS_MIN: f64 = 0.001;
/// How much of an earlier, longer turn is still reckoned with at the next.
const MEMORY: f64 = 0.9;

/// Keeps the clock within what the machine can do, for ever.
pub(super) async fn keep(clock: Arc<ScaledClock>, hub: Hub) {
    let mut turn = Duration::ZERO;
    loop {
        clock.keep_within(speed_max(turn), LEASE);
        let watch = Stopwatch::start();
        SystemClock.sleep(TICK_MS).await;
        let _answered = hub.store().counts().await;
        let took = watch.elapsed().saturating_sub(Duration::from_millis(TICK_MS));
        turn = took.max(turn.mul_f64(MEMORY));
    }
}

/// The speed at which a turn of this length takes no more of the story than it may; in steps of a
/// factor of two, so that it seldom changes.
fn speed_max(turn: Duration) -> f64 {
    let turn_ms = turn.as_secs_f64() * 1_000.0;
    (TURN_STORY_MS_MAX / turn_ms.max(TURN_MS_MIN)).log2().floor().exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_takes_its_share_of_the_story_and_at_least_half_of_it_when_it_bounds() {
        for micros in [1_u64, 90, 700, 1_000, 1_500, 5_000, 40_000, 3_000_000] {
            let turn = Duration::from_micros(micros);
            let story_ms = turn.as_secs_f64() * 1_000.0 * speed_max(turn);
            assert!(story_ms <= TURN_STORY_MS_MAX * 1.000_1, "{micros}: {story_ms}");
            assert!(story_ms > TURN_STORY_MS_MAX * 0.499, "{micros}: {story_ms}");
        }
        let idle = speed_max(Duration::ZERO);
        assert!(idle.is_finite() && idle > super::super::SPEED_MAX, "it bounds nothing: {idle}");
    }
}
