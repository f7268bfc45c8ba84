//! `cargo xtask check`: formatting, lints, tidy, documentation, and licences on demand.
//!
//! Runs no test. Invariant: every check runs even when an earlier one failed, so that one run
//! tells all that is wrong.

use crate::process;
use crate::test::toolbox;
use crate::tidy;
use crate::tree::Workspace;
use anyhow::Result;
use std::process::Command;

/// One cargo command that must end well.
struct Check {
    name: &'static str,
    arguments: &'static [&'static str],
}

const CHECKS: &[Check] = &[
    Check { name: "formatting", arguments: &["fmt", "--all", "--check"] },
    Check {
        name: "lints",
        arguments: &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
    },
    Check {
        name: "documentation",
        arguments: &["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"],
    },
];

/// Advisories need a database from outside: `cargo deny check advisories` where it can be had.
const DENY: Check = Check {
    name: "licences and bans",
    arguments: &["deny", "check", "licenses", "bans", "sources"],
};

/// Runs all checks and tells whether all of them passed.
pub(crate) fn run(place: &Workspace, deny: bool) -> Result<bool> {
    let (passed, failed) = count(place, deny)?;
    println!("check: {passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// Runs all checks and counts those that passed and those that failed.
pub(crate) fn count(place: &Workspace, deny: bool) -> Result<(u64, u64)> {
    let mut results = vec![tidy::run(place)?];
    for check in CHECKS {
        results.push(run_one(place, check)?);
    }
    if deny {
        toolbox::install_cargo_deny(place)?;
    }
    if process::answers(cargo(place).args(["deny", "--version"])) {
        results.push(run_one(place, &DENY)?);
    } else {
        println!("check: {}: cargo-deny is not installed, left out", DENY.name);
    }
    let passed = results.iter().filter(|ended_well| **ended_well).count();
    Ok((u64::try_from(passed)?, u64::try_from(results.len() - passed)?))
}

fn run_one(place: &Workspace, check: &Check) -> Result<bool> {
    println!("check: {}", check.name);
    process::run(cargo(place).args(check.arguments).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Cargo in the workspace's root, with the tools of this workspace before all others.
fn cargo(place: &Workspace) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(&place.root);
    if let Some(path) = toolbox::search_path(place) {
        command.env("PATH", path);
    }
    command
}
