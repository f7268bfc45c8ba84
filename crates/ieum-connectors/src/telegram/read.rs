//! Telegram's updates -> [`Inbound`].
//!
//! Not the polling. Invariants: any bytes give an [`Arrival`] or a refusal, never a panic; what
//! bots say is not read (it would come back for ever); a file is noted, not fetched.

use super::wire::{self, ChatType, EntityKind, MemberStatus};
use crate::wire_text::{Span, Text, cut_spans, inside, reason};
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
}

/// A field that cannot be used.
type Complaint = &'static str;

/// Reads the body of a genuine webhook call: one update. `now` dates what Telegram does not date.
///
/// # Errors
/// [`HookRefusal::Malformed`] names the field.
pub fn decode(body: &[u8], us: Us<'_>, now: Timestamp) -> Result<Arrival, HookRefusal> {
    let update: wire::Update<'_> =
        serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
    let read = read_update(update, us, now).map_err(malformed)?;
    let ignored = u32::from(read.is_none());
    Ok(Arrival { events: read.into_iter().collect(), ignored })
}

fn malformed(text: &str) -> HookRefusal {
    HookRefusal::Malformed(reason(text))
}

/// One update, or `None` when it holds nothing of a conversation.
pub(super) fn read_update(
    update: wire::Update<'_>,
    us: Us<'_>,
    now: Timestamp,
) -> Result<Option<Inbound>, Complaint> {
    let event = EventKey::new(update.update_id.to_string());
    let happening = if let Some(message) = update.message.or(update.channel_post) {
        read_message(*message, us)
    } else if let Some(message) = update.edited_message.or(update.edited_channel_post) {
        read_edit(*message, us)
    } else if let Some(reaction) = update.message_reaction {
        read_reaction(*reaction)
    } else if let Some(callback) = update.callback_query {
        read_button(*callback, now)
    } else if let Some(change) = update.my_chat_member {
        read_our_change(*change)
    } else {
        update.chat_member.and_then(|change| read_their_change(*change))
    };
    let Some(Happening { chat, at_ms, sender, kind }) = happening else {
        return Ok(None);
    };
    let Some(kind_of_chat) = kind_of_chat(&chat) else {
        return Ok(None);
    };
    let known = at_ms.filter(|at_ms| (0..=UPDATE_TIME_MS_MAX).contains(at_ms));
    let at = Timestamp(known.ok_or("date is out of range")?);
    let title = chat.title.map(Text::into_box);
    let chat = ChatRef { key: chat_key(chat.id), kind: kind_of_chat };
    Ok(Some(Inbound { event, at, chat, title, sender, kind }))
}

/// An update but for its number.
struct Happening<'a> {
    chat: wire::Chat<'a>,
    /// `None` when the date overflows.
    at_ms: Option<i64>,
    sender: Option<Sender>,
    kind: InboundKind,
}

fn chat_key(id: i64) -> ChatKey {
    ChatKey::new(id.to_string())
}

fn native(id: i64) -> NativeMessageId {
    NativeMessageId::new(id.to_string())
}

fn kind_of_chat(chat: &wire::Chat<'_>) -> Option<ChatKind> {
    match chat.kind {
        ChatType::Private => Some(ChatKind::Direct),
        ChatType::Group | ChatType::Supergroup | ChatType::Channel => Some(ChatKind::Group),
        ChatType::Unknown => None,
    }
}

fn user(user: &wire::User<'_>) -> Sender {
    let names = [&user.first_name, &user.last_name].into_iter().flatten();
    let name = names.map(Text::as_str).collect::<Vec<_>>().join(" ");
    let name = Some(name).filter(|name| !name.is_empty());
    Sender { key: UserKey::new(user.id.to_string()), name: name.map(Into::into) }
}

/// A channel, or an administrator who speaks as the group.
fn chat_as_sender(chat: &wire::Chat<'_>) -> Sender {
    let name = chat.title.as_ref().map(|title| title.as_str().into());
    Sender { key: UserKey::new(chat.id.to_string()), name }
}

/// Who speaks; `Err` for a bot, whom nobody carries on.
fn speaker(message: &wire::Message<'_>) -> Result<Option<Sender>, ()> {
    match (&message.sender_chat, &message.from) {
        (Some(chat), _) => Ok(Some(chat_as_sender(chat))),
        (None, Some(from)) if from.is_bot => Err(()),
        (None, Some(from)) => Ok(Some(user(from))),
        (None, None) => Ok(None),
    }
}

fn people(users: &[wire::User<'_>]) -> Option<Vec<Sender>> {
    let people: Vec<Sender> = users.iter().filter(|user| !user.is_bot).map(user).collect();
    (!people.is_empty()).then_some(people)
}

fn read_message<'a>(message: wire::Message<'a>, us: Us<'_>) -> Option<Happening<'a>> {
    let at_ms = message.date.checked_mul(1_000);
    if let Some(kind) = service_kind(&message) {
        return Some(Happening { chat: message.chat, at_ms, sender: None, kind });
    }
    let sender = speaker(&message).ok()?;
    let (chat, said) = split(message, us);
    Some(Happening { chat, at_ms, sender, kind: InboundKind::Message(said?) })
}

/// People who came or went, and the group's change of id.
fn service_kind(message: &wire::Message<'_>) -> Option<InboundKind> {
    if let Some(to) = message.migrate_to_chat_id {
        return Some(InboundKind::Migrated { to: chat_key(to) });
    }
    if let Some(joined) = message.new_chat_members.as_deref().and_then(people) {
        return Some(InboundKind::PeopleJoined(joined));
    }
    let left = message.left_chat_member.as_ref().filter(|user| !user.is_bot)?;
    Some(InboundKind::PeopleLeft(vec![user(left)]))
}

/// The chat, and what was said unless it was a service message.
fn split<'a>(message: wire::Message<'a>, us: Us<'_>) -> (wire::Chat<'a>, Option<InboundMessage>) {
    let file = read_file(&message);
    let described = describe(&message);
    let reply_to = reply_to(&message);
    let (text, entities) = match (message.text, message.caption) {
        (Some(text), _) => (Some(text), message.entities),
        (None, Some(caption)) => (Some(caption), message.caption_entities),
        (None, None) => (None, None),
    };
    if text.is_none() && file.is_none() {
        return (message.chat, None);
    }
    let entities = entities.unwrap_or_default();
    let (said, mentions_us) =
        text.map(|text| without_our_mention(text, &entities, us)).unwrap_or_default();
    let text = if said.is_empty() { described.unwrap_or_default() } else { said };
    let native = native(message.message_id);
    let said = InboundMessage { native, text, reply_to, mentions_us, file, ..Default::default() };
    (message.chat, Some(said))
}

/// In a topic every message formally answers the topic's first one; that is no answer.
fn reply_to(message: &wire::Message<'_>) -> Option<NativeMessageId> {
    let answered = message.reply_to_message.as_ref()?.message_id;
    let opens_topic = message.is_topic_message && message.message_thread_id == Some(answered);
    (!opens_topic).then(|| native(answered))
}

/// The text without mentions of us, and whether there were any.
fn without_our_mention(
    text: Text<'_>,
    entities: &[wire::Entity<'_>],
    us: Us<'_>,
) -> (String, bool) {
    let ours: Vec<Span> =
        entities.iter().filter_map(|entity| our_span(text.as_str(), entity, us)).collect();
    (cut_spans(text.into_string(), &ours), !ours.is_empty())
}

/// What is to be cut: `@us`, our name as a link, or the end of `/command@us`.
fn our_span(text: &str, entity: &wire::Entity<'_>, us: Us<'_>) -> Option<Span> {
    let whole = Span { start: entity.offset, length: entity.length };
    match entity.kind {
        EntityKind::TextMention => {
            entity.user.as_ref().filter(|user| user.id == us.id).map(|_| whole)
        }
        EntityKind::Mention => {
            let said = inside(text, whole)?;
            is_us(said.strip_prefix('@')?, us).then_some(whole)
        }
        EntityKind::BotCommand => {
            let said = inside(text, whole)?;
            let (command, name) = said.split_once('@')?;
            let kept = command.encode_utf16().count() as u64;
            let tail = Span { start: whole.start + kept, length: whole.length - kept };
            is_us(name, us).then_some(tail)
        }
        EntityKind::Unknown => None,
    }
}

fn is_us(name: &str, us: Us<'_>) -> bool {
    us.name.is_some_and(|ours| ours.eq_ignore_ascii_case(name))
}

fn read_file(message: &wire::Message<'_>) -> Option<FileNote> {
    // The order matters: an animation comes as a document too.
    let files = [
        (FileKind::Sticker, message.sticker.as_ref()),
        (FileKind::Video, message.video.as_ref()),
        (FileKind::Audio, message.audio.as_ref()),
        (FileKind::File, message.document.as_ref()),
        (FileKind::Picture, message.photo.as_ref().and_then(|sizes| sizes.last())),
    ];
    let found = files.into_iter().find_map(|(kind, file)| Some((kind, file?)));
    if let Some((kind, file)) = found {
        let name = file.file_name.as_ref().or(file.emoji.as_ref());
        let name = name.map(|name| name.as_str().into());
        return Some(FileNote { kind, name, bytes: file.file_size });
    }
    let place = message.location.is_some() || message.venue.is_some();
    let other = message.contact.is_some() || message.story.is_some();
    let kind = if place { FileKind::Place } else { FileKind::Other };
    (place || other).then_some(FileNote { kind, name: None, bytes: None })
}

/// Words for what has no text of its own: title and address, or the like, and coordinates.
fn describe(message: &wire::Message<'_>) -> Option<String> {
    let thing =
        message.venue.as_ref().or(message.contact.as_ref()).or(message.location.as_ref())?;
    let mut title = thing.title.as_ref().map_or("", Text::as_str).to_owned();
    let last_name = thing.last_name.as_ref().map(|name| name.as_str().to_owned());
    for more in last_name.into_iter().chain(thing.value.map(|value| value.to_string())) {
        title = format!("{title} {more}");
    }
    let address = thing.address.as_ref().map(|address| address.as_str().to_owned());
    let place = message
        .location
        .as_ref()
        .and_then(|place| Some(format!("{}, {}", place.latitude?, place.longitude?)));
    let lines = [Some(title).filter(|title| !title.is_empty()), address, place];
    Some(lines.into_iter().flatten().collect::<Vec<_>>().join("\n"))
}

fn read_edit<'a>(message: wire::Message<'a>, us: Us<'_>) -> Option<Happening<'a>> {
    // A place that moves, or a poll's count, is no new text.
    if message.text.is_none() && message.caption.is_none() {
        return None;
    }
    let at_ms = message.edit_date.unwrap_or(message.date).checked_mul(1_000);
    let sender = speaker(&message).ok()?;
    let (chat, said) = split(message, us);
    let InboundMessage { native, text, .. } = said?;
    Some(Happening { chat, at_ms, sender, kind: InboundKind::Edit { native, text } })
}

fn read_reaction(reaction: wire::MessageReaction<'_>) -> Option<Happening<'_>> {
    let sender = match (&reaction.user, &reaction.actor_chat) {
        (Some(by), _) if by.is_bot => return None,
        (Some(by), _) => Some(user(by)),
        (None, chat) => chat.as_ref().map(chat_as_sender),
    };
    let emoji = standing(&reaction.old_reaction, &reaction.new_reaction);
    let shown_before = reaction.old_reaction.iter().any(|old| old.emoji.is_some());
    if emoji.is_none() && !shown_before {
        return None;
    }
    let kind = InboundKind::Reaction { native: native(reaction.message_id), emoji };
    let at_ms = reaction.date.checked_mul(1_000);
    Some(Happening { chat: reaction.chat, at_ms, sender, kind })
}

/// The reaction now standing: a fresh one if there is one, else the last that stayed.
fn standing(old: &[wire::Reaction<'_>], new: &[wire::Reaction<'_>]) -> Option<Box<str>> {
    let shown = || new.iter().rev().filter(|reaction| reaction.emoji.is_some());
    let fresh = shown().find(|reaction| !old.contains(reaction));
    let emoji = fresh.or_else(|| shown().next())?.emoji.as_ref()?;
    Some(emoji.as_str().into())
}

/// Telegram dates the message with the button, not the tap.
fn read_button(callback: wire::CallbackQuery<'_>, now: Timestamp) -> Option<Happening<'_>> {
    let chat = callback.message?.chat;
    let kind = InboundKind::Button { payload: callback.data?.into_box() };
    Some(Happening { chat, at_ms: Some(now.0), sender: Some(user(&callback.from)), kind })
}

/// Whether a member is in, as far as we know the word.
fn is_in(member: &wire::Member<'_>) -> Option<bool> {
    match member.status {
        MemberStatus::Creator | MemberStatus::Administrator | MemberStatus::Member => Some(true),
        MemberStatus::Restricted => Some(member.is_member.unwrap_or(true)),
        MemberStatus::Left | MemberStatus::Kicked => Some(false),
        MemberStatus::Unknown => None,
    }
}

/// `Some(true)` when somebody came in, `Some(false)` when they went out, else nothing changed.
fn came(change: &wire::MemberChange<'_>) -> Option<bool> {
    let now_in = is_in(&change.new_chat_member)?;
    (is_in(&change.old_chat_member) != Some(now_in)).then_some(now_in)
}

fn read_our_change(change: wire::MemberChange<'_>) -> Option<Happening<'_>> {
    let kind = if came(&change)? { InboundKind::WeJoined } else { InboundKind::WeLeft };
    let sender = (!change.from.is_bot).then(|| user(&change.from));
    Some(Happening { chat: change.chat, at_ms: change.date.checked_mul(1_000), sender, kind })
}

fn read_their_change(change: wire::MemberChange<'_>) -> Option<Happening<'_>> {
    let came = came(&change)?;
    let who = people(std::slice::from_ref(&change.new_chat_member.user))?;
    let kind = if came { InboundKind::PeopleJoined(who) } else { InboundKind::PeopleLeft(who) };
    Some(Happening { chat: change.chat, at_ms: change.date.checked_mul(1_000), sender: None, kind })
}
