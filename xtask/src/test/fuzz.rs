//! Fuzzing: one target of `fuzz/` for a while, from our seeds and from what earlier runs found.
//!
//! Needs a nightly compiler, which the product does not. Invariant: a machine without one skips,
//! and says so.

use super::toolbox;
use crate::process;
use crate::tree::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::process::Command;

const FOLDER: &str = "fuzz";
/// How long one target is tried.
const SECONDS: &str = "-max_total_time=60";

/// Tries one target; tells whether it held, or nothing when there is no nightly compiler.
pub(crate) fn run(place: &Workspace, target: &str) -> Result<Option<bool>> {
    if !process::answers(nightly(place).args(["rustc", "--version"])) {
        return Ok(None);
    }
    if !process::answers(nightly(place).args(["cargo", "fuzz", "--version"])) {
        toolbox::install_cargo_fuzz(place)?;
    }
    let folder = place.root.join(FOLDER);
    let (found, ours) = (folder.join("corpus").join(target), folder.join("seeds").join(target));
    fs::create_dir_all(&found).with_context(|| found.display().to_string())?;
    let mut command = nightly(place);
    command.args(["cargo", "fuzz", "run", "--fuzz-dir"]).arg(&folder);
    command.arg("--target-dir").arg(place.target.join(FOLDER));
    command.arg(target).arg(found).arg(ours).args(["--", SECONDS]);
    process::run(&mut command).map(Some)
}

/// `rustup run nightly`, to be followed by a program.
fn nightly(place: &Workspace) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly"]).current_dir(&place.root);
    if let Some(path) = toolbox::search_path(place) {
        command.env("PATH", path);
    }
    command
}
