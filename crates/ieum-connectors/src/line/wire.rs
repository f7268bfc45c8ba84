//! LINE's own shapes and words: the only place of this folder that knows them.
//!
//! Written from LINE's OpenAPI files `webhook.yml` and `messaging-api.yml`; `messageEdited` from
//! the webhook models of line-bot-sdk 3.27. Invariant: an unknown field is let pass and an unknown
//! word becomes `Unknown`; a known field of a wrong type is an error.

use crate::wire_text::Text;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

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
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Hook<'a> {
    pub(super) events: Vec<Event<'a>>,
}

/// A webhook call whose events are read one by one.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct RawHook<'a> {
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
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Event<'a> {
    #[serde(rename = "type")]
    pub(super) kind: EventKind,
    #[serde(default)]
    pub(super) mode: Mode,
    pub(super) timestamp: i64,
    pub(super) webhook_event_id: Text<'a>,
    pub(super) source: Option<Source<'a>>,
    pub(super) message: Option<Message<'a>>,
    pub(super) unsend: Option<Unsend<'a>>,
    pub(super) postback: Option<Postback<'a>>,
    pub(super) joined: Option<Members<'a>>,
    pub(super) left: Option<Members<'a>>,
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
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Source<'a> {
    #[serde(rename = "type")]
    pub(super) kind: SourceKind,
    pub(super) user_id: Option<Text<'a>>,
    pub(super) group_id: Option<Text<'a>>,
    pub(super) room_id: Option<Text<'a>>,
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
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Message<'a> {
    #[serde(rename = "type")]
    pub(super) kind: MessageKind,
    pub(super) id: Text<'a>,
    pub(super) text: Option<Text<'a>>,
    pub(super) quote_token: Option<Text<'a>>,
    pub(super) quoted_message_id: Option<Text<'a>>,
    pub(super) mention: Option<Mention>,
    pub(super) file_name: Option<Text<'a>>,
    pub(super) file_size: Option<u64>,
    pub(super) title: Option<Text<'a>>,
    pub(super) address: Option<Text<'a>>,
    pub(super) latitude: Option<f64>,
    pub(super) longitude: Option<f64>,
    pub(super) keywords: Option<Vec<Text<'a>>>,
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
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Unsend<'a> {
    pub(super) message_id: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Postback<'a> {
    pub(super) data: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Members<'a> {
    pub(super) members: Vec<Member<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Member<'a> {
    pub(super) user_id: Option<Text<'a>>,
}

/// A push.
#[derive(Debug, Serialize)]
pub(super) struct Push<'a> {
    pub(super) to: &'a str,
    pub(super) messages: Vec<TextMessage<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TextMessage<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quote_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quick_reply: Option<QuickReply<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sender: Option<ShownSender<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct QuickReply<'a> {
    pub(super) items: Vec<QuickReplyItem<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct QuickReplyItem<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) action: PostbackAction<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostbackAction<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) label: String,
    pub(super) data: &'a str,
    pub(super) display_text: &'a str,
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
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Answer<'a> {
    pub(super) message: Option<Text<'a>>,
    pub(super) sent_messages: Option<Vec<SentMessage<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct SentMessage<'a> {
    pub(super) id: Text<'a>,
    pub(super) quote_token: Option<Text<'a>>,
}

/// Who we are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct BotInfo<'a> {
    pub(super) user_id: Text<'a>,
    pub(super) basic_id: Option<Text<'a>>,
    pub(super) display_name: Option<Text<'a>>,
}

/// A user's profile, or a member's.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct UserProfile<'a> {
    pub(super) display_name: Text<'a>,
    pub(super) picture_url: Option<Text<'a>>,
}
