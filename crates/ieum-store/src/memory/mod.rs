//! The memory store: the whole contract without a disk, answering at once and always the same.
//!
//! For tests, simulations and trying things out; nothing survives the process. Invariant: a verb
//! is carried out when it is called, not when its answer is awaited, and one verb at a time.

mod rows;

use crate::book::{Book, CommitParts};
use crate::rows::RowAnswer;
use crate::standing::Standing;
use futures_channel::oneshot;
use ieum_core::content::MessageId;
use ieum_core::delivery::Delivery;
use ieum_core::directory::Change;
use ieum_core::ids::NativeMessageId;
use ieum_core::ids::{
    AccountId, ChatKey, ConversationId, DeliverySeq, EventKey, IncidentId, JournalSeq, MessageSeq,
};
use ieum_core::incident::{Incident, Touch};
use ieum_core::journal::JournalEntry;
use ieum_core::message::Message;
use ieum_core::ports::store::{
    Access, AdmitBatch, Admitted, Advance, Advanced, ClaimNext, CopyNote, Counts, Loaded, Moves,
    OpenFilter, PAGE_ROWS_MAX, ReceiptNote, SentFilter, SentPage, Store, StoreAnswer, StoreFailure,
    TouchCounts,
};
use ieum_core::time::Timestamp;
use rows::MemoryRows;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Everything in maps behind one lock.
#[derive(Debug)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    book: Book<MemoryRows>,
    standing: Standing,
    /// Answers that the next writing verbs get instead of being carried out.
    failures: VecDeque<StoreFailure>,
    closed: bool,
}

impl Inner {
    /// One transaction: a verb, and the claims that waited for what it made due.
    fn carry_out<T>(
        &mut self,
        verb: impl FnOnce(&mut Book<MemoryRows>) -> RowAnswer<T>,
    ) -> RowAnswer<T> {
        if self.closed {
            return Err(StoreFailure::Closed);
        }
        let answer = verb(&mut self.book);
        let answered = self.standing.answer(&mut self.book);
        let CommitParts { rows, events, counts, .. } = self.book.commit_parts();
        rows.commit(events, counts);
        self.book.committed();
        for (asker, advanced) in answered? {
            drop(asker.send(Ok(advanced)));
        }
        answer
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        let book = Book::over(MemoryRows::default());
        let standing = Standing::default();
        Self {
            inner: Mutex::new(Inner { book, standing, failures: VecDeque::new(), closed: false }),
        }
    }

    /// Lets the next writing verb that has no failure waiting fail so, with nothing carried out.
    pub fn fail_next(&self, failure: StoreFailure) {
        self.lock().failures.push_back(failure);
    }

    /// What a crash and a restart leave: opens a closed store again, and forgets claims that were
    /// not to be durable. The next `load` tells the rest.
    pub fn reopen(&self) {
        let mut inner = self.lock();
        inner.closed = false;
        inner.standing.fail(&StoreFailure::Closed);
        let reloaded = inner.book.reload();
        debug_assert_eq!(reloaded, Ok(()), "maps cannot fail");
    }

    /// A panic while the lock was held left the maps as they were between two verbs' steps; tests
    /// that get here have failed already.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Book<MemoryRows>) -> RowAnswer<T>,
    ) -> StoreAnswer<'_, T> {
        Box::pin(std::future::ready(self.try_read(verb)))
    }

    /// Each part is a verb of its own: between them others have their turn.
    fn page_open_in_parts(
        &self,
        filter: OpenFilter,
        after: DeliverySeq,
    ) -> RowAnswer<Vec<Delivery>> {
        let (mut page, mut rest) = (Vec::new(), Some(after));
        while let Some(after) = rest {
            let room = PAGE_ROWS_MAX - page.len();
            let (more, next) = self.try_read(|book| book.page_open_part(filter, after, room))?;
            page.extend(more);
            rest = next;
        }
        Ok(page)
    }

    fn try_read<T>(
        &self,
        verb: impl FnOnce(&mut Book<MemoryRows>) -> RowAnswer<T>,
    ) -> RowAnswer<T> {
        let mut inner = self.lock();
        if inner.closed { Err(StoreFailure::Closed) } else { verb(&mut inner.book) }
    }

    fn write<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Book<MemoryRows>) -> RowAnswer<T>,
    ) -> StoreAnswer<'_, T> {
        let answer = self.write_with(|inner| inner.carry_out(verb));
        Box::pin(std::future::ready(answer))
    }

    fn write_with<T>(&self, work: impl FnOnce(&mut Inner) -> RowAnswer<T>) -> RowAnswer<T> {
        let mut inner = self.lock();
        let failure = if inner.closed { None } else { inner.failures.pop_front() };
        failure.map_or_else(|| work(&mut inner), Err)
    }
}

#[cfg(test)]
impl MemoryStore {
    /// How many deliveries its verbs looked up.
    pub(crate) fn looked_up(&self) -> StoreAnswer<'_, u64> {
        self.read(|book| Ok(book.looked_up))
    }
}

impl Store for MemoryStore {
    fn load(&self, at: Timestamp) -> StoreAnswer<'_, Loaded> {
        self.write(|book| book.load(at))
    }

    fn change(&self, at: Timestamp, changes: Vec<Change>) -> StoreAnswer<'_, ()> {
        self.write(|book| book.change(at, &changes))
    }

    fn admit(&self, batch: AdmitBatch) -> StoreAnswer<'_, Vec<Admitted>> {
        self.write(|book| book.admit(batch))
    }

    fn advance(&self, advance: Advance) -> StoreAnswer<'_, Advanced> {
        self.write(|book| book.advance(advance))
    }

    fn claim_next(&self, next: ClaimNext) -> StoreAnswer<'_, Advanced> {
        let (asker, answered) = oneshot::channel();
        let asked = self.write_with(|inner| {
            inner.standing.ask(next, asker);
            inner.carry_out(|_| Ok(()))
        });
        Box::pin(async move {
            asked?;
            answered.await.unwrap_or(Err(StoreFailure::Closed))
        })
    }

    fn apply_moves(&self, moves: Moves) -> StoreAnswer<'_, Vec<Admitted>> {
        self.write(|book| book.apply_moves(moves))
    }

    fn record_receipt(
        &self,
        at: Timestamp,
        note: ReceiptNote,
    ) -> StoreAnswer<'_, Vec<DeliverySeq>> {
        self.write(|book| book.record_receipt(at, &note))
    }

    fn page_sent(&self, filter: SentFilter, before: DeliverySeq) -> StoreAnswer<'_, SentPage> {
        self.read(|book| book.page_sent(filter, before))
    }

    fn page_open(&self, filter: OpenFilter, after: DeliverySeq) -> StoreAnswer<'_, Vec<Delivery>> {
        Box::pin(std::future::ready(self.page_open_in_parts(filter, after)))
    }

    fn deliveries_of(&self, message: MessageSeq) -> StoreAnswer<'_, Vec<Delivery>> {
        self.read(|book| book.deliveries_of(message))
    }

    fn message(&self, seq: MessageSeq) -> StoreAnswer<'_, Option<Arc<Message>>> {
        self.read(|book| book.message(seq))
    }

    fn message_by_id(&self, id: MessageId) -> StoreAnswer<'_, Option<Arc<Message>>> {
        self.read(|book| book.message_by_id(id))
    }

    fn message_by_copy(
        &self,
        account: AccountId,
        chat: ChatKey,
        native: NativeMessageId,
    ) -> StoreAnswer<'_, Option<Arc<Message>>> {
        self.read(|book| book.message_by_copy(account, &chat, &native))
    }

    fn copies_of(&self, message: MessageSeq) -> StoreAnswer<'_, Vec<CopyNote>> {
        self.read(|book| book.copies_of(message))
    }

    fn page_messages(
        &self,
        conversation: ConversationId,
        before: MessageSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Arc<Message>>> {
        self.read(|book| book.page_messages(conversation, before, rows_max))
    }

    fn messages_after(
        &self,
        after: MessageSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Arc<Message>>> {
        self.read(|book| book.messages_after(after, rows_max))
    }

    fn newest_in(
        &self,
        conversations: Vec<ConversationId>,
    ) -> StoreAnswer<'_, Vec<Option<MessageSeq>>> {
        self.read(|book| book.newest_in(&conversations))
    }

    fn erase(&self, at: Timestamp, messages: Vec<MessageSeq>) -> StoreAnswer<'_, u64> {
        self.write(|book| book.erase(at, messages))
    }

    fn note_access(&self, at: Timestamp, access: Access) -> StoreAnswer<'_, ()> {
        self.write(|book| {
            book.note_access(at, access);
            Ok(())
        })
    }

    fn page_journal(
        &self,
        after: JournalSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<JournalEntry>> {
        self.read(|book| book.page_journal(after, rows_max))
    }

    fn counts(&self) -> StoreAnswer<'_, Counts> {
        self.read(|book| Ok(book.counts().clone()))
    }

    fn knows_event(&self, account: AccountId, key: EventKey) -> StoreAnswer<'_, bool> {
        self.read(move |book| book.knows_event(account, &key))
    }

    fn forget_seen(&self, now: Timestamp) -> StoreAnswer<'_, u64> {
        self.write(|book| book.forget_seen(now))
    }

    fn page_incidents(
        &self,
        before: IncidentId,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Incident>> {
        self.read(|book| book.page_incidents(before, rows_max))
    }

    fn incident(&self, id: IncidentId) -> StoreAnswer<'_, Option<(Incident, TouchCounts)>> {
        self.read(|book| book.incident(id))
    }

    fn page_touched(
        &self,
        id: IncidentId,
        after: DeliverySeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Touch>> {
        self.read(|book| book.page_touched(id, after, rows_max))
    }

    fn close(&self) -> StoreAnswer<'_, ()> {
        let mut inner = self.lock();
        inner.closed = true;
        inner.standing.fail(&StoreFailure::Closed);
        drop(inner);
        Box::pin(std::future::ready(Ok(())))
    }
}
