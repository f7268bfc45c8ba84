//! [`Outgoing`] -> one call of the Bot API.
//!
//! Invariant: the token stands in the address only, and no address leaves this folder in a reason
//! or a log.

use super::capabilities::{BUTTON_PAYLOAD_BYTES_MAX, TEXT_UTF16_MAX};
use super::wire;
use crate::api_base::ApiBase;
use crate::doors::Secret;
use crate::verdict::refused;
use crate::wire_text::utf16_length;
use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use ieum_core::ids::NativeMessageId;
use ieum_core::outgoing::{Act, Button, Outcome, Outgoing, Part, Scope};
use serde_json::Value;

/// A method and its arguments.
pub(super) type Call = (&'static str, Value);

fn unsendable(reason: &str) -> Outcome {
    refused(Scope::Message, reason)
}

/// The one call that does `outgoing`.
///
/// # Errors
/// A refusal of what cannot be done on Telegram at all.
pub(super) fn act(outgoing: &Outgoing) -> Result<Call, Outcome> {
    let chat_id = outgoing.chat.key.as_str().parse();
    let chat_id = chat_id
        .map_err(|_| refused(Scope::Recipient, "the chat id is not a number of Telegram's"))?;
    Ok(match &outgoing.act {
        Act::Say(parts) => ("sendMessage", send_message(chat_id, parts)?),
        Act::Edit { target, text } => {
            let (number, text) = (message_id(target)?, checked(text)?);
            ("editMessageText", wire::edit_message(chat_id, number, text))
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
pub(super) fn request(api: &ApiBase, token: &Secret, call: &Call) -> Option<Request<Bytes>> {
    let (method, body) = call;
    let uri = api.join(&format!("/bot{}/{method}", token.expose()))?;
    let request = Request::post(uri).header(CONTENT_TYPE, "application/json");
    request.body(body.to_string().into()).ok()
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
    // An answer to something that has no number here is shown without its tie.
    let answered = part.reply.as_ref().and_then(|reply| message_id(&reply.native).ok());
    // What Telegram does not take is left out; the text matters more.
    let fits = |button: &&Button| {
        let payload_fits = (1..=BUTTON_PAYLOAD_BYTES_MAX).contains(&button.payload.len());
        !button.label.is_empty() && payload_fits
    };
    let row = |button: &Button| wire::button_row(&button.label, &button.payload);
    let rows = part.buttons.iter().filter(fits).map(row).collect();
    Ok(wire::send_message(chat_id, checked(&part.text)?, answered, rows))
}
