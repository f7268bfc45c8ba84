//! The media room in memory: for tests and simulations.
//!
//! Invariant: what it answers is what the folder answers, but for what a crash leaves.

use bytes::{Bytes, BytesMut};
use ieum_core::ids::AccountId;
use ieum_core::media::{Kept, MediaId, MediaState, Missing, Wanted};
use ieum_core::ports::media::{
    MEDIA_ROWS_MAX, MediaAnswer, MediaFile, MediaSink, MediaStore, Opened, PIECE_BYTES_MAX,
};
use ieum_core::time::Timestamp;
use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
struct Row {
    wanted: Wanted,
    state: MediaState,
    due_at: Timestamp,
    used_at: Timestamp,
}

#[derive(Debug, Default)]
struct Shelves {
    rows: BTreeMap<MediaId, Row>,
    files: BTreeMap<[u8; 32], Bytes>,
}

impl Shelves {
    /// Files that no row names; how many there were.
    fn clear_away(&mut self) -> u64 {
        let Self { rows, files } = self;
        let count = files.len();
        files.retain(|hash, _| {
            let names =
                |row: &Row| matches!(&row.state, MediaState::Kept(kept) if kept.hash == *hash);
            rows.values().any(names)
        });
        (count - files.len()) as u64
    }
}

/// Files in memory; clones are handles to the same ones.
#[derive(Debug, Clone, Default)]
pub struct MemoryMedia(Arc<Mutex<Shelves>>);

impl MemoryMedia {
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer<T: Send + 'static>(value: T) -> MediaAnswer<'static, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl MediaStore for MemoryMedia {
    fn want(&self, wanted: Vec<Wanted>) -> MediaAnswer<'_, ()> {
        let mut shelves = self.shelves();
        for wanted in wanted {
            let (due_at, used_at) = (wanted.at, wanted.at);
            let state = MediaState::Wanted { tries: 0 };
            let row = Row { wanted, state, due_at, used_at };
            shelves.rows.entry(row.wanted.id).or_insert(row);
        }
        answer(())
    }

    fn state(&self, id: MediaId) -> MediaAnswer<'_, Option<MediaState>> {
        answer(self.shelves().rows.get(&id).map(|row| row.state.clone()))
    }

    fn due(
        &self,
        now: Timestamp,
        full: Vec<AccountId>,
        rows_max: usize,
    ) -> MediaAnswer<'_, Vec<(Wanted, u32)>> {
        let shelves = self.shelves();
        let mut due: Vec<_> = shelves
            .rows
            .values()
            .filter(|row| row.due_at <= now && !full.contains(&row.wanted.account))
            .filter_map(|row| match row.state {
                MediaState::Wanted { tries } => Some((row.due_at, row.wanted.clone(), tries)),
                MediaState::Kept(_) | MediaState::Missing(_) => None,
            })
            .collect();
        due.sort_by_key(|(due_at, wanted, _)| (*due_at, wanted.id));
        due.truncate(rows_max.min(MEDIA_ROWS_MAX));
        answer(due.into_iter().map(|(_, wanted, tries)| (wanted, tries)).collect())
    }

    fn postpone(&self, id: MediaId, until: Timestamp) -> MediaAnswer<'_, ()> {
        if let Some(row) = self.shelves().rows.get_mut(&id)
            && let MediaState::Wanted { tries } = &mut row.state
        {
            *tries += 1;
            row.due_at = until;
        }
        answer(())
    }

    fn give_up(&self, id: MediaId, why: Missing) -> MediaAnswer<'_, ()> {
        if let Some(row) = self.shelves().rows.get_mut(&id)
            && let MediaState::Wanted { .. } = row.state
        {
            row.state = MediaState::Missing(why);
        }
        answer(())
    }

    fn begin(&self) -> MediaAnswer<'_, Box<dyn MediaSink>> {
        answer(Box::new(MemorySink { media: self.clone(), bytes: BytesMut::new() }))
    }

    fn open(&self, id: MediaId, now: Timestamp) -> MediaAnswer<'_, Option<Opened>> {
        let mut shelves = self.shelves();
        let opened = shelves.rows.get_mut(&id).and_then(|row| {
            row.used_at = row.used_at.max(now);
            match &row.state {
                MediaState::Kept(kept) => Some(kept.clone()),
                MediaState::Wanted { .. } | MediaState::Missing(_) => None,
            }
        });
        let opened = opened.and_then(|kept| {
            let file = MemoryFile(shelves.files.get(&kept.hash)?.clone());
            Some(Opened { kept, file: Arc::new(file) })
        });
        answer(opened)
    }

    fn collect(&self, before: Timestamp) -> MediaAnswer<'_, u64> {
        let mut shelves = self.shelves();
        shelves.rows.retain(|_, row| {
            matches!(row.state, MediaState::Wanted { .. }) || row.used_at >= before
        });
        answer(shelves.clear_away())
    }

    fn forget(&self, ids: Vec<MediaId>) -> MediaAnswer<'_, ()> {
        let mut shelves = self.shelves();
        shelves.rows.retain(|id, _| !ids.contains(id));
        shelves.clear_away();
        answer(())
    }

    fn close(&self) -> MediaAnswer<'_, ()> {
        answer(())
    }
}

struct MemorySink {
    media: MemoryMedia,
    bytes: BytesMut,
}

impl MediaSink for MemorySink {
    fn write(&mut self, piece: Bytes) -> MediaAnswer<'_, ()> {
        self.bytes.extend_from_slice(&piece);
        answer(())
    }

    fn keep(self: Box<Self>, id: MediaId, kept: Kept, at: Timestamp) -> MediaAnswer<'static, Kept> {
        let bytes = self.bytes.freeze();
        let hash = digest(&SHA256, &bytes).as_ref().try_into().unwrap_or([0; 32]);
        let kept = Kept { hash, bytes: bytes.len() as u64, ..kept };
        let mut shelves = self.media.shelves();
        shelves.files.insert(hash, bytes);
        if let Some(row) = shelves.rows.get_mut(&id)
            && let MediaState::Wanted { .. } = row.state
        {
            row.state = MediaState::Kept(kept.clone());
            row.used_at = at;
        }
        answer(kept)
    }
}

#[derive(Debug)]
struct MemoryFile(Bytes);

impl MediaFile for MemoryFile {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn piece(&self, at: u64) -> MediaAnswer<'_, Bytes> {
        let start = usize::try_from(at).unwrap_or(usize::MAX).min(self.0.len());
        let end = start.saturating_add(PIECE_BYTES_MAX).min(self.0.len());
        answer(self.0.slice(start..end))
    }
}
