//! What the book asks of its tables, and the rows of the finder.
//!
//! Two implementations: maps in memory, and SQLite. Neither decides anything. Invariant: a method
//! that writes either wrote all of its row or answers an error, after which the whole transaction
//! is rolled back.

use crate::lanes::Head;
use crate::row::DeliveryRow;
use ieum_core::content::MessageId;
use ieum_core::delivery::Lane;
use ieum_core::directory::{Change, Directory, Endpoint};
use ieum_core::ids::{AccountId, ChatKey, ConversationId, Cursor, DeliverySeq, EventKey};
use ieum_core::ids::{IncidentId, JournalSeq, MessageSeq, NativeMessageId};
use ieum_core::incident::{Incident, Touch};
use ieum_core::journal::JournalEntry;
use ieum_core::message::Message;
use ieum_core::ports::store::{CopyNote, Counts, StoreFailure, TouchCounts};
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a table answers.
pub(crate) type RowAnswer<T> = Result<T, StoreFailure>;

/// What a finder row leads from. Stored: numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum FindKind {
    /// A message id.
    Id = 0,
    /// A native copy: account, chat and native id.
    Copy = 1,
    /// A conversation.
    Conversation = 2,
}

/// Leads from a key to a message. Different things may share a key: the reader compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FindRow {
    pub(crate) kind: FindKind,
    pub(crate) key: u64,
    pub(crate) message: MessageSeq,
    /// The delivery that made the copy; zero when it is not a delivery's.
    pub(crate) delivery: DeliverySeq,
}

impl FindRow {
    /// All that lead to a new message.
    pub(crate) fn of_message(message: &Message) -> impl Iterator<Item = Self> {
        let (new, seq) = (&message.new, message.seq);
        let source = new.source.as_ref().map(|source| {
            let key = copy_key(source.account, &source.chat, &source.native);
            Self::by_copy(key, seq, DeliverySeq(0))
        });
        let named = [Self::by_id(&new.id, seq), Self::by_conversation(new.conversation, seq)];
        named.into_iter().chain(source)
    }

    /// All that lead to a message by these copies of it. Copies without a native id have none.
    pub(crate) fn of_copies(message: MessageSeq, notes: &[CopyNote]) -> impl Iterator<Item = Self> {
        let named = notes.iter().filter(|note| !note.key.native.as_str().is_empty());
        named.map(move |note| {
            let key = copy_key(note.account, &note.chat, &note.key.native);
            Self::by_copy(key, message, note.delivery.unwrap_or_default())
        })
    }

    /// By message id.
    fn by_id(id: &MessageId, message: MessageSeq) -> Self {
        Self { kind: FindKind::Id, key: id_key(id), message, delivery: DeliverySeq(0) }
    }

    /// By native copy.
    fn by_copy(key: u64, message: MessageSeq, delivery: DeliverySeq) -> Self {
        Self { kind: FindKind::Copy, key, message, delivery }
    }

    /// By conversation.
    fn by_conversation(conversation: ConversationId, message: MessageSeq) -> Self {
        Self {
            kind: FindKind::Conversation,
            key: conversation.0,
            message,
            delivery: DeliverySeq(0),
        }
    }
}

/// The finder's key of a message id: eight of its digest's bytes (the first byte of an id is the
/// same in all).
pub(crate) fn id_key(id: &MessageId) -> u64 {
    let [_, a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The finder's key of a native copy: FNV-1a over its parts. It is stored, so it must stay so.
pub(crate) fn copy_key(account: AccountId, chat: &ChatKey, native: &NativeMessageId) -> u64 {
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let account = account.0.to_be_bytes();
    let parts = [&account, chat.as_str().as_bytes(), native.as_str().as_bytes()];
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    parts.iter().fold(START, |hash, part| mix(part.iter().copied().fold(hash, mix), 0xff))
}

/// The tables under a [`crate::book::Book`].
pub(crate) trait Rows: std::fmt::Debug {
    /// Remembers an event key in this period; `false` when it was there.
    fn note_seen(&mut self, period: i64, account: AccountId, key: &EventKey) -> RowAnswer<bool>;
    /// Whether the key is remembered in any other period: an earlier one, or a later one by a
    /// clock that was set back since.
    fn seen_elsewhere(
        &mut self,
        period: i64,
        account: AccountId,
        key: &EventKey,
    ) -> RowAnswer<bool>;
    /// Begins to read many rows as one, where that is cheaper; whether it was begun here. To be
    /// given to [`Self::end_reading`], with nothing written between.
    fn begin_reading(&mut self) -> RowAnswer<bool> {
        Ok(false)
    }
    /// Ends what [`Self::begin_reading`] began.
    fn end_reading(&mut self, begun: bool) -> RowAnswer<()> {
        debug_assert!(!begun, "nothing was begun");
        Ok(())
    }

    /// The periods that have keys, in order.
    fn seen_periods(&self) -> Vec<i64>;
    /// Forgets at most `rows_max` keys of periods before this one.
    fn forget_seen(&mut self, before_period: i64, rows_max: usize) -> RowAnswer<u64>;

    /// A new message and the numbers of the deliveries planned with it.
    fn insert_message(
        &mut self,
        message: &Arc<Message>,
        first: DeliverySeq,
        count: u64,
    ) -> RowAnswer<()>;
    /// A message.
    fn message(&mut self, seq: MessageSeq) -> RowAnswer<Option<Arc<Message>>>;
    /// Messages above `after`, in order.
    fn messages_after(
        &mut self,
        after: MessageSeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<Arc<Message>>>;
    /// Puts a message without its text in the place of the one with it; nothing of that remains.
    fn erase(&mut self, erased: &Message) -> RowAnswer<()>;
    /// The numbers of a message's deliveries, in order.
    fn deliveries_of(&mut self, message: MessageSeq) -> RowAnswer<Vec<DeliverySeq>>;
    /// A delivery that was planned after its message.
    fn add_later_delivery(&mut self, message: MessageSeq, delivery: DeliverySeq) -> RowAnswer<()>;

    /// A new delivery.
    fn insert_delivery(&mut self, row: &DeliveryRow) -> RowAnswer<()>;
    /// A changed delivery, and what it was before.
    fn update_delivery(&mut self, old: &DeliveryRow, new: &DeliveryRow) -> RowAnswer<()>;
    /// A delivery.
    fn delivery(&mut self, seq: DeliverySeq) -> RowAnswer<Option<DeliveryRow>>;
    /// The numbers of open deliveries above `after`, in order; of one account (`None`: without a
    /// route), or of all.
    fn open_seqs(
        &mut self,
        account: Option<Option<AccountId>>,
        after: DeliverySeq,
        rows_max: usize,
    ) -> Vec<DeliverySeq>;
    /// What a lane needs to know of these deliveries.
    fn places(&mut self, seqs: &[DeliverySeq]) -> RowAnswer<Vec<(Lane, Head)>>;
    /// Of the deliveries from `first` up to and without `end` those of this account that were sent
    /// and that nobody confirmed, in order.
    fn unconfirmed(
        &mut self,
        account: AccountId,
        first: DeliverySeq,
        end: DeliverySeq,
    ) -> RowAnswer<Vec<DeliveryRow>>;
    /// The newest `rows_max` deliveries; of them those of this account that may rise by a receipt.
    fn recently_sent(&mut self, account: AccountId, rows_max: u64) -> RowAnswer<Vec<DeliveryRow>>;

    /// A further native copy of a message.
    fn add_copy(&mut self, message: MessageSeq, note: &CopyNote) -> RowAnswer<()>;
    /// The further native copies of a message.
    fn added_copies(&mut self, message: MessageSeq) -> RowAnswer<Vec<CopyNote>>;
    /// A finder row; it may be written later, and is found at once.
    fn add_find(&mut self, row: FindRow);
    /// Finder rows with this key of messages below `before`, newest first.
    fn find(
        &mut self,
        kind: FindKind,
        key: u64,
        before: MessageSeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<FindRow>>;
    /// The newest message of a conversation; cheap however long ago it was said.
    fn newest_in(&mut self, conversation: ConversationId) -> RowAnswer<Option<MessageSeq>>;
    /// Whether a message with this finder key was admitted lately; cheap.
    fn found_lately(&self, kind: FindKind, key: u64) -> Option<MessageSeq>;

    /// One change of the directory.
    fn put_change(&mut self, change: &Change) -> RowAnswer<()>;
    /// The whole directory.
    fn directory(&mut self) -> RowAnswer<Directory>;
    /// The chat behind an endpoint, as it is called now.
    fn chat_of(&mut self, endpoint: Endpoint) -> RowAnswer<Option<ChatKey>>;

    /// Where polling continues.
    fn put_cursor(&mut self, account: AccountId, cursor: &Cursor) -> RowAnswer<()>;
    /// All of them.
    fn cursors(&mut self) -> RowAnswer<BTreeMap<AccountId, Cursor>>;

    /// An incident, new or changed.
    fn put_incident(&mut self, incident: &Incident) -> RowAnswer<()>;
    /// The newest incident of each network.
    fn latest_incidents(&mut self) -> RowAnswer<Vec<Incident>>;
    /// The largest number of an incident; zero without any.
    fn last_incident(&mut self) -> RowAnswer<IncidentId>;
    /// Incidents below `before`, newest first.
    fn page_incidents(&mut self, before: IncidentId, rows_max: usize) -> RowAnswer<Vec<Incident>>;
    /// What an incident did to a delivery; the last word stands.
    fn put_touch(&mut self, id: IncidentId, touch: Touch) -> RowAnswer<()>;
    /// What an incident touched above `after`, in order.
    fn page_touched(
        &mut self,
        id: IncidentId,
        after: DeliverySeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<Touch>>;
    /// How many deliveries an incident touched in each way.
    fn touch_counts(&mut self, id: IncidentId) -> RowAnswer<TouchCounts>;

    /// Journal entries above `after`, in order.
    fn page_journal(&mut self, after: JournalSeq, rows_max: usize) -> RowAnswer<Vec<JournalEntry>>;
    /// The figures as of the last commit.
    fn saved_counts(&mut self) -> RowAnswer<Counts>;
}

/// How long one period of remembered event keys is: half of what must be kept, so that forgetting
/// drops whole periods and never one that is still needed.
const SEEN_PERIOD_MS: i64 = 15 * 24 * 3_600 * 1_000;
/// Periods that are kept beside the present one.
const SEEN_PERIODS_KEPT: i64 = 2;
/// Of the periods that have keys so many are kept whatever the clock says, the newest of them: the
/// present one, those beside it, and one that a clock far ahead may have made.
const SEEN_PERIODS_NOTED_MIN: usize = 4;

/// The period of this moment.
pub(crate) fn seen_period(at: Timestamp) -> i64 {
    at.0.div_euclid(SEEN_PERIOD_MS)
}

/// The first period that must be kept at this moment, which a wrong clock may have told; `noted`
/// are those that have keys, in order.
pub(crate) fn first_seen_period(now: Timestamp, noted: &[i64]) -> i64 {
    let kept = noted.len().checked_sub(SEEN_PERIODS_NOTED_MIN).and_then(|first| noted.get(first));
    kept.map_or(i64::MIN, |first| (seen_period(now) - SEEN_PERIODS_KEPT).min(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_clock_says_alone_forgets_no_key_that_is_needed() {
        let at = |period: i64| Timestamp(period * SEEN_PERIOD_MS + 1);
        let table: [(i64, &[i64], i64); 9] = [
            (100, &[], i64::MIN),
            (100, &[97, 98, 99], i64::MIN),
            // In peace: the present period and two beside it, and the one that is about to go.
            (100, &[97, 98, 99, 100], 97),
            (101, &[97, 98, 99, 100, 101], 98),
            // Nothing for long: age alone.
            (300, &[97, 98, 99, 100], 97),
            (300, &[96, 97, 98, 99, 100], 97),
            // Far ahead for a moment, with and without something admitted meanwhile.
            (9_000, &[98, 99, 100, 9_000], 98),
            (100, &[98, 99, 100, 9_000], 98),
            // From the year in which clocks begin.
            (0, &[0, 98, 99, 100, 101], -2),
        ];
        for (now, noted, first) in table {
            assert_eq!(first_seen_period(at(now), noted), first, "{now} {noted:?}");
        }
    }
}
