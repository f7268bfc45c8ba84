//! `cargo xtask test`: every step of `steps.rs`, one after another, and one closing line.
//!
//! Knows no step by name. Invariant: a step that ends badly, or that cannot be started, counts as
//! at least one failure, and the steps after it still run.

mod fuzz;
mod steps;
mod tally;
pub(crate) mod toolbox;

use crate::check;
use crate::process::Running;
use crate::torture::{self, TortureArguments};
use crate::tree::Workspace;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;
use steps::{Action, STEPS, Step};
use tally::Tally;

/// The networks' specifications, beside the workspace where they are at hand.
const SHARED: &str = "../shared";
const FIDELITY: &str = "tests/fidelity";
/// Starts the lab so that it never outlives this program.
const LAB: &[&str] = &["lab", "--json", "--until-input-closes"];

/// Prints what could be run.
pub(crate) fn list() {
    for step in STEPS {
        println!("{:<18} {}{}", step.name, step.about, if step.is_long { " (long)" } else { "" });
    }
}

/// Runs the chosen steps, prints the closing line, and tells whether nothing failed.
pub(crate) fn run(place: &Workspace, long: bool, only: Option<&str>) -> Result<bool> {
    let is_chosen = |step: &&Step| match only {
        Some(text) => step.name.contains(text),
        None => long || !step.is_long,
    };
    let chosen: Vec<&Step> = STEPS.iter().filter(is_chosen).collect();
    if chosen.is_empty() {
        bail!("no step of this name; `cargo xtask test --list` prints them");
    }
    let mut total = Tally::default();
    let mut broken = Vec::new();
    for step in chosen {
        println!("step {}: {}", step.name, step.about);
        let tally = run_step(place, step).unwrap_or_else(|failure| {
            println!("step {}: {failure:#}", step.name);
            Tally::one_failed()
        });
        println!("step {}: {tally}", step.name);
        total.add(tally);
        if tally.failed > 0 {
            broken.push(step.name);
        }
    }
    if !broken.is_empty() {
        println!("failed steps: {}", broken.join(", "));
    }
    println!("{total}");
    Ok(total.failed == 0)
}

fn run_step(place: &Workspace, step: &Step) -> Result<Tally> {
    if step.needs_shared && !place.root.join(SHARED).is_dir() {
        println!("skipped: {} needs the specifications at {SHARED}", step.name);
        return Ok(Tally::one_skipped());
    }
    match step.action {
        Action::Check => {
            let (passed, failed) = check::count(place, false)?;
            Ok(Tally { passed, failed, skipped: 0 })
        }
        Action::UnitTests => {
            let runner = steps::unit_test_runner(place);
            counted(Command::new("cargo").args(runner).current_dir(&place.root))
        }
        Action::Cargo(arguments) => {
            counted(Command::new("cargo").args(arguments).current_dir(&place.root))
        }
        Action::Binary(arguments) => {
            counted(Command::new(binary(place)).args(arguments).current_dir(&place.root))
        }
        Action::Torture(kills) => {
            let arguments = TortureArguments::new(kills, binary(place));
            let kept = torture::run(place, &arguments)?;
            Ok(Tally::default().with_exit(kept))
        }
        Action::Fuzz(target) => Ok(fuzz::run(place, target)?.map_or_else(
            || {
                println!("skipped: fuzzing needs `rustup toolchain install nightly`");
                Tally::one_skipped()
            },
            |held| Tally::default().with_exit(held),
        )),
        Action::Script(script) => counted(&mut script_command(place, script)?),
        Action::ScriptOnLab(script) => {
            let (lab, addresses) = start_lab(place)?;
            let tally = counted(script_command(place, script)?.arg(addresses))?;
            drop(lab);
            Ok(tally)
        }
        Action::ScriptWithServer { script, server } => {
            if let Some(server) = server
                && !toolbox::install_system_program(server)?
            {
                println!("skipped: {} needs the program `{server}`", step.name);
                return Ok(Tally::one_skipped());
            }
            let (lab, addresses) = start_lab(place)?;
            let mut command = script_command(place, script)?;
            let tally = counted(command.arg(addresses).arg(binary(place)))?;
            drop(lab);
            Ok(tally)
        }
    }
}

/// Runs `command` and reads from its lines how many tests passed, failed and were skipped.
fn counted(command: &mut Command) -> Result<Tally> {
    let mut tally = Tally::default();
    let ended_well = Running::start(command)?.finish(|line| {
        if let Some(counts) = Tally::read(line) {
            tally.add(counts);
        }
    })?;
    Ok(tally.with_exit(ended_well))
}

/// Starts the lab and waits for the line that tells its addresses.
fn start_lab(place: &Workspace) -> Result<(Running, String)> {
    let mut lab = Running::start_server(Command::new(binary(place)).args(LAB))?;
    while let Some(line) = lab.next_line() {
        if serde_json::from_str::<serde_json::Value>(&line).is_ok_and(|value| value.is_object()) {
            return Ok((lab, line));
        }
        println!("lab: {line}");
    }
    bail!("the lab ended without telling its addresses")
}

fn binary(place: &Workspace) -> PathBuf {
    place.target.join("release").join("ieum")
}

/// A script of `tests/fidelity`, run by the interpreter that its name asks for.
fn script_command(place: &Workspace, script: &str) -> Result<Command> {
    let tools = toolbox::install_scripting(place).context("installing what the scripts need")?;
    let mut command = match script.rsplit_once('.') {
        Some((_, "py")) => Command::new(tools.python),
        _ => Command::new("node"),
    };
    command
        .arg(tools.scripts.join(script))
        .current_dir(&place.root)
        .env("PYTHONUNBUFFERED", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}
