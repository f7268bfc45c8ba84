//! Opening the store of a data folder.

use ieum_core::ports::store::{Store, StoreFailure};
use ieum_store::{MemoryStore, OpenFailure, SqliteStore, StoreKey};
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
        StoreKind::Sqlite => open_sealed(folder, &[]),
        StoreKind::Memory => Ok(Arc::new(MemoryStore::new())),
    }
}

/// Opens the store in `folder`, whose message texts are sealed by these keys.
///
/// # Errors
/// As [`open`], and when a key that sealed something is not among them.
pub fn open_sealed(folder: &Path, keys: &[StoreKey]) -> anyhow::Result<Arc<dyn Store>> {
    advised(SqliteStore::open_sealed(folder, keys), folder)
}

/// Opens the store in `folder` for looking through all of it but sealed texts.
///
/// # Errors
/// As [`open`].
pub fn open_blind(folder: &Path) -> anyhow::Result<Arc<dyn Store>> {
    advised(SqliteStore::open_blind(folder), folder)
}

fn advised(
    opened: Result<SqliteStore, OpenFailure>,
    folder: &Path,
) -> anyhow::Result<Arc<dyn Store>> {
    match opened {
        Ok(store) => Ok(Arc::new(store)),
        Err(failure) => Err(with_advice(failure, folder)),
    }
}

/// What an operator can do about it, where there is anything.
fn with_advice(failure: OpenFailure, folder: &Path) -> anyhow::Error {
    let data = folder.display();
    let advice = match &failure {
        OpenFailure::Store(StoreFailure::Damaged(_)) => format!(
            "the store in {data} is damaged and was not touched; put a backup in its place with \
             `ieum restore FILE --data {data} --replace`, which keeps the damaged file beside it"
        ),
        OpenFailure::Store(StoreFailure::Unavailable(_)) => format!(
            "the store in {data} cannot be written: is the disk full or read-only, or does the \
             folder belong to another user?"
        ),
        OpenFailure::KeyMissing { .. } => {
            "put the key that wrote them under [store] key, or under \
             [[store.former_keys]] beside the one that is to write from now on; nothing was changed"
                .to_owned()
        }
        OpenFailure::Store(StoreFailure::Closed | StoreFailure::Rule(_))
        | OpenFailure::InUse { .. }
        | OpenFailure::Newer { .. }
        | OpenFailure::Older { .. }
        | OpenFailure::Torn
        | OpenFailure::Foreign
        | OpenFailure::Directory { .. } => return failure.into(),
    };
    anyhow::Error::from(failure).context(advice)
}
