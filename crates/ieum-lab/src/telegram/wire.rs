//! Users, chats and messages in Telegram's own form.

use serde_json::{Value, json};

use crate::network::Network;
use crate::reading::put;
use crate::world::World;
use crate::world::message::{BOT, Kind, Message, utf16_len};
use crate::world::people::{Chat, ChatKind, User};

pub(crate) fn id(native: &str) -> i64 {
    native.parse().unwrap_or(0)
}

pub(crate) fn seconds(ms: i64) -> i64 {
    ms.div_euclid(1_000)
}

pub(crate) fn user(user: &User) -> Value {
    json!({
        "id": id(&user.native),
        "is_bot": false,
        "first_name": user.name,
        "username": user.id,
        "language_code": "ko",
    })
}

pub(crate) fn bot(world: &World) -> Value {
    let bot = world.bot(Network::Telegram);
    json!({
        "id": id(&bot.native),
        "is_bot": true,
        "first_name": bot.name,
        "username": bot.username,
    })
}

/// The person or bot with this short name.
pub(crate) fn who(world: &World, name: &str) -> Value {
    world.find_user(Network::Telegram, name).map_or_else(|| bot(world), user)
}

pub(crate) fn chat_kind(chat: &Chat) -> &'static str {
    match chat.kind {
        ChatKind::Direct => "private",
        ChatKind::Supergroup => "supergroup",
        ChatKind::Group | ChatKind::Room | ChatKind::Open | ChatKind::Team => "group",
    }
}

pub(crate) fn chat(world: &World, chat: &Chat) -> Value {
    let mut written = json!({ "id": id(&chat.native), "type": chat_kind(chat) });
    let person = chat.members.first().filter(|_| chat.is_direct());
    match person.and_then(|person| world.find_user(Network::Telegram, person)) {
        Some(user) => {
            put(&mut written, "first_name", user.name.clone());
            put(&mut written, "username", user.id.clone());
        }
        None => put(&mut written, "title", chat.title.clone()),
    }
    written
}

/// A message with the message that it answers.
pub(crate) fn message(world: &World, message: &Message) -> Value {
    let mut written = alone(world, message);
    if let Some(answered) = message.reply_to.and_then(|key| world.messages.get(&key)) {
        put(&mut written, "reply_to_message", alone(world, answered));
        if let Some(quote) = &message.quote {
            let position = answered.text.find(quote.as_str()).unwrap_or(0);
            let before = answered.text.get(..position).unwrap_or_default();
            let quote = json!({ "text": quote, "position": utf16_len(before), "is_manual": true });
            put(&mut written, "quote", quote);
        }
    }
    written
}

fn alone(world: &World, message: &Message) -> Value {
    let place = world.chats.get(&(Network::Telegram, message.chat.clone()));
    let mut written = json!({
        "message_id": id(&message.native),
        "from": who(world, &message.author),
        "chat": place.map_or(Value::Null, |place| chat(world, place)),
        "date": seconds(message.sent_at.0),
    });
    if let Some(edited_at) = message.edited_at {
        put(&mut written, "edit_date", seconds(edited_at.0));
    }
    content(message, &mut written);
    let buttons = message.buttons.iter().map(|button| match button.action.as_str() {
        "link" => json!({ "text": button.label, "url": button.value }),
        _ => json!({ "text": button.label, "callback_data": button.value }),
    });
    let buttons: Vec<Value> = buttons.collect();
    if !buttons.is_empty() && message.author == BOT {
        put(&mut written, "reply_markup", json!({ "inline_keyboard": [buttons] }));
    }
    written
}

fn content(message: &Message, written: &mut Value) {
    let words = message.text.clone();
    if matches!(message.kind, Kind::Text | Kind::Card) {
        put(written, "text", words);
        let entities = entities(message);
        if !entities.is_empty() {
            put(written, "entities", entities);
        }
        return;
    }
    let media = message.media.clone().unwrap_or_default();
    let is_captioned = !matches!(message.kind, Kind::Sticker | Kind::Location);
    if is_captioned && !words.is_empty() {
        put(written, "caption", words);
    }
    let mut file = json!({
        "file_id": file_id(message),
        "file_unique_id": format!("u{}", message.key),
        "file_size": media.bytes.len(),
    });
    let duration = media.duration_ms / 1_000;
    match message.kind {
        Kind::Image => {
            put_all(&mut file, &[("width", 90), ("height", 90)]);
            put(written, "photo", vec![file]);
        }
        Kind::Video => {
            put_all(&mut file, &[("width", 320), ("height", 240), ("duration", duration)]);
            put(written, "video", file);
        }
        Kind::Audio => {
            put_all(&mut file, &[("duration", duration)]);
            put(written, "voice", file);
        }
        Kind::Sticker => {
            put_all(&mut file, &[("width", 512), ("height", 512)]);
            put(&mut file, "type", "regular");
            put(&mut file, "is_animated", false);
            put(&mut file, "is_video", false);
            put(&mut file, "emoji", "👍");
            put(written, "sticker", file);
        }
        Kind::Location => {
            let place = json!({ "latitude": media.latitude, "longitude": media.longitude });
            put(written, "location", place);
        }
        Kind::File | Kind::Text | Kind::Card => {
            put(&mut file, "file_name", media.file_name);
            put(&mut file, "mime_type", media.content_type);
            put(written, "document", file);
        }
    }
}

fn put_all(object: &mut Value, numbers: &[(&str, u64)]) {
    numbers.iter().for_each(|(key, number)| put(object, key, *number));
}

pub(crate) fn file_id(message: &Message) -> String {
    format!("AgACAgUAAxk{:08}", message.key)
}

/// Mentions by name and commands, as the apps mark them.
fn entities(message: &Message) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in message.text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        let name = bare.trim_end_matches(|end: char| !end.is_ascii_alphanumeric() && end != '_');
        let kind = match name.chars().next() {
            Some('@') if name.len() > 3 => Some("mention"),
            Some('/') if name.len() > 1 => Some("bot_command"),
            _ => None,
        };
        let is_ascii =
            name.chars().skip(1).all(|one| one.is_ascii_alphanumeric() || "_@".contains(one));
        if let Some(kind) = kind.filter(|_| is_ascii) {
            found.push(json!({ "type": kind, "offset": at, "length": utf16_len(name) }));
        }
        at += utf16_len(word);
    }
    found
}
