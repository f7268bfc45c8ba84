//! SQLite's errors in the store's words. Invariant: what may pass is `Unavailable`, what cannot
//! heal by itself is `Damaged`.

use ieum_core::ports::store::StoreFailure;
use rusqlite::{Error, ErrorCode};
use std::path::PathBuf;

/// Why a store could not be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailure {
    /// Another handle, in this or another process, has it open.
    #[error("the data in {} is in use by another hub", path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// A newer hub wrote it.
    #[error("the store has format {found}; this hub knows formats up to {known}")]
    Newer {
        /// Its format.
        found: usize,
        /// The newest that is known here.
        known: usize,
    },
    /// An older hub wrote it, and it is not to be changed.
    #[error("the store has format {found} of an older hub; this one reads format {known}")]
    Older {
        /// Its format.
        found: usize,
        /// The one that is read here.
        known: usize,
    },
    /// A file with a log beside it, which belongs to it: no copy that a backup made.
    #[error("a log of SQLite lies beside the file: it was copied by hand, not by a backup")]
    Torn,
    /// The file is a database of some other program.
    #[error("the file is not a store of Ieum")]
    Foreign,
    /// Contents are sealed by a key that was not given.
    #[error("message texts in this store are sealed by {}", missing(*any))]
    KeyMissing {
        /// Whether any key was given.
        any: bool,
    },
    /// The directory or the lock file cannot be used.
    #[error("cannot use {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file cannot be read, written, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreFailure),
}

const fn missing(any: bool) -> &'static str {
    match any {
        true => "another key than those of the configuration",
        false => "a key, and none is configured",
    }
}

/// What an error of SQLite means.
#[allow(clippy::needless_pass_by_value, reason = "it is handed to map_err, which passes values")]
pub(super) fn failure(error: Error) -> StoreFailure {
    let unreadable = matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
    );
    let code = error.sqlite_error_code();
    let damaged = matches!(
        code,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation)
    );
    if unreadable || damaged {
        StoreFailure::Damaged(error.to_string())
    } else {
        StoreFailure::Unavailable(error.to_string())
    }
}

/// A stored value that cannot be read.
pub(super) fn damaged(what: impl std::fmt::Display) -> StoreFailure {
    StoreFailure::Damaged(what.to_string())
}
