//! `/v1/people/{id}/terms`: how well the ways to somebody must be kept, and which conversations
//! may reach them where.

use super::{Answer, json, no_content};
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{JsonBody, PathOf};
use crate::words::Word;
use axum::extract::State;
use ieum_core::ids::{ConversationId, PersonId};
use ieum_core::network::Network;
use ieum_core::people::terms::Terms;
use ieum_core::route::security::SecurityLevel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/v1/people/{id}/terms", "What a person asks of the ways to them", show)
            .gives::<TermsView>(200)
            .fails(&[Kind::NotFound]),
        Endpoint::put(
            "/v1/people/{id}/security",
            "Asks that nothing plainer than this carries anything to a person",
            security,
        )
        .takes::<SecurityBody>()
        .gives_nothing(204)
        .fails(&[Kind::NotFound]),
        Endpoint::put(
            "/v1/people/{id}/reach/{conversation}",
            "Says by which networks alone a conversation may reach a person",
            reach,
        )
        .takes::<ReachBody>()
        .gives_nothing(204)
        .fails(&[Kind::NotFound, Kind::Conflict]),
    ]
}

/// What a person asks of the ways to them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Terms")]
struct TermsView {
    security_min: Word<SecurityLevel>,
    /// Conversations that may reach them by some networks alone.
    reaches: Vec<ReachView>,
}

/// By which networks alone a conversation may reach a person.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Reach")]
struct ReachView {
    conversation: u64,
    networks: Vec<Word<Network>>,
}

/// How well ways must be kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewSecurity")]
#[serde(deny_unknown_fields)]
struct SecurityBody {
    /// `end_to_end` leaves no way of today: the hub reads what it carries.
    security_min: Word<SecurityLevel>,
}

/// Where a conversation may reach a person.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewReach")]
#[serde(deny_unknown_fields)]
struct ReachBody {
    /// These alone; null for wherever the person agreed to be reached.
    networks: Option<Vec<Word<Network>>>,
}

impl From<&Terms> for TermsView {
    fn from(terms: &Terms) -> Self {
        let reaches = terms.reaches.iter().map(|reach| ReachView {
            conversation: reach.conversation.0,
            networks: reach.networks.iter().copied().map(Word).collect(),
        });
        Self { security_min: Word(terms.security_min), reaches: reaches.collect() }
    }
}

async fn show(State(edge): State<Shared>, PathOf(id): PathOf<u64>) -> Answer {
    let id = PersonId(id);
    let found = edge.hub.with_directory(|directory| {
        directory.person(id)?;
        let said = directory.terms_of(id).map(TermsView::from);
        Some(said.unwrap_or_else(|| TermsView::from(&Terms::none(id))))
    });
    json(&found.ok_or_else(|| Problem::not_found("person"))?)
}

async fn security(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<SecurityBody>,
) -> Answer {
    edge.hub.set_security(PersonId(id), body.security_min.0).await?;
    no_content()
}

async fn reach(
    State(edge): State<Shared>,
    PathOf((id, conversation)): PathOf<(u64, u64)>,
    JsonBody(body): JsonBody<ReachBody>,
) -> Answer {
    let networks = body.networks.map(|all| all.into_iter().map(|word| word.0).collect());
    edge.hub.set_reach(PersonId(id), ConversationId(conversation), networks).await?;
    no_content()
}
