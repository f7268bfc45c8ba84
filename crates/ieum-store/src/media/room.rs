//! The folder of the media room: its key, its files, what a crash left.
//!
//! Runs on the room's thread alone. Invariant: a file gets its name only when it is whole on disk.

use super::Answer;
use super::cipher::RoomKey;
use super::copy;
use super::file::{Reading, Writing};
use super::index::Index;
use ieum_core::media::{Kept, MediaId};
use ieum_core::ports::media::MediaFailure;
use ieum_core::time::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The folder of the data directory that holds the files and their index.
pub const MEDIA_FOLDER: &str = "media";
/// The key of the files, beside the folder: whoever has only the folder can read nothing.
pub const MEDIA_KEY_FILE: &str = "media.key";
pub(super) const INDEX_FILE: &str = "index.sqlite3";
pub(super) const FILES: &str = "files";
const PARTIAL: &str = "partial";

/// Why the media room could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum MediaOpenFailure {
    /// The folder or a file in it cannot be used.
    #[error("cannot use {}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There are files, but no key to read them with.
    #[error("{} is missing beside files that need it: bring it back", .0.display())]
    KeyMissing(PathBuf),
    /// A copy's files were encrypted with another key.
    #[error("the key at hand does not belong to {}: bring the one of that hub", .0.display())]
    KeyOfAnother(PathBuf),
    /// The key file does not hold a key.
    #[error("{} does not hold a key of 32 bytes", .0.display())]
    KeyUnreadable(PathBuf),
    /// The index cannot be used.
    #[error(transparent)]
    Index(#[from] MediaFailure),
    /// The system gives no thread.
    #[error("no thread for the media room")]
    Thread(#[source] std::io::Error),
}

/// Everything of the room.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) index: Index,
    folder: PathBuf,
    key: RoomKey,
    random: SystemRandom,
}

impl Room {
    pub(super) fn open(directory: &Path, new_key: [u8; 32]) -> Result<Self, MediaOpenFailure> {
        copy::finish_restore(directory)?;
        let folder = directory.join(MEDIA_FOLDER);
        let index_file = folder.join(INDEX_FILE);
        let key = key(&directory.join(MEDIA_KEY_FILE), index_file.exists(), new_key)?;
        for inner in [FILES, PARTIAL] {
            make_folder(&folder.join(inner))?;
        }
        let room = Self {
            index: Index::open(&index_file)?,
            folder,
            key: RoomKey::new(&key),
            random: SystemRandom::new(),
        };
        room.forget_partial()?;
        Ok(room)
    }

    /// What was being written when the hub ended is fetched anew.
    fn forget_partial(&self) -> Result<(), MediaOpenFailure> {
        let folder = self.folder.join(PARTIAL);
        let unusable = |source| MediaOpenFailure::Folder { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(unusable)? {
            fs::remove_file(entry.map_err(unusable)?.path()).map_err(unusable)?;
        }
        Ok(())
    }

    /// A new file under a name that nobody looks for.
    pub(super) fn begin(&self) -> Answer<Writing> {
        let (name, salt): ([u8; 16], [u8; 16]) = (self.drawn()?, self.drawn()?);
        let (cipher, head) = self.key.begin(salt)?;
        let path = self.folder.join(PARTIAL).join(format!("{:032x}", u128::from_be_bytes(name)));
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut file = made.map_err(unavailable)?;
        file.write_all(&head).map_err(unavailable)?;
        Ok(Writing::new(file, path, cipher))
    }

    fn drawn(&self) -> Answer<[u8; 16]> {
        let mut bytes = [0; 16];
        let drawn = self.random.fill(&mut bytes);
        drawn.map_err(|_| MediaFailure::Unavailable("no randomness".to_owned()))?;
        Ok(bytes)
    }

    /// Gives a written file its name and its row.
    pub(super) fn keep(
        &mut self,
        writing: Writing,
        id: MediaId,
        kept: Kept,
        at: Timestamp,
    ) -> Answer<Kept> {
        let (partial, hash, bytes) = writing.finish()?;
        let kept = Kept { hash, bytes, ..kept };
        let path = self.path_of(&hash);
        if path.exists() {
            fs::remove_file(&partial).map_err(unavailable)?;
        } else {
            let shelf = path.parent().unwrap_or(&self.folder);
            make_folder(shelf).map_err(|failure| MediaFailure::Unavailable(failure.to_string()))?;
            fs::rename(&partial, &path).map_err(unavailable)?;
            for folder in [shelf, &self.folder.join(FILES)] {
                File::open(folder).and_then(|folder| folder.sync_all()).map_err(unavailable)?;
            }
        }
        self.index.keep(id, &kept, at)?;
        Ok(kept)
    }

    /// A kept file, opened.
    pub(super) fn reading(&self, kept: &Kept) -> Answer<Reading> {
        let path = self.path_of(&kept.hash);
        let file = File::open(&path).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                return MediaFailure::Damaged("a file is gone".to_owned());
            }
            unavailable(error)
        })?;
        Reading::open(file, &self.key, kept.bytes)
    }

    fn path_of(&self, hash: &[u8; 32]) -> PathBuf {
        self.folder.join(file_name(&self.key, hash))
    }

    /// Clears away what nobody used; a file goes with the last row that needs it.
    pub(super) fn collect(&mut self, before: Timestamp) -> Answer<u64> {
        let unused = self.index.collect(before)?;
        self.clear_away(unused)
    }

    /// Takes files away, used or not.
    pub(super) fn forget(&mut self, ids: &[MediaId]) -> Answer<()> {
        let unused = self.index.forget(ids)?;
        self.clear_away(unused).map(drop)
    }

    fn clear_away(&self, unused: Vec<[u8; 32]>) -> Answer<u64> {
        let mut cleared = 0;
        for hash in unused {
            match fs::remove_file(self.path_of(&hash)) {
                Ok(()) => cleared += 1,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        Ok(cleared)
    }
}

/// Where in the room the file with this hash lies.
pub(super) fn file_name(key: &RoomKey, hash: &[u8; 32]) -> PathBuf {
    let name = key.name_of(hash);
    let shelf: String = name.chars().take(2).collect();
    Path::new(FILES).join(shelf).join(name)
}

/// What a failure of the file system means: trying later may help.
#[allow(clippy::needless_pass_by_value, reason = "it is handed to map_err, which passes values")]
pub(super) fn unavailable(error: std::io::Error) -> MediaFailure {
    MediaFailure::Unavailable(error.to_string())
}

pub(super) fn make_folder(path: &Path) -> Result<(), MediaOpenFailure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| MediaOpenFailure::Folder { path: path.into(), source })
}

/// The key that a file holds.
///
/// # Errors
/// When there is no such file or it holds no key.
pub fn read_key(path: &Path) -> Result<[u8; 32], MediaOpenFailure> {
    let unusable = |source| MediaOpenFailure::Folder { path: path.into(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            return MediaOpenFailure::KeyMissing(path.into());
        }
        unusable(error)
    })?;
    file.take(33).read_to_end(&mut bytes).map_err(unusable)?;
    bytes.try_into().map_err(|_| MediaOpenFailure::KeyUnreadable(path.into()))
}

/// The room's key; a new one is written only where there is nothing yet to be read with it.
fn key(path: &Path, needed: bool, new: [u8; 32]) -> Result<[u8; 32], MediaOpenFailure> {
    let unusable = |source| MediaOpenFailure::Folder { path: path.into(), source };
    match read_key(path) {
        Err(MediaOpenFailure::KeyMissing(_)) if !needed => {
            if let Some(folder) = path.parent() {
                make_folder(folder)?;
            }
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            let mut file = made.map_err(unusable)?;
            file.write_all(&new).and_then(|()| file.sync_all()).map_err(unusable)?;
            Ok(new)
        }
        read => read,
    }
}
