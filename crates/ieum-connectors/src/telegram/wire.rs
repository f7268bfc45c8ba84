//! Telegram's own shapes and words: the only place of this folder that knows them.
//!
//! Written from the machine-readable Bot API 10.1. Invariant: an unknown field or word is let
//! pass; a known field of a wrong type is an error.

use crate::json::fields;
use ieum_core::place::Point;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The header of a webhook call that carries the secret.
pub(crate) const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// Kinds of updates that are asked for; the last two come only when they are named.
pub(crate) const UPDATES_WANTED: [&str; 8] = [
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "callback_query",
    "my_chat_member",
    "chat_member",
    "message_reaction",
];

/// Something that happened; exactly one of the optional parts is there, or one unknown to us.
#[derive(Debug, Deserialize)]
pub(crate) struct Update {
    pub(crate) update_id: i64,
    #[serde(alias = "channel_post")]
    pub(crate) message: Option<Box<Message>>,
    #[serde(alias = "edited_channel_post")]
    pub(crate) edited_message: Option<Box<Message>>,
    pub(crate) message_reaction: Option<Box<MessageReaction>>,
    pub(crate) callback_query: Option<Box<CallbackQuery>>,
    pub(crate) my_chat_member: Option<Box<MemberChange>>,
    pub(crate) chat_member: Option<Box<MemberChange>>,
}

/// Only the number of an update, for one that cannot be read as a whole.
#[derive(Debug, Deserialize)]
pub(crate) struct UpdateIdOnly {
    pub(crate) update_id: i64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) message_id: i64,
    pub(crate) message_thread_id: Option<i64>,
    #[serde(default)]
    pub(crate) is_topic_message: bool,
    pub(crate) from: Option<User>,
    pub(crate) sender_chat: Option<Chat>,
    pub(crate) date: i64,
    pub(crate) edit_date: Option<i64>,
    pub(crate) chat: Chat,
    pub(crate) reply_to_message: Option<MessageNumber>,
    #[serde(alias = "caption")]
    pub(crate) text: Option<Box<str>>,
    #[serde(default, alias = "caption_entities")]
    pub(crate) entities: Vec<Entity>,
    /// Sizes of one picture, the largest last.
    #[serde(default)]
    pub(crate) photo: Vec<File>,
    #[serde(alias = "animation", alias = "video_note")]
    pub(crate) video: Option<File>,
    #[serde(alias = "voice")]
    pub(crate) audio: Option<File>,
    pub(crate) document: Option<File>,
    pub(crate) sticker: Option<File>,
    pub(crate) location: Option<Thing>,
    pub(crate) venue: Option<Thing>,
    #[serde(alias = "poll", alias = "dice")]
    pub(crate) contact: Option<Thing>,
    #[serde(alias = "game", alias = "invoice", alias = "checklist", alias = "paid_media")]
    #[serde(alias = "giveaway", alias = "rich_message", alias = "live_photo")]
    pub(crate) story: Option<IgnoredAny>,
    #[serde(default)]
    pub(crate) new_chat_members: Vec<User>,
    pub(crate) left_chat_member: Option<User>,
    pub(crate) migrate_to_chat_id: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) is_bot: bool,
    pub(crate) first_name: Option<Box<str>>,
    pub(crate) last_name: Option<Box<str>>,
    pub(crate) username: Option<Box<str>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Chat {
    pub(crate) id: i64,
    #[serde(rename = "type")]
    pub(crate) kind: Box<str>,
    pub(crate) title: Option<Box<str>>,
}

/// A marked stretch of a text; offsets count UTF-16 units.
#[derive(Debug, Deserialize)]
pub(crate) struct Entity {
    #[serde(rename = "type")]
    pub(crate) kind: Box<str>,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) user: Option<User>,
    /// Of a link that stands behind words.
    pub(crate) url: Option<Box<str>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct File {
    /// By which it is fetched.
    pub(crate) file_id: Option<Box<str>>,
    pub(crate) file_name: Option<Box<str>>,
    pub(crate) file_size: Option<u64>,
    pub(crate) mime_type: Option<Box<str>>,
    /// In seconds.
    pub(crate) duration: Option<u32>,
    /// Of a sticker.
    pub(crate) emoji: Option<Box<str>>,
    /// A sticker that is a drawing in motion and no picture or film.
    #[serde(default)]
    pub(crate) is_animated: bool,
    pub(crate) thumbnail: Option<Box<File>>,
}

/// A place, a contact card, a poll or dice: what of it is put in words.
#[derive(Debug, Deserialize)]
pub(crate) struct Thing {
    #[serde(alias = "question", alias = "first_name", alias = "emoji")]
    pub(crate) title: Option<Box<str>>,
    #[serde(alias = "phone_number")]
    pub(crate) address: Option<Box<str>>,
    pub(crate) last_name: Option<Box<str>>,
    pub(crate) value: Option<i64>,
    pub(crate) latitude: Option<f64>,
    pub(crate) longitude: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MessageReaction {
    pub(crate) chat: Chat,
    pub(crate) message_id: i64,
    pub(crate) user: Option<User>,
    pub(crate) actor_chat: Option<Chat>,
    pub(crate) date: i64,
    pub(crate) old_reaction: Vec<Reaction>,
    pub(crate) new_reaction: Vec<Reaction>,
}

/// A reaction; custom and paid ones have no emoji of Unicode.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Reaction {
    pub(crate) emoji: Option<Box<str>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CallbackQuery {
    pub(crate) from: User,
    pub(crate) message: Option<Tapped>,
    pub(crate) data: Option<Box<str>>,
}

/// The message whose button was tapped; of an old one Telegram tells the chat only.
#[derive(Debug, Deserialize)]
pub(crate) struct Tapped {
    pub(crate) chat: Chat,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MemberChange {
    pub(crate) chat: Chat,
    pub(crate) from: User,
    pub(crate) date: i64,
    pub(crate) old_chat_member: Member,
    pub(crate) new_chat_member: Member,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Member {
    pub(crate) status: Box<str>,
    pub(crate) user: User,
    /// Told of restricted members only.
    pub(crate) is_member: Option<bool>,
}

fn quiet() -> Value {
    json!({"is_disabled": true})
}

/// `getUpdates`: asks for updates from `offset` on; that confirms all before it.
pub(crate) fn get_updates(offset: Option<i64>, limit: usize, timeout_s: u64) -> Value {
    let asked = [("limit", limit.into()), ("timeout", timeout_s.into())];
    let wanted = ("allowed_updates", json!(UPDATES_WANTED));
    fields(asked.into_iter().chain([wanted]).chain(offset.map(|offset| ("offset", offset.into()))))
}

/// `sendMessage`, with one button a row.
pub(crate) fn send_message(
    chat_id: i64,
    text: &str,
    entities: Vec<Value>,
    answered: Option<i64>,
    rows: Vec<Value>,
) -> Value {
    let reply = answered.map(reply_parameters);
    fields([
        ("chat_id", chat_id.into()),
        ("text", text.into()),
        ("entities", entities.into()),
        ("link_preview_options", quiet()),
        ("reply_parameters", reply.unwrap_or_else(|| json!({}))),
        ("reply_markup", inline_keyboard(rows)),
    ])
}

/// `sendLocation`
pub(crate) fn send_location(chat_id: i64, point: Point) -> Value {
    let (latitude, longitude) = (point.latitude(), point.longitude());
    json!({"chat_id": chat_id, "latitude": latitude, "longitude": longitude})
}

/// A row of an inline keyboard.
pub(crate) fn button_row(label: &str, payload: &str) -> Value {
    json!([{"text": label, "callback_data": payload}])
}

/// `getFile`
pub(crate) fn get_file(file_id: &str) -> Value {
    json!({"file_id": file_id})
}

/// What `getFile` gives.
#[derive(Debug, Deserialize)]
pub(crate) struct FilePath {
    pub(crate) file_path: Option<Box<str>>,
}

/// The tie of an answer, which holds even when what it answers is gone.
pub(crate) fn reply_parameters(answered: i64) -> Value {
    json!({"message_id": answered, "allow_sending_without_reply": true})
}

/// Buttons, one a row.
pub(crate) fn inline_keyboard(rows: Vec<Value>) -> Value {
    fields([("inline_keyboard", rows.into())])
}

/// `editMessageText`
pub(crate) fn edit_message(
    chat_id: i64,
    message_id: i64,
    text: &str,
    entities: Vec<Value>,
) -> Value {
    fields([
        ("chat_id", chat_id.into()),
        ("message_id", message_id.into()),
        ("text", text.into()),
        ("entities", entities.into()),
        ("link_preview_options", quiet()),
    ])
}

/// The entity of somebody who is called, whether they have a user name or not.
pub(crate) fn text_mention(user: i64) -> Value {
    json!({"type": "text_mention", "user": {"id": user, "is_bot": false, "first_name": ""}})
}

/// `deleteMessage`
pub(crate) fn delete_message(chat_id: i64, message_id: i64) -> Value {
    json!({"chat_id": chat_id, "message_id": message_id})
}

/// `setMessageReaction`; without an emoji it takes ours back.
pub(crate) fn set_reaction(chat_id: i64, message_id: i64, emoji: Option<&str>) -> Value {
    let reaction = emoji.map(|emoji| json!({"type": "emoji", "emoji": emoji}));
    let reaction = Vec::from_iter(reaction);
    json!({"chat_id": chat_id, "message_id": message_id, "reaction": reaction})
}

/// Any answer: `ok` with a result, or a code with a sentence.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer<'a> {
    pub(crate) ok: bool,
    #[serde(borrow)]
    pub(crate) result: Option<&'a RawValue>,
    pub(crate) error_code: Option<u16>,
    pub(crate) description: Option<String>,
    pub(crate) parameters: Option<ResponseParameters>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct ResponseParameters {
    pub(crate) migrate_to_chat_id: Option<i64>,
    pub(crate) retry_after: Option<u64>,
}

/// A message of which only the number matters: one just sent, or one that is answered.
#[derive(Debug, Deserialize)]
pub(crate) struct MessageNumber {
    pub(crate) message_id: i64,
}
