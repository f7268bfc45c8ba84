//! `/v1/deliveries`: what is still owed, and what became of one message.

use super::{Answer, account, cut, json};
use crate::cursor::List;
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{PAGE_ROWS_MAX, PageQuery, PathOf, QueryOf, rows};
use crate::views::delivery::DeliveryView;
use crate::words::Word;
use axum::extract::State;
use ieum_core::delivery::{Delivery, State as Stands};
use ieum_core::ids::{ConversationId, DeliverySeq};
use ieum_core::ports::store::OpenFilter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/v1/deliveries", "Lists deliveries that have not ended, oldest first", list)
            .query::<OpenQuery>()
            .gives::<DeliveryPage>(200)
            .fails(&[Kind::NotFound, Kind::Invalid]),
        Endpoint::get(
            "/v1/messages/{message}/deliveries",
            "Lists a message's deliveries, oldest first",
            of_message,
        )
        .query::<PageQuery>()
        .gives::<DeliveryPage>(200)
        .fails(&[Kind::NotFound, Kind::Invalid]),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct DeliveryPage {
    deliveries: Vec<DeliveryView>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// Which open deliveries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OpenQuery {
    /// `next_cursor` of the page before; the first page without.
    #[serde(default)]
    cursor: Option<String>,
    /// Rows of the page, 50 unless told.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// Only those in this state.
    #[serde(default)]
    state: Option<Word<Stands>>,
    /// Only those whose present route is this account's.
    #[serde(default)]
    account: Option<String>,
    /// Only those of this conversation.
    #[serde(default)]
    conversation: Option<u64>,
}

async fn list(State(edge): State<Shared>, QueryOf(query): QueryOf<OpenQuery>) -> Answer {
    let rows = rows(query.limit, PAGE_ROWS_MAX)?;
    let after = query.cursor.map_or(Ok(0), |cursor| List::Deliveries.key(&cursor))?;
    let state = query.state.map(|word| word.0);
    if state.is_some_and(Stands::ended) {
        return Err(Problem::new(Kind::Invalid, "deliveries in this state have ended"));
    }
    let filter = OpenFilter {
        account: query.account.map(|name| account(&edge, &name)).transpose()?,
        state,
        conversation: query.conversation.map(ConversationId),
        recipient: None,
    };
    let mut found = edge.hub.store().page_open(filter, DeliverySeq(after)).await?;
    let next = cut(&mut found, rows, |delivery| delivery.seq.0);
    json(&DeliveryPage {
        deliveries: shown(&edge, &found),
        next_cursor: next.map(|key| List::Deliveries.cursor(key)),
    })
}

fn shown(edge: &Shared, deliveries: &[Delivery]) -> Vec<DeliveryView> {
    edge.hub.with_directory(|directory| {
        deliveries.iter().map(|delivery| DeliveryView::of(delivery, directory)).collect()
    })
}

async fn of_message(
    State(edge): State<Shared>,
    PathOf(name): PathOf<String>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Answer {
    let rows = rows(query.limit, PAGE_ROWS_MAX)?;
    let after = query.cursor.map_or(Ok(0), |cursor| List::Owed.key(&cursor))?;
    let message = super::messages::find(&edge, &name).await?;
    let mut found = edge.hub.store().deliveries_of(message.seq).await?;
    found.retain(|delivery| delivery.seq > DeliverySeq(after));
    let next = cut(&mut found, rows, |delivery| delivery.seq.0);
    json(&DeliveryPage {
        deliveries: shown(&edge, &found),
        next_cursor: next.map(|key| List::Owed.cursor(key)),
    })
}
