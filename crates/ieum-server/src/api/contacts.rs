//! `/v1/people/{id}/contacts`: handles, requests and what becomes of them.
//!
//! Invariant: what the answer to a request says depends on the one who asks alone.

use super::{Answer, json, no_content};
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{JsonBody, PathOf};
use crate::words::Word;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use ieum_core::ids::PersonId;
use ieum_core::people::contacts::{Card, ContactRefusal, Standing};
use ieum_engine::ContactFailure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/v1/people/{id}/contacts", "A person's handle, contacts and requests", list)
            .gives::<ContactList>(200)
            .fails(&[Kind::NotFound]),
        Endpoint::put(
            "/v1/people/{id}/handle",
            "Gives a person a handle by which they can be asked, or takes it away",
            handle,
        )
        .takes::<HandleBody>()
        .gives_nothing(204)
        .fails(&[Kind::NotFound, Kind::Invalid, Kind::Conflict]),
        Endpoint::post(
            "/v1/people/{id}/contact-requests",
            "Asks for somebody by their handle; the answer never tells whether there is such a one",
            request,
        )
        .takes::<RequestBody>()
        .gives_nothing(202)
        .fails(&[Kind::NotFound, Kind::Invalid, Kind::Conflict]),
        Endpoint::put(
            "/v1/people/{id}/contacts/{other}",
            "Accepts or ignores who asked, or blocks somebody",
            answer,
        )
        .takes::<StandingBody>()
        .gives_nothing(204)
        .fails(&[Kind::NotFound, Kind::Invalid, Kind::Conflict]),
        Endpoint::delete(
            "/v1/people/{id}/contacts/{other}",
            "Lets go of a block: who was blocked is a stranger again",
            unblock,
        )
        .gives_nothing(204)
        .fails(&[Kind::NotFound, Kind::Conflict]),
    ]
}

/// Whom a person knows, and whom they asked.
#[derive(Debug, Serialize, JsonSchema)]
struct ContactList {
    /// By which others may ask for them; null while they cannot be asked.
    handle: Option<Box<str>>,
    contacts: Vec<ContactView>,
    /// What they asked within the last day.
    requests: Vec<RequestView>,
}

/// Somebody who asks, or of whom something was said.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Contact")]
struct ContactView {
    person: u64,
    /// Their name: until they are accepted, the only thing that a request carries.
    name: Box<str>,
    standing: Word<Standing>,
    /// Since when, in Unix milliseconds.
    at_ms: i64,
}

/// A request that a person made.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ContactRequest")]
struct RequestView {
    handle: Box<str>,
    /// When, in Unix milliseconds.
    at_ms: i64,
}

/// A handle to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewHandle")]
#[serde(deny_unknown_fields)]
struct HandleBody {
    /// 3 to 20 letters (a to z, Hangul), digits or underscores; null takes it away.
    handle: Option<String>,
}

/// Whom to ask for.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewContactRequest")]
#[serde(deny_unknown_fields)]
struct RequestBody {
    /// Their exact handle.
    handle: String,
}

/// What becomes of somebody.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewStanding")]
#[serde(deny_unknown_fields)]
struct StandingBody {
    /// `accepted`, `ignored` or `blocked`.
    standing: Word<Standing>,
}

impl From<ContactFailure> for Problem {
    fn from(failure: ContactFailure) -> Self {
        let refusal = match failure {
            ContactFailure::Refused(refusal) => refusal,
            ContactFailure::Unavailable => {
                return Self::unavailable("the hub did not take a contact");
            }
        };
        match refusal {
            ContactRefusal::NoPerson => Self::not_found("person"),
            ContactRefusal::NotAHandle => Self::new(Kind::Invalid, refusal.to_string()),
            ContactRefusal::Taken
            | ContactRefusal::TooMany
            | ContactRefusal::NobodyAsks
            | ContactRefusal::Full => Self::new(Kind::Conflict, refusal.to_string()),
        }
    }
}

async fn list(State(edge): State<Shared>, PathOf(id): PathOf<u64>) -> Answer {
    let id = PersonId(id);
    let found = edge.hub.with_directory(|directory| {
        directory.person(id)?;
        let name =
            |other| directory.person(other).map_or_else(|| "".into(), |one| one.name.clone());
        Some(directory.cards().of(id).map(|card| shown(card, name)))
    });
    let empty = || ContactList { handle: None, contacts: Vec::new(), requests: Vec::new() };
    json(&found.ok_or_else(|| Problem::not_found("person"))?.unwrap_or_else(empty))
}

fn shown(card: &Card, name: impl Fn(PersonId) -> Box<str>) -> ContactList {
    let contacts = card.contacts.iter().map(|entry| ContactView {
        person: entry.other.0,
        name: name(entry.other),
        standing: Word(entry.standing),
        at_ms: entry.at.0,
    });
    let requests = card.asked.iter();
    ContactList {
        handle: card.handle.clone(),
        contacts: contacts.collect(),
        requests: requests
            .map(|asked| RequestView { handle: asked.handle.clone(), at_ms: asked.at.0 })
            .collect(),
    }
}

async fn handle(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<HandleBody>,
) -> Answer {
    edge.hub.take_handle(PersonId(id), body.handle.as_deref()).await?;
    no_content()
}

async fn request(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<RequestBody>,
) -> Answer {
    edge.hub.request_contact(PersonId(id), &body.handle).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn answer(
    State(edge): State<Shared>,
    PathOf((id, other)): PathOf<(u64, u64)>,
    JsonBody(body): JsonBody<StandingBody>,
) -> Answer {
    edge.hub.answer_contact(PersonId(id), PersonId(other), body.standing.0).await?;
    no_content()
}

async fn unblock(State(edge): State<Shared>, PathOf((id, other)): PathOf<(u64, u64)>) -> Answer {
    edge.hub.unblock(PersonId(id), PersonId(other)).await?;
    no_content()
}
