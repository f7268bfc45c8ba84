//! Searching one's own messages: the index is filled behind the journal, and looked through for a
//! person in the conversations that they are in.
//!
//! Whoever is a member sees all of a conversation, so they find all of it; who left finds nothing
//! of it. Invariant: nothing is found but what the text of a message itself matches.

use crate::pieces::Pieces;
use ieum_core::content::Content;
use ieum_core::ids::{ConversationId, MessageSeq, PersonId};
use ieum_core::message::{Author, Message};
use ieum_core::ports::search::{
    FOUND_ROWS_MAX, FoundPlace, IndexBatch, IndexEntry, Look, PLACES_PER_LOOK_MAX, Reached,
    SearchFailure, SearchIndex,
};
use ieum_core::ports::store::StoreFailure;
use ieum_core::search::{Finding, Query, SearchKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::watch;

/// Messages read for one batch of the index.
const BATCH_ROWS: usize = 64;
/// How long it waits for company to a new message.
const LINGER_MS: u64 = 500;
/// How long it rests between two batches, so that it takes little from the straight way.
const REST_MS: u64 = 25;
/// How long it rests after a failure.
const FAILED_REST_MS: u64 = 5_000;
/// Most messages that one search gives.
pub const HITS_MAX: usize = 50;
/// Most places looked at by one search; a caller goes on from there.
const LOOKED_MAX: usize = 1_024;

/// What is looked for, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Who looks.
    pub person: PersonId,
    /// What for.
    pub query: Query,
    /// Only in this conversation.
    pub conversation: Option<ConversationId>,
    /// Below this place; all, without.
    pub before: Option<MessageSeq>,
    /// At most so many; at most [`HITS_MAX`].
    pub rows_max: usize,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// As it was said first.
    pub message: Arc<Message>,
    /// As it reads now: the same, or its last edit.
    pub says: Arc<Message>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hits {
    /// Newest first.
    pub hits: Vec<Hit>,
    /// Where to go on, when there may be more.
    pub older_before: Option<MessageSeq>,
}

/// Why nothing was looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchRefusal {
    /// There is no such person.
    #[error("no such person")]
    NoPerson,
    /// This hub keeps no index.
    #[error("this hub keeps no search index")]
    Off,
    /// The store or the index does not answer now.
    #[error("nothing can be looked for now")]
    Unavailable,
}

impl From<StoreFailure> for SearchRefusal {
    fn from(_: StoreFailure) -> Self {
        Self::Unavailable
    }
}

impl From<SearchFailure> for SearchRefusal {
    fn from(_: SearchFailure) -> Self {
        Self::Unavailable
    }
}

/// Looks for something in the conversations of a person.
pub(crate) async fn search(pieces: &Pieces, search: Search) -> Result<Hits, SearchRefusal> {
    let index = pieces.search.as_deref().ok_or(SearchRefusal::Off)?;
    let here = conversations(pieces, &search).ok_or(SearchRefusal::NoPerson)?;
    let key = SearchKey::new(&pieces.secret);
    let marks: Vec<_> = here.iter().map(|id| search.query.marks(&key, *id)).collect();
    let rows_max = search.rows_max.clamp(1, HITS_MAX);
    let (mut hits, mut looked) = (Hits::default(), 0);
    let mut before = search.before.unwrap_or(MessageSeq(u64::MAX));
    loop {
        let found = newest(index, &marks, before).await?;
        let last_page = found.len() < FOUND_ROWS_MAX;
        for place in found {
            before = place.message;
            looked += 1;
            hits.hits.extend(hit(pieces, &search.query, &here, place).await?);
            if hits.hits.len() >= rows_max || looked >= LOOKED_MAX {
                hits.older_before = Some(before);
                return Ok(hits);
            }
        }
        if last_page {
            return Ok(hits);
        }
    }
}

fn conversations(pieces: &Pieces, search: &Search) -> Option<BTreeSet<ConversationId>> {
    pieces.read(|directory| {
        directory.person(search.person)?;
        let own = directory.conversations_of(search.person).iter().copied();
        Some(own.filter(|id| search.conversation.is_none_or(|only| only == *id)).collect())
    })
}

/// The newest places of all conversations together.
async fn newest(
    index: &dyn SearchIndex,
    marks: &[Vec<ieum_core::search::SearchMark>],
    before: MessageSeq,
) -> Result<Vec<FoundPlace>, SearchFailure> {
    let mut found = Vec::new();
    for some in marks.chunks(PLACES_PER_LOOK_MAX) {
        let look = Look { any: some.to_vec(), before, rows_max: FOUND_ROWS_MAX };
        found.extend(index.find(look).await?);
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    found.dedup();
    found.truncate(FOUND_ROWS_MAX);
    Ok(found)
}

/// The message at a place, if it is really one that is looked for.
async fn hit(
    pieces: &Pieces,
    query: &Query,
    here: &BTreeSet<ConversationId>,
    place: FoundPlace,
) -> Result<Option<Hit>, StoreFailure> {
    let Some(message) = pieces.store.message(place.message).await? else {
        return Ok(None);
    };
    let says = match place.says == place.message {
        true => Some(Arc::clone(&message)),
        false => pieces.store.message(place.says).await?,
    };
    let Some(says) = says.filter(|_| here.contains(&message.new.conversation)) else {
        return Ok(None);
    };
    let matches = finding(&says).text().is_some_and(|text| query.matches(text));
    Ok(matches.then_some(Hit { message, says }))
}

fn finding(message: &Message) -> Finding {
    Content::decode(&message.new.content).map_or(Finding::Nothing, |content| Finding::of(&content))
}

/// How a message reads now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Present {
    /// It was withdrawn.
    Withdrawn,
    /// As in this version.
    Says(Arc<Message>),
}

/// Those of some messages that are not as they were said first, as far as the index has come.
pub(crate) async fn present(
    pieces: &Pieces,
    messages: Vec<MessageSeq>,
) -> Result<BTreeMap<MessageSeq, Present>, SearchRefusal> {
    let index = pieces.search.as_deref().ok_or(SearchRefusal::Off)?;
    let mut present = BTreeMap::new();
    for place in index.changed(messages).await? {
        let now = match place.says {
            Some(says) => pieces.store.message(says).await?.map(Present::Says),
            None => Some(Present::Withdrawn),
        };
        present.extend(now.map(|now| (place.message, now)));
    }
    Ok(present)
}

/// Fills the index behind the journal, until `stop`.
pub(crate) async fn fill(pieces: Arc<Pieces>, mut stop: watch::Receiver<bool>) {
    let Some(index) = pieces.search.clone() else { return };
    let mut bell = pieces.journal_bell.subscribe();
    let key = SearchKey::new(&pieces.secret);
    let mut known = false;
    loop {
        let rest_ms = match some(&pieces, index.as_ref(), &key, &mut known).await {
            Ok(BATCH_ROWS..) => REST_MS,
            Ok(_) => {
                tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => break,
                    changed = bell.changed() => if changed.is_err() { break },
                }
                LINGER_MS
            }
            Err(failure) => {
                tracing::warn!(%failure, "the search index is behind");
                FAILED_REST_MS
            }
        };
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            () = pieces.clock.sleep(rest_ms) => {}
        }
    }
    index.close().await.ok();
}

/// Reads some messages into the index; says how many.
async fn some(
    pieces: &Pieces,
    index: &dyn SearchIndex,
    key: &SearchKey,
    known: &mut bool,
) -> Result<usize, SearchRefusal> {
    let mut reached = index.reached().await?;
    if let Some(place) = reached.filter(|_| !*known)
        && !is_of_this_data(pieces, place).await?
    {
        tracing::info!("the search index is of other data and is made anew");
        index.clear().await?;
        reached = None;
    }
    *known = true;
    let after = reached.map_or(MessageSeq(0), |reached| reached.message);
    let messages = pieces.store.messages_after(after, BATCH_ROWS).await?;
    let Some(last) = messages.last() else { return Ok(0) };
    let reached = Reached { message: last.seq, id: last.new.id };
    let mut entries = Vec::with_capacity(messages.len());
    for message in &messages {
        entries.extend(entry(pieces, key, message).await?);
    }
    index.put(IndexBatch { entries, reached }).await?;
    Ok(messages.len())
}

async fn is_of_this_data(pieces: &Pieces, reached: Reached) -> Result<bool, StoreFailure> {
    let message = pieces.store.message(reached.message).await?;
    Ok(message.is_some_and(|message| message.new.id == reached.id))
}

async fn entry(
    pieces: &Pieces,
    key: &SearchKey,
    message: &Message,
) -> Result<Option<IndexEntry>, StoreFailure> {
    // The hub's own words are for one reader each, and no part of a conversation.
    if message.new.author == Author::Hub {
        return Ok(None);
    }
    let conversation = message.new.conversation;
    let marks = |text: &str| key.marks(conversation, text).into_iter().collect();
    let (target, text) = match finding(message) {
        Finding::Nothing => return Ok(None),
        Finding::Said(text) => {
            let (message, marks) = (message.seq, marks(&text));
            return Ok(Some(IndexEntry::Says { message, says: message, marks }));
        }
        Finding::Instead(target, text) => (target, Some(text)),
        Finding::Withdrawn(target) => (target, None),
    };
    let target = pieces.store.message_by_id(target).await?;
    let target = target.filter(|target| target.new.conversation == conversation);
    Ok(target.map(|target| match text {
        Some(text) => {
            IndexEntry::Says { message: target.seq, says: message.seq, marks: marks(&text) }
        }
        None => IndexEntry::Withdrawn(target.seq),
    }))
}
