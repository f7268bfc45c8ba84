//! KakaoTalk's events -> `Inbound`, the same for webhook bodies and gateway frames.
//!
//! Pure; takes any bytes and never panics. Invariant: a message whose room and bytes can be read
//! is never dropped for a missing extra (id, time, author): what is missing is made up for, so
//! that a repetition is still recognised.

use super::wire::{Envelope, Event, EventUser, Hello, Ready, op};
use ieum_core::ids::{ChatKey, EventKey, NativeMessageId, UserKey};
use ieum_core::inbound::{
    Arrival, ChatRef, FileKind, FileNote, Inbound, InboundKind, InboundMessage, Sender,
};
use ieum_core::network::ChatKind;
use ieum_core::time::Timestamp;

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Longest event id that is kept as it is; a longer one is kept by its hash.
pub const EVENT_ID_BYTES_MAX: usize = 40;
/// Bytes of a hash that stand in for a missing id.
const HASH_BYTES: usize = 16;

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
pub enum Malformed {
    /// Not JSON, not UTF-8, nested too deeply or cut off, or a field has the wrong type.
    #[error("the body is not an event frame")]
    Frame,
    /// The event's own body is missing or a field in it has the wrong type.
    #[error("d is not an event")]
    Event,
    /// The event does not say in which room it happened.
    #[error("d has no botGroupKey")]
    NoRoom,
    /// The event does not say who it is about.
    #[error("d has no botUserKey")]
    NoUser,
}

/// What the gateway said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerFrame {
    /// The greeting; how often it wants a heartbeat.
    Hello {
        /// As told; not yet held to any bounds.
        interval_ms: u64,
    },
    /// We are known; a session began.
    Ready {
        /// By which it can be resumed.
        session: Box<str>,
        /// The bot's display name, where it is told.
        bot_name: Option<Box<str>>,
    },
    /// A heartbeat was answered.
    HeartbeatAck,
    /// Something happened. What cannot be read still has its place in the stream.
    Event {
        /// That place.
        seq: Option<u64>,
        /// What it says.
        arrival: Result<Arrival, Malformed>,
    },
    /// An operation that we do not know.
    Other,
}

/// Reads one frame of the gateway.
///
/// # Errors
/// [`Malformed`] when not even the outside of the frame can be read.
pub fn decode_frame(text: &str, reading: Reading<'_>) -> Result<ServerFrame, Malformed> {
    let frame: Envelope<'_> = serde_json::from_str(text).map_err(|_| Malformed::Frame)?;
    let body = frame.d.map_or("null", |d| d.get());
    match frame.op {
        Some(op::HELLO) => {
            let hello: Hello = serde_json::from_str(body).map_err(|_| Malformed::Event)?;
            Ok(ServerFrame::Hello {
                interval_ms: hello.heartbeat_interval,
            })
        }
        Some(op::READY) => {
            let ready: Ready = serde_json::from_str(body).map_err(|_| Malformed::Event)?;
            let bot_name = ready.bot.and_then(|bot| bot.name);
            Ok(ServerFrame::Ready {
                session: ready.session_id,
                bot_name,
            })
        }
        Some(op::HEARTBEAT_ACK) => Ok(ServerFrame::HeartbeatAck),
        Some(op::DISPATCH) => Ok(ServerFrame::Event {
            seq: frame.s,
            arrival: decode_event(frame.t.as_deref(), body, reading),
        }),
        Some(_) => Ok(ServerFrame::Other),
        None => Err(Malformed::Frame),
    }
}

/// Reads one webhook body.
///
/// # Errors
/// [`Malformed`] when it is not an event frame or a known event lacks its room.
pub fn decode(body: &[u8], reading: Reading<'_>) -> Result<Arrival, Malformed> {
    let frame: Envelope<'_> = serde_json::from_slice(body).map_err(|_| Malformed::Frame)?;
    decode_event(
        frame.t.as_deref(),
        frame.d.map_or("null", |d| d.get()),
        reading,
    )
}

/// Reads one event of type `kind` with the JSON text of its body; the type also stands in some
/// bodies.
///
/// # Errors
/// [`Malformed`] as for [`decode`].
pub fn decode_event(
    kind: Option<&str>,
    body: &str,
    reading: Reading<'_>,
) -> Result<Arrival, Malformed> {
    if kind.is_some_and(|kind| !is_known(kind)) {
        return Ok(Arrival {
            events: Vec::new(),
            ignored: 1,
        });
    }
    let event: Event<'_> = serde_json::from_str(body).map_err(|_| Malformed::Event)?;
    let kind = kind
        .or(event.kind.as_deref())
        .ok_or(Malformed::Event)?
        .to_owned();
    match inbound(&kind, event, reading)? {
        Some(event) => Ok(Arrival {
            events: vec![event],
            ignored: 0,
        }),
        None => Ok(Arrival {
            events: Vec::new(),
            ignored: 1,
        }),
    }
}

fn is_known(kind: &str) -> bool {
    matches!(kind, "MESSAGE_CREATE" | "ENTRANCE" | "CHAT_JOIN" | "LEAVE")
}

/// `None` for a type that the hub has no use for.
fn inbound(
    kind: &str,
    event: Event<'_>,
    reading: Reading<'_>,
) -> Result<Option<Inbound>, Malformed> {
    if !is_known(kind) {
        return Ok(None);
    }
    let chat = chat_of(&event)?;
    let at = event.timestamp.as_deref().and_then(timestamp);
    let key = event_key(kind, &event, &chat, at);
    let sender = sender_of(kind, &event);
    let kind = match kind {
        "ENTRANCE" => InboundKind::WeJoined,
        "LEAVE" => InboundKind::WeLeft,
        "CHAT_JOIN" => InboundKind::PeopleJoined(vec![sender.clone().ok_or(Malformed::NoUser)?]),
        _ => InboundKind::Message(message(event, &key, &chat, reading)),
    };
    Ok(Some(Inbound {
        event: key,
        at: at.unwrap_or(reading.received_at),
        chat,
        title: None,
        sender,
        kind,
    }))
}

/// A channel chat is known by its one person, any other chat by its own key.
fn chat_of(event: &Event<'_>) -> Result<ChatRef, Malformed> {
    let (kind, key, missing) = if event.is_channel_chatroom == Some(true) {
        (
            ChatKind::Direct,
            event.bot_user_key.as_deref(),
            Malformed::NoUser,
        )
    } else {
        (
            ChatKind::Group,
            event.bot_group_key.as_deref(),
            Malformed::NoRoom,
        )
    };
    let key = key.filter(|key| !key.is_empty()).ok_or(missing)?;
    Ok(ChatRef {
        key: ChatKey::new(key),
        kind,
    })
}

/// KakaoTalk names nobody: a person is their key.
fn sender_of(kind: &str, event: &Event<'_>) -> Option<Sender> {
    let key_of = |user: &Option<EventUser>| user.as_ref().and_then(|u| u.bot_user_key.clone());
    let key = match kind {
        "ENTRANCE" => key_of(&event.inviter),
        "CHAT_JOIN" => key_of(&event.user),
        _ => event.bot_user_key.clone(),
    };
    key.filter(|key| !key.is_empty()).map(|key| Sender {
        key: UserKey::new(key),
        name: None,
    })
}

fn message(
    event: Event<'_>,
    key: &EventKey,
    chat: &ChatRef,
    reading: Reading<'_>,
) -> InboundMessage {
    let native = match plain_id(&event) {
        Some(id) => NativeMessageId::new(id),
        None => NativeMessageId::new(key.as_str()),
    };
    let file = event.content.is_none().then_some(FileNote {
        kind: FileKind::Other,
        name: None,
        bytes: None,
    });
    InboundMessage {
        native,
        text: without_mention(event.content.unwrap_or_default(), reading.bot_name),
        reply_to: None,
        quote: None,
        answer_token: event.callback_token.filter(|token| !token.is_empty()),
        mentions_us: chat.kind == ChatKind::Group,
        file,
    }
}

/// Takes `@name` off the front. KakaoTalk mostly does so itself, in open chats it does not.
fn without_mention(text: String, bot_name: Option<&str>) -> String {
    let Some(name) = bot_name.filter(|name| !name.is_empty()) else {
        return text;
    };
    let rest = text
        .trim_start()
        .strip_prefix('@')
        .and_then(|rest| rest.strip_prefix(name));
    match rest {
        Some(rest) if rest.is_empty() || rest.starts_with(char::is_whitespace) => {
            rest.trim_start().to_owned()
        }
        _ => text,
    }
}

/// The network's id followed by the chat (nothing says that ids are unique across chats), or, for
/// events without an id, their time followed by a hash of what tells them apart. Both grow with
/// time.
fn event_key(kind: &str, event: &Event<'_>, chat: &ChatRef, at: Option<Timestamp>) -> EventKey {
    if let Some(id) = plain_id(event) {
        return EventKey::new(format!("{id}@{}", chat.key.as_str()));
    }
    let user = event.user.as_ref().or(event.inviter.as_ref());
    let mut hash = Sha256::new();
    for field in [
        Some(kind),
        event.id.map(|id| id.get()),
        event.timestamp.as_deref(),
        event.bot_group_key.as_deref(),
        event.bot_user_key.as_deref(),
        user.and_then(|user| user.bot_user_key.as_deref()),
        event.content.as_deref(),
    ] {
        let field = field.unwrap_or_default().as_bytes();
        hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(field);
    }
    let mut key = format!("t{:013}-", at.unwrap_or_default().0);
    for byte in hash.finalize().iter().take(HASH_BYTES) {
        // Writing to a String cannot fail.
        write!(key, "{byte:02x}").unwrap_or_default();
    }
    EventKey::new(key)
}

/// The id as it is written, if it is a whole number (quoted or not) of a bearable length.
fn plain_id<'a>(event: &Event<'a>) -> Option<&'a str> {
    let id = event.id?.get().trim_matches('"');
    let digits = id.strip_prefix('-').unwrap_or(id);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && id.len() <= EVENT_ID_BYTES_MAX).then_some(id)
}

/// RFC 3339 with up to nanoseconds -> milliseconds, rounded down.
fn timestamp(text: &str) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let ms = moment.unix_timestamp_nanos().div_euclid(1_000_000);
    i64::try_from(ms).ok().map(Timestamp)
}
