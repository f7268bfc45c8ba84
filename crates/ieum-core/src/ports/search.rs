//! The search port: an index of what was said, beside the store and always behind it.
//!
//! It holds marks and places, no text, and can be lost without losing a word: it is then made
//! anew. Invariant: entries and how far they go change together, so that whoever fills it goes on
//! after a crash where it ended.

use super::BoxFuture;
use crate::content::MessageId;
use crate::ids::MessageSeq;
use crate::search::SearchMark;

/// Most places that one look gives.
pub const FOUND_ROWS_MAX: usize = 256;
/// Most conversations of one look.
pub const PLACES_PER_LOOK_MAX: usize = 64;

/// Why a verb failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchFailure {
    /// The disk is full or fails; trying later may help.
    #[error("the search index cannot be used now: {0}")]
    Unavailable(String),
    /// The index is closed.
    #[error("the search index is closed")]
    Closed,
}

/// What a verb answers.
pub type SearchAnswer<'a, T> = BoxFuture<'a, Result<T, SearchFailure>>;

/// How far an index goes: the last message that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Its place.
    pub message: MessageSeq,
    /// Its id, by which an index of other data is recognised.
    pub id: MessageId,
}

/// One change of what is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexEntry {
    /// A message is found by these marks, and `says` holds its words. One that was withdrawn stays
    /// so.
    Says {
        /// Its first version.
        message: MessageSeq,
        /// Its present version: itself, or the last edit.
        says: MessageSeq,
        /// The marks of its words.
        marks: Vec<SearchMark>,
    },
    /// A message is not found any more, whatever comes later.
    Withdrawn(MessageSeq),
}

/// Changes, in order, and how far they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexBatch {
    /// In order.
    pub entries: Vec<IndexEntry>,
    /// The last message that was read for them.
    pub reached: Reached,
}

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// A message is found when it has all marks of one of these; at most
    /// [`PLACES_PER_LOOK_MAX`].
    pub any: Vec<Vec<SearchMark>>,
    /// Below this place.
    pub before: MessageSeq,
    /// At most so many; at most [`FOUND_ROWS_MAX`].
    pub rows_max: usize,
}

/// A message that has the marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundPlace {
    /// Its first version.
    pub message: MessageSeq,
    /// The version that holds its words.
    pub says: MessageSeq,
}

/// A message that is not as it was said first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangedPlace {
    /// Its first version.
    pub message: MessageSeq,
    /// The version that holds its words; `None` once it was withdrawn.
    pub says: Option<MessageSeq>,
}

/// An index.
pub trait SearchIndex: Send + Sync + std::fmt::Debug {
    /// How far it goes; `None` while it is empty.
    fn reached(&self) -> SearchAnswer<'_, Option<Reached>>;

    /// Adds to it, in one transaction.
    fn put(&self, batch: IndexBatch) -> SearchAnswer<'_, ()>;

    /// What has the marks, newest first.
    fn find(&self, look: Look) -> SearchAnswer<'_, Vec<FoundPlace>>;

    /// How these messages read now, as far as the index knows: those that were changed or
    /// withdrawn since they were said. At most [`FOUND_ROWS_MAX`] are looked at.
    fn changed(&self, messages: Vec<MessageSeq>) -> SearchAnswer<'_, Vec<ChangedPlace>>;

    /// Lets messages be found no more, whatever comes later.
    fn forget(&self, messages: Vec<MessageSeq>) -> SearchAnswer<'_, ()>;

    /// Empties it.
    fn clear(&self) -> SearchAnswer<'_, ()>;

    /// Closes it. Later verbs answer [`SearchFailure::Closed`].
    fn close(&self) -> SearchAnswer<'_, ()>;
}
