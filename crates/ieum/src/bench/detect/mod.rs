//! `ieum bench detect`: how soon outages are found, and how often for nothing, by our detector and
//! by the usual ones.
//!
//! Simulated time, one thread for each processor; no hub, no network. Settings are chosen on
//! training seeds and plain noise, and judged on seeds and noise that the choice never saw.
//! Invariant: the same arguments give the same figures.

mod baseline;
mod chance;
mod course;
mod judge;
mod noise;
mod play;
mod plot;
mod recorded;
mod report;
mod run;
mod score;
mod world;

use anyhow::Context;
use ieum_lab::Scenario;
use noise::Noise;
use report::Report;
use std::path::PathBuf;

/// The scenarios that are played when none is named.
const MINIMUM: [&str; 17] = [
    "K1", "K2", "K3", "K4", "K6", "K7", "K8", "K12A", "K12B", "F1", "L1", "L2", "L3", "L5", "W1",
    "S1", "G1",
];
/// Not in the minimum set, but another shape.
const ALSO: [&str; 1] = ["W2"];

/// What is to be measured.
#[derive(Debug, Clone, clap::Args)]
pub struct DetectArguments {
    /// Only these scenarios: ids, or files in the lab's form. Again for more.
    #[arg(long, value_name = "ID|FILE")]
    scenario: Vec<String>,
    /// Judge on this noise as well: a model, or a recorded series (.csv). Again for more.
    #[arg(long, value_name = "FILE")]
    noise: Vec<PathBuf>,
    /// Held-out seeds of each scenario and traffic level.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Days of each noise model at half a send a second; a tenth of them at ten a second.
    #[arg(long, default_value_t = 30)]
    days: u64,
    /// Only this traffic, in sends a second. Again for more.
    #[arg(long, value_name = "PER_SECOND")]
    traffic: Vec<f64>,
    /// Write the curves as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// A whole benchmark, ready to run.
#[derive(Debug)]
struct Plan {
    scenarios: Vec<Scenario>,
    absent: Vec<String>,
    noises: Vec<Noise>,
    traffic: Vec<f64>,
    seeds: u64,
    /// Of each noise, at most one send a second.
    hours: u64,
}

/// Measures.
///
/// # Errors
/// When a scenario or noise file cannot be read, or the plot not written.
pub fn main(arguments: &DetectArguments) -> anyhow::Result<bool> {
    let plan = Plan::of(arguments)?;
    let report = Report::of(&plan, &run::run(&plan));
    if let Some(path) = &arguments.plot {
        std::fs::write(path, plot::svg(&report))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if arguments.json {
        super::peer::say(&report)?;
    } else {
        crate::command::say(&report.text())?;
    }
    Ok(true)
}

impl Plan {
    fn of(arguments: &DetectArguments) -> anyhow::Result<Self> {
        let mut absent = Vec::new();
        let mut scenarios = Vec::new();
        for name in &arguments.scenario {
            scenarios.push(scenario(name)?);
        }
        if arguments.scenario.is_empty() {
            for id in MINIMUM.into_iter().chain(ALSO) {
                match Scenario::named(id) {
                    Ok(scenario) => scenarios.push(scenario),
                    Err(_) => absent.push(id.to_owned()),
                }
            }
            scenarios.extend(Scenario::named("K1").ok().map(|k1| ramped(&k1, 300)));
        }
        let mut noises = Noise::built_in();
        for path in &arguments.noise {
            noises.push(Noise::read(path)?);
        }
        let usual = vec![10.0, 0.5, 0.01];
        let traffic = if arguments.traffic.is_empty() { usual } else { arguments.traffic.clone() };
        if !traffic.iter().all(|rate| (0.000_1..=1_000.0).contains(rate)) {
            anyhow::bail!("traffic is between 0.0001 and 1000 sends a second");
        }
        let (seeds, hours) = (arguments.seeds.max(1), arguments.days.max(1) * 24);
        Ok(Self { scenarios, absent, noises, traffic, seeds, hours })
    }
}

/// A scenario by its id, or from a file.
fn scenario(name: &str) -> anyhow::Result<Scenario> {
    if let Ok(scenario) = Scenario::named(name) {
        return Ok(scenario);
    }
    let text = std::fs::read_to_string(name)
        .with_context(|| format!("{name} is neither a scenario's id nor a file"))?;
    Scenario::parse(&text).map_err(|error| anyhow::anyhow!("{name}: {error}"))
}

/// The same outage, growing over `ramp_s`.
fn ramped(scenario: &Scenario, ramp_s: u32) -> Scenario {
    let id = format!("{}/ramp {ramp_s} s", scenario.id);
    Scenario { id, ramp_s, ..scenario.clone() }
}

#[cfg(test)]
mod tests;
