//! The stores: memory and SQLite, both behind the one contract of `ieum_core::ports::store`.
//!
//! What a verb means is written once, in `book`; the two stores only differ in their tables
//! (`rows`) and in what "durable" means. Invariant: given the same verbs at the same times, both
//! give the same answers and the same journal.

mod book;
#[cfg(test)]
mod conformance;
mod lanes;
mod media;
mod memory;
mod row;
mod rows;
mod search;
mod sqlite;
mod standing;

pub use media::{
    MEDIA_ENDING, MEDIA_FOLDER, MEDIA_KEY_FILE, MediaCopied, MediaFolder, MediaOpenFailure,
    MemoryMedia, bring_media, copy_media, finish_restore, read_media_key,
};
pub use memory::MemoryStore;
pub use search::{MemorySearch, SEARCH_FILE, SearchFolder};
pub use sqlite::problems;
pub use sqlite::{
    CopyProgress, LOCK_FILE, OpenFailure, PartialCopy, STORE_FILE, SqliteStore, StoreKey,
};
