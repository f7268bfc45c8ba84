//! LINE's Messaging API as its documentation and OpenAPI description tell it.
//!
//! Every answer carries `X-Line-Request-Id`; errors are `{"message", "details"}`.

pub(crate) mod event;
mod message;
mod read;
mod send;
pub(crate) mod webhook;

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Extracted};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use ieum_core::time::Timestamp;
use serde_json::{Value, json};

use crate::fault::cell::Function;
use crate::network::Network;
use crate::reading::same_secret;
use crate::shared::{BODY_BYTES_MAX, Shared};
use crate::world::World;
use crate::world::error::WorldError;
use crate::world::event::{Told, What};
use crate::world::people::direct_id;

/// What LINE keeps beside the world: tokens, retry keys, the webhook.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) last_message_id: u64,
    reply_tokens: BTreeMap<String, (String, Timestamp)>,
    retry_keys: BTreeMap<String, send::Accepted>,
    quote_tokens: BTreeMap<String, u64>,
    read_tokens: BTreeSet<String>,
    link_tokens: BTreeMap<String, (String, Timestamp)>,
    pub(crate) webhook: webhook::Webhook,
    used_quota: u64,
    windows: BTreeMap<&'static str, (i64, u32)>,
}

/// A request that has been read whole.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) fn router(shared: Shared) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

async fn answer(Extracted(shared): Extracted<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match to_bytes(body, BODY_BYTES_MAX).await {
        Ok(body) => {
            let call = Call {
                method: parts.method,
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                headers: parts.headers,
                body,
            };
            route(&shared, call).await
        }
        Err(_) => error(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
    };
    let headers = response.headers_mut();
    if !headers.contains_key("x-line-request-id") {
        let id = request_id(&shared.lock());
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert("x-line-request-id", id);
        }
    }
    response
}

async fn route(shared: &Shared, call: Call) -> Response {
    if !is_ours(&shared.lock(), &call.headers) {
        return error(
            StatusCode::UNAUTHORIZED,
            "Authentication failed due to the following reason: invalid token. Confirm that the \
             access token in the authorization header is valid.",
        );
    }
    if call.headers.contains_key("x-line-retry-key") && !send::takes_retry_key(&call.path) {
        return error(StatusCode::BAD_REQUEST, "The 'X-Line-Retry-Key' header is not supported");
    }
    let path = call.path.clone();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (call.method.clone(), segments.as_slice()) {
        (Method::POST, ["v2", "bot", "message", "validate", kind]) => send::validate(&call, kind),
        (Method::POST, ["v2", "bot", "message", kind]) => send::send(shared, &call, kind).await,
        (Method::POST, ["v2", "bot", "channel", "webhook", "test"]) => {
            webhook::test(shared, &call).await
        }
        _ => {
            let refuse = || unavailable();
            let act = |world: &mut World, _| read::route(world, &call, &segments);
            let functions = functions_of(&segments);
            shared.spoil(Network::Line, functions, crate::world::message::BOT, act, refuse).await
        }
    }
}

fn functions_of(segments: &[&str]) -> &'static [Function] {
    let content = segments.len() > 4 && segments.get(4) == Some(&"content");
    if content { &[Function::Login, Function::Media] } else { &[Function::Login] }
}

fn is_ours(world: &World, headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.strip_prefix("Bearer "));
    token.is_some_and(|token| same_secret(token.trim(), &world.bot(Network::Line).token))
}

/// The answer of LINE when it is in trouble.
pub(crate) fn unavailable() -> Response {
    error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

pub(crate) fn error(status: StatusCode, message: &str) -> Response {
    reply(status, &json!({ "message": message }))
}

pub(crate) fn bad(message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, message)
}

pub(crate) fn ok(body: &Value) -> Response {
    reply(StatusCode::OK, body)
}

pub(crate) fn reply(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Reads a JSON body, or says as LINE does what is wrong with it.
pub(crate) fn json_body(call: &Call) -> Result<Value, Box<Response>> {
    let kind = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json")) {
        let message = "The Content-Type must be application/json";
        return Err(Box::new(error(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)));
    }
    let parsed = serde_json::from_slice::<Value>(&call.body);
    parsed.ok().filter(Value::is_object).ok_or_else(|| {
        Box::new(bad("The request body could not be parsed as JSON (line: 1, column: 1)"))
    })
}

/// A fresh request id in the form of a UUID.
fn request_id(world: &World) -> String {
    uuid(&world.random_hex())
}

/// Writes 32 hex digits as a UUID.
pub(crate) fn uuid(hex: &str) -> String {
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

impl World {
    /// LINE: a person finishes linking an account with a link token; our bot is told the nonce.
    pub fn link_account(&mut self, token: &str, nonce: &str) -> Result<Told, WorldError> {
        self.advance();
        let now = self.now();
        let known = self.line.link_tokens.remove(token).filter(|(_, until)| now < *until);
        let Some((user, _)) = known else {
            return Err(WorldError::Bad {
                what: "the link token is unknown or too old".to_owned(),
            });
        };
        let what = What::Linked { user: user.clone(), nonce: nonce.to_owned(), ok: true };
        Ok(self.emit(Network::Line, &direct_id(&user), &user, what))
    }
}
