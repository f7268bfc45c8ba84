//! Telegram Desktop's `result.json` of one chat.

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
    date_unixtime: Option<String>,
    from: Option<String>,
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
pub(super) fn read(text: &str) -> Option<Past> {
    let chat: Chat = serde_json::from_str(text).ok()?;
    let mut past =
        Past { form: Form::Telegram, messages: Vec::new(), unread: Vec::new(), unread_count: 0 };
    for (number, value) in (1..).zip(chat.messages) {
        match serde_json::from_value::<Message>(value) {
            Ok(message) if message.kind != "message" => {}
            Ok(message) => match said(message) {
                Some(message) => past.messages.push(message),
                None => past.not_read(number),
            },
            Err(_) => past.not_read(number),
        }
    }
    Some(past)
}

fn said(message: Message) -> Option<PastMessage> {
    let seconds: i64 = message.date_unixtime?.parse().ok()?;
    let mut text = message.text.whole();
    if let Some(file) = message.file.or(message.photo) {
        text = format!("[{file}] {text}").trim_end().to_owned();
    }
    let at = Timestamp(seconds.checked_mul(1_000)?);
    Some(PastMessage { author: message.from?, at, text })
}
