//! What the hub holds of somebody: taking it out, and leaving for good.
//!
//! Invariant: nobody is taken away by one click, or by another site's form.

use crate::edge::Shared;
use crate::export::{self, ExportForm, JSON_LINES};
use crate::web::form::{Sent, sound};
use crate::web::frame::{Tab, page as framed};
use crate::web::reader::Reader;
use crate::web::sessions::{SignedIn, cookie_line, csrf_field, is_secure};
use crate::web::wrong::Wrong;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use maud::{Markup, html};
use serde::Deserialize;

/// What is typed by somebody who means it, in both languages.
const WORDS: [&str; 2] = ["떠나기", "leave"];

/// The part of the page about oneself.
pub(super) fn section(reader: &Reader) -> Markup {
    html! { section {
        h2 { (reader.say("내 자료", "What is kept of you")) }
        p class="quiet" { (reader.say(
            "이음이 나에 대해 가진 모든 것을 내려받거나, 지우고 떠날 수 있어요.",
            "Take out everything that the hub holds of you, or have it deleted and leave.",
        )) }
        p class="deeds" {
            a class="button plain" href="/me/export.html" download="ieum.html" {
                (reader.say("읽을 수 있게 받기", "To read"))
            }
            a class="button plain" href="/me/export.jsonl" download="ieum.jsonl" {
                (reader.say("프로그램용으로 받기", "For programs"))
            }
            a class="button plain" href="/me/leave" {
                (reader.say("지우고 떠나기", "Delete and leave"))
            }
        }
    } }
}

/// Everything, to be read.
pub(crate) async fn readable(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
) -> Response {
    let kind = ("text/html; charset=utf-8", "attachment; filename=\"ieum.html\"");
    handed_out(&edge, &reader, &who, ExportForm::Page, kind).await
}

/// Everything, for programs.
pub(crate) async fn lines(State(edge): State<Shared>, reader: Reader, who: SignedIn) -> Response {
    let kind = (JSON_LINES, "attachment; filename=\"ieum.jsonl\"");
    handed_out(&edge, &reader, &who, ExportForm::Lines, kind).await
}

async fn handed_out(
    edge: &Shared,
    reader: &Reader,
    who: &SignedIn,
    form: ExportForm,
    (media_type, disposition): (&'static str, &'static str),
) -> Response {
    let headers = [(header::CONTENT_TYPE, media_type), (header::CONTENT_DISPOSITION, disposition)];
    match export::body(edge, who.person, form).await {
        Ok(body) => (headers, body).into_response(),
        Err(problem) => Wrong::new(reader, problem).into_response(),
    }
}

/// Are you sure?
pub(crate) async fn leaving(reader: Reader, who: SignedIn) -> Response {
    asked(&reader, &who, false)
}

fn asked(reader: &Reader, who: &SignedIn, is_wrong: bool) -> Response {
    let title = reader.say("지우고 떠나기", "Delete and leave");
    let word = reader.say(WORDS[0], WORDS[1]);
    let wrong = is_wrong.then_some("wrong");
    let body = html! {
        p class="back" { a href="/me" { "‹ " (reader.say("나", "Me")) } }
        form class="sheet" method="post" action="/me/leave" {
            h1 { (title) }
            p { (reader.say(
                "모든 대화에서 나가고, 이어 둔 메신저와 패스키가 끊기고, 내가 한 말이 이음에서 \
                 지워져요. 다른 메신저에 이미 전해진 말은 그곳에 남아요. 되돌릴 수 없어요.",
                "You leave all conversations, your messengers and passkeys are unlinked, and what \
                 you said is deleted here. What has reached other messengers stays there. This \
                 cannot be undone.",
            )) }
            (csrf_field(who))
            label for="word" { (reader.say(
                format!("정말 떠나려면 '{word}'라고 적어 주세요"),
                format!("To leave, type '{word}'"),
            )) }
            input id="word" name="word" required maxlength="20" autocomplete="off"
                autocapitalize="none" spellcheck="false" aria-describedby=[wrong]
                aria-invalid=[is_wrong.then_some("true")];
            @if is_wrong { p id="wrong" class="wrong" role="alert" { (reader.say(
                "적은 말이 달라요. 아무것도 지우지 않았어요.",
                "That is another word. Nothing was deleted.",
            )) } }
            button { (title) }
            a href="/me" { (reader.say("그대로 있기", "Stay")) }
        }
    };
    framed(reader, Tab::Me, title, &body).into_response()
}

/// The word of somebody who leaves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Word {
    csrf: String,
    word: String,
}

impl Sent for Word {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Takes somebody out of everything.
pub(crate) async fn leave(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    headers: HeaderMap,
    Form(word): Form<Word>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &word)?;
    if !WORDS.contains(&word.word.trim().to_lowercase().as_str()) {
        return Err(asked(&reader, &who, true));
    }
    if let Err(failure) = edge.hub.delete_person(who.person, None).await {
        return Err(Wrong::new(&reader, failure).into_response());
    }
    tracing::info!(person = %who.person, "left for good, by the page");
    Ok(gone(&reader, &headers))
}

fn gone(reader: &Reader, headers: &HeaderMap) -> Response {
    let title = reader.say("떠났어요", "You have left");
    let body = html! { section class="empty" {
        h1 { (title) }
        p { (reader.say(
            "연결은 모두 끊겼고, 하신 말은 지금 지우고 있어요. 그동안 고마웠어요.",
            "Everything is unlinked, and what you said is being deleted now. Thank you.",
        )) }
    } };
    let mut response = framed(reader, Tab::Elsewhere, title, &body).into_response();
    if let Some(line) = cookie_line(None, is_secure(headers)) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    response
}
