//! The memory store behind hazards: each verb is a step of the hub before and after it is carried
//! out, may take its time, and may fail while the store is ill.
//!
//! Invariant: a verb that fails was not carried out; one whose answer a crash swallowed was.

use super::hazard::Hazards;
use ieum_core::content::MessageId;
use ieum_core::delivery::Delivery;
use ieum_core::directory::Change;
use ieum_core::ids::{
    AccountId, ChatKey, ConversationId, DeliverySeq, EventKey, IncidentId, JournalSeq, MessageSeq,
    NativeMessageId,
};
use ieum_core::incident::{Incident, Touch, Touched};
use ieum_core::journal::JournalEntry;
use ieum_core::message::Message;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::store::{
    Access, AdmitBatch, Admitted, Advance, Advanced, ClaimNext, CopyNote, Counts, Loaded, Moves,
    OpenFilter, ReceiptNote, SentFilter, SentPage, Store, StoreAnswer, StoreFailure,
};
use ieum_core::time::Timestamp;
use ieum_store::MemoryStore;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The store of one life of the hub.
#[derive(Debug)]
pub(super) struct TroubledStore {
    inner: Arc<MemoryStore>,
    hazards: Arc<Hazards>,
    clock: Arc<dyn Clock>,
    life: u64,
    doubting: bool,
}

impl TroubledStore {
    pub(super) fn new(
        inner: Arc<MemoryStore>,
        hazards: Arc<Hazards>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let life = hazards.life();
        Self { inner, hazards, clock, life, doubting: true }
    }

    /// Tells the hub of nothing that was sent: it then doubts nothing, and a checker that sees no
    /// difference does not bite.
    pub(super) fn without_doubt(self) -> Self {
        Self { doubting: false, ..self }
    }

    fn write<'a, T: Send + 'a>(
        &'a self,
        verb: impl FnOnce(&'a MemoryStore) -> StoreAnswer<'a, T> + Send + 'a,
    ) -> StoreAnswer<'a, T> {
        Box::pin(async move {
            self.hazards.step(self.life).await;
            if self.hazards.store_fails() {
                return Err(StoreFailure::Unavailable("the disk is ill".to_owned()));
            }
            let answer = verb(&self.inner).await;
            let ms = self.hazards.store_ms();
            if ms > 0 {
                self.clock.sleep(ms).await;
            }
            self.hazards.step(self.life).await;
            answer
        })
    }
}

impl Store for TroubledStore {
    fn load(&self, at: Timestamp) -> StoreAnswer<'_, Loaded> {
        self.write(move |store| store.load(at))
    }

    fn change(&self, at: Timestamp, changes: Vec<Change>) -> StoreAnswer<'_, ()> {
        self.write(move |store| store.change(at, changes))
    }

    fn admit(&self, batch: AdmitBatch) -> StoreAnswer<'_, Vec<Admitted>> {
        self.write(move |store| store.admit(batch))
    }

    fn advance(&self, advance: Advance) -> StoreAnswer<'_, Advanced> {
        self.write(move |store| store.advance(advance))
    }

    fn claim_next(&self, next: ClaimNext) -> StoreAnswer<'_, Advanced> {
        self.write(move |store| store.claim_next(next))
    }

    fn apply_moves(&self, moves: Moves) -> StoreAnswer<'_, Vec<Admitted>> {
        self.write(move |store| store.apply_moves(moves))
    }

    fn record_receipt(
        &self,
        at: Timestamp,
        note: ReceiptNote,
    ) -> StoreAnswer<'_, Vec<DeliverySeq>> {
        self.write(move |store| store.record_receipt(at, note))
    }

    fn page_sent(&self, filter: SentFilter, before: DeliverySeq) -> StoreAnswer<'_, SentPage> {
        if !self.doubting {
            return Box::pin(async { Ok(SentPage::default()) });
        }
        self.inner.page_sent(filter, before)
    }

    fn page_open(&self, filter: OpenFilter, after: DeliverySeq) -> StoreAnswer<'_, Vec<Delivery>> {
        self.inner.page_open(filter, after)
    }

    fn deliveries_of(&self, message: MessageSeq) -> StoreAnswer<'_, Vec<Delivery>> {
        self.inner.deliveries_of(message)
    }

    fn message(&self, seq: MessageSeq) -> StoreAnswer<'_, Option<Arc<Message>>> {
        self.inner.message(seq)
    }

    fn message_by_id(&self, id: MessageId) -> StoreAnswer<'_, Option<Arc<Message>>> {
        self.inner.message_by_id(id)
    }

    fn message_by_copy(
        &self,
        account: AccountId,
        chat: ChatKey,
        native: NativeMessageId,
    ) -> StoreAnswer<'_, Option<Arc<Message>>> {
        self.inner.message_by_copy(account, chat, native)
    }

    fn copies_of(&self, message: MessageSeq) -> StoreAnswer<'_, Vec<CopyNote>> {
        self.inner.copies_of(message)
    }

    fn page_messages(
        &self,
        conversation: ConversationId,
        before: MessageSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Arc<Message>>> {
        self.inner.page_messages(conversation, before, rows_max)
    }

    fn messages_after(
        &self,
        after: MessageSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Arc<Message>>> {
        self.inner.messages_after(after, rows_max)
    }

    fn newest_in(
        &self,
        conversations: Vec<ConversationId>,
    ) -> StoreAnswer<'_, Vec<Option<MessageSeq>>> {
        self.inner.newest_in(conversations)
    }

    fn erase(&self, at: Timestamp, messages: Vec<MessageSeq>) -> StoreAnswer<'_, u64> {
        self.write(move |store| store.erase(at, messages))
    }

    fn note_access(&self, at: Timestamp, access: Access) -> StoreAnswer<'_, ()> {
        self.write(move |store| store.note_access(at, access))
    }

    fn page_journal(
        &self,
        after: JournalSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<JournalEntry>> {
        self.inner.page_journal(after, rows_max)
    }

    fn page_incidents(
        &self,
        before: IncidentId,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Incident>> {
        self.inner.page_incidents(before, rows_max)
    }

    fn incident(
        &self,
        id: IncidentId,
    ) -> StoreAnswer<'_, Option<(Incident, BTreeMap<Touched, u64>)>> {
        self.inner.incident(id)
    }

    fn page_touched(
        &self,
        id: IncidentId,
        after: DeliverySeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Touch>> {
        self.inner.page_touched(id, after, rows_max)
    }

    fn counts(&self) -> StoreAnswer<'_, Counts> {
        self.inner.counts()
    }

    fn knows_event(&self, account: AccountId, key: EventKey) -> StoreAnswer<'_, bool> {
        self.inner.knows_event(account, key)
    }

    fn forget_seen(&self, now: Timestamp) -> StoreAnswer<'_, u64> {
        self.write(move |store| store.forget_seen(now))
    }

    fn close(&self) -> StoreAnswer<'_, ()> {
        self.write(MemoryStore::close)
    }
}
