//! `POST /hooks/{account}`: where networks hand in what happened.
//!
//! Some networks call addresses of their own below it, by other methods, and want JSON back: which
//! of these exist is for the connector to say.
//!
//! The hottest path of the hub: no layer, no token, no JSON of ours. What is genuine and what it
//! means is for the connector to say. Invariant: 200 is answered only when every event of the
//! call is durable or was so before.

use crate::edge::Shared;
use crate::problem::{Kind, Problem};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use ieum_core::ports::connector::{HookRefusal, HookRequest, hook_bytes_max};
use ieum_engine::HookFailure;
use std::sync::atomic::{AtomicU64, Ordering};

/// The path before an account's name.
const PREFIX: &str = "/hooks/";

/// Whether a call to `path` is one of a network.
pub(crate) fn is_hook(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|account| !account.is_empty())
}

/// Answers to hooks since the start, by status.
#[derive(Debug, Default)]
pub(crate) struct HookAnswers {
    counts: [AtomicU64; STATUSES.len() + 1],
}

/// Those that a hook can be answered.
const STATUSES: [u16; 7] = [200, 400, 401, 404, 408, 413, 503];

impl HookAnswers {
    fn count(&self, status: StatusCode) {
        let known = STATUSES.iter().position(|code| *code == status.as_u16());
        if let Some(count) = self.counts.get(known.unwrap_or(STATUSES.len())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many of each status; `0` stands for any other one.
    pub(crate) fn read(&self) -> impl Iterator<Item = (u16, u64)> {
        let statuses = STATUSES.into_iter().chain([0]);
        statuses.zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

/// Takes one call of a network.
pub(crate) async fn receive(State(edge): State<Shared>, request: Request) -> Response {
    let response = match take(&edge, request).await {
        Ok(Below::Hook) => StatusCode::OK.into_response(),
        Ok(Below::Address) => Json(serde_json::Map::new()).into_response(),
        Err(problem) => problem.into_response(),
    };
    edge.hook_answers.count(response.status());
    response
}

/// Which address was called.
#[derive(Debug, Clone, Copy)]
enum Below {
    /// The account's hook itself.
    Hook,
    /// One of the network's own below it.
    Address,
}

async fn take(edge: &Shared, request: Request) -> Result<Below, Problem> {
    let (head, body) = request.into_parts();
    let called = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let (account, path) = called.split_at(called.find('/').unwrap_or(called.len()));
    if !edge.hub.has_account(account) {
        // Before anything of it is read: large bodies are for those who have something to say.
        return Err(Problem::not_found("account"));
    }
    let body = edge.bodies.read(body, hook_bytes_max(path)).await?;
    let hook = HookRequest { path, headers: &head.headers, body: &body.bytes };
    let answer = edge.hub.hook(account, hook).await;
    let below = if path.is_empty() { Below::Hook } else { Below::Address };
    answer.map(|_| below).map_err(problem)
}

fn problem(failure: HookFailure) -> Problem {
    match failure {
        HookFailure::UnknownAccount => Problem::not_found("account"),
        HookFailure::Refused(HookRefusal::Forged) => {
            Problem::new(Kind::Unauthorized, "the call is not proven to come from the network")
        }
        HookFailure::Refused(HookRefusal::Malformed(why)) => Problem::new(Kind::Malformed, why),
        HookFailure::Refused(HookRefusal::NotUsed) => {
            Problem::new(Kind::NotFound, "this account does not take webhooks")
        }
        HookFailure::TooLarge => Problem::new(Kind::TooLarge, "the body is too large"),
        HookFailure::Unavailable => Problem::unavailable("the hub did not admit a hook"),
    }
}
