//! The media port: what is wanted, what is kept, and its bytes.
//!
//! A room beside the store: the store holds what was said, this holds what came with it. Each verb
//! that changes something is durable when it answers. Not here: who fetches, and from where.

use super::BoxFuture;
use crate::ids::AccountId;
use crate::media::{Kept, MediaId, MediaState, Missing, Wanted};
use crate::time::Timestamp;
use bytes::Bytes;
use std::sync::Arc;

/// Most bytes that one piece of a file has.
pub const PIECE_BYTES_MAX: usize = 64 * 1024;
/// Most rows that one verb gives or takes away.
pub const MEDIA_ROWS_MAX: usize = 256;

/// Why a verb failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaFailure {
    /// The disk is full or fails; trying later may help.
    #[error("the media room cannot be used now: {0}")]
    Unavailable(String),
    /// A file is damaged, or was written with another key.
    #[error("a file is damaged: {0}")]
    Damaged(String),
    /// The room is closed.
    #[error("the media room is closed")]
    Closed,
}

/// What a verb answers.
pub type MediaAnswer<'a, T> = BoxFuture<'a, Result<T, MediaFailure>>;

/// A file being written. Dropped before it is kept, it leaves nothing behind.
pub trait MediaSink: Send {
    /// Adds bytes to its end.
    fn write(&mut self, piece: Bytes) -> MediaAnswer<'_, ()>;
    /// Makes the file and its row durable. A file of the same bytes is kept once. `kept.hash` and
    /// `kept.bytes` are the sink's own to fill in; it answers with them.
    fn keep(self: Box<Self>, id: MediaId, kept: Kept, at: Timestamp) -> MediaAnswer<'static, Kept>;
}

/// A file that is here, to be read at any place.
pub trait MediaFile: Send + Sync + std::fmt::Debug {
    /// Its size.
    fn bytes(&self) -> u64;
    /// The bytes from `at` on, at most [`PIECE_BYTES_MAX`]; none at all from the end on.
    fn piece(&self, at: u64) -> MediaAnswer<'_, Bytes>;
}

/// A file and what is known of it.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What is known of it.
    pub kept: Kept,
    /// Its bytes.
    pub file: Arc<dyn MediaFile>,
}

/// Everything that came with messages.
pub trait MediaStore: Send + Sync + std::fmt::Debug {
    /// Notes what is to be fetched. What is known already stays as it is.
    fn want(&self, wanted: Vec<Wanted>) -> MediaAnswer<'_, ()>;

    /// What became of a file; `None` when it was never wanted.
    fn state(&self, id: MediaId) -> MediaAnswer<'_, Option<MediaState>>;

    /// What is to be fetched now, the longest due first, with the tries that failed; nothing of
    /// the accounts that are `full`.
    fn due(
        &self,
        now: Timestamp,
        full: Vec<AccountId>,
        rows_max: usize,
    ) -> MediaAnswer<'_, Vec<(Wanted, u32)>>;

    /// A try failed; the next one not before `until`. What is not wanted any more stays as it is.
    fn postpone(&self, id: MediaId, until: Timestamp) -> MediaAnswer<'_, ()>;

    /// It will not come.
    fn give_up(&self, id: MediaId, why: Missing) -> MediaAnswer<'_, ()>;

    /// Begins a file.
    fn begin(&self) -> MediaAnswer<'_, Box<dyn MediaSink>>;

    /// Opens a file that is here, and notes that it was used; `None` when it is not here.
    fn open(&self, id: MediaId, now: Timestamp) -> MediaAnswer<'_, Option<Opened>>;

    /// Takes files away for good, whatever uses them; bytes that another row names stay. At most
    /// [`PAGE_ROWS_MAX`](super::store::PAGE_ROWS_MAX) at a time.
    fn forget(&self, ids: Vec<MediaId>) -> MediaAnswer<'_, ()>;

    /// Clears away what was not used since `before`; answers how many files' bytes went.
    fn collect(&self, before: Timestamp) -> MediaAnswer<'_, u64>;

    /// Finishes what is under way and closes.
    fn close(&self) -> MediaAnswer<'_, ()>;
}
