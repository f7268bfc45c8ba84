//! What the sink saw, against what the generator sent: lost, doubled, out of order, how late.
//!
//! Texts carry `#conversation:counter#`. Invariants: every number of the report is counted here
//! from arrivals alone, the hub's word is not asked; what was acknowledged before another post
//! of the same conversation began must arrive before it, whoever wrote them.

use std::time::Duration;

/// Counts arrivals of one run.
#[derive(Debug)]
pub struct Ledger {
    lanes: Vec<Lane>,
    latencies_us: Vec<u32>,
    arrived: u64,
    duplicates: u64,
    out_of_order: u64,
    unknown: u64,
    last_arrival: Duration,
}

#[derive(Debug, Default)]
struct Lane {
    /// The counter is the index.
    posts: Vec<Post>,
    /// The latest beginning of a post that arrived.
    latest: Duration,
}

#[derive(Debug)]
struct Post {
    began: Duration,
    acknowledged: Option<Duration>,
    seen: bool,
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// Posts that the hub acknowledged.
    pub messages: u64,
    /// From the first post to the last arrival.
    pub seconds: f64,
    /// From the start of the post to the arrival.
    pub p50_ms: f64,
    /// The same for the slowest of a hundred.
    pub p99_ms: f64,
    /// Acknowledged and never arrived.
    pub lost: u64,
    /// Arrived again.
    pub duplicates: u64,
    /// Arrived after one of its conversation that began when it was acknowledged already.
    pub out_of_order: u64,
    /// Arrived without being sent, or unreadable.
    pub unknown: u64,
}

impl Ledger {
    /// For so many conversations.
    #[must_use]
    pub fn new(conversations: usize) -> Self {
        Self {
            lanes: (0..conversations).map(|_| Lane::default()).collect(),
            latencies_us: Vec::new(),
            arrived: 0,
            duplicates: 0,
            out_of_order: 0,
            unknown: 0,
            last_arrival: Duration::ZERO,
        }
    }

    /// A post begins; returns the counter for its text.
    pub fn sent(&mut self, conversation: usize, at: Duration) -> usize {
        let Some(lane) = self.lanes.get_mut(conversation) else {
            return 0;
        };
        lane.posts.push(Post { began: at, acknowledged: None, seen: false });
        lane.posts.len() - 1
    }

    /// The hub acknowledged a post.
    pub fn acknowledged(&mut self, conversation: usize, counter: usize, at: Duration) {
        let lane = self.lanes.get_mut(conversation);
        if let Some(post) = lane.and_then(|lane| lane.posts.get_mut(counter)) {
            post.acknowledged = Some(at);
        }
    }

    /// Something arrived at the sink.
    pub fn arrived(&mut self, body: &[u8], at: Duration) {
        let Some((conversation, counter)) = mark(body) else {
            self.unknown += 1;
            return;
        };
        let lane = self.lanes.get_mut(conversation);
        let found = lane.and_then(|lane| Some((lane.posts.get_mut(counter)?, &mut lane.latest)));
        match found {
            None => self.unknown += 1,
            Some((post, _)) if post.seen => self.duplicates += 1,
            Some((post, latest)) => {
                post.seen = true;
                self.out_of_order += u64::from(post.acknowledged.is_some_and(|at| at < *latest));
                *latest = (*latest).max(post.began);
                self.arrived += 1;
                self.last_arrival = at;
                let late = at.saturating_sub(post.began).as_micros();
                self.latencies_us.push(u32::try_from(late).unwrap_or(u32::MAX));
            }
        }
    }

    /// How many different ones arrived.
    #[must_use]
    pub fn arrivals(&self) -> u64 {
        self.arrived
    }

    /// The figures of the run.
    #[must_use]
    pub fn tally(mut self, acknowledged: u64) -> Tally {
        self.latencies_us.sort_unstable();
        Tally {
            messages: acknowledged,
            seconds: self.last_arrival.as_secs_f64(),
            p50_ms: percentile_ms(&self.latencies_us, 50),
            p99_ms: percentile_ms(&self.latencies_us, 99),
            lost: acknowledged.saturating_sub(self.arrived),
            duplicates: self.duplicates,
            out_of_order: self.out_of_order,
            unknown: self.unknown,
        }
    }
}

/// The value that `percent` of a hundred do not exceed.
#[must_use]
pub fn percentile_ms(sorted_us: &[u32], percent: usize) -> f64 {
    let index = (sorted_us.len() * percent).div_ceil(100).saturating_sub(1);
    f64::from(sorted_us.get(index).copied().unwrap_or(0)) / 1_000.0
}

/// The mark in a text.
#[must_use]
pub fn text(conversation: usize, counter: usize) -> String {
    format!("오늘 저녁 일곱 시에 역 앞에서 만나요, 우산도 챙기세요 #{conversation}:{counter}#")
}

/// Reads the mark: the last two `#` of a body enclose it.
fn mark(body: &[u8]) -> Option<(usize, usize)> {
    let end = body.iter().rposition(|byte| *byte == b'#')?;
    let before = body.get(..end)?;
    let start = before.iter().rposition(|byte| *byte == b'#')?;
    let mark = std::str::from_utf8(before.get(start + 1..)?).ok()?;
    let (conversation, counter) = mark.split_once(':')?;
    Some((conversation.parse().ok()?, counter.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn body(conversation: usize, counter: usize) -> Vec<u8> {
        let text = text(conversation, counter);
        format!("{{\"chat_id\":-3,\"text\":\"[LINE] 하나: {text}\"}}").into_bytes()
    }

    #[test]
    fn every_kind_of_fault_is_counted_once() {
        let mut ledger = Ledger::new(2);
        for (counter, ms) in (0..4).zip(10..) {
            for conversation in 0..2 {
                assert_eq!(ledger.sent(conversation, MS * ms), counter);
                ledger.acknowledged(conversation, counter, MS * ms + MS / 2);
            }
        }
        for counter in [0, 2, 1, 2] {
            ledger.arrived(&body(0, counter), MS * 15);
        }
        for (counter, ms) in (0..4).zip(30..) {
            ledger.arrived(&body(1, counter), MS * ms);
        }
        ledger.arrived(&body(1, 9), MS * 40);
        ledger.arrived(b"{\"text\":\"#\"}", MS * 40);
        assert_eq!(ledger.arrivals(), 7);
        let expected = Tally {
            messages: 8,
            seconds: 0.033,
            p50_ms: 20.0,
            p99_ms: 20.0,
            lost: 1,
            duplicates: 1,
            out_of_order: 1,
            unknown: 2,
        };
        assert_eq!(ledger.tally(8), expected);
    }

    #[test]
    fn only_what_was_under_way_together_may_change_places() {
        let mut ledger = Ledger::new(1);
        for (counter, began) in [(0, 10), (1, 11), (2, 13)] {
            assert_eq!(ledger.sent(0, MS * began), counter);
        }
        ledger.acknowledged(0, 0, MS * 12);
        ledger.acknowledged(0, 1, MS * 14);
        for counter in [1, 2, 0] {
            ledger.arrived(&body(0, counter), MS * 20);
        }
        assert_eq!(ledger.tally(3).out_of_order, 1, "0 was acknowledged before 2 began");
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred: Vec<u32> = (1..=100).map(|ms| ms * 1_000).collect();
        for (percent, ms) in [(50, 50.0), (99, 99.0), (100, 100.0)] {
            assert!((percentile_ms(&hundred, percent) - ms).abs() < 1e-9);
        }
        assert!(percentile_ms(&[], 50).abs() < 1e-9);
    }
}
