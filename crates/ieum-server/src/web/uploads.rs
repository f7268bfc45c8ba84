//! Pictures and files that somebody sends from a page, and those of a conversation for its members.
//!
//! A form as browsers send it (RFC 7578), read piece by piece: nothing larger than a piece is held.
//! Invariants: nothing is written before the form is known to be this session's own; who is not in
//! a conversation learns nothing of its files.

mod budget;

pub(super) use budget::Budgets;

use super::inbox::{mine, problem as said_problem};
use super::reader::{Reader, same_site};
use super::sessions::{SignedIn, not_ours};
use super::wrong::Wrong;
use crate::edge::Shared;
use crate::files::serve;
use crate::problem::{Kind, Problem};
use axum::extract::multipart::Field;
use axum::extract::{Multipart, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, Method};
use ieum_core::ids::{ConversationId, MessageSeq};
use ieum_core::message::Class;
use ieum_engine::{FileDraft, FileTold, Say, SayFailure, UPLOAD_BYTES_MAX};
use std::time::Duration;

/// Largest form: a file with the words beside it.
pub(super) const UPLOAD_FORM_BYTES_MAX: usize = UPLOAD_BYTES_MAX + (128 << 10);
/// Files that come in at once.
pub(super) const UPLOADS_MAX: usize = 16;
/// How long one may take.
const UPLOAD_TIME: Duration = Duration::from_secs(300);
/// Longest field that is no file.
const FIELD_BYTES_MAX: usize = 64 * 1_024;
/// Longest key of a form.
const KEY_BYTES_MAX: usize = 64;

/// What came with the file. A browser sends the fields in the order of the form.
#[derive(Debug, Default)]
struct Words {
    csrf: String,
    key: String,
    text: String,
    reply: Option<String>,
}

impl Words {
    fn take(&mut self, name: &str, value: String) {
        match name {
            "csrf" => self.csrf = value,
            "key" => self.key = value,
            "text" => self.text = value.replace("\r\n", "\n"),
            "reply" => self.reply = Some(value),
            _ => {}
        }
    }

    fn are_sound(&self, who: &SignedIn) -> bool {
        let sound = (1..=KEY_BYTES_MAX).contains(&self.key.len()) && self.key.is_ascii();
        sound && who.sent(&self.csrf)
    }
}

/// Takes a file and says it; the same key again is not said again.
pub(super) async fn send(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    Path(id): Path<u64>,
    headers: HeaderMap,
    form: Multipart,
) -> Response {
    if same_site(&headers).is_err() {
        return not_ours(&reader);
    }
    let Some((id, _)) = mine(&edge, ConversationId(id), who.person) else {
        return Wrong::nothing(&reader).into_response();
    };
    let Ok(_place) = edge.pages.uploads.try_acquire() else {
        let problem = Problem::unavailable("too many files come in at once");
        return Wrong::new(&reader, problem).into_response();
    };
    let taken = tokio::time::timeout(UPLOAD_TIME, taken(&edge, &who, id, form)).await;
    let why = match taken {
        Ok(Ok(())) => return Redirect::to(&format!("/inbox/{id}")).into_response(),
        Ok(Err(Refused::NotOurs)) => return not_ours(&reader),
        Ok(Err(Refused::Problem(problem))) => *problem,
        Err(_) => Problem::new(Kind::Malformed, "the file came too slowly"),
    };
    Wrong::new(&reader, why).into_response()
}

/// Why a form came to nothing.
enum Refused {
    NotOurs,
    Problem(Box<Problem>),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<SayFailure> for Refused {
    fn from(failure: SayFailure) -> Self {
        said_problem(failure).into()
    }
}

fn malformed() -> Refused {
    Problem::new(Kind::Malformed, "this is no form with a file, or it is too large").into()
}

async fn taken(
    edge: &Shared,
    who: &SignedIn,
    id: ConversationId,
    mut form: Multipart,
) -> Result<(), Refused> {
    let mut words = Words::default();
    while let Some(mut field) = form.next_field().await.map_err(|_| malformed())? {
        let name = field.name().unwrap_or_default().to_owned();
        if name != "file" {
            let value = text_of(&mut field).await?;
            words.take(&name, value);
            continue;
        }
        if !words.are_sound(who) {
            return Err(Refused::NotOurs);
        }
        let told = FileTold {
            name: field.file_name().unwrap_or_default().to_owned(),
            media_type: field.content_type().unwrap_or_default().to_owned(),
        };
        let draft = poured(edge, who, &mut field).await?;
        let say = Say {
            conversation: id,
            person: Some(who.person),
            text: words.text.trim().to_owned(),
            reply_to: words.reply.as_deref().and_then(|reply| reply.parse().ok()),
            class: Class::default(),
            idempotency_key: Some(format!("page:{}:{}", who.person, words.key)),
        };
        return Ok(edge.hub.say_file(say, told, draft).await.map(|_| ())?);
    }
    Err(if words.are_sound(who) { malformed() } else { Refused::NotOurs })
}

async fn poured(
    edge: &Shared,
    who: &SignedIn,
    field: &mut Field<'_>,
) -> Result<FileDraft, Refused> {
    let mut draft = edge.hub.begin_file().await?;
    while let Some(piece) = field.chunk().await.map_err(|_| malformed())? {
        if !edge.pages.budgets.take(who.person, piece.len() as u64, edge.hub.now()) {
            let why = "too much was sent within an hour; please try again later";
            return Err(Problem::new(Kind::Invalid, why).into());
        }
        draft.write(piece).await?;
    }
    Ok(draft)
}

async fn text_of(field: &mut Field<'_>) -> Result<String, Refused> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|_| malformed())? {
        if bytes.len() + piece.len() > FIELD_BYTES_MAX {
            return Err(malformed());
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|_| malformed())
}

/// A file of a conversation, for its members.
pub(crate) async fn file(
    State(edge): State<Shared>,
    who: SignedIn,
    Path((conversation, message)): Path<(u64, u64)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let (conversation, message) = (ConversationId(conversation), MessageSeq(message));
    let message = MessageSeq(message.0.min(i64::MAX.unsigned_abs()));
    match edge.hub.file_of(who.person, conversation, message).await {
        Ok(Some(opened)) => serve(&opened, &headers, method == Method::HEAD),
        Ok(None) => Problem::not_found("file").into_response(),
        Err(_) => Problem::unavailable("a file was not read").into_response(),
    }
}
