//! The page that is shown when something is not there or went wrong.

use super::frame::{Tab, page};
use super::reader::Reader;
use crate::problem::{Kind, Problem};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use maud::html;

/// Whether the caller is a browser that wants a page.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// A page for a problem.
#[derive(Debug)]
pub(crate) struct Wrong {
    reader: Reader,
    problem: Problem,
}

impl Wrong {
    /// What went wrong, for this reader.
    pub(crate) fn new(reader: &Reader, problem: impl Into<Problem>) -> Self {
        Self { reader: reader.clone(), problem: problem.into() }
    }

    /// There is nothing at this place.
    pub(crate) fn nothing(reader: &Reader) -> Self {
        Self::new(reader, Problem::not_found("page"))
    }
}

fn words(reader: &Reader, kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::NotFound | Kind::MethodNotAllowed => (
            reader.say("여기에는 아무것도 없어요", "There is nothing here"),
            reader.say(
                "주소가 바뀌었거나 볼 수 없는 곳이에요.",
                "The address is wrong, or not for you.",
            ),
        ),
        Kind::Unavailable | Kind::Timeout => (
            reader.say("지금은 열 수 없어요", "This cannot be opened now"),
            reader.say(
                "바뀐 것은 없어요. 잠시 뒤에 다시 열어 주세요.",
                "Nothing was changed. Please try again in a moment.",
            ),
        ),
        Kind::TooMany => (
            reader.say("너무 자주 하셨어요", "Too many tries"),
            reader.say("조금 쉬었다가 다시 해 주세요.", "Please wait a little and try again."),
        ),
        Kind::Internal => (
            reader.say("이음이 잘못했어요", "Something broke on our side"),
            reader.say(
                "운영자가 기록에서 까닭을 볼 수 있어요.",
                "The operator can see why in the log.",
            ),
        ),
        Kind::Malformed
        | Kind::Unauthorized
        | Kind::Conflict
        | Kind::TooLarge
        | Kind::UnsupportedMedia
        | Kind::Invalid => (
            reader.say("받을 수 없는 요청이에요", "This could not be taken"),
            reader.say("처음부터 다시 해 주세요.", "Please begin again."),
        ),
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let kind = self.problem.kind();
        // What the log is told goes there with the problem's own answer.
        let status = self.problem.into_response().status();
        let (title, text) = words(&self.reader, kind);
        let body = html! {
            section class="empty" {
                p class="number" aria-hidden="true" { (StatusCode::as_u16(&status)) }
                h1 { (title) }
                p { (text) }
                a class="button" href="/" { (self.reader.say("처음으로", "To the start")) }
            }
        };
        (status, page(&self.reader, Tab::Elsewhere, title, &body)).into_response()
    }
}
