//! Sending on KakaoTalk: by callback token, room or person.

use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::skill::drafts;
use super::{bad, bad_body, has_media, json_body, ok, unavailable};
use crate::fault::cell::Function;
use crate::network::Network;
use crate::reading::text;
use crate::shared::Shared;
use crate::world::people::{Chat, direct_id};
use crate::world::{Posted, World};

/// `POST /v1/bot/send_message`.
pub(crate) async fn send_message(shared: &Shared, body: &Bytes) -> Response {
    let Ok(body) = json_body(body) else {
        return bad_body();
    };
    let chat = match target(&shared.lock(), &body) {
        Ok(chat) => chat.id.clone(),
        Err((code, why)) => return bad(code, why),
    };
    let act = |world: &mut World, how| match target(world, &body).cloned() {
        Ok(chat) => post(world, &chat, &body, how),
        Err((code, why)) => bad(code, why),
    };
    spoil(shared, &body, &chat, act).await
}

/// `POST /v1/bot/callback`.
pub(crate) async fn callback(shared: &Shared, token: &str, body: &Bytes) -> Response {
    let Ok(body) = json_body(body) else {
        return bad_body();
    };
    let chat = {
        let world = shared.lock();
        let now = world.now();
        let known = world.kakaotalk.callbacks.get(token).filter(|(_, until)| now < *until);
        match known {
            Some((chat, _)) => chat.clone(),
            None => return bad(-881, "callback token is expired or used"),
        }
    };
    let act = |world: &mut World, how| answer(world, token, &body, how);
    spoil(shared, &body, &chat, act).await
}

async fn spoil<A>(shared: &Shared, body: &Value, chat: &str, act: A) -> Response
where
    A: FnOnce(&mut World, Posted) -> Response,
{
    let functions: &[Function] =
        if has_media(body) { &[Function::Send, Function::Media] } else { &[Function::Send] };
    shared.spoil(Network::Kakaotalk, functions, chat, act, unavailable).await
}

fn answer(world: &mut World, token: &str, body: &Value, how: Posted) -> Response {
    let now = world.now();
    let known = world.kakaotalk.callbacks.get(token).filter(|(_, until)| now < *until);
    let chat = known.and_then(|(chat, _)| world.find_chat(Network::Kakaotalk, chat)).cloned();
    let Some(chat) = chat else {
        return bad(-881, "callback token is expired or used");
    };
    if let Some((code, why)) = forbidden(&chat) {
        return bad(code, why);
    }
    let response = post(world, &chat, body, how);
    if response.status().is_success() {
        world.kakaotalk.callbacks.remove(token);
    }
    response
}

fn target<'a>(world: &'a World, body: &Value) -> Result<&'a Chat, (i64, &'static str)> {
    let invalid = (-876, "exactly one valid botGroupKey or botUserKey is required");
    let chat = match (text(body, "botGroupKey"), text(body, "botUserKey")) {
        (Some(room), None) => {
            let chat = world.find_chat(Network::Kakaotalk, room);
            chat.filter(|chat| chat.native == room).ok_or(invalid)?
        }
        (None, Some(user)) => {
            let found = world.find_user(Network::Kakaotalk, user);
            let found = found.filter(|found| found.native == user).ok_or(invalid)?;
            if !found.follows || found.blocked {
                return Err((-877, "the user is not a friend of the channel"));
            }
            world.find_chat(Network::Kakaotalk, &direct_id(&found.id)).ok_or(invalid)?
        }
        _ => return Err(invalid),
    };
    forbidden(chat).map_or(Ok(chat), Err)
}

fn forbidden(chat: &Chat) -> Option<(i64, &'static str)> {
    if !chat.bot {
        return Some((-880, "the bot is not in the room"));
    }
    chat.bot_muted.then_some((-879, "the room switched bot messages off"))
}

fn post(world: &mut World, chat: &Chat, body: &Value, how: Posted) -> Response {
    match drafts(world, chat, body) {
        Err((code, why)) => bad(code, &why),
        Ok(drafts) => {
            for draft in drafts {
                world.bot_send(Network::Kakaotalk, &chat.id, draft, how);
            }
            ok(&json!({ "totalCount": 1, "sendCount": 1, "errorCount": 0 }))
        }
    }
}
