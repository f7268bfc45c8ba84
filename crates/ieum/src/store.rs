//! Opening the store of a data folder.

use ieum_core::ports::store::Store;
use ieum_store::{MemoryStore, SqliteStore};
use std::path::Path;
use std::sync::Arc;

/// What a hub keeps its data in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum StoreKind {
    /// One file, durable.
    Sqlite,
    /// Nothing outlives the process: tests and measurements.
    Memory,
}

/// Opens the store in `folder`.
///
/// # Errors
/// When another process has it open, or it cannot be read.
pub fn open(kind: StoreKind, folder: &Path) -> anyhow::Result<Arc<dyn Store>> {
    match kind {
        StoreKind::Sqlite => Ok(Arc::new(SqliteStore::open(folder)?)),
        StoreKind::Memory => Ok(Arc::new(MemoryStore::new())),
    }
}
