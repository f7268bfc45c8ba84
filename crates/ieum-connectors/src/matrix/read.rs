//! Transactions of the homeserver -> [`Inbound`], and what our users are to do about them.
//!
//! Invariants: any bytes give an [`Arrival`] or a refusal, never a panic; an event that cannot be
//! read is counted and passed over, because the homeserver would send it again for ever; what our
//! own users say is not read (it would come back for ever).

use super::wire;
use crate::homeserver::files::parts_of;
use crate::homeserver::marks;
use crate::homeserver::users::Member;
use crate::hooks::malformed;
use crate::wire_text::{ID_BYTES_MAX, coordinates, into_id, joined, without_quote};
use ieum_core::ids::{ChatKey, EventKey, NativeMessageId, UserKey};
use ieum_core::inbound::{
    Arrival, ChatRef, EVENTS_PER_ARRIVAL_MAX, FileKind, FileNote, Inbound, InboundKind,
    InboundMessage, ReceiptLevel, Sender, Unreadable,
};
use ieum_core::marks::{move_back, move_on};
use ieum_core::network::ChatKind;
use ieum_core::place::Point;
use ieum_core::ports::connector::HookRefusal;
use ieum_core::time::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Longest reaction that is taken for one.
const EMOJI_BYTES_MAX: usize = 100;
/// Length of what stands in front of what somebody does.
const EMOTE_BYTES: usize = "* ".len();

/// Who we are: our own users' words are not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Us {
    /// Our bot, as `@ieum:example.org`.
    pub bot: Box<str>,
    /// Its display name, to take a mention of it off a text.
    pub bot_name: Box<str>,
    /// What the ids of our ghosts begin with, as `@ieum_`.
    pub ghosts: Box<str>,
    /// What they end with, as `:example.org`.
    pub server: Box<str>,
}

impl Us {
    /// Whether a user is one of ours.
    #[must_use]
    pub fn is_ours(&self, user: &str) -> bool {
        *user == *self.bot || (user.starts_with(&*self.ghosts) && user.ends_with(&*self.server))
    }
}

/// Something that our users are to do on the homeserver.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Errand {
    /// Our bot comes into a room.
    Join(Box<str>),
    /// A ghost turns an invitation down: people reach people through their rooms.
    Decline { room: Box<str>, ghost: Box<str> },
    /// Our bot was put out: the ghosts go too.
    Vacate(Box<str>),
    /// A room is said to go on elsewhere: our bot looks whether that is true.
    Follow(Upgrade),
}

/// A room that is said to go on as another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Upgrade {
    pub(crate) old: Box<str>,
    pub(crate) new: Box<str>,
}

/// A transaction, read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) arrival: Arrival,
    pub(super) errands: Vec<Errand>,
}

/// Reads the body of a genuine transaction.
///
/// # Errors
/// [`HookRefusal::Malformed`] when it is no transaction at all.
pub fn decode(body: &[u8], us: &Us, now: Timestamp) -> Result<Arrival, HookRefusal> {
    read(body, us, now).map(|reading| reading.arrival)
}

pub(super) fn read(body: &[u8], us: &Us, now: Timestamp) -> Result<Reading, HookRefusal> {
    let transaction: wire::Transaction<'_> =
        serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
    let mut reading = Reading::default();
    for raw in transaction.events {
        reading.event(raw, us, now);
    }
    for raw in [transaction.ephemeral, transaction.ephemeral_unstable].into_iter().flatten() {
        reading.ephemeral(raw, us, now);
    }
    Ok(reading)
}

impl Reading {
    fn event(&mut self, raw: &RawValue, us: &Us, now: Timestamp) {
        let read = serde_json::from_str::<wire::Event<'_>>(raw.get()).ok();
        let kind = read.as_ref().and_then(|event| {
            self.errands.extend(errand(event, us));
            happening(event, us)
        });
        let inbound = read.zip(kind).and_then(|(event, kind)| inbound(&event, kind, now));
        self.push(inbound);
    }

    fn push(&mut self, inbound: Option<Inbound>) {
        match inbound.filter(|_| self.arrival.events.len() < EVENTS_PER_ARRIVAL_MAX) {
            Some(inbound) => self.arrival.events.push(inbound),
            None => self.arrival.ignored = self.arrival.ignored.saturating_add(1),
        }
    }

    /// How far people have read. Typing and presence are let pass.
    fn ephemeral(&mut self, raw: &RawValue, us: &Us, now: Timestamp) {
        let read = serde_json::from_str::<wire::Ephemeral<'_>>(raw.get()).ok();
        let receipts = read
            .filter(|event| &*event.kind == "m.receipt")
            .and_then(|event| Some((event.room_id, content::<wire::Receipts>(event.content)?)));
        let Some((room, receipts)) = receipts else {
            return;
        };
        for (event, kinds) in receipts {
            let readers = kinds.into_iter().filter(|(kind, _)| &**kind == "m.read");
            for (user, at) in readers.flat_map(|(_, users)| users) {
                if !us.is_ours(&user) {
                    self.push(receipt(&room, &event, &user, at.ts, now));
                }
            }
        }
    }
}

fn content<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

fn id(text: &str) -> Option<Box<str>> {
    into_id(text.into(), ID_BYTES_MAX)
}

fn native(text: &str) -> Option<NativeMessageId> {
    id(text).map(NativeMessageId)
}

fn sender(user: &str, name: Option<Box<str>>) -> Option<Sender> {
    let name = name.filter(|name| !name.trim().is_empty());
    Some(Sender { key: UserKey(id(user)?), name })
}

/// Other servers date events as they please: none is from the future.
fn moment(ms: i64, now: Timestamp) -> Timestamp {
    Timestamp(ms.clamp(0, now.0.max(0)))
}

/// What of an event is not in its content.
struct Happening {
    kind: InboundKind,
    chat: ChatKind,
    title: Option<Box<str>>,
}

fn inbound(event: &wire::Event<'_>, what: Happening, now: Timestamp) -> Option<Inbound> {
    Some(Inbound {
        event: EventKey(id(&event.event_id)?),
        at: moment(event.origin_server_ts, now),
        chat: ChatRef { key: ChatKey(id(&event.room_id)?), kind: what.chat },
        title: what.title,
        sender: Some(sender(&event.sender, None)?),
        kind: what.kind,
    })
}

fn receipt(
    room: &str,
    event: &str,
    user: &str,
    ts: Option<i64>,
    now: Timestamp,
) -> Option<Inbound> {
    let kind = InboundKind::Receipt { native: Some(native(event)?), level: ReceiptLevel::Read };
    Some(Inbound {
        event: EventKey::new(format!("read {} {}", id(event)?, id(user)?)),
        at: moment(ts.unwrap_or(now.0), now),
        chat: ChatRef { key: ChatKey(id(room)?), kind: ChatKind::Group },
        title: None,
        sender: Some(sender(user, None)?),
        kind,
    })
}

/// What happened; a room is a group until the hub, which was told once, knows better.
fn happening(event: &wire::Event<'_>, us: &Us) -> Option<Happening> {
    let here = |kind| Some(Happening { kind, chat: ChatKind::Group, title: None });
    if &*event.kind == "m.room.member" {
        return member(event, us);
    }
    if us.is_ours(&event.sender) {
        return None;
    }
    match (&*event.kind, event.state_key.is_some()) {
        ("m.room.message", false) => here(said(content(event.content)?, event, us)?),
        ("m.sticker", false) => here(sticker(content(event.content)?, event)?),
        ("m.poll.start" | "org.matrix.msc3381.poll.start", false) => {
            here(other(content(event.content)?, event)?)
        }
        ("m.reaction", false) => here(reaction(content(event.content)?, event)?),
        ("m.room.redaction", false) => here(redaction(event)?),
        ("m.room.encrypted", false) | ("m.room.encryption", true) => {
            here(InboundKind::Unreadable(Unreadable::Encrypted))
        }
        ("m.room.name", true) => {
            let title = content::<wire::StateContent>(event.content)?.name?;
            let kind = InboundKind::PeopleJoined(Vec::new());
            Some(Happening { kind, chat: ChatKind::Group, title: Some(title) })
        }
        _ => None,
    }
}

/// Comings and goings: of our bot, and of people. Our ghosts come and go unseen.
fn member(event: &wire::Event<'_>, us: &Us) -> Option<Happening> {
    let who = event.state_key.as_deref()?;
    let member: Member = content(event.content)?;
    let membership = member.membership.as_deref()?;
    let is_direct = member.is_direct && membership == "invite";
    let chat = if is_direct { ChatKind::Direct } else { ChatKind::Group };
    let kind = match (*who == *us.bot, membership) {
        (true, "invite") => InboundKind::WeJoined,
        (true, "leave" | "ban") => InboundKind::WeLeft,
        (false, "join") if !us.is_ours(who) => {
            InboundKind::PeopleJoined(vec![sender(who, member.displayname)?])
        }
        (false, "leave" | "ban") if !us.is_ours(who) => {
            InboundKind::PeopleLeft(vec![sender(who, None)?])
        }
        _ => return None,
    };
    Some(Happening { kind, chat, title: None })
}

fn errand(event: &wire::Event<'_>, us: &Us) -> Option<Errand> {
    let room = id(&event.room_id)?;
    match (&*event.kind, event.state_key.as_deref()) {
        ("m.room.tombstone", Some("")) => {
            let to = content::<wire::StateContent>(event.content)?.replacement_room?;
            id(&to).map(|new| Errand::Follow(Upgrade { old: room, new }))
        }
        ("m.room.member", Some(who)) if us.is_ours(who) && !us.is_ours(&event.sender) => {
            let member: Member = content(event.content)?;
            match (member.membership.as_deref()?, *who == *us.bot) {
                ("invite", true) => Some(Errand::Join(room)),
                ("invite", false) => Some(Errand::Decline { room, ghost: who.into() }),
                ("leave" | "ban", true) => Some(Errand::Vacate(room)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A message, or the new version of one.
fn said(mut message: wire::Message, event: &wire::Event<'_>, us: &Us) -> Option<InboundKind> {
    let relates = message.relates_to.take();
    let replaced = relates.as_ref().filter(|to| to.rel_type.as_deref() == Some("m.replace"));
    if let Some(replaced) = replaced {
        let native = native(replaced.event_id.as_deref()?)?;
        let (words, _) = words(*message.new_content?, us);
        return Some(InboundKind::Edit { native, text: words.text, marks: words.marks });
    }
    let answered = relates.filter(|to| !to.is_falling_back).and_then(|to| to.in_reply_to);
    let reply_to = answered.and_then(|answered| native(&answered.event_id));
    if reply_to.is_some() {
        message.body = message.body.map(without_quote);
    }
    let (words, file) = words(message, us);
    if words.text.is_empty() && file.is_none() {
        return None;
    }
    Some(InboundKind::Message(InboundMessage {
        native: native(&event.event_id)?,
        reply_to,
        file,
        ..words
    }))
}

/// Text and mention of a message, and its file.
fn words(message: wire::Message, us: &Us) -> (InboundMessage, Option<FileNote>) {
    let named = message.mentions.as_ref().map(|mentions| &mentions.user_ids);
    let mentions_us = named.is_some_and(|users| users.contains(&us.bot));
    let kind = message.msgtype.as_deref().unwrap_or_default();
    // A body that is not the file's name is its caption.
    let is_said = file_kind(kind).is_none_or(|kind| {
        kind != FileKind::Place
            && message.filename.as_ref().is_some_and(|name| Some(name) != message.body.as_ref())
    });
    let (said, said_marks) = if is_said { marks::read(&message, us) } else { Default::default() };
    let body = message.body.unwrap_or_default();
    let told = told_of(message.info, message.url);
    let (text, file) = match file_kind(kind) {
        Some(FileKind::Place) => {
            let point = message.geo_uri.as_deref().and_then(coordinates);
            let at = message.geo_uri.as_deref().and_then(Point::from_uri);
            let place = at.map(|at| at.uri().into());
            let note = FileNote { place, ..FileNote::of(FileKind::Place) };
            (joined([Some(&body), point.as_deref()], "\n"), Some(note))
        }
        Some(kind) => {
            let name = Some(message.filename.unwrap_or(body)).filter(|name| !name.is_empty());
            (said, Some(FileNote { kind, name, ..told }))
        }
        None if kind == "m.emote" => (format!("* {said}"), None),
        None => (said, None),
    };
    let before = if kind == "m.emote" { EMOTE_BYTES } else { 0 };
    let kept = if mentions_us { without_our_name(&text, us) } else { &*text };
    let mut marks = said_marks;
    move_on(&mut marks, before);
    let marks = move_back(&marks, text.len() - kept.len());
    let text = kept.to_owned();
    (InboundMessage { text, marks, mentions_us, ..InboundMessage::default() }, file)
}

/// What is told of a file beside its kind and name.
fn told_of(info: Option<wire::FileInfo>, url: Option<Box<str>>) -> FileNote {
    let info = info.unwrap_or_default();
    FileNote {
        bytes: info.size,
        media_type: info.mimetype,
        duration_ms: info.duration.and_then(|ms| u32::try_from(ms).ok()),
        place: url.filter(|url| parts_of(url).is_some()),
        ..FileNote::of(FileKind::File)
    }
}

fn file_kind(msgtype: &str) -> Option<FileKind> {
    match msgtype {
        "m.image" => Some(FileKind::Picture),
        "m.video" => Some(FileKind::Video),
        "m.audio" => Some(FileKind::Audio),
        "m.file" => Some(FileKind::File),
        "m.location" => Some(FileKind::Place),
        _ => None,
    }
}

/// A text that does not begin with a call of our bot.
fn without_our_name<'t>(text: &'t str, us: &Us) -> &'t str {
    let start = text.trim_start();
    let localpart = us.bot.split(':').next().unwrap_or_default();
    let names = [&*us.bot, localpart, localpart.trim_start_matches('@'), &*us.bot_name];
    let called = names.into_iter().filter(|name| !name.is_empty()).find_map(|name| {
        let rest = start.strip_prefix('@').and_then(|at| at.strip_prefix(name));
        let rest = start.strip_prefix(name).or(rest)?;
        let apart = rest.is_empty() || rest.starts_with([':', ',', ' ', '\u{a0}', '\n']);
        apart.then_some(rest)
    });
    called.map_or(text, |rest| rest.trim_start_matches([':', ',']).trim_start())
}

fn sticker(message: wire::Message, event: &wire::Event<'_>) -> Option<InboundKind> {
    let note = FileNote {
        kind: FileKind::Sticker,
        name: message.body,
        ..told_of(message.info, message.url)
    };
    noted(event, note, String::new())
}

/// A poll, in its own words.
fn other(message: wire::Message, event: &wire::Event<'_>) -> Option<InboundKind> {
    let text = message.text.or(message.body).unwrap_or_default();
    noted(event, FileNote::of(FileKind::Other), text.into())
}

fn noted(event: &wire::Event<'_>, file: FileNote, text: String) -> Option<InboundKind> {
    let native = native(&event.event_id)?;
    let file = Some(file);
    Some(InboundKind::Message(InboundMessage { native, text, file, ..InboundMessage::default() }))
}

fn reaction(message: wire::Message, event: &wire::Event<'_>) -> Option<InboundKind> {
    let to = message.relates_to.filter(|to| to.rel_type.as_deref() == Some("m.annotation"))?;
    let emoji = to.key.filter(|key| !key.is_empty() && key.len() <= EMOJI_BYTES_MAX)?;
    let target = native(to.event_id.as_deref()?)?;
    let own = native(&event.event_id);
    Some(InboundKind::Reaction { native: target, emoji: Some(emoji), own })
}

fn redaction(event: &wire::Event<'_>) -> Option<InboundKind> {
    let inside = content::<wire::StateContent>(event.content).and_then(|content| content.redacts);
    let target = inside.or_else(|| event.redacts.clone())?;
    Some(InboundKind::Withdrawal { native: native(&target)? })
}
