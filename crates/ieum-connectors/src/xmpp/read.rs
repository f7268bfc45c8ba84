//! What a message stanza says -> `InboundKind`. Pure: who said it, and where, is for the session.
//!
//! Invariants: what one entity forwards as another's words (carbons, archives) is never read
//! here; an error is never read as somebody's words; a file is noted, not fetched.

use super::wire;
use crate::files::open::name_in;
use crate::markup::edits::edited;
use crate::markup::styling;
use crate::muc::calls::Present;
use crate::xml::Element;
use ieum_core::ids::NativeMessageId;
use ieum_core::inbound::{FileKind, FileNote, InboundKind, InboundMessage, ReceiptLevel};
use ieum_core::marks::{Mark, Named, move_back};
use ieum_core::place::Point;
use ieum_core::time::Timestamp;
use std::ops::Range;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Longest emoji of a reaction, in bytes.
const EMOJI_BYTES_MAX: usize = 64;
/// Longest id that is taken.
const ID_BYTES_MAX: usize = 512;

/// What a message stanza holds, if anything of a conversation.
pub(crate) fn kind(
    message: &Element,
    native: &str,
    present: Option<&Present<'_>>,
) -> Option<InboundKind> {
    let forwards = |child: &Element| matches!(child.space(), wire::CARBONS | wire::ARCHIVE);
    if message.get("type") == Some("error") || message.children().any(forwards) {
        return None;
    }
    if let Some(target) = id_in(message.find("replace", wire::CORRECTION)) {
        let Words { text, marks, .. } = words(message, present)?;
        return Some(InboundKind::Edit { native: target, text, marks });
    }
    if let Some(target) = retracted(message) {
        return Some(InboundKind::Withdrawal { native: target });
    }
    if let Some(reactions) = message.find("reactions", wire::REACTIONS) {
        let native = id_in(Some(reactions))?;
        return Some(InboundKind::Reaction { native, emoji: emoji(reactions), own: None });
    }
    match words(message, present) {
        Some(words) => Some(InboundKind::Message(said(message, native, words))),
        None => receipt(message),
    }
}

/// The `id` of an element, as a native id.
fn id_in(element: Option<&Element>) -> Option<NativeMessageId> {
    let id = element?.get("id").filter(|id| (1..=ID_BYTES_MAX).contains(&id.len()))?;
    Some(NativeMessageId::new(id))
}

fn retracted(message: &Element) -> Option<NativeMessageId> {
    let present = message.find("retract", wire::RETRACTION);
    let first = message
        .find("apply-to", wire::FASTENING)
        .filter(|fastened| fastened.find("retract", wire::RETRACTION_FIRST).is_some());
    id_in(present.or(first))
}

/// A person may react several times at once; the last one stands for all.
fn emoji(reactions: &Element) -> Option<Box<str>> {
    let all = reactions.children().filter(|child| child.is("reaction", wire::REACTIONS));
    let emoji = all.last()?.texts();
    (1..=EMOJI_BYTES_MAX).contains(&emoji.len()).then(|| emoji.into())
}

fn receipt(message: &Element) -> Option<InboundKind> {
    let got = |level, element| Some(InboundKind::Receipt { native: Some(id_in(element)?), level });
    got(ReceiptLevel::Read, message.find("displayed", wire::MARKERS))
        .or_else(|| got(ReceiptLevel::Delivered, message.find("received", wire::RECEIPTS)))
}

/// What was said, without what stands there for programs alone.
struct Words {
    text: String,
    marks: Vec<Mark<Named>>,
    mentions_us: bool,
}

/// The text and its marks: who is referred to (XEP-0372) or named, and its styling (XEP-0393);
/// without what stands in it only for programs that do not know replies (XEP-0428).
fn words(message: &Element, present: Option<&Present<'_>>) -> Option<Words> {
    let text = child_of(message, "body")?.texts();
    let calls = present.map(|present| present.called(message, &text)).unwrap_or_default();
    let cut = fallback(message, &text).map(|range| (range, String::new()));
    let (text, marks) = edited(&text, cut.into_iter().collect(), calls.marks);
    if text.is_empty() {
        return None;
    }
    let named = present.and_then(|present| addressed(&text, present.our_name()));
    let from = named.map_or(0, |rest| text.len() - rest.len());
    let (text, marks) = (text.get(from..)?.to_owned(), move_back(&marks, from));
    let unstyled = message.find("unstyled", wire::STYLING).is_some();
    let (text, marks) = if unstyled { (text, marks) } else { styling::read(text, marks) };
    Some(Words { text, marks, mentions_us: from > 0 || calls.us })
}

/// Which bytes of a text only repeat what a reply points to.
fn fallback(message: &Element, text: &str) -> Option<Range<usize>> {
    let fallback = message.children().find(|child| {
        child.is("fallback", wire::FALLBACK) && child.get("for") == Some(wire::REPLY)
    });
    let range = fallback?.find("body", wire::FALLBACK)?;
    let place = |name| range.get(name).and_then(|place| place.parse::<usize>().ok());
    let bytes = |at| text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
    let (start, end) = (place("start").unwrap_or(0), place("end").unwrap_or(usize::MAX));
    (start < end).then(|| bytes(start)..bytes(end))
}

/// A child in the stanza's own namespace.
pub(crate) fn child_of<'a>(stanza: &'a Element, name: &str) -> Option<&'a Element> {
    stanza.find(name, stanza.space())
}

fn said(message: &Element, native: &str, words: Words) -> InboundMessage {
    let Words { mut text, mut marks, mentions_us } = words;
    let reply_to = id_in(message.find("reply", wire::REPLY));
    let file = message.find("x", wire::OUT_OF_BAND).and_then(file);
    let file = match place(message, &text) {
        Some(point) => {
            if Point::from_uri(text.trim()).is_some() {
                text = point.to_string();
                marks.clear();
            }
            let place = Some(point.uri().into());
            Some(FileNote { place, ..FileNote::of(FileKind::Place) })
        }
        None => file,
    };
    // Programs that know the address elsewhere repeat it as the text.
    if file.as_ref().is_some_and(|file| file.place.as_deref() == Some(text.trim())) {
        text.clear();
        marks.clear();
    }
    InboundMessage {
        native: NativeMessageId::new(native),
        text,
        marks,
        mentions_us,
        reply_to,
        file,
        ..InboundMessage::default()
    }
}

/// `name: words` or `@name words`, as XMPP programs write to one person of a room.
fn addressed<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let words = text.strip_prefix('@').unwrap_or(text).strip_prefix(name)?;
    let rest = words.strip_prefix([':', ',', ' '])?.trim_start();
    (!rest.is_empty()).then_some(rest)
}

/// The place that a message is: told as such (XEP-0080), or an address that is its whole text.
fn place(message: &Element, text: &str) -> Option<Point> {
    let told = message.find("geoloc", wire::GEOLOC).and_then(|place| {
        let degrees = |name| place.find(name, wire::GEOLOC)?.texts().trim().parse().ok();
        Point::from_degrees(degrees("lat")?, degrees("lon")?)
    });
    told.or_else(|| Point::from_uri(text.trim()))
}

/// A file behind an address (XEP-0066, as XEP-0363 uses it).
fn file(out_of_band: &Element) -> Option<FileNote> {
    let address = out_of_band.find("url", wire::OUT_OF_BAND)?.texts();
    let name = name_in(&address);
    let ending = name.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
    let kind = match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("jpg" | "jpeg" | "png" | "gif" | "webp" | "avif" | "heic") => FileKind::Picture,
        Some("mp4" | "webm" | "mov" | "mkv") => FileKind::Video,
        Some("ogg" | "oga" | "opus" | "m4a" | "mp3" | "wav" | "flac") => FileKind::Audio,
        _ => FileKind::File,
    };
    Some(FileNote { name, place: Some(address.into()), ..FileNote::of(kind) })
}

/// When it was said, where somebody held it back since (XEP-0203).
pub(crate) fn delayed(stanza: &Element) -> Option<Timestamp> {
    let stamp = stanza.find("delay", wire::DELAY)?.get("stamp")?;
    let at = OffsetDateTime::parse(stamp, &Rfc3339).ok()?;
    let at_ms = i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()?;
    (at_ms >= 0).then_some(Timestamp(at_ms))
}

/// A moment as XMPP writes it (XEP-0082).
pub(crate) fn stamp(at: Timestamp) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1_000)).ok()?.format(&Rfc3339).ok()
}

/// The room that somebody invites us to, by the room itself or directly.
pub(crate) fn invited_to(message: &Element) -> Option<&str> {
    let from = wire::bare(message.get("from")?);
    let mediated = message.find("x", wire::MUC_USER).and_then(|x| x.find("invite", wire::MUC_USER));
    let direct = message.find("x", wire::INVITATION).and_then(|x| x.get("jid"));
    let room = if mediated.is_some() { Some(from) } else { direct };
    room.map(wire::bare).filter(|room| wire::is_bare_address(room))
}
