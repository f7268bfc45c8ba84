//! The digest: what waited for a network beyond its lifetime is not sent one by one when the
//! network returns, but told together in one message (DESIGN §6.7).
//!
//! Invariant: whatever a digest leaves out is counted in it.

use crate::compose::hub_text;
use crate::notices;
use crate::pieces::Pieces;
use crate::speak::{author_name, text_of};
use ieum_core::delivery::{Delivery, Label, Lane, NewDelivery, Recipient, Route, State};
use ieum_core::directory::Language;
use ieum_core::message::{Author, Message};
use ieum_core::ports::store::Admission;
use ieum_core::render::words::clock_text;
use std::sync::Arc;

/// Most messages that a digest shows.
const LINES_MAX: usize = 40;
/// Most characters shown of each.
const LINE_CHARS_MAX: usize = 80;

/// A digest is worth delivering as long as so many lifetimes of a message: it is the last word.
const LIFETIMES: u64 = 10;

/// What outlived its lifetime in one lane, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Digest {
    messages: Vec<Arc<Message>>,
}

impl Digest {
    /// Takes a message in; false for what is not worth telling late: the hub's own words.
    pub(crate) fn take(&mut self, message: &Arc<Message>) -> bool {
        let somebodys = message.new.author != Author::Hub;
        if somebodys {
            self.messages.push(Arc::clone(message));
        }
        somebodys
    }

    /// The one message that tells of all, to the lane's recipient by this way.
    /// Instead of another way with a label: then it is judged by the consent for that.
    pub(crate) fn admission(
        self,
        pieces: &Pieces,
        lane: Lane,
        route: Route,
        label: Option<Label>,
    ) -> Option<Admission> {
        if self.messages.is_empty() {
            return None;
        }
        let language = match lane.recipient {
            Recipient::Person(id) => pieces.read(|directory| {
                directory.person(id).map_or(pieces.settings.language, |person| person.language)
            }),
            Recipient::Room(_) => pieces.settings.language,
        };
        let text = self.text(pieces, language);
        let delivery = NewDelivery {
            recipient: lane.recipient,
            route: Some(route),
            state: State::Queued,
            label,
            stands_in_for: None,
        };
        let mut message = hub_text(pieces, lane.conversation, &text, None);
        let lifetime_ms = pieces.settings.chat_lifetime_ms.saturating_mul(LIFETIMES);
        message.expires_at = message.accepted_at.plus_ms(lifetime_ms);
        Some(Admission {
            message: Some(message),
            deliveries: vec![delivery],
            ..Admission::default()
        })
    }

    fn text(&self, pieces: &Pieces, language: Language) -> String {
        let clock = |message: &Message| {
            clock_text(message.new.origin_at, pieces.settings.utc_offset_minutes)
        };
        // Edits, reactions and the like have no line of their own; they are counted.
        let told: Vec<(String, String, String)> = self
            .messages
            .iter()
            .filter_map(|message| {
                let text = Some(text_of(message)).filter(|text| !text.is_empty())?;
                let name = pieces.read(|d| author_name(d, message.new.author, language))?;
                Some((clock(message), name, cut(&text)))
            })
            .take(LINES_MAX)
            .collect();
        let more = self.messages.len() - told.len();
        notices::digest(&told, more, language)
    }
}

/// In one line, cut where it is long.
fn cut(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(LINE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// The way by which a lane's digest goes: that of what is released, or of the last that waited.
pub(crate) fn route_of(held: &[Delivery]) -> Option<Route> {
    held.iter().rev().find_map(|delivery| delivery.route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_broken_lines_are_cut_at_characters() {
        assert_eq!(cut("짧은\n글"), "짧은 글");
        let long = "가".repeat(200);
        assert_eq!(cut(&long).chars().count(), LINE_CHARS_MAX + 1);
        assert!(cut(&long).ends_with('…'));
    }
}
