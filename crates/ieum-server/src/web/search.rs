//! Looking for something that was said in one's own conversations.
//!
//! What is found is decided in `ieum_engine::search`. Invariant: only conversations of the reader's
//! are looked through, and what is typed comes back as text alone.

use super::frame::{Tab, page as framed};
use super::inbox::mine;
use super::reader::Reader;
use super::sessions::SignedIn;
use super::status::wall;
use super::wrong::Wrong;
use crate::edge::Shared;
use crate::views::message::MessageView;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use ieum_core::ids::{ConversationId, MessageSeq};
use ieum_core::search::{Query as Words, QueryFailure};
use ieum_core::time::Timestamp;
use ieum_engine::{Hit, Hits, Search};
use maud::{Markup, html};
use serde::Deserialize;

/// Messages on one page of what was found.
const HITS_PER_PAGE: usize = 30;
/// Longest piece of a message that is shown, in characters.
const PIECE_CHARS_MAX: usize = 120;
/// Characters in front of the first word that was found.
const BEFORE_CHARS: usize = 24;

/// What is looked for, and where to go on.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    before: Option<u64>,
}

/// The page.
pub(super) async fn page(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Response {
    let title = reader.say("찾기", "Search");
    let found = match Words::read(&asked.q) {
        Ok(query) => {
            let before = asked.before.map(MessageSeq);
            let (person, conversation, rows_max) = (who.person, None, HITS_PER_PAGE);
            let search = Search { person, query, conversation, before, rows_max };
            match edge.hub.search(search).await {
                Ok(hits) => listed(&edge, &reader, &who, &asked, &hits),
                Err(refusal) => return Wrong::new(&reader, refusal).into_response(),
            }
        }
        Err(failure) => nothing_asked(&reader, &failure),
    };
    let body = html! {
        p class="back" { a href="/inbox" { "‹ " (reader.say("대화", "Conversations")) } }
        h1 { (title) }
        (field(&reader, &asked.q))
        (found)
    };
    framed(&reader, Tab::Inbox, title, &body).into_response()
}

/// The field for what is looked for.
pub(super) fn field(reader: &Reader, typed: &str) -> Markup {
    html! { form class="line" role="search" method="get" action="/search" {
        label class="unseen-label" for="q" { (reader.say("찾을 말", "Words to look for")) }
        input id="q" name="q" type="search" required maxlength="100" value=(typed)
            placeholder=(reader.say("대화에서 찾기", "Search conversations"));
        button { (reader.say("찾기", "Search")) }
    } }
}

fn nothing_asked(reader: &Reader, failure: &QueryFailure) -> Markup {
    let words = match failure {
        QueryFailure::Empty => reader.say(
            "낱말의 일부만 넣어도 찾아요. 여러 낱말은 모두 들어 있는 말을 찾아요.",
            "Parts of words are enough. Of several words, all must occur.",
        ),
        QueryFailure::TooLong => {
            reader.say("낱말 8개, 100자까지 찾을 수 있어요.", "At most 8 words, 100 characters.")
        }
    };
    html! { p class="empty-line" { (words) } }
}

fn listed(edge: &Shared, reader: &Reader, who: &SignedIn, asked: &Asked, hits: &Hits) -> Markup {
    html! {
        @if hits.hits.is_empty() && hits.older_before.is_none() {
            p class="empty-line" role="status" { (reader.say(
                "찾지 못했어요. 낱말을 줄여 보세요.",
                "Nothing was found. Try fewer words.",
            )) }
        } @else {
            ul class="rows" { @for hit in &hits.hits { li {
                (row(edge, reader, who, hit, &asked.q))
            } } }
        }
        @if let Some(before) = hits.older_before {
            form class="older" method="get" action="/search" {
                input type="hidden" name="q" value=(asked.q);
                input type="hidden" name="before" value=(before.0);
                button class="plain" { (reader.say("더 오래된 말", "Older")) }
            }
        }
    }
}

fn row(edge: &Shared, reader: &Reader, who: &SignedIn, hit: &Hit, typed: &str) -> Markup {
    let (view, says) = edge.hub.with_directory(|directory| {
        (MessageView::of(&hit.message, directory), MessageView::of(&hit.says, directory))
    });
    let known = mine(edge, ConversationId(view.conversation), who.person);
    let title = known.map(|(_, title)| title).unwrap_or_default();
    let text = says.text.unwrap_or_default();
    let place = format!("/inbox/{}?before={}#m{}", view.conversation, view.seq + 1, view.seq);
    html! { a class="row" href=(place) {
        span class="row-text" {
            strong { (title) }
            span class="one-line" { (view.author.name) ": " (piece(&text, typed)) }
        }
        span class="quiet" { (wall(edge).moment(Timestamp(view.accepted_at_ms), reader)) }
    } }
}

/// A piece of a text that begins shortly before the first of these words.
fn piece(text: &str, typed: &str) -> String {
    let line: Vec<char> = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    let lower: String = line.iter().map(|one| one.to_lowercase().next().unwrap_or(*one)).collect();
    let wanted = typed.to_lowercase();
    let found = wanted.split_whitespace().filter_map(|word| lower.find(word)).min();
    let found = found.and_then(|at| lower.get(..at)).map_or(0, |before| before.chars().count());
    let begin = found.saturating_sub(BEFORE_CHARS);
    let kept = line.iter().skip(begin).take(PIECE_CHARS_MAX);
    let (head, tail) = (begin > 0, line.len() > begin + PIECE_CHARS_MAX);
    let mark = |cut: bool| if cut { "…" } else { "" };
    format!("{}{}{}", mark(head), kept.collect::<String>(), mark(tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_piece_begins_shortly_before_what_was_found() {
        let long = format!("{} 점심 먹자 {}", "가".repeat(60), "나".repeat(200));
        let shown = piece(&long, "점심");
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
        assert!(shown.contains("점심 먹자"), "{shown}");
        assert_eq!(shown.chars().count(), PIECE_CHARS_MAX + 2);
        assert_eq!(piece("Hello\n  World", "WORLD"), "Hello World");
        assert_eq!(piece("짧은 말", "없는 낱말"), "짧은 말");
    }

    proptest! {
        #[test]
        fn a_piece_is_short_whatever_is_looked_for(text in "\\PC{0,400}", typed in "\\PC{0,20}") {
            prop_assert!(piece(&text, &typed).chars().count() <= PIECE_CHARS_MAX + 2);
        }
    }
}
