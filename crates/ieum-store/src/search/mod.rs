//! The search index: a file beside the store, filled behind it on a thread of its own.
//!
//! Nothing depends on it: when it is lost, damaged or of another version, it is thrown away and
//! made anew. Invariant: its file holds marks and places, never a text.

mod file;
mod memory;
#[cfg(test)]
mod tests;

pub use memory::MemorySearch;

use crate::sqlite::StoreKey;
use file::IndexFile;
use futures_channel::oneshot;
use ieum_core::ids::MessageSeq;
use ieum_core::ports::search::{
    ChangedPlace, FoundPlace, IndexBatch, Look, Reached, SearchAnswer, SearchFailure, SearchIndex,
};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// The index within the data folder.
pub const SEARCH_FILE: &str = "search.sqlite3";
/// Most verbs that wait; more are refused.
const WAITING_MAX: usize = 256;

type Answer<T> = Result<T, SearchFailure>;
type Job = Box<dyn FnOnce(&mut IndexFile) + Send>;

/// The index of a data folder.
#[derive(Debug)]
pub struct SearchFolder {
    jobs: SyncSender<Option<Job>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl SearchFolder {
    /// Opens the index of a data folder, making it when it is missing or cannot be read.
    ///
    /// # Errors
    /// When it can neither be opened nor be made anew.
    pub fn open(folder: &Path) -> Result<Self, SearchFailure> {
        Self::open_sealed(folder, None)
    }

    /// Opens it with the key by which the store's contents are sealed: marks are then made once
    /// more by that, so that nothing that lies in the folder tells words. With another key than
    /// before it is made anew.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_sealed(folder: &Path, key: Option<&StoreKey>) -> Result<Self, SearchFailure> {
        let file = IndexFile::open_or_remake(&folder.join(SEARCH_FILE), key)?;
        let (jobs, received) = sync_channel(WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("ieum-search".into())
            .spawn(move || work(file, &received))
            .map_err(|error| SearchFailure::Unavailable(error.to_string()))?;
        Ok(Self { jobs, thread: Mutex::new(Some(thread)) })
    }

    fn ask<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut IndexFile) -> Answer<T> + Send + 'static,
    ) -> SearchAnswer<'static, T> {
        let (reply, answered) = oneshot::channel();
        // Nobody may wait for the answer any more: the verb stands all the same.
        let job: Job = Box::new(move |file| drop(reply.send(verb(file))));
        let sent = self.jobs.try_send(Some(job));
        Box::pin(async move {
            sent.map_err(|error| match error {
                TrySendError::Full(_) => SearchFailure::Unavailable("too many wait".to_owned()),
                TrySendError::Disconnected(_) => SearchFailure::Closed,
            })?;
            answered.await.unwrap_or(Err(SearchFailure::Closed))
        })
    }

    fn end(&self) {
        // What waits is carried out first.
        drop(self.jobs.send(None));
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the search index's thread panicked");
        }
    }
}

fn work(mut file: IndexFile, jobs: &Receiver<Option<Job>>) {
    while let Ok(Some(job)) = jobs.recv() {
        job(&mut file);
    }
}

impl Drop for SearchFolder {
    fn drop(&mut self) {
        self.end();
    }
}

impl SearchIndex for SearchFolder {
    fn reached(&self) -> SearchAnswer<'_, Option<Reached>> {
        self.ask(|file| file.reached())
    }

    fn put(&self, batch: IndexBatch) -> SearchAnswer<'_, ()> {
        self.ask(move |file| file.put(&batch))
    }

    fn find(&self, look: Look) -> SearchAnswer<'_, Vec<FoundPlace>> {
        self.ask(move |file| file.find(&look))
    }

    fn changed(&self, messages: Vec<MessageSeq>) -> SearchAnswer<'_, Vec<ChangedPlace>> {
        self.ask(move |file| file.changed(&messages))
    }

    fn forget(&self, messages: Vec<MessageSeq>) -> SearchAnswer<'_, ()> {
        self.ask(move |file| file.forget(&messages))
    }

    fn clear(&self) -> SearchAnswer<'_, ()> {
        self.ask(IndexFile::clear)
    }

    fn close(&self) -> SearchAnswer<'_, ()> {
        self.end();
        Box::pin(std::future::ready(Ok(())))
    }
}
