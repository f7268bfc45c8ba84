//! The pages: what people and operators read in a browser, made on the server.
//!
//! They show what is in the store and in memory and decide nothing. Invariants: no page holds a
//! script or a style of its own (the policy forbids them), and no text of anybody's reaches a page
//! but through the templates, which escape it.

mod about;
mod acts;
pub(crate) mod assets;
pub(crate) mod clock;
mod console;
mod devices;
mod form;
mod frame;
mod groups;
mod headers;
mod inbox;
mod incident;
mod join;
mod live;
mod me;
mod passkeys;
mod people;
mod picture;
pub(crate) mod reader;
mod search;
mod sessions;
mod sign_in;
mod status;
mod thread;
pub(crate) mod uploads;
pub(crate) mod wrong;

use crate::edge::Shared;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::HeaderMap;
use reader::Reader;
use std::sync::Arc;
use tokio::sync::Semaphore;
use wrong::Wrong;

/// Largest form: the longest text, with room for how forms write it.
const FORM_BYTES_MAX: usize = 256 * 1_024;

/// What the pages keep in memory.
#[derive(Debug)]
pub(crate) struct Pages {
    /// Which operators are in the console.
    operators: console::Operators,
    /// One permit for each page that listens.
    streams: Arc<Semaphore>,
    /// One permit for each file that comes in.
    uploads: Semaphore,
    /// What each sent within an hour.
    budgets: uploads::Budgets,
    /// Passkeys that are being made or used.
    ceremonies: passkeys::Ceremonies,
}

impl Default for Pages {
    fn default() -> Self {
        let streams = Arc::new(Semaphore::new(live::STREAMS_MAX));
        Self {
            operators: console::Operators::default(),
            streams,
            uploads: Semaphore::new(uploads::UPLOADS_MAX),
            budgets: uploads::Budgets::default(),
            ceremonies: passkeys::Ceremonies::default(),
        }
    }
}

/// All pages.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(status::page))
        .route("/status", get(status::page))
        .route("/incidents/{incident}", get(incident::page))
        .route("/look", post(reader::change))
        .route("/sign-in", get(sign_in::page).post(sign_in::ask))
        .route("/sign-in/code", get(sign_in::code_page).post(sign_in::redeem))
        .route("/sign-in/passkey/options", post(passkeys::entering))
        .route("/sign-in/passkey", post(passkeys::enter))
        .route("/passkeys/options", post(passkeys::adding))
        .route("/passkeys", post(passkeys::add))
        .route("/passkeys/remove", post(passkeys::remove))
        .route("/sign-out", post(sign_in::leave))
        .route("/join", get(join::page).post(join::enter))
        .route("/welcome", get(join::welcome))
        .route("/inbox", get(inbox::list))
        .route("/inbox/live", get(live::live))
        .route("/inbox/{conversation}", get(inbox::conversation).post(inbox::write))
        .route("/inbox/{conversation}/acts", post(acts::act))
        .route(
            "/inbox/{conversation}/files",
            post(uploads::send).layer(DefaultBodyLimit::max(uploads::UPLOAD_FORM_BYTES_MAX)),
        )
        .route("/search", get(search::page))
        .route("/groups", get(groups::list).post(groups::found))
        .route("/groups/{conversation}", get(groups::page).post(groups::act))
        .route("/groups/{conversation}/invitation", post(groups::answer))
        .route("/groups/{conversation}/code", post(groups::code))
        .route("/open/{key}", get(groups::door).post(groups::enter))
        .route("/people", get(people::page).post(people::ask))
        .route("/people/{person}", post(people::answer))
        .route("/people/{person}/unblock", post(people::unblock))
        .route("/me", get(me::page))
        .route("/me/export.html", get(me::readable))
        .route("/me/export.jsonl", get(me::lines))
        .route("/me/leave", get(me::leaving).post(me::leave))
        .route("/me/handle", post(me::call))
        .route("/me/ways", post(me::way))
        .route("/me/link", post(me::link))
        .route("/me/consents", post(me::agree))
        .route("/me/push", post(devices::hear))
        .route("/me/push/change", post(devices::change))
        .route("/console", get(console::page).post(console::enter))
        .route("/console/cell", post(console::cell))
        .route("/console/leave", post(console::leave))
        .route("/assets/{name}", get(assets::asset))
        .route("/worker.js", get(assets::worker))
        .route("/manifest.webmanifest", get(assets::manifest))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(map_response(headers::guarded))
}

/// The page for a path where nothing is.
pub(crate) async fn nothing(headers: &HeaderMap, path: &str) -> Response {
    let reader = Reader::of(headers, path);
    headers::guarded(Wrong::nothing(&reader).into_response()).await
}
