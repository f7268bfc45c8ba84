//! `/v1/conversations/{id}/past`: messages brought along from a messenger's own export.
//!
//! They are shown in the conversation and owed to nobody.

use super::{Answer, json};
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::Kind;
use crate::read::{JsonBody, PathOf};
use axum::extract::State;
use ieum_core::ids::ConversationId;
use ieum_core::time::Timestamp;
use ieum_engine::Bygone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post(
            "/v1/conversations/{id}/past",
            "Keeps messages of the past, each once, and delivers them to nobody",
            keep,
        )
        .takes::<PastBody>()
        .gives::<KeptView>(200)
        .fails(&[Kind::NotFound, Kind::Invalid]),
    ]
}

/// Messages of the past.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewPast")]
#[serde(deny_unknown_fields)]
struct PastBody {
    /// At most 500, in their order.
    messages: Vec<PastLine>,
}

/// One message of the past.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "PastMessage")]
#[serde(deny_unknown_fields)]
struct PastLine {
    /// A member of this name, else a guest.
    author: String,
    /// When it was said, in Unix milliseconds.
    at_ms: i64,
    text: String,
    /// How many of the same author, time and text stand before it in the export.
    #[serde(default)]
    again: u32,
}

/// What became of them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PastKept")]
struct KeptView {
    kept: usize,
    /// Those that had been brought before.
    known: usize,
}

async fn keep(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<PastBody>,
) -> Answer {
    let bygone = |line: PastLine| Bygone {
        author: line.author,
        at: Timestamp(line.at_ms),
        text: line.text,
        again: line.again,
    };
    let bygones = body.messages.into_iter().map(bygone).collect();
    let kept = edge.hub.keep_past(ConversationId(id), bygones).await?;
    json(&KeptView { kept: kept.kept, known: kept.known })
}
