//! Telegram's updates -> [`Inbound`].
//!
//! Not the polling. Invariants: any bytes give an [`Arrival`] or a refusal, never a panic; what
//! bots say is not read (it would come back for ever); a file is noted, not fetched here.

use super::wire;
use crate::bot_api::handles::Handles;
use crate::bot_api::{marks, things};
use crate::hooks::malformed;
use crate::wire_text::{Span, cut_marked, inside, joined};
use ieum_core::ids::{ChatKey, EventKey, NativeMessageId, UserKey};
use ieum_core::inbound::{
    Arrival, ChatRef, FileKind, FileNote, Inbound, InboundKind, InboundMessage, Sender,
};
use ieum_core::network::ChatKind;
use ieum_core::ports::connector::HookRefusal;
use ieum_core::time::Timestamp;

/// Latest time that an update may carry (end of the year 9999).
const UPDATE_TIME_MS_MAX: i64 = 253_402_300_799_999;

/// Who we are: needed to know our own mentions and our own joining.
#[derive(Debug, Clone, Copy)]
pub struct Us<'a> {
    /// Our user id, the number in front of the bot token.
    pub id: i64,
    /// Our user name without `@`, once it is known.
    pub name: Option<&'a str>,
    /// Which users have which names; without it nobody is called by theirs.
    pub handles: Option<&'a Handles>,
}

/// A field that cannot be used.
type Complaint = &'static str;

/// Reads the body of a genuine webhook call: one update. `now` dates what Telegram does not date.
///
/// # Errors
/// [`HookRefusal::Malformed`] names the field.
pub fn decode(body: &[u8], us: Us<'_>, now: Timestamp) -> Result<Arrival, HookRefusal> {
    let update: wire::Update =
        serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
    let read = read_update(&update, us, now).map_err(malformed)?;
    let ignored = u32::from(read.is_none());
    Ok(Arrival { events: read.into_iter().collect(), ignored })
}

/// One update, or `None` when it holds nothing of a conversation.
pub(crate) fn read_update(
    update: &wire::Update,
    us: Us<'_>,
    now: Timestamp,
) -> Result<Option<Inbound>, Complaint> {
    let happening = if let Some(message) = &update.message {
        read_message(message, us)
    } else if let Some(message) = &update.edited_message {
        read_edit(message, us)
    } else if let Some(reaction) = &update.message_reaction {
        read_reaction(reaction)
    } else if let Some(callback) = &update.callback_query {
        read_button(callback)
    } else if let Some(change) = &update.my_chat_member {
        read_change(change, true)
    } else {
        update.chat_member.as_ref().and_then(|change| read_change(change, false))
    };
    let placed = happening.and_then(|what| Some((kind_of_chat(what.chat)?, what)));
    let Some((chat_kind, Happening { chat, date, sender, kind })) = placed else {
        return Ok(None);
    };
    let at_ms = date.map_or(Some(now.0), |seconds| seconds.checked_mul(1_000));
    let at_ms = at_ms.filter(|at_ms| (0..=UPDATE_TIME_MS_MAX).contains(at_ms));
    let at = Timestamp(at_ms.ok_or("date is out of range")?);
    let event = EventKey::new(update.update_id.to_string());
    let title = chat.title.clone();
    let chat = ChatRef { key: chat_key(chat.id), kind: chat_kind };
    Ok(Some(Inbound { event, at, chat, title, sender, kind }))
}

/// An update but for its number.
struct Happening<'a> {
    chat: &'a wire::Chat,
    /// In seconds; `None` when Telegram does not date it.
    date: Option<i64>,
    sender: Option<Sender>,
    kind: InboundKind,
}

fn chat_key(id: i64) -> ChatKey {
    ChatKey::new(id.to_string())
}

fn native(id: i64) -> NativeMessageId {
    NativeMessageId::new(id.to_string())
}

fn kind_of_chat(chat: &wire::Chat) -> Option<ChatKind> {
    match &*chat.kind {
        "private" => Some(ChatKind::Direct),
        "group" | "supergroup" | "channel" => Some(ChatKind::Group),
        _ => None,
    }
}

fn sender(id: i64, name: Option<Box<str>>) -> Sender {
    Sender { key: UserKey::new(id.to_string()), name: name.filter(|name| !name.is_empty()) }
}

fn user(user: &wire::User) -> Sender {
    let names = [user.first_name.as_deref(), user.last_name.as_deref()];
    sender(user.id, Some(joined(names, " ").into()))
}

/// Who acts, `Some(None)` when nobody is named; `None` for a bot, whom nobody carries on.
fn actor(chat: Option<&wire::Chat>, by: Option<&wire::User>) -> Option<Option<Sender>> {
    match (chat, by) {
        // A channel, or an administrator who speaks as the group.
        (Some(chat), _) => Some(Some(sender(chat.id, chat.title.clone()))),
        (None, Some(by)) => (!by.is_bot).then(|| Some(user(by))),
        (None, None) => Some(None),
    }
}

fn people(users: &[wire::User]) -> Option<Vec<Sender>> {
    let people: Vec<Sender> = users.iter().filter(|user| !user.is_bot).map(user).collect();
    (!people.is_empty()).then_some(people)
}

fn read_message<'a>(message: &'a wire::Message, us: Us<'_>) -> Option<Happening<'a>> {
    let (sender, kind) = match service_kind(message) {
        Some(kind) => (None, kind),
        None => {
            let sender = actor(message.sender_chat.as_ref(), message.from.as_ref())?;
            if let (Some(handles), Some(from)) = (us.handles, &message.from) {
                handles.learn(from);
            }
            (sender, InboundKind::Message(read_said(message, us)?))
        }
    };
    Some(Happening { chat: &message.chat, date: Some(message.date), sender, kind })
}

/// People who came or went, and the group's change of id.
fn service_kind(message: &wire::Message) -> Option<InboundKind> {
    if let Some(to) = message.migrate_to_chat_id {
        return Some(InboundKind::Migrated { to: chat_key(to) });
    }
    if let Some(joined) = people(&message.new_chat_members) {
        return Some(InboundKind::PeopleJoined(joined));
    }
    let left = message.left_chat_member.as_slice();
    people(left).map(InboundKind::PeopleLeft)
}

/// What was said; `None` for a service message.
fn read_said(message: &wire::Message, us: Us<'_>) -> Option<InboundMessage> {
    let file = read_file(message);
    if message.text.is_none() && file.is_none() {
        return None;
    }
    let text = message.text.as_deref().unwrap_or_default();
    let spans = message.entities.iter().filter_map(|entity| our_span(text, entity, us));
    let ours: Vec<Span> = spans.collect();
    let marks = marks::read(text, &message.entities, us.handles);
    let (said, marks) = cut_marked(text.to_owned(), &ours, marks);
    Some(InboundMessage {
        native: native(message.message_id),
        text: if said.is_empty() { things::describe(message) } else { said },
        marks,
        reply_to: reply_to(message),
        mentions_us: !ours.is_empty(),
        file,
        ..InboundMessage::default()
    })
}

/// In a topic every message formally answers the topic's first one; that is no answer.
fn reply_to(message: &wire::Message) -> Option<NativeMessageId> {
    let answered = message.reply_to_message.as_ref()?.message_id;
    let opens_topic = message.is_topic_message && message.message_thread_id == Some(answered);
    (!opens_topic).then(|| native(answered))
}

/// What is to be cut: `@us`, our name as a link, or the end of `/command@us`.
fn our_span(text: &str, entity: &wire::Entity, us: Us<'_>) -> Option<Span> {
    let (start, length) = (entity.offset, entity.length);
    match &*entity.kind {
        "text_mention" => {
            let ours = entity.user.as_ref().is_some_and(|user| user.id == us.id);
            ours.then_some(Span { start, length })
        }
        "mention" | "bot_command" => {
            let said = inside(text, Span { start, length })?;
            let (command, name) = said.split_once('@')?;
            let kept = command.encode_utf16().count() as u64;
            let ours = us.name.is_some_and(|ours| ours.eq_ignore_ascii_case(name));
            ours.then_some(Span { start: start + kept, length: length - kept })
        }
        _ => None,
    }
}

fn read_file(message: &wire::Message) -> Option<FileNote> {
    // The order matters: an animation comes as a document too.
    let files = [
        (FileKind::Sticker, message.sticker.as_ref()),
        (FileKind::Video, message.video.as_ref()),
        (FileKind::Audio, message.audio.as_ref()),
        (FileKind::File, message.document.as_ref()),
        (FileKind::Picture, message.photo.last()),
    ];
    let found = files.into_iter().find_map(|(kind, file)| Some((kind, file?)));
    if let Some((kind, file)) = found {
        return Some(file_note(kind, file));
    }
    let place = message.location.is_some() || message.venue.is_some();
    let other = message.contact.is_some() || message.story.is_some();
    let kind = if place { FileKind::Place } else { FileKind::Other };
    let place_of = things::place_of(message);
    (place || other).then(|| FileNote { place: place_of, ..FileNote::of(kind) })
}

/// A drawing in motion is shown by its still picture: no other network draws it.
fn file_note(kind: FileKind, file: &wire::File) -> FileNote {
    let drawing = file.is_animated && kind == FileKind::Sticker;
    let shown = if drawing { file.thumbnail.as_deref() } else { Some(file) };
    FileNote {
        kind,
        name: file.file_name.as_ref().or(file.emoji.as_ref()).cloned(),
        bytes: shown.and_then(|shown| shown.file_size),
        media_type: shown.and_then(|shown| shown.mime_type.clone()),
        duration_ms: file.duration.map(|seconds| seconds.saturating_mul(1_000)),
        place: shown.and_then(|shown| shown.file_id.clone()),
    }
}

fn read_edit<'a>(message: &'a wire::Message, us: Us<'_>) -> Option<Happening<'a>> {
    // A place that moves, or a poll's count, is no new text.
    message.text.as_ref()?;
    let what = read_message(message, us)?;
    let InboundKind::Message(InboundMessage { native, text, marks, .. }) = what.kind else {
        return None;
    };
    let date = message.edit_date.or(what.date);
    Some(Happening { date, kind: InboundKind::Edit { native, text, marks }, ..what })
}

fn read_reaction(reaction: &wire::MessageReaction) -> Option<Happening<'_>> {
    let sender = actor(reaction.actor_chat.as_ref(), reaction.user.as_ref())?;
    let emoji = standing(&reaction.old_reaction, &reaction.new_reaction);
    let shown_before = reaction.old_reaction.iter().any(|old| old.emoji.is_some());
    if emoji.is_none() && !shown_before {
        return None;
    }
    let kind = InboundKind::Reaction { native: native(reaction.message_id), emoji, own: None };
    Some(Happening { chat: &reaction.chat, date: Some(reaction.date), sender, kind })
}

/// The reaction now standing: a fresh one if there is one, else the last that stayed.
fn standing(old: &[wire::Reaction], new: &[wire::Reaction]) -> Option<Box<str>> {
    let shown = || new.iter().rev().filter(|reaction| reaction.emoji.is_some());
    let fresh = shown().find(|reaction| !old.contains(reaction));
    fresh.or_else(|| shown().next())?.emoji.clone()
}

/// Telegram dates the message with the button, not the tap.
fn read_button(callback: &wire::CallbackQuery) -> Option<Happening<'_>> {
    let chat = &callback.message.as_ref()?.chat;
    let kind = InboundKind::Button { payload: callback.data.clone()? };
    Some(Happening { chat, date: None, sender: Some(user(&callback.from)), kind })
}

/// Whether a member is in, as far as we know the word.
fn is_in(member: &wire::Member) -> Option<bool> {
    match &*member.status {
        "creator" | "administrator" | "member" => Some(true),
        "restricted" => Some(member.is_member.unwrap_or(true)),
        "left" | "kicked" => Some(false),
        _ => None,
    }
}

/// A coming or going, ours or somebody's; `None` when that did not change.
fn read_change(change: &wire::MemberChange, ours: bool) -> Option<Happening<'_>> {
    let now_in = is_in(&change.new_chat_member)?;
    if is_in(&change.old_chat_member) == Some(now_in) {
        return None;
    }
    let who = || people(std::slice::from_ref(&change.new_chat_member.user));
    let kind = match (ours, now_in) {
        (true, true) => InboundKind::WeJoined,
        (true, false) => InboundKind::WeLeft,
        (false, true) => InboundKind::PeopleJoined(who()?),
        (false, false) => InboundKind::PeopleLeft(who()?),
    };
    let sender = (ours && !change.from.is_bot).then(|| user(&change.from));
    Some(Happening { chat: &change.chat, date: Some(change.date), sender, kind })
}
