//! The control calls: what people do, what they see, faults, and the networks' rules. Not part of
//! any network; made for tests and demonstrations. Unknown fields are errors.

mod acts;
mod faults;
mod shapes;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::network::Network;
use crate::shared::{BODY_BYTES_MAX, Shared};
use crate::world::World;
use crate::world::error::WorldError;

/// Why a control call fails: a status, a constant name, a sentence.
#[derive(Debug)]
pub(crate) struct Trouble {
    status: StatusCode,
    name: &'static str,
    message: String,
}

pub(crate) type Answer = Result<Value, Trouble>;

impl From<WorldError> for Trouble {
    fn from(error: WorldError) -> Self {
        let status = match &error {
            WorldError::NoUser { .. }
            | WorldError::NoRoom { .. }
            | WorldError::NoMessage { .. } => StatusCode::NOT_FOUND,
            WorldError::NotMember { .. } | WorldError::NotAuthor { .. } => StatusCode::FORBIDDEN,
            WorldError::NotSent { .. } => StatusCode::SERVICE_UNAVAILABLE,
            WorldError::Taken { .. } => StatusCode::CONFLICT,
            WorldError::Unsupported { .. } | WorldError::Bad { .. } => StatusCode::BAD_REQUEST,
        };
        Self { status, name: error.name(), message: error.to_string() }
    }
}

pub(crate) fn bad(message: impl Into<String>) -> Trouble {
    Trouble { status: StatusCode::BAD_REQUEST, name: "bad_request", message: message.into() }
}

fn missing(message: impl Into<String>) -> Trouble {
    Trouble { status: StatusCode::NOT_FOUND, name: "not_found", message: message.into() }
}

/// Reads a body, or says which field is wrong.
pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|error| bad(error.to_string()))
}

pub(crate) fn router(shared: Shared) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let result = match to_bytes(body, BODY_BYTES_MAX).await {
        Ok(body) => route(&mut shared.lock(), &parts.method, parts.uri.path(), &body),
        Err(_) => Err(Trouble {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            name: "too_large",
            message: format!("a body has at most {BODY_BYTES_MAX} bytes"),
        }),
    };
    shared.bells.ring_all();
    let (status, body) = match result {
        Ok(body) => (StatusCode::OK, body),
        Err(trouble) => {
            let error = json!({ "name": trouble.name, "message": trouble.message });
            (trouble.status, json!({ "error": error }))
        }
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn route(world: &mut World, method: &Method, path: &str, body: &Bytes) -> Answer {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (method, segments.as_slice()) {
        (&Method::GET, ["screen", network, user]) => screen(world, network, user),
        (&Method::GET, ["state"]) => Ok(faults::state(world)),
        (&Method::GET, ["scenarios"]) => faults::scenarios(),
        (&Method::GET, ["fault"]) => Ok(faults::list(world)),
        (&Method::DELETE, ["fault"]) => {
            world.heal();
            Ok(json!({}))
        }
        (&Method::DELETE, ["fault", id]) => faults::remove(world, id),
        (&Method::POST, ["fault"]) => faults::set(world, body),
        (&Method::POST, ["rules"]) => faults::rules(world, body),
        (&Method::POST, ["webhook"]) => faults::webhook(world, body),
        (&Method::POST, ["drop"]) => faults::drop_gateway(world, body),
        (&Method::POST, [act]) => acts::act(world, act, body),
        _ => Err(missing(format!("no control call {method} {path}"))),
    }
}

fn screen(world: &mut World, network: &str, user: &str) -> Answer {
    let known =
        Network::named(network).ok_or_else(|| missing(format!("no network {network:?}")))?;
    let user = percent_decoded(user);
    let lines = world.screen(known, &user);
    let lines = lines.ok_or_else(|| missing(format!("no user {user:?} on {network}")))?;
    Ok(json!({ "network": known, "user": user, "lines": lines }))
}

fn percent_decoded(written: &str) -> String {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.bytes();
    while let Some(byte) = rest.next() {
        let escaped = (byte == b'%').then(|| {
            let mut ahead = rest.clone();
            let digits = [ahead.next()?, ahead.next()?];
            let digits = std::str::from_utf8(&digits).ok()?.to_owned();
            rest = ahead;
            u8::from_str_radix(&digits, 16).ok()
        });
        bytes.push(escaped.flatten().unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
