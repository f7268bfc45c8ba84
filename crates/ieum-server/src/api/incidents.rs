//! `/v1/incidents`: what was wrong with a network, how the hub knew, what it did, and why it went
//! back. For whoever was not there.

use super::{Answer, cut, json};
use crate::cursor::List;
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{PAGE_ROWS_MAX, PageQuery, PathOf, QueryOf, rows};
use crate::views::incident::{IncidentDetail, IncidentView, TouchView};
use axum::extract::State;
use ieum_core::delivery::Recipient;
use ieum_core::ids::{DeliverySeq, IncidentId};
use ieum_core::incident::{Touch, Touched};
use ieum_core::ports::store::{PAGE_ROWS_MAX as STORE_ROWS_MAX, StoreFailure};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Most touched deliveries looked at to say where they went; beyond, the answer says so.
const TOUCHED_READ_MAX: usize = 20_000;
/// Most people named as out of reach.
const OUT_OF_REACH_MAX: usize = 200;

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/v1/incidents", "Lists incidents, newest first", list)
            .query::<PageQuery>()
            .gives::<IncidentPage>(200)
            .fails(&[Kind::Invalid]),
        Endpoint::get("/v1/incidents/{incident}", "Tells all of one incident", read)
            .gives::<IncidentDetail>(200)
            .fails(&[Kind::NotFound]),
        Endpoint::get(
            "/v1/incidents/{incident}/deliveries",
            "Lists the deliveries that an incident touched, oldest first",
            touched,
        )
        .query::<PageQuery>()
        .gives::<TouchPage>(200)
        .fails(&[Kind::NotFound, Kind::Invalid]),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct IncidentPage {
    incidents: Vec<IncidentView>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TouchPage {
    deliveries: Vec<TouchView>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

async fn list(State(edge): State<Shared>, QueryOf(query): QueryOf<PageQuery>) -> Answer {
    let rows = rows(query.limit, PAGE_ROWS_MAX)?;
    let before = query.cursor.map_or(Ok(u64::MAX), |cursor| List::Incidents.key(&cursor))?;
    let mut found = edge.hub.store().page_incidents(IncidentId(before), rows + 1).await?;
    let next = cut(&mut found, rows, |incident| incident.id.0);
    let now = edge.hub.now();
    json(&IncidentPage {
        incidents: found.iter().map(|incident| IncidentView::of(incident, now)).collect(),
        next_cursor: next.map(|key| List::Incidents.cursor(key)),
    })
}

async fn read(State(edge): State<Shared>, PathOf(id): PathOf<u64>) -> Answer {
    let id = IncidentId(id);
    let found = edge.hub.store().incident(id).await?;
    let (incident, counts) = found.ok_or_else(|| Problem::not_found("incident"))?;
    let traces = Traces::read(&edge, id, TOUCHED_READ_MAX).await?;
    let out_of_reach = edge.hub.with_directory(|directory| {
        let people = traces.held.iter().take(OUT_OF_REACH_MAX);
        people.filter_map(|id| directory.person(*id)).map(|one| one.name.to_string()).collect()
    });
    let now = edge.hub.now();
    json(&IncidentDetail::of(&incident, &counts, (traces.ways, out_of_reach), now))
}

/// What the touched deliveries tell together.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    read: usize,
    ways: BTreeMap<&'static str, u64>,
    held: BTreeSet<ieum_core::ids::PersonId>,
}

impl Traces {
    /// Looks at about `rows_max` of an incident's deliveries, the oldest first.
    pub(crate) async fn read(
        edge: &Shared,
        id: IncidentId,
        rows_max: usize,
    ) -> Result<Self, StoreFailure> {
        let mut traces = Self::default();
        let mut after = DeliverySeq(0);
        while traces.read < rows_max {
            let page = edge.hub.store().page_touched(id, after, STORE_ROWS_MAX).await?;
            let Some(last) = page.last() else { break };
            after = last.delivery;
            traces.add(edge, &page);
        }
        Ok(traces)
    }

    /// The ways that were taken, by network's word.
    pub(crate) fn ways(&self) -> &BTreeMap<&'static str, u64> {
        &self.ways
    }

    /// How many people had no other way.
    pub(crate) fn held_people(&self) -> usize {
        self.held.len()
    }

    fn add(&mut self, edge: &Shared, page: &[Touch]) {
        self.read += page.len();
        edge.hub.with_directory(|directory| {
            for touch in page {
                match (touch.how, touch.recipient) {
                    (Touched::Moved, _) => {
                        let way = touch.to.and_then(|to| directory.network_of(to.account));
                        *self.ways.entry(way.map_or("unknown", |way| way.word())).or_default() += 1;
                    }
                    (Touched::Held, Recipient::Person(person)) => {
                        self.held.insert(person);
                    }
                    (Touched::Held, Recipient::Room(_)) | (Touched::InDoubt | Touched::Told, _) => {
                    }
                }
            }
        });
    }
}

async fn touched(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    QueryOf(query): QueryOf<PageQuery>,
) -> Answer {
    let rows = rows(query.limit, PAGE_ROWS_MAX)?;
    let after = query.cursor.map_or(Ok(0), |cursor| List::Touched.key(&cursor))?;
    let id = IncidentId(id);
    if edge.hub.store().incident(id).await?.is_none() {
        return Err(Problem::not_found("incident"));
    }
    let mut found = edge.hub.store().page_touched(id, DeliverySeq(after), rows + 1).await?;
    let next = cut(&mut found, rows, |touch| touch.delivery.0);
    let deliveries = edge.hub.with_directory(|directory| {
        found.iter().map(|touch| TouchView::of(touch, directory)).collect()
    });
    json(&TouchPage { deliveries, next_cursor: next.map(|key| List::Touched.cursor(key)) })
}
