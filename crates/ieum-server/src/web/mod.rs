//! The pages: what people and operators read in a browser, made on the server.
//!
//! They show what is in the store and in memory and decide nothing. Invariants: no page holds a
//! script or a style of its own (the policy forbids them), and no text of anybody's reaches a page
//! but through the templates, which escape it.

pub(crate) mod assets;
pub(crate) mod clock;
mod frame;
mod headers;
mod incident;
pub(crate) mod reader;
mod status;
pub(crate) mod wrong;

use crate::edge::Shared;
use axum::Router;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::HeaderMap;
use reader::Reader;
use wrong::Wrong;

/// All pages.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(status::page))
        .route("/status", get(status::page))
        .route("/incidents/{incident}", get(incident::page))
        .route("/look", post(reader::change))
        .route("/assets/{name}", get(assets::asset))
        .route("/manifest.webmanifest", get(assets::manifest))
        .layer(map_response(headers::guarded))
}

/// The page for a path where nothing is.
pub(crate) async fn nothing(headers: &HeaderMap, path: &str) -> Response {
    let reader = Reader::of(headers, path);
    headers::guarded(Wrong::nothing(&reader).into_response()).await
}
