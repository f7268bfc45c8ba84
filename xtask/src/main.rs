//! Development tasks, started as `cargo xtask NAME`.
//!
//! Nothing of the product lives here, and no crate of the product may depend on this one. Each
//! task prints what it found and ends with a non-zero code when anything is wrong.
#![allow(clippy::print_stdout, reason = "a development task talks on its standard output")]

mod check;
mod process;
mod test;
mod tidy;
mod torture;
mod tree;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Development tasks of this workspace")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Compare the sources with the rules of the house; fast, needs no network
    Tidy,
    /// Formatting, lints, tidy and documentation
    Check {
        /// Also check licences and banned crates, installing cargo-deny when it is missing
        #[arg(long)]
        deny: bool,
    },
    /// Everything: check, unit tests, and clients that are not ours against the lab
    Test {
        /// Also the steps that take minutes
        #[arg(long)]
        long: bool,
        /// Only the steps whose name contains this text
        #[arg(long, value_name = "NAME")]
        only: Option<String>,
        /// Print the names of the steps and stop
        #[arg(long)]
        list: bool,
    },
    /// Kill a real hub under load again and again, and look for what it lost
    Torture(torture::TortureArguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            println!("xtask: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one task and tells whether all was well.
fn run(task: Task) -> anyhow::Result<bool> {
    let place = tree::Workspace::locate()?;
    match task {
        Task::Tidy => tidy::run(&place),
        Task::Check { deny } => check::run(&place, deny),
        Task::Test { list: true, .. } => {
            test::list();
            Ok(true)
        }
        Task::Test { long, only, .. } => test::run(&place, long, only.as_deref()),
        Task::Torture(arguments) => torture::run(&place, &arguments),
    }
}
