//! The writer: one thread, one connection, many verbs in one transaction.
//!
//! It takes what waits, without lingering for more, carries it out in order in one transaction,
//! commits, and answers all. Invariant: nothing is answered before the transaction that carried
//! it out is durable; when that fails, every verb of it is answered with the failure and nothing
//! of them remains, on disk or in memory.

use super::rows::SqliteRows;
use crate::book::{Book, CommitParts};
use crate::rows::RowAnswer;
use ieum_core::ports::store::StoreFailure;
use std::sync::mpsc::Receiver;

/// Most verbs of one transaction.
const BATCH_VERBS_MAX: usize = 1_024;

/// What the writer works on.
pub(super) type SqliteBook<'c> = Book<SqliteRows<'c>>;

/// Answers one verb, given how its transaction ended.
pub(super) type Reply = Box<dyn FnOnce(&RowAnswer<()>) + Send>;

/// Carries out one verb on the book, unless its transaction failed before its turn: SQLite may
/// have ended that by itself, and what followed would stand alone.
pub(super) type Verb =
    Box<dyn for<'b, 'c> FnOnce(RowAnswer<&'b mut SqliteBook<'c>>) -> Done + Send>;

/// Tells how closing went.
pub(super) type CloseReply = Box<dyn FnOnce(RowAnswer<()>) + Send>;

/// One carried out verb.
pub(super) struct Done {
    pub(super) reply: Reply,
    /// Set when the tables failed under it: its transaction must not be committed.
    pub(super) failure: Option<StoreFailure>,
}

/// What is asked of the writer.
pub(super) enum Request {
    /// Carry this out, or answer with why its transaction cannot.
    Verb(Verb),
    /// Close, and tell how that went.
    Close(CloseReply),
}

/// The thread's state.
pub(super) struct Writer<'c> {
    book: SqliteBook<'c>,
    /// Memory could not be made to follow the tables after a failure.
    stale: bool,
    /// The data is damaged; nothing is done any more.
    damaged: Option<StoreFailure>,
}

impl<'c> Writer<'c> {
    pub(super) fn new(book: SqliteBook<'c>) -> Self {
        Self { book, stale: false, damaged: None }
    }

    /// Works until it is to be closed, and returns whom to tell; nobody, when every handle is gone.
    pub(super) fn run(mut self, requests: &Receiver<Request>) -> Option<CloseReply> {
        while let Ok(first) = requests.recv() {
            let close = self.run_batch(first, requests);
            if close.is_some() {
                return close;
            }
        }
        None
    }

    fn run_batch(&mut self, first: Request, requests: &Receiver<Request>) -> Option<CloseReply> {
        let mut replies: Vec<Reply> = Vec::new();
        let mut failed = self.usable().err();
        let mut close = None;
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Verb(verb) => {
                    let done = verb(failed.clone().map_or(Ok(&mut self.book), Err));
                    replies.push(done.reply);
                    failed = failed.or(done.failure);
                }
                Request::Close(reply) => {
                    close = Some(reply);
                    break;
                }
            }
            let room = replies.len() < BATCH_VERBS_MAX;
            next = room.then(|| requests.try_recv().ok()).flatten();
        }
        let ended = self.end(failed);
        for reply in replies {
            reply(&ended);
        }
        close
    }

    /// Whether verbs may be carried out at all.
    fn usable(&mut self) -> RowAnswer<()> {
        if let Some(damaged) = &self.damaged {
            return Err(damaged.clone());
        }
        if self.stale {
            self.take_back()?;
        }
        Ok(())
    }

    /// Commits, or takes everything back.
    fn end(&mut self, failed: Option<StoreFailure>) -> RowAnswer<()> {
        let ended = match failed {
            Some(failure) => Err(failure),
            None => self.commit(),
        };
        let Err(failure) = &ended else { return ended };
        tracing::error!(%failure, "a transaction of the store failed");
        if matches!(failure, StoreFailure::Damaged(_)) {
            self.damaged = Some(failure.clone());
        }
        if let Err(failure) = self.take_back() {
            tracing::error!(%failure, "the store cannot be read again yet");
        }
        ended
    }

    fn commit(&mut self) -> RowAnswer<()> {
        let CommitParts { rows, events, counts, claimed } = self.book.commit_parts();
        rows.commit(events, counts, claimed)?;
        self.book.committed();
        Ok(())
    }

    fn take_back(&mut self) -> RowAnswer<()> {
        self.stale = true;
        self.book.rows.roll_back()?;
        self.book.reload_after_failure()?;
        self.stale = false;
        Ok(())
    }
}
