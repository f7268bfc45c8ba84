//! The store port: about fifteen domain verbs, each write one durable transaction.
//!
//! The store keeps the order of lanes: of the deliveries of one (conversation, recipient) that
//! have not ended, only the one with the smallest number may be claimed, alone or with those that
//! follow it directly. It decides nothing else.

use super::BoxFuture;
use crate::content::MessageId;
use crate::delivery::{Claim, Delivery, NewDelivery, Recipient, Settlement, State};
use crate::directory::{Change, Directory};
use crate::health::CellChange;
use crate::ids::{AccountId, ChatKey, ConversationId, Cursor, DeliverySeq, EventKey};
use crate::ids::{IncidentId, JournalSeq, MessageSeq, NativeMessageId, PersonId};
use crate::inbound::ReceiptLevel;
use crate::incident::{Incident, Touch, Touched};
use crate::journal::JournalEntry;
use crate::message::{Message, NewMessage};
use crate::network::Network;
use crate::outgoing::CopyKey;
use crate::telling::Telling;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most rows that one page returns.
pub const PAGE_ROWS_MAX: usize = 1_000;
/// Most deliveries taken by one claim.
pub const CLAIM_ROWS_MAX: usize = 256;
/// Most deliveries of one lane taken by one claim.
pub const RUN_ROWS_MAX: usize = 8;
/// How long event keys are kept to recognise repetitions: 30 days.
pub const SEEN_KEPT_MS: u64 = 30 * 24 * 3_600 * 1_000;

/// Why a verb failed. Nothing of it was carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreFailure {
    /// The disk is full or fails; trying later may help.
    #[error("the store cannot write now: {0}")]
    Unavailable(String),
    /// The data is damaged; nothing is written to it any more.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// The request broke a rule of the store (a defect of ours).
    #[error("the store refuses: {0}")]
    Rule(String),
}

/// What a store verb answers.
pub type StoreAnswer<'a, T> = BoxFuture<'a, Result<T, StoreFailure>>;

/// What an opened store holds.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Who is there.
    pub directory: Directory,
    /// Where polling continues.
    pub cursors: BTreeMap<AccountId, Cursor>,
    /// Deliveries that were claimed durably when the store was last closed or killed: what came
    /// of them is unknown. They stay `Attempting` until settled.
    pub interrupted: Vec<Delivery>,
}

/// One event to admit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admission {
    /// By which a repetition is recognised; `None` for the hub's own messages.
    pub event: Option<(AccountId, EventKey)>,
    /// The message, for events that are messages.
    pub message: Option<NewMessage>,
    /// Whom it is owed to.
    pub deliveries: Vec<NewDelivery>,
    /// Further native copies of the message or of an earlier one, to be found by later answers
    /// and edits.
    pub receipts: Vec<ReceiptNote>,
    /// The network whose incident the message tells about, for the hub's own words.
    pub about: Option<Network>,
}

/// Several events and, for polled networks, the cursor after them: one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdmitBatch {
    /// When.
    pub at: Timestamp,
    /// In order.
    pub admissions: Vec<Admission>,
    /// Where polling continues once this is durable.
    pub cursor: Option<(AccountId, Cursor)>,
}

/// What came of one admission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// It is new and durable; the message's place and the deliveries' numbers in order.
    New {
        /// The message's place (none for events without a message).
        message: Option<MessageSeq>,
        /// The deliveries' numbers, in the order given.
        deliveries: Vec<DeliverySeq>,
    },
    /// The event was admitted before; nothing was stored.
    Known,
}

/// A network's word on one of our copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptNote {
    /// Our account.
    pub account: AccountId,
    /// The chat.
    pub chat: ChatKey,
    /// Our message there; `None` means all of ours in that chat up to `at`.
    pub native: Option<NativeMessageId>,
    /// How far it got.
    pub level: ReceiptLevel,
    /// By the network's word.
    pub at: Timestamp,
}

/// Which deliveries to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimRequest {
    /// Those whose present route is this account's.
    pub account: AccountId,
    /// Of at most so many lanes.
    pub lanes_max: usize,
    /// At most so many in all; at most [`CLAIM_ROWS_MAX`]. Every lane that is due comes first with
    /// one; what is left is for runs.
    pub rows_max: usize,
    /// At most so many of one lane, to be attempted one after the other; at most
    /// [`RUN_ROWS_MAX`]. Only what waits for its first attempt on the same route follows in a run,
    /// and nothing that is wanted once only.
    pub run_max: usize,
    /// Due by now.
    pub now: Timestamp,
    /// Whether the claim must be durable before it is answered (the network cannot repeat
    /// safely). Otherwise a crash simply leaves the delivery `Queued`.
    pub durable: bool,
}

/// Settle what came back and take what is due next, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advance {
    /// What became of claimed deliveries. A settlement of an ended delivery is ignored.
    pub settled: Vec<Settlement>,
    /// What to take, after settling.
    pub claim: Option<ClaimRequest>,
}

/// The answer to [`Advance`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advanced {
    /// Taken: the heads of lanes, the longest due first, then what follows them in runs; those of
    /// one lane in its order. While heads with a label and without one are due, they take turns,
    /// over any number of claims: whoever leaves a network in masses leaves room where they go.
    pub claims: Vec<Claim>,
    /// When the next unclaimed head of a lane of that account is due, if one is waiting.
    pub next_due_at: Option<Timestamp>,
}

/// To take what is due next, as soon as there is something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimNext {
    /// What to take. Its `now` is when it was asked: what is made due later by somebody else's
    /// verb is taken at that verb's time.
    pub claim: ClaimRequest,
    /// When the caller expects the next head of a lane to be due, if any.
    pub expected_at: Option<Timestamp>,
}

/// A change of deliveries outside an attempt: failover, holding, release, catch-up. All in one
/// transaction, together with the change of health that caused it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moves {
    /// When.
    pub at: Timestamp,
    /// The cause.
    pub health: Vec<CellChange>,
    /// Each applied like a settlement, but only to deliveries that are `Queued`, `Unsure` or
    /// `Held`: one that is `Attempting` or ended by now is left alone. [`Step::Doubted`] is for
    /// those that are `Sent` or `Doubted`, and for no others.
    ///
    /// [`Step::Doubted`]: crate::delivery::Step::Doubted
    pub moved: Vec<Settlement>,
    /// Messages of the hub's own that go with it (summaries), with their deliveries.
    pub admissions: Vec<Admission>,
    /// Words about incidents that the operator took. An incident that is not there is ignored.
    pub tellings: Vec<(IncidentId, Telling)>,
}

/// One native copy of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyNote {
    /// By which account.
    pub account: AccountId,
    /// In which chat.
    pub chat: ChatKey,
    /// The copy's ids.
    pub key: CopyKey,
    /// The delivery that made it; `None` for the copy that the author wrote.
    pub delivery: Option<DeliverySeq>,
}

/// Which open (not ended) deliveries to page through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenFilter {
    /// Only those whose present route is this account's.
    pub account: Option<AccountId>,
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those of this conversation.
    pub conversation: Option<ConversationId>,
    /// Only those owed to this recipient; quick together with `conversation`.
    pub recipient: Option<Recipient>,
}

/// Which sent deliveries to page through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentFilter {
    /// Those that this account sent.
    pub account: AccountId,
    /// Tried first on its route at this moment or later.
    pub since: Timestamp,
    /// And before this moment.
    pub until: Timestamp,
}

/// Sent deliveries that nobody confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SentPage {
    /// In order; `Sent` or `Doubted`.
    pub deliveries: Vec<Delivery>,
    /// Where the next page ends; `None` when there is none.
    pub rest: Option<DeliverySeq>,
}

/// Figures for status pages and metrics; kept as counters, cheap to ask.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    /// Messages ever admitted.
    pub messages: u64,
    /// Repeated events that were turned away.
    pub repeated_events: u64,
    /// Deliveries ever planned.
    pub deliveries: u64,
    /// Deliveries that have not ended, by account (0: without a route).
    pub open: BTreeMap<u64, u64>,
    /// Deliveries that ended dead.
    pub dead: u64,
    /// Deliveries that ended expired.
    pub expired: u64,
    /// The newest journal number.
    pub journal: u64,
}

/// How many deliveries an incident touched, each by the last that it did to it.
pub type TouchCounts = BTreeMap<Touched, u64>;

/// An operator's look at what the hub holds of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Whose data.
    pub person: PersonId,
    /// What of it: `export`, `search`, `delete`.
    pub what: Box<str>,
    /// By whom.
    pub by: Box<str>,
}

/// Everything durable.
///
/// The store follows incidents by itself: each change of health in [`Moves`] opens, continues or
/// closes one by the rules of [`crate::incident`], and what leaves a network, waits for it or is
/// in doubt while its incident is open is noted with it, all in the same transaction.
pub trait Store: Send + Sync + std::fmt::Debug {
    /// What the store holds, once after opening; writes the journal's `Opened`.
    fn load(&self, at: Timestamp) -> StoreAnswer<'_, Loaded>;

    /// Makes changes of the directory durable.
    fn change(&self, at: Timestamp, changes: Vec<Change>) -> StoreAnswer<'_, ()>;

    /// Admits events; returns only when they are durable. One answer for each admission.
    fn admit(&self, batch: AdmitBatch) -> StoreAnswer<'_, Vec<Admitted>>;

    /// Settles, and claims what is due at once (steps 4 and 6 of the straight way). What only
    /// settles may become durable a little later, together with what comes next.
    fn advance(&self, advance: Advance) -> StoreAnswer<'_, Advanced>;

    /// Claims what is due next in the transaction that makes it so, be it an admission, a
    /// settlement or a move. Answers when something was claimed, when the next head is due at
    /// another time than expected, and, with nothing, when the account asks anew. Without room for
    /// a row it answers at once: so a caller that has enough takes back what it asked for.
    fn claim_next(&self, next: ClaimNext) -> StoreAnswer<'_, Advanced>;

    /// Applies moves.
    fn apply_moves(&self, moves: Moves) -> StoreAnswer<'_, Vec<Admitted>>;

    /// Records a receipt; unknown copies are ignored. Returns the deliveries that it changed.
    fn record_receipt(&self, at: Timestamp, note: ReceiptNote)
    -> StoreAnswer<'_, Vec<DeliverySeq>>;

    /// Open deliveries with a number above `after`, in order; at most [`PAGE_ROWS_MAX`].
    fn page_open(&self, filter: OpenFilter, after: DeliverySeq) -> StoreAnswer<'_, Vec<Delivery>>;

    /// Sent deliveries with a number below `before` that no receipt confirmed: those that the
    /// filter lets through of the [`PAGE_ROWS_MAX`] numbers before it.
    fn page_sent(&self, filter: SentFilter, before: DeliverySeq) -> StoreAnswer<'_, SentPage>;

    /// The deliveries of one message, in order.
    fn deliveries_of(&self, message: MessageSeq) -> StoreAnswer<'_, Vec<Delivery>>;

    /// One message by its place.
    fn message(&self, seq: MessageSeq) -> StoreAnswer<'_, Option<Arc<Message>>>;

    /// One message by its id.
    fn message_by_id(&self, id: MessageId) -> StoreAnswer<'_, Option<Arc<Message>>>;

    /// The message of which this is a copy, whoever wrote it.
    fn message_by_copy(
        &self,
        account: AccountId,
        chat: ChatKey,
        native: NativeMessageId,
    ) -> StoreAnswer<'_, Option<Arc<Message>>>;

    /// All native copies of a message: the author's first, then by delivery.
    fn copies_of(&self, message: MessageSeq) -> StoreAnswer<'_, Vec<CopyNote>>;

    /// Messages of a conversation with a place below `before`, newest first.
    fn page_messages(
        &self,
        conversation: ConversationId,
        before: MessageSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Arc<Message>>>;

    /// Messages of all conversations with a place above `after`, in order; at most
    /// [`PAGE_ROWS_MAX`].
    fn messages_after(
        &self,
        after: MessageSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Arc<Message>>>;

    /// The newest message of each of these conversations, in their order; `None` where nothing was
    /// said. At most [`PAGE_ROWS_MAX`] are looked up.
    fn newest_in(
        &self,
        conversations: Vec<ConversationId>,
    ) -> StoreAnswer<'_, Vec<Option<MessageSeq>>>;

    /// Takes the texts of messages away for good: what is left of each is its place, id, times and
    /// author. At most [`PAGE_ROWS_MAX`] at a time; says how many had one. The caller sees to it
    /// that nobody waits for them.
    fn erase(&self, at: Timestamp, messages: Vec<MessageSeq>) -> StoreAnswer<'_, u64>;

    /// Notes that an operator looks at what the hub holds of a person, before they see it.
    fn note_access(&self, at: Timestamp, access: Access) -> StoreAnswer<'_, ()>;

    /// Journal entries with a number above `after`, in order.
    fn page_journal(
        &self,
        after: JournalSeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<JournalEntry>>;

    /// Figures.
    fn counts(&self) -> StoreAnswer<'_, Counts>;

    /// Whether this event was admitted before, at any time whose keys are still kept.
    fn knows_event(&self, account: AccountId, key: EventKey) -> StoreAnswer<'_, bool>;

    /// Forgets event keys older than [`SEEN_KEPT_MS`] before `now`; a bounded number at a time. A
    /// `now` that is wrong for a moment forgets none of the newest: without later ones, keys stay.
    fn forget_seen(&self, now: Timestamp) -> StoreAnswer<'_, u64>;

    /// Incidents with a number below `before`, newest first; at most [`PAGE_ROWS_MAX`].
    fn page_incidents(&self, before: IncidentId, rows_max: usize)
    -> StoreAnswer<'_, Vec<Incident>>;

    /// One incident, with how many deliveries it touched in each way.
    fn incident(&self, id: IncidentId) -> StoreAnswer<'_, Option<(Incident, TouchCounts)>>;

    /// The deliveries above `after` that an incident touched, in order; at most
    /// [`PAGE_ROWS_MAX`].
    fn page_touched(
        &self,
        id: IncidentId,
        after: DeliverySeq,
        rows_max: usize,
    ) -> StoreAnswer<'_, Vec<Touch>>;

    /// Finishes what is under way and closes. Later verbs answer [`StoreFailure::Closed`].
    fn close(&self) -> StoreAnswer<'_, ()>;
}
