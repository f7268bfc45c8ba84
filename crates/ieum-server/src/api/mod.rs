//! `/v1`: the hub's own interface, one file for each kind of thing.

pub(crate) mod accounts;
pub(crate) mod addresses;
pub(crate) mod contacts;
pub(crate) mod conversations;
pub(crate) mod deliveries;
pub(crate) mod events;
pub(crate) mod groups;
pub(crate) mod incidents;
pub(crate) mod journal;
pub(crate) mod messages;
pub(crate) mod networks;
pub(crate) mod own;
pub(crate) mod past;
pub(crate) mod people;
pub(crate) mod rooms;
pub(crate) mod search;
pub(crate) mod status;
pub(crate) mod terms;
pub(crate) mod watchers;

use crate::edge::Shared;
use crate::problem::{Kind, Problem};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use ieum_core::ids::AccountId;
use ieum_core::ports::store::StoreFailure;
use ieum_engine::ChangeFailure;
use serde::Serialize;

/// An answer with JSON, or a problem.
pub(crate) type Answer = Result<Response, Problem>;

/// 200 with JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Answer {
    with_status(StatusCode::OK, value)
}

/// 201 with JSON, and where the new thing is.
pub(crate) fn created<T: Serialize>(location: String, value: &T) -> Answer {
    let response = with_status(StatusCode::CREATED, value)?;
    Ok(([(header::LOCATION, location)], response).into_response())
}

/// 204.
pub(crate) fn no_content() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn with_status<T: Serialize>(status: StatusCode, value: &T) -> Answer {
    let body = serde_json::to_vec(value).map_err(|error| Problem::internal(error.to_string()))?;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((status, headers, body).into_response())
}

impl From<StoreFailure> for Problem {
    fn from(failure: StoreFailure) -> Self {
        match failure {
            StoreFailure::Unavailable(_) | StoreFailure::Damaged(_) | StoreFailure::Closed => {
                Self::unavailable(failure.to_string())
            }
            StoreFailure::Rule(_) => Self::internal(failure.to_string()),
        }
    }
}

impl From<ChangeFailure> for Problem {
    fn from(failure: ChangeFailure) -> Self {
        match failure {
            ChangeFailure::NotFound(what) => Self::not_found(what),
            ChangeFailure::Invalid(why) => Self::new(Kind::Invalid, why),
            ChangeFailure::Conflict(why) => Self::new(Kind::Conflict, why),
            ChangeFailure::Unavailable => Self::unavailable("the hub did not take a change"),
        }
    }
}

/// Keeps `rows` of what was found, and tells the key of the last one if there was more.
pub(crate) fn cut<T>(found: &mut Vec<T>, rows: usize, key: impl Fn(&T) -> u64) -> Option<u64> {
    let more = found.len() > rows;
    found.truncate(rows);
    found.last().filter(|_| more).map(key)
}

/// The account with this name, of a filter.
pub(crate) fn account(edge: &Shared, name: &str) -> Result<AccountId, Problem> {
    let found = edge
        .hub
        .with_directory(|directory| directory.account_named(name).map(|account| account.id));
    found.ok_or_else(|| Problem::not_found("account"))
}
