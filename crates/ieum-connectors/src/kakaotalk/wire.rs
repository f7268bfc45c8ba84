//! KakaoTalk's own shapes and words: what is written to it, what is read from it.
//!
//! Nothing is decided here. Invariant: whatever is read lets unknown fields pass, and skips them
//! without recursion, so that depth cannot exhaust the stack.

use super::Edition;
use crate::json::fields;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Path of the one-time answer to an event.
pub(super) const CALLBACK_PATH: &str = "/v1/bot/callback";
/// Path of the send that needs no event.
pub(super) const SEND_PATH: &str = "/v1/bot/send_message";
/// Path of the bot's guide text; read as a sign of life.
pub(super) const GUIDE_PATH: &str = "/v1/bot/guide";
/// Header of the one-time answer token.
pub(super) const CALLBACK_TOKEN_HEADER: &str = "x-bot-callback-token";
/// Who a `send_message` goes to; exactly one of the two.
pub(super) const TO_GROUP: &str = "botGroupKey";
pub(super) const TO_USER: &str = "botUserKey";

/// Value of the `Authorization` header.
pub(super) fn authorization(token: &str) -> String {
    format!("KakaoAK {token}")
}

/// Body of a send; a `callback` has no `to`. Without `version` it would be read in its old form.
pub(super) fn send_body(
    to: Option<(&str, &str)>,
    bubbles: Vec<Value>,
    quick_replies: Vec<Value>,
    mentions: Map<String, Value>,
) -> Value {
    let to = to.map(|(field, key)| (field, key.into()));
    let extra = fields([("mentions", mentions.into())]);
    let template = fields([("outputs", bubbles.into()), ("quickReplies", quick_replies.into())]);
    let response = [("version", "2.0".into()), ("template", template), ("extra", extra)];
    fields([("skillResponse", fields(response))].into_iter().chain(to))
}

pub(super) fn simple_text(text: &str) -> Value {
    json!({"simpleText": {"text": text}})
}

/// A tap on a button mentions the bot with the label.
pub(super) fn text_card(description: &str, labels: &[&str]) -> Value {
    let button = |label: &&str| json!({"action": "mention", "label": label});
    let buttons: Vec<Value> = labels.iter().map(button).collect();
    json!({"textCard": {"description": description, "buttons": buttons}})
}

/// A tap says the text.
pub(super) fn quick_reply(label: &str, text: &str) -> Value {
    json!({"action": "message", "label": label, "messageText": text})
}

/// A person to notify.
/// A picture at a public address, and what it is called.
pub(super) fn simple_image(url: &str, alt: &str) -> Value {
    json!({"simpleImage": {"imageUrl": url, "altText": alt}})
}

pub(super) fn mention(user: &str) -> Value {
    json!({"type": "botUserKey", "id": user})
}

/// Stands in a text for the person under this name.
pub(super) fn mention_placeholder(name: &str) -> String {
    format!("{{{{#mentions.{name}}}}}")
}

/// Answer to a send that was taken.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendAnswer {
    pub(super) send_count: u64,
    #[serde(default)]
    pub(super) error_count: u64,
}

/// Answer to a call that was turned away. Its texts are left unread: they may repeat ours.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorAnswer {
    pub(super) code: i64,
}

pub(super) const OP_DISPATCH: u64 = 0;
pub(super) const OP_READY: u64 = 3;
pub(super) const OP_HELLO: u64 = 10;
pub(super) const OP_HEARTBEAT_ACK: u64 = 11;

pub(super) const CLOSE_AUTHENTICATION_FAILED: u16 = 4001;
pub(super) const CLOSE_BAD_PAYLOAD: u16 = 4003;
pub(super) const CLOSE_REPLACED: u16 = 4004;
pub(super) const CLOSE_SESSION_EXPIRED: u16 = 4009;

pub(super) fn heartbeat() -> String {
    r#"{"op":1}"#.to_owned()
}

pub(super) fn identify(token: &str) -> String {
    json!({"op": 2, "d": {"token": token}}).to_string()
}

/// The name of the place differs between sources.
pub(super) fn resume(edition: Edition, token: &str, session: &str, seq: u64) -> String {
    let place = match edition {
        Edition::July2026 => "sequence",
        Edition::October2026 => "seq",
    };
    json!({"op": 6, "d": {"token": token, "session_id": session, place: seq}}).to_string()
}

/// Outside of every gateway frame and webhook body; `d` is read in a second step.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    pub(super) op: Option<u64>,
    pub(super) s: Option<u64>,
    pub(super) t: Option<Box<str>>,
    #[serde(borrow)]
    d: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    /// The JSON text of the body.
    pub(super) fn body(&self) -> &'a str {
        self.d.map_or("null", RawValue::get)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Hello {
    pub(super) heartbeat_interval: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Ready {
    pub(super) session_id: Box<str>,
    pub(super) bot: Option<ReadyBot>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReadyBot {
    pub(super) name: Option<String>,
}

/// The body of any event: which fields are there depends on its type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    /// An integer of any length; kept as it is written so that no digit is lost.
    #[serde(borrow)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Box<str>>,
    pub(super) content: Option<String>,
    pub(super) timestamp: Option<Box<str>>,
    pub(super) is_channel_chatroom: Option<bool>,
    pub(super) bot_group_key: Option<Box<str>>,
    pub(super) bot_user_key: Option<Box<str>>,
    pub(super) callback_token: Option<Box<str>>,
    pub(super) inviter: Option<EventUser>,
    pub(super) user: Option<EventUser>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventUser {
    pub(super) bot_user_key: Option<Box<str>>,
}
