//! Rendering: canonical content made to fit what a network can carry.
//!
//! What a network lacks is made visible in the text, never dropped. Invariants: no part exceeds
//! the network's limit, and the bodies of the parts, put together, are the body that came in.

pub mod measure;
pub mod split;
pub mod words;

use crate::delivery::Label;
use crate::directory::Language;
use crate::network::{AuthorSupport, ChatCapabilities, Network};
use crate::outgoing::{Button, Part, ReplyTarget, ShownSender};
use crate::time::Timestamp;
use measure::{TextUnit, measure};
use split::{cut, split};
use words::{clock_text, label_text, network_name};

/// Longest name or title in front of a text, in characters.
pub const SHOWN_NAME_CHARS_MAX: usize = 40;
/// Longest quoted piece of an earlier message, in characters.
pub const QUOTE_CHARS_MAX: usize = 60;

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
    /// Buttons below the last part.
    pub buttons: Vec<Button>,
}

/// Renders one message into the parts that the network is to show, in order.
#[must_use]
pub fn render(facts: &RenderFacts<'_>) -> Vec<Part> {
    let pieces = compose(facts);
    let last = pieces.len().saturating_sub(1);
    let sender = shown_sender(facts);
    pieces
        .into_iter()
        .enumerate()
        .map(|(index, (mut text, body))| {
            text.push_str(body);
            Part {
                text,
                sender: sender.clone(),
                reply: (index == 0).then(|| facts.reply.clone()).flatten(),
                mentions: Vec::new(),
                buttons: if index == last {
                    facts.buttons.clone()
                } else {
                    Vec::new()
                },
            }
        })
        .collect()
}

/// Heads and bodies of the parts; the bodies together are the whole body.
fn compose<'a>(facts: &RenderFacts<'a>) -> Vec<(String, &'a str)> {
    let (limit, unit) = (facts.chat.text_max, facts.chat.text_unit);
    let head = whole_head(facts, true);
    if measure(&head, unit) + measure(facts.body, unit) <= limit {
        return vec![(head, facts.body)];
    }
    // A head that would leave too little room for the words themselves loses its quote.
    let first = if measure(&head, unit) > limit / 2 {
        whole_head(facts, false)
    } else {
        head
    };
    let room = limit
        .saturating_sub(measure(&first, unit) + NUMBER_UNITS_MAX)
        .max(1);
    let bodies = split(facts.body, room, unit);
    let total = bodies.len();
    bodies
        .into_iter()
        .enumerate()
        .map(|(index, body)| {
            let start = if index == 0 {
                first.clone()
            } else {
                name_head(facts)
            };
            (numbered(start, index + 1, total, limit, unit), body)
        })
        .collect()
}

/// Room kept for `(123/456) `.
const NUMBER_UNITS_MAX: usize = 16;

fn numbered(mut head: String, index: usize, total: usize, limit: usize, unit: TextUnit) -> String {
    if measure(&head, unit) + NUMBER_UNITS_MAX < limit {
        head.push_str(&format!("({index}/{total}) "));
        return head;
    }
    String::new()
}

fn whole_head(facts: &RenderFacts<'_>, with_quote: bool) -> String {
    let mut head = String::new();
    if let Some(label) = &facts.label {
        let clock = clock_text(label.said_at, label.utc_offset_minutes);
        head.push_str(&label_text(
            label.label,
            label.short_id,
            &clock,
            facts.language,
        ));
        head.push('\n');
    }
    if let (Some(quote), true) = (&facts.quote, with_quote) {
        push_quote(&mut head, quote);
    }
    head.push_str(&name_head(facts));
    head
}

fn push_quote(head: &mut String, quote: &Quote<'_>) {
    let name = cut(quote.name, SHOWN_NAME_CHARS_MAX, TextUnit::Chars);
    let line = quote.text.lines().next().unwrap_or_default();
    let text = cut(line, QUOTE_CHARS_MAX, TextUnit::Chars);
    let more = if text.len() < quote.text.len() {
        "…"
    } else {
        ""
    };
    if name.is_empty() {
        head.push_str(&format!("> {text}{more}\n"));
    } else {
        head.push_str(&format!("> {name}: {text}{more}\n"));
    }
}

/// `[가족 · LINE] 민지: `, or what of it the network does not show by itself.
fn name_head(facts: &RenderFacts<'_>) -> String {
    let place = facts
        .place
        .map(|place| cut(place, SHOWN_NAME_CHARS_MAX, TextUnit::Chars));
    let Some(speaker) = &facts.speaker else {
        return place.map(|place| format!("[{place}] ")).unwrap_or_default();
    };
    if matches!(facts.chat.author, AuthorSupport::AsSender { .. }) {
        return place.map(|place| format!("[{place}] ")).unwrap_or_default();
    }
    let name = cut(speaker.name, SHOWN_NAME_CHARS_MAX, TextUnit::Chars);
    let network = speaker
        .network
        .map(|network| network_name(network, facts.language));
    match (place, network) {
        (Some(place), Some(network)) => format!("[{place} · {network}] {name}: "),
        (Some(only), None) | (None, Some(only)) => format!("[{only}] {name}: "),
        (None, None) => format!("{name}: "),
    }
}

fn shown_sender(facts: &RenderFacts<'_>) -> Option<ShownSender> {
    let AuthorSupport::AsSender { name_max } = facts.chat.author else {
        return None;
    };
    let speaker = facts.speaker.as_ref()?;
    let suffix = speaker
        .network
        .map(|network| format!(" · {}", network_name(network, facts.language)))
        .unwrap_or_default();
    let room = name_max.saturating_sub(measure(&suffix, TextUnit::Utf16));
    let mut name = cut(speaker.name, room, TextUnit::Utf16).to_owned();
    name.push_str(cut(&suffix, name_max, TextUnit::Utf16));
    Some(ShownSender {
        name,
        icon_url: speaker.icon_url.map(Into::into),
    })
}

#[cfg(test)]
mod tests;
