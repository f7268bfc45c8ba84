//! A person's export as it is handed out: lines of JSON, or one page to be read.
//!
//! Both are streams of the same parts, so that a large past takes no more memory than a small one.
//! Invariant: what somebody wrote is shown as text and never as markup.

use crate::edge::Shared;
use crate::problem::Problem;
use crate::views::message::{ContentKind, MessageView};
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use ieum_core::directory::Directory;
use ieum_core::ids::PersonId;
use ieum_core::people::groups::Role;
use ieum_core::people::sessions::VisitKind;
use ieum_core::time::Timestamp;
use ieum_engine::{ChangeFailure, ExportPlace, Exported};
use maud::html;
use serde_json::{Value, json};

/// The media type of lines of JSON.
pub(crate) const JSON_LINES: &str = "application/x-ndjson";

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExportForm {
    /// One JSON object a line.
    Lines,
    /// One page of HTML, without anything from elsewhere.
    Page,
}

const PAGE_HEAD: &str = "<!doctype html><html lang=\"ko\"><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\"><title>Ieum</title>\
    <style>body{font:16px/1.6 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem}\
    dt{color:#666}dd{margin:0 0 .6rem;white-space:pre-wrap;overflow-wrap:anywhere}</style>\
    <h1>이음에 있는 나의 모든 것 · Everything the hub holds of me</h1><dl>";
const PAGE_END: &str = "</dl></html>";

/// All of it as a stream. The first part is read before this answers, so that a person who is not
/// there is told as such.
pub(crate) async fn body(
    edge: &Shared,
    person: PersonId,
    form: ExportForm,
) -> Result<Body, Problem> {
    let first = edge.hub.export(person, ExportPlace::Begin).await?;
    let head = if form == ExportForm::Page { PAGE_HEAD } else { "" };
    let begin = format!("{head}{}", written(edge, &first.items, form));
    let edge = edge.clone();
    let rest = stream::try_unfold(first.next, move |place| {
        let edge = edge.clone();
        async move {
            let Some(place) = place else { return Ok::<_, ChangeFailure>(None) };
            let part = edge.hub.export(person, place).await?;
            let mut text = written(&edge, &part.items, form);
            if part.next.is_none() && form == ExportForm::Page {
                text.push_str(PAGE_END);
            }
            Ok(Some((Bytes::from(text), part.next)))
        }
    });
    let begin = stream::iter([Ok(Bytes::from(begin))]);
    Ok(Body::from_stream(futures_util::StreamExt::chain(begin, rest)))
}

fn written(edge: &Shared, items: &[Exported], form: ExportForm) -> String {
    edge.hub.with_directory(|directory| match form {
        ExportForm::Lines => {
            items.iter().map(|item| format!("{}\n", line(item, directory))).collect()
        }
        ExportForm::Page => items.iter().map(|item| paragraph(item, directory)).collect(),
    })
}

/// One thing as an object: what it is in `record`.
fn line(item: &Exported, directory: &Directory) -> Value {
    match item {
        Exported::Person(one) => json!({ "record": "person", "person": one }),
        Exported::Address(one) => {
            let network = directory.network_of(one.account).map(|network| network.word());
            json!({ "record": "address", "network": network, "address": one })
        }
        Exported::Card(one) => json!({ "record": "contacts", "contacts": one }),
        Exported::Terms(one) => json!({ "record": "terms", "terms": one }),
        Exported::Conversation(one, role) => json!({
            "record": "conversation",
            "id": one.id,
            "kind": one.kind,
            "title": one.title,
            "role": role_word(*role),
        }),
        Exported::Visit(one) => json!({ "record": "visit", "visit": one }),
        Exported::Passkey(one) => json!({ "record": "passkey", "passkey": one }),
        Exported::Device(browser, one) => json!({
            "record": "device",
            "browser": browser,
            "endpoint": one.endpoint,
            "tells": one.tells,
            "since_ms": one.since,
        }),
        Exported::Message(one) => {
            json!({ "record": "message", "message": MessageView::of(one, directory) })
        }
        Exported::Look { at, what, by } => {
            json!({ "record": "look", "at_ms": at.0, "what": what, "by": by })
        }
    }
}

const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Moderator => "moderator",
        Role::Member => "member",
    }
}

/// One thing to be read: what it is, and what it says.
fn paragraph(item: &Exported, directory: &Directory) -> String {
    let (what, says) = match item {
        Exported::Person(one) => ("이름 · Name".to_owned(), one.name.to_string()),
        Exported::Address(one) => {
            let network = directory.network_of(one.account).map_or("", |network| network.word());
            (format!("주소 · Address ({network})"), format!("{} {}", one.name, one.user.as_str()))
        }
        Exported::Card(one) => {
            let names = one.contacts.iter().filter_map(|other| directory.person(other.other));
            let names: Vec<&str> = names.map(|person| &*person.name).collect();
            let handle = one.handle.as_deref().unwrap_or("–");
            ("연락처 · Contacts".to_owned(), format!("@{handle}: {}", names.join(", ")))
        }
        Exported::Terms(one) => ("조건 · Terms".to_owned(), format!("{:?}", one.security_min)),
        Exported::Conversation(one, role) => {
            (format!("대화 · Conversation ({})", role_word(*role)), one.title.to_string())
        }
        Exported::Visit(one) => {
            let kind = match one.kind {
                VisitKind::Opened => "로그인 · Signed in",
                VisitKind::Closed => "로그아웃 · Signed out",
                VisitKind::ClosedAll => "모두 로그아웃 · Signed out everywhere",
                VisitKind::OpenedByPasskey => "패스키로 로그인 · Signed in by a passkey",
                VisitKind::PasskeyAdded => "패스키 추가 · Passkey added",
                VisitKind::PasskeyRemoved => "패스키 삭제 · Passkey removed",
            };
            (kind.to_owned(), format!("{} {}", moment(one.at), one.browser))
        }
        Exported::Passkey(one) => {
            ("패스키 · Passkey".to_owned(), format!("{} {}", moment(one.added_at), one.name))
        }
        Exported::Device(browser, one) => (
            "알림을 받는 기기 · Notified device".to_owned(),
            format!("{} {browser}", moment(one.since)),
        ),
        Exported::Message(one) => said(&MessageView::of(one, directory)),
        Exported::Look { at, what, by } => (
            "운영자가 봄 · Looked at by an operator".to_owned(),
            format!("{} {what} {by}", moment(*at)),
        ),
    };
    html! { dt { (what) } dd { (says) } }.into_string()
}

fn said(view: &MessageView) -> (String, String) {
    let head = format!("{} · {}", moment(Timestamp(view.accepted_at_ms)), view.author.name);
    let file = view.file.as_ref().map(|file| format!("[{}] ", file.name)).unwrap_or_default();
    let text = view.text.clone().unwrap_or_default();
    let text = match view.kind {
        ContentKind::Withdrawal | ContentKind::ReactionWithdrawal => "(withdrawn)".to_owned(),
        ContentKind::Removed => "(removed)".to_owned(),
        ContentKind::Text
        | ContentKind::Edit
        | ContentKind::Reaction
        | ContentKind::File
        | ContentKind::Other => text,
    };
    (head, format!("{file}{text}"))
}

/// In UTC, which is the same wherever it is read.
fn moment(at: Timestamp) -> String {
    let nanoseconds = i128::from(at.0) * 1_000_000;
    let moment = time::OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok();
    let form = &time::format_description::well_known::Rfc3339;
    moment.and_then(|moment| moment.format(form).ok()).unwrap_or_else(|| at.0.to_string())
}
