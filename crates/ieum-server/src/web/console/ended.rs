//! Deliveries that ended dead, with the reason that the journal keeps.
//!
//! Read from the newest entries of the journal. Invariant: nothing that could be somebody's
//! address or name stands in a reason as it is shown.

use crate::edge::Shared;
use crate::web::clock::Wall;
use crate::web::reader::Reader;
use ieum_core::delivery::Step;
use ieum_core::ids::{DeliverySeq, JournalSeq};
use ieum_core::journal::{JournalEntry, JournalEvent};
use ieum_core::outgoing::Scope;
use ieum_core::ports::store::{PAGE_ROWS_MAX, StoreFailure};
use ieum_core::time::Timestamp;
use maud::{Markup, html};
use std::collections::VecDeque;

/// Newest entries of the journal that are looked through.
const ENTRIES_MAX: u64 = 5_000;
/// Dead deliveries on the page: the newest.
const DEAD_MAX: usize = 20;
/// Digits of one word from which on it may be a number of somebody's.
const DIGITS_MAX: usize = 4;

/// One that ended dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    delivery: DeliverySeq,
    scope: Scope,
    reason: String,
    at: Timestamp,
}

/// The newest dead deliveries, the newest first.
pub(super) async fn read(edge: &Shared) -> Result<Vec<Ended>, StoreFailure> {
    let store = edge.hub.store();
    let mut after = JournalSeq(store.counts().await?.journal.saturating_sub(ENTRIES_MAX));
    let mut dead = VecDeque::with_capacity(DEAD_MAX);
    for _ in 0..ENTRIES_MAX {
        let page = store.page_journal(after, PAGE_ROWS_MAX).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for one in page.iter().filter_map(ended) {
            dead.truncate(DEAD_MAX - 1);
            dead.push_front(one);
        }
    }
    Ok(dead.into())
}

fn ended(entry: &JournalEntry) -> Option<Ended> {
    let JournalEvent::Settled { at, delivery, step: Step::Dead { scope }, evidence, .. } =
        &entry.event
    else {
        return None;
    };
    let reason = without_people(evidence);
    Some(Ended { delivery: *delivery, scope: *scope, reason, at: *at })
}

/// A network's answer without the words that could name somebody: addresses, numbers, names in
/// other letters.
fn without_people(evidence: &str) -> String {
    let names_nobody = |word: &&str| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        word.is_ascii() && !word.contains('@') && digits <= DIGITS_MAX
    };
    let words = evidence.split_whitespace();
    words.map(|word| if names_nobody(&word) { word } else { "…" }).collect::<Vec<_>>().join(" ")
}

fn scope_words(reader: &Reader, scope: Scope) -> &'static str {
    match scope {
        Scope::Message => reader.say("이 말은 실어 나를 수 없음", "cannot be carried at all"),
        Scope::Recipient => reader.say("받는 곳에 닿을 수 없음", "its place cannot be reached"),
        Scope::Account => reader.say("우리 계정이 보낼 수 없음", "our account may not send"),
    }
}

/// The list; nothing where none ended so.
pub(super) fn list(reader: &Reader, wall: Wall, dead: &[Ended]) -> Markup {
    html! { @if !dead.is_empty() { section {
        h2 { (reader.say("보내지 못하고 끝난 것", "Ended without arriving")) }
        ul class="rows" { @for one in dead { li { div class="row" {
            span class="row-text" {
                strong { "#" (one.delivery) " · " (scope_words(reader, one.scope)) }
                span class="quiet" { (one.reason) }
            }
            span class="quiet" { (wall.moment(one.at, reader)) }
        } } } }
    } } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reasons_name_nobody() {
        let table = [
            ("refused: 403 blocked by the user", "refused: 403 blocked by the user"),
            ("550 no such user minji@mail.example", "550 no such user …"),
            ("chat 123456789 not found", "chat … not found"),
            ("민지 left", "… left"),
            ("", ""),
        ];
        for (evidence, shown) in table {
            assert_eq!(without_people(evidence), shown);
        }
    }

    #[test]
    fn only_what_ended_dead_is_listed() {
        let entry = |step| JournalEntry {
            seq: JournalSeq(1),
            event: JournalEvent::Settled {
                at: Timestamp(7),
                delivery: DeliverySeq(3),
                step,
                evidence: "refused: 403".into(),
                plus: Vec::new(),
            },
        };
        let found = ended(&entry(Step::Dead { scope: Scope::Recipient })).unwrap();
        assert_eq!((found.delivery, found.at), (DeliverySeq(3), Timestamp(7)));
        assert_eq!(ended(&entry(Step::Expired)), None);
        assert_eq!(ended(&entry(Step::Sent { copies: Vec::new() })), None);
    }

    proptest! {
        #[test]
        fn no_address_and_no_long_number_is_ever_left(evidence in ".{0,80}") {
            let shown = without_people(&evidence);
            prop_assert!(!shown.contains('@'));
            let digits = |word: &str| word.chars().filter(char::is_ascii_digit).count();
            let short = shown.split(' ').all(|word| digits(word) <= DIGITS_MAX);
            prop_assert!(short, "{}", shown);
        }
    }
}
