//! Telegram Desktop's `result.json` of one chat.

use super::moment::Reader;
use super::{Form, Past, PastMessage};
use crate::time::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
struct Chat {
    messages: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    /// Only since 2022; before, the writer's own time is all there is.
    date_unixtime: Option<String>,
    date: Option<String>,
    /// Nothing for somebody whose account is gone.
    from: Option<String>,
    from_id: Option<String>,
    #[serde(default)]
    text: Text,
    file: Option<String>,
    photo: Option<String>,
}

/// A text is plain, or in pieces of which some are links or bold.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Pieces(Vec<Piece>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Piece {
    Plain(String),
    Marked { text: String },
}

impl Default for Text {
    fn default() -> Self {
        Self::Plain(String::new())
    }
}

impl Text {
    fn whole(self) -> String {
        match self {
            Self::Plain(text) => text,
            Self::Pieces(pieces) => {
                let each = pieces.into_iter().map(|piece| match piece {
                    Piece::Plain(text) | Piece::Marked { text } => text,
                });
                each.collect()
            }
        }
    }
}

/// Reads a chat; `None` when it is not one.
pub(super) fn read(text: &str, utc_offset_minutes: i32) -> Option<Past> {
    let chat: Chat = serde_json::from_str(text).ok()?;
    let mut past =
        Past { form: Form::Telegram, messages: Vec::new(), unread: Vec::new(), unread_count: 0 };
    for (number, value) in (1..).zip(chat.messages) {
        match serde_json::from_value::<Message>(value) {
            Ok(message) if message.kind != "message" => {}
            Ok(message) => match said(message, utc_offset_minutes) {
                Some(message) => past.messages.push(message),
                None => past.not_read(number),
            },
            Err(_) => past.not_read(number),
        }
    }
    Some(past)
}

fn said(message: Message, utc_offset_minutes: i32) -> Option<PastMessage> {
    let at = moment(&message, utc_offset_minutes)?;
    let mut text = message.text.whole();
    if let Some(file) = message.file.or(message.photo) {
        text = format!("[{file}] {text}").trim_end().to_owned();
    }
    let author = message.from.or(message.from_id)?;
    Some(PastMessage { author, at, text })
}

/// The moment by the world's clock, else by that of the writer: `2023-05-10T15:01:00`.
fn moment(message: &Message, utc_offset_minutes: i32) -> Option<Timestamp> {
    if let Some(seconds) = &message.date_unixtime {
        return Some(Timestamp(seconds.parse::<i64>().ok()?.checked_mul(1_000)?));
    }
    let mut reader = Reader(message.date.as_deref()?);
    let day = reader.day()?;
    reader.word("T")?;
    Some(day.at(reader.time()?, utc_offset_minutes))
}
