//! [`Outgoing`] -> a push of LINE.
//!
//! Every message goes by push with a retry key, never by reply token: a reply cannot be repeated
//! safely. Invariant: a request that LINE's documented limits forbid never leaves.

use super::capabilities::{
    BUTTON_LABEL_UTF16_MAX, BUTTON_PAYLOAD_UTF16_MAX, BUTTONS_MAX, ICON_URL_BYTES_MAX,
    MENTIONS_MAX, PARTS_PER_PUSH_MAX, SENDER_NAME_UTF16_MAX, TEXT_UTF16_MAX, URL_BYTES_MAX,
};
use super::wire;
use crate::api_base::ApiBase;
use crate::files::open::Source;
use crate::markup::places;
use crate::messaging_api::pin;
use crate::wire_text::{first_utf16, utf16_length, uuid};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use ieum_core::ids::UserKey;
use ieum_core::inbound::ChatRef;
use ieum_core::inbound::FileKind;
use ieum_core::network::ChatKind;
use ieum_core::outgoing::{Act, Button, Outgoing, Part, PartFile};
use ieum_core::ports::http::Reach;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Why something cannot be said on LINE at all.
pub(super) type Unsendable = &'static str;

/// Where requests go and what they carry for proof; made once.
#[derive(Debug)]
pub(super) struct Address {
    push: Uri,
    bot_info: Uri,
    base: ApiBase,
    /// Where the bytes of messages are.
    content: ApiBase,
    authorization: HeaderValue,
}

impl Address {
    /// `authorization` is what [`bearer`](crate::api_base::bearer) made.
    pub(super) fn new(
        base: &ApiBase,
        content: ApiBase,
        authorization: HeaderValue,
    ) -> Option<Self> {
        Some(Self {
            push: base.join(wire::PUSH_PATH)?,
            bot_info: base.join(wire::BOT_INFO_PATH)?,
            base: base.clone(),
            content,
            authorization,
        })
    }

    /// The one request that says `outgoing`.
    pub(super) fn push(&self, outgoing: &Outgoing) -> Result<Request<Bytes>, Unsendable> {
        let body = push_body(outgoing)?;
        let key = HeaderValue::try_from(uuid(outgoing.key)).map_err(|_| "retry key")?;
        let mut request = self.request(Method::POST, self.push.clone(), body);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static(wire::RETRY_KEY_HEADER), key);
        Ok(request)
    }

    /// Asks who we are.
    pub(super) fn bot_info(&self) -> Request<Bytes> {
        self.request(Method::GET, self.bot_info.clone(), Bytes::new())
    }

    /// Asks for a profile; `None` when the ids cannot stand in a path.
    pub(super) fn profile(&self, chat: &ChatRef, user: &UserKey) -> Option<Request<Bytes>> {
        let (room, user) = (chat.key.as_str(), user.as_str());
        let plain = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain(room) || !plain(user) {
            return None;
        }
        let path = match (chat.kind, room.starts_with('R')) {
            (ChatKind::Direct, _) => format!("profile/{user}"),
            (ChatKind::Group, false) => format!("group/{room}/member/{user}"),
            (ChatKind::Group, true) => format!("room/{room}/member/{user}"),
        };
        let uri = self.base.join(&format!("/v2/bot/{path}"))?;
        Some(self.request(Method::GET, uri, Bytes::new()))
    }

    /// Where the bytes of a message are: at LINE by its id, or at an address of the sender's.
    pub(super) fn file(&self, place: &str) -> Option<Source> {
        if !place.bytes().all(|byte| byte.is_ascii_digit()) {
            return Source::named_by_stranger(place);
        }
        let uri = self.content.join(&format!("/v2/bot/message/{place}/content"))?;
        let authorization = Some(self.authorization.clone());
        Some(Source { uri, authorization, reach: Reach::Anywhere })
    }

    fn request(&self, method: Method, uri: Uri, body: Bytes) -> Request<Bytes> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        request
    }
}

fn push_body(outgoing: &Outgoing) -> Result<Bytes, Unsendable> {
    let parts = match &outgoing.act {
        Act::Say(parts) => parts,
        Act::Edit { .. } => return Err("LINE has no editing by an official account"),
        Act::Withdraw { .. } => return Err("LINE has no unsending by an official account"),
        Act::React { .. } => return Err("LINE has no reactions by an official account"),
    };
    if !(1..=PARTS_PER_PUSH_MAX).contains(&parts.len()) {
        return Err("a push carries one to five messages");
    }
    let messages = parts.iter().map(message).collect::<Result<_, _>>()?;
    let push = wire::Push { to: outgoing.chat.key.as_str(), messages };
    serde_json::to_vec(&push).map(Bytes::from).map_err(|_| "the push has no JSON form")
}

fn message(part: &Part) -> Result<wire::PushedMessage<'_>, Unsendable> {
    match (&part.file, &part.place) {
        (Some(file), _) => file_message(part, file).map(wire::PushedMessage::File),
        (None, Some(place)) => {
            Ok(wire::PushedMessage::Place(pin::message(place, shown_sender(part))))
        }
        (None, None) => text_message(part).map(wire::PushedMessage::Text),
    }
}

/// What stands in for a length that nobody told: LINE shows it until the sound is played.
const DURATION_MS_UNKNOWN: u32 = 1_000;

fn file_message<'p>(
    part: &'p Part,
    file: &'p PartFile,
) -> Result<wire::FileMessage<'p>, Unsendable> {
    let usable = |url: &Option<String>| {
        url.as_ref().is_some_and(|url| url.starts_with("https://") && url.len() <= URL_BYTES_MAX)
    };
    if !usable(&file.link) || !usable(&file.preview) {
        return Err("a file needs a public https address");
    }
    let (kind, duration) = match file.kind {
        FileKind::Picture => ("image", None),
        FileKind::Video => ("video", None),
        FileKind::Audio => ("audio", Some(file.duration_ms.unwrap_or(DURATION_MS_UNKNOWN))),
        FileKind::File | FileKind::Sticker | FileKind::Place | FileKind::Other => {
            return Err("LINE has no messages for files of this kind");
        }
    };
    Ok(wire::FileMessage {
        kind,
        original_content_url: file.link.as_deref().unwrap_or_default(),
        preview_image_url: file.preview.as_deref().filter(|_| duration.is_none()),
        duration,
        quick_reply: quick_reply(&part.buttons),
        sender: shown_sender(part),
    })
}

fn text_message(part: &Part) -> Result<wire::TextMessage<'_>, Unsendable> {
    if part.text.is_empty() || utf16_length(&part.text) > TEXT_UTF16_MAX {
        return Err("a text has 1 to 5000 UTF-16 units");
    }
    let quote = part.reply.as_ref().and_then(|reply| reply.quote.as_ref());
    let (text, substitution) =
        with_calls(part).unwrap_or((Cow::from(&*part.text), BTreeMap::new()));
    Ok(wire::TextMessage {
        kind: if substitution.is_empty() { "text" } else { "textV2" },
        text,
        substitution,
        quote_token: quote.map(|quote| quote.as_str()),
        quick_reply: quick_reply(&part.buttons),
        sender: shown_sender(part),
    })
}

type Substituted<'p> = (Cow<'p, str>, BTreeMap<String, Value>);

/// The text with places for those who are called; `None` where nobody is, or where it would be too
/// long: then their names stand in it as they are.
fn with_calls(part: &Part) -> Option<Substituted<'_>> {
    let mut places = BTreeMap::new();
    for user in part.marks.iter().filter_map(|mark| mark.kind.called()).take(MENTIONS_MAX) {
        places.insert(format!("u{}", places.len()), wire::mention(user.as_str()));
    }
    let mut number = 0..places.len();
    let place = |_: &str, _: &UserKey| Some(format!("{{u{}}}", number.next()?));
    let text = places::with_places(&part.text, &part.marks, places::doubled, place);
    let fits = number.is_empty() && utf16_length(&text) <= TEXT_UTF16_MAX;
    (!places.is_empty() && fits).then_some((Cow::Owned(text), places))
}

/// Buttons that LINE does not take are left out; the text matters more.
fn quick_reply(buttons: &[Button]) -> Option<Value> {
    let fits = |button: &&Button| {
        !button.label.is_empty() && utf16_length(&button.payload) <= BUTTON_PAYLOAD_UTF16_MAX
    };
    let item = |button: &Button| {
        let label = first_utf16(&button.label, BUTTON_LABEL_UTF16_MAX);
        wire::quick_reply_item(&label, &button.payload, &button.label)
    };
    let items: Vec<_> = buttons.iter().filter(fits).take(BUTTONS_MAX).map(item).collect();
    wire::quick_reply(&items)
}

/// The author as LINE shows them. LINE refuses names that hold its own; the message matters more.
fn shown_sender(part: &Part) -> Option<wire::ShownSender<'_>> {
    let sender = part.sender.as_ref()?;
    let name = sender.name.replace("LINE", "L.INE");
    let name = first_utf16(name.trim(), SENDER_NAME_UTF16_MAX);
    let icon_url = sender.icon_url.as_deref();
    let usable = |url: &&str| url.starts_with("https://") && url.len() <= ICON_URL_BYTES_MAX;
    (!name.is_empty()).then(|| wire::ShownSender { name, icon_url: icon_url.filter(usable) })
}
