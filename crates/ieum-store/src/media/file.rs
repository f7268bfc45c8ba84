//! One file being written, one file being read.
//!
//! Both hold a chunk at a time, whatever the file's size. Invariants: a file that was begun and not
//! kept leaves nothing behind; the last chunk, and only it, is marked as the last.

use super::cipher::{CHUNK_BYTES, FileCipher, HEAD_BYTES, RoomKey, TAG_BYTES};
use super::room::unavailable;
use super::{Answer, Desk};
use bytes::Bytes;
use ieum_core::media::{Kept, MediaId};
use ieum_core::ports::media::{MediaAnswer, MediaFailure, MediaFile, MediaSink};
use ieum_core::time::Timestamp;
use ring::digest::{Context, SHA256};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Removes an unfinished file.
#[derive(Debug)]
struct Partial(Option<PathBuf>);

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(%error, "an unfinished file stays until the next start");
        }
    }
}

/// A file being written.
pub(super) struct Writing {
    file: File,
    partial: Partial,
    cipher: FileCipher,
    digest: Context,
    waiting: Vec<u8>,
    chunks: u64,
    bytes: u64,
}

impl Writing {
    pub(super) fn new(file: File, path: PathBuf, cipher: FileCipher) -> Self {
        Self {
            file,
            partial: Partial(Some(path)),
            cipher,
            digest: Context::new(&SHA256),
            waiting: Vec::with_capacity(CHUNK_BYTES + TAG_BYTES),
            chunks: 0,
            bytes: 0,
        }
    }

    fn add(&mut self, mut piece: Bytes) -> Answer<()> {
        self.digest.update(&piece);
        self.bytes += piece.len() as u64;
        while !piece.is_empty() {
            // A full chunk waits until it is known not to be the last.
            if self.waiting.len() == CHUNK_BYTES {
                self.write_chunk(false)?;
            }
            let room = CHUNK_BYTES - self.waiting.len();
            self.waiting.extend_from_slice(&piece.split_to(room.min(piece.len())));
        }
        Ok(())
    }

    fn write_chunk(&mut self, last: bool) -> Answer<()> {
        self.cipher.seal(self.chunks, last, &mut self.waiting)?;
        self.file.write_all(&self.waiting).map_err(unavailable)?;
        self.waiting.clear();
        self.chunks += 1;
        Ok(())
    }

    /// Writes what waits; the file is whole on disk then. Its path, hash and size.
    pub(super) fn finish(mut self) -> Answer<(PathBuf, [u8; 32], u64)> {
        self.write_chunk(true)?;
        self.file.sync_all().map_err(unavailable)?;
        let digest = self.digest.finish();
        let hash = digest.as_ref().try_into();
        let hash = hash.map_err(|_| MediaFailure::Damaged("no hash".to_owned()))?;
        let path = self.partial.0.take().unwrap_or_default();
        Ok((path, hash, self.bytes))
    }
}

/// A file being written, as others hold it.
pub(super) struct FolderSink {
    desk: Desk,
    /// Taken while the thread works on it; not given back after a failure.
    writing: Option<Writing>,
}

impl FolderSink {
    pub(super) fn new(desk: Desk, writing: Writing) -> Self {
        Self { desk, writing: Some(writing) }
    }
}

fn spoilt() -> MediaFailure {
    MediaFailure::Unavailable("an earlier piece was not written".to_owned())
}

impl MediaSink for FolderSink {
    fn write(&mut self, piece: Bytes) -> MediaAnswer<'_, ()> {
        Box::pin(async move {
            let mut writing = self.writing.take().ok_or_else(spoilt)?;
            let added = self.desk.ask(move |_| {
                writing.add(piece)?;
                Ok(writing)
            });
            self.writing = Some(added.await?);
            Ok(())
        })
    }

    fn keep(self: Box<Self>, id: MediaId, kept: Kept, at: Timestamp) -> MediaAnswer<'static, Kept> {
        let Self { desk, writing } = *self;
        match writing {
            Some(writing) => desk.ask(move |room| room.keep(writing, id, kept, at)),
            None => Box::pin(std::future::ready(Err(spoilt()))),
        }
    }
}

/// A file being read.
#[derive(Debug)]
pub(super) struct Reading {
    file: File,
    cipher: FileCipher,
    bytes: u64,
}

impl Reading {
    pub(super) fn open(file: File, key: &RoomKey, bytes: u64) -> Answer<Self> {
        let mut head = [0; HEAD_BYTES];
        file.read_exact_at(&mut head, 0).map_err(|_| cut())?;
        let found = file.metadata().map_err(unavailable)?.len();
        let reading = Self { file, cipher: key.resume(&head)?, bytes };
        if found == reading.length() { Ok(reading) } else { Err(cut()) }
    }

    /// The file at a path.
    pub(super) fn at(path: &Path, key: &RoomKey, bytes: u64) -> Answer<Self> {
        Self::open(File::open(path).map_err(unavailable)?, key, bytes)
    }

    /// The number of the last chunk; an empty file has one, which is empty.
    fn last(&self) -> u64 {
        self.bytes.saturating_sub(1) / CHUNK_BYTES as u64
    }

    /// How long the file on disk must be.
    pub(super) fn length(&self) -> u64 {
        HEAD_BYTES as u64 + self.bytes + (self.last() + 1) * TAG_BYTES as u64
    }

    pub(super) fn piece(&self, at: u64) -> Answer<Bytes> {
        if at >= self.bytes {
            return Ok(Bytes::new());
        }
        let number = at / CHUNK_BYTES as u64;
        let start = number * CHUNK_BYTES as u64;
        let plain = (self.bytes - start).min(CHUNK_BYTES as u64);
        let plain = usize::try_from(plain).unwrap_or(CHUNK_BYTES);
        let mut chunk = vec![0; plain + TAG_BYTES];
        let place = HEAD_BYTES as u64 + start + number * TAG_BYTES as u64;
        self.file.read_exact_at(&mut chunk, place).map_err(unavailable)?;
        let chunk = self.cipher.open(number, number == self.last(), chunk)?;
        let skipped = usize::try_from(at - start).unwrap_or(CHUNK_BYTES);
        Ok(Bytes::from(chunk).split_off(skipped.min(plain)))
    }
}

fn cut() -> MediaFailure {
    MediaFailure::Damaged("its length is not what was written".to_owned())
}

/// A file being read, as others hold it.
#[derive(Debug)]
pub(super) struct FolderFile {
    desk: Desk,
    reading: Arc<Reading>,
}

impl FolderFile {
    pub(super) fn new(desk: Desk, reading: Reading) -> Self {
        Self { desk, reading: Arc::new(reading) }
    }
}

impl MediaFile for FolderFile {
    fn bytes(&self) -> u64 {
        self.reading.bytes
    }

    fn piece(&self, at: u64) -> MediaAnswer<'_, Bytes> {
        let reading = Arc::clone(&self.reading);
        self.desk.ask(move |_| reading.piece(at))
    }
}
