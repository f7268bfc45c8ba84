//! Telegram's own shapes and words: the only place of this folder that knows them.
//!
//! Written from the machine-readable Bot API 10.1. Invariant: an unknown field or word is let
//! pass; a known field of a wrong type is an error.

use crate::json::fields;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The header of a webhook call that carries the secret.
pub(super) const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// Kinds of updates that are asked for; the last two come only when they are named.
pub(super) const UPDATES_WANTED: [&str; 8] = [
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
pub(super) struct Update {
    pub(super) update_id: i64,
    #[serde(alias = "channel_post")]
    pub(super) message: Option<Box<Message>>,
    #[serde(alias = "edited_channel_post")]
    pub(super) edited_message: Option<Box<Message>>,
    pub(super) message_reaction: Option<Box<MessageReaction>>,
    pub(super) callback_query: Option<Box<CallbackQuery>>,
    pub(super) my_chat_member: Option<Box<MemberChange>>,
    pub(super) chat_member: Option<Box<MemberChange>>,
}

/// Only the number of an update, for one that cannot be read as a whole.
#[derive(Debug, Deserialize)]
pub(super) struct UpdateIdOnly {
    pub(super) update_id: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) message_id: i64,
    pub(super) message_thread_id: Option<i64>,
    #[serde(default)]
    pub(super) is_topic_message: bool,
    pub(super) from: Option<User>,
    pub(super) sender_chat: Option<Chat>,
    pub(super) date: i64,
    pub(super) edit_date: Option<i64>,
    pub(super) chat: Chat,
    pub(super) reply_to_message: Option<MessageNumber>,
    #[serde(alias = "caption")]
    pub(super) text: Option<Box<str>>,
    #[serde(default, alias = "caption_entities")]
    pub(super) entities: Vec<Entity>,
    /// Sizes of one picture, the largest last.
    #[serde(default)]
    pub(super) photo: Vec<File>,
    #[serde(alias = "animation", alias = "video_note")]
    pub(super) video: Option<File>,
    #[serde(alias = "voice")]
    pub(super) audio: Option<File>,
    pub(super) document: Option<File>,
    pub(super) sticker: Option<File>,
    pub(super) location: Option<Thing>,
    pub(super) venue: Option<Thing>,
    #[serde(alias = "poll", alias = "dice")]
    pub(super) contact: Option<Thing>,
    #[serde(alias = "game", alias = "invoice", alias = "checklist", alias = "paid_media")]
    #[serde(alias = "giveaway", alias = "rich_message", alias = "live_photo")]
    pub(super) story: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) new_chat_members: Vec<User>,
    pub(super) left_chat_member: Option<User>,
    pub(super) migrate_to_chat_id: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) is_bot: bool,
    pub(super) first_name: Option<Box<str>>,
    pub(super) last_name: Option<Box<str>>,
    pub(super) username: Option<Box<str>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Chat {
    pub(super) id: i64,
    #[serde(rename = "type")]
    pub(super) kind: Box<str>,
    pub(super) title: Option<Box<str>>,
}

/// A marked stretch of a text; offsets count UTF-16 units.
#[derive(Debug, Deserialize)]
pub(super) struct Entity {
    #[serde(rename = "type")]
    pub(super) kind: Box<str>,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) user: Option<User>,
}

#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub(super) file_name: Option<Box<str>>,
    pub(super) file_size: Option<u64>,
    /// Of a sticker.
    pub(super) emoji: Option<Box<str>>,
}

/// A place, a contact card, a poll or dice: what of it is put in words.
#[derive(Debug, Deserialize)]
pub(super) struct Thing {
    #[serde(alias = "question", alias = "first_name", alias = "emoji")]
    pub(super) title: Option<Box<str>>,
    #[serde(alias = "phone_number")]
    pub(super) address: Option<Box<str>>,
    pub(super) last_name: Option<Box<str>>,
    pub(super) value: Option<i64>,
    pub(super) latitude: Option<f64>,
    pub(super) longitude: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MessageReaction {
    pub(super) chat: Chat,
    pub(super) message_id: i64,
    pub(super) user: Option<User>,
    pub(super) actor_chat: Option<Chat>,
    pub(super) date: i64,
    pub(super) old_reaction: Vec<Reaction>,
    pub(super) new_reaction: Vec<Reaction>,
}

/// A reaction; custom and paid ones have no emoji of Unicode.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Reaction {
    pub(super) emoji: Option<Box<str>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CallbackQuery {
    pub(super) from: User,
    pub(super) message: Option<Tapped>,
    pub(super) data: Option<Box<str>>,
}

/// The message whose button was tapped; of an old one Telegram tells the chat only.
#[derive(Debug, Deserialize)]
pub(super) struct Tapped {
    pub(super) chat: Chat,
}

#[derive(Debug, Deserialize)]
pub(super) struct MemberChange {
    pub(super) chat: Chat,
    pub(super) from: User,
    pub(super) date: i64,
    pub(super) old_chat_member: Member,
    pub(super) new_chat_member: Member,
}

#[derive(Debug, Deserialize)]
pub(super) struct Member {
    pub(super) status: Box<str>,
    pub(super) user: User,
    /// Told of restricted members only.
    pub(super) is_member: Option<bool>,
}

fn quiet() -> Value {
    json!({"is_disabled": true})
}

/// `getUpdates`: asks for updates from `offset` on; that confirms all before it.
pub(super) fn get_updates(offset: Option<i64>, limit: usize, timeout_s: u64) -> Value {
    let asked = [("limit", limit.into()), ("timeout", timeout_s.into())];
    let wanted = ("allowed_updates", json!(UPDATES_WANTED));
    fields(asked.into_iter().chain([wanted]).chain(offset.map(|offset| ("offset", offset.into()))))
}

/// `sendMessage`, with one button a row.
pub(super) fn send_message(
    chat_id: i64,
    text: &str,
    answered: Option<i64>,
    rows: Vec<Value>,
) -> Value {
    let reply = answered.map(|id| json!({"message_id": id, "allow_sending_without_reply": true}));
    fields([
        ("chat_id", chat_id.into()),
        ("text", text.into()),
        ("link_preview_options", quiet()),
        ("reply_parameters", reply.unwrap_or_else(|| json!({}))),
        ("reply_markup", fields([("inline_keyboard", rows.into())])),
    ])
}

/// A row of an inline keyboard.
pub(super) fn button_row(label: &str, payload: &str) -> Value {
    json!([{"text": label, "callback_data": payload}])
}

/// `editMessageText`
pub(super) fn edit_message(chat_id: i64, message_id: i64, text: &str) -> Value {
    json!({"chat_id": chat_id, "message_id": message_id, "text": text,
           "link_preview_options": quiet()})
}

/// `deleteMessage`
pub(super) fn delete_message(chat_id: i64, message_id: i64) -> Value {
    json!({"chat_id": chat_id, "message_id": message_id})
}

/// `setMessageReaction`; without an emoji it takes ours back.
pub(super) fn set_reaction(chat_id: i64, message_id: i64, emoji: Option<&str>) -> Value {
    let reaction = emoji.map(|emoji| json!({"type": "emoji", "emoji": emoji}));
    let reaction = Vec::from_iter(reaction);
    json!({"chat_id": chat_id, "message_id": message_id, "reaction": reaction})
}

/// Any answer: `ok` with a result, or a code with a sentence.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<'a> {
    pub(super) ok: bool,
    #[serde(borrow)]
    pub(super) result: Option<&'a RawValue>,
    pub(super) error_code: Option<u16>,
    pub(super) description: Option<String>,
    pub(super) parameters: Option<ResponseParameters>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct ResponseParameters {
    pub(super) migrate_to_chat_id: Option<i64>,
    pub(super) retry_after: Option<u64>,
}

/// A message of which only the number matters: one just sent, or one that is answered.
#[derive(Debug, Deserialize)]
pub(super) struct MessageNumber {
    pub(super) message_id: i64,
}
