//! `ieum backup`: a file that holds every word of a hub, and beside it a folder with what came with
//! them, made while the hub works on.
//!
//! Not the hub's secret and the key of the folder, unless asked: with them, whoever has the copy
//! could forge what a network sent, and look at the files. Invariant: under its name there is
//! only a copy that was looked through and is on disk.

use super::audit;
use crate::data_folder::SECRET_FILE;
use crate::doors::clock::SystemClock;
use anyhow::{Context, bail, ensure};
use ieum_core::audit::AuditReport;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::store::Store;
use ieum_core::time::Timestamp;
use ieum_store::{
    CopyProgress, MEDIA_ENDING, MEDIA_KEY_FILE, MediaCopied, PartialCopy, SqliteStore, copy_media,
};
use serde_json::json;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;
use tokio::runtime::Runtime;

/// What of a backup's name comes after the time.
pub const BACKUP_ENDING: &str = ".sqlite3";
/// The secret's copy is called like the backup with this behind.
pub const SECRET_ENDING: &str = ".secret";
/// The key of the files is called like the backup with this behind.
pub const MEDIA_KEY_ENDING: &str = ".media.key";
/// Rest between two steps, so that a hub beside keeps the disk.
const REST_MS: u64 = 2;
/// So many steps between two words about how far it is.
const STEPS_PER_WORD: u64 = 1_000;

/// What to copy where.
#[derive(Debug, Clone, clap::Args)]
pub struct BackupArguments {
    /// The data folder of the hub, which may be running.
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
    /// A file, or a folder in which it is named after the time.
    target: PathBuf,
    /// Also copy the hub's secret and the key of its files, to files beside it: keep them as safe
    /// as the data.
    #[arg(long)]
    secret: bool,
    /// Copy the words alone, without pictures and files.
    #[arg(long)]
    without_media: bool,
    /// Replace a file of that name.
    #[arg(long)]
    replace: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command; whether the copy is kept and every promise in it was.
///
/// # Errors
/// When it cannot be copied or the copy is damaged; nothing is kept then.
pub fn main(arguments: &BackupArguments) -> anyhow::Result<bool> {
    let runtime = crate::runtime::build()?;
    let target = file_of(&arguments.target, SystemClock.now())?;
    ensure!(
        arguments.replace || !target.exists(),
        "{} exists; --replace replaces it",
        target.display()
    );
    let secret = arguments.secret.then(|| read_secret(&arguments.data)).transpose()?;
    let copy = PartialCopy::of_directory(&arguments.data, &target, rest(&runtime))
        .with_context(|| format!("cannot copy {} to {}", where_(arguments), target.display()))?;
    let report = look_through(&runtime, copy.file())
        .context("the copy was not kept, because the store may be damaged")?;
    let bytes = fs::metadata(copy.file())?.len();
    copy.keep()?;
    let kept_secret = secret.map(|text| keep_secret(&target, &text)).transpose()?;
    let media = if arguments.without_media { None } else { keep_media(arguments, &target)? };
    let clean = report.as_ref().is_none_or(AuditReport::clean);
    if arguments.json {
        super::say(&serde_json::to_string(&json!({
            "file": target, "bytes": bytes, "secret": kept_secret, "audit": report, "kept": true,
            "media": media.map(media_told),
        }))?)?;
    } else {
        super::say(&format!("{} ({bytes} bytes), looked through", target.display()))?;
        if let Some(MediaCopied { files, bytes, missing, .. }) = media {
            let folder = beside(&target, MEDIA_ENDING);
            let folder = folder.display();
            super::say(&format!("{folder}: {files} files ({bytes} bytes), {missing} missing"))?;
        }
        match (&report, kept_secret) {
            (Some(report), _) if !clean => super::say(audit::as_text(report)?.trim_end())?,
            (_, Some(secret)) => super::say(&format!("{} beside it", secret.display()))?,
            (_, None) => super::say(&format!("without {SECRET_FILE}: keep that elsewhere"))?,
        }
    }
    Ok(clean)
}

fn where_(arguments: &BackupArguments) -> String {
    format!("the store in {}", arguments.data.display())
}

/// Rests between two steps, and tells now and then how far it is.
pub(super) fn rest(runtime: &Runtime) -> impl FnMut(CopyProgress) + '_ {
    let mut steps = 0_u64;
    move |progress| {
        steps += 1;
        if steps.is_multiple_of(STEPS_PER_WORD) {
            let CopyProgress { pages, pages_all } = progress;
            // Nobody to tell is no reason to stop.
            drop(writeln!(std::io::stderr(), "{pages} of {pages_all} pages"));
        }
        runtime.block_on(async { SystemClock.sleep(REST_MS).await });
    }
}

/// The file's own checks and the audit of what is in it; `None` when another version wrote it, so
/// that only the file itself could be checked.
fn look_through(runtime: &Runtime, file: &Path) -> anyhow::Result<Option<AuditReport>> {
    let problems = ieum_store::problems(file)?;
    if let Some(first) = problems.first() {
        bail!("{first}");
    }
    match SqliteStore::inspect(file) {
        Ok(store) => runtime.block_on(async {
            let report = audit::prove(&store).await?;
            store.close().await?;
            Ok(Some(report))
        }),
        Err(ieum_store::OpenFailure::Older { .. }) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// Where the copy goes: into a folder under a name by the time, else to the file itself.
fn file_of(target: &Path, now: Timestamp) -> anyhow::Result<PathBuf> {
    if !target.is_dir() {
        return Ok(target.to_owned());
    }
    let at = OffsetDateTime::from_unix_timestamp(now.0.div_euclid(1_000))?;
    let (date, (hour, minute, second)) = (at.date(), at.to_hms());
    let name = format!("ieum-{date}T{hour:02}{minute:02}{second:02}Z{BACKUP_ENDING}");
    Ok(target.join(name))
}

/// The name of what lies beside a backup.
pub(super) fn beside(backup: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(backup);
    name.push(ending);
    name.into()
}

/// Copies what came with the words, and its key where the secret is copied, too.
fn keep_media(arguments: &BackupArguments, target: &Path) -> anyhow::Result<Option<MediaCopied>> {
    let copied = copy_media(&arguments.data, &beside(target, MEDIA_ENDING))
        .with_context(|| format!("{} is kept, but not the files", target.display()))?;
    if copied.is_some() && arguments.secret {
        let key = fs::read(arguments.data.join(MEDIA_KEY_FILE))?;
        write_secret(&beside(target, MEDIA_KEY_ENDING), &key)?;
    }
    Ok(copied)
}

/// What became of the files, for programs.
pub(super) fn media_told(copied: MediaCopied) -> serde_json::Value {
    let MediaCopied { files, bytes, written, missing } = copied;
    json!({ "files": files, "bytes": bytes, "written": written, "missing": missing })
}

fn read_secret(folder: &Path) -> anyhow::Result<String> {
    let path = folder.join(SECRET_FILE);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("there is no {}: it is in the configuration; keep it there", path.display())
        }
        read => read.with_context(|| path.display().to_string()),
    }
}

fn keep_secret(target: &Path, text: &str) -> anyhow::Result<PathBuf> {
    let path = beside(target, SECRET_ENDING);
    write_secret(&path, text.as_bytes())?;
    Ok(path)
}

/// Writes a secret whole or not at all, for its owner only.
pub(super) fn write_secret(path: &Path, secret: &[u8]) -> anyhow::Result<()> {
    let mut part = OsString::from(path);
    part.push(".part");
    let told = || format!("cannot write {}", path.display());
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&part);
    let mut file = opened.with_context(told)?;
    file.write_all(secret)?;
    file.sync_all()?;
    fs::rename(&part, path).with_context(told)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_gets_a_name_by_the_time_and_a_file_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = Timestamp(1_716_180_245_999);
        let named = file_of(folder.path(), at).unwrap();
        assert_eq!(named, folder.path().join("ieum-2024-05-20T044405Z.sqlite3"));
        assert_eq!(file_of(Path::new("a/b.sqlite3"), at).unwrap(), Path::new("a/b.sqlite3"));
        assert_eq!(beside(Path::new("a/b.c"), SECRET_ENDING), Path::new("a/b.c.secret"));
    }

    #[test]
    fn a_secret_is_written_whole_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.secret");
        for text in ["a-long-secret-of-old", "a-new-one"] {
            write_secret(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    }
}
