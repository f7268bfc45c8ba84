//! What every store must do: one suite, run against each of them. Tests only.
//!
//! A check gets a [`Bench`] with an empty store that it can stop, crash and open again.

mod backup;
mod codes;
mod crash;
mod doubt;
mod erase;
mod formats;
mod incidents;
mod kill;
mod lanes;
mod paging;
mod reading;
mod sample;
mod sealing;
mod standing;
mod verbs;

use crate::{MemoryStore, SqliteStore};
use ieum_core::ports::store::Store;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use tempfile::TempDir;

/// A store under test and the place where it lives.
pub(crate) enum Bench {
    Memory(Box<MemoryStore>),
    Sqlite(Option<SqliteStore>, TempDir),
}

impl Bench {
    pub(crate) fn both() -> [Self; 2] {
        [Self::memory(), Self::sqlite()]
    }

    pub(crate) fn memory() -> Self {
        Self::Memory(Box::default())
    }

    pub(crate) fn sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        Self::Sqlite(Some(store), directory)
    }

    pub(crate) fn store(&self) -> &dyn Store {
        match self {
            Self::Memory(store) => &**store,
            Self::Sqlite(store, _) => store.as_ref().unwrap(),
        }
    }

    /// How many deliveries its verbs looked up since it was opened.
    pub(crate) fn looked_up(&self) -> u64 {
        let counted = match self {
            Self::Memory(store) => store.looked_up(),
            Self::Sqlite(store, _) => store.as_ref().unwrap().looked_up(),
        };
        wait(counted).unwrap()
    }

    /// Closes it and opens it again.
    pub(crate) fn reopen(&mut self) {
        wait(self.store().close()).unwrap();
        self.reopen_closed();
    }

    /// Opens it again when it was closed.
    pub(crate) fn reopen_closed(&mut self) {
        match self {
            Self::Memory(store) => store.reopen(),
            Self::Sqlite(store, directory) => {
                *store = None;
                *store = Some(SqliteStore::open(directory.path()).unwrap());
            }
        }
    }

    /// As after a lost process: SQLite's files as they are now, with the log not yet copied.
    pub(crate) fn crash(&mut self) {
        let Self::Sqlite(store, directory) = self else {
            return self.reopen();
        };
        let copy = TempDir::new().unwrap();
        for file in std::fs::read_dir(directory.path()).unwrap() {
            let file = file.unwrap();
            if !file.file_name().to_string_lossy().ends_with("-shm") {
                std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
            }
        }
        *store = None;
        *store = Some(SqliteStore::open(copy.path()).unwrap());
        *directory = copy;
    }
}

/// The answer, waited for on this thread.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
