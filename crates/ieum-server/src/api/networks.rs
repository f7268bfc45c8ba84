//! `/v1/networks`: the operator's word on a network, and people's reports about it.

use super::{Answer, json, no_content};
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{JsonBody, PathOf};
use crate::tokens::Caller;
use crate::words::Word;
use axum::Extension;
use axum::extract::State;
use ieum_core::health::{Cell, CellState, Function, Surface};
use ieum_core::ids::PersonId;
use ieum_core::network::Network;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::put(
            "/v1/networks/{network}/hold",
            "Keeps a part of a network in a state until it is released, through restarts",
            hold,
        )
        .takes::<HoldBody>()
        .gives_nothing(204)
        .fails(&[Kind::NotFound]),
        Endpoint::post(
            "/v1/networks/{network}/release",
            "Lets a part of a network be what the hub's own evidence says",
            release,
        )
        .takes::<CellBody>()
        .gives_nothing(204)
        .fails(&[Kind::NotFound]),
        Endpoint::post(
            "/v1/networks/{network}/reports",
            "Takes in that a network does not work for a person",
            report,
        )
        .takes::<ReportBody>()
        .gives::<ReportView>(200)
        .fails(&[Kind::NotFound]),
    ]
}

/// Which state to keep.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HoldBody {
    /// `down` moves messages away, `up` keeps them there whatever is seen.
    state: Word<CellState>,
    /// Sending unless told.
    #[serde(default)]
    function: Option<Word<Function>>,
    /// The hub's own calls unless told.
    #[serde(default)]
    surface: Option<Word<Surface>>,
}

/// Which part of a network.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CellBody {
    /// Sending unless told.
    #[serde(default)]
    function: Option<Word<Function>>,
    /// The hub's own calls unless told.
    #[serde(default)]
    surface: Option<Word<Surface>>,
}

/// What does not work, for whom.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportBody {
    /// The person who says so.
    person: u64,
    /// Sending unless told.
    #[serde(default)]
    function: Option<Word<Function>>,
    /// Where they see it: their phone unless told.
    #[serde(default)]
    surface: Option<Word<Surface>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Report")]
struct ReportView {
    /// How many people reported the same lately, this one included.
    reporters: usize,
}

fn cell(
    network: &str,
    function: Option<Word<Function>>,
    surface: Option<Word<Surface>>,
    usual: Surface,
) -> Result<Cell, Problem> {
    let network = Network::from_word(network).ok_or_else(|| Problem::not_found("network"))?;
    let function = function.map_or(Function::Send, |word| word.0);
    Ok(Cell { network, function, surface: surface.map_or(usual, |word| word.0) })
}

async fn hold(
    State(edge): State<Shared>,
    Extension(caller): Extension<Caller>,
    PathOf(network): PathOf<String>,
    JsonBody(body): JsonBody<HoldBody>,
) -> Answer {
    let cell = cell(&network, body.function, body.surface, Surface::Api)?;
    edge.hub.hold_cell(cell, body.state.0, &caller.name).await?;
    no_content()
}

async fn release(
    State(edge): State<Shared>,
    PathOf(network): PathOf<String>,
    JsonBody(body): JsonBody<CellBody>,
) -> Answer {
    let cell = cell(&network, body.function, body.surface, Surface::Api)?;
    edge.hub.release_cell(cell).await?;
    no_content()
}

async fn report(
    State(edge): State<Shared>,
    PathOf(network): PathOf<String>,
    JsonBody(body): JsonBody<ReportBody>,
) -> Answer {
    let cell = cell(&network, body.function, body.surface, Surface::Mobile)?;
    let person = PersonId(body.person);
    let known = edge.hub.with_directory(|directory| directory.person(person).is_some());
    if !known {
        return Err(Problem::not_found("person"));
    }
    let answer = edge.hub.report(cell, person).await;
    json(&ReportView { reporters: answer.reporters })
}
