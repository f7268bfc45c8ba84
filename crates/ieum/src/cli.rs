//! The command line: words to functions, failures to exit codes.
//!
//! Invariant: what a script reads goes to standard output, everything else to standard error.

use crate::bench;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(
    name = "ieum",
    version,
    about = "A hub that keeps people talking when their messenger fails"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure this machine and this build.
    #[command(subcommand)]
    Bench(Bench),
    /// The measured process of a benchmark.
    #[command(hide = true)]
    BenchHub(bench::hub::HubArguments),
    /// The measuring process of a benchmark.
    #[command(hide = true)]
    BenchPeer(bench::peer::PeerArguments),
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Relay messages from LINE to Telegram through a hub of its own.
    Relay(bench::relay::RelayArguments),
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `false` when the command did its work and found something wrong.
fn run(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Bench(Bench::Relay(arguments)) => bench::relay::main(arguments),
        Command::BenchHub(arguments) => bench::hub::main(&arguments).map(|()| true),
        Command::BenchPeer(arguments) => bench::peer::main(arguments).map(|()| true),
    }
}
