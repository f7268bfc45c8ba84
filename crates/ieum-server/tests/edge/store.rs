//! A small store in memory that can be told to fail. It keeps what the edge reads: messages,
//! deliveries as planned, the journal. Nothing is ever claimed from it.

use ieum_core::content::MessageId;
use ieum_core::delivery::{Delivery, NewDelivery, Settlement, State};
use ieum_core::directory::{Change, Directory};
use ieum_core::ids::{
    AccountId, ChatKey, ConversationId, DeliverySeq, EventKey, IncidentId, JournalSeq, MessageSeq,
    NativeMessageId,
};
use ieum_core::incident::{Incident, Latest, Touch, Touched};
use ieum_core::journal::{JournalEntry, JournalEvent, Planned};
use ieum_core::message::{Author, Message};
use ieum_core::ports::store::{
    Access, Admission, AdmitBatch, Admitted, Advance, Advanced, ClaimNext, CopyNote, Counts,
    Loaded, Moves, OpenFilter, ReceiptNote, SentFilter, SentPage, Store, StoreAnswer, StoreFailure,
    TouchCounts,
};
use ieum_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug, Default)]
struct Kept {
    directory: Directory,
    seen: BTreeSet<(AccountId, EventKey)>,
    messages: Vec<Arc<Message>>,
    deliveries: Vec<Delivery>,
    journal: Vec<JournalEntry>,
    repeated: u64,
    latest: Latest,
    incidents: BTreeMap<IncidentId, Incident>,
    touched: BTreeMap<(IncidentId, DeliverySeq), Touch>,
}

/// The store.
#[derive(Debug, Default)]
pub struct ScriptedStore {
    kept: Mutex<Kept>,
    broken: AtomicBool,
    answer_after_ms: AtomicU64,
}

impl ScriptedStore {
    /// Makes every verb fail from now on, or none.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// Makes every verb answer so long after its work is durable.
    pub fn answer_after_ms(&self, ms: u64) {
        self.answer_after_ms.store(ms, Ordering::SeqCst);
    }

    /// Lets nothing wait for anybody.
    pub fn forget_deliveries(&self) {
        self.kept.lock().unwrap().deliveries.clear();
    }

    /// How many messages of people it holds; the hub's own words to them are not counted.
    pub fn messages(&self) -> usize {
        let kept = self.kept.lock().unwrap();
        kept.messages.iter().filter(|one| one.new.author != Author::Hub).count()
    }

    fn answer<T: Send + 'static>(&self, work: impl FnOnce(&mut Kept) -> T) -> StoreAnswer<'_, T> {
        let answer = if self.broken.load(Ordering::SeqCst) {
            Err(StoreFailure::Unavailable("SECRET-PATH is full".to_owned()))
        } else {
            Ok(work(&mut self.kept.lock().unwrap()))
        };
        let after = Duration::from_millis(self.answer_after_ms.load(Ordering::SeqCst));
        Box::pin(async move {
            if !after.is_zero() {
                tokio::time::timeout(after, std::future::pending::<()>()).await.ok();
            }
            answer
        })
    }
}

impl Kept {
    fn write(&mut self, event: JournalEvent) {
        let seq = JournalSeq(self.journal.len() as u64 + 1);
        self.journal.push(JournalEntry { seq, event });
    }

    fn admit(&mut self, at: Timestamp, admission: Admission) -> Admitted {
        if let Some(event) = admission.event
            && !self.seen.insert(event)
        {
            self.repeated += 1;
            return Admitted::Known;
        }
        let Some(new) = admission.message else {
            return Admitted::New { message: None, deliveries: Vec::new() };
        };
        let message = Arc::new(Message { seq: MessageSeq(self.messages.len() as u64 + 1), new });
        self.messages.push(Arc::clone(&message));
        let planned: Vec<Planned> = admission
            .deliveries
            .into_iter()
            .map(|delivery| self.plan(&message, &delivery))
            .collect();
        let deliveries = planned.iter().map(|one| one.delivery).collect();
        self.write(JournalEvent::Admitted {
            at,
            message: message.seq,
            id: *message.new.id.as_bytes(),
            conversation: message.new.conversation,
            author: message.new.author,
            class: message.new.class,
            deliveries: planned,
        });
        Admitted::New { message: Some(message.seq), deliveries }
    }

    fn plan(&mut self, message: &Message, new: &NewDelivery) -> Planned {
        let seq = DeliverySeq(self.deliveries.len() as u64 + 1);
        self.deliveries.push(Delivery {
            seq,
            message: message.seq,
            conversation: message.new.conversation,
            recipient: new.recipient,
            route: new.route,
            state: new.state,
            attempts: 0,
            part: 0,
            due_at: message.new.accepted_at,
            tried_at: None,
            label: new.label,
            stands_in_for: new.stands_in_for,
            copies: Vec::new(),
        });
        Planned {
            delivery: seq,
            recipient: new.recipient,
            route: new.route,
            held: new.route.is_none(),
            stands_in_for: new.stands_in_for,
            label: new.label,
        }
    }

    fn apply(&mut self, moves: Moves) {
        for change in moves.health {
            let next = IncidentId(self.incidents.len() as u64 + 1);
            if let Some(incident) = self.latest.follow(moves.at, &change, next) {
                self.incidents.insert(incident.id, incident.clone());
            }
            self.write(JournalEvent::Health { at: moves.at, change });
        }
        for settlement in moves.moved {
            self.touch(&settlement);
        }
    }

    fn touch(&mut self, settlement: &Settlement) {
        let index = usize::try_from(settlement.delivery.0).unwrap() - 1;
        let delivery = &mut self.deliveries[index];
        let Some(how) = Touched::by(&settlement.step) else { return };
        let touch = Touch {
            delivery: delivery.seq,
            message: delivery.message,
            recipient: delivery.recipient,
            how,
            at: settlement.at,
            to: None,
        };
        if how == Touched::Held {
            delivery.state = State::Held;
        }
        if let Some((id, _)) = self.incidents.last_key_value() {
            self.touched.insert((*id, touch.delivery), touch);
        }
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts {
            messages: self.messages.len() as u64,
            repeated_events: self.repeated,
            deliveries: self.deliveries.len() as u64,
            journal: self.journal.len() as u64,
            ..Counts::default()
        };
        for delivery in &self.deliveries {
            let account = delivery.route.map_or(0, |route| route.account.0);
            *counts.open.entry(account).or_default() += 1;
        }
        counts
    }
}

fn change_facts(change: &Change) -> (&'static str, u64) {
    match change {
        Change::Account(one) => ("account", one.id.0),
        Change::Person(one) => ("person", one.id.0),
        Change::Address(one) => ("address", one.id.0),
        Change::Room(one) => ("room", one.id.0),
        Change::Conversation(one) => ("conversation", one.id.0),
        Change::Code(_)
        | Change::Tally(_)
        | Change::Stay(_)
        | Change::Question(_)
        | Change::Card(_)
        | Change::Terms(_)
        | Change::Door(_)
        | Change::Charter(_)
        | Change::Farewell(_)
        | Change::Hold(_)
        | Change::Gone(_) => ("other", 0),
    }
}

impl Store for ScriptedStore {
    fn load(&self, at: Timestamp) -> StoreAnswer<'_, Loaded> {
        self.answer(|kept| {
            kept.write(JournalEvent::Opened { at });
            Loaded { directory: kept.directory.clone(), ..Loaded::default() }
        })
    }

    fn change(&self, at: Timestamp, changes: Vec<Change>) -> StoreAnswer<'_, ()> {
        self.answer(|kept| {
            for change in changes {
                let (entity, id) = change_facts(&change);
                kept.write(JournalEvent::Changed { at, entity: entity.into(), id });
                kept.directory.apply(change);
            }
        })
    }

    fn admit(&self, batch: AdmitBatch) -> StoreAnswer<'_, Vec<Admitted>> {
        self.answer(|kept| {
            let admissions = batch.admissions.into_iter();
            admissions.map(|one| kept.admit(batch.at, one)).collect()
        })
    }

    fn advance(&self, _: Advance) -> StoreAnswer<'_, Advanced> {
        self.answer(|_| Advanced::default())
    }

    /// Nothing is ever due here.
    fn claim_next(&self, next: ClaimNext) -> StoreAnswer<'_, Advanced> {
        if next.claim.rows_max == 0 {
            return self.answer(|_| Advanced::default());
        }
        Box::pin(std::future::pending())
    }

    fn apply_moves(&self, moves: Moves) -> StoreAnswer<'_, Vec<Admitted>> {
        self.answer(|kept| {
            kept.apply(moves);
            Vec::new()
        })
    }

    fn page_incidents(
        &self,
        before: IncidentId,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Incident>> {
        self.answer(|kept| {
            let below = kept.incidents.range(..before).rev();
            below.take(rows_max).map(|(_, incident)| incident.clone()).collect()
        })
    }

    fn incident(&self, id: IncidentId) -> StoreAnswer<'_, Option<(Incident, TouchCounts)>> {
        self.answer(|kept| {
            let incident = kept.incidents.get(&id)?.clone();
            let mut counts = TouchCounts::new();
            for ((of, _), touch) in &kept.touched {
                *counts.entry(touch.how).or_default() += u64::from(*of == id);
            }
            Some((incident, counts))
        })
    }

    fn page_touched(
        &self,
        id: IncidentId,
        after: DeliverySeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Touch>> {
        self.answer(|kept| {
            let of_incident = kept.touched.iter().filter(|((of, _), _)| *of == id);
            let later = of_incident.filter(|((_, seq), _)| *seq > after);
            later.take(rows_max).map(|(_, touch)| *touch).collect()
        })
    }

    fn record_receipt(&self, _: Timestamp, _: ReceiptNote) -> StoreAnswer<'_, Vec<DeliverySeq>> {
        self.answer(|_| Vec::new())
    }

    fn page_sent(&self, _: SentFilter, _: DeliverySeq) -> StoreAnswer<'_, SentPage> {
        self.answer(|_| SentPage::default())
    }

    fn page_open(&self, filter: OpenFilter, after: DeliverySeq) -> StoreAnswer<'_, Vec<Delivery>> {
        self.answer(|kept| {
            let fits = |one: &&Delivery| {
                let account = one.route.map(|route| route.account);
                one.seq > after
                    && filter.account.is_none_or(|wanted| account == Some(wanted))
                    && filter.state.is_none_or(|wanted| one.state == wanted)
                    && filter.conversation.is_none_or(|wanted| one.conversation == wanted)
            };
            kept.deliveries.iter().filter(fits).cloned().collect()
        })
    }

    fn deliveries_of(&self, message: MessageSeq) -> StoreAnswer<'_, Vec<Delivery>> {
        self.answer(|kept| {
            let of_message = |one: &&Delivery| one.message == message;
            kept.deliveries.iter().filter(of_message).cloned().collect()
        })
    }

    fn message(&self, seq: MessageSeq) -> StoreAnswer<'_, Option<Arc<Message>>> {
        self.answer(|kept| kept.messages.iter().find(|one| one.seq == seq).cloned())
    }

    fn message_by_id(&self, id: MessageId) -> StoreAnswer<'_, Option<Arc<Message>>> {
        self.answer(|kept| kept.messages.iter().find(|one| one.new.id == id).cloned())
    }

    fn message_by_copy(
        &self,
        _: AccountId,
        _: ChatKey,
        _: NativeMessageId,
    ) -> StoreAnswer<'_, Option<Arc<Message>>> {
        self.answer(|_| None)
    }

    fn copies_of(&self, _: MessageSeq) -> StoreAnswer<'_, Vec<CopyNote>> {
        self.answer(|_| Vec::new())
    }

    fn newest_in(
        &self,
        conversations: Vec<ConversationId>,
    ) -> StoreAnswer<'_, Vec<Option<MessageSeq>>> {
        self.answer(|kept| {
            let newest = |id: &ConversationId| {
                let of_it = kept.messages.iter().filter(|one| one.new.conversation == *id);
                of_it.map(|one| one.seq).max()
            };
            conversations.iter().map(newest).collect()
        })
    }

    fn page_messages(
        &self,
        conversation: ConversationId,
        before: MessageSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Arc<Message>>> {
        self.answer(|kept| {
            let fits =
                |one: &&Arc<Message>| one.new.conversation == conversation && one.seq < before;
            kept.messages.iter().rev().filter(fits).take(rows_max).cloned().collect()
        })
    }

    fn messages_after(
        &self,
        after: MessageSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Arc<Message>>> {
        self.answer(|kept| {
            let later = kept.messages.iter().filter(|message| message.seq > after);
            later.take(rows_max).cloned().collect()
        })
    }

    fn erase(&self, at: Timestamp, messages: Vec<MessageSeq>) -> StoreAnswer<'_, u64> {
        self.answer(|kept| {
            let mut count = 0;
            for message in &mut kept.messages {
                if messages.contains(&message.seq) && !message.new.content.is_empty() {
                    Arc::make_mut(message).new.content = Arc::from([]);
                    count += 1;
                }
            }
            kept.write(JournalEvent::Erased { at, messages });
            count
        })
    }

    fn note_access(&self, at: Timestamp, access: Access) -> StoreAnswer<'_, ()> {
        self.answer(|kept| {
            let Access { person, what, by } = access;
            kept.write(JournalEvent::Accessed { at, person, what, by });
        })
    }

    fn page_journal(
        &self,
        after: JournalSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<JournalEntry>> {
        self.answer(|kept| {
            let later = kept.journal.iter().filter(|entry| entry.seq > after);
            later.take(rows_max).cloned().collect()
        })
    }

    fn counts(&self) -> StoreAnswer<'_, Counts> {
        self.answer(|kept| kept.counts())
    }

    fn knows_event(&self, account: AccountId, key: EventKey) -> StoreAnswer<'_, bool> {
        self.answer(move |kept| kept.seen.contains(&(account, key)))
    }

    fn forget_seen(&self, _: Timestamp) -> StoreAnswer<'_, u64> {
        self.answer(|_| 0)
    }

    fn close(&self) -> StoreAnswer<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}
