//! The commands of the program, one file each; benchmarks and the demonstration stand beside.
//!
//! Invariant: a command that finds something wrong says so by its exit code.

pub mod audit;
pub mod backup;
pub mod check;
pub mod client;
pub mod import;
pub mod incidents;
pub mod lab;
pub mod network;
pub mod person;
pub mod registration;
pub mod restore;
pub mod serve;

use crate::config::{Complaint, Complaints, Config, read_file};
use crate::doors;
use crate::doors::clock::SystemClock;
use crate::doors::entropy::SystemEntropy;
use crate::wiring::{Named, connectors};
use ieum_connectors::doors::Doors;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// The real doors on the machine's own clock.
///
/// # Errors
/// When the system gives no randomness.
pub fn real_doors() -> anyhow::Result<Doors> {
    let entropy = Arc::new(SystemEntropy::new()?);
    Ok(doors::real(Arc::new(SystemClock), entropy))
}

/// Reads the configuration and builds its connectors.
///
/// # Errors
/// All complaints of both, in the order of the file.
pub fn load(path: &Path, doors: &Doors) -> Result<(Config, Vec<Named>), Complaints> {
    let reading = read_file(path);
    let mut complaints = reading.complaints;
    let built = connectors(&reading.config.accounts, doors).unwrap_or_else(|found| {
        complaints.extend(found);
        Vec::new()
    });
    if complaints.is_empty() {
        return Ok((reading.config, built));
    }
    complaints.sort_by_key(|complaint: &Complaint| complaint.line);
    Err(Complaints(complaints))
}

/// Prints one line for the caller of the program.
///
/// # Errors
/// When nobody reads it.
pub fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
