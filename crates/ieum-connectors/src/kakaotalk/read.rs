//! KakaoTalk's events -> `Inbound`, the same for webhook bodies and gateway frames.
//!
//! Pure; takes any bytes and never panics. Invariant: a message whose chat can be read is never
//! dropped for a missing extra (id, time, author, text): what is missing is made up for, so that
//! a repetition is still recognised.

use super::wire::{Envelope, Event};
use crate::moment;
use ieum_core::ids::{ChatKey, EventKey, NativeMessageId, UserKey};
use ieum_core::inbound::{
    Arrival, ChatRef, FileKind, FileNote, Inbound, InboundKind, InboundMessage, Sender,
};
use ieum_core::network::ChatKind;
use ieum_core::time::Timestamp;

use sha2::{Digest, Sha256};

/// Longest event id that is kept as it is; a longer one is kept by its hash.
const EVENT_ID_BYTES_MAX: usize = 40;
/// Longest chat or user key that is taken.
const KEY_BYTES_MAX: usize = 255;

/// What reading needs to know beside the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The bot's display name; where it opens a message as a mention it is taken off.
    pub bot_name: Option<&'a str>,
    /// Stands in for the time of an event that tells none.
    pub received_at: Timestamp,
}

/// Why bytes cannot be read; names the field, repeats no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

const NO_FRAME: Malformed = Malformed("the body is not an event frame");
const NO_EVENT: Malformed = Malformed("d is not an event");
const NO_ROOM: Malformed = Malformed("d has no usable botGroupKey");
const NO_USER: Malformed = Malformed("d has no usable botUserKey");

/// Reads one webhook body or gateway dispatch.
///
/// # Errors
/// [`Malformed`] when it is not an event frame, or a known event lacks its chat.
pub fn decode(body: &[u8], reading: Reading<'_>) -> Result<Arrival, Malformed> {
    let frame = serde_json::from_slice(body).map_err(|_| NO_FRAME)?;
    event_of(&frame, reading)
}

/// Reads the event in a frame. Types that the hub has no use for are counted.
pub(super) fn event_of(frame: &Envelope<'_>, reading: Reading<'_>) -> Result<Arrival, Malformed> {
    if frame.t.as_deref().is_some_and(|kind| !is_known(kind)) {
        return Ok(ignored());
    }
    let event: Event<'_> = serde_json::from_str(frame.body()).map_err(|_| NO_EVENT)?;
    let kind = frame.t.clone().or(event.kind.clone());
    let kind = kind.ok_or(NO_EVENT)?;
    if !is_known(&kind) {
        return Ok(ignored());
    }
    let events = vec![inbound(&kind, event, reading)?];
    Ok(Arrival { events, ignored: 0 })
}

/// One event that tells nothing.
pub(super) fn ignored() -> Arrival {
    Arrival { events: Vec::new(), ignored: 1 }
}

fn is_known(kind: &str) -> bool {
    matches!(kind, "MESSAGE_CREATE" | "ENTRANCE" | "CHAT_JOIN" | "LEAVE")
}

fn inbound(kind: &str, event: Event<'_>, reading: Reading<'_>) -> Result<Inbound, Malformed> {
    let chat = chat_of(&event)?;
    let told_at = event.timestamp.as_deref().and_then(moment::from_rfc3339);
    let key = event_key(kind, &event, &chat, told_at);
    let sender = sender_of(&event);
    let kind = match kind {
        "ENTRANCE" => InboundKind::WeJoined,
        "LEAVE" => InboundKind::WeLeft,
        "CHAT_JOIN" => InboundKind::PeopleJoined(vec![sender.clone().ok_or(NO_USER)?]),
        _ => InboundKind::Message(message(event, &key, chat.kind, reading)),
    };
    let at = told_at.unwrap_or(reading.received_at);
    Ok(Inbound { event: key, at, chat, title: None, sender, kind })
}

/// A channel chat is known by its one person, any other chat by its own key.
fn chat_of(event: &Event<'_>) -> Result<ChatRef, Malformed> {
    let (kind, key, missing) = match event.is_channel_chatroom {
        Some(true) => (ChatKind::Direct, &event.bot_user_key, NO_USER),
        _ => (ChatKind::Group, &event.bot_group_key, NO_ROOM),
    };
    let key = key.as_deref().filter(|key| is_key(key)).ok_or(missing)?;
    let key = ChatKey::new(key);
    Ok(ChatRef { key, kind })
}

/// Who spoke, came in or let us in. KakaoTalk names nobody: a person is their key.
fn sender_of(event: &Event<'_>) -> Option<Sender> {
    let nested = event.user.as_ref().or(event.inviter.as_ref());
    let key = nested.map_or(&event.bot_user_key, |user| &user.bot_user_key);
    let key = UserKey::new(key.as_deref().filter(|key| is_key(key))?);
    Some(Sender { key, name: None })
}

fn is_key(key: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&key.len())
}

/// A message without text is one of a kind that bots are not shown.
fn message(
    event: Event<'_>,
    key: &EventKey,
    chat: ChatKind,
    reading: Reading<'_>,
) -> InboundMessage {
    let unseen = FileNote::of(FileKind::Other);
    InboundMessage {
        native: NativeMessageId::new(plain_id(&event).unwrap_or(key.as_str())),
        file: event.content.is_none().then_some(unseen),
        text: without_mention(event.content.unwrap_or_default(), reading.bot_name),
        answer_token: event.callback_token.filter(|token| !token.is_empty()),
        mentions_us: chat == ChatKind::Group,
        ..InboundMessage::default()
    }
}

/// Takes `@name` off the front. KakaoTalk mostly does so itself; in open chats it does not.
fn without_mention(text: String, bot_name: Option<&str>) -> String {
    let Some(name) = bot_name.filter(|name| !name.is_empty()) else {
        return text;
    };
    let rest = text.trim_start().strip_prefix('@').and_then(|rest| rest.strip_prefix(name));
    match rest {
        Some(rest) if rest.is_empty() || rest.starts_with(char::is_whitespace) => {
            rest.trim_start().to_owned()
        }
        _ => text,
    }
}

/// The network's id followed by the chat (nothing says that ids are unique across chats), or, for
/// an event without an id, its time followed by a hash of all that tells it apart. Both grow with
/// time.
fn event_key(
    kind: &str,
    event: &Event<'_>,
    chat: &ChatRef,
    told_at: Option<Timestamp>,
) -> EventKey {
    if let Some(id) = plain_id(event) {
        return EventKey::new(format!("{id}@{}", chat.key.as_str()));
    }
    let nested = event.user.as_ref().or(event.inviter.as_ref());
    let user = nested.and_then(|user| user.bot_user_key.as_deref());
    let (id, content) = (event.id.map(|id| id.get()), &event.content);
    let told = (kind, &chat.key, id, &event.timestamp, &event.bot_user_key, user, content);
    // As JSON no two lists of fields run together.
    let bytes = Sha256::digest(serde_json::to_vec(&told).unwrap_or_default());
    let short = bytes.iter().take(16).fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
    let ms = told_at.unwrap_or_default().0;
    EventKey::new(format!("t{ms:013}-{short:032x}"))
}

/// The id as it is written, if it is a whole number (quoted or not) of a bearable length.
fn plain_id<'a>(event: &Event<'a>) -> Option<&'a str> {
    let id = event.id?.get().trim_matches('"');
    let digits = id.strip_prefix('-').unwrap_or(id);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && id.len() <= EVENT_ID_BYTES_MAX).then_some(id)
}
