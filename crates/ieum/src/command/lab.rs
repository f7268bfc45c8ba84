//! `ieum lab`: the simulated networks on loopback, for trying hubs and bots against them.

use crate::doors::clock::ScaledClock;
use crate::doors::entropy::{SeededEntropy, SystemEntropy};
use crate::stop::StopSignal;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::entropy::Entropy;
use ieum_lab::{Lab, LabOptions, Population};
use std::sync::Arc;

/// How the lab is started.
#[derive(Debug, Clone, clap::Args)]
pub struct LabArguments {
    /// Print one JSON line with all addresses and secrets.
    #[arg(long)]
    json: bool,
    /// How many times faster than the wall clock the lab's time runs.
    #[arg(long, default_value_t = 1.0, value_name = "TIMES")]
    speed: f64,
    /// The same ids, tokens and chances for the same seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Start with nobody but our bots, instead of a family of six.
    #[arg(long)]
    empty: bool,
    /// Port of the simulated KakaoTalk; any free one unless told.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    kakaotalk_port: u16,
    /// Port of the simulated LINE.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    line_port: u16,
    /// Port of the simulated Telegram.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    telegram_port: u16,
    /// Port of the control calls.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    control_port: u16,
    /// Stop when standard input closes, so that the lab ends with the program that started it.
    #[arg(long)]
    until_input_closes: bool,
}

/// Runs the command.
///
/// # Errors
/// When a port is taken.
pub fn main(arguments: &LabArguments) -> anyhow::Result<()> {
    crate::runtime::build()?.block_on(run(arguments))
}

async fn run(arguments: &LabArguments) -> anyhow::Result<()> {
    let stop = StopSignal::new()?;
    let lab = Lab::start(options(arguments)?).await?;
    if arguments.json {
        super::say(&lab.json_line())?;
    } else {
        super::say(&as_text(&lab))?;
    }
    tokio::select! {
        biased;
        () = stop.asked() => {}
        () = input_closed(), if arguments.until_input_closes => {}
    }
    lab.stop().await;
    Ok(())
}

fn options(arguments: &LabArguments) -> anyhow::Result<LabOptions> {
    let entropy: Arc<dyn Entropy> = match arguments.seed {
        Some(seed) => Arc::new(SeededEntropy::new(seed)),
        None => Arc::new(SystemEntropy::new()?),
    };
    let now = crate::doors::clock::SystemClock.now();
    let clock = Arc::new(ScaledClock::new(arguments.speed, now));
    let mut options = LabOptions::new(clock, entropy);
    options.ports = [
        arguments.kakaotalk_port,
        arguments.line_port,
        arguments.telegram_port,
        arguments.control_port,
    ];
    if arguments.empty {
        options.population = Population::Empty;
    }
    Ok(options)
}

/// Completes when nobody can write to our standard input any more.
pub(crate) async fn input_closed() {
    let read = tokio::task::spawn_blocking(|| {
        std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())
    });
    if let Ok(Err(error)) = read.await {
        tracing::warn!(%error, "standard input failed");
    }
}

fn as_text(lab: &Lab) -> String {
    let rows = [
        ("KakaoTalk", "api", &lab.kakaotalk.api),
        ("", "gateway", &lab.kakaotalk.gateway),
        ("", "bot token", &lab.kakaotalk.bot_token),
        ("LINE", "api", &lab.line.api),
        ("", "channel secret", &lab.line.channel_secret),
        ("", "access token", &lab.line.access_token),
        ("Telegram", "api", &lab.telegram.api),
        ("", "bot token", &lab.telegram.bot_token),
        ("Control", "", &lab.control),
    ];
    let row =
        |(network, key, value): (&str, &str, &String)| format!("{network:<10} {key:<15} {value}");
    rows.map(row).join("\n")
}
