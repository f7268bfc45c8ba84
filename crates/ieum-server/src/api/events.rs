//! `/v1/events`: the journal as a stream of server-sent events.
//!
//! The stream reads the store only when its client takes what it has: a slow client holds one
//! page, and is dropped by the socket's own limit when it takes nothing. Invariant: within one
//! stream no journal number is left out or sent twice, across reconnections too.

use super::Answer;
use crate::api::journal::{EntryView, event_word};
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::follow::{EVENT_STREAM, Followed, Follower, HEARTBEAT, RETRY};
use crate::problem::{Kind, Problem};
use crate::read::QueryOf;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::{HeaderMap, header};
use ieum_core::journal::JournalEntry;
use ieum_core::ports::store::StoreFailure;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

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
    let after = last_event_id(&headers)?.or(query.after);
    let follower = Follower::begin(edge, after).await?;
    let feed = Feed { follower, begun: false, _permit: permit };
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
    follower: Follower,
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
        Ok(match self.follower.next().await? {
            Followed::Page(page) => Some(page.into_iter().map(frame).collect::<String>().into()),
            Followed::Silence => Some(Bytes::from_static(HEARTBEAT)),
            Followed::End => None,
        })
    }
}

/// One entry: JSON never holds a line break, so that one `data` line is enough.
fn frame(entry: JournalEntry) -> String {
    let (seq, word) = (entry.seq, event_word(&entry.event));
    let text = serde_json::to_string(&EntryView::from(entry)).unwrap_or_default();
    format!("id: {seq}\nevent: {word}\ndata: {text}\n\n")
}
