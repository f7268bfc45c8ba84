//! [`Outgoing`] -> one call of the Bot API.
//!
//! Invariant: the token stands in the address only, and no address leaves this folder in a reason
//! or a log.

use super::capabilities::{BUTTON_PAYLOAD_BYTES_MAX, CAPTION_UTF16_MAX, TEXT_UTF16_MAX};
use super::wire;
use crate::api_base::ApiBase;
use crate::bot_api::marks;
use crate::doors::Secret;
use crate::files::form::Form;
use crate::verdict::refused;
use crate::wire_text::utf16_length;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use ieum_core::ids::NativeMessageId;
use ieum_core::inbound::FileKind;
use ieum_core::outgoing::{Act, Button, Outcome, Outgoing, Part, PartFile, Scope};
use ieum_core::ports::http::Upload;
use serde_json::Value;

/// A method and its arguments.
pub(crate) type Call = (&'static str, Value);

fn unsendable(reason: &str) -> Outcome {
    refused(Scope::Message, reason)
}

/// The one call that does `outgoing`.
///
/// # Errors
/// A refusal of what cannot be done on Telegram at all.
pub(crate) fn act(outgoing: &Outgoing) -> Result<Call, Outcome> {
    let chat_id = outgoing.chat.key.as_str().parse();
    let chat_id = chat_id
        .map_err(|_| refused(Scope::Recipient, "the chat id is not a number of Telegram's"))?;
    Ok(match &outgoing.act {
        Act::Say(parts) => match &**parts {
            [Part { place: Some(place), .. }] => {
                ("sendLocation", wire::send_location(chat_id, place.point))
            }
            parts => ("sendMessage", send_message(chat_id, parts)?),
        },
        Act::Edit { target, text, marks } => {
            let (number, text) = (message_id(target)?, checked(text)?);
            let entities = marks::entities(text, marks);
            ("editMessageText", wire::edit_message(chat_id, number, text, entities))
        }
        Act::Withdraw { target } => {
            ("deleteMessage", wire::delete_message(chat_id, message_id(target)?))
        }
        Act::React { target, emoji, own: _ } => {
            let body = wire::set_reaction(chat_id, message_id(target)?, emoji.as_deref());
            ("setMessageReaction", body)
        }
    })
}

/// The request of a call; `None` when the token cannot stand in an address.
pub(crate) fn request(api: &ApiBase, token: &Secret, call: &Call) -> Option<Request<Bytes>> {
    let (method, body) = call;
    let uri = api.join(&format!("/bot{}/{method}", token.expose()))?;
    let request = Request::post(uri).header(CONTENT_TYPE, "application/json");
    request.body(body.to_string().into()).ok()
}

/// The upload that says one part with its file, by `method` of this name.
///
/// # Errors
/// A refusal of what cannot be done on Telegram at all.
pub(crate) fn upload(
    (api, token): (&ApiBase, &Secret),
    outgoing: &Outgoing,
    (part, file): (&Part, &PartFile),
    (method, field): (&str, &str),
) -> Result<Request<Upload>, Outcome> {
    if utf16_length(&part.text) > CAPTION_UTF16_MAX {
        return Err(unsendable("a caption has at most 1024 UTF-16 units"));
    }
    let mut form = Form::new(outgoing.key).field("chat_id", outgoing.chat.key.as_str());
    if !part.text.is_empty() {
        form = form.field("caption", &part.text);
        let entities = marks::entities(&part.text, &part.marks);
        if !entities.is_empty() {
            form = form.field("caption_entities", &Value::from(entities).to_string());
        }
    }
    if let Some(answered) = answered(part) {
        form = form.field("reply_parameters", &wire::reply_parameters(answered).to_string());
    }
    let rows = rows(part);
    if !rows.is_empty() {
        form = form.field("reply_markup", &wire::inline_keyboard(rows).to_string());
    }
    let (kind, body) = form.file(field, file);
    let uri = api.join(&format!("/bot{}/{method}", token.expose()));
    let request = uri
        .zip(kind)
        .and_then(|(uri, kind)| Request::post(uri).header(CONTENT_TYPE, kind).body(body).ok());
    request.ok_or_else(|| refused(Scope::Account, "the API cannot be addressed"))
}

/// By which method a file is sent, and the name of its field.
pub(crate) fn method_of(file: &PartFile) -> (&'static str, &'static str) {
    match (file.kind, &*file.media_type) {
        (FileKind::Picture, _) => ("sendPhoto", "photo"),
        (FileKind::Video, _) => ("sendVideo", "video"),
        (FileKind::Audio, "audio/ogg") => ("sendVoice", "voice"),
        (FileKind::Audio, _) => ("sendAudio", "audio"),
        (FileKind::File | FileKind::Sticker | FileKind::Place | FileKind::Other, _) => AS_FILE,
    }
}

/// How anything can be sent, as a file to be saved.
pub(crate) const AS_FILE: (&str, &str) = ("sendDocument", "document");

/// Where a file that `getFile` found is; `None` when its path is not one.
pub(crate) fn file_uri(api: &ApiBase, token: &Secret, path: &str) -> Option<Uri> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/_-.".contains(&b);
    let fits = !path.is_empty() && path.bytes().all(plain) && !path.contains("..");
    fits.then(|| api.join(&format!("/file/bot{}/{path}", token.expose()))).flatten()
}

fn message_id(id: &NativeMessageId) -> Result<i64, Outcome> {
    id.as_str().parse().map_err(|_| unsendable("the message id is not a number of Telegram's"))
}

fn checked(text: &str) -> Result<&str, Outcome> {
    if text.is_empty() || utf16_length(text) > TEXT_UTF16_MAX {
        return Err(unsendable("a text has 1 to 4096 UTF-16 units"));
    }
    Ok(text)
}

fn send_message(chat_id: i64, parts: &[Part]) -> Result<Value, Outcome> {
    let [part] = parts else {
        return Err(unsendable("a call carries one message"));
    };
    let entities = marks::entities(&part.text, &part.marks);
    Ok(wire::send_message(chat_id, checked(&part.text)?, entities, answered(part), rows(part)))
}

/// An answer to something that has no number here is shown without its tie.
fn answered(part: &Part) -> Option<i64> {
    part.reply.as_ref().and_then(|reply| message_id(&reply.native).ok())
}

/// Buttons that Telegram does not take are left out; the text matters more.
fn rows(part: &Part) -> Vec<Value> {
    let fits = |button: &&Button| {
        let payload_fits = (1..=BUTTON_PAYLOAD_BYTES_MAX).contains(&button.payload.len());
        !button.label.is_empty() && payload_fits
    };
    let row = |button: &Button| wire::button_row(&button.label, &button.payload);
    part.buttons.iter().filter(fits).map(row).collect()
}
