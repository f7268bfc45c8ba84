//! The HTTP edge: network hooks, the `/v1` interface, the event stream, what operators ask, and
//! the pages.
//!
//! It translates between HTTP and the engine and decides nothing about messages. Invariant: every
//! request is bounded in size, time and memory, and every error is a problem with a clear detail.

mod api;
mod body;
mod bucket;
mod cursor;
mod edge;
mod endpoint;
mod export;
mod exposition;
mod files;
mod follow;
mod guard;
mod hooks;
mod listener;
mod openapi;
mod operations;
mod peer;
mod problem;
mod public;
mod read;
mod setup;
mod stall;
mod tokens;
mod views;
mod web;
mod words;

pub use bucket::Rate;
pub use listener::serve;
pub use setup::{
    API_BODY_BYTES_MAX, AccountLink, DISCARDED_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX, Limits,
    SMALL_BODY_BYTES_MAX, ServerSetup,
};
pub use tokens::{TOKEN_BYTES_MAX, TOKEN_BYTES_MIN, Token, TokenFault};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use edge::{Edge, Shared};
use endpoint::Endpoint;
use http::{HeaderMap, Uri};
use ieum_engine::Hub;
use problem::{Kind, Problem};
use std::sync::Arc;

/// The whole interface as a service, to be called without a socket. Over sockets use [`serve`],
/// which also limits heads, connections and stalled peers.
pub fn router(hub: Hub, setup: ServerSetup) -> Router {
    router_of(&Arc::new(Edge::new(hub, setup)))
}

/// The OpenAPI document of the interface.
#[must_use]
pub fn openapi() -> serde_json::Value {
    openapi::document(&endpoints())
}

fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = operations::endpoints();
    endpoints.extend(public::endpoints());
    endpoints.extend(api::accounts::endpoints());
    endpoints.extend(api::people::endpoints());
    endpoints.extend(api::addresses::endpoints());
    endpoints.extend(api::contacts::endpoints());
    endpoints.extend(api::terms::endpoints());
    endpoints.extend(api::search::endpoints());
    endpoints.extend(api::own::endpoints());
    endpoints.extend(api::groups::endpoints());
    endpoints.extend(api::past::endpoints());
    endpoints.extend(api::conversations::endpoints());
    endpoints.extend(api::rooms::endpoints());
    endpoints.extend(api::messages::endpoints());
    endpoints.extend(api::deliveries::endpoints());
    endpoints.extend(api::journal::endpoints());
    endpoints.extend(api::events::endpoints());
    endpoints.extend(api::status::endpoints());
    endpoints.extend(api::incidents::endpoints());
    endpoints.extend(api::networks::endpoints());
    endpoints.extend(api::watchers::endpoints());
    endpoints
}

fn router_of(edge: &Shared) -> Router {
    let mut open = Router::new();
    let mut guarded = Router::new();
    for endpoint in endpoints() {
        match endpoint.path.strip_prefix("/v1") {
            Some(path) => guarded = guarded.route(path, endpoint.handler),
            None => open = open.route(endpoint.path, endpoint.handler),
        }
    }
    let guarded = guarded
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(Arc::clone(edge), guard::require_token));
    // Not part of our interface: what is below a hook stands in its network's specification.
    open.route(
        "/hooks/{account}/{*path}",
        put(hooks::receive).post(hooks::receive).get(hooks::receive),
    )
    .fallback(no_such_path)
    .method_not_allowed_fallback(no_such_method)
    .nest("/v1", guarded)
    .merge(files::router())
    .merge(web::router())
    .with_state(Arc::clone(edge))
}

async fn no_such_path(headers: HeaderMap, uri: Uri) -> Response {
    if web::wrong::wants_page(&headers) && !uri.path().starts_with("/v1/") {
        return web::nothing(&headers, uri.path()).await;
    }
    Problem::new(Kind::NotFound, "there is nothing at this path").into_response()
}

async fn no_such_method() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "this path does not take this method")
}
