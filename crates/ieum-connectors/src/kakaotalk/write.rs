//! `Outgoing` -> request: `callback` where a one-time answer token is at hand, else `send_message`.
//!
//! Pure. Invariant: the text of every part is in the request as a whole; what does not fit beside
//! it (buttons, late mentions) is left out, never text.

use super::KakaoTalkConfig;
use super::capabilities::{MENTIONS_PER_SEND_MAX, PARTS_PER_SEND_MAX, TEXT_CHARS_MAX};
use super::wire;
use crate::markup::places;
use crate::verdict::refused;
use ieum_core::inbound::FileKind;
use ieum_core::network::ChatKind;
use ieum_core::outgoing::{Act, Button, Outcome, Outgoing, Part, Scope};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use serde_json::{Map, Value};

/// Most quick replies below a message.
const QUICK_REPLIES_MAX: usize = 10;
/// Most buttons of a card.
const CARD_BUTTONS_MAX: usize = 3;
/// Longest text of a card, in characters.
const CARD_CHARS_MAX: usize = 400;

/// Writes the call that `outgoing` asks for, and counts the parts that its answer speaks for.
///
/// # Errors
/// A refusal when KakaoTalk has no such call; nothing was sent.
pub(super) fn call(
    config: &KakaoTalkConfig,
    outgoing: &Outgoing,
) -> Result<(Request<Bytes>, usize), Outcome> {
    let parts = match &outgoing.act {
        Act::Say(parts) if (1..=PARTS_PER_SEND_MAX).contains(&parts.len()) => parts,
        Act::Say(_) => return Err(refused(Scope::Message, "a call carries one to three parts")),
        Act::Edit { .. } | Act::Withdraw { .. } | Act::React { .. } => {
            return Err(refused(Scope::Message, "a bot can only say something"));
        }
    };
    let (chat, token) = (&outgoing.chat, outgoing.answer_token.as_deref().and_then(header_value));
    let (path, to) = match (&token, chat.kind) {
        (Some(_), _) => (wire::CALLBACK_PATH, None),
        (None, ChatKind::Direct) => (wire::SEND_PATH, Some((wire::TO_USER, chat.key.as_str()))),
        (None, ChatKind::Group) => (wire::SEND_PATH, Some((wire::TO_GROUP, chat.key.as_str()))),
    };
    let mut request = request(config, path, Some(body(parts, chat.kind, to)))
        .ok_or_else(|| refused(Scope::Account, "the API cannot be addressed"))?;
    if let Some(token) = token {
        request.headers_mut().insert(wire::CALLBACK_TOKEN_HEADER, token);
    }
    Ok((request, parts.len()))
}

/// A POST of `body`, or a GET without one. `None` when the address or token cannot be written.
pub(super) fn request(
    config: &KakaoTalkConfig,
    path: &str,
    body: Option<Value>,
) -> Option<Request<Bytes>> {
    let authorization = header_value(&wire::authorization(config.bot_token.expose()))?;
    let address = format!("{}{path}", config.api_url.trim_end_matches('/'));
    let request = Request::builder().uri(address).header(AUTHORIZATION, authorization);
    let Some(body) = body else {
        return request.body(Bytes::new()).ok();
    };
    let request = request.method(Method::POST).header(CONTENT_TYPE, "application/json");
    request.body(body.to_string().into()).ok()
}

/// A header value that logs do not print; `None` when the text holds what no header may.
fn header_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn body(parts: &[Part], kind: ChatKind, to: Option<(&str, &str)>) -> Value {
    if kind == ChatKind::Direct {
        let plain = |part: &Part| wire::simple_text(&shown(&part.text));
        let bubbles =
            parts.iter().map(|part| picture(part).unwrap_or_else(|| plain(part))).collect();
        let taps = buttons(parts, QUICK_REPLIES_MAX);
        let taps = taps.map(|tap| wire::quick_reply(&tap.label, &tap.payload)).collect();
        return wire::send_body(to, bubbles, taps, Map::new());
    }
    let mut mentions = Map::new();
    let mut bubbles: Vec<Value> = parts
        .iter()
        .map(|part| {
            let text = with_calls(part, &mut mentions);
            picture(part).unwrap_or_else(|| wire::simple_text(&text))
        })
        .collect();
    add_card(parts, &mut bubbles);
    wire::send_body(to, bubbles, Vec::new(), mentions)
}

/// The bubble of a picture that KakaoTalk fetches from us.
fn picture(part: &Part) -> Option<Value> {
    let file = part.file.as_ref().filter(|file| file.kind == FileKind::Picture)?;
    Some(wire::simple_image(file.link.as_deref()?, &shown(&file.name)))
}

/// What a person wrote must not be taken for a placeholder of ours, which would notify people:
/// the brace of a look-alike is replaced by its wide form, so that the length stays.
fn shown(text: &str) -> String {
    text.replace("{{#", "{\u{ff5b}#")
}

/// The text with placeholders for those who are called, as far as they fit. Whoever does not fit is
/// not notified; their name stands in the text all the same.
fn with_calls(part: &Part, mentions: &mut Map<String, Value>) -> String {
    let mut room = TEXT_CHARS_MAX.saturating_sub(part.text.chars().count());
    places::with_places(&part.text, &part.marks, shown, |words, user| {
        let name = format!("u{}", mentions.len() + 1);
        let placeholder = wire::mention_placeholder(&name);
        let needed = placeholder.len().saturating_sub(words.chars().count());
        room = room.checked_sub(needed).filter(|_| mentions.len() < MENTIONS_PER_SEND_MAX)?;
        mentions.insert(name, wire::mention(user.as_str()));
        Some(placeholder)
    })
}

fn buttons(parts: &[Part], most: usize) -> impl Iterator<Item = &Button> {
    parts.iter().flat_map(|part| &part.buttons).take(most)
}

/// Rooms show buttons only on a card. A short last bubble that mentions nobody becomes one; else
/// a card that repeats the labels follows, if the call carries one more bubble.
fn add_card(parts: &[Part], bubbles: &mut Vec<Value>) {
    let labels: Vec<&str> =
        buttons(parts, CARD_BUTTONS_MAX).map(|button| button.label.as_str()).collect();
    let (Some(last), false) = (parts.last(), labels.is_empty()) else {
        return;
    };
    if last.file.is_none() && last.marks.is_empty() && last.text.chars().count() <= CARD_CHARS_MAX {
        bubbles.pop();
        bubbles.push(wire::text_card(&shown(&last.text), &labels));
    } else if bubbles.len() < PARTS_PER_SEND_MAX {
        let text: String = labels.join(" · ").chars().take(CARD_CHARS_MAX).collect();
        bubbles.push(wire::text_card(&shown(&text), &labels));
    }
}
