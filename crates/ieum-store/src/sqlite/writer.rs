//! The writer: one thread, one connection, many verbs in one transaction.
//!
//! It takes what waits, carries it out in order in one transaction, commits, and answers all. It
//! lingers for more only while nobody waits for what it has. Invariant: nothing is answered before
//! the transaction that carried it out is durable; when that fails, every verb of it is answered
//! with the failure and nothing of them remains, on disk or in memory.

use super::requests::Receiver;
use super::rows::SqliteRows;
use crate::book::{Book, CommitParts};
use crate::rows::RowAnswer;
use crate::standing::{Answered, Asker, Standing};
use ieum_core::ports::store::{ClaimNext, StoreFailure};
use std::time::Duration;

/// Most verbs of one transaction.
const BATCH_VERBS_MAX: usize = 1_024;

/// How long it waits for company to what nobody waits for. A crash meanwhile leaves what a network
/// said in doubt, as it would have been while the call was under way.
const LINGER: Duration = Duration::from_millis(2);
/// How often it waits so before it commits: less often than an account settles side by side, which
/// has nothing more to say until it is answered.
const LINGERS_MAX: usize = 3;

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
    /// Nobody waits for it: it may become durable with what comes next.
    pub(super) patient: bool,
    /// Set when the tables failed under it: its transaction must not be committed.
    pub(super) failure: Option<StoreFailure>,
}

/// What is asked of the writer.
pub(super) enum Request {
    /// Carry this out, or answer with why its transaction cannot.
    Verb(Verb),
    /// Claim what is due next, and tell this asker.
    ClaimNext(ClaimNext, Asker),
    /// Close, and tell how that went.
    Close(CloseReply),
}

/// The thread's state.
pub(super) struct Writer<'c> {
    book: SqliteBook<'c>,
    standing: Standing,
    /// Memory could not be made to follow the tables after a failure.
    stale: bool,
    /// The data is damaged; nothing is done any more.
    damaged: Option<StoreFailure>,
}

/// What one transaction carries out, and who is to be told.
struct Batch {
    replies: Vec<Reply>,
    claimed: Vec<Answered>,
    /// Nobody waits for any of it.
    patient: bool,
    lingers: usize,
    failed: Option<StoreFailure>,
    close: Option<CloseReply>,
}

impl Batch {
    fn new(failed: Option<StoreFailure>) -> Self {
        let (replies, claimed) = (Vec::new(), Vec::new());
        Self { replies, claimed, patient: true, lingers: 0, failed, close: None }
    }

    fn has_room(&self) -> bool {
        self.close.is_none() && self.replies.len() < BATCH_VERBS_MAX
    }

    /// Nothing was carried out that could be committed.
    fn idle(&self) -> bool {
        self.replies.is_empty() && self.claimed.is_empty() && self.failed.is_none()
    }
}

impl<'c> Writer<'c> {
    pub(super) fn new(book: SqliteBook<'c>) -> Self {
        Self { book, standing: Standing::default(), stale: false, damaged: None }
    }

    /// Works until it is to be closed, and returns whom to tell; nobody, when every handle is gone.
    pub(super) fn run(mut self, requests: &mut Receiver<Request>) -> Option<CloseReply> {
        while let Some(first) = requests.next() {
            let close = self.run_batch(first, requests);
            if close.is_some() {
                return close;
            }
        }
        None
    }

    fn run_batch(
        &mut self,
        first: Request,
        requests: &mut Receiver<Request>,
    ) -> Option<CloseReply> {
        let mut batch = Batch::new(self.usable().err());
        let mut next = Some(first);
        while let Some(request) = next {
            self.take(request, &mut batch);
            next = batch.has_room().then(|| requests.next_waiting()).flatten();
            if next.is_none() {
                self.answer_standing(&mut batch);
                next = linger(&mut batch, requests);
            }
        }
        let ended = if batch.idle() { Ok(()) } else { self.end(batch.failed) };
        for reply in batch.replies {
            reply(&ended);
        }
        for (asker, advanced) in batch.claimed {
            drop(asker.send(ended.clone().map(|()| advanced)));
        }
        batch.close
    }

    fn take(&mut self, request: Request, batch: &mut Batch) {
        match request {
            Request::Verb(verb) => {
                let done = verb(batch.failed.clone().map_or(Ok(&mut self.book), Err));
                batch.replies.push(done.reply);
                batch.patient &= done.patient;
                batch.failed = batch.failed.take().or(done.failure);
            }
            Request::ClaimNext(next, asker) => match &batch.failed {
                Some(failure) => drop(asker.send(Err(failure.clone()))),
                None => self.standing.ask(next, asker),
            },
            Request::Close(reply) => batch.close = Some(reply),
        }
    }

    /// Lets those who wait for something to claim have what is due by now.
    fn answer_standing(&mut self, batch: &mut Batch) {
        if batch.failed.is_some() {
            return;
        }
        match self.standing.answer(&mut self.book) {
            Ok(answered) => {
                batch.patient &= answered.is_empty();
                batch.claimed.extend(answered);
            }
            Err(failure) => batch.failed = Some(failure),
        }
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

/// Waits for more while nobody waits for what there is.
fn linger(batch: &mut Batch, requests: &mut Receiver<Request>) -> Option<Request> {
    let wait = batch.patient && !batch.idle() && batch.failed.is_none() && batch.has_room();
    if !wait || batch.lingers >= LINGERS_MAX {
        return None;
    }
    batch.lingers += 1;
    requests.next_within(LINGER)
}
