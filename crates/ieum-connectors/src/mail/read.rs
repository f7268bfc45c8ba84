//! A letter -> `Inbound`. Pure.
//!
//! Anybody can write any sender into a letter. So what a letter says is believed only with a
//! proof: it was sent to the return address, or answers the id, that only this person was told.
//! Without one it is a wish to talk, which is answered at that address and nowhere else.
//! Invariants: what programs write by themselves is not read; any bytes give events or none.

use super::cut::{ends, own_words};
use super::wire::{Us, is_address};
use super::write::OUR_HEADER;
use ieum_core::ids::{ChatKey, EventKey, NativeMessageId, UserKey};
use ieum_core::inbound::{
    Arrival, ChatRef, FileKind, FileNote, Inbound, InboundKind, InboundMessage, Sender,
};
use ieum_core::network::ChatKind;
use ieum_core::time::Timestamp;
use mail_parser::{Address, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders as _};

/// Headers by which lists and programs say that they are ones, besides `Auto-Submitted`.
const SPOKEN_BY_PROGRAMS: &[&str] = &[
    "List-Id",
    "List-Post",
    "X-Autoreply",
    "X-Autorespond",
    "X-Auto-Response-Suppress",
    OUR_HEADER,
];
/// Headers that tell to whom a letter was brought.
const BROUGHT_TO: &[&str] = &["Delivered-To", "X-Original-To", "X-Forwarded-To"];
/// Most parts of one letter that are read as words; pictures may stand between them.
const TEXT_PARTS_MAX: usize = 50;
/// Most files of one letter that are told of.
const FILES_MAX: usize = 50;
/// Stands between a letter's id and the number of a file in it; no id of a letter has it.
pub(crate) const FILE_MARK: char = '#';
/// Longest id that is taken.
const ID_BYTES_MAX: usize = 512;

/// Reads one letter.
pub(crate) fn letter(us: Us<'_>, bytes: &[u8], now: Timestamp) -> Arrival {
    let Some(letter) = MessageParser::default().parse(bytes) else {
        return Arrival { events: Vec::new(), ignored: 1 };
    };
    let event =
        if is_report(&letter) { undeliverable(us, &letter, now) } else { said(us, &letter, now) };
    let ignored = u32::from(event.is_none());
    let more = event.as_ref().map(|first| further_files(&letter, first)).unwrap_or_default();
    Arrival { events: event.into_iter().chain(more).collect(), ignored }
}

fn person_event(person: &str, event: String, at: Timestamp, kind: InboundKind) -> Inbound {
    let sender = Sender { key: UserKey::new(person), name: None };
    Inbound {
        event: EventKey::new(event),
        at,
        chat: ChatRef { key: ChatKey::new(person), kind: ChatKind::Direct },
        title: None,
        sender: Some(sender),
        kind,
    }
}

fn said(us: Us<'_>, letter: &Message<'_>, now: Timestamp) -> Option<Inbound> {
    let from = letter.from()?.first()?;
    let person = from.address()?.to_ascii_lowercase();
    if !is_address(&person) || us.owns(&person) || is_automatic(letter) {
        return None;
    }
    if !proven(us, letter, &person) {
        // Once a month at most: whoever forges senders must not make us write to them for ever.
        let event = format!("knocked/{person}");
        return Some(person_event(&person, event, now, InboundKind::WeJoined));
    }
    let id = letter.message_id().filter(|id| (1..=ID_BYTES_MAX).contains(&id.len()))?;
    let subject = letter.subject().unwrap_or_default().trim().to_ascii_lowercase();
    let kind = if subject == "unsubscribe" {
        InboundKind::WeLeft
    } else {
        InboundKind::Message(message(us, letter, id, &person)?)
    };
    let at = letter.date().map(|date| date.to_timestamp().saturating_mul(1_000));
    let at = at.filter(|at| (0..=now.0).contains(at)).map_or(now, Timestamp);
    let mut event = person_event(&person, format!("{person}/{id}"), at, kind);
    if let Some(sender) = &mut event.sender {
        sender.name = from.name().map(str::trim).filter(|name| !name.is_empty()).map(Into::into);
    }
    Some(event)
}

/// Everything that was written, also behind a picture that stands between.
fn words(letter: &Message<'_>) -> String {
    let mut said: Vec<String> = Vec::new();
    for at in 0..letter.text_body_count().min(TEXT_PARTS_MAX) {
        let Some(text) = letter.body_text(at) else { continue };
        said.extend(Some(own_words(&text)).filter(|words| !words.is_empty()));
        if ends(&text) {
            break;
        }
    }
    said.join("\n\n")
}

fn message(us: Us<'_>, letter: &Message<'_>, id: &str, person: &str) -> Option<InboundMessage> {
    let text = words(letter);
    let file = letter.attachments().next().map(file_note);
    if text.is_empty() && file.is_none() {
        return None;
    }
    let thread = us.thread_id(person);
    let reply_to = ids(letter.in_reply_to()).into_iter().find(|answered| *answered != thread);
    Some(InboundMessage {
        native: NativeMessageId::new(id),
        text,
        reply_to: reply_to.map(NativeMessageId::new),
        file,
        ..InboundMessage::default()
    })
}

fn file_note(part: &MessagePart<'_>) -> FileNote {
    let kind = part.content_type().map_or("", |kind| kind.ctype());
    FileNote {
        kind: file_kind(kind),
        name: part.attachment_name().map(Into::into),
        bytes: u64::try_from(part.contents().len()).ok(),
        ..FileNote::of(FileKind::File)
    }
}

/// Every file behind the first is a message of its own, with an id that leads to the letter.
fn further_files(letter: &Message<'_>, first: &Inbound) -> Vec<Inbound> {
    let InboundKind::Message(said) = &first.kind else {
        return Vec::new();
    };
    let files = letter.attachments().enumerate().skip(1).take(FILES_MAX - 1);
    files
        .map(|(number, part)| {
            let native = format!("{}{FILE_MARK}{number}", said.native.as_str());
            let message = InboundMessage {
                native: NativeMessageId::new(native),
                file: Some(file_note(part)),
                ..InboundMessage::default()
            };
            Inbound {
                event: EventKey::new(format!("{}{FILE_MARK}{number}", first.event.as_str())),
                kind: InboundKind::Message(message),
                ..first.clone()
            }
        })
        .collect()
}

fn file_kind(kind: &str) -> FileKind {
    match kind.to_ascii_lowercase().as_str() {
        "image" => FileKind::Picture,
        "video" => FileKind::Video,
        "audio" => FileKind::Audio,
        _ => FileKind::File,
    }
}

/// What only who got a letter of ours at this address can show.
fn proven(us: Us<'_>, letter: &Message<'_>, person: &str) -> bool {
    let back = us.return_address(person);
    let mut to: Vec<String> = [letter.to(), letter.cc()]
        .into_iter()
        .flatten()
        .flat_map(Address::iter)
        .filter_map(|to| Some(to.address()?.to_owned()))
        .collect();
    to.extend(BROUGHT_TO.iter().filter_map(|name| {
        let told = letter.header_raw(*name)?;
        Some(told.trim().trim_matches(['<', '>']).to_owned())
    }));
    let answered = [letter.in_reply_to(), letter.references()].into_iter().flat_map(ids);
    to.iter().any(|to| to.eq_ignore_ascii_case(&back))
        || answered.into_iter().any(|id| us.wrote_to(&id, person))
}

fn ids(value: &HeaderValue<'_>) -> Vec<String> {
    match value.as_text_list() {
        Some(list) => list.iter().map(ToString::to_string).collect(),
        None => Vec::new(),
    }
}

/// RFC 3834, and what programs used to say before it.
fn is_automatic(letter: &Message<'_>) -> bool {
    let says = |name: &str| letter.header_raw(name).map(|text| text.trim().to_ascii_lowercase());
    let submitted = says("Auto-Submitted").is_some_and(|text| !text.starts_with("no"));
    let bulk = says("Precedence")
        .is_some_and(|text| ["bulk", "list", "junk", "auto_reply"].contains(&text.as_str()));
    let nobody = says("Return-Path").is_some_and(|text| text == "<>");
    submitted || bulk || nobody || SPOKEN_BY_PROGRAMS.iter().any(|name| says(name).is_some())
}

/// RFC 3464.
fn is_report(letter: &Message<'_>) -> bool {
    letter.content_type().is_some_and(|kind| {
        kind.ctype().eq_ignore_ascii_case("multipart")
            && kind.subtype().is_some_and(|sub| sub.eq_ignore_ascii_case("report"))
    })
}

/// A letter of ours came back for good: the address takes none. A report without the id of a letter
/// that we wrote to that address proves nothing.
fn undeliverable(us: Us<'_>, letter: &Message<'_>, now: Timestamp) -> Option<Inbound> {
    let report = letter.parts.iter().find(|part| {
        part.content_type().and_then(|kind| kind.subtype()) == Some("delivery-status")
    })?;
    let text = String::from_utf8_lossy(report.contents()).into_owned();
    let field = |name: &str| {
        text.lines().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let failed = field("Action").is_some_and(|action| action.eq_ignore_ascii_case("failed"));
    let for_good = field("Status").is_some_and(|status| status.starts_with("5."));
    let recipient = field("Original-Recipient").or_else(|| field("Final-Recipient"))?;
    let person = recipient.rsplit(';').next()?.trim().to_ascii_lowercase();
    let whole = String::from_utf8_lossy(letter.raw_message());
    let ours = whole
        .split(['<', '>', ' ', '\r', '\n'])
        .find(|word| word.starts_with("ieum.") && us.wrote_to(word, &person))?;
    let event = format!("returned/{ours}");
    (failed && for_good).then(|| person_event(&person, event, now, InboundKind::WeLeft))
}
