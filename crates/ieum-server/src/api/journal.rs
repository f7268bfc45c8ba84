//! `/v1/journal`: the numbered feed of all that happened, page by page.

use super::{Answer, json};
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::Kind;
use crate::read::{QueryOf, rows};
use axum::extract::State;
use ieum_core::ids::JournalSeq;
use ieum_core::journal::{JournalEntry, JournalEvent};
use ieum_core::ports::store::PAGE_ROWS_MAX;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/v1/journal", "Reads the journal, oldest first", list)
            .query::<JournalQuery>()
            .gives::<JournalPage>(200)
            .fails(&[Kind::Invalid]),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct JournalPage {
    entries: Vec<EntryView>,
    /// The number to ask after next time; the one asked after if nothing was new.
    next_after: u64,
}

/// Which part of the journal.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct JournalQuery {
    /// Entries with a larger number; all without.
    #[serde(default)]
    after: u64,
    /// Entries of the page, 50 unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

/// An entry of the journal, with the fields of its event beside its number.
#[derive(Debug, Serialize)]
pub(crate) struct EntryView {
    seq: u64,
    #[serde(flatten)]
    event: JournalEvent,
}

impl From<JournalEntry> for EntryView {
    fn from(entry: JournalEntry) -> Self {
        Self { seq: entry.seq.0, event: entry.event }
    }
}

/// The words for what happened.
pub(crate) const EVENTS: [&str; 9] =
    ["opened", "admitted", "claimed", "settled", "receipt", "changed", "read", "health", "copied"];

/// The word for an event.
pub(crate) const fn event_word(event: &JournalEvent) -> &'static str {
    match event {
        JournalEvent::Opened { .. } => "opened",
        JournalEvent::Admitted { .. } => "admitted",
        JournalEvent::Claimed { .. } => "claimed",
        JournalEvent::Settled { .. } => "settled",
        JournalEvent::Receipt { .. } => "receipt",
        JournalEvent::Changed { .. } => "changed",
        JournalEvent::Read { .. } => "read",
        JournalEvent::Health { .. } => "health",
        JournalEvent::Copied { .. } => "copied",
        JournalEvent::Erased { .. } => "erased",
        JournalEvent::Accessed { .. } => "accessed",
    }
}

impl JsonSchema for EntryView {
    fn schema_name() -> Cow<'static, str> {
        "JournalEntry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "What happened; each event has further fields of its own. \
                            Never message text.",
            "additionalProperties": true,
            "required": ["seq", "event", "at"],
            "properties": {
                "seq": { "type": "integer", "description": "Its number; there are no gaps." },
                "event": { "type": "string", "enum": EVENTS },
                "at": { "type": "integer", "description": "When, in Unix milliseconds." },
            },
        })
    }
}

async fn list(State(edge): State<Shared>, QueryOf(query): QueryOf<JournalQuery>) -> Answer {
    let rows = rows(query.limit, PAGE_ROWS_MAX)?;
    let after = query.after.min(i64::MAX.unsigned_abs());
    let entries = edge.hub.store().page_journal(JournalSeq(after), rows).await?;
    let next_after = entries.last().map_or(query.after, |entry| entry.seq.0);
    json(&JournalPage { entries: entries.into_iter().map(EntryView::from).collect(), next_after })
}
