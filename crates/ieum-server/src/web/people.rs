//! Contacts: who asks, who is on the list, whom one asked; all by the consent of both.
//!
//! Invariant: what is shown after asking is the same whether there is such a handle or not.

use super::form::{Sent, sound};
use super::frame::{Tab, page as framed};
use super::reader::Reader;
use super::sessions::{SignedIn, csrf_field};
use super::status::wall;
use super::wrong::Wrong;
use crate::edge::Shared;
use axum::extract::rejection::PathRejection;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use ieum_core::directory::{ConversationKind, Directory};
use ieum_core::ids::{ConversationId, PersonId};
use ieum_core::people::contacts::{Asked, Card, ContactRefusal, Standing, handle};
use ieum_engine::ContactFailure;
use maud::{Markup, html};
use serde::Deserialize;

/// What the address of the page may carry.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    /// A handle from somebody's link.
    #[serde(default)]
    ask: Option<String>,
    /// A word about what was just done: one of a few that are known.
    #[serde(default)]
    done: Option<String>,
}

struct Entry {
    other: PersonId,
    name: String,
    standing: Standing,
    talk: Option<ConversationId>,
}

struct People {
    entries: Vec<Entry>,
    asked: Vec<Asked>,
}

impl People {
    fn of(directory: &Directory, person: PersonId) -> Self {
        let card = directory.cards().of(person);
        let entry = |card: &Card| {
            let named = card.contacts.iter().map(|contact| Entry {
                other: contact.other,
                name: directory
                    .person(contact.other)
                    .map_or_else(String::new, |one| one.name.to_string()),
                standing: contact.standing,
                talk: talk_of(directory, person, contact.other),
            });
            named.collect::<Vec<_>>()
        };
        Self {
            entries: card.map(entry).unwrap_or_default(),
            asked: card.map(|card| card.asked.clone()).unwrap_or_default(),
        }
    }

    fn with(&self, standing: Standing) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.standing == standing)
    }
}

/// The direct conversation of two people.
fn talk_of(directory: &Directory, one: PersonId, other: PersonId) -> Option<ConversationId> {
    let own = directory.conversations_of(one).iter().filter_map(|id| directory.conversation(*id));
    let mut direct = own.filter(|talk| talk.kind == ConversationKind::Direct);
    direct.find(|talk| talk.members.contains(&other)).map(|talk| talk.id)
}

/// The page.
pub(super) async fn page(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    Query(wanted): Query<Wanted>,
) -> Response {
    let people = edge.hub.with_directory(|directory| People::of(directory, who.person));
    let ask = wanted.ask.as_deref().and_then(handle);
    let title = reader.say("사람", "People");
    let body = html! {
        h1 { (title) }
        @if let Some(told) = wanted.done.as_deref().and_then(|done| told(&reader, done)) {
            p class="told" role="status" { (told) }
        }
        @if people.with(Standing::Asks).next().is_some() { section {
            h2 { (reader.say("이음을 청했어요", "They ask for you")) }
            ul class="rows" { @for entry in people.with(Standing::Asks) { li {
                (asking(&reader, &who, entry))
            } } }
        } }
        (asked_form(&reader, &who, ask.as_deref()))
        (list(&reader, &who, &people))
        (waiting(&edge, &reader, &people.asked))
        (blocked(&reader, &who, &people))
    };
    framed(&reader, Tab::People, title, &body).into_response()
}

fn told(reader: &Reader, done: &str) -> Option<&'static str> {
    Some(match done {
        "asked" => reader.say(
            "청해 두었어요. 받아들이면 대화에 나타나요.",
            "Asked. Once they accept, a conversation appears.",
        ),
        "not-a-handle" => reader.say(
            "아이디는 글자, 숫자, 밑줄로 3자에서 20자예요.",
            "A handle has 3 to 20 letters, digits or underscores.",
        ),
        "too-many" => reader.say(
            "오늘은 더 청할 수 없어요. 내일 다시 해 주세요.",
            "No more can be asked today. Please try again tomorrow.",
        ),
        _ => return None,
    })
}

fn asking(reader: &Reader, who: &SignedIn, entry: &Entry) -> Markup {
    html! { div class="row" {
        span class="row-text" { strong { (entry.name) } }
        form class="deeds" method="post" action={ "/people/" (entry.other) } {
            (csrf_field(who))
            button name="standing" value="accepted" { (reader.say("받기", "Accept")) }
            button class="plain" name="standing" value="ignored" {
                (reader.say("넘기기", "Ignore"))
            }
            (block(reader))
        }
    } }
}

fn block(reader: &Reader) -> Markup {
    html! { button class="plain" name="standing" value="blocked" {
        (reader.say("막기", "Block"))
    } }
}

fn asked_form(reader: &Reader, who: &SignedIn, ask: Option<&str>) -> Markup {
    html! { section {
        h2 { (reader.say("누구를 찾으세요?", "Whom do you look for?")) }
        form class="line" method="post" action="/people" {
            (csrf_field(who))
            label class="unseen-label" for="handle" { (reader.say("아이디", "Handle")) }
            input id="handle" name="handle" required maxlength="24" autocomplete="off"
                autocapitalize="none" spellcheck="false" value=[ask]
                placeholder=(reader.say("@아이디", "@handle"));
            button { (reader.say("청하기", "Ask")) }
        }
        p class="quiet" { (reader.say(
            "그 사람이 받아들일 때까지는 아무 말도 전해지지 않아요.",
            "Nothing you say reaches them before they accept.",
        )) }
    } }
}

fn list(reader: &Reader, who: &SignedIn, people: &People) -> Markup {
    html! { section {
        h2 { (reader.say("내 사람들", "Your people")) }
        @if people.with(Standing::Accepted).next().is_none() {
            p class="empty-line" { (reader.say(
                "아직 아무도 없어요. 아이디를 아는 사람에게 청해 보세요.",
                "Nobody yet. Ask somebody whose handle you know.",
            )) }
        } @else {
            ul class="rows" { @for entry in people.with(Standing::Accepted) { li {
                div class="row" {
                    span class="row-text" { strong { (entry.name) } }
                    @if let Some(talk) = entry.talk {
                        a class="button" href={ "/inbox/" (talk) } {
                            (reader.say("말하기", "Talk"))
                        }
                    }
                    form class="deeds" method="post" action={ "/people/" (entry.other) } {
                        (csrf_field(who)) (block(reader))
                    }
                }
            } } }
        }
    } }
}

fn waiting(edge: &Shared, reader: &Reader, asked: &[Asked]) -> Markup {
    let wall = wall(edge);
    html! { @if !asked.is_empty() { section {
        h2 { (reader.say("내가 청한 사람", "You asked")) }
        ul class="rows" { @for one in asked.iter().rev() { li { div class="row" {
            span class="row-text" { strong { "@" (one.handle) } }
            span class="quiet" { (wall.moment(one.at, reader)) }
        } } } }
    } } }
}

fn blocked(reader: &Reader, who: &SignedIn, people: &People) -> Markup {
    let ignored = people.with(Standing::Ignored).collect::<Vec<_>>();
    let blocked = people.with(Standing::Blocked).collect::<Vec<_>>();
    html! { @if !ignored.is_empty() || !blocked.is_empty() { details class="section" {
        summary { (reader.say("넘기거나 막은 사람", "Ignored and blocked")) }
        ul class="rows" {
            @for entry in ignored { li { (asking(reader, who, entry)) } }
            @for entry in blocked { li { div class="row" {
                span class="row-text" { strong { (entry.name) } }
                form class="deeds" method="post" action={ "/people/" (entry.other) "/unblock" } {
                    (csrf_field(who))
                    button class="plain" { (reader.say("막기 풀기", "Unblock")) }
                }
            } } }
        }
    } } }
}

/// A handle to ask for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asking {
    csrf: String,
    handle: String,
}

impl Sent for Asking {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Asks for somebody.
pub(super) async fn ask(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    headers: HeaderMap,
    Form(asking): Form<Asking>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &asking)?;
    let done = match edge.hub.request_contact(who.person, &asking.handle).await {
        Ok(()) => "asked",
        Err(ContactFailure::Refused(ContactRefusal::NotAHandle)) => "not-a-handle",
        Err(ContactFailure::Refused(ContactRefusal::TooMany)) => "too-many",
        Err(failure) => return Err(Wrong::new(&reader, failure).into_response()),
    };
    Ok(Redirect::to(&format!("/people?done={done}")).into_response())
}

/// A word on somebody.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answered {
    csrf: String,
    standing: Standing,
}

impl Sent for Answered {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Accepts, ignores or blocks somebody.
pub(super) async fn answer(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    id: Result<Path<u64>, PathRejection>,
    headers: HeaderMap,
    Form(answered): Form<Answered>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &answered)?;
    let Ok(Path(other)) = id else { return Err(Wrong::nothing(&reader).into_response()) };
    let other = PersonId(other);
    match edge.hub.answer_contact(who.person, other, answered.standing).await {
        Ok(()) => Ok(Redirect::to("/people").into_response()),
        Err(failure) => Err(Wrong::new(&reader, failure).into_response()),
    }
}

/// The secret of a page, and nothing else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bare {
    csrf: String,
}

impl Sent for Bare {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Lets go of a block: they are a stranger again, who may ask.
pub(super) async fn unblock(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    id: Result<Path<u64>, PathRejection>,
    headers: HeaderMap,
    Form(bare): Form<Bare>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &bare)?;
    let Ok(Path(other)) = id else { return Err(Wrong::nothing(&reader).into_response()) };
    match edge.hub.unblock(who.person, PersonId(other)).await {
        Ok(()) => Ok(Redirect::to("/people").into_response()),
        Err(failure) => Err(Wrong::new(&reader, failure).into_response()),
    }
}
