//! `/v1/events`: the journal as a stream of server-sent events.
//!
//! The stream reads the store only when its client takes what it has: a slow client holds one
//! page, and is dropped by the socket's own limit when it takes nothing. Invariant: within one
//! stream no journal number is left out or sent twice, across reconnections too.

use super::Answer;
use crate::api::journal::{EntryView, event_word};
use crate::edge::{Edge, Shared};
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::QueryOf;
use crate::setup::millis;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::{HeaderMap, header};
use ieum_core::ids::JournalSeq;
use ieum_core::journal::JournalEntry;
use ieum_core::ports::store::StoreFailure;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// Entries read at a time.
const ROWS_PER_READ: usize = 256;
/// The media type of event streams.
const EVENT_STREAM: &str = "text/event-stream";
/// Sent in a silence, so that both sides notice a dead connection.
const HEARTBEAT: &[u8] = b": \n\n";
/// The first line: how long a client waits before it comes back, in milliseconds.
const RETRY: &[u8] = b"retry: 1000\n\n";

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/events",
            "Streams the journal as server-sent events, from now on or after a number",
            events,
        )
        .query::<EventsQuery>()
        .header(
            "Last-Event-ID",
            "The number of the last entry that was seen: the stream goes on after it.",
        )
        .gives_other(EVENT_STREAM),
    ]
}

/// Where the stream begins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    /// As `Last-Event-ID`, which counts more.
    #[serde(default)]
    after: Option<u64>,
}

async fn events(
    State(edge): State<Shared>,
    QueryOf(query): QueryOf<EventsQuery>,
    headers: HeaderMap,
) -> Answer {
    let permit = Arc::clone(&edge.streams).try_acquire_owned();
    let permit = permit.map_err(|_| Problem::unavailable("all event streams are taken"))?;
    // Taken before the first reading: what is written in between rings it.
    let bell = edge.hub.journal_bell();
    let after = match last_event_id(&headers)?.or(query.after) {
        Some(after) => after.min(i64::MAX.unsigned_abs()),
        None => edge.hub.store().counts().await?.journal,
    };
    let feed = Feed {
        closing: edge.closing(),
        edge,
        bell,
        after: JournalSeq(after),
        begun: false,
        _permit: permit,
    };
    let headers = [(header::CONTENT_TYPE, EVENT_STREAM), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(feed.into_stream())).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(Problem::new(Kind::Malformed, "Last-Event-ID is not a journal number")),
    }
}

struct Feed {
    edge: Arc<Edge>,
    bell: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    after: JournalSeq,
    begun: bool,
    _permit: OwnedSemaphorePermit,
}

impl Feed {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, StoreFailure>> + Send + 'static {
        stream::try_unfold(self, |mut feed| async move {
            let chunk = feed.next().await?;
            Ok(chunk.map(|chunk| (chunk, feed)))
        })
    }

    /// The next piece of the stream; none when the server stops.
    async fn next(&mut self) -> Result<Option<Bytes>, StoreFailure> {
        if !self.begun {
            self.begun = true;
            return Ok(Some(Bytes::from_static(RETRY)));
        }
        let silence = millis(self.edge.limits.heartbeat_ms);
        loop {
            if *self.closing.borrow() {
                return Ok(None);
            }
            self.bell.borrow_and_update();
            let page = self.edge.hub.store().page_journal(self.after, ROWS_PER_READ).await?;
            if let Some(last) = page.last() {
                self.after = last.seq;
                return Ok(Some(page.into_iter().map(frame).collect::<String>().into()));
            }
            let rung = async {
                tokio::select! {
                    biased;
                    closed = self.closing.changed() => closed.is_ok(),
                    rung = self.bell.changed() => rung.is_ok(),
                }
            };
            match tokio::time::timeout(silence, rung).await {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(_) => return Ok(Some(Bytes::from_static(HEARTBEAT))),
            }
        }
    }
}

/// One entry: JSON never holds a line break, so that one `data` line is enough.
fn frame(entry: JournalEntry) -> String {
    let (seq, word) = (entry.seq, event_word(&entry.event));
    let text = serde_json::to_string(&EntryView::from(entry)).unwrap_or_default();
    format!("id: {seq}\nevent: {word}\ndata: {text}\n\n")
}
