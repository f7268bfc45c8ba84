//! `Outgoing` -> request: `callback` where a one-time answer token is at hand, `send_message`
//! otherwise.
//!
//! Pure. Invariant: the text of every part is in the request as a whole; what does not fit beside
//! it (buttons, late mentions) is left out, never text.

use super::KakaoTalkConfig;
use super::capabilities::{MENTIONS_PER_SEND_MAX, PARTS_PER_SEND_MAX, TEXT_CHARS_MAX};
use super::wire::{
    AUTHORIZATION_SCHEME, Bubble, CALLBACK_PATH, CALLBACK_TOKEN_HEADER, CardButton, Extra,
    GUIDE_PATH, Mention, QuickReply, SEND_PATH, SendBody, SkillResponse, Template,
};
use ieum_core::network::ChatKind;
use ieum_core::outgoing::{Act, Button, Outcome, Outgoing, Part, Scope};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use std::collections::BTreeMap;

/// Most quick replies below a message.
const QUICK_REPLIES_MAX: usize = 10;
/// Most buttons of a card.
const CARD_BUTTONS_MAX: usize = 3;
/// Longest text of a card, in characters.
const CARD_CHARS_MAX: usize = 400;

/// A request ready to leave, and how many parts its answer speaks for.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) request: Request<Bytes>,
    pub(super) parts: usize,
}

/// Writes the call that `outgoing` asks for.
///
/// # Errors
/// A refusal when KakaoTalk has no such call; nothing was sent.
pub(super) fn call(config: &KakaoTalkConfig, outgoing: &Outgoing) -> Result<Call, Outcome> {
    let parts = match &outgoing.act {
        Act::Say(parts) if parts.is_empty() => return Err(refused("there is nothing to say")),
        Act::Say(parts) if parts.len() > PARTS_PER_SEND_MAX => {
            return Err(refused("more parts than one call carries"));
        }
        Act::Say(parts) => parts,
        Act::Edit { .. } | Act::Withdraw { .. } | Act::React { .. } => {
            return Err(refused("a bot can only say something"));
        }
    };
    let token = outgoing.answer_token.as_deref().and_then(header_value);
    let chat = outgoing.chat.key.as_str();
    let direct = outgoing.chat.kind == ChatKind::Direct;
    let body = SendBody {
        bot_group_key: (token.is_none() && !direct).then_some(chat),
        bot_user_key: (token.is_none() && direct).then_some(chat),
        skill_response: skill_response(parts, outgoing.chat.kind),
    };
    let body = serde_json::to_vec(&body).map_err(|_| refused("it cannot be written as JSON"))?;
    let path = if token.is_some() {
        CALLBACK_PATH
    } else {
        SEND_PATH
    };
    let mut request = request(config, Method::POST, path, body)
        .ok_or_else(|| refused("the API address cannot be called"))?;
    if let Some(token) = token {
        request.headers_mut().insert(CALLBACK_TOKEN_HEADER, token);
    }
    Ok(Call {
        request,
        parts: parts.len(),
    })
}

/// Writes the call for a sign of life. `None` when the API address cannot be called.
pub(super) fn guide(config: &KakaoTalkConfig) -> Option<Request<Bytes>> {
    request(config, Method::GET, GUIDE_PATH, Vec::new())
}

/// A request with the bot's authorization.
fn request(
    config: &KakaoTalkConfig,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Option<Request<Bytes>> {
    let token = format!("{AUTHORIZATION_SCHEME} {}", config.bot_token.expose());
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", config.api_url.trim_end_matches('/')))
        .header(AUTHORIZATION, header_value(&token)?);
    if !body.is_empty() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    request.body(Bytes::from(body)).ok()
}

/// A header value that logs do not print; `None` when the text holds what no header may.
fn header_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn skill_response(parts: &[Part], kind: ChatKind) -> SkillResponse<'_> {
    let mut response = SkillResponse {
        version: "2.0",
        template: Template {
            outputs: Vec::new(),
            quick_replies: Vec::new(),
        },
        extra: None,
    };
    match kind {
        ChatKind::Direct => {
            response.template.outputs = parts.iter().map(|part| text(shown(&part.text))).collect();
            response.template.quick_replies = quick_replies(parts);
        }
        ChatKind::Group => {
            let mut mentions = BTreeMap::new();
            for part in parts {
                let line = mention_line(part, &mut mentions);
                response
                    .template
                    .outputs
                    .push(text(line + &shown(&part.text)));
            }
            add_buttons(parts, &mut response.template.outputs);
            response.extra = (!mentions.is_empty()).then_some(Extra { mentions });
        }
    }
    response
}

fn text(text: String) -> Bubble<'static> {
    Bubble::SimpleText { text }
}

/// What a person wrote must not be taken for a placeholder of ours, which would notify people:
/// the brace of a look-alike is replaced by its wide form, so that the length stays.
fn shown(text: &str) -> String {
    text.replace("{{#", "{\u{ff5b}#")
}

/// The placeholders in front of a part, as many as the text limit leaves room for. Whoever does
/// not fit is not notified; they see the message all the same.
fn mention_line<'a>(part: &'a Part, mentions: &mut BTreeMap<String, Mention<'a>>) -> String {
    let mut room = TEXT_CHARS_MAX.saturating_sub(part.text.chars().count());
    let mut line = String::new();
    for user in &part.mentions {
        let name = format!("u{}", mentions.len() + 1);
        let placeholder = format!("{{{{#mentions.{name}}}}} ");
        if mentions.len() >= MENTIONS_PER_SEND_MAX || placeholder.len() > room {
            break;
        }
        room -= placeholder.len();
        line.push_str(&placeholder);
        mentions.insert(
            name,
            Mention {
                kind: "botUserKey",
                id: user.as_str(),
            },
        );
    }
    line
}

fn buttons(parts: &[Part]) -> impl Iterator<Item = &Button> {
    parts.iter().flat_map(|part| &part.buttons)
}

/// In a channel chat a tap says the payload to us.
fn quick_replies(parts: &[Part]) -> Vec<QuickReply<'_>> {
    buttons(parts)
        .take(QUICK_REPLIES_MAX)
        .map(|button| QuickReply {
            action: "message",
            label: &button.label,
            message_text: &button.payload,
        })
        .collect()
}

/// In a room a tap mentions us with the label. Only a card has buttons: the last bubble becomes
/// one if it is short and mentions nobody, else a card that repeats the labels follows if there
/// is room for one more bubble.
fn add_buttons<'a>(parts: &'a [Part], outputs: &mut Vec<Bubble<'a>>) {
    let shown: Vec<CardButton<'a>> = buttons(parts)
        .take(CARD_BUTTONS_MAX)
        .map(|button| CardButton {
            action: "mention",
            label: &button.label,
        })
        .collect();
    let (Some(last), false) = (parts.last(), shown.is_empty()) else {
        return;
    };
    if last.mentions.is_empty() && last.text.chars().count() <= CARD_CHARS_MAX {
        if let Some(Bubble::SimpleText { text }) = outputs.pop() {
            outputs.push(Bubble::TextCard {
                description: text,
                buttons: shown,
            });
        }
    } else if outputs.len() < PARTS_PER_SEND_MAX {
        let labels: Vec<&str> = shown.iter().map(|button| button.label).collect();
        let description = labels.join(" · ").chars().take(CARD_CHARS_MAX).collect();
        outputs.push(Bubble::TextCard {
            description,
            buttons: shown,
        });
    }
}

fn refused(why: &str) -> Outcome {
    Outcome::Refused {
        scope: Scope::Message,
        moved_to: None,
        reason: why.into(),
    }
}
