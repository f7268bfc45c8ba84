//! LINE's events -> [`Inbound`].
//!
//! Not the signature: that is proven before anything is read. Invariants: any bytes give an
//! [`Arrival`] or a refusal, never a panic; a kind that we do not know never refuses a call; a
//! broken event of a kind that we do know refuses the whole call, so that it is not lost silently.

use super::wire::{self, EventKind, MessageKind, SourceKind};
use crate::hooks::malformed;
use crate::messaging_api::pin;
use crate::wire_text::{
    ID_BYTES_MAX, QUOTE_BYTES_MAX, Span, bytes_of, cut_marked, into_id, joined,
};
use ieum_core::ids::{ChatKey, EventKey, NativeMessageId, QuoteKey, UserKey};
use ieum_core::inbound::{
    Arrival, ChatRef, EVENTS_PER_ARRIVAL_MAX, FileKind, FileNote, Inbound, InboundKind,
    InboundMessage, Sender,
};
use ieum_core::marks::{MARKS_MAX, Mark, MarkKind, Named};
use ieum_core::network::ChatKind;
use ieum_core::ports::connector::HookRefusal;
use ieum_core::time::Timestamp;

/// Latest time that an event may carry (end of the year 9999).
const EVENT_TIME_MS_MAX: i64 = 253_402_300_799_999;
/// Most keywords of a sticker that are shown.
const STICKER_KEYWORDS_SHOWN_MAX: usize = 3;

/// A field that a known kind needs and that is missing or unusable.
type Complaint = &'static str;

/// Reads the body of a genuine webhook call.
///
/// # Errors
/// [`HookRefusal::Malformed`] names the event and the field.
pub fn decode(body: &[u8]) -> Result<Arrival, HookRefusal> {
    let (events, ignored) = parse(body)?;
    let mut arrival = Arrival { events: Vec::with_capacity(events.len()), ignored };
    for (place, event) in events {
        match read_event(event) {
            Ok(Some(inbound)) => arrival.events.push(inbound),
            Ok(None) => arrival.ignored += 1,
            Err(field) => return Err(malformed(&format!("events[{place}]: {field}"))),
        }
    }
    Ok(arrival)
}

type Placed = (usize, wire::Event);

/// Parses in one go, and only when that fails event by event.
fn parse(body: &[u8]) -> Result<(Vec<Placed>, u32), HookRefusal> {
    match serde_json::from_slice::<wire::Hook>(body) {
        Ok(hook) => {
            check_count(hook.events.len())?;
            Ok((hook.events.into_iter().enumerate().collect(), 0))
        }
        Err(_) => parse_one_by_one(body),
    }
}

fn parse_one_by_one(body: &[u8]) -> Result<(Vec<Placed>, u32), HookRefusal> {
    let hook: wire::RawHook<'_> =
        serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
    check_count(hook.events.len())?;
    let (mut events, mut ignored) = (Vec::new(), 0);
    for (place, raw) in hook.events.into_iter().enumerate() {
        match serde_json::from_str::<wire::Event>(raw.get()) {
            Ok(event) => events.push((place, event)),
            Err(_) if is_unknown(raw.get()) => ignored += 1,
            Err(error) => return Err(malformed(&format!("events[{place}]: {error}"))),
        }
    }
    Ok((events, ignored))
}

fn is_unknown(raw: &str) -> bool {
    serde_json::from_str::<wire::EventKindOnly>(raw)
        .is_ok_and(|event| event.kind == EventKind::Unknown)
}

fn check_count(events: usize) -> Result<(), HookRefusal> {
    if events > EVENTS_PER_ARRIVAL_MAX {
        return Err(malformed(&format!("events: more than {EVENTS_PER_ARRIVAL_MAX}")));
    }
    Ok(())
}

fn read_event(mut event: wire::Event) -> Result<Option<Inbound>, Complaint> {
    if event.mode == wire::Mode::Standby || event.kind == EventKind::Unknown {
        return Ok(None);
    }
    let source = event.source.take().ok_or("source is missing")?;
    let Some((chat, sender)) = read_source(source)? else {
        return Ok(None);
    };
    if !(0..=EVENT_TIME_MS_MAX).contains(&event.timestamp) {
        return Err("timestamp is out of range");
    }
    let at = Timestamp(event.timestamp);
    let key = into_id(event.webhook_event_id.clone(), ID_BYTES_MAX).ok_or("webhookEventId")?;
    let Some(kind) = read_kind(event)? else {
        return Ok(None);
    };
    Ok(Some(Inbound { event: EventKey(key), at, chat, title: None, sender, kind }))
}

/// The chat and who acted there; `None` for a kind of chat that we do not know.
fn read_source(source: wire::Source) -> Result<Option<(ChatRef, Option<Sender>)>, Complaint> {
    let user = source.user_id.map(|id| into_id(id, ID_BYTES_MAX).ok_or("source.userId"));
    let user = user.transpose()?;
    let (key, kind) = match source.kind {
        SourceKind::User => (user.clone().ok_or("source.userId")?, ChatKind::Direct),
        SourceKind::Group => (chat_id(source.group_id, "source.groupId")?, ChatKind::Group),
        SourceKind::Room => (chat_id(source.room_id, "source.roomId")?, ChatKind::Group),
        SourceKind::Unknown => return Ok(None),
    };
    let sender = user.map(|key| Sender { key: UserKey(key), name: None });
    Ok(Some((ChatRef { key: ChatKey(key), kind }, sender)))
}

fn chat_id(id: Option<Box<str>>, field: Complaint) -> Result<Box<str>, Complaint> {
    id.and_then(|id| into_id(id, ID_BYTES_MAX)).ok_or(field)
}

fn read_kind(event: wire::Event) -> Result<Option<InboundKind>, Complaint> {
    Ok(Some(match event.kind {
        EventKind::Message => {
            InboundKind::Message(read_message(event.message.ok_or("message is missing")?)?)
        }
        EventKind::MessageEdited => return read_edit(event.message.ok_or("message is missing")?),
        EventKind::Unsend => {
            let unsend = event.unsend.ok_or("unsend is missing")?;
            InboundKind::Withdrawal { native: native(unsend.message_id, "unsend.messageId")? }
        }
        EventKind::Follow | EventKind::Join => InboundKind::WeJoined,
        EventKind::Unfollow | EventKind::Leave => InboundKind::WeLeft,
        EventKind::MemberJoined => {
            InboundKind::PeopleJoined(people(event.joined.ok_or("joined is missing")?)?)
        }
        EventKind::MemberLeft => {
            InboundKind::PeopleLeft(people(event.left.ok_or("left is missing")?)?)
        }
        EventKind::Postback => {
            let postback = event.postback.ok_or("postback is missing")?;
            InboundKind::Button { payload: postback.data }
        }
        EventKind::Unknown => return Ok(None),
    }))
}

fn native(id: Box<str>, field: Complaint) -> Result<NativeMessageId, Complaint> {
    into_id(id, ID_BYTES_MAX).map(NativeMessageId).ok_or(field)
}

fn people(members: wire::Members) -> Result<Vec<Sender>, Complaint> {
    let ids = members.members.into_iter().filter_map(|member| member.user_id);
    ids.map(|id| {
        let key = into_id(id, ID_BYTES_MAX).ok_or("members[].userId")?;
        Ok(Sender { key: UserKey(key), name: None })
    })
    .collect()
}

fn read_edit(message: wire::Message) -> Result<Option<InboundKind>, Complaint> {
    let Some(text) = message.text else {
        return Ok(None);
    };
    let native = native(message.id, "message.id")?;
    let (text, marks, _) = without_our_mention(text, message.mention.as_ref());
    Ok(Some(InboundKind::Edit { native, text, marks }))
}

fn read_message(message: wire::Message) -> Result<InboundMessage, Complaint> {
    if message.kind == MessageKind::Text && message.text.is_none() {
        return Err("message.text is missing");
    }
    let file = read_file(&message);
    let text = if message.kind == MessageKind::Location {
        (place_text(&message), Vec::new(), false)
    } else {
        let said = message.text.map(|text| without_our_mention(text, message.mention.as_ref()));
        said.unwrap_or_default()
    };
    let reply_to = message.quoted_message_id.map(|id| native(id, "message.quotedMessageId"));
    let quote = message
        .quote_token
        .map(|token| into_id(token, QUOTE_BYTES_MAX).map(QuoteKey).ok_or("message.quoteToken"));
    Ok(InboundMessage {
        native: native(message.id, "message.id")?,
        text: text.0,
        marks: text.1,
        reply_to: reply_to.transpose()?,
        quote: quote.transpose()?,
        answer_token: None,
        mentions_us: text.2,
        file,
    })
}

/// The text without mentions of us, whom else it calls, and whether we were called.
fn without_our_mention(
    text: Box<str>,
    mention: Option<&wire::Mention>,
) -> (String, Vec<Mark<Named>>, bool) {
    let mentionees = mention.map_or(&[][..], |mention| &mention.mentionees);
    let ours: Vec<Span> = mentionees
        .iter()
        .filter(|mentionee| mentionee.is_self)
        .map(|mentionee| Span { start: mentionee.index, length: mentionee.length })
        .collect();
    let others = mentionees.iter().filter(|one| !one.is_self).take(MARKS_MAX);
    let marks = others.filter_map(|one| {
        let user = into_id(one.user_id.clone()?, ID_BYTES_MAX)?;
        let range = bytes_of(&text, Span { start: one.index, length: one.length })?;
        Some(Mark::new(range, MarkKind::Mention(Named::User(UserKey(user)))))
    });
    let marks = marks.collect();
    let (text, marks) = cut_marked(text.into_string(), &ours, marks);
    (text, marks, !ours.is_empty())
}

fn read_file(message: &wire::Message) -> Option<FileNote> {
    let (kind, name) = match message.kind {
        MessageKind::Text => return None,
        MessageKind::Image => (FileKind::Picture, None),
        MessageKind::Video => (FileKind::Video, None),
        MessageKind::Audio => (FileKind::Audio, None),
        MessageKind::File => (FileKind::File, message.file_name.clone()),
        MessageKind::Location => (FileKind::Place, message.title.clone()),
        MessageKind::Sticker => (FileKind::Sticker, sticker_name(message)),
        MessageKind::Unknown => (FileKind::Other, None),
    };
    Some(FileNote {
        kind,
        name,
        bytes: message.file_size,
        media_type: None,
        duration_ms: message.duration.and_then(|ms| u32::try_from(ms).ok()),
        place: place_of(message),
    })
}

/// Where the bytes are: at LINE under the message's id, or where the sender put them.
fn place_of(message: &wire::Message) -> Option<Box<str>> {
    match (message.kind, &message.content_provider) {
        (MessageKind::Image | MessageKind::Video | MessageKind::Audio, Some(provider)) => {
            match provider.kind {
                wire::Provider::Line => Some(message.id.clone()),
                wire::Provider::External => provider.original_content_url.clone(),
                wire::Provider::Unknown => None,
            }
        }
        (
            MessageKind::Image | MessageKind::Video | MessageKind::Audio | MessageKind::File,
            None,
        )
        | (MessageKind::File, Some(_)) => Some(message.id.clone()),
        (MessageKind::Location, _) => pin::place_of(message.latitude.zip(message.longitude)),
        (MessageKind::Text | MessageKind::Sticker, _) | (MessageKind::Unknown, _) => None,
    }
}

fn sticker_name(message: &wire::Message) -> Option<Box<str>> {
    let keywords = message.keywords.as_deref().unwrap_or_default();
    let shown = keywords.get(..STICKER_KEYWORDS_SHOWN_MAX).unwrap_or(keywords);
    (!shown.is_empty()).then(|| shown.join(", ").into())
}

/// Title, address and coordinates, a line each.
fn place_text(message: &wire::Message) -> String {
    let place = message.latitude.zip(message.longitude);
    let place = place.map(|(latitude, longitude)| format!("{latitude}, {longitude}"));
    joined([message.title.as_deref(), message.address.as_deref(), place.as_deref()], "\n")
}
