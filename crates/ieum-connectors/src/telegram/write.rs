//! [`Outgoing`] -> one call of the Bot API.
//!
//! Invariant: the token stands in the address only, and no address leaves this folder in a reason
//! or a log.

use super::capabilities::{BUTTON_PAYLOAD_BYTES_MAX, TEXT_UTF16_MAX};
use super::wire;
use crate::api_base::ApiBase;
use crate::wire_text::utf16_length;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request};
use ieum_core::ids::NativeMessageId;
use ieum_core::outgoing::{Act, Button, Outgoing, Part, Scope};
use serde_json::{Value, json};

/// Why something cannot be said on Telegram at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsendable {
    pub(super) scope: Scope,
    pub(super) reason: &'static str,
}

type Call = Result<Request<Bytes>, Unsendable>;

fn message(reason: &'static str) -> Unsendable {
    Unsendable { scope: Scope::Message, reason }
}

/// The address that all methods of one bot stand under. It holds the token.
pub(super) struct Methods(ApiBase);

impl Methods {
    /// `None` when the token cannot stand in an address.
    pub(super) fn new(api_url: &str, token: &str) -> Option<Self> {
        let api = ApiBase::new(api_url)?;
        ApiBase::new(&api.join(&format!("/bot{token}"))?.to_string()).map(Self)
    }

    /// The one request that does `outgoing`.
    pub(super) fn act(&self, outgoing: &Outgoing) -> Call {
        let chat_id = outgoing.chat.key.as_str().parse().map_err(|_| Unsendable {
            scope: Scope::Recipient,
            reason: "the chat id is not a number of Telegram's",
        })?;
        match &outgoing.act {
            Act::Say(parts) => self.call("sendMessage", &send_message(chat_id, parts)?),
            Act::Edit { target, text } => {
                let body = wire::edit_message(chat_id, message_id(target)?, checked(text)?);
                self.call("editMessageText", &body)
            }
            Act::Withdraw { target } => {
                self.call("deleteMessage", &wire::delete_message(chat_id, message_id(target)?))
            }
            Act::React { target, emoji } => {
                let body = wire::set_reaction(chat_id, message_id(target)?, emoji.as_deref());
                self.call("setMessageReaction", &body)
            }
        }
    }

    /// Asks for what happened since `offset`, and waits up to `timeout_s` for it.
    pub(super) fn updates(&self, offset: Option<i64>, limit: usize, timeout_s: u64) -> Call {
        self.call("getUpdates", &wire::get_updates(offset, limit, timeout_s))
    }

    /// Asks who we are.
    pub(super) fn us(&self) -> Call {
        self.call("getMe", &json!({}))
    }

    fn call(&self, method: &str, body: &Value) -> Call {
        let uri = self.0.join(&format!("/{method}")).ok_or(message("not an address"))?;
        let mut request = Request::new(Bytes::from(body.to_string()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        Ok(request)
    }
}

impl std::fmt::Debug for Methods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Methods(..)")
    }
}

fn message_id(id: &NativeMessageId) -> Result<i64, Unsendable> {
    id.as_str().parse().map_err(|_| message("the message id is not a number of Telegram's"))
}

fn checked(text: &str) -> Result<&str, Unsendable> {
    if text.is_empty() || utf16_length(text) > TEXT_UTF16_MAX {
        return Err(message("a text has 1 to 4096 UTF-16 units"));
    }
    Ok(text)
}

fn send_message(chat_id: i64, parts: &[Part]) -> Result<Value, Unsendable> {
    let [part] = parts else {
        return Err(message("a call carries one message"));
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
