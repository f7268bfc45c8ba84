//! The calls of LINE that do not send: profiles, groups, content, quotas, webhook settings.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use super::{Call, bad, error, json_body, ok, reply};
use crate::network::Network;
use crate::reading::text;
use crate::world::World;
use crate::world::message::{Kind, Message};
use crate::world::people::{Chat, User};

/// How long a token for linking accounts lives.
const LINK_TOKEN_MS: u64 = 10 * 60 * 1_000;
/// Members on one page of member ids.
const MEMBERS_PAGE_MAX: usize = 100;

pub(crate) fn route(world: &mut World, call: &Call, segments: &[&str]) -> Response {
    let Some(rest) = segments.strip_prefix(&["v2", "bot"]) else {
        return not_found();
    };
    if call.method == Method::GET {
        return get(world, call, rest);
    }
    match (&call.method, rest) {
        (&Method::PUT, ["channel", "webhook", "endpoint"]) => set_endpoint(world, call),
        (&Method::POST, ["group" | "room", chat, "leave"]) => leave(world, chat),
        (&Method::POST, ["user", user, "linkToken"]) => link_token(world, user),
        (&Method::POST, ["chat", "loading", "start"]) => loading(world, call),
        (&Method::POST, ["chat", "markAsRead"]) => mark_as_read(world, call),
        _ => not_found(),
    }
}

fn get(world: &World, call: &Call, rest: &[&str]) -> Response {
    match rest {
        ["info"] => info(world),
        ["profile", user] => profile(world, user),
        ["group" | "room", chat, "member", user] => member(world, chat, user),
        ["group", chat, "summary"] => with_chat(
            world,
            chat,
            |chat| json!({ "groupId": chat.native, "groupName": chat.title }),
        ),
        ["group" | "room", chat, "members", "count"] => {
            with_chat(world, chat, |chat| json!({ "count": chat.members.len() }))
        }
        ["group" | "room", chat, "members", "ids"] => member_ids(world, chat, &call.query),
        ["message", "quota"] => match world.rules.line_quota {
            Some(value) => ok(&json!({ "type": "limited", "value": value })),
            None => ok(&json!({ "type": "none" })),
        },
        ["message", "quota", "consumption"] => ok(&json!({ "totalUsage": world.line.used_quota })),
        ["message", id, "content"] | ["message", id, "content", "preview"] => content(world, id),
        ["message", id, "content", "transcoding"] => transcoding(world, id),
        ["channel", "webhook", "endpoint"] => match &world.line.webhook.url {
            Some(url) => ok(&json!({ "endpoint": url, "active": world.line.webhook.active })),
            None => not_found(),
        },
        ["followers", "ids"] => followers(world),
        _ => not_found(),
    }
}

fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "Not found")
}

fn info(world: &World) -> Response {
    let bot = world.bot(Network::Line);
    ok(&json!({
        "userId": bot.native,
        "basicId": "@216ieumx",
        "displayName": bot.name,
        "chatMode": "bot",
        "markAsReadMode": "manual",
    }))
}

fn profile(world: &World, native: &str) -> Response {
    let user = world.find_user(Network::Line, native).filter(|user| user.native == native);
    match user.filter(|user| user.follows && !user.blocked) {
        Some(user) => ok(&shown(user, true)),
        None => not_found(),
    }
}

fn shown(user: &User, with_language: bool) -> Value {
    let mut shown = json!({ "displayName": user.name, "userId": user.native });
    if with_language {
        crate::reading::put(&mut shown, "language", "ko");
    }
    shown
}

fn joined<'a>(world: &'a World, native: &str) -> Option<&'a Chat> {
    let chat = world.find_chat(Network::Line, native)?;
    (chat.native == native && chat.bot && !chat.is_direct()).then_some(chat)
}

fn with_chat(world: &World, native: &str, show: impl FnOnce(&Chat) -> Value) -> Response {
    joined(world, native).map_or_else(not_found, |chat| ok(&show(chat)))
}

fn member(world: &World, chat: &str, user: &str) -> Response {
    let found = world.find_user(Network::Line, user);
    let here =
        joined(world, chat).and_then(|chat| found.filter(|user| chat.members.contains(&user.id)));
    here.map_or_else(not_found, |user| ok(&shown(user, false)))
}

fn member_ids(world: &World, chat: &str, query: &str) -> Response {
    let from = query.split('&').find_map(|pair| pair.strip_prefix("start="));
    let from = from.and_then(|start| start.parse::<usize>().ok()).unwrap_or(0);
    with_chat(world, chat, |chat| {
        let all: Vec<&str> = chat
            .members
            .iter()
            .filter_map(|member| world.find_user(Network::Line, member))
            .map(|user| user.native.as_str())
            .collect();
        let page: Vec<&str> = all.iter().copied().skip(from).take(MEMBERS_PAGE_MAX).collect();
        let next = from.saturating_add(page.len());
        let mut body = json!({ "memberIds": page });
        if next < all.len() {
            crate::reading::put(&mut body, "next", next.to_string());
        }
        body
    })
}

fn followers(world: &World) -> Response {
    let users = world.users().filter(|user| user.network == Network::Line);
    let ids: Vec<&str> =
        users.filter(|user| user.follows && !user.blocked).map(|one| one.native.as_str()).collect();
    ok(&json!({ "userIds": ids }))
}

fn media<'a>(world: &'a World, native: &str) -> Option<&'a Message> {
    let chats = world.chats().filter(|chat| chat.network == Network::Line);
    let mut found = chats.filter_map(|chat| world.find_message(Network::Line, &chat.id, native));
    found.find(|message| message.kind.is_media() && !message.withdrawn)
}

fn content(world: &World, id: &str) -> Response {
    let Some(message) = media(world, id) else {
        return not_found();
    };
    let Some(media) = &message.media else {
        return not_found();
    };
    if is_processing(world, message) {
        return reply(StatusCode::ACCEPTED, &json!({}));
    }
    let mut response = Response::new(Body::from(media.bytes.clone()));
    let kind = HeaderValue::from_str(&media.content_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn transcoding(world: &World, id: &str) -> Response {
    match media(world, id).filter(|message| is_transcoded(message)) {
        Some(message) if is_processing(world, message) => ok(&json!({ "status": "processing" })),
        Some(_) => ok(&json!({ "status": "succeeded" })),
        None => not_found(),
    }
}

fn is_transcoded(message: &Message) -> bool {
    matches!(message.kind, Kind::Video | Kind::Audio)
}

fn is_processing(world: &World, message: &Message) -> bool {
    let age_ms = world.now().ms_since(message.sent_at);
    is_transcoded(message) && age_ms < world.rules.line_transcoding_ms
}

fn set_endpoint(world: &mut World, call: &Call) -> Response {
    let body = match json_body(call) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    match text(&body, "endpoint").filter(|url| crate::outbound::is_callable(url)) {
        Some(url) => {
            world.line.webhook.set(url);
            ok(&json!({}))
        }
        None => bad("Invalid webhook endpoint URL"),
    }
}

fn leave(world: &mut World, native: &str) -> Response {
    let Some(chat) = joined(world, native).map(|chat| chat.id.clone()) else {
        return not_found();
    };
    if let Some(chat) = world.chats.get_mut(&(Network::Line, chat)) {
        (chat.bot, chat.bot_removed) = (false, true);
    }
    ok(&json!({}))
}

fn link_token(world: &mut World, native: &str) -> Response {
    let Some(user) = world.find_user(Network::Line, native).map(|user| user.id.clone()) else {
        return not_found();
    };
    let token = world.random_hex();
    let until = world.now().plus_ms(LINK_TOKEN_MS);
    world.line.link_tokens.insert(token.clone(), (user, until));
    ok(&json!({ "linkToken": token }))
}

fn loading(world: &World, call: &Call) -> Response {
    let body = match json_body(call) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let seconds = body.get("loadingSeconds").map_or(Some(20), Value::as_u64);
    if !seconds.is_some_and(|seconds| (5..=60).contains(&seconds) && seconds.is_multiple_of(5)) {
        return bad("loadingSeconds must be a multiple of 5 between 5 and 60");
    }
    let known = text(&body, "chatId").and_then(|id| world.find_user(Network::Line, id));
    match known {
        Some(_) => reply(StatusCode::ACCEPTED, &json!({})),
        None => bad("The property, 'chatId', in the request body is invalid (line: -, column: -)"),
    }
}

fn mark_as_read(world: &mut World, call: &Call) -> Response {
    let body = match json_body(call) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let token = text(&body, "markAsReadToken").unwrap_or_default();
    if world.line.read_tokens.contains(token) {
        ok(&json!({}))
    } else {
        bad("Invalid mark as read token")
    }
}
