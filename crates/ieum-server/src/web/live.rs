//! What moves in a person's conversations, as server-sent events for an open page.
//!
//! An event names a conversation and nothing else; the page asks for what is new. Invariant: only
//! of conversations that the reader is a member of when it happens.

use super::sessions::SignedIn;
use crate::edge::Shared;
use crate::follow::{EVENT_STREAM, Followed, Follower, HEARTBEAT, RETRY};
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header;
use ieum_core::ids::{ConversationId, DeliverySeq};
use ieum_core::journal::{JournalEntry, JournalEvent, Planned};
use ieum_core::ports::store::StoreFailure;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Pages that listen at a time.
pub(super) const STREAMS_MAX: usize = 1_024;
/// Deliveries whose end is still told, for each page.
const WATCHED_MAX: usize = 1_024;

/// The stream.
pub(super) async fn live(State(edge): State<Shared>, who: SignedIn) -> Result<Response, Problem> {
    let permit = Arc::clone(&edge.pages.streams).try_acquire_owned();
    let permit = permit.map_err(|_| Problem::unavailable("all places of open pages are taken"))?;
    let follower = Follower::begin(Arc::clone(&edge), None).await?;
    let watched = BTreeMap::new();
    let feed = Feed { edge, who, follower, watched, begun: false, _permit: permit };
    let body = Body::from_stream(stream::try_unfold(feed, |mut feed| async move {
        let chunk = feed.next().await?;
        Ok::<_, StoreFailure>(chunk.map(|chunk| (chunk, feed)))
    }));
    Ok(([(header::CONTENT_TYPE, EVENT_STREAM)], body).into_response())
}

struct Feed {
    edge: Shared,
    who: SignedIn,
    follower: Follower,
    watched: BTreeMap<DeliverySeq, ConversationId>,
    begun: bool,
    _permit: OwnedSemaphorePermit,
}

impl Feed {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreFailure> {
        if !self.begun {
            self.begun = true;
            return Ok(Some(Bytes::from_static(RETRY)));
        }
        loop {
            // A session that ended hears nothing more.
            if !self.who.lasts(&self.edge) {
                return Ok(None);
            }
            let moved = match self.follower.next().await? {
                Followed::Page(page) => self.moved(&page),
                Followed::Silence => return Ok(Some(Bytes::from_static(HEARTBEAT))),
                Followed::End => return Ok(None),
            };
            if !moved.is_empty() {
                let frame = |id: &ConversationId| format!("event: moved\ndata: {id}\n\n");
                return Ok(Some(moved.iter().map(frame).collect::<String>().into()));
            }
        }
    }

    /// The reader's conversations in which something happened.
    fn moved(&mut self, page: &[JournalEntry]) -> BTreeSet<ConversationId> {
        let spoken = page.iter().filter_map(|entry| {
            let JournalEvent::Admitted { conversation, .. } = &entry.event else { return None };
            Some(*conversation)
        });
        let own = self.own(spoken.collect());
        let mut moved = BTreeSet::new();
        for entry in page {
            match &entry.event {
                JournalEvent::Admitted { conversation, deliveries, .. } => {
                    if own.contains(conversation) {
                        self.watch(*conversation, deliveries);
                        moved.insert(*conversation);
                    }
                }
                JournalEvent::Settled { delivery, plus, .. } => {
                    if let Some(conversation) = self.watched.get(delivery).copied() {
                        self.watch(conversation, plus);
                        moved.insert(conversation);
                    }
                }
                JournalEvent::Receipt { delivery, .. } => {
                    moved.extend(self.watched.get(delivery));
                }
                JournalEvent::Opened { .. }
                | JournalEvent::Claimed { .. }
                | JournalEvent::Changed { .. }
                | JournalEvent::Read { .. }
                | JournalEvent::Health { .. }
                | JournalEvent::Copied { .. }
                | JournalEvent::Erased { .. }
                | JournalEvent::Accessed { .. } => {}
            }
        }
        self.own(moved)
    }

    /// Those of these conversations that the reader is in now: a reader of thousands is not asked
    /// for all of them whenever somebody speaks.
    fn own(&self, mut conversations: BTreeSet<ConversationId>) -> BTreeSet<ConversationId> {
        let person = self.who.person;
        self.edge.hub.with_directory(|directory| {
            conversations.retain(|id| {
                let found = directory.conversation(*id);
                found.is_some_and(|found| found.members.contains(&person))
            });
        });
        conversations
    }

    fn watch(&mut self, conversation: ConversationId, planned: &[Planned]) {
        for one in planned {
            self.watched.insert(one.delivery, conversation);
        }
        while self.watched.len() > WATCHED_MAX {
            self.watched.pop_first();
        }
    }
}
