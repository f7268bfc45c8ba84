//! `/v1/health` and `/v1/counts`: how the networks and the store stand.

use super::{Answer, json};
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::words::Word;
use axum::extract::State;
use ieum_core::directory::Directory;
use ieum_core::health::book::CellView;
use ieum_core::health::{CellState, Function, Surface};
use ieum_core::network::Network;
use ieum_core::ports::store::Counts;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/v1/health", "How each network's cells stand, and why", health)
            .gives::<HealthList>(200),
        Endpoint::get("/v1/counts", "Figures of the store", counts).gives::<CountsView>(200),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct HealthList {
    /// All cells that there has been evidence of; the others are taken to be up.
    cells: Vec<HealthView>,
}

/// How one function of a network is, seen from one surface.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Cell")]
struct HealthView {
    network: Word<Network>,
    function: Word<Function>,
    surface: Word<Surface>,
    state: Word<CellState>,
    /// Since when, in Unix milliseconds.
    since_ms: i64,
    /// Why.
    evidence: Box<str>,
    /// The operator's word that keeps it in this state, if there is one.
    held: Option<HeldView>,
}

/// An operator keeps a part of a network in its state until it is released.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Held")]
struct HeldView {
    /// The name of the operator's token.
    by: Box<str>,
    /// Since when, in Unix milliseconds.
    since_ms: i64,
}

impl HealthView {
    fn of(view: CellView, directory: &Directory) -> Self {
        let hold = directory.hold_of(view.cell);
        Self {
            held: hold.map(|hold| HeldView { by: hold.by.clone(), since_ms: hold.at.0 }),
            network: Word(view.cell.network),
            function: Word(view.cell.function),
            surface: Word(view.cell.surface),
            state: Word(view.state),
            since_ms: view.since.0,
            evidence: view.evidence,
        }
    }
}

/// Figures since the data began.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Counts")]
struct CountsView {
    /// Messages ever admitted.
    messages: u64,
    /// Repeated events that were turned away.
    repeated_events: u64,
    /// Deliveries ever planned.
    deliveries: u64,
    /// Deliveries that have not ended, by the account of their present route.
    open: BTreeMap<String, u64>,
    /// Deliveries that have not ended and have no route now.
    open_without_route: u64,
    /// Deliveries that ended dead.
    dead: u64,
    /// Deliveries that ended expired.
    expired: u64,
    /// The newest journal number.
    journal: u64,
}

/// Open deliveries by the name of their account, and those without one.
pub(crate) fn open_by_name(edge: &Shared, counts: &Counts) -> (BTreeMap<String, u64>, u64) {
    let names: BTreeMap<u64, Box<str>> = edge.hub.with_directory(|directory| {
        let accounts = directory.accounts();
        accounts.map(|account| (account.id.0, account.name.clone())).collect()
    });
    let name_of = |id: &u64| match names.get(id) {
        Some(name) => name.to_string(),
        None => format!("account {id}"),
    };
    let routed = counts.open.iter().filter(|(id, _)| **id != 0);
    let open = routed.map(|(id, count)| (name_of(id), *count)).collect();
    (open, counts.open.get(&0).copied().unwrap_or_default())
}

async fn health(State(edge): State<Shared>) -> Answer {
    let cells = edge.hub.health();
    let of = |directory: &Directory| {
        cells.into_iter().map(|view| HealthView::of(view, directory)).collect()
    };
    let cells = edge.hub.with_directory(of);
    json(&HealthList { cells })
}

async fn counts(State(edge): State<Shared>) -> Answer {
    let counts = edge.hub.store().counts().await?;
    let (open, open_without_route) = open_by_name(&edge, &counts);
    json(&CountsView {
        messages: counts.messages,
        repeated_events: counts.repeated_events,
        deliveries: counts.deliveries,
        open,
        open_without_route,
        dead: counts.dead,
        expired: counts.expired,
        journal: counts.journal,
    })
}
