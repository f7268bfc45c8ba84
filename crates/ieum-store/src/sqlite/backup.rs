//! Copies of a data directory's store: made while a hub works on it, looked through, and put in
//! place of a store that was lost.
//!
//! A copy is one file, as of one moment. Invariant: a directory has a whole store at every moment
//! of a restore: the new file becomes the restore by one rename, and whoever opens the directory
//! next carries out what is left of it.

use super::failure::{OpenFailure, failure};
use super::{STORE_FILE, lock, unusable};
use ieum_core::ports::store::StoreFailure;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Pages copied in one step; between two the caller may rest.
const STEP_PAGES: i32 = 256;
/// Problems of a file that are told; more help nobody.
const PROBLEMS_MAX: u32 = 5;
/// A store of up to so many bytes is looked through whenever it is opened.
const CHECKED_BYTES_MAX: u64 = 64 << 20;
/// A copy that is being made.
const PART: &str = ".part";
/// A restore that is decided and not carried out yet.
const RESTORING: &str = ".restoring";
/// What a restore took away; kept until the next one.
const REPLACED: &str = ".replaced";
/// What SQLite keeps beside a file.
const LOG: &str = "-wal";
const INDEX: &str = "-shm";

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// Pages copied.
    pub pages: u64,
    /// Pages in all.
    pub pages_all: u64,
}

/// A copy that is not in its place yet; removed when it goes away before that.
#[derive(Debug)]
pub struct PartialCopy {
    part: PathBuf,
    target: PathBuf,
    /// Keeps hubs from the directory that it is to be put in place in.
    lock: Option<File>,
    kept: bool,
}

impl PartialCopy {
    /// Copies the store of a data directory for `target`, beside it. The hub may work on: what it
    /// writes after the beginning is not in the copy. `rest` is called after each step.
    ///
    /// # Errors
    /// When there is no store, it cannot be read, or the copy cannot be written.
    pub fn of_directory(
        directory: &Path,
        target: &Path,
        rest: impl FnMut(CopyProgress),
    ) -> Result<Self, OpenFailure> {
        let from = directory.join(STORE_FILE);
        let connection = open_read_only(&from, "")?;
        // One snapshot for all steps; otherwise each write of the hub would begin the copy anew.
        connection
            .execute_batch("PRAGMA query_only = ON; BEGIN; SELECT count(*) FROM sqlite_schema;")
            .map_err(failure)?;
        Self::copy(&connection, target, None, rest)
    }

    /// Copies a copy into a data directory, to be put in place there; no hub can open the
    /// directory until that is done or given up.
    ///
    /// # Errors
    /// When it is no copy, a hub has the directory open, or one of both cannot be read or written.
    pub fn for_directory(
        file: &Path,
        directory: &Path,
        rest: impl FnMut(CopyProgress),
    ) -> Result<Self, OpenFailure> {
        if fs::metadata(beside(file, LOG)).is_ok_and(|log| log.len() > 0) {
            return Err(OpenFailure::Torn);
        }
        let lock = lock(directory)?;
        let connection = open_read_only(file, "immutable=1")?;
        Self::copy(&connection, &directory.join(STORE_FILE), Some(lock), rest)
    }

    fn copy(
        from: &Connection,
        target: &Path,
        lock: Option<File>,
        mut rest: impl FnMut(CopyProgress),
    ) -> Result<Self, OpenFailure> {
        let part = beside(target, PART);
        let copy = Self { part, target: target.to_owned(), lock, kept: false };
        remove(&copy.part)?;
        let mut to = Connection::open(&copy.part).map_err(failure)?;
        only_for_owner(&copy.part)?;
        // A copy that is torn by a crash is never taken for one; it is made durable at its end.
        to.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
            .map_err(failure)?;
        copy_pages(from, &mut to, &mut rest)?;
        to.execute_batch("PRAGMA journal_mode = DELETE;").map_err(failure)?;
        to.close().map_err(|(_, error)| failure(error))?;
        Ok(copy)
    }

    /// The file as it is now, to be looked through.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.part
    }

    /// Makes it durable under its name, replacing what is there.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(mut self) -> Result<(), OpenFailure> {
        sync(&self.part)?;
        rename(&self.part, &self.target)?;
        self.kept = true;
        sync_folder_of(&self.target)
    }

    /// Makes it the store of its directory. What was there is kept beside it until the next time.
    ///
    /// # Errors
    /// When the disk refuses. Whatever happens, the directory has the old store or the new one.
    pub fn put_in_place(mut self) -> Result<(), OpenFailure> {
        debug_assert!(self.lock.is_some(), "no hub is kept from {}", self.target.display());
        let directory = folder_of(&self.target).to_owned();
        sync(&self.part)?;
        // The log of what an earlier restore replaced does not belong to what this one replaces.
        remove(&beside(&beside(&self.target, REPLACED), LOG))?;
        rename(&self.part, &beside(&self.target, RESTORING))?;
        self.kept = true;
        sync_folder_of(&self.target)?;
        finish_restore(&directory)
    }
}

impl Drop for PartialCopy {
    fn drop(&mut self) {
        if !self.kept {
            // What is left over is overwritten by the next copy.
            drop(remove(&self.part));
        }
    }
}

/// Carries out what is left of a restore; the directory is locked. A crash between any two steps
/// leaves a directory that this carries on with.
pub(super) fn finish_restore(directory: &Path) -> Result<(), OpenFailure> {
    let store = directory.join(STORE_FILE);
    let restoring = beside(&store, RESTORING);
    if !restoring.exists() {
        return Ok(());
    }
    // The old log belongs to the old file: beside the new one it would be played into it.
    let log = beside(&store, LOG);
    let replaced = beside(&store, REPLACED);
    if log.exists() {
        rename(&log, &beside(&replaced, LOG))?;
    }
    remove(&beside(&store, INDEX))?;
    if store.exists() {
        rename(&store, &replaced)?;
    }
    rename(&restoring, &store)?;
    sync_folder_of(&store)
}

/// Everything that is wrong with a store's file by SQLite's own word; empty when it is whole.
///
/// # Errors
/// When it cannot be read at all.
pub fn problems(file: &Path) -> Result<Vec<String>, OpenFailure> {
    let connection = open_read_only(file, "immutable=1")?;
    problems_of(&connection, "integrity_check")
}

fn problems_of(connection: &Connection, check: &str) -> Result<Vec<String>, OpenFailure> {
    let found = connection
        .prepare(&format!("PRAGMA {check}({PROBLEMS_MAX})"))
        .and_then(|mut check| {
            let rows = check.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        })
        .map_err(failure)?;
    // The check's answers are of one or several lines.
    let lines = found.iter().flat_map(|found| found.lines());
    Ok(lines.filter(|line| *line != "ok").map(str::to_owned).collect())
}

/// Looks through a store that is small enough for that: damage is better found now than when the
/// page is needed. A larger one is looked through with each backup.
pub(super) fn check_if_small(connection: &Connection, file: &Path) -> Result<(), OpenFailure> {
    let bytes = fs::metadata(file).map_err(|source| unusable(file, source))?.len();
    if bytes > CHECKED_BYTES_MAX {
        return Ok(());
    }
    match problems_of(connection, "quick_check")?.into_iter().next() {
        Some(first) => Err(StoreFailure::Damaged(first).into()),
        None => Ok(()),
    }
}

/// Opens a file only to read it. `setting` is one of SQLite's for names.
pub(super) fn open_read_only(file: &Path, setting: &str) -> Result<Connection, OpenFailure> {
    File::open(file).map_err(|source| unusable(file, source))?;
    let path = fs::canonicalize(file).map_err(|source| unusable(file, source))?;
    let Some(path) = path.to_str() else {
        return Err(unusable(file, Error::new(ErrorKind::InvalidInput, "a name beyond UTF-8")));
    };
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{path}?{setting}"), flags);
    connection.map_err(failure).map_err(OpenFailure::from)
}

fn copy_pages(
    from: &Connection,
    to: &mut Connection,
    rest: &mut impl FnMut(CopyProgress),
) -> Result<(), OpenFailure> {
    let backup = Backup::new(from, to).map_err(failure)?;
    loop {
        let step = backup.step(STEP_PAGES).map_err(failure)?;
        let at = backup.progress();
        let pages = |count: i32| u64::try_from(count).unwrap_or_default();
        rest(CopyProgress {
            pages: pages(at.pagecount.saturating_sub(at.remaining)),
            pages_all: pages(at.pagecount),
        });
        if matches!(step, StepResult::Done) {
            return Ok(());
        }
    }
}

/// The name of what belongs to a file.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    name.into()
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn only_for_owner(file: &Path) -> Result<(), OpenFailure> {
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(file, mode).map_err(|source| unusable(file, source))
}

fn rename(from: &Path, to: &Path) -> Result<(), OpenFailure> {
    fs::rename(from, to).map_err(|source| unusable(from, source))
}

fn remove(file: &Path) -> Result<(), OpenFailure> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(unusable(file, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn sync(file: &Path) -> Result<(), OpenFailure> {
    let synced = File::open(file).and_then(|file| file.sync_all());
    synced.map_err(|source| unusable(file, source))
}

fn sync_folder_of(file: &Path) -> Result<(), OpenFailure> {
    sync(folder_of(file))
}
