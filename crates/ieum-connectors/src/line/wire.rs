//! LINE's own shapes and words: the only place of this folder that knows them.
//!
//! Written from LINE's OpenAPI files `webhook.yml` and `messaging-api.yml`; `messageEdited` from
//! the webhook models of line-bot-sdk 3.27. Invariant: an unknown field is let pass and an unknown
//! word becomes `Unknown`; a known field of a wrong type is an error.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The header of a webhook call that carries the signature.
pub(super) const SIGNATURE_HEADER: &str = "x-line-signature";
/// The header of a push that makes it idempotent.
pub(super) const RETRY_KEY_HEADER: &str = "x-line-retry-key";
/// The path of a push.
pub(super) const PUSH_PATH: &str = "/v2/bot/message/push";
/// The path that tells who we are.
pub(super) const BOT_INFO_PATH: &str = "/v2/bot/info";

/// A webhook call.
#[derive(Debug, Deserialize)]
pub(super) struct Hook {
    pub(super) events: Vec<Event>,
}

/// A webhook call whose events are read one by one.
#[derive(Debug, Deserialize)]
pub(super) struct RawHook<'a> {
    #[serde(borrow)]
    pub(super) events: Vec<&'a RawValue>,
}

/// Only the kind of an event, for one that cannot be read as a whole.
#[derive(Debug, Deserialize)]
pub(super) struct EventKindOnly {
    #[serde(rename = "type")]
    pub(super) kind: EventKind,
}

/// One event; which of the optional parts is there depends on its kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: EventKind,
    #[serde(default)]
    pub(super) mode: Mode,
    pub(super) timestamp: i64,
    pub(super) webhook_event_id: Box<str>,
    pub(super) source: Option<Source>,
    pub(super) message: Option<Message>,
    pub(super) unsend: Option<Unsend>,
    pub(super) postback: Option<Postback>,
    pub(super) joined: Option<Members>,
    pub(super) left: Option<Members>,
}

/// Kinds of events that are read; all others are `Unknown` here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum EventKind {
    Message,
    MessageEdited,
    Unsend,
    Follow,
    Unfollow,
    Join,
    Leave,
    MemberJoined,
    MemberLeft,
    Postback,
    /// Real, but nothing of a conversation: video watched, beacon, account link, membership,
    /// module and bot states, delivery by phone number. New kinds fall here too.
    #[serde(other)]
    Unknown,
}

/// Whether the chat is ours to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Mode {
    #[default]
    Active,
    /// Another module owns the chat.
    Standby,
    #[serde(other)]
    Unknown,
}

/// Where an event happened and who did it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Source {
    #[serde(rename = "type")]
    pub(super) kind: SourceKind,
    pub(super) user_id: Option<Box<str>>,
    pub(super) group_id: Option<Box<str>>,
    pub(super) room_id: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum SourceKind {
    User,
    Group,
    Room,
    #[serde(other)]
    Unknown,
}

/// A message of any kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    #[serde(rename = "type")]
    pub(super) kind: MessageKind,
    pub(super) id: Box<str>,
    pub(super) text: Option<Box<str>>,
    pub(super) quote_token: Option<Box<str>>,
    pub(super) quoted_message_id: Option<Box<str>>,
    pub(super) mention: Option<Mention>,
    pub(super) file_name: Option<Box<str>>,
    pub(super) file_size: Option<u64>,
    pub(super) title: Option<Box<str>>,
    pub(super) address: Option<Box<str>>,
    pub(super) latitude: Option<f64>,
    pub(super) longitude: Option<f64>,
    pub(super) keywords: Option<Vec<Box<str>>>,
    /// In milliseconds.
    pub(super) duration: Option<u64>,
    pub(super) content_provider: Option<ContentProvider>,
}

/// Who has the bytes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContentProvider {
    #[serde(rename = "type")]
    pub(super) kind: Provider,
    pub(super) original_content_url: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Provider {
    Line,
    External,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum MessageKind {
    Text,
    Image,
    Video,
    Audio,
    File,
    Location,
    Sticker,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
pub(super) struct Mention {
    pub(super) mentionees: Vec<Mentionee>,
}

/// Somebody mentioned; offsets count UTF-16 units.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mentionee {
    pub(super) index: u64,
    pub(super) length: u64,
    #[serde(default)]
    pub(super) is_self: bool,
    /// Not told of everybody at once, and of those who keep it to themselves.
    pub(super) user_id: Option<Box<str>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Unsend {
    pub(super) message_id: Box<str>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Postback {
    pub(super) data: Box<str>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Members {
    pub(super) members: Vec<Member>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Member {
    pub(super) user_id: Option<Box<str>>,
}

/// A push.
#[derive(Debug, Serialize)]
pub(super) struct Push<'a> {
    pub(super) to: &'a str,
    pub(super) messages: Vec<PushedMessage<'a>>,
}

/// A message of a push.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum PushedMessage<'a> {
    Text(TextMessage<'a>),
    File(FileMessage<'a>),
    Place(Value),
}

/// A picture, film or sound at an address that LINE's apps fetch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileMessage<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) original_content_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) preview_image_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quick_reply: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sender: Option<ShownSender<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TextMessage<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) text: Cow<'a, str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) substitution: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quote_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quick_reply: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sender: Option<ShownSender<'a>>,
}

/// What stands for somebody who is called, between braces in a text of the second form.
pub(super) fn mention(user_id: &str) -> Value {
    json!({"type": "mention", "mentionee": {"type": "user", "userId": user_id}})
}

/// Buttons below a message; `None` for none.
pub(super) fn quick_reply(items: &[Value]) -> Option<Value> {
    (!items.is_empty()).then(|| json!({"items": items}))
}

/// A button whose tap comes back as `data` and is shown as `shown`.
pub(super) fn quick_reply_item(label: &str, data: &str, shown: &str) -> Value {
    let action = json!({"type": "postback", "label": label, "data": data, "displayText": shown});
    json!({"type": "action", "action": action})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownSender<'a> {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) icon_url: Option<&'a str>,
}

/// Any answer to a push: its messages when it was taken, a sentence when it was not.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) message: Option<Box<str>>,
    pub(super) sent_messages: Option<Vec<SentMessage>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentMessage {
    pub(super) id: Box<str>,
    pub(super) quote_token: Option<Box<str>>,
}

/// Who we are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BotInfo {
    pub(super) user_id: Box<str>,
    pub(super) basic_id: Option<Box<str>>,
    pub(super) display_name: Option<Box<str>>,
}

/// A user's profile, or a member's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserProfile {
    pub(super) display_name: Box<str>,
    pub(super) picture_url: Option<Box<str>>,
}
