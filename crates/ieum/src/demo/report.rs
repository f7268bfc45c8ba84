//! The report: one JSON object for programs, one table for people.

use super::DemoArguments;
use super::baseline::Without;
use super::tally::Tally;
use ieum_lab::Scenario;
use serde::Serialize;
use std::io::Write;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Delay {
    p50: u64,
    p99: u64,
}

/// What `--json` prints; `delayed_over_60s` and the fields after `without_ieum` are additions that
/// readers may ignore.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Report {
    scenario: String,
    seed: u64,
    people: usize,
    messages: usize,
    expected: usize,
    seen: usize,
    lost: usize,
    duplicates_labelled: usize,
    duplicates_unlabelled: usize,
    out_of_order: usize,
    unreachable: usize,
    first_failover_s: Option<f64>,
    delay_ms: Delay,
    without_ieum: Without,
    delayed_over_60s: usize,
    linked_delay_ms_max: u64,
    network_doubles: usize,
    swallowed: usize,
}

impl Report {
    pub(super) fn new(
        arguments: &DemoArguments,
        scenario: &Scenario,
        tally: &Tally,
        without_ieum: Without,
        failover_ms: Option<u64>,
    ) -> Self {
        let late = |delay: &&u64| **delay > super::baseline::DELAYED_MS;
        Self {
            scenario: scenario.id.clone(),
            seed: arguments.seed,
            people: super::cast::FAMILY.len(),
            messages: tally.messages,
            expected: tally.expected,
            seen: tally.seen,
            lost: tally.lost,
            duplicates_labelled: tally.duplicates_labelled,
            duplicates_unlabelled: tally.duplicates_unlabelled,
            out_of_order: tally.out_of_order,
            unreachable: tally.unreachable,
            first_failover_s: failover_ms.map(seconds),
            delay_ms: Delay { p50: tally.delay_ms(0.5), p99: tally.delay_ms(0.99) },
            without_ieum,
            delayed_over_60s: tally.delays_ms.iter().filter(late).count(),
            linked_delay_ms_max: tally.linked_delay_ms_max,
            network_doubles: tally.network_doubles,
            swallowed: tally.swallowed,
        }
    }

    /// Nothing lost that the hub heard, nothing twice without a label, nothing out of order.
    pub(super) fn kept_its_promises(&self) -> bool {
        self.lost == 0 && self.duplicates_unlabelled == 0 && self.out_of_order == 0
    }

    pub(super) fn print(&self, json: bool) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if json {
            serde_json::to_writer(&mut out, self)?;
            writeln!(out)?;
            return Ok(());
        }
        write!(out, "{}", self.table())?;
        Ok(())
    }

    fn table(&self) -> String {
        let failover = self
            .first_failover_s
            .map_or_else(|| "- (nothing had to move)".to_owned(), |s| format!("{s:.1} s"));
        let rows = [
            ("보낸 메시지 / messages", self.messages.to_string(), self.messages.to_string()),
            (
                "받아야 할 것 / owed to readers",
                self.expected.to_string(),
                self.expected.to_string(),
            ),
            ("잃은 것 / lost", self.lost.to_string(), self.without_ieum.lost.to_string()),
            (
                "이음도 듣지 못한 것 / swallowed before the hub heard",
                self.swallowed.to_string(),
                "-".to_owned(),
            ),
            (
                "1분 넘게 늦은 것 / over 60 s late",
                self.delayed_over_60s.to_string(),
                self.without_ieum.delayed_over_60s.to_string(),
            ),
            (
                "두 번, 표시 있음 / doubled, labelled",
                self.duplicates_labelled.to_string(),
                "-".to_owned(),
            ),
            (
                "두 번, 표시 없음 / doubled, unlabelled",
                self.duplicates_unlabelled.to_string(),
                "-".to_owned(),
            ),
            ("순서 바뀜 / out of order", self.out_of_order.to_string(), "-".to_owned()),
            (
                "한때 닿지 않은 사람 / out of reach for a while",
                self.unreachable.to_string(),
                "-".into(),
            ),
            (
                "전달 시간 / delay p50, p99",
                format!("{:.1} s, {:.1} s", seconds(self.delay_ms.p50), seconds(self.delay_ms.p99)),
                "-".to_owned(),
            ),
            (
                "다른 길이 있는 사람, 최대 / longest with a second link",
                format!("{:.1} s", seconds(self.linked_delay_ms_max)),
                "-".to_owned(),
            ),
            ("첫 우회까지 / first failover after", failover, "-".to_owned()),
        ];
        let mut table =
            format!("\n{} · seed {} · {} people\n", self.scenario, self.seed, self.people);
        table.push_str(&row("", "이음과 함께 / with Ieum", "이음 없이 / without"));
        for (what, with, without) in &rows {
            table.push_str(&row(what, with, without));
        }
        table
    }
}

fn row(what: &str, with: &str, without: &str) -> String {
    use super::view::padded;
    format!("  {} {} {}\n", padded(what, 56), padded(with, 26), without)
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds of a day are exact in an f64")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}
