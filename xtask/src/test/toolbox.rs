//! Programs that tests need and that are not ours, installed below cargo's target folder.
//!
//! Uses the ordinary clients of the package registries with pinned versions. Invariant: when the
//! pins have not changed since the last install, nothing is asked of any registry.

use super::FIDELITY;
use crate::process;
use crate::tree::Workspace;
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDER: &str = "test-tools";
const CARGO_DENY_VERSION: &str = "0.20.2";
const CARGO_FUZZ_VERSION: &str = "0.13.2";
/// Written last, with the pins that were installed.
const STAMP: &str = "installed.txt";

/// Where the scripts and what they need are.
#[derive(Debug)]
pub(crate) struct Scripting {
    /// The interpreter of the virtual environment.
    pub(crate) python: PathBuf,
    /// A copy of `tests/fidelity` beside the npm packages, where Node looks for them.
    pub(crate) scripts: PathBuf,
}

/// Installs the Python and npm packages that the scripts of `tests/fidelity` use.
pub(crate) fn install_scripting(place: &Workspace) -> Result<Scripting> {
    let ours = place.root.join(FIDELITY);
    let environment = place.target.join(FOLDER).join("python");
    let scripts = place.target.join(FOLDER).join("scripts");
    let python = environment.join("bin").join("python");
    once(&environment, &[ours.join("requirements.txt")], || {
        must(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        // The pins are complete: what a package asks for beyond them is for parts we do not use.
        let install = ["-m", "pip", "install", "-q", "--no-deps", "-r"];
        must(Command::new(&python).args(install).arg(ours.join("requirements.txt")))
    })?;
    let pins = ["package.json", "package-lock.json"].map(|name| ours.join(name));
    once(&scripts, &pins, || {
        copy_files(&ours, &scripts)?;
        let quiet = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
        must(Command::new("npm").args(quiet).current_dir(&scripts))
    })?;
    copy_files(&ours, &scripts)?;
    Ok(Scripting { python, scripts })
}

/// Installs cargo-deny, unless the pinned version is there; compiling it takes minutes.
pub(crate) fn install_cargo_deny(place: &Workspace) -> Result<()> {
    install_cargo_program(place, "cargo-deny", CARGO_DENY_VERSION)
}

/// Installs cargo-fuzz, unless the pinned version is there.
pub(crate) fn install_cargo_fuzz(place: &Workspace) -> Result<()> {
    install_cargo_program(place, "cargo-fuzz", CARGO_FUZZ_VERSION)
}

/// Installs a program of the system's packages, unless it is there. False where that cannot be
/// done: on another system, or without the right to.
pub(crate) fn install_system_program(name: &str) -> Result<bool> {
    let is_there = || process::answers(Command::new("sh").args(["-c", "command -v \"$0\"", name]));
    if is_there() {
        return Ok(true);
    }
    let package = if name == "dovecot" { "dovecot-imapd" } else { name };
    let install = ["install", "--yes", "--quiet", "--no-install-recommends", package];
    let mut command = Command::new("apt-get");
    command.args(install).env("DEBIAN_FRONTEND", "noninteractive");
    Ok(process::answers(&mut command) && is_there())
}

/// The library that shows a program another time than the machine's, out of Debian's package;
/// nothing is installed. None where that cannot be had.
pub(crate) fn unpack_faketime(place: &Workspace) -> Result<Option<PathBuf>> {
    const LIBRARY: &str = "libfaketimeMT.so.1";
    let folder = place.target.join(FOLDER).join("faketime");
    let find = || -> Result<Option<PathBuf>> {
        let mut found = Command::new("find");
        let found = found.arg(&folder).args(["-name", LIBRARY]).output()?;
        let found = String::from_utf8_lossy(&found.stdout);
        Ok(found.lines().next().map(PathBuf::from))
    };
    fs::create_dir_all(&folder)?;
    if let Some(library) = find()? {
        return Ok(Some(library));
    }
    let unpack = "apt-get download libfaketime && dpkg -x libfaketime_*.deb .";
    if !process::answers(Command::new("sh").args(["-c", unpack]).current_dir(&folder)) {
        return Ok(None);
    }
    find()
}

fn install_cargo_program(place: &Workspace, name: &str, version: &str) -> Result<()> {
    let root = place.target.join(FOLDER).join("cargo");
    let arguments = ["install", name, "--locked", "--version", version];
    must(Command::new("cargo").args(arguments).arg("--root").arg(root))
}

/// The search path for programs, with those installed here before all others.
#[allow(clippy::disallowed_methods, reason = "a task must hand on the search path it was given")]
pub(crate) fn search_path(place: &Workspace) -> Option<OsString> {
    let before = std::env::var_os("PATH")?;
    let ours = place.target.join(FOLDER).join("cargo").join("bin");
    std::env::join_paths(std::iter::once(ours).chain(std::env::split_paths(&before))).ok()
}

/// Runs `install` unless `folder` was installed from exactly these pins before.
fn once(folder: &Path, pins: &[PathBuf], install: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut wanted = String::new();
    for pin in pins {
        wanted += &fs::read_to_string(pin).with_context(|| pin.display().to_string())?;
    }
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())
}

fn must(command: &mut Command) -> Result<()> {
    if process::run(command)? {
        return Ok(());
    }
    bail!("{} {:?} failed", command.get_program().display(), command.get_args())
}

/// Copies the files of a folder, without its subfolders.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
