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
use http::{HeaderValue, Method, Request, Uri};
use ieum_core::ids::NativeMessageId;
use ieum_core::outgoing::{Act, Button, Outgoing, Part, Scope};
use serde::Serialize;

/// Why something cannot be said on Telegram at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsendable {
    pub(super) scope: Scope,
    pub(super) reason: &'static str,
}

fn message(reason: &'static str) -> Unsendable {
    Unsendable { scope: Scope::Message, reason }
}

/// The addresses of the methods that are called; made once.
pub(super) struct Methods {
    send: Uri,
    edit: Uri,
    delete: Uri,
    react: Uri,
    updates: Uri,
    us: Uri,
}

impl Methods {
    /// `None` when the token cannot stand in an address.
    pub(super) fn new(base: &ApiBase, token: &str) -> Option<Self> {
        let method = |name: &str| base.join(&format!("/bot{token}/{name}"));
        Some(Self {
            send: method("sendMessage")?,
            edit: method("editMessageText")?,
            delete: method("deleteMessage")?,
            react: method("setMessageReaction")?,
            updates: method("getUpdates")?,
            us: method("getMe")?,
        })
    }

    /// The one request that does `outgoing`.
    pub(super) fn act(&self, outgoing: &Outgoing) -> Result<Request<Bytes>, Unsendable> {
        let chat_id = outgoing.chat.key.as_str().parse().map_err(|_| Unsendable {
            scope: Scope::Recipient,
            reason: "the chat id is not a number of Telegram's",
        })?;
        let change = |target: &NativeMessageId| {
            let message_id = message_id(target)?;
            let change = wire::ChangeMessage { chat_id, message_id, ..Default::default() };
            Ok::<_, Unsendable>(change)
        };
        match &outgoing.act {
            Act::Say(parts) => post(&self.send, &send_message(chat_id, parts)?),
            Act::Withdraw { target } => post(&self.delete, &change(target)?),
            Act::Edit { target, text } => {
                let (text, link_preview_options) = (Some(checked(text)?), Some(NO_PREVIEW));
                let change = change(target)?;
                post(&self.edit, &wire::ChangeMessage { text, link_preview_options, ..change })
            }
            Act::React { target, emoji } => {
                let emoji = emoji.as_deref();
                let reaction = emoji.map(|emoji| wire::EmojiReaction { kind: "emoji", emoji });
                let reaction = Some(reaction.into_iter().collect());
                post(&self.react, &wire::ChangeMessage { reaction, ..change(target)? })
            }
        }
    }

    /// Asks for what happened since `offset`, and waits up to `timeout_s` for it.
    pub(super) fn updates(
        &self,
        offset: Option<i64>,
        limit: usize,
        timeout_s: u64,
    ) -> Result<Request<Bytes>, Unsendable> {
        let wanted = &wire::UPDATES_WANTED;
        post(
            &self.updates,
            &wire::GetUpdates { offset, limit, timeout: timeout_s, allowed_updates: wanted },
        )
    }

    /// Asks who we are.
    pub(super) fn us(&self) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = self.us.clone();
        request
    }
}

impl std::fmt::Debug for Methods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Methods(..)")
    }
}

fn post(uri: &Uri, body: &impl Serialize) -> Result<Request<Bytes>, Unsendable> {
    let body = serde_json::to_vec(body).map_err(|_| message("the call has no JSON form"))?;
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.clone();
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(request)
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

const NO_PREVIEW: wire::LinkPreviewOptions = wire::LinkPreviewOptions { is_disabled: true };

fn send_message(chat_id: i64, parts: &[Part]) -> Result<wire::SendMessage<'_>, Unsendable> {
    let [part] = parts else {
        return Err(message("a call carries one message"));
    };
    // An answer to something that has no number here is shown without its tie.
    let answered = part.reply.as_ref().and_then(|reply| message_id(&reply.native).ok());
    Ok(wire::SendMessage {
        chat_id,
        text: checked(&part.text)?,
        link_preview_options: NO_PREVIEW,
        reply_parameters: answered.map(|message_id| wire::ReplyParameters {
            message_id,
            allow_sending_without_reply: true,
        }),
        reply_markup: keyboard(&part.buttons),
    })
}

/// One button a row. What Telegram does not take is left out; the text matters more.
fn keyboard(buttons: &[Button]) -> Option<wire::InlineKeyboardMarkup<'_>> {
    let fits = |button: &&Button| {
        let payload_fits = (1..=BUTTON_PAYLOAD_BYTES_MAX).contains(&button.payload.len());
        !button.label.is_empty() && payload_fits
    };
    let inline_keyboard: Vec<_> = buttons.iter().filter(fits).map(row).collect();
    (!inline_keyboard.is_empty()).then_some(wire::InlineKeyboardMarkup { inline_keyboard })
}

fn row(button: &Button) -> [wire::InlineKeyboardButton<'_>; 1] {
    [wire::InlineKeyboardButton { text: &button.label, callback_data: &button.payload }]
}
