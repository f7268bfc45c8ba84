//! Simulation: the whole hub over the memory store, the lab's world called directly, one thread,
//! virtual time, everything that chance decides from one seed.
//!
//! The checkers look only at people's screens and at what was acknowledged. Invariant: the same
//! seed gives the same journal, byte for byte.

mod check;
mod clock;
mod courier;
mod dice;
mod eyes;
mod hazard;
mod ledger;
mod missing;
mod moving_in;
mod network;
mod people;
mod reception;
mod record;
mod report;
mod run;
mod script;
mod store;
mod traffic;

use anyhow::Context;
use clap::Args;
use hazard::Troubles;
use ieum_lab::Scenario;
use report::Report;
use run::{Order, run};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// People in one simulation.
pub const PEOPLE_MAX: usize = 100_000;
/// Days of one simulation.
pub const DAYS_MAX: f64 = 3_660.0;
/// Things that one person says a day when nothing else is asked for.
const PER_DAY: f64 = 4.0;
/// Small and short runs talk more, so that there is something to break.
const MESSAGES_MIN: f64 = 300.0;

/// What `ieum simulate` takes.
#[derive(Debug, Clone, Args)]
pub struct SimulateArguments {
    /// The outage: its id, `all` of them, `turns` for one of all with each seed, `quiet` for none,
    /// or a scenario file.
    #[arg(long, default_value = "all")]
    pub scenario: String,
    /// Plays the outage on another network: what its file says of its own network moves there.
    #[arg(long, value_name = "NETWORK")]
    pub on: Option<String>,
    /// The seeds: `A..B` with both ends, or one number.
    #[arg(long, default_value = "1..1")]
    pub seeds: String,
    /// How many people there are.
    #[arg(long, default_value_t = 24)]
    pub people: usize,
    /// Days of talk; an outage is always seen to its end.
    #[arg(long)]
    pub days: Option<f64>,
    /// Things that one person says a day; 4, or more in small runs, when it is not given.
    #[arg(long)]
    pub per_day: Option<f64>,
    /// No crashes, no ill store, no wrong clock, no lost calls: the networks alone.
    #[arg(long)]
    pub calm: bool,
    /// Writes the journal to a file, one line of JSON for each entry; for one run only.
    #[arg(long)]
    pub journal: Option<PathBuf>,
    /// Prints one line of JSON for each run and nothing else to standard output.
    #[arg(long)]
    pub json: bool,
}

/// Runs simulations; `false` when a promise was broken.
///
/// # Errors
/// When the arguments are off.
pub fn main(arguments: &SimulateArguments) -> anyhow::Result<bool> {
    let orders = orders(arguments)?;
    anyhow::ensure!(
        arguments.journal.is_none() || orders.len() == 1,
        "--journal is for one scenario and one seed"
    );
    let mut kept = true;
    for order in &orders {
        let report = run(order)?;
        print(arguments, &report)?;
        kept &= report.kept();
    }
    Ok(kept)
}

fn print(arguments: &SimulateArguments, report: &Report) -> anyhow::Result<()> {
    let line = if arguments.json { serde_json::to_string(report)? } else { report.line() };
    crate::command::say(&line)?;
    if report.kept() {
        return Ok(());
    }
    let mut out = std::io::stderr().lock();
    writeln!(out, "BROKEN: {} seed {} commit {}", report.scenario, report.seed, commit())?;
    for told in &report.told {
        writeln!(out, "  {told}")?;
    }
    Ok(())
}

/// Every run that is asked for: all scenarios of one seed before the next seed.
fn orders(arguments: &SimulateArguments) -> anyhow::Result<Vec<Order>> {
    let (first, last) = seeds(&arguments.seeds)?;
    let people = arguments.people;
    anyhow::ensure!((2..=PEOPLE_MAX).contains(&people), "--people must be 2 to {PEOPLE_MAX}");
    let days = arguments.days.unwrap_or(0.0);
    anyhow::ensure!((0.0..=DAYS_MAX).contains(&days), "--days must be 0 to {DAYS_MAX}");
    let scenarios = scenarios(&arguments.scenario, arguments.on.as_deref())?;
    let in_turn = arguments.scenario == "turns";
    let each = (first..=last).flat_map(|seed| {
        let chosen =
            (0_u64..).zip(&scenarios).filter(move |(place, _)| !in_turn || turn_of(seed, *place));
        chosen.map(move |(_, scenario)| {
            let quiet_days = if scenario.is_none() && days == 0.0 { 1.0 } else { days };
            Order {
                scenario: scenario.clone(),
                seed,
                people,
                days: quiet_days,
                per_day: per_day(arguments, scenario.as_ref(), quiet_days),
                troubles: Troubles { on: !arguments.calm },
                doubting: true,
                journal: arguments.journal.clone(),
            }
        })
    });
    Ok(each.collect())
}

/// Whether this seed plays the scenario at this place of the list.
fn turn_of(seed: u64, place: u64) -> bool {
    let count = u64::try_from(Scenario::ids().count()).unwrap_or(1);
    seed % count == place
}

fn per_day(arguments: &SimulateArguments, scenario: Option<&Scenario>, days: f64) -> f64 {
    if let Some(per_day) = arguments.per_day.filter(|per_day| *per_day > 0.0) {
        return per_day;
    }
    let outage_days = scenario.map_or(0.0, |one| (f64::from(one.dur_s) + 1_500.0) / 86_400.0);
    let people = f64::from(u32::try_from(arguments.people).unwrap_or(u32::MAX));
    PER_DAY.max(MESSAGES_MIN / (people * days.max(outage_days)))
}

fn scenarios(given: &str, on: Option<&str>) -> anyhow::Result<Vec<Option<Scenario>>> {
    let all = match given {
        "quiet" => return Ok(vec![None]),
        "all" | "turns" => Scenario::ids().map(Scenario::named).collect::<Result<Vec<_>, _>>()?,
        one => vec![crate::scenario::named_or_file(one)?],
    };
    let Some(on) = on else {
        return Ok(all.into_iter().map(Some).collect());
    };
    let network = ieum_lab::Network::named(on)
        .with_context(|| format!("--on {on}: not one of kakaotalk, line, telegram"))?;
    Ok(all.into_iter().map(|one| Some(one.played_on(network))).collect())
}

/// `7` or `1..200`, both ends included.
fn seeds(given: &str) -> anyhow::Result<(u64, u64)> {
    let number = |text: &str| text.trim().parse::<u64>();
    let read = match given.split_once("..") {
        Some((first, last)) => number(first).and_then(|first| Ok((first, number(last)?))),
        None => number(given).map(|one| (one, one)),
    };
    let (first, last) = read.with_context(|| format!("--seeds {given}: not of the form A..B"))?;
    anyhow::ensure!(first <= last, "--seeds {given}: there is none");
    Ok((first, last))
}

/// The commit of the source, where it is at hand; else the version.
fn commit() -> String {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let asked = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let told = asked.ok().filter(|told| told.status.success());
    let commit = told.and_then(|told| String::from_utf8(told.stdout).ok());
    commit.map_or(version, |commit| commit.trim().to_owned())
}

#[cfg(test)]
mod tests;
