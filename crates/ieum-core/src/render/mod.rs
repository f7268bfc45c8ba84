//! Rendering: canonical content made to fit what a network can carry.
//!
//! What a network lacks is made visible in the text, never dropped. Invariants: no part exceeds
//! the network's limit (of [`LIMIT_UNITS_MIN`] or more), and the bodies of the parts, put together,
//! are the body that came in.
//!
//! Names, titles and quotes are made harmless: they cannot start a line of their own or look like a
//! label. The words of a message are nobody's to change, so that a person may write a line that
//! looks like a label. That is left to stand: it stands behind their name, it claims at most that
//! their words may be a second copy, and the hub never reads a label back.

mod marked;
pub mod measure;
pub mod split;
pub mod words;

use crate::delivery::Label;
use crate::directory::Language;
use crate::network::{AuthorSupport, ChatCapabilities, Network};
use crate::outgoing::{Button, Part, ReplyTarget, ShownSender};
use crate::time::Timestamp;
pub use marked::{Called, in_words};
use measure::{TextUnit, measure};
use split::cut;
use words::{clock_text, label_text, network_name};

/// The smallest limit that can be kept with every text.
pub const LIMIT_UNITS_MIN: usize = 8;
/// Longest name or title in front of a text, in characters.
pub const SHOWN_NAME_CHARS_MAX: usize = 40;
/// Longest name where there is no room for more, in characters.
const SHORT_NAME_CHARS_MAX: usize = 8;
/// Longest quoted piece of an earlier message, in characters.
pub const QUOTE_CHARS_MAX: usize = 60;
/// Most that stands in front of a text, in the network's unit; at most half of what it carries.
pub const HEAD_UNITS_MAX: usize = 240;

/// Who speaks, as the reader is to see them.
#[derive(Debug, Clone, Copy)]
pub struct Speaker<'a> {
    /// Their name.
    pub name: &'a str,
    /// Where they spoke; `None` on the hub's own page.
    pub network: Option<Network>,
    /// Their public picture.
    pub icon_url: Option<&'a str>,
}

/// Why the copy looks unusual.
#[derive(Debug, Clone, Copy)]
pub struct LabelFacts<'a> {
    /// The reason.
    pub label: Label,
    /// The message's short id, the same in every copy.
    pub short_id: &'a str,
    /// When it was said.
    pub said_at: Timestamp,
    /// The reader's distance from UTC.
    pub utc_offset_minutes: i32,
}

/// An earlier message where the network cannot point to it.
#[derive(Debug, Clone, Copy)]
pub struct Quote<'a> {
    /// Who said it.
    pub name: &'a str,
    /// What they said.
    pub text: &'a str,
}

/// What rendering looks at.
#[derive(Debug, Clone)]
pub struct RenderFacts<'a> {
    /// What the chat can carry.
    pub chat: &'a ChatCapabilities,
    /// In which language the hub's own words are.
    pub language: Language,
    /// Who speaks; `None` when the hub itself does.
    pub speaker: Option<Speaker<'a>>,
    /// The conversation's title, where several share one direct chat.
    pub place: Option<&'a str>,
    /// The label, if any.
    pub label: Option<LabelFacts<'a>>,
    /// The quoted message, where it must stand in the text.
    pub quote: Option<Quote<'a>>,
    /// The message answered, where the network can point to it.
    pub reply: Option<ReplyTarget>,
    /// What is said.
    pub body: &'a str,
    /// What stretches of it are; who is called with their user here, where they have one.
    pub marks: &'a [Called],
    /// Buttons below the last part.
    pub buttons: Vec<Button>,
}

/// Renders one message into the parts that the network is to show, in order.
#[must_use]
pub fn render(facts: &RenderFacts<'_>) -> Vec<Part> {
    if facts.marks.is_empty() {
        return parts(facts, facts.body, &[]);
    }
    let (body, marks) = marked::fitted(facts.body, facts.marks, facts.chat);
    parts(facts, &body, &marks)
}

fn parts(facts: &RenderFacts<'_>, body: &str, marks: &[Called]) -> Vec<Part> {
    let pieces = compose(facts, body, marks);
    let last = pieces.len().saturating_sub(1);
    let sender = shown_by_name(facts);
    let mut from = 0;
    pieces
        .into_iter()
        .enumerate()
        .map(|(index, (mut text, body))| {
            let range = from..from + body.len();
            from = range.end;
            let marks = marked::of_part(marks, range, text.len(), facts.chat.mentions_max);
            text.push_str(body);
            Part {
                text,
                sender: sender.clone(),
                reply: (index == 0).then(|| facts.reply.clone()).flatten(),
                marks,
                file: None,
                place: None,
                buttons: if index == last { facts.buttons.clone() } else { Vec::new() },
            }
        })
        .collect()
}

/// Heads and bodies of the parts; the bodies together are the whole body.
///
/// Where a body ends depends on the text, its marks and the limit alone: an attempt that goes on
/// with the third part after a restart, a new label or a changed name finds it where the first two
/// ended.
fn compose<'b>(facts: &RenderFacts<'_>, body: &'b str, marks: &[Called]) -> Vec<(String, &'b str)> {
    let (limit, unit) = (facts.chat.text_max, facts.chat.text_unit);
    let mut bodies = marked::bodies(body, limit - head_room(limit), unit, marks);
    if bodies.is_empty() {
        bodies.push("");
    }
    let total = bodies.len();
    bodies.into_iter().enumerate().map(|(index, body)| (head(facts, index, total), body)).collect()
}

fn head_room(limit: usize) -> usize {
    HEAD_UNITS_MAX.min(limit / 2)
}

/// What stands in front of a body. Every part carries the label, because every part may be the one
/// that is seen twice. Where not all fits, the quote goes first, then the title, then the name.
fn head(facts: &RenderFacts<'_>, index: usize, total: usize) -> String {
    let unit = facts.chat.text_unit;
    let mut left = head_room(facts.chat.text_max);
    let label = first_fitting(label_lines(facts), &mut left, unit);
    let number = match total {
        1 => String::new(),
        _ => format!("({}/{total}) ", index + 1),
    };
    let number = first_fitting([number], &mut left, unit);
    let name = first_fitting(names(facts), &mut left, unit);
    let quote = match (&facts.quote, index) {
        (Some(quote), 0) => first_fitting([quote_line(quote)], &mut left, unit),
        _ => String::new(),
    };
    format!("{label}{quote}{name}{number}")
}

/// The first text for which there is room left, or nothing.
fn first_fitting(
    texts: impl IntoIterator<Item = String>,
    left: &mut usize,
    unit: TextUnit,
) -> String {
    for text in texts {
        if let Some(rest) = left.checked_sub(measure(&text, unit)) {
            *left = rest;
            return text;
        }
    }
    String::new()
}

/// The whole label, or what is left of it where a network carries next to nothing.
fn label_lines(facts: &RenderFacts<'_>) -> Vec<String> {
    let Some(label) = &facts.label else {
        return Vec::new();
    };
    let clock = clock_text(label.said_at, label.utc_offset_minutes);
    let whole = label_text(label.label, label.short_id, &clock, facts.language);
    vec![format!("{whole}\n"), format!("[#{}] ", label.short_id)]
}

fn quote_line(quote: &Quote<'_>) -> String {
    let said = quote.text.trim();
    let line = said.split(breaks_line).next().unwrap_or_default();
    let text = cut(line, QUOTE_CHARS_MAX, TextUnit::Chars);
    let more = if text.len() < said.len() { "…" } else { "" };
    let name = shown_name(quote.name);
    let colon = if name.is_empty() { "" } else { ": " };
    let text = one_line(text);
    format!("> {name}{colon}{text}{more}\n")
}

/// `[가족 · LINE] 민지: `, or what of it the network does not show by itself; then shorter ones.
fn names(facts: &RenderFacts<'_>) -> Vec<String> {
    let place = facts.place.map(shown_name).filter(|place| !place.is_empty());
    let in_text = facts.chat.author == AuthorSupport::InText;
    let Some(speaker) = facts.speaker.as_ref().filter(|_| in_text) else {
        return place.iter().map(|place| format!("[{place}] ")).collect();
    };
    let name = shown_name(speaker.name);
    let network = speaker.network.map(|network| network_name(network, facts.language));
    let without_place = match network {
        Some(network) => format!("[{network}] {name}: "),
        None => format!("{name}: "),
    };
    let whole = match (place, network) {
        (Some(place), Some(network)) => format!("[{place} · {network}] {name}: "),
        (Some(place), None) => format!("[{place}] {name}: "),
        (None, _) => without_place.clone(),
    };
    let short = format!("{}: ", cut(&name, SHORT_NAME_CHARS_MAX, TextUnit::Chars));
    vec![whole, without_place, short]
}

/// A name or title as it may stand in front of a text: one line that cannot pass for a label.
fn shown_name(name: &str) -> String {
    let name = one_line(name).replace('[', "(").replace(']', ")");
    cut(name.trim(), SHOWN_NAME_CHARS_MAX, TextUnit::Chars).to_owned()
}

/// The text with spaces for what ends a line or turns the direction of what follows.
fn one_line(text: &str) -> String {
    let plain = |character| match character {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        _ if breaks_line(character) => ' ',
        _ => character,
    };
    text.chars().map(plain).collect()
}

fn breaks_line(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

fn shown_by_name(facts: &RenderFacts<'_>) -> Option<ShownSender> {
    let AuthorSupport::AsSender { name_max } = facts.chat.author else {
        return None;
    };
    shown_sender(facts.speaker?, name_max, facts.language)
}

/// The author as a sender or user of the network: `민지 · LINE`, within `name_max` UTF-16 units.
#[must_use]
pub fn shown_sender(
    speaker: Speaker<'_>,
    name_max: usize,
    language: Language,
) -> Option<ShownSender> {
    let suffix = speaker
        .network
        .map(|network| format!(" · {}", network_name(network, language)))
        .unwrap_or_default();
    let suffix = cut(&suffix, name_max, TextUnit::Utf16);
    let room = name_max - measure(suffix, TextUnit::Utf16);
    let name = one_line(speaker.name);
    let name = format!("{}{suffix}", cut(name.trim(), room, TextUnit::Utf16));
    (!name.is_empty()).then(|| ShownSender { name, icon_url: speaker.icon_url.map(Into::into) })
}

#[cfg(test)]
mod tests;
