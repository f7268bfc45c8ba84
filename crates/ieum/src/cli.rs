//! The command line: words to functions, failures to exit codes.
//!
//! Invariant: what a script reads goes to standard output, everything else to standard error.

use crate::bench;
use crate::command::{
    audit, backup, check, client, import, incidents, lab, network, person, restore, serve,
};
use crate::demo;
use crate::logs::{self, LogArguments};
use crate::simulate;
use clap::{Parser, Subcommand};
use std::io::Write;
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
    #[command(flatten)]
    logs: LogArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch a family keep talking while KakaoTalk fails.
    Demo(demo::DemoArguments),
    /// Run a hub.
    Serve(serve::ServeArguments),
    /// Tell all that is wrong with a configuration, and who each network says we are.
    Check(check::CheckArguments),
    /// Ask a running hub how it stands.
    Status(client::StatusArguments),
    /// Say something through a running hub.
    Send(client::SendArguments),
    /// Bring an export of KakaoTalk, LINE or Telegram into a conversation's past.
    Import(import::ImportArguments),
    /// Ask a running hub what was wrong, how it knew, and what it did.
    Incidents(incidents::IncidentsArguments),
    /// Tell a running hub how a network is, whatever it sees itself.
    #[command(subcommand)]
    Network(network::NetworkCommand),
    /// Take out what a running hub holds of a person, or let them leave for good.
    #[command(subcommand)]
    Person(person::PersonCommand),
    /// Replay the journal of a data folder or of a backup and prove the promises.
    Audit(audit::AuditArguments),
    /// Copy the data of a hub, which may be running, and prove that the copy is good.
    Backup(backup::BackupArguments),
    /// Put a backup in the place of data that was lost.
    Restore(restore::RestoreArguments),
    /// Start the simulated networks.
    Lab(lab::LabArguments),
    /// Play outages, crashes and months in seconds, and check what people saw.
    Simulate(simulate::SimulateArguments),
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
    /// Measure a hub that does nothing, with many conversations.
    Idle(bench::rest::IdleArguments),
    /// Measure how soon a hub is ready over a large store.
    Start(bench::rest::StartArguments),
    /// Measure the inbox of somebody with much to read, and what open pages cost.
    Pages(bench::pages::PagesArguments),
    /// Measure how soon outages are found, and how often for nothing.
    Detect(bench::detect::DetectArguments),
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let level = match arguments.command {
        Command::Serve(_) => "info",
        Command::Demo(_) | Command::Simulate(_) => "off",
        Command::Check(_)
        | Command::Status(_)
        | Command::Send(_)
        | Command::Import(_)
        | Command::Incidents(_)
        | Command::Network(_)
        | Command::Person(_)
        | Command::Audit(_)
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Lab(_)
        | Command::Bench(_)
        | Command::BenchHub(_)
        | Command::BenchPeer(_) => "warn",
    };
    let done = logs::start(&arguments.logs, level).and_then(|()| run(&arguments.command));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing is left to tell a failure to tell.
            drop(writeln!(std::io::stderr(), "ieum: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// `false` when the command did its work and found something wrong.
fn run(command: &Command) -> anyhow::Result<bool> {
    match command {
        Command::Demo(arguments) => demo::main(arguments),
        Command::Serve(arguments) => serve::main(arguments).map(|()| true),
        Command::Check(arguments) => check::main(arguments),
        Command::Status(arguments) => client::status(arguments),
        Command::Send(arguments) => client::send(arguments),
        Command::Import(arguments) => import::main(arguments),
        Command::Incidents(arguments) => incidents::main(arguments),
        Command::Network(command) => network::main(command),
        Command::Person(command) => person::main(command),
        Command::Audit(arguments) => audit::main(arguments),
        Command::Backup(arguments) => backup::main(arguments),
        Command::Restore(arguments) => restore::main(arguments),
        Command::Lab(arguments) => lab::main(arguments).map(|()| true),
        Command::Simulate(arguments) => simulate::main(arguments),
        Command::Bench(Bench::Relay(arguments)) => bench::relay::main(*arguments),
        Command::Bench(Bench::Idle(arguments)) => bench::rest::idle(*arguments),
        Command::Bench(Bench::Start(arguments)) => bench::rest::start(arguments),
        Command::Bench(Bench::Pages(arguments)) => bench::pages::main(*arguments),
        Command::Bench(Bench::Detect(arguments)) => bench::detect::main(arguments),
        Command::BenchHub(arguments) => bench::hub::main(arguments).map(|()| true),
        Command::BenchPeer(arguments) => bench::peer::main(*arguments).map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
