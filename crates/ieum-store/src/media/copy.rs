//! Copies of a media room: made while a hub works on it, and put in the place of one that was lost.
//!
//! A kept file never changes, so a copy on the same file system is a second name of it, and
//! elsewhere what an earlier copy beside it has is not copied again. Invariants: under its name
//! there is only a whole copy; a data directory has its room, the new one or the old one, at every
//! moment of a restore, or whoever opens it next carries out what is left.

use super::cipher::RoomKey;
use super::file::Reading;
use super::room::{
    FILES, INDEX_FILE, MEDIA_FOLDER, MEDIA_KEY_FILE, MediaOpenFailure, file_name, make_folder,
    read_key,
};
use ieum_core::ports::media::MediaFailure;
use ring::digest::{Context, SHA256};
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A copy of a media room is called like the backup with this behind.
pub const MEDIA_ENDING: &str = ".media";
/// A copy that is being made.
const PART: &str = ".part";
/// A restore that is decided and not carried out yet.
const RESTORING: &str = ".restoring";
/// What a restore took away; kept until the next one.
const REPLACED: &str = ".replaced";
/// Pages of the index copied in one step.
const STEP_PAGES: i32 = 256;
/// Earlier copies that are looked into for a file.
const EARLIER_MAX: usize = 64;

/// What a copy came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MediaCopied {
    /// Files in it.
    pub files: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// How many were read and written; the others have a second name.
    pub written: u64,
    /// How many the index knows that are not there.
    pub missing: u64,
}

/// A file of the room by its index.
struct Shelved {
    hash: [u8; 32],
    bytes: u64,
}

/// Copies the media room of a data directory to the folder `target`, replacing what is there. The
/// hub may work on. `None` when the directory has no room yet, or nothing ever came into it.
///
/// # Errors
/// When something cannot be read or written, or a file was damaged; `target` is as it was then.
pub fn copy_media(
    directory: &Path,
    target: &Path,
) -> Result<Option<MediaCopied>, MediaOpenFailure> {
    let room = directory.join(MEDIA_FOLDER);
    if !room.join(INDEX_FILE).exists() {
        return Ok(None);
    }
    let key = RoomKey::new(&read_key(&directory.join(MEDIA_KEY_FILE))?);
    let part = beside(target, PART);
    remove(&part)?;
    let copied = fill(&room, &part, &key, &earlier(target))?;
    if is_empty(&part.join(INDEX_FILE))? {
        remove(&part)?;
        return Ok(None);
    }
    remove(target)?;
    rename(&part, target)?;
    Ok(Some(copied))
}

/// Makes a copy ready to be put in place in a data directory, which no hub has open. With this it
/// is decided: [`finish_restore`], or whoever opens the room next, carries it out.
///
/// # Errors
/// When `key` does not belong to the copy, or something cannot be read or written; the directory
/// is as it was then.
pub fn bring_media(
    copy: &Path,
    directory: &Path,
    key: &[u8; 32],
) -> Result<MediaCopied, MediaOpenFailure> {
    let restoring = beside(&directory.join(MEDIA_FOLDER), RESTORING);
    let part = beside(&restoring, PART);
    remove(&part)?;
    let copied = fill(copy, &part, &RoomKey::new(key), &[])?;
    if copied.files == 0 && copied.missing > 0 {
        remove(&part)?;
        return Err(MediaOpenFailure::KeyOfAnother(copy.into()));
    }
    remove(&restoring)?;
    rename(&part, &restoring)?;
    Ok(copied)
}

/// Carries out what is left of a restore. What it replaces is kept beside until the next one.
pub fn finish_restore(directory: &Path) -> Result<(), MediaOpenFailure> {
    let room = directory.join(MEDIA_FOLDER);
    let restoring = beside(&room, RESTORING);
    if !restoring.exists() {
        return Ok(());
    }
    if room.exists() {
        let replaced = beside(&room, REPLACED);
        remove(&replaced)?;
        rename(&room, &replaced)?;
    }
    rename(&restoring, &room)
}

/// Fills a new folder with all of a room. The index comes first: what is kept later is not in it.
fn fill(
    room: &Path,
    to: &Path,
    key: &RoomKey,
    earlier: &[PathBuf],
) -> Result<MediaCopied, MediaOpenFailure> {
    make_folder(&to.join(FILES))?;
    let shelved = copy_index(&room.join(INDEX_FILE), &to.join(INDEX_FILE))?;
    let mut copied = MediaCopied::default();
    let mut folders = BTreeSet::from([to.to_owned(), to.join(FILES)]);
    for one in shelved {
        let name = file_name(key, &one.hash);
        let place = to.join(&name);
        let shelf = place.parent().unwrap_or(to).to_owned();
        make_folder(&shelf)?;
        folders.insert(shelf);
        let from: Vec<PathBuf> = [room]
            .into_iter()
            .chain(earlier.iter().map(PathBuf::as_path))
            .map(|folder| folder.join(&name))
            .collect();
        match shelve(&from, &place, key, &one)? {
            Some((bytes, written)) => {
                copied.files += 1;
                copied.bytes += bytes;
                copied.written += u64::from(written);
            }
            None => copied.missing += 1,
        }
    }
    folders.iter().try_for_each(|folder| sync(folder).map_err(told(folder)))?;
    Ok(copied)
}

/// Puts a file in its place: its bytes on disk, and whether they were written anew. `None` when
/// there is no such file, or it is damaged: the others are not to be lost with it.
fn shelve(
    from: &[PathBuf],
    place: &Path,
    key: &RoomKey,
    shelved: &Shelved,
) -> Result<Option<(u64, bool)>, MediaOpenFailure> {
    let linked = from.iter().any(|path| fs::hard_link(path, place).is_ok());
    if !linked && !from.iter().any(|path| path.exists()) {
        return Ok(None);
    }
    let written = if linked { Ok(()) } else { write_first(from, place) };
    match written {
        // Nobody needed it any more, and it was cleared away meanwhile.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        written => written.map_err(told(place))?,
    }
    let found = Reading::at(place, key, shelved.bytes).and_then(|reading| {
        if !linked {
            proven(&reading, shelved)?;
        }
        Ok(reading.length())
    });
    match found {
        Ok(bytes) => Ok(Some((bytes, !linked))),
        Err(MediaFailure::Damaged(what)) => {
            tracing::warn!(file = %place.display(), what, "a damaged file is not in the copy");
            fs::remove_file(place).map_err(told(place))?;
            Ok(None)
        }
        Err(failure) => Err(failure.into()),
    }
}

fn write_first(from: &[PathBuf], place: &Path) -> std::io::Result<()> {
    let first = from.iter().find(|path| path.exists()).ok_or(ErrorKind::NotFound)?;
    fs::copy(first, place)?;
    sync(place)
}

fn is_empty(index: &Path) -> Result<bool, MediaOpenFailure> {
    let rows = Connection::open(index).and_then(|index| {
        index.query_row("SELECT count(*) FROM media", [], |row| row.get::<_, i64>(0))
    });
    Ok(rows.map_err(failure)? == 0)
}

#[allow(clippy::needless_pass_by_value, reason = "it is handed to map_err, which passes values")]
fn failure(error: rusqlite::Error) -> MediaOpenFailure {
    MediaOpenFailure::Index(MediaFailure::Unavailable(error.to_string()))
}

/// Copies the index as of one moment, and tells the files that it names.
fn copy_index(from: &Path, to: &Path) -> Result<Vec<Shelved>, MediaOpenFailure> {
    let from = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let from = from.map_err(failure)?;
    let mut copy = Connection::open(to).map_err(failure)?;
    Backup::new(&from, &mut copy)
        .and_then(|backup| backup.run_to_completion(STEP_PAGES, Duration::ZERO, None))
        .map_err(failure)?;
    copy.execute_batch("PRAGMA journal_mode = DELETE;").map_err(failure)?;
    let shelved = {
        let mut select = copy
            .prepare("SELECT hash, max(bytes) FROM media WHERE hash IS NOT NULL GROUP BY hash")
            .map_err(failure)?;
        let row = |row: &rusqlite::Row<'_>| {
            let bytes: i64 = row.get(1)?;
            Ok(Shelved { hash: row.get(0)?, bytes: bytes.cast_unsigned() })
        };
        let rows = select.query_map([], row).map_err(failure)?;
        rows.collect::<Result<_, _>>().map_err(failure)?
    };
    copy.close().map_err(|(_, error)| failure(error))?;
    sync(to).map_err(told(to))?;
    Ok(shelved)
}

/// Reads a file that was written anew and compares what is in it with its hash.
fn proven(reading: &Reading, shelved: &Shelved) -> Result<(), MediaFailure> {
    let mut digest = Context::new(&SHA256);
    let mut at = 0;
    while at < shelved.bytes {
        let piece = reading.piece(at)?;
        digest.update(&piece);
        at += piece.len() as u64;
    }
    if digest.finish().as_ref() == shelved.hash {
        return Ok(());
    }
    Err(MediaFailure::Damaged("it is not what was kept".to_owned()))
}

/// Copies that were made before beside this one, the newest names first.
fn earlier(target: &Path) -> Vec<PathBuf> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).into_iter().flatten().flatten();
    let is_copy = |path: &PathBuf| path.to_string_lossy().ends_with(MEDIA_ENDING);
    let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(is_copy).collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    found.truncate(EARLIER_MAX);
    found
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn told(path: &Path) -> impl Fn(std::io::Error) -> MediaOpenFailure {
    let path = path.to_owned();
    move |source| MediaOpenFailure::Folder { path: path.clone(), source }
}

fn remove(folder: &Path) -> Result<(), MediaOpenFailure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(told(folder)(error)),
        _ => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), MediaOpenFailure> {
    fs::rename(from, to).map_err(told(from))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    sync(folder).map_err(told(folder))
}

fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}
