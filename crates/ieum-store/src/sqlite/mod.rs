//! The SQLite store: everything in one file of a data directory, each answer durable.
//!
//! WAL with `synchronous=FULL`, one writer thread with group commit, one open handle guarded by a
//! lock file. See docs/store.md. Invariant: at most one handle writes to a data directory.

mod backup;
mod entities;
mod erase;
mod failure;
mod finder;
mod format;
mod hot;
mod incidents;
mod journal;
mod live;
mod open;
mod recent;
mod requests;
mod rows;
mod schema;
mod sealing;
mod writer;

pub use backup::{CopyProgress, PartialCopy, problems};
pub use failure::OpenFailure;
pub use sealing::StoreKey;

use crate::book::query::OpenPart;
use crate::book::{Book, CommitParts};
use crate::rows::RowAnswer;
use failure::failure;
use futures_channel::oneshot;
use ieum_core::content::MessageId;
use ieum_core::delivery::Delivery;
use ieum_core::directory::Change;
use ieum_core::ids::NativeMessageId;
use ieum_core::ids::{AccountId, ChatKey, ConversationId, DeliverySeq, EventKey, IncidentId};
use ieum_core::ids::{JournalSeq, MessageSeq};
use ieum_core::incident::{Incident, Touch};
use ieum_core::journal::JournalEntry;
use ieum_core::message::Message;
use ieum_core::ports::store::{
    Access, AdmitBatch, Admitted, Advance, Advanced, ClaimNext, CopyNote, Counts, Loaded, Moves,
    OpenFilter, PAGE_ROWS_MAX, ReceiptNote, SentFilter, SentPage, Store, StoreAnswer, StoreFailure,
    TouchCounts,
};
use ieum_core::time::Timestamp;
use requests::{Receiver, Sender, queue};
use rows::SqliteRows;
use rusqlite::Connection;
use sealing::Seals;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use writer::{Done, Request, SqliteBook, Writer};

/// The file that holds everything.
pub const STORE_FILE: &str = "ieum.sqlite3";
/// The file that guards against a second handle.
pub const LOCK_FILE: &str = "ieum.lock";

/// Page cache of SQLite.
const PAGE_CACHE_KIB: u32 = 8 * 1024;
/// Pages in the write-ahead log after which they are copied into the file.
const CHECKPOINT_PAGES: u32 = 1_000;
/// How large the log stays on disk once it was copied.
const LOG_BYTES_KEPT_MAX: u32 = 16 * 1024 * 1024;
/// Prepared statements kept.
const STATEMENTS_MAX: usize = 64;

/// Everything in one file.
#[derive(Debug)]
pub struct SqliteStore {
    requests: Sender<Request>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteStore {
    /// Opens the store of a data directory, making both when they are missing.
    ///
    /// # Errors
    /// When another handle has it open, a newer hub wrote it, contents of it are sealed, or it
    /// cannot be read.
    pub fn open(directory: &Path) -> Result<Self, OpenFailure> {
        Self::open_sealed(directory, &[])
    }

    /// Opens it with keys: contents are sealed by the first, and by any of them if they lie there.
    ///
    /// # Errors
    /// As [`Self::open`]; [`OpenFailure::KeyMissing`] when a key that sealed something is not among
    /// them, before anything was changed.
    pub fn open_sealed(directory: &Path, keys: &[StoreKey]) -> Result<Self, OpenFailure> {
        Self::open_with(directory, Seals::new(keys)?)
    }

    /// Opens it without being able to read sealed contents, for looking through all else.
    ///
    /// # Errors
    /// As [`Self::open`], but for keys.
    pub fn open_blind(directory: &Path) -> Result<Self, OpenFailure> {
        Self::open_with(directory, Seals::blind())
    }

    fn open_with(directory: &Path, seals: Seals) -> Result<Self, OpenFailure> {
        let lock = lock(directory)?;
        backup::finish_restore(directory)?;
        let connection = connect(&directory.join(STORE_FILE), &seals)?;
        Self::over(connection, Some(lock), directory, seals)
    }

    /// Opens a copy only to read it; nothing about it changes, and no verb that writes works.
    ///
    /// # Errors
    /// When it was written by a hub of another format, is foreign, damaged, or cannot be read.
    pub fn inspect(file: &Path) -> Result<Self, OpenFailure> {
        let connection = backup::open_read_only(file, "immutable=1")?;
        schema::expect_present(&connection)?;
        Self::over(connection, None, file, Seals::blind())
    }

    /// Opens a copy that is to be put in place, to look through it and to change it before.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_copy(copy: &PartialCopy) -> Result<Self, OpenFailure> {
        let seals = Seals::blind();
        Self::over(connect(copy.file(), &seals)?, None, copy.file(), seals)
    }

    /// `lock` is held for as long as the connection; a copy that is only read has none.
    fn over(
        connection: Connection,
        lock: Option<File>,
        place: &Path,
        seals: Seals,
    ) -> Result<Self, OpenFailure> {
        let (requests, received) = queue();
        let (opened, told) = mpsc::channel();
        let work = move || {
            work(connection, seals, &opened, received);
            drop(lock);
        };
        let thread = std::thread::Builder::new()
            .name("ieum-store".into())
            .spawn(work)
            .map_err(|source| unusable(place, source))?;
        let store = Self { requests, thread: Mutex::new(Some(thread)) };
        let told = told.recv().unwrap_or(Err(StoreFailure::Closed));
        if told.is_err() {
            // Only then is the lock free again.
            store.join();
        }
        Ok(told.map(|()| store)?)
    }

    fn ask<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut SqliteBook<'_>) -> RowAnswer<T> + Send + 'static,
    ) -> StoreAnswer<'_, T> {
        self.ask_patiently(false, verb)
    }

    /// `patient`: nobody waits for the answer, so that it need not be written at once.
    fn ask_patiently<T: Send + 'static>(
        &self,
        patient: bool,
        verb: impl FnOnce(&mut SqliteBook<'_>) -> RowAnswer<T> + Send + 'static,
    ) -> StoreAnswer<'_, T> {
        let (reply, answered) = oneshot::channel();
        let carry_out = move |book: RowAnswer<&mut SqliteBook<'_>>| {
            let answer = book.and_then(verb);
            let failure = match &answer {
                Ok(_) | Err(StoreFailure::Rule(_)) => None,
                Err(failure) => Some(failure.clone()),
            };
            let reply = move |ended: &RowAnswer<()>| {
                // Nobody waits for the answer any more: the verb stands all the same.
                drop(reply.send(ended.clone().and(answer)));
            };
            Done { reply: Box::new(reply), patient: patient && failure.is_none(), failure }
        };
        let sent = self.requests.send(Request::Verb(Box::new(carry_out)));
        Box::pin(async move {
            sent.map_err(|_| StoreFailure::Closed)?;
            answered.await.unwrap_or(Err(StoreFailure::Closed))
        })
    }

    fn page_open_part(
        &self,
        filter: OpenFilter,
        after: DeliverySeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, OpenPart> {
        self.ask(move |book| book.page_open_part(filter, after, rows_max))
    }

    fn join(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's thread panicked");
        }
    }
}

#[cfg(test)]
impl SqliteStore {
    /// Lets SQLite run out of pages, as on a full disk.
    pub(crate) fn limit_pages(&self, pages_max: u32) -> StoreAnswer<'_, ()> {
        self.spoil(format!("PRAGMA max_page_count = {pages_max}"))
    }

    /// Makes the bytes of a delivery unreadable.
    pub(crate) fn spoil_delivery(&self, seq: DeliverySeq) -> StoreAnswer<'_, ()> {
        self.spoil(format!("UPDATE delivery SET detail = x'ff' WHERE seq = {seq}"))
    }

    /// How many deliveries its verbs looked up.
    pub(crate) fn looked_up(&self) -> StoreAnswer<'_, u64> {
        self.ask(|book| Ok(book.looked_up))
    }

    fn spoil(&self, sql: String) -> StoreAnswer<'_, ()> {
        self.ask(move |book| {
            let spoilt = book.rows.connection().execute_batch(&sql);
            book.rows.forget_recent();
            spoilt.map_err(failure)
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.requests.end();
        self.join();
    }
}

fn lock(directory: &Path) -> Result<File, OpenFailure> {
    std::fs::create_dir_all(directory).map_err(|source| unusable(directory, source))?;
    let path = directory.join(LOCK_FILE);
    let opened = File::options().create(true).truncate(false).write(true).open(&path);
    let file = opened.map_err(|source| unusable(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenFailure::InUse { path: directory.into() }),
        Err(TryLockError::Error(source)) => Err(unusable(&path, source)),
    }
}

fn unusable(path: &Path, source: std::io::Error) -> OpenFailure {
    OpenFailure::Directory { path: path.into(), source }
}

fn connect(file: &Path, seals: &Seals) -> Result<Connection, OpenFailure> {
    let mut connection = Connection::open(file).map_err(failure)?;
    seals.check(&connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    let settings = format!(
        "PRAGMA page_size = 4096;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA cache_size = -{PAGE_CACHE_KIB};
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA journal_size_limit = {LOG_BYTES_KEPT_MAX};
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;"
    );
    connection.execute_batch(&settings).map_err(failure)?;
    backup::check_if_small(&connection, file)?;
    schema::migrate(&mut connection)?;
    seals.note(&connection)?;
    Ok(connection)
}

/// The life of the store's thread: opens, tells how that went, works, closes.
fn work(
    connection: Connection,
    seals: Seals,
    opened: &mpsc::Sender<RowAnswer<()>>,
    mut requests: Receiver<Request>,
) {
    let reply = match read(&connection, seals) {
        Ok(book) => {
            drop(opened.send(Ok(())));
            Writer::new(book).run(&mut requests)
        }
        Err(failure) => {
            drop(opened.send(Err(failure)));
            return;
        }
    };
    match (reply, close(connection)) {
        (Some(reply), closed) => reply(closed),
        (None, Err(failure)) => tracing::warn!(%failure, "the store could not be closed tidily"),
        (None, Ok(())) => {}
    }
}

/// What a migrated file holds.
fn read(connection: &Connection, seals: Seals) -> RowAnswer<SqliteBook<'_>> {
    let (rows, claims) = SqliteRows::open(connection, seals)?;
    let mut book = Book::over(rows);
    book.restore_claims(&claims)?;
    let CommitParts { rows, claimed, .. } = book.commit_parts();
    rows.finish_run(claimed)?;
    book.reload()?;
    Ok(book)
}

/// Puts everything into the one file and closes it.
fn close(connection: Connection) -> RowAnswer<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failure)?;
    connection.close().map_err(|(_, error)| failure(error))
}

impl Store for SqliteStore {
    fn load(&self, at: Timestamp) -> StoreAnswer<'_, Loaded> {
        self.ask(move |book| book.load(at))
    }

    fn change(&self, at: Timestamp, changes: Vec<Change>) -> StoreAnswer<'_, ()> {
        self.ask(move |book| book.change(at, &changes))
    }

    fn admit(&self, batch: AdmitBatch) -> StoreAnswer<'_, Vec<Admitted>> {
        self.ask(move |book| book.admit(batch))
    }

    fn advance(&self, advance: Advance) -> StoreAnswer<'_, Advanced> {
        let patient = advance.claim.is_none();
        self.ask_patiently(patient, move |book| book.advance(advance))
    }

    fn claim_next(&self, next: ClaimNext) -> StoreAnswer<'_, Advanced> {
        let (asker, answered) = oneshot::channel();
        let sent = self.requests.send(Request::ClaimNext(next, asker));
        Box::pin(async move {
            sent.map_err(|_| StoreFailure::Closed)?;
            answered.await.unwrap_or(Err(StoreFailure::Closed))
        })
    }

    fn apply_moves(&self, moves: Moves) -> StoreAnswer<'_, Vec<Admitted>> {
        self.ask(move |book| book.apply_moves(moves))
    }

    fn record_receipt(
        &self,
        at: Timestamp,
        note: ReceiptNote,
    ) -> StoreAnswer<'_, Vec<DeliverySeq>> {
        self.ask(move |book| book.record_receipt(at, &note))
    }

    fn page_sent(&self, filter: SentFilter, before: DeliverySeq) -> StoreAnswer<'_, SentPage> {
        self.ask(move |book| book.page_sent(filter, before))
    }

    fn page_open(&self, filter: OpenFilter, after: DeliverySeq) -> StoreAnswer<'_, Vec<Delivery>> {
        // Asked at once, like every verb; only what goes on from there waits to be awaited.
        let first = self.page_open_part(filter, after, PAGE_ROWS_MAX);
        Box::pin(async move {
            let (mut page, mut rest) = first.await?;
            while let Some(after) = rest {
                let room = PAGE_ROWS_MAX - page.len();
                let (more, next) = self.page_open_part(filter, after, room).await?;
                page.extend(more);
                rest = next;
            }
            Ok(page)
        })
    }

    fn deliveries_of(&self, message: MessageSeq) -> StoreAnswer<'_, Vec<Delivery>> {
        self.ask(move |book| book.deliveries_of(message))
    }

    fn message(&self, seq: MessageSeq) -> StoreAnswer<'_, Option<Arc<Message>>> {
        self.ask(move |book| book.message(seq))
    }

    fn message_by_id(&self, id: MessageId) -> StoreAnswer<'_, Option<Arc<Message>>> {
        self.ask(move |book| book.message_by_id(id))
    }

    fn message_by_copy(
        &self,
        account: AccountId,
        chat: ChatKey,
        native: NativeMessageId,
    ) -> StoreAnswer<'_, Option<Arc<Message>>> {
        self.ask(move |book| book.message_by_copy(account, &chat, &native))
    }

    fn copies_of(&self, message: MessageSeq) -> StoreAnswer<'_, Vec<CopyNote>> {
        self.ask(move |book| book.copies_of(message))
    }

    fn page_messages(
        &self,
        conversation: ConversationId,
        before: MessageSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Arc<Message>>> {
        self.ask(move |book| book.page_messages(conversation, before, rows_max))
    }

    fn messages_after(
        &self,
        after: MessageSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Arc<Message>>> {
        self.ask(move |book| book.messages_after(after, rows_max))
    }

    fn newest_in(
        &self,
        conversations: Vec<ConversationId>,
    ) -> StoreAnswer<'_, Vec<Option<MessageSeq>>> {
        self.ask(move |book| book.newest_in(&conversations))
    }

    fn erase(&self, at: Timestamp, messages: Vec<MessageSeq>) -> StoreAnswer<'_, u64> {
        self.ask(move |book| book.erase(at, messages))
    }

    fn note_access(&self, at: Timestamp, access: Access) -> StoreAnswer<'_, ()> {
        self.ask(move |book| {
            book.note_access(at, access);
            Ok(())
        })
    }

    fn page_journal(
        &self,
        after: JournalSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<JournalEntry>> {
        self.ask(move |book| book.page_journal(after, rows_max))
    }

    fn counts(&self) -> StoreAnswer<'_, Counts> {
        self.ask(move |book| Ok(book.counts().clone()))
    }

    fn knows_event(&self, account: AccountId, key: EventKey) -> StoreAnswer<'_, bool> {
        self.ask(move |book| book.knows_event(account, &key))
    }

    fn forget_seen(&self, now: Timestamp) -> StoreAnswer<'_, u64> {
        self.ask(move |book| book.forget_seen(now))
    }

    fn page_incidents(
        &self,
        before: IncidentId,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Incident>> {
        self.ask(move |book| book.page_incidents(before, rows_max))
    }

    fn incident(&self, id: IncidentId) -> StoreAnswer<'_, Option<(Incident, TouchCounts)>> {
        self.ask(move |book| book.incident(id))
    }

    fn page_touched(
        &self,
        id: IncidentId,
        after: DeliverySeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Touch>> {
        self.ask(move |book| book.page_touched(id, after, rows_max))
    }

    fn close(&self) -> StoreAnswer<'_, ()> {
        let (reply, answered) = oneshot::channel();
        let close = Request::Close(Box::new(move |closed| drop(reply.send(closed))));
        let sent = self.requests.send(close);
        Box::pin(async move {
            sent.map_err(|_| StoreFailure::Closed)?;
            let closed = answered.await.unwrap_or(Err(StoreFailure::Closed));
            self.join();
            closed
        })
    }
}
