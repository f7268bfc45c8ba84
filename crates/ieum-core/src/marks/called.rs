//! Who is called by an `@` and their name, typed by hand.
//!
//! Invariant: nobody is called by a name that matches by chance: it stands whole behind an `@` that
//! begins a word, exactly one of those present has it, and it ends where a word ends.

use super::{Mark, MarkKind, Whom};
use std::ops::Range;

/// Most people of a conversation whose names are looked for.
pub const CALLED_NAMES_MAX: usize = 5_000;

/// What Korean writes right behind a name: titles and particles.
const BEHIND_NAMES: &[&str] = &[
    "님", "씨", "야", "아", "이", "가", "은", "는", "을", "를", "도", "의", "와", "과", "랑", "께",
    "에게", "한테", "이랑", "님이", "님은", "님도", "님께", "님의", "씨가", "씨는", "씨도", "이가",
];

/// Who is called in `text`, of those with these names. Whoever shares their name is not.
#[must_use]
pub fn called(text: &str, names: &[(Whom, &str)]) -> Vec<Mark<Whom>> {
    let mut found = Vec::new();
    let mut before = None;
    let mut free_from = 0;
    for (at, character) in text.char_indices() {
        let begins = before.is_none_or(|c: char| c.is_whitespace() || "([{\"'“‘>".contains(c));
        if character == '@' && begins && at >= free_from {
            let behind = text.get(at + 1..).unwrap_or_default();
            if let Some((whom, length)) = whose(behind, names) {
                free_from = at + 1 + length;
                found.push(Mark::new(at..free_from, MarkKind::Mention(whom)));
            }
        }
        before = Some(character);
    }
    found
}

/// Where somebody who is meant for certain stands by their name, with or without an `@`.
#[must_use]
pub fn placed(text: &str, name: &str) -> Option<Range<usize>> {
    let whole = |at: &usize| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let behind = text.get(at + name.len()..).unwrap_or_default();
        before.is_none_or(|c| !c.is_alphanumeric()) && ends_a_name(behind)
    };
    let found = text.match_indices(name).map(|(at, _)| at).filter(|_| !name.is_empty());
    let at = found.into_iter().find(whole)?;
    let start = if text.get(..at)?.ends_with('@') { at - 1 } else { at };
    Some(start..at + name.len())
}

/// The one person whose name `text` begins with, and how long it is: the longest that fits.
fn whose(text: &str, names: &[(Whom, &str)]) -> Option<(Whom, usize)> {
    let fitting = names
        .iter()
        .filter(|(_, name)| !name.is_empty() && text.strip_prefix(*name).is_some_and(ends_a_name));
    let longest = fitting.clone().map(|(_, name)| name.len()).max()?;
    let mut longest_ones = fitting.filter(|(_, name)| name.len() == longest);
    let (whom, _) = longest_ones.next()?;
    longest_ones.all(|(other, _)| other == whom).then_some((*whom, longest))
}

/// Whether a name can end before `rest`: at the end of a word, or of one but for a particle.
fn ends_a_name(rest: &str) -> bool {
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let word = rest.get(..end).unwrap_or_default();
    word.is_empty() || BEHIND_NAMES.contains(&word)
}
