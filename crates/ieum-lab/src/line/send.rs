//! Sending on LINE: reply, push, multicast, broadcast, their limits and the retry key.

use axum::response::Response;
use http::{HeaderValue, StatusCode};
use ieum_core::time::Timestamp;
use serde_json::{Value, json};

use super::message::{complaints, draft};
use super::{Call, bad, error, json_body, ok, reply, request_id, unavailable};
use crate::fault::cell::Function;
use crate::network::Network;
use crate::reading::{list, text};
use crate::shared::Shared;
use crate::world::room::is_line_id;
use crate::world::{Posted, World};

/// How long a retry key is remembered.
const RETRY_KEY_MS: u64 = 24 * 60 * 60 * 1_000;
/// How many retry keys are remembered at most.
const RETRY_KEYS_MAX: usize = 1_000_000;
/// Recipients of one multicast.
const MULTICAST_MAX: usize = 500;

/// A request that was accepted under a retry key.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    at: Timestamp,
    request_id: String,
    body: Value,
}

pub(crate) fn takes_retry_key(path: &str) -> bool {
    ["push", "multicast", "narrowcast", "broadcast"]
        .iter()
        .any(|kind| path.trim_end_matches('/') == format!("/v2/bot/message/{kind}"))
}

/// `POST /v2/bot/message/validate/{kind}`.
pub(crate) fn validate(call: &Call, kind: &str) -> Response {
    if !["push", "reply", "multicast", "narrowcast", "broadcast"].contains(&kind) {
        return error(StatusCode::NOT_FOUND, "Not found");
    }
    match json_body(call) {
        Err(response) => *response,
        Ok(body) => refused_body(&complaints(&body)).unwrap_or_else(|| ok(&json!({}))),
    }
}

/// `POST /v2/bot/message/{kind}`.
pub(crate) async fn send(shared: &Shared, call: &Call, kind: &str) -> Response {
    let endpoint = match kind {
        "push" => "push",
        "reply" => "reply",
        "multicast" => "multicast",
        "broadcast" => "broadcast",
        _ => return error(StatusCode::NOT_FOUND, "Not found"),
    };
    let body = match json_body(call) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    if let Some(response) = limited(&mut shared.lock(), endpoint) {
        return response;
    }
    let chat = chat_of(&shared.lock(), endpoint, &body);
    let act = |world: &mut World, posted| accept(world, call, endpoint, &body, posted);
    let functions = functions_of(&body);
    shared.spoil(Network::Line, functions, &chat, act, unavailable).await
}

fn functions_of(body: &Value) -> &'static [Function] {
    let is_media =
        |message: &Value| matches!(text(message, "type"), Some("image" | "video" | "audio"));
    if list(body, "messages").iter().any(is_media) {
        &[Function::Send, Function::Media]
    } else {
        &[Function::Send]
    }
}

/// The chat by which a fault chooses: for many recipients that of the first.
fn chat_of(world: &World, endpoint: &str, body: &Value) -> String {
    let token = || text(body, "replyToken").and_then(|token| world.line.reply_tokens.get(token));
    let native = match endpoint {
        "reply" => return token().map(|(chat, _)| chat.clone()).unwrap_or_default(),
        "multicast" => list(body, "to").first().and_then(Value::as_str),
        _ => text(body, "to"),
    };
    let chat = native.and_then(|native| world.find_chat(Network::Line, native));
    chat.map(|chat| chat.id.clone()).unwrap_or_default()
}

fn limited(world: &mut World, endpoint: &'static str) -> Option<Response> {
    if !world.rules.rate_limits {
        return None;
    }
    let (window_ms, allowed) = match endpoint {
        "multicast" => (1_000, world.rules.line_requests_per_s.min(200)),
        "broadcast" => (3_600_000, 60),
        _ => (1_000, world.rules.line_requests_per_s),
    };
    let window = world.now().0 / window_ms;
    let entry = world.line.windows.entry(endpoint).or_insert((window, 0));
    if entry.0 != window {
        *entry = (window, 0);
    }
    entry.1 += 1;
    let message = "The API rate limit has been exceeded. Try again later.";
    (entry.1 > allowed).then(|| error(StatusCode::TOO_MANY_REQUESTS, message))
}

fn accept(world: &mut World, call: &Call, kind: &str, body: &Value, how: Posted) -> Response {
    let key = match retry_key(call) {
        Ok(key) => key,
        Err(response) => return *response,
    };
    if let Some(response) = key.as_deref().and_then(|key| repeated(world, key)) {
        return response;
    }
    if let Some(response) = refused_body(&complaints(body)) {
        return response;
    }
    let chats = match recipients(world, kind, body) {
        Ok(chats) => chats,
        Err(response) => return *response,
    };
    if let Some(response) = over_quota(world, kind, &chats) {
        return response;
    }
    let sent = chats.iter().map(|chat| post_all(world, chat, body, how)).next_back();
    let body = match kind {
        "push" | "reply" => json!({ "sentMessages": sent.unwrap_or_default() }),
        _ => json!({}),
    };
    let id = request_id(world);
    if let Some(key) = key {
        let at = world.now();
        let accepted = Accepted { at, request_id: id.clone(), body: body.clone() };
        remember(world, key, accepted);
    }
    with_header(ok(&body), "x-line-request-id", &id)
}

fn remember(world: &mut World, key: String, accepted: Accepted) {
    if world.line.retry_keys.len() >= RETRY_KEYS_MAX {
        let now = accepted.at;
        world.line.retry_keys.retain(|_, one| now.ms_since(one.at) < RETRY_KEY_MS);
    }
    world.line.retry_keys.insert(key, accepted);
}

fn retry_key(call: &Call) -> Result<Option<String>, Box<Response>> {
    let Some(value) = call.headers.get("x-line-retry-key") else {
        return Ok(None);
    };
    let key = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let is_uuid = key.len() == 36
        && key.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if is_uuid { Ok(Some(key)) } else { Err(Box::new(bad("Invalid retry key"))) }
}

/// The 409 of a key whose request was accepted before.
fn repeated(world: &World, key: &str) -> Option<Response> {
    let accepted = world.line.retry_keys.get(key)?;
    if world.now().ms_since(accepted.at) >= RETRY_KEY_MS {
        return None;
    }
    let mut body = json!({ "message": "The retry key is already accepted" });
    if let Some(sent) = accepted.body.get("sentMessages") {
        crate::reading::put(&mut body, "sentMessages", sent.clone());
    }
    let response = reply(StatusCode::CONFLICT, &body);
    Some(with_header(response, "x-line-accepted-request-id", &accepted.request_id))
}

fn refused_body(details: &[Value]) -> Option<Response> {
    if details.is_empty() {
        return None;
    }
    let message = format!("The request body has {} error(s)", details.len());
    Some(reply(StatusCode::BAD_REQUEST, &json!({ "message": message, "details": details })))
}

fn recipients(world: &mut World, kind: &str, body: &Value) -> Result<Vec<String>, Box<Response>> {
    let refused = |message: &str| Err(Box::new(bad(message)));
    match kind {
        "reply" => {
            let token = text(body, "replyToken").unwrap_or_default();
            let now = world.now();
            match world.line.reply_tokens.remove(token) {
                Some((chat, until)) if now < until => Ok(vec![chat]),
                _ => refused("Invalid reply token"),
            }
        }
        "push" => {
            let to = text(body, "to").unwrap_or_default();
            if !['U', 'C', 'R'].iter().any(|kind| is_line_id(to, *kind)) {
                return refused(
                    "The property, 'to', in the request body is invalid (line: -, column: -)",
                );
            }
            let chat = world.find_chat(Network::Line, to).filter(|chat| chat.bot);
            match chat {
                Some(chat) => Ok(vec![chat.id.clone()]),
                None => refused("Failed to send messages"),
            }
        }
        "multicast" => multicast(world, body),
        _ => Ok(world
            .chats()
            .filter(|chat| chat.network == Network::Line && chat.is_direct())
            .map(|chat| chat.id.clone())
            .collect()),
    }
}

fn multicast(world: &World, body: &Value) -> Result<Vec<String>, Box<Response>> {
    let to: Vec<&str> = list(body, "to").iter().filter_map(Value::as_str).collect();
    if to.is_empty() || to.len() > MULTICAST_MAX {
        let details = [json!({ "message": "Size must be between 1 and 500", "property": "to" })];
        let response = refused_body(&details);
        return Err(Box::new(response.unwrap_or_else(|| bad("Size must be between 1 and 500"))));
    }
    if !to.iter().all(|id| is_line_id(id, 'U')) {
        let message = "The property, 'to', in the request body is invalid (line: -, column: -)";
        return Err(Box::new(bad(message)));
    }
    let chats = to.iter().filter_map(|id| world.find_chat(Network::Line, id));
    Ok(chats.map(|chat| chat.id.clone()).collect())
}

fn over_quota(world: &mut World, kind: &str, chats: &[String]) -> Option<Response> {
    if kind == "reply" {
        return None;
    }
    let heads = chats.iter().filter_map(|chat| world.find_chat(Network::Line, chat));
    let heads: usize = heads.map(|chat| chat.members.len()).sum();
    let used = world.line.used_quota.saturating_add(u64::try_from(heads).unwrap_or(u64::MAX));
    let limit = world.rules.line_quota.filter(|_| world.rules.rate_limits);
    if limit.is_some_and(|limit| used > limit) {
        let message = "You have reached your monthly limit.";
        return Some(error(StatusCode::TOO_MANY_REQUESTS, message));
    }
    world.line.used_quota = used;
    None
}

/// Posts every message of a request into one chat and gives the `sentMessages`.
fn post_all(world: &mut World, chat: &str, body: &Value, how: Posted) -> Vec<Value> {
    let messages = list(body, "messages");
    messages.iter().filter_map(|message| post(world, chat, message, how)).collect()
}

fn post(world: &mut World, chat: &str, message: &Value, how: Posted) -> Option<Value> {
    let mut draft = draft(world, message);
    // A token of another chat quotes nothing.
    let quoted = text(message, "quoteToken").and_then(|token| world.line.quote_tokens.get(token));
    draft.reply_to = quoted
        .copied()
        .filter(|key| world.messages.get(key).is_some_and(|quoted| quoted.chat == chat));
    let quotable = matches!(text(message, "type"), Some("text" | "textV2" | "sticker" | "image"));
    let (key, native) = {
        let posted = world.bot_send(Network::Line, chat, draft, how)?;
        (posted.key, posted.native.clone())
    };
    let mut sent = json!({ "id": native });
    if quotable {
        crate::reading::put(&mut sent, "quoteToken", quote_token(world, key));
    }
    Some(sent)
}

/// A new token by which a message can be quoted.
pub(crate) fn quote_token(world: &mut World, key: u64) -> String {
    let token = format!("q{}", world.random_hex());
    world.line.quote_tokens.insert(token.clone(), key);
    token
}

pub(crate) fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}
