//! The media room: files encrypted in a folder beside the store, and an index of them.
//!
//! One thread does everything that may wait for the disk. Invariant: a row says that a file is here
//! only when its bytes are on disk whole; what a crash leaves behind without a row is cleared away.

mod cipher;
mod copy;
mod file;
mod index;
mod memory;
mod room;

#[cfg(test)]
mod tests;

pub use copy::{MEDIA_ENDING, MediaCopied, bring_media, copy_media, finish_restore};
pub use memory::MemoryMedia;
pub use room::{MEDIA_FOLDER, MEDIA_KEY_FILE, MediaOpenFailure, read_key as read_media_key};

use file::{FolderFile, FolderSink};
use futures_channel::oneshot;
use ieum_core::ids::AccountId;
use ieum_core::media::{MediaId, MediaState, Missing, Wanted};
use ieum_core::ports::media::{MediaAnswer, MediaFailure, MediaSink, MediaStore, Opened};
use ieum_core::time::Timestamp;
use room::Room;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

type Answer<T> = Result<T, MediaFailure>;
type Job = Box<dyn FnOnce(&mut Room) + Send>;

/// What the thread is asked to do; cheap to clone.
#[derive(Clone, Debug)]
struct Desk(Sender<Option<Job>>);

impl Desk {
    fn ask<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Room) -> Answer<T> + Send + 'static,
    ) -> MediaAnswer<'static, T> {
        let (reply, answered) = oneshot::channel();
        // Nobody may wait for the answer any more: the verb stands all the same.
        let job: Job = Box::new(move |room| drop(reply.send(verb(room))));
        let sent = self.0.send(Some(job));
        Box::pin(async move {
            sent.map_err(|_| MediaFailure::Closed)?;
            answered.await.unwrap_or(Err(MediaFailure::Closed))
        })
    }
}

/// Files in a folder of the data directory.
#[derive(Debug)]
pub struct MediaFolder {
    desk: Desk,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl MediaFolder {
    /// Opens the media room of a data directory, making it when it is missing. `new_key` is used
    /// only then.
    ///
    /// # Errors
    /// When the folder or its key cannot be used, or the key is missing beside files.
    pub fn open(directory: &Path, new_key: [u8; 32]) -> Result<Self, MediaOpenFailure> {
        let room = Room::open(directory, new_key)?;
        let (jobs, received) = channel();
        let thread = std::thread::Builder::new()
            .name("ieum-media".into())
            .spawn(move || work(room, &received))
            .map_err(MediaOpenFailure::Thread)?;
        Ok(Self { desk: Desk(jobs), thread: Mutex::new(Some(thread)) })
    }

    fn join(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the media room's thread panicked");
        }
    }
}

fn work(mut room: Room, jobs: &Receiver<Option<Job>>) {
    while let Ok(Some(job)) = jobs.recv() {
        job(&mut room);
    }
}

impl Drop for MediaFolder {
    fn drop(&mut self) {
        drop(self.desk.0.send(None));
        self.join();
    }
}

impl MediaStore for MediaFolder {
    fn want(&self, wanted: Vec<Wanted>) -> MediaAnswer<'_, ()> {
        if wanted.is_empty() {
            return Box::pin(std::future::ready(Ok(())));
        }
        self.desk.ask(move |room| room.index.want(&wanted))
    }

    fn state(&self, id: MediaId) -> MediaAnswer<'_, Option<MediaState>> {
        self.desk.ask(move |room| room.index.state(id))
    }

    fn due(
        &self,
        now: Timestamp,
        full: Vec<AccountId>,
        rows_max: usize,
    ) -> MediaAnswer<'_, Vec<(Wanted, u32)>> {
        self.desk.ask(move |room| room.index.due(now, &full, rows_max))
    }

    fn postpone(&self, id: MediaId, until: Timestamp) -> MediaAnswer<'_, ()> {
        self.desk.ask(move |room| room.index.postpone(id, until))
    }

    fn give_up(&self, id: MediaId, why: Missing) -> MediaAnswer<'_, ()> {
        self.desk.ask(move |room| room.index.give_up(id, why))
    }

    fn begin(&self) -> MediaAnswer<'_, Box<dyn MediaSink>> {
        let desk = self.desk.clone();
        self.desk.ask(move |room| {
            let sink: Box<dyn MediaSink> = Box::new(FolderSink::new(desk, room.begin()?));
            Ok(sink)
        })
    }

    fn open(&self, id: MediaId, now: Timestamp) -> MediaAnswer<'_, Option<Opened>> {
        let desk = self.desk.clone();
        self.desk.ask(move |room| {
            let Some(MediaState::Kept(kept)) = room.index.state(id)? else {
                return Ok(None);
            };
            room.index.used(id, now)?;
            let file = FolderFile::new(desk, room.reading(&kept)?);
            Ok(Some(Opened { kept, file: Arc::new(file) }))
        })
    }

    fn collect(&self, before: Timestamp) -> MediaAnswer<'_, u64> {
        self.desk.ask(move |room| room.collect(before))
    }

    fn forget(&self, ids: Vec<MediaId>) -> MediaAnswer<'_, ()> {
        self.desk.ask(move |room| room.forget(&ids))
    }

    fn close(&self) -> MediaAnswer<'_, ()> {
        drop(self.desk.0.send(None));
        self.join();
        Box::pin(std::future::ready(Ok(())))
    }
}
