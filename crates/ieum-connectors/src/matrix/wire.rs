//! Matrix's own shapes and words: the only place of this folder that knows them.
//!
//! Written from the Matrix specification 1.11 (Application Service API, Client-Server API).
//! Invariant: an unknown field or word is let pass; an event that cannot be read spoils no other.

use ieum_core::inbound::FileKind;
use ieum_core::outgoing::{PartFile, PartPlace};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Below this the homeserver hands in transactions.
pub(super) const TRANSACTIONS: &str = "/_matrix/app/v1/transactions/";
/// Here it answers our asking whether it reaches us.
pub(super) const PING: &str = "/_matrix/app/v1/ping";
/// What `PUT transactions` carries; ephemeral events under the name of 1.13 or the older one.
#[derive(Debug, Deserialize)]
pub(super) struct Transaction<'a> {
    #[serde(borrow, default)]
    pub(super) events: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) ephemeral: Vec<&'a RawValue>,
    #[serde(borrow, default, rename = "de.sorunome.msc2409.ephemeral")]
    pub(super) ephemeral_unstable: Vec<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Box<str>,
    pub(super) event_id: Box<str>,
    pub(super) room_id: Box<str>,
    pub(super) sender: Box<str>,
    pub(super) origin_server_ts: i64,
    pub(super) state_key: Option<Box<str>>,
    /// Of a redaction, in rooms before version 11.
    pub(super) redacts: Option<Box<str>>,
    #[serde(borrow)]
    pub(super) content: &'a RawValue,
}

/// An event that is not kept: here only receipts matter.
#[derive(Debug, Deserialize)]
pub(super) struct Ephemeral<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Box<str>,
    pub(super) room_id: Box<str>,
    #[serde(borrow)]
    pub(super) content: &'a RawValue,
}

/// By event, then by kind of receipt, then by user.
pub(super) type Receipts = BTreeMap<Box<str>, BTreeMap<Box<str>, BTreeMap<Box<str>, ReceiptAt>>>;

#[derive(Debug, Deserialize)]
pub(super) struct ReceiptAt {
    pub(super) ts: Option<i64>,
}

/// `m.room.message` and `m.sticker`, as far as it is read; a redacted one is empty.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Message {
    pub(super) msgtype: Option<Box<str>>,
    pub(crate) body: Option<Box<str>>,
    pub(crate) format: Option<Box<str>>,
    pub(crate) formatted_body: Option<Box<str>>,
    /// Words for what has no body, such as a poll.
    #[serde(rename = "org.matrix.msc1767.text")]
    pub(super) text: Option<Box<str>>,
    pub(super) filename: Option<Box<str>>,
    pub(super) geo_uri: Option<Box<str>>,
    /// Where a file is, as `mxc://server/id`.
    pub(super) url: Option<Box<str>>,
    pub(super) info: Option<FileInfo>,
    #[serde(rename = "m.mentions")]
    pub(crate) mentions: Option<Mentions>,
    #[serde(rename = "m.relates_to")]
    pub(super) relates_to: Option<RelatesTo>,
    #[serde(rename = "m.new_content")]
    pub(super) new_content: Option<Box<Message>>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct FileInfo {
    pub(super) size: Option<u64>,
    pub(super) mimetype: Option<Box<str>>,
    /// In milliseconds.
    pub(super) duration: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Mentions {
    #[serde(default)]
    pub(crate) user_ids: Vec<Box<str>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RelatesTo {
    pub(super) rel_type: Option<Box<str>>,
    pub(super) event_id: Option<Box<str>>,
    /// Of an annotation.
    pub(super) key: Option<Box<str>>,
    #[serde(default)]
    pub(super) is_falling_back: bool,
    #[serde(rename = "m.in_reply_to")]
    pub(super) in_reply_to: Option<EventIdOnly>,
}

/// Also what a sent event is answered with.
#[derive(Debug, Deserialize)]
pub(super) struct EventIdOnly {
    pub(super) event_id: Box<str>,
}

/// What else is read of state events, each of which has one of these.
#[derive(Debug, Deserialize)]
pub(super) struct StateContent {
    /// `m.room.name`
    pub(super) name: Option<Box<str>>,
    /// `m.room.tombstone`
    pub(super) replacement_room: Option<Box<str>>,
    /// `m.room.redaction`, in rooms from version 11 on.
    pub(super) redacts: Option<Box<str>>,
}

/// `whoami`
#[derive(Debug, Deserialize)]
pub(super) struct WhoAmI {
    pub(super) user_id: Box<str>,
}

/// A text; the hub's own is a notice, which other bots do not answer. Nobody is mentioned but
/// those named, whatever stands in the text.
pub(super) fn text(words: &Words, is_notice: bool) -> Value {
    let kind = if is_notice { "m.notice" } else { "m.text" };
    let mut event = json!({"msgtype": kind, "body": words.text, "m.mentions": mentions(words)});
    add_formatted(&mut event, words);
    event
}

/// Words as an event carries them.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) text: String,
    /// The same as HTML and the name of that format, where they are more than plain words.
    pub(super) formatted: Option<(&'static str, String)>,
    /// Who is called.
    pub(super) called: Vec<String>,
}

fn mentions(words: &Words) -> Value {
    if words.called.is_empty() { json!({}) } else { json!({"user_ids": words.called}) }
}

fn add_formatted(event: &mut Value, words: &Words) {
    if let (Some(fields), Some((format, html))) = (event.as_object_mut(), &words.formatted) {
        fields.insert("format".to_owned(), (*format).into());
        fields.insert("formatted_body".to_owned(), html.as_str().into());
    }
}

/// A file at an address of the homeserver; a text that is not its name is its caption.
pub(super) fn file(file: &PartFile, url: &str, caption: &Words) -> Value {
    let kind = match file.kind {
        FileKind::Picture => "m.image",
        FileKind::Video => "m.video",
        FileKind::Audio => "m.audio",
        FileKind::File | FileKind::Sticker | FileKind::Place | FileKind::Other => "m.file",
    };
    let body = if caption.text.is_empty() { &*file.name } else { &*caption.text };
    let mut info = json!({"mimetype": file.media_type, "size": file.bytes});
    if let (Some(fields), Some(duration)) = (info.as_object_mut(), file.duration_ms) {
        fields.insert("duration".to_owned(), duration.into());
    }
    let mut event = json!({"msgtype": kind, "body": body, "filename": file.name, "url": url,
                           "info": info, "m.mentions": mentions(caption)});
    add_formatted(&mut event, caption);
    event
}

/// A place on a map, under its words.
pub(super) fn place(place: &PartPlace, words: &Words) -> Value {
    let body = if words.text.is_empty() { &*place.name } else { &*words.text };
    json!({"msgtype": "m.location", "body": body, "geo_uri": place.point.uri(),
           "m.mentions": mentions(words)})
}

/// The tie of an answer.
pub(super) fn answers(event: &str) -> Value {
    json!({"m.in_reply_to": {"event_id": event}})
}

/// The new version of a text.
pub(super) fn edit(target: &str, new: &Words, is_notice: bool) -> Value {
    let starred = |(format, html): &(&'static str, String)| (*format, format!("* {html}"));
    let shown = Words {
        text: format!("* {}", new.text),
        formatted: new.formatted.as_ref().map(starred),
        called: Vec::new(),
    };
    let mut whole = text(&shown, is_notice);
    if let Some(fields) = whole.as_object_mut() {
        fields.insert("m.new_content".to_owned(), text(new, is_notice));
        let relates = json!({"rel_type": "m.replace", "event_id": target});
        fields.insert("m.relates_to".to_owned(), relates);
    }
    whole
}

/// `m.reaction`
pub(super) fn reaction(target: &str, emoji: &str) -> Value {
    json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": emoji}})
}
