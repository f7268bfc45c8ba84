//! `/v1/watchers`: phones and PCs of the operator's that see what arrives.

use super::{Answer, json};
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{JsonBody, PathOf};
use crate::words::Word;
use axum::extract::State;
use ieum_core::health::{CellState, Surface};
use ieum_engine::{SEEN_TEXT_BYTES_MAX, Seen, WatcherState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/v1/watchers", "How the watchers stand", list).gives::<WatcherList>(200),
        Endpoint::post(
            "/v1/watchers/{watcher}/seen",
            "Takes in what a watcher saw in its chat",
            seen,
        )
        .takes::<SeenBody>()
        .gives::<SeenView>(200)
        .fails(&[Kind::NotFound]),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct WatcherList {
    watchers: Vec<WatcherView>,
}

/// One watcher, as configured, and what it saw.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Watcher")]
struct WatcherView {
    name: String,
    account: String,
    surface: Word<Surface>,
    /// The state of what it watches.
    state: Word<CellState>,
    /// Canaries sent since the day began (UTC).
    sent_today: u32,
    /// When it last saw one, in Unix milliseconds.
    seen_at_ms: Option<i64>,
    /// How many were missing in a row.
    missing_in_row: u32,
}

/// What stood on a watcher's screen.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SeenBody {
    /// The text of one message or notification; only a canary's code in it is looked for.
    text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Seen")]
struct SeenView {
    /// `in_time`, `late`, or `nothing` when it is no canary of ours.
    seen: SeenWord,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SeenWord {
    InTime,
    Late,
    Nothing,
}

impl From<WatcherState> for WatcherView {
    fn from(state: WatcherState) -> Self {
        Self {
            name: state.watcher.name,
            account: state.watcher.account,
            surface: Word(state.watcher.surface),
            state: Word(state.cell_state),
            sent_today: state.sent_today,
            seen_at_ms: state.seen_at.map(|at| at.0),
            missing_in_row: state.missing_in_row,
        }
    }
}

async fn list(State(edge): State<Shared>) -> Answer {
    json(&WatcherList { watchers: edge.hub.watchers().into_iter().map(Into::into).collect() })
}

async fn seen(
    State(edge): State<Shared>,
    PathOf(name): PathOf<String>,
    JsonBody(body): JsonBody<SeenBody>,
) -> Answer {
    if body.text.len() > SEEN_TEXT_BYTES_MAX {
        let problem = format!("text is over {SEEN_TEXT_BYTES_MAX} bytes");
        return Err(Problem::new(Kind::Invalid, problem));
    }
    let seen = edge.hub.seen(&name, &body.text).await;
    let seen = match seen.ok_or_else(|| Problem::not_found("watcher"))? {
        Seen::InTime => SeenWord::InTime,
        Seen::Late => SeenWord::Late,
        Seen::Nothing => SeenWord::Nothing,
    };
    json(&SeenView { seen })
}
