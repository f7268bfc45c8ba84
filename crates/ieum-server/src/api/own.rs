//! `/v1/people/{id}/export` and the end of a person: what the hub holds of somebody, on the
//! operator's word.
//!
//! Invariant: whoever looks is journaled before they see anything.

use super::Answer;
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::export::{self, ExportForm, JSON_LINES};
use crate::problem::Kind;
use crate::read::PathOf;
use crate::tokens::Caller;
use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use ieum_core::ids::PersonId;

const HTML: &str = "text/html; charset=utf-8";

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/people/{id}/export",
            "Everything that the hub holds of a person, one JSON object a line; journaled",
            lines,
        )
        .gives_other(JSON_LINES)
        .fails(&[Kind::NotFound]),
        Endpoint::get(
            "/v1/people/{id}/export.html",
            "Everything that the hub holds of a person, as one page; journaled",
            page,
        )
        .gives_other(HTML)
        .fails(&[Kind::NotFound]),
        Endpoint::delete(
            "/v1/people/{id}",
            "Lets a person leave for good: what waits for them ends, their texts are taken away; \
             journaled",
            delete,
        )
        .gives_nothing(202)
        .fails(&[Kind::NotFound]),
    ]
}

async fn lines(
    State(edge): State<Shared>,
    Extension(caller): Extension<Caller>,
    PathOf(id): PathOf<u64>,
) -> Answer {
    export(&edge, &caller, PersonId(id), ExportForm::Lines).await
}

async fn page(
    State(edge): State<Shared>,
    Extension(caller): Extension<Caller>,
    PathOf(id): PathOf<u64>,
) -> Answer {
    export(&edge, &caller, PersonId(id), ExportForm::Page).await
}

async fn export(edge: &Shared, caller: &Caller, person: PersonId, form: ExportForm) -> Answer {
    edge.hub.note_access(person, "export", &caller.name).await?;
    let body = export::body(edge, person, form).await?;
    let media_type = if form == ExportForm::Lines { JSON_LINES } else { HTML };
    // What somebody wrote is in it: nothing of it may run, whatever opens it.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    Ok((headers, body).into_response())
}

async fn delete(
    State(edge): State<Shared>,
    Extension(caller): Extension<Caller>,
    PathOf(id): PathOf<u64>,
) -> Answer {
    edge.hub.delete_person(PersonId(id), Some(&caller.name)).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
