//! The usual detectors, each for one cell: a fixed threshold, failures in a row with ejection of
//! outliers, phi accrual, a rolling window.
//!
//! They are written as their kinds are commonly described, without our rules. Invariant: none of
//! them looks ahead or at another cell.

use super::chance::real;
use super::judge::Simple;
use std::collections::{BTreeMap, VecDeque};

/// Windows in a row in which at least half failed; as many good ones to come back.
#[derive(Debug)]
pub(super) struct Fixed {
    window_ms: u64,
    times: u32,
    began_ms: u64,
    good: u32,
    bad: u32,
    row: u32,
    down: bool,
}

impl Fixed {
    pub(super) fn new(window_ms: u64, times: u32) -> Self {
        Self { window_ms, times, began_ms: 0, good: 0, bad: 0, row: 0, down: false }
    }
}

impl Simple for Fixed {
    fn take(&mut self, _source: u64, good: bool, _at_ms: u64) {
        if good { self.good += 1 } else { self.bad += 1 }
    }

    fn tick(&mut self, at_ms: u64) {
        if at_ms < self.began_ms + self.window_ms {
            return;
        }
        let (good, bad) = (std::mem::take(&mut self.good), std::mem::take(&mut self.bad));
        self.began_ms = at_ms;
        if good + bad == 0 {
            return;
        }
        let failed = bad >= good;
        self.row = if failed == self.down { 0 } else { self.row + 1 };
        if self.row >= self.times {
            (self.down, self.row) = (failed, 0);
        }
    }

    fn is_down(&self) -> bool {
        self.down
    }
}

/// How long an ejected source stays out, the first time.
const EJECTED_MS: u64 = 30_000;
/// Sources that were not heard for this long do not count.
const HEARD_MS: u64 = 300_000;

#[derive(Debug, Clone, Copy, Default)]
struct Host {
    row: u32,
    ejections: u64,
    out_until_ms: u64,
    heard_ms: u64,
}

/// Failures in a row eject a source for a while, longer each time; half of them out is down.
#[derive(Debug)]
pub(super) struct Consecutive {
    failures: u32,
    hosts: BTreeMap<u64, Host>,
    now_ms: u64,
}

impl Consecutive {
    pub(super) fn new(failures: u32) -> Self {
        Self { failures, hosts: BTreeMap::new(), now_ms: 0 }
    }
}

impl Simple for Consecutive {
    fn take(&mut self, source: u64, good: bool, at_ms: u64) {
        let host = self.hosts.entry(source).or_default();
        host.heard_ms = at_ms;
        host.row = if good { 0 } else { host.row + 1 };
        if host.row >= self.failures {
            host.row = 0;
            host.ejections += 1;
            host.out_until_ms = at_ms + EJECTED_MS * host.ejections.min(10);
        }
    }

    fn tick(&mut self, at_ms: u64) {
        self.now_ms = at_ms;
    }

    fn is_down(&self) -> bool {
        let heard = |host: &&Host| self.now_ms.saturating_sub(host.heard_ms) < HEARD_MS;
        let alive = self.hosts.values().filter(heard);
        let out = alive.clone().filter(|host| host.out_until_ms > self.now_ms).count();
        out > 0 && out * 2 >= alive.count()
    }
}

/// Intervals between successes that are remembered.
const INTERVALS_MAX: usize = 200;
/// Intervals before there is a verdict.
const INTERVALS_MIN: usize = 10;
/// The least spread that is believed.
const SPREAD_MS_MIN: f64 = 200.0;

/// How unlikely the present silence is, given the intervals before.
#[derive(Debug)]
pub(super) struct Phi {
    threshold: f64,
    intervals: VecDeque<f64>,
    sum: f64,
    squares: f64,
    last_ms: Option<u64>,
    now_ms: u64,
}

impl Phi {
    pub(super) fn new(threshold: u32) -> Self {
        Self {
            threshold: f64::from(threshold),
            intervals: VecDeque::new(),
            sum: 0.0,
            squares: 0.0,
            last_ms: None,
            now_ms: 0,
        }
    }

    fn remember(&mut self, interval: f64) {
        if self.intervals.len() == INTERVALS_MAX
            && let Some(oldest) = self.intervals.pop_front()
        {
            self.sum -= oldest;
            self.squares -= oldest * oldest;
        }
        self.sum += interval;
        self.squares += interval * interval;
        self.intervals.push_back(interval);
    }
}

impl Simple for Phi {
    fn take(&mut self, _source: u64, good: bool, at_ms: u64) {
        self.now_ms = at_ms;
        if good && let Some(last_ms) = self.last_ms.replace(at_ms) {
            self.remember(real(at_ms.saturating_sub(last_ms)));
        }
    }

    fn tick(&mut self, at_ms: u64) {
        self.now_ms = at_ms;
    }

    fn is_down(&self) -> bool {
        let number = self.intervals.len();
        let (Some(last_ms), true) = (self.last_ms, number >= INTERVALS_MIN) else { return false };
        let count = real(number as u64);
        let mean = self.sum / count;
        let spread = (self.squares / count - mean * mean).max(0.0).sqrt().max(SPREAD_MS_MIN);
        let beyond = (real(self.now_ms.saturating_sub(last_ms)) - mean) / spread;
        // The normal tail by its logistic approximation, in logarithms so that it does not vanish.
        let slope = beyond * (1.5976 + 0.070_566 * beyond * beyond);
        let phi = if slope > 30.0 { slope } else { slope.exp().ln_1p() } / std::f64::consts::LN_10;
        phi >= self.threshold
    }
}

/// Seconds of the rolling window.
const BUCKETS: usize = 10;
/// How long a breaker stays open before one piece of evidence may close it.
const OPEN_MS: u64 = 5_000;

/// A rolling window with a share of failures, as circuit breakers have it.
#[derive(Debug)]
pub(super) struct Rolling {
    volume: u32,
    percent: u32,
    buckets: VecDeque<(u64, u32, u32)>,
    open_since_ms: Option<u64>,
}

impl Rolling {
    pub(super) fn new(volume: u32, percent: u32) -> Self {
        Self { volume, percent, buckets: VecDeque::new(), open_since_ms: None }
    }
}

impl Simple for Rolling {
    fn take(&mut self, _source: u64, good: bool, at_ms: u64) {
        if let Some(since_ms) = self.open_since_ms {
            if at_ms >= since_ms + OPEN_MS {
                self.open_since_ms = (!good).then_some(at_ms);
                self.buckets.clear();
            }
            return;
        }
        let second = at_ms / 1_000;
        if self.buckets.back().is_none_or(|bucket| bucket.0 != second) {
            self.buckets.push_back((second, 0, 0));
        }
        while self.buckets.front().is_some_and(|bucket| bucket.0 + (BUCKETS as u64) <= second) {
            self.buckets.pop_front();
        }
        if let Some(bucket) = self.buckets.back_mut() {
            bucket.1 += 1;
            bucket.2 += u32::from(!good);
        }
        let all: u32 = self.buckets.iter().map(|bucket| bucket.1).sum();
        let bad: u32 = self.buckets.iter().map(|bucket| bucket.2).sum();
        if all >= self.volume && bad * 100 >= all * self.percent {
            self.open_since_ms = Some(at_ms);
        }
    }

    fn tick(&mut self, _at_ms: u64) {}

    fn is_down(&self) -> bool {
        self.open_since_ms.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Good evidence each half second of four sources for five minutes, then bad.
    fn down_after_ms(mut judge: impl Simple) -> Option<u64> {
        for step in 0..2_000_u64 {
            let at_ms = step * 500;
            judge.take(step % 4, step < 600, at_ms);
            judge.tick(at_ms);
            if judge.is_down() {
                return Some(at_ms - 300_000);
            }
        }
        None
    }

    #[test]
    fn each_notices_a_full_outage_in_its_own_time() {
        assert_eq!(down_after_ms(Fixed::new(60_000, 3)), Some(180_000));
        assert_eq!(down_after_ms(Consecutive::new(5)), Some(8_500));
        assert_eq!(down_after_ms(Rolling::new(20, 50)), Some(4_500));
        assert!(down_after_ms(Phi::new(8)).is_some_and(|ms| ms < 3_000));
    }

    #[test]
    fn each_comes_back() {
        let mut judges: [Box<dyn Simple>; 4] = [
            Box::new(Fixed::new(10_000, 2)),
            Box::new(Consecutive::new(5)),
            Box::new(Rolling::new(20, 50)),
            Box::new(Phi::new(8)),
        ];
        for judge in &mut judges {
            let mut was_down = false;
            for step in 0..2_000_u64 {
                judge.take(step % 4, !(600..700).contains(&step), step * 500);
                judge.tick(step * 500);
                was_down |= judge.is_down();
            }
            assert!(was_down && !judge.is_down());
        }
    }

    #[test]
    fn single_failures_turn_none_of_them() {
        let mut judges: [Box<dyn Simple>; 4] = [
            Box::new(Fixed::new(60_000, 3)),
            Box::new(Consecutive::new(5)),
            Box::new(Rolling::new(20, 50)),
            Box::new(Phi::new(8)),
        ];
        for step in 0..5_000_u64 {
            for judge in &mut judges {
                judge.take(step % 4, step % 50 != 0, step * 500);
                judge.tick(step * 500);
                assert!(!judge.is_down());
            }
        }
    }
}
