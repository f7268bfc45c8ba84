//! What Telegram tells a bot. Nobody is ever told that a person deleted a message.

use serde_json::{Value, json};

use super::wire;
use crate::network::Network;
use crate::reading::put;
use crate::world::World;
use crate::world::event::{Event, What};
use crate::world::message::{BOT, Kind, Message};
use crate::world::people::{Chat, ChatKind};

/// Puts an event among the updates; false when Telegram does not tell bots of it.
pub(crate) fn tell(world: &mut World, event: &Event) -> bool {
    let Some(chat) = world.find_chat(Network::Telegram, &event.chat).cloned() else {
        return false;
    };
    let bodies = written(world, &chat, event);
    let mut told = false;
    for (kind, body) in bodies {
        if let Some(media) = media_of(world, event) {
            world.telegram.files.insert(media.0, media.1);
        }
        told |= world.telegram.updates.add(kind, body, event.at);
    }
    told
}

type Bodies = Vec<(&'static str, Value)>;

fn written(world: &mut World, chat: &Chat, event: &Event) -> Bodies {
    let date = wire::seconds(event.at.0);
    match &event.what {
        What::Message(key) => heard(world, chat, *key, "message"),
        What::Edited(key) => heard(world, chat, *key, "edited_message"),
        What::Reacted { message, user, old, new } if chat.bot => {
            vec![("message_reaction", reaction(world, chat, *message, user, (old, new), date))]
        }
        What::Tapped { message, user, value, .. } => {
            vec![("callback_query", callback_query(world, *message, user, value))]
        }
        What::BotJoined { by } => bot_joined(world, chat, by.as_deref(), date),
        What::BotLeft { by } => changed(world, chat, by.as_deref(), date, ["member", "kicked"]),
        What::Joined(user) if chat.bot => {
            let who = json!([wire::who(world, user)]);
            service(world, chat, Some(user), date, ("new_chat_members", who))
        }
        What::Left(user) if chat.bot => {
            let who = wire::who(world, user);
            service(world, chat, Some(user), date, ("left_chat_member", who))
        }
        What::Followed { user, .. } => changed(world, chat, Some(user), date, ["kicked", "member"]),
        What::Unfollowed(user) => changed(world, chat, Some(user), date, ["member", "kicked"]),
        What::Migrated { old } => migrated(world, chat, old, date),
        What::Withdrawn(_)
        | What::Reacted { .. }
        | What::Joined(_)
        | What::Left(_)
        | What::Linked { .. }
        | What::AdReward { .. } => Vec::new(),
    }
}

fn bot_joined(world: &mut World, chat: &Chat, by: Option<&str>, date: i64) -> Bodies {
    let status = if chat.bot_admin { "administrator" } else { "member" };
    let mut bodies = changed(world, chat, by, date, ["left", status]);
    let who = json!([wire::bot(world)]);
    bodies.extend(service(world, chat, by, date, ("new_chat_members", who)));
    bodies
}

fn heard(world: &World, chat: &Chat, key: u64, kind: &'static str) -> Bodies {
    let message = world.messages.get(&key);
    let message = message.filter(|message| chat.bot && may_hear(world, chat, message));
    message.map(|message| vec![(kind, wire::message(world, message))]).unwrap_or_default()
}

/// Privacy mode: in groups only commands, mentions and answers to the bot.
pub(crate) fn may_hear(world: &World, chat: &Chat, message: &Message) -> bool {
    if !world.rules.privacy_mode || chat.is_direct() || chat.bot_admin {
        return true;
    }
    let at_bot = format!("@{}", world.bot(Network::Telegram).username);
    let answered = message.reply_to.and_then(|key| world.messages.get(&key));
    message.text.starts_with('/')
        || message.text.contains(&at_bot)
        || answered.is_some_and(|answered| answered.author == BOT)
}

fn media_of(world: &World, event: &Event) -> Option<(String, (String, bytes::Bytes))> {
    let What::Message(key) = &event.what else {
        return None;
    };
    let message = world.messages.get(key)?;
    let bytes = message.media.as_ref()?.bytes.clone();
    let folder = match message.kind {
        Kind::Image => "photos",
        Kind::Video => "videos",
        Kind::Audio => "voice",
        Kind::Text | Kind::File | Kind::Sticker | Kind::Location | Kind::Card => "documents",
    };
    Some((wire::file_id(message), (format!("{folder}/file_{}", message.key), bytes)))
}

fn reaction(
    world: &World,
    chat: &Chat,
    message: u64,
    user: &str,
    (old, new): (&Option<String>, &Option<String>),
    date: i64,
) -> Value {
    let list = |emoji: &Option<String>| {
        emoji.iter().map(|emoji| json!({ "type": "emoji", "emoji": emoji })).collect::<Vec<_>>()
    };
    let native = world.messages.get(&message).map_or(0, |message| wire::id(&message.native));
    json!({
        "chat": wire::chat(world, chat),
        "message_id": native,
        "user": wire::who(world, user),
        "date": date,
        "old_reaction": list(old),
        "new_reaction": list(new),
    })
}

fn callback_query(world: &World, message: u64, user: &str, value: &str) -> Value {
    let mut query = json!({
        "id": world.entropy.next_u64().to_string(),
        "from": wire::who(world, user),
        "chat_instance": world.entropy.next_u64().to_string(),
        "data": value,
    });
    if let Some(message) = world.messages.get(&message) {
        put(&mut query, "message", wire::message(world, message));
    }
    query
}

/// The change of our bot's own membership.
fn changed(
    world: &World,
    chat: &Chat,
    by: Option<&str>,
    date: i64,
    [old, new]: [&str; 2],
) -> Bodies {
    let member = |status| super::read::member(&wire::bot(world), status);
    let change = json!({
        "chat": wire::chat(world, chat),
        "from": wire::who(world, by.unwrap_or(BOT)),
        "date": date,
        "old_chat_member": member(old),
        "new_chat_member": member(new),
    });
    vec![("my_chat_member", change)]
}

/// A message that the network itself writes into a chat.
fn service(
    world: &mut World,
    chat: &Chat,
    by: Option<&str>,
    date: i64,
    (key, value): (&str, Value),
) -> Bodies {
    let counter = if chat.kind == ChatKind::Supergroup { chat.id.clone() } else { String::new() };
    let last = world.telegram.last_message_ids.entry(counter).or_insert(0);
    *last += 1;
    let message_id = *last;
    let mut message = json!({
        "message_id": message_id,
        "from": wire::who(world, by.unwrap_or(BOT)),
        "chat": wire::chat(world, chat),
        "date": date,
    });
    put(&mut message, key, value);
    vec![("message", message)]
}

fn migrated(world: &mut World, chat: &Chat, old: &str, date: i64) -> Bodies {
    let before = Chat { kind: ChatKind::Group, native: old.to_owned(), ..chat.clone() };
    let to = json!(wire::id(&chat.native));
    let mut bodies = service(world, &before, None, date, ("migrate_to_chat_id", to));
    let from = json!(wire::id(old));
    bodies.extend(service(world, chat, None, date, ("migrate_from_chat_id", from)));
    bodies
}
