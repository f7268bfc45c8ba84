//! Telegram's Bot API as its machine-readable description and its server's published behaviour
//! tell it. Every answer is `{"ok": true, "result"}` or `{"ok": false, "error_code",
//! "description", "parameters"}` with the same HTTP status.

mod arguments;
pub(crate) mod event;
mod limit;
mod read;
mod send;
pub(crate) mod updates;
pub(crate) mod webhook;
mod wire;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Extracted};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::fault::cell::Function;
use crate::network::Network;
use crate::reading::same_secret;
use crate::shared::Shared;
use crate::world::World;
use crate::world::message::BOT;
use arguments::Arguments;

/// What Telegram keeps beside the world: updates, the webhook, files, rate limits.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) last_message_ids: BTreeMap<String, i64>,
    pub(crate) migrated: BTreeMap<String, String>,
    pub(crate) updates: updates::Updates,
    pub(crate) webhook: webhook::Webhook,
    pub(crate) limits: limit::Limits,
    files: BTreeMap<String, (String, Bytes)>,
    commands: Vec<Value>,
}

/// The end of a call that went wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    code: u16,
    description: String,
    parameters: Option<Value>,
}

impl Problem {
    pub(crate) fn bad(description: &str) -> Self {
        Self::new(400, &format!("Bad Request: {description}"))
    }

    pub(crate) fn forbidden(description: &str) -> Self {
        Self::new(403, &format!("Forbidden: {description}"))
    }

    pub(crate) fn new(code: u16, description: &str) -> Self {
        Self { code, description: description.to_owned(), parameters: None }
    }

    pub(crate) fn with(mut self, parameters: Value) -> Self {
        self.parameters = Some(parameters);
        self
    }

    pub(crate) fn retry_after(seconds: u64) -> Self {
        Self::new(429, &format!("Too Many Requests: retry after {seconds}"))
            .with(json!({ "retry_after": seconds }))
    }

    fn response(&self) -> Response {
        let mut body =
            json!({ "ok": false, "error_code": self.code, "description": self.description });
        if let Some(parameters) = &self.parameters {
            crate::reading::put(&mut body, "parameters", parameters.clone());
        }
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = answered(status, &body);
        let after = self.parameters.as_ref().and_then(|all| all.get("retry_after"));
        if let Some(seconds) = after.and_then(Value::as_u64) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What a call gives.
pub(crate) type Outcome = Result<Value, Problem>;

pub(crate) fn router(shared: Shared) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

async fn answer(Extracted(shared): Extracted<Shared>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if let Some(rest) = path.strip_prefix("/file/bot") {
        return file(&shared, rest).await;
    }
    let Some((token, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/'))
    else {
        return Problem::new(404, "Not Found").response();
    };
    if !same_secret(token, &shared.lock().bot(Network::Telegram).token) {
        let is_token = token.split_once(':').is_some_and(|(id, _)| id.parse::<u64>().is_ok());
        let problem = if is_token {
            Problem::new(401, "Unauthorized")
        } else {
            Problem::new(404, "Not Found")
        };
        return problem.response();
    }
    let method = method.to_ascii_lowercase();
    match Arguments::read(request).await {
        Ok(arguments) => call(&shared, &method, arguments).await,
        Err(problem) => problem.response(),
    }
}

/// One call, from HTTP or from the answer to a webhook.
pub(crate) async fn call(shared: &Shared, method: &str, arguments: Arguments) -> Response {
    if method == "getupdates" {
        return respond(updates::get_updates(shared, &arguments).await);
    }
    if let Some(kind) = send::Sending::named(method) {
        return send(shared, kind, arguments).await;
    }
    let act = |world: &mut World, _| respond(read::call(world, method, &arguments));
    let answer =
        shared.spoil(Network::Telegram, &[Function::Login], BOT, act, || unavailable(false));
    let response = answer.await;
    shared.bells.ring(Network::Telegram);
    response
}

async fn send(shared: &Shared, kind: send::Sending, arguments: Arguments) -> Response {
    let (chat, draw) = {
        let world = shared.lock();
        let chat = arguments.text("chat_id").unwrap_or_default();
        let chat = world.find_chat(Network::Telegram, &chat);
        (chat.map(|chat| chat.id.clone()).unwrap_or_default(), world.draw() < 0.5)
    };
    let functions: &[Function] =
        if kind.is_media() { &[Function::Send, Function::Media] } else { &[Function::Send] };
    let act = |world: &mut World, how| respond(send::send(world, kind, &arguments, how));
    shared.spoil(Network::Telegram, functions, &chat, act, || unavailable(draw)).await
}

async fn file(shared: &Shared, rest: &str) -> Response {
    let Some((token, path)) = rest.split_once('/') else {
        return Problem::new(404, "Not Found").response();
    };
    if !same_secret(token, &shared.lock().bot(Network::Telegram).token) {
        return Problem::new(401, "Unauthorized").response();
    }
    let found = |world: &World| {
        let mut files = world.telegram.files.values();
        files.find(|(known, _)| known == path).map(|(_, bytes)| bytes.clone())
    };
    let act = |world: &mut World, _| match found(world) {
        Some(bytes) => Response::new(Body::from(bytes)),
        None => Problem::new(404, "Not Found").response(),
    };
    let functions = [Function::Login, Function::Media];
    shared.spoil(Network::Telegram, &functions, BOT, act, || unavailable(false)).await
}

fn respond(outcome: Outcome) -> Response {
    match outcome {
        Ok(result) => answered(StatusCode::OK, &json!({ "ok": true, "result": result })),
        Err(problem) => problem.response(),
    }
}

/// The answers of Telegram in trouble: a 500 of its own, or the HTML of what stands before it.
fn unavailable(own: bool) -> Response {
    if own {
        return Problem::new(500, "Internal Server Error").response();
    }
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
                <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

fn answered(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
