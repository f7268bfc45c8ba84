//! Telegram's own shapes and words: the only place of this folder that knows them.
//!
//! Written from the machine-readable Bot API 10.1. Invariant: an unknown field is let pass and an
//! unknown word becomes `Unknown`; a known field of a wrong type is an error.

use crate::wire_text::Text;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

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
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Update<'a> {
    pub(super) update_id: i64,
    pub(super) message: Option<Box<Message<'a>>>,
    pub(super) edited_message: Option<Box<Message<'a>>>,
    pub(super) channel_post: Option<Box<Message<'a>>>,
    pub(super) edited_channel_post: Option<Box<Message<'a>>>,
    pub(super) message_reaction: Option<Box<MessageReaction<'a>>>,
    pub(super) callback_query: Option<Box<CallbackQuery<'a>>>,
    pub(super) my_chat_member: Option<Box<MemberChange<'a>>>,
    pub(super) chat_member: Option<Box<MemberChange<'a>>>,
}

/// Only the number of an update, for one that cannot be read as a whole.
#[derive(Debug, Deserialize)]
pub(super) struct UpdateIdOnly {
    pub(super) update_id: i64,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Message<'a> {
    pub(super) message_id: i64,
    pub(super) message_thread_id: Option<i64>,
    #[serde(default)]
    pub(super) is_topic_message: bool,
    pub(super) from: Option<User<'a>>,
    pub(super) sender_chat: Option<Chat<'a>>,
    pub(super) date: i64,
    pub(super) edit_date: Option<i64>,
    pub(super) chat: Chat<'a>,
    pub(super) reply_to_message: Option<Answered>,
    pub(super) text: Option<Text<'a>>,
    pub(super) entities: Option<Vec<Entity<'a>>>,
    pub(super) caption: Option<Text<'a>>,
    pub(super) caption_entities: Option<Vec<Entity<'a>>>,
    /// Sizes of one picture, the largest last.
    pub(super) photo: Option<Vec<File<'a>>>,
    #[serde(alias = "animation", alias = "video_note")]
    pub(super) video: Option<File<'a>>,
    #[serde(alias = "voice")]
    pub(super) audio: Option<File<'a>>,
    pub(super) document: Option<File<'a>>,
    pub(super) sticker: Option<File<'a>>,
    pub(super) location: Option<Thing<'a>>,
    pub(super) venue: Option<Thing<'a>>,
    #[serde(alias = "poll", alias = "dice")]
    pub(super) contact: Option<Thing<'a>>,
    #[serde(alias = "game", alias = "invoice", alias = "checklist", alias = "paid_media")]
    #[serde(alias = "giveaway", alias = "rich_message", alias = "live_photo")]
    pub(super) story: Option<IgnoredAny>,
    pub(super) new_chat_members: Option<Vec<User<'a>>>,
    pub(super) left_chat_member: Option<User<'a>>,
    pub(super) migrate_to_chat_id: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Answered {
    pub(super) message_id: i64,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct User<'a> {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) is_bot: bool,
    pub(super) first_name: Option<Text<'a>>,
    pub(super) last_name: Option<Text<'a>>,
    pub(super) username: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Chat<'a> {
    pub(super) id: i64,
    #[serde(rename = "type")]
    pub(super) kind: ChatType,
    pub(super) title: Option<Text<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChatType {
    Private,
    Group,
    Supergroup,
    Channel,
    #[serde(other)]
    Unknown,
}

/// A marked stretch of a text; offsets count UTF-16 units.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Entity<'a> {
    #[serde(rename = "type")]
    pub(super) kind: EntityKind,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) user: Option<User<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EntityKind {
    Mention,
    TextMention,
    BotCommand,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct File<'a> {
    pub(super) file_name: Option<Text<'a>>,
    pub(super) file_size: Option<u64>,
    /// Of a sticker.
    pub(super) emoji: Option<Text<'a>>,
}

/// A place, a contact card, a poll or dice: what of it is put in words.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Thing<'a> {
    #[serde(alias = "question", alias = "first_name", alias = "emoji")]
    pub(super) title: Option<Text<'a>>,
    #[serde(alias = "phone_number")]
    pub(super) address: Option<Text<'a>>,
    pub(super) last_name: Option<Text<'a>>,
    pub(super) value: Option<i64>,
    pub(super) latitude: Option<f64>,
    pub(super) longitude: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct MessageReaction<'a> {
    pub(super) chat: Chat<'a>,
    pub(super) message_id: i64,
    pub(super) user: Option<User<'a>>,
    pub(super) actor_chat: Option<Chat<'a>>,
    pub(super) date: i64,
    pub(super) old_reaction: Vec<Reaction<'a>>,
    pub(super) new_reaction: Vec<Reaction<'a>>,
}

/// A reaction; custom and paid ones have no emoji of Unicode.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Reaction<'a> {
    pub(super) emoji: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct CallbackQuery<'a> {
    pub(super) from: User<'a>,
    pub(super) message: Option<Tapped<'a>>,
    pub(super) data: Option<Text<'a>>,
}

/// The message whose button was tapped; of an old one Telegram tells the chat only.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Tapped<'a> {
    pub(super) chat: Chat<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct MemberChange<'a> {
    pub(super) chat: Chat<'a>,
    pub(super) from: User<'a>,
    pub(super) date: i64,
    pub(super) old_chat_member: Member<'a>,
    pub(super) new_chat_member: Member<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Member<'a> {
    pub(super) status: MemberStatus,
    pub(super) user: User<'a>,
    /// Told of restricted members only.
    pub(super) is_member: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MemberStatus {
    Creator,
    Administrator,
    Member,
    Restricted,
    Left,
    Kicked,
    #[serde(other)]
    Unknown,
}

/// Asks for updates from `offset` on; that confirms all before it.
#[derive(Debug, Serialize)]
pub(super) struct GetUpdates {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<i64>,
    pub(super) limit: usize,
    pub(super) timeout: u64,
    pub(super) allowed_updates: &'static [&'static str],
}

#[derive(Debug, Serialize)]
pub(super) struct SendMessage<'a> {
    pub(super) chat_id: i64,
    pub(super) text: &'a str,
    pub(super) link_preview_options: LinkPreviewOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reply_parameters: Option<ReplyParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reply_markup: Option<InlineKeyboardMarkup<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct LinkPreviewOptions {
    pub(super) is_disabled: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct ReplyParameters {
    pub(super) message_id: i64,
    pub(super) allow_sending_without_reply: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct InlineKeyboardMarkup<'a> {
    pub(super) inline_keyboard: Vec<[InlineKeyboardButton<'a>; 1]>,
}

#[derive(Debug, Serialize)]
pub(super) struct InlineKeyboardButton<'a> {
    pub(super) text: &'a str,
    pub(super) callback_data: &'a str,
}

/// A change of one message: `editMessageText`, `setMessageReaction` or `deleteMessage`.
#[derive(Debug, Default, Serialize)]
pub(super) struct ChangeMessage<'a> {
    pub(super) chat_id: i64,
    pub(super) message_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link_preview_options: Option<LinkPreviewOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reaction: Option<Vec<EmojiReaction<'a>>>,
}

#[derive(Debug, Serialize)]
pub(super) struct EmojiReaction<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) emoji: &'a str,
}

/// Any answer: `ok` with a result, or a code with a sentence.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a, R: Deserialize<'de>"))]
pub(super) struct Answer<'a, R> {
    pub(super) ok: bool,
    pub(super) result: Option<R>,
    pub(super) error_code: Option<u16>,
    pub(super) description: Option<Text<'a>>,
    pub(super) parameters: Option<ResponseParameters>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct ResponseParameters {
    pub(super) migrate_to_chat_id: Option<i64>,
    pub(super) retry_after: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SentMessage {
    pub(super) message_id: i64,
}
