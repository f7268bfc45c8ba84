//! `ieum person export | delete`: what the hub holds of somebody, on the operator's word.
//!
//! Invariant: a file that was begun and not finished does not stay under its name.

use super::client::{Caller, HubAddress};
use anyhow::{Context, bail};
use clap::Subcommand;
use http::Method;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The two forms of an export, by the end of the path and of the file's name.
const FORMS: [(&str, &str); 2] = [("export", "jsonl"), ("export.html", "html")];

/// What to do with what the hub holds of somebody.
#[derive(Debug, Clone, Subcommand)]
pub enum PersonCommand {
    /// Write everything that the hub holds of a person to two files: lines of JSON, and a page to
    /// be read. That you looked is journaled.
    Export {
        /// Whose.
        #[command(flatten)]
        who: Who,
        /// The folder for the files; it must be there.
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        out: PathBuf,
    },
    /// Let a person leave for good: what waits for them ends, their texts are taken away. This
    /// cannot be undone.
    Delete {
        /// Who.
        #[command(flatten)]
        who: Who,
        /// That you mean it: the number of the person once more.
        #[arg(long, value_name = "NUMBER")]
        confirm: u64,
    },
}

/// Which person of which hub.
#[derive(Debug, Clone, clap::Args)]
pub struct Who {
    #[command(flatten)]
    hub: HubAddress,
    /// The person's number.
    person: u64,
}

/// Runs `ieum person`.
///
/// # Errors
/// When the hub refuses it or does not answer, or a file cannot be written.
pub fn main(command: &PersonCommand) -> anyhow::Result<bool> {
    let runtime = crate::runtime::build()?;
    match command {
        PersonCommand::Export { who, out } => {
            let caller = Caller::new(&who.hub)?;
            for (end, suffix) in FORMS {
                let path = format!("/v1/people/{}/{end}", who.person);
                let bytes = runtime.block_on(caller.get_large(&path))?;
                let file = out.join(format!("person-{}.{suffix}", who.person));
                write_new(&file, &bytes)?;
                super::say(&format!("{} ({} bytes)", file.display(), bytes.len()))?;
            }
        }
        PersonCommand::Delete { who, confirm } => {
            if *confirm != who.person {
                bail!("--confirm names another person than {}", who.person);
            }
            let caller = Caller::new(&who.hub)?;
            let path = format!("/v1/people/{}", who.person);
            runtime.block_on(caller.set(Method::DELETE, &path, &json!({})))?;
            super::say("left; their texts are being taken away")?;
        }
    }
    Ok(true)
}

/// Writes a file that only its owner can read; one that is there stays.
fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = made.with_context(|| format!("cannot make {}", path.display()))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        std::fs::remove_file(path).ok();
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_export_is_for_its_owner_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("person-1.jsonl");
        write_new(&file, b"{}\n").unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        write_new(&file, b"other").unwrap_err();
        assert_eq!(std::fs::read(&file).unwrap(), b"{}\n");
    }
}
