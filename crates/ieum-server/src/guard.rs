//! The door of `/v1`: a token first, then everything else.
//!
//! Invariant: without a known token no call is told whether a path or a thing exists.

use crate::edge::Shared;
use crate::problem::{Kind, Problem};
use crate::tokens::{Turned, bearer};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header;

/// Lets calls with a token pass, with their [`crate::tokens::Caller`] as an extension.
pub(crate) async fn require_token(
    State(edge): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION);
    let secret = shown.and_then(|value| bearer(value.as_bytes()));
    let entered = edge.gate.enter(secret.unwrap_or_default(), edge.hub.now());
    match entered {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(turned) => problem(turned).into_response(),
    }
}

fn problem(turned: Turned) -> Problem {
    match turned {
        Turned::Unknown => Problem::new(
            Kind::Unauthorized,
            "send one of the hub's tokens: Authorization: Bearer …",
        ),
        Turned::WaitMs(ms) => Problem::new(Kind::TooMany, "this token's rate is used up")
            .retry_after_s(ms.div_ceil(1_000).max(1)),
    }
}
