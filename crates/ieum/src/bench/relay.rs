//! `ieum bench relay`: how many messages cross the hub, how fast, and at what cost.
//!
//! Two child processes over loopback: a hub as in production, and a peer that is load and sink at
//! once. Every message is durable before its acknowledgement. Invariant: the disk is probed beside
//! every run, because a figure without its fsync says nothing.

use super::calls::Direction;
use super::child::Process;
use super::ledger::Tally;
use super::machine;
use super::peer::Ready;
use crate::store::StoreKind;
use clap::ValueEnum;
use serde::Serialize;

/// What is to be measured.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct RelayArguments {
    /// How many messages.
    #[arg(long, default_value_t = 100_000)]
    pub messages: u64,
    /// Over how many conversations.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub conversations: u32,
    /// How many people write at once, each on an own connection, shared out over the
    /// conversations: a person's next message leaves when the one before it was
    /// acknowledged. At least one for each conversation.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub connections: u32,
    /// Messages a second; as fast as the hub takes them when absent.
    #[arg(long, value_parser = rate)]
    pub rate: Option<f64>,
    /// What the hub keeps its data in; `memory` shows what durability costs.
    #[arg(long, value_enum, default_value_t = StoreKind::Sqlite)]
    pub store: StoreKind,
    /// From where to where messages cross.
    #[arg(long, value_enum, default_value_t)]
    pub direction: Direction,
    /// Print one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// A run is taken to last at least this long.
const SECONDS_MIN: f64 = 0.001;
/// Most messages a second that a paced run may ask for.
const RATE_MAX: f64 = 1_000_000.0;

/// Reads `--rate`.
///
/// # Errors
/// When it is not a number that can be kept.
pub fn rate(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok();
    rate.filter(|rate| *rate > 0.0 && *rate <= RATE_MAX)
        .ok_or_else(|| format!("expected a number above 0 and up to {RATE_MAX}"))
}

/// The figures, in the order in which they are printed.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures {
    messages: u64,
    seconds: f64,
    per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    hub_cpu_us_per_message: f64,
    hub_rss_mb: f64,
    fsync_ms_p50: f64,
    lost: u64,
    duplicates: u64,
    out_of_order: u64,
}

/// Measures; returns whether nothing was lost, doubled or out of order.
///
/// # Errors
/// When a child process fails.
pub fn main(arguments: RelayArguments) -> anyhow::Result<bool> {
    let figures = measure(arguments)?;
    if arguments.json {
        super::peer::say(&figures)?;
    } else {
        print(&figures)?;
    }
    Ok(figures.lost + figures.duplicates + figures.out_of_order == 0)
}

#[allow(
    clippy::cast_precision_loss,
    reason = "numbers of messages and microseconds are far below 2^53"
)]
fn measure(arguments: RelayArguments) -> anyhow::Result<Figures> {
    let folder = tempfile::Builder::new().prefix("ieum-bench-").tempdir()?;
    let fsync_before = machine::fsync_ms_p50(folder.path())?;
    let mut peer = Process::start(&peer_arguments(arguments))?;
    let sink: Ready = peer.hear()?;
    let mut hub = Process::start(&hub_arguments(arguments, folder.path(), &sink))?;
    let ready: Ready = hub.hear()?;
    let cpu_before = machine::cpu_us(hub.id())?;
    peer.tell(&ready)?;
    let tally: Tally = peer.hear()?;
    let cpu_us = machine::cpu_us(hub.id())? - cpu_before;
    let hub_rss_mb = machine::memory_mb(hub.id(), "VmHWM")?;
    hub.finish()?;
    peer.finish()?;
    let fsync_after = machine::fsync_ms_p50(folder.path())?;
    let arrived = tally.messages.saturating_sub(tally.lost) as f64;
    Ok(Figures {
        messages: tally.messages,
        seconds: rounded(tally.seconds),
        per_s: rounded(arrived / tally.seconds.max(SECONDS_MIN)),
        p50_ms: rounded(tally.p50_ms),
        p99_ms: rounded(tally.p99_ms),
        hub_cpu_us_per_message: rounded(cpu_us as f64 / tally.messages.max(1) as f64),
        hub_rss_mb: rounded(hub_rss_mb),
        fsync_ms_p50: rounded(f64::midpoint(fsync_before, fsync_after)),
        lost: tally.lost,
        duplicates: tally.duplicates,
        out_of_order: tally.out_of_order,
    })
}

fn peer_arguments(arguments: RelayArguments) -> Vec<String> {
    let direction = name_of(&arguments.direction);
    let mut words = vec![
        "bench-peer".to_owned(),
        format!("--direction={direction}"),
        format!("--messages={}", arguments.messages),
        format!("--conversations={}", arguments.conversations),
        format!("--connections={}", arguments.connections.max(arguments.conversations)),
    ];
    words.extend(arguments.rate.map(|rate| format!("--rate={rate}")));
    words
}

fn hub_arguments(arguments: RelayArguments, folder: &std::path::Path, sink: &Ready) -> Vec<String> {
    let store = name_of(&arguments.store);
    vec![
        "bench-hub".to_owned(),
        format!("--data={}", folder.display()),
        format!("--sink={}", sink.address),
        format!("--conversations={}", arguments.conversations),
        format!("--store={store}"),
    ]
}

/// A value as the command line calls it.
fn name_of<T: ValueEnum>(value: &T) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Three decimals are more than a run can tell.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn print(figures: &Figures) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} messages in {:.2} s", figures.messages, figures.seconds)?;
    writeln!(out, "  throughput          {:>10.0} /s", figures.per_s)?;
    writeln!(out, "  delay p50 / p99     {:>10.2} / {:.2} ms", figures.p50_ms, figures.p99_ms)?;
    writeln!(out, "  hub CPU a message   {:>10.1} us", figures.hub_cpu_us_per_message)?;
    writeln!(out, "  hub memory, highest {:>10.1} MB", figures.hub_rss_mb)?;
    writeln!(out, "  fsync p50           {:>10.3} ms", figures.fsync_ms_p50)?;
    writeln!(
        out,
        "  lost {}, duplicates {}, out of order {}",
        figures.lost, figures.duplicates, figures.out_of_order
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_above_nothing() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for text in ["0", "-1", "NaN", "inf", "1e9", "", "x"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
