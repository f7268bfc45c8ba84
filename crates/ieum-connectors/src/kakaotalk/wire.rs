//! KakaoTalk's own shapes and words: skill responses out, answers, events and gateway frames in.
//!
//! Nothing is decided here. Invariant: whatever is read lets unknown fields pass, and a nested
//! value that is not needed is skipped without recursion, so that depth cannot exhaust the stack.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Path of the one-time answer to an event.
pub(super) const CALLBACK_PATH: &str = "/v1/bot/callback";
/// Path of the send that needs no event.
pub(super) const SEND_PATH: &str = "/v1/bot/send_message";
/// Path of the bot's guide text; read as a sign of life.
pub(super) const GUIDE_PATH: &str = "/v1/bot/guide";
/// Header of the one-time answer token.
pub(super) const CALLBACK_TOKEN_HEADER: &str = "x-bot-callback-token";
/// Scheme word before the bot token.
pub(super) const AUTHORIZATION_SCHEME: &str = "KakaoAK";

/// Body of both sends; `callback` has neither key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bot_group_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bot_user_key: Option<&'a str>,
    pub(super) skill_response: SkillResponse<'a>,
}

/// Version 2.0; an answer without `version` would be read as the old form.
#[derive(Debug, Serialize)]
pub(super) struct SkillResponse<'a> {
    pub(super) version: &'static str,
    pub(super) template: Template<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extra: Option<Extra<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Template<'a> {
    pub(super) outputs: Vec<Bubble<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) quick_replies: Vec<QuickReply<'a>>,
}

/// One bubble of the chat.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Bubble<'a> {
    SimpleText {
        text: String,
    },
    TextCard {
        description: String,
        buttons: Vec<CardButton<'a>>,
    },
}

/// `mention` puts the bot's name and the label into the person's input.
#[derive(Debug, Serialize)]
pub(super) struct CardButton<'a> {
    pub(super) action: &'static str,
    pub(super) label: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuickReply<'a> {
    pub(super) action: &'static str,
    pub(super) label: &'a str,
    pub(super) message_text: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct Extra<'a> {
    pub(super) mentions: BTreeMap<String, Mention<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Mention<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) id: &'a str,
}

/// Answer to a send that was taken.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendAnswer {
    pub(super) send_count: u64,
    #[serde(default)]
    pub(super) error_count: u64,
}

/// Answer to a call that was turned away. The texts beside the codes are left unread: they may
/// repeat what was sent.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorAnswer {
    pub(super) code: i64,
    pub(super) extras: Option<ErrorExtras>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ErrorExtras {
    pub(super) code: Option<i64>,
}

/// What the guide call answers with; only its shape is looked at.
#[derive(Debug, Deserialize)]
pub(super) struct GuideAnswer {}

/// Operation codes of the gateway.
pub(super) mod op {
    pub(crate) const DISPATCH: u64 = 0;
    pub(crate) const HEARTBEAT: u64 = 1;
    pub(crate) const IDENTIFY: u64 = 2;
    pub(crate) const READY: u64 = 3;
    pub(crate) const RESUME: u64 = 6;
    pub(crate) const HELLO: u64 = 10;
    pub(crate) const HEARTBEAT_ACK: u64 = 11;
}

/// Close codes of the gateway that say more than "connect again".
pub(super) mod close {
    pub(crate) const AUTHENTICATION_FAILED: u16 = 4001;
    pub(crate) const BAD_PAYLOAD: u16 = 4003;
    pub(crate) const REPLACED: u16 = 4004;
    pub(crate) const SESSION_EXPIRED: u16 = 4009;
    /// Ours, when a heartbeat stays unanswered; any code but 1000 and 1001 keeps the session.
    pub(crate) const HEARTBEAT_MISSED: u16 = 4000;
    /// Ours, when the hub stops.
    pub(crate) const GOING_AWAY: u16 = 1001;
}

/// Outside of every gateway frame and webhook body; `d` is read in a second step.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    pub(super) op: Option<u64>,
    pub(super) s: Option<u64>,
    pub(super) t: Option<Box<str>>,
    #[serde(borrow)]
    pub(super) d: Option<&'a RawValue>,
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
    pub(super) name: Option<Box<str>>,
}

/// A frame that the client sends.
#[derive(Debug, Serialize)]
pub(super) struct ClientFrame<'a> {
    pub(super) op: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) d: Option<ClientHello<'a>>,
}

/// What IDENTIFY and RESUME carry. The name of the last number differs between sources.
#[derive(Debug, Serialize)]
pub(super) struct ClientHello<'a> {
    pub(super) token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sequence: Option<u64>,
}

/// The body of any event: which fields are there depends on its type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    /// An integer of any length; read as it is written so that no digit is lost.
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

/// A person inside an event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventUser {
    pub(super) bot_user_key: Option<Box<str>>,
}
