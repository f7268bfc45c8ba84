//! The demonstration: a family of six on three messengers, and KakaoTalk breaks.
//!
//! It starts the lab and a hub on free loopback ports with data in a temporary folder, plays a
//! day, and reads the people's screens back. Invariant: every figure comes from a screen or from
//! what a network acknowledged, never from the hub's own word.

mod baseline;
mod cast;
mod chat;
mod day;
mod eyes;
mod play;
mod report;
mod stage;
mod steady;
mod tally;
mod view;

use anyhow::Context;
use clap::Args;
use ieum_lab::Scenario;
use std::path::PathBuf;

/// Fastest clock that the demonstration runs with.
pub const SPEED_MAX: f64 = 600.0;

/// The seed played when none is given: the family's KakaoTalk room is among those that K2 hits.
const SEED_SHOWN: u64 = 3;

/// What `ieum demo` takes.
#[derive(Debug, Clone, Args)]
pub struct DemoArguments {
    /// The outage to replay: its id (K1, K2, ...) or a scenario file.
    #[arg(long, default_value = "K2")]
    pub scenario: String,
    /// Decides everything that chance decides: who is hit, ids, delays.
    #[arg(long, default_value_t = SEED_SHOWN)]
    pub seed: u64,
    /// How many times faster than the wall clock; every figure is in scenario time.
    #[arg(long, default_value_t = 60.0)]
    pub speed: f64,
    /// Plays a real log with lines of the form `[HH:MM] <name> text`.
    #[arg(long)]
    pub chat: Option<PathBuf>,
    /// Takes the words of the messages from a file, one a line.
    #[arg(long)]
    pub text: Option<PathBuf>,
    /// Leaves the hub up afterwards and prints its address.
    #[arg(long)]
    pub keep: bool,
    /// Prints one JSON object and nothing else.
    #[arg(long)]
    pub json: bool,
}

/// Runs the demonstration; `false` when a promise was broken.
///
/// # Errors
/// When the arguments are off or something does not start.
pub fn main(arguments: &DemoArguments) -> anyhow::Result<bool> {
    anyhow::ensure!(
        (1.0..=SPEED_MAX).contains(&arguments.speed),
        "--speed must be between 1 and {SPEED_MAX}"
    );
    crate::runtime::build()?.block_on(run(arguments))
}

async fn run(arguments: &DemoArguments) -> anyhow::Result<bool> {
    let scenario = crate::scenario::named_or_file(&arguments.scenario)?;
    let script = script(arguments, &scenario)?;
    let stage = stage::Stage::set(arguments, &script, eyes::Eyes::of(&scenario)).await?;
    let outage_at = script.outage_at;
    stage.lab.play(&scenario, outage_at);
    let played = {
        let view = view::View::new(arguments, &scenario);
        play::play(&stage, &script, view).await?
    };
    let tally = tally::tally(&stage, &script, &played).await?;
    let baseline = baseline::without(arguments.seed, &script, &scenario)?;
    let failover = stage.first_failover_ms(outage_at).await?;
    let report = report::Report::new(arguments, &scenario, &tally, baseline, failover);
    report.print(arguments.json)?;
    if arguments.keep {
        stage.keep().await;
    }
    stage.strike().await;
    Ok(report.kept_its_promises())
}

fn script(arguments: &DemoArguments, scenario: &Scenario) -> anyhow::Result<day::Script> {
    let mut script = match &arguments.chat {
        Some(file) => {
            let text = std::fs::read(file).with_context(|| file.display().to_string())?;
            let answers = chat::annotation_beside(file);
            chat::script(&String::from_utf8_lossy(&text), answers.as_deref(), scenario)?
        }
        None => day::script(scenario),
    };
    if let Some(file) = &arguments.text {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        script.take_words(&text)?;
    }
    Ok(script)
}
