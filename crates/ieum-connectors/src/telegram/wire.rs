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
pub(super) struct Update<'a> {
    pub(super) update_id: i64,
    #[serde(borrow)]
    pub(super) message: Option<Box<Message<'a>>>,
    #[serde(borrow)]
    pub(super) edited_message: Option<Box<Message<'a>>>,
    #[serde(borrow)]
    pub(super) channel_post: Option<Box<Message<'a>>>,
    #[serde(borrow)]
    pub(super) edited_channel_post: Option<Box<Message<'a>>>,
    #[serde(borrow)]
    pub(super) message_reaction: Option<Box<MessageReaction<'a>>>,
    #[serde(borrow)]
    pub(super) callback_query: Option<Box<CallbackQuery<'a>>>,
    #[serde(borrow)]
    pub(super) my_chat_member: Option<Box<MemberChange<'a>>>,
    #[serde(borrow)]
    pub(super) chat_member: Option<Box<MemberChange<'a>>>,
}

/// Only the number of an update, for one that cannot be read as a whole.
#[derive(Debug, Deserialize)]
pub(super) struct UpdateIdOnly {
    pub(super) update_id: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    pub(super) message_id: i64,
    pub(super) message_thread_id: Option<i64>,
    #[serde(default)]
    pub(super) is_topic_message: bool,
    #[serde(borrow)]
    pub(super) from: Option<User<'a>>,
    #[serde(borrow)]
    pub(super) sender_chat: Option<Chat<'a>>,
    pub(super) date: i64,
    pub(super) edit_date: Option<i64>,
    #[serde(borrow)]
    pub(super) chat: Chat<'a>,
    pub(super) reply_to_message: Option<Answered>,
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) entities: Option<Vec<Entity<'a>>>,
    #[serde(borrow)]
    pub(super) caption: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) caption_entities: Option<Vec<Entity<'a>>>,
    pub(super) photo: Option<Vec<PhotoSize>>,
    #[serde(borrow)]
    pub(super) live_photo: Option<File<'a>>,
    #[serde(borrow)]
    pub(super) video: Option<File<'a>>,
    #[serde(borrow)]
    pub(super) animation: Option<File<'a>>,
    #[serde(borrow)]
    pub(super) video_note: Option<File<'a>>,
    #[serde(borrow)]
    pub(super) voice: Option<File<'a>>,
    #[serde(borrow)]
    pub(super) audio: Option<File<'a>>,
    #[serde(borrow)]
    pub(super) document: Option<File<'a>>,
    #[serde(borrow)]
    pub(super) sticker: Option<Sticker<'a>>,
    pub(super) location: Option<Location>,
    #[serde(borrow)]
    pub(super) venue: Option<Venue<'a>>,
    #[serde(borrow)]
    pub(super) contact: Option<Contact<'a>>,
    #[serde(borrow)]
    pub(super) poll: Option<Poll<'a>>,
    #[serde(borrow)]
    pub(super) dice: Option<Dice<'a>>,
    pub(super) story: Option<IgnoredAny>,
    pub(super) game: Option<IgnoredAny>,
    pub(super) invoice: Option<IgnoredAny>,
    pub(super) checklist: Option<IgnoredAny>,
    pub(super) paid_media: Option<IgnoredAny>,
    pub(super) giveaway: Option<IgnoredAny>,
    pub(super) rich_message: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(super) new_chat_members: Option<Vec<User<'a>>>,
    #[serde(borrow)]
    pub(super) left_chat_member: Option<User<'a>>,
    pub(super) migrate_to_chat_id: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Answered {
    pub(super) message_id: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct User<'a> {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) is_bot: bool,
    #[serde(borrow)]
    pub(super) first_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) last_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) username: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Chat<'a> {
    pub(super) id: i64,
    #[serde(rename = "type")]
    pub(super) kind: ChatType,
    #[serde(borrow)]
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
pub(super) struct Entity<'a> {
    #[serde(rename = "type")]
    pub(super) kind: EntityKind,
    pub(super) offset: u64,
    pub(super) length: u64,
    #[serde(borrow)]
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

/// One size of a picture.
#[derive(Debug, Deserialize)]
pub(super) struct PhotoSize {
    pub(super) file_size: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct File<'a> {
    #[serde(borrow)]
    pub(super) file_name: Option<Text<'a>>,
    pub(super) file_size: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sticker<'a> {
    #[serde(borrow)]
    pub(super) emoji: Option<Text<'a>>,
    pub(super) file_size: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Location {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Venue<'a> {
    pub(super) location: Location,
    #[serde(borrow)]
    pub(super) title: Text<'a>,
    #[serde(borrow)]
    pub(super) address: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Contact<'a> {
    #[serde(borrow)]
    pub(super) phone_number: Text<'a>,
    #[serde(borrow)]
    pub(super) first_name: Text<'a>,
    #[serde(borrow)]
    pub(super) last_name: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Poll<'a> {
    #[serde(borrow)]
    pub(super) question: Text<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dice<'a> {
    #[serde(borrow)]
    pub(super) emoji: Text<'a>,
    pub(super) value: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct MessageReaction<'a> {
    #[serde(borrow)]
    pub(super) chat: Chat<'a>,
    pub(super) message_id: i64,
    #[serde(borrow)]
    pub(super) user: Option<User<'a>>,
    #[serde(borrow)]
    pub(super) actor_chat: Option<Chat<'a>>,
    pub(super) date: i64,
    #[serde(borrow)]
    pub(super) old_reaction: Vec<Reaction<'a>>,
    #[serde(borrow)]
    pub(super) new_reaction: Vec<Reaction<'a>>,
}

/// A reaction; custom and paid ones have no emoji of Unicode.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Reaction<'a> {
    #[serde(borrow)]
    pub(super) emoji: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CallbackQuery<'a> {
    #[serde(borrow)]
    pub(super) from: User<'a>,
    #[serde(borrow)]
    pub(super) message: Option<Tapped<'a>>,
    #[serde(borrow)]
    pub(super) data: Option<Text<'a>>,
}

/// The message whose button was tapped; of an old one Telegram tells the chat only.
#[derive(Debug, Deserialize)]
pub(super) struct Tapped<'a> {
    #[serde(borrow)]
    pub(super) chat: Chat<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MemberChange<'a> {
    #[serde(borrow)]
    pub(super) chat: Chat<'a>,
    #[serde(borrow)]
    pub(super) from: User<'a>,
    pub(super) date: i64,
    #[serde(borrow)]
    pub(super) old_chat_member: Member<'a>,
    #[serde(borrow)]
    pub(super) new_chat_member: Member<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Member<'a> {
    pub(super) status: MemberStatus,
    #[serde(borrow)]
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

#[derive(Debug, Serialize)]
pub(super) struct EditMessageText<'a> {
    pub(super) chat_id: i64,
    pub(super) message_id: i64,
    pub(super) text: &'a str,
    pub(super) link_preview_options: LinkPreviewOptions,
}

#[derive(Debug, Serialize)]
pub(super) struct DeleteMessage {
    pub(super) chat_id: i64,
    pub(super) message_id: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct SetMessageReaction<'a> {
    pub(super) chat_id: i64,
    pub(super) message_id: i64,
    pub(super) reaction: Vec<EmojiReaction<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct EmojiReaction<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) emoji: &'a str,
}

/// Any answer: `ok` with a result, or a code with a sentence.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<'a, R> {
    pub(super) ok: bool,
    pub(super) result: Option<R>,
    pub(super) error_code: Option<u16>,
    #[serde(borrow)]
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
