//! `/v1/people/{id}/search`: what was said in a person's conversations.

use super::{Answer, json};
use crate::cursor::List;
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{PathOf, QueryOf, rows};
use crate::tokens::Caller;
use crate::views::message::MessageView;
use axum::Extension;
use axum::extract::State;
use ieum_core::directory::Directory;
use ieum_core::ids::{ConversationId, MessageSeq, PersonId};
use ieum_core::search::Query;
use ieum_engine::{HITS_MAX, Hit, Search, SearchRefusal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/people/{id}/search",
            "Looks for something in the conversations of a person, newest first; journaled",
            search,
        )
        .query::<SearchQuery>()
        .gives::<HitPage>(200)
        .fails(&[Kind::NotFound, Kind::Invalid]),
    ]
}

/// What to look for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SearchQuery {
    /// At most 8 words of 100 characters together. All must occur, in any order, also within
    /// longer words.
    words: String,
    /// Only in this conversation.
    #[serde(default)]
    conversation: Option<u64>,
    /// `next_cursor` of the page before; the first page without.
    #[serde(default)]
    cursor: Option<String>,
    /// Rows of the page, 50 unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct HitPage {
    hits: Vec<HitView>,
    /// Where the next (older) page begins; null on the last one. A page may be empty and not the
    /// last one.
    next_cursor: Option<String>,
}

/// A message that was found.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Hit")]
struct HitView {
    /// As it was said first.
    message: MessageView,
    /// How it reads now.
    text: String,
    /// Whether it was edited.
    edited: bool,
}

impl HitView {
    fn of(hit: &Hit, directory: &Directory) -> Self {
        let says = MessageView::of(&hit.says, directory);
        Self {
            message: MessageView::of(&hit.message, directory),
            text: says.text.unwrap_or_default(),
            edited: hit.says.seq != hit.message.seq,
        }
    }
}

impl From<SearchRefusal> for Problem {
    fn from(refusal: SearchRefusal) -> Self {
        match refusal {
            SearchRefusal::NoPerson => Self::not_found("person"),
            SearchRefusal::Off | SearchRefusal::Unavailable => {
                Self::unavailable(refusal.to_string())
            }
        }
    }
}

async fn search(
    State(edge): State<Shared>,
    Extension(caller): Extension<Caller>,
    PathOf(id): PathOf<u64>,
    QueryOf(asked): QueryOf<SearchQuery>,
) -> Answer {
    let rows_max = rows(asked.limit, HITS_MAX)?;
    let query = Query::read(&asked.words)
        .map_err(|failure| Problem::new(Kind::Invalid, failure.to_string()))?;
    let before = asked.cursor.map(|cursor| List::Found.key(&cursor)).transpose()?;
    let search = Search {
        person: PersonId(id),
        query,
        conversation: asked.conversation.map(ConversationId),
        before: before.map(MessageSeq),
        rows_max,
    };
    edge.hub.note_access(search.person, "search", &caller.name).await?;
    let found = edge.hub.search(search).await?;
    let hits = edge.hub.with_directory(|directory| {
        found.hits.iter().map(|hit| HitView::of(hit, directory)).collect()
    });
    let next_cursor = found.older_before.map(|before| List::Found.cursor(before.0));
    json(&HitPage { hits, next_cursor })
}
