//! KakaoTalk's Bot API: REST, and events by gateway or webhook.
//!
//! Errors are `{"code", "msg", "extras"}` with a negative code.

pub(crate) mod event;
pub(crate) mod gateway;
mod send;
mod skill;
pub(crate) mod webhook;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Extracted};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use ieum_core::time::Timestamp;
use serde_json::{Value, json};

use crate::fault::cell::Function;
use crate::network::Network;
use crate::reading::{list, same_secret, text};
use crate::shared::{BODY_BYTES_MAX, Shared};
use crate::world::World;
use crate::world::error::WorldError;
use crate::world::event::{Told, What};
use crate::world::message::BOT;

/// Commands that a bot may have.
const COMMANDS_MAX: usize = 30;
/// Characters of a guide (assumption).
const GUIDE_CHARS_MAX: usize = 1_000;

/// What KakaoTalk keeps beside the world: callback tokens, the gateway's session, the webhook.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) last_message_id: u64,
    callbacks: BTreeMap<String, (String, Timestamp)>,
    pub(crate) gateway: gateway::Gateway,
    pub(crate) webhook: webhook::Webhook,
    commands: Vec<Value>,
    guide: Option<(String, Timestamp, Timestamp)>,
}

pub(crate) fn router(shared: Shared) -> Router {
    Router::new().route("/gateway", get(gateway::connect)).fallback(answer).with_state(shared)
}

async fn answer(Extracted(shared): Extracted<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, -2, "request body is too large");
    };
    if !is_ours(&shared.lock(), &parts.headers) {
        return problem(StatusCode::UNAUTHORIZED, -401, "this access token does not exist");
    }
    let path = parts.uri.path().to_owned();
    match (parts.method, path.as_str()) {
        (Method::POST, "/v1/bot/send_message") => send::send_message(&shared, &body).await,
        (Method::POST, "/v1/bot/callback") => {
            let token = parts.headers.get("x-bot-callback-token");
            let token = token.and_then(|token| token.to_str().ok()).unwrap_or_default();
            send::callback(&shared, token, &body).await
        }
        (method, path) => {
            let act = |world: &mut World, _| setting(world, &method, path, &body);
            shared.spoil(Network::Kakaotalk, &[Function::Login], BOT, act, unavailable).await
        }
    }
}

fn setting(world: &mut World, method: &Method, path: &str, body: &Bytes) -> Response {
    match (method, path) {
        (&Method::GET, "/v1/bot/commands") => {
            ok(&json!({ "utterances": world.kakaotalk.commands }))
        }
        (&Method::POST, "/v1/bot/commands/update") => update_commands(world, body),
        (&Method::GET, "/v1/bot/guide") => ok(&shown_guide(world)),
        (&Method::POST, "/v1/bot/guide/update") => update_guide(world, body),
        _ => problem(StatusCode::NOT_FOUND, -2, "no such api"),
    }
}

fn update_commands(world: &mut World, body: &Bytes) -> Response {
    let Ok(body) = json_body(body) else {
        return bad_body();
    };
    let Some(given) = body.get("utterances").and_then(Value::as_array) else {
        return bad(-872, "utterances is required");
    };
    if given.len() > COMMANDS_MAX {
        return bad(-874, "too many commands");
    }
    let mut commands: Vec<Value> = Vec::new();
    for one in given {
        let Some(name) = text(one, "buttonName").filter(|name| !name.is_empty()) else {
            return bad(-872, "buttonName is required");
        };
        if commands.iter().any(|known| text(known, "buttonName") == Some(name)) {
            return bad(-875, "duplicate command");
        }
        commands.push(json!({
            "id": world.random_hex(),
            "type": "TEXT",
            "value": name,
            "buttonName": name,
            "description": text(one, "description").unwrap_or_default(),
        }));
    }
    world.kakaotalk.commands = commands;
    ok(&json!({ "utterances": world.kakaotalk.commands }))
}

fn update_guide(world: &mut World, body: &Bytes) -> Response {
    let Ok(body) = json_body(body) else {
        return bad_body();
    };
    let contents = text(&body, "contents").unwrap_or_default();
    if contents.is_empty() || contents.chars().count() > GUIDE_CHARS_MAX {
        return bad(-871, "contents must have 1 to 1000 characters");
    }
    let now = world.now();
    let created = world.kakaotalk.guide.as_ref().map_or(now, |guide| guide.1);
    world.kakaotalk.guide = Some((contents.to_owned(), created, now));
    ok(&shown_guide(world))
}

fn shown_guide(world: &World) -> Value {
    let Some((contents, created, updated)) = &world.kakaotalk.guide else {
        return json!({ "contents": "" });
    };
    json!({
        "contents": contents,
        "createdAt": crate::moment::rfc3339(*created, 3),
        "updatedAt": crate::moment::rfc3339(*updated, 3),
    })
}

fn is_ours(world: &World, headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.strip_prefix("KakaoAK "));
    token.is_some_and(|token| same_secret(token.trim(), &world.bot(Network::Kakaotalk).token))
}

/// The answer of Kakao while it is under maintenance.
pub(crate) fn unavailable() -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, -9_798, "서비스 점검중")
}

pub(crate) fn bad(code: i64, message: &str) -> Response {
    problem(StatusCode::BAD_REQUEST, code, message)
}

fn bad_body() -> Response {
    bad(-2, "request body is not valid json")
}

pub(crate) fn problem(status: StatusCode, code: i64, message: &str) -> Response {
    let extras = json!({ "code": code, "message": message });
    answered(status, &json!({ "code": code, "msg": message, "extras": extras }))
}

pub(crate) fn ok(body: &Value) -> Response {
    answered(StatusCode::OK, body)
}

fn answered(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json;charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn json_body(body: &Bytes) -> Result<Value, ()> {
    serde_json::from_slice::<Value>(body).ok().filter(Value::is_object).ok_or(())
}

/// Has the skill response a bubble with media in it?
fn has_media(body: &Value) -> bool {
    let template = body.get("skillResponse").and_then(|skill| skill.get("template"));
    let outputs = template.map_or(&[][..], |template| list(template, "outputs"));
    outputs.iter().any(|output| output.get("simpleImage").is_some())
}

impl World {
    /// KakaoTalk: a person sees an advertisement through in a room; our bot is told.
    pub fn ad_reward(&mut self, user: &str, room: &str) -> Result<Told, WorldError> {
        self.advance();
        let place = self.room_place(Network::Kakaotalk, room)?;
        let user = self.user_id(Network::Kakaotalk, user)?;
        Ok(self.emit(place.0, &place.1, &user, What::AdReward { user: user.clone() }))
    }
}
