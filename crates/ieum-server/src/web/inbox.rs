//! The inbox: a person's conversations, one of them, and writing in it.
//!
//! What is shown comes from the store; what is written goes the straight way through `Hub::say`.
//! Invariant: a conversation that the reader is not a member of is answered like one that is not.

use super::about::About;
use super::frame::{Tab, page as framed};
use super::reader::{Reader, same_site};
use super::search;
use super::sessions::{SignedIn, csrf_field, not_ours};
use super::status::wall;
use super::thread::{Thread, snippet};
use super::wrong::Wrong;
use crate::edge::Shared;
use crate::problem::{Kind, Problem};
use axum::extract::rejection::PathRejection;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use ieum_core::directory::{Conversation, ConversationKind, Directory};
use ieum_core::ids::{ConversationId, MessageSeq, PersonId};
use ieum_core::message::{Class, Message};
use ieum_core::ports::store::{PAGE_ROWS_MAX, StoreFailure};
use ieum_engine::{Act, Deed, Say, SayFailure, UPLOAD_BYTES_MAX};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Conversations on one page of the list.
const CONVERSATIONS_MAX: usize = 60;
/// Messages on one page of a conversation.
const MESSAGES_MAX: usize = 60;
/// Names that stand for a conversation without a title.
const NAMES_MAX: usize = 4;
/// Longest key of a form.
const KEY_BYTES_MAX: usize = 64;
/// The largest place that every store can hold: a signed number.
const NEWEST: MessageSeq = MessageSeq(i64::MAX.unsigned_abs());

/// Where a page of the list begins.
#[derive(Debug, Deserialize)]
pub(super) struct From {
    /// How many conversations moved later than those on this page.
    #[serde(default)]
    from: usize,
}

/// The conversations of the reader, those in which something was said last first.
pub(super) async fn list(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    Query(From { from }): Query<From>,
) -> Response {
    match Listed::read(&edge, who.person, from).await {
        Ok(listed) => {
            if from == 0 {
                edge.hub.note_look(who.person, None);
            }
            let title = reader.say("대화", "Conversations");
            framed(&reader, Tab::Inbox, title, &listed.shown(&edge, &reader)).into_response()
        }
        Err(failure) => Wrong::new(&reader, failure).into_response(),
    }
}

/// One page of the list.
struct Listed {
    rows: Vec<Row>,
    /// Where the next page begins, when there is one.
    more_from: Option<usize>,
}

struct Row {
    id: ConversationId,
    title: String,
    last: Option<Arc<Message>>,
}

impl Listed {
    async fn read(edge: &Shared, person: PersonId, from: usize) -> Result<Self, StoreFailure> {
        let store = edge.hub.store();
        let own = edge.hub.with_directory(|directory| directory.conversations_of(person).to_vec());
        let mut moved = Vec::with_capacity(own.len());
        for some in own.chunks(PAGE_ROWS_MAX) {
            moved.extend(store.newest_in(some.to_vec()).await?.into_iter().zip(some));
        }
        moved.sort_unstable_by(|one, other| other.cmp(one));
        let more_from =
            Some(from.saturating_add(CONVERSATIONS_MAX)).filter(|end| *end < moved.len());
        let mut rows = Vec::with_capacity(CONVERSATIONS_MAX);
        for (newest, id) in moved.into_iter().skip(from).take(CONVERSATIONS_MAX) {
            let known = edge.hub.with_directory(|directory| {
                directory.conversation(*id).map(|found| title(directory, found, person))
            });
            let Some(title) = known else { continue };
            let last = match newest {
                Some(seq) => store.message(seq).await?,
                None => None,
            };
            rows.push(Row { id: *id, title, last });
        }
        Ok(Self { rows, more_from })
    }

    fn shown(&self, edge: &Shared, reader: &Reader) -> Markup {
        html! {
            h1 { (reader.say("대화", "Conversations")) }
            @if !self.rows.is_empty() { (search::field(reader, "")) }
            p class="older" { a href="/groups" { (reader.say("모임과 초대", "Groups, invitations")) } }
            div data-refresh="15" data-live="all" {
                @if self.rows.is_empty() {
                    section class="empty" {
                        h2 { (reader.say("아직 대화가 없어요", "No conversation yet")) }
                        p { (reader.say(
                            "누군가 초대하거나 이어진 방에 들어가면 여기에 보여요.",
                            "Once somebody invites you or you are in a joined room, it is here.",
                        )) }
                    }
                } @else {
                    ul class="rows" {
                        @for row in &self.rows { li { (list_row(edge, reader, row)) } }
                    }
                }
                @if let Some(from) = self.more_from {
                    p class="older" { a href={ "?from=" (from) } {
                        (reader.say("이전 대화 보기", "Earlier conversations"))
                    } }
                }
            }
        }
    }
}

/// Its title, or who else is in it.
fn title(directory: &Directory, conversation: &Conversation, person: PersonId) -> String {
    if !conversation.title.is_empty() {
        return conversation.title.to_string();
    }
    let others = conversation.members.iter().filter(|member| **member != person);
    let names = others.filter_map(|member| directory.person(*member)).take(NAMES_MAX);
    names.map(|person| &*person.name).collect::<Vec<_>>().join(", ")
}

fn list_row(edge: &Shared, reader: &Reader, row: &Row) -> Markup {
    let wall = wall(edge);
    let last = row.last.as_ref();
    let words =
        last.map(|last| edge.hub.with_directory(|directory| snippet(reader, last, directory)));
    html! {
        a class="row" href={ "/inbox/" (row.id) } {
            span class="row-text" {
                strong { (row.title) }
                span class="quiet one-line" {
                    (words.unwrap_or_else(|| reader.say("아직 말이 없어요", "Nothing said yet").into()))
                }
            }
            @if let Some(last) = last {
                span class="quiet" { (wall.moment(last.new.accepted_at, reader)) }
            }
        }
    }
}

/// Where a page of a conversation ends.
#[derive(Debug, Deserialize)]
pub(super) struct Before {
    #[serde(default)]
    before: Option<u64>,
    /// The message that is answered.
    #[serde(default)]
    pub(super) reply: Option<String>,
    /// The message that is edited.
    #[serde(default)]
    pub(super) edit: Option<String>,
}

/// One conversation.
pub(super) async fn conversation(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    id: Result<Path<u64>, PathRejection>,
    Query(before): Query<Before>,
) -> Response {
    let found = id.ok().and_then(|Path(id)| mine(&edge, ConversationId(id), who.person));
    let Some((id, title)) = found else {
        return Wrong::nothing(&reader).into_response();
    };
    let about = About::of(&edge, id, who.person, &before).await;
    let answered = before.reply.clone().filter(|_| about.is_some());
    let before = before.before.map_or(NEWEST, |seq| MessageSeq(seq.min(NEWEST.0)));
    match Thread::read(&edge, id, who.person, before, MESSAGES_MAX).await {
        Ok(thread) => {
            if before == NEWEST {
                edge.hub.note_look(who.person, Some(id));
            }
            let body = html! {
                p class="back" { a href="/inbox" { "‹ " (reader.say("대화", "Conversations")) } }
                h1 { bdi { (title) } }
                (of_group(&edge, &reader, id))
                div class="thread" data-refresh="15" data-live=(id) {
                    (thread.shown(&reader, &who, wall(&edge)))
                }
                (attaching(&edge, &reader, &who, id, answered.as_deref()))
                (writing(&edge, &reader, &who, id, about.as_ref()))
            };
            framed(&reader, Tab::Inbox, &title, &body).into_response()
        }
        Err(failure) => Wrong::new(&reader, failure).into_response(),
    }
}

/// The way to the people, rooms and terms of a group.
fn of_group(edge: &Shared, reader: &Reader, id: ConversationId) -> Markup {
    let kind = edge.hub.with_directory(|all| all.conversation(id).map(|one| one.kind));
    html! { @if kind != Some(ConversationKind::Direct) {
        p { a href={ "/groups/" (id) } { (reader.say("사람과 방", "People and rooms")) } }
    } }
}

/// A conversation that this person is in, with its title.
pub(super) fn mine(
    edge: &Shared,
    id: ConversationId,
    person: PersonId,
) -> Option<(ConversationId, String)> {
    edge.hub.with_directory(|directory| {
        let found = directory.conversation(id)?;
        found.members.contains(&person).then(|| (id, title(directory, found, person)))
    })
}

fn writing(
    edge: &Shared,
    reader: &Reader,
    who: &SignedIn,
    id: ConversationId,
    about: Option<&About>,
) -> Markup {
    let key = format!("{:016x}", edge.hub.entropy().next_u64());
    html! {
        form class="write" method="post" action={ "/inbox/" (id) }
            data-write={ (who.person) "-" (id) } {
            (csrf_field(who))
            input type="hidden" name="key" value=(key);
            @if let Some(about) = about { (about.shown(reader, id)) }
            label class="unseen-label" for="text" { (reader.say("할 말", "What to say")) }
            textarea id="text" name="text" rows="1" required
                placeholder=(reader.say("할 말", "What to say")) {
                (about.map(About::draft).unwrap_or_default())
            }
            button { (reader.say("보내기", "Send")) }
            p class="quiet waiting" role="status" data-waiting=(reader.say(
                "연결되면 보낼게요. 이 기기에 적어 두었어요.",
                "Kept on this device; it is sent once there is a connection.",
            )) data-refused=(reader.say(
                "보내지 못했어요. 다시 들어와 주세요.",
                "This could not be sent. Please sign in again.",
            )) data-returned=(reader.say(
                "이 말은 보낼 수 없었어요. 조금 뒤에, 또는 고쳐서 보내 주세요.",
                "This could not be said. Please wait a little, or change it.",
            )) {}
        }
    }
}

/// The form for a picture or file. The words stand before the file: they are read in that order.
fn attaching(
    edge: &Shared,
    reader: &Reader,
    who: &SignedIn,
    id: ConversationId,
    reply: Option<&str>,
) -> Markup {
    let key = format!("{:016x}", edge.hub.entropy().next_u64());
    let title = reader.say("사진이나 파일 보내기", "Send a picture or file");
    html! { details class="attach" {
        summary { (title) }
        form method="post" action={ "/inbox/" (id) "/files" } enctype="multipart/form-data"
            data-attach={ (who.person) "-" (id) } data-place={ "/inbox/" (id) }
            data-bytes-max=(UPLOAD_BYTES_MAX) {
            (csrf_field(who))
            input type="hidden" name="key" value=(key);
            @if let Some(reply) = reply { input type="hidden" name="reply" value=(reply); }
            label for="beside" { (reader.say("함께 보낼 말 (없어도 돼요)", "Words beside it (optional)")) }
            input id="beside" name="text" maxlength="1000" autocomplete="off";
            label for="file" { (reader.say("사진이나 파일, 32 MB까지", "Picture or file, up to 32 MB")) }
            input id="file" type="file" name="file" required;
            div class="preview" hidden
                data-alt=(reader.say("보낼 사진", "The picture to be sent")) {}
            button { (reader.say("파일 보내기", "Send file")) }
            p class="quiet" role="status" data-going=(reader.say(
                "보내는 중이에요…", "Being sent…",
            )) data-waiting=(reader.say(
                "연결되면 보낼게요. 이 기기에 담아 두었어요.",
                "Kept on this device; it is sent once there is a connection.",
            )) data-open=(reader.say(
                "커서 담아 두지 못해요. 이 화면을 열어 두면 연결될 때 보낼게요.",
                "Too large to be kept. Leave this page open; it goes once there is a connection.",
            )) data-large=(reader.say(
                "32 MB보다 큰 파일은 보낼 수 없어요.", "Files over 32 MB cannot be sent.",
            )) data-refused=(reader.say(
                "이 파일은 보낼 수 없었어요. 사진이라면 정말 사진인지 봐 주세요.",
                "This file could not be sent. If it is a picture: is it really one?",
            )) data-again=(reader.say(
                "보내지 못했어요. 다시 들어와 주세요.",
                "This could not be sent. Please sign in again.",
            )) {}
        }
    } }
}

/// Something to be said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    csrf: String,
    key: String,
    text: String,
    #[serde(default)]
    reply: Option<String>,
    #[serde(default)]
    edit: Option<String>,
}

/// Says it; the same key again is not said again.
pub(super) async fn write(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    id: Result<Path<u64>, PathRejection>,
    headers: HeaderMap,
    Form(written): Form<Written>,
) -> Response {
    let key = written.key;
    let sound = (1..=KEY_BYTES_MAX).contains(&key.len()) && key.is_ascii();
    if same_site(&headers).is_err() || !who.sent(&written.csrf) || !sound {
        return not_ours(&reader);
    }
    let found = id.ok().and_then(|Path(id)| mine(&edge, ConversationId(id), who.person));
    let Some((id, _)) = found else {
        return Wrong::nothing(&reader).into_response();
    };
    let named = |name: &Option<String>| name.as_deref().and_then(|name| name.parse().ok());
    if let Some(target) = named(&written.edit) {
        let deed = Deed::Edit(written.text.replace("\r\n", "\n"));
        let act = Act { conversation: id, person: who.person, target, deed };
        return match edge.hub.act_once(act, &format!("edit:{key}")).await {
            Ok(()) => Redirect::to(&format!("/inbox/{id}")).into_response(),
            Err(failure) => Wrong::new(&reader, problem(failure)).into_response(),
        };
    }
    let say = Say {
        conversation: id,
        person: Some(who.person),
        text: written.text.replace("\r\n", "\n"),
        reply_to: named(&written.reply),
        class: Class::default(),
        idempotency_key: Some(format!("page:{}:{key}", who.person)),
    };
    match edge.hub.say(say).await {
        Ok(_) => Redirect::to(&format!("/inbox/{id}")).into_response(),
        Err(failure) => Wrong::new(&reader, problem(failure)).into_response(),
    }
}

/// Why nothing was said or done.
pub(super) fn problem(failure: SayFailure) -> Problem {
    match failure {
        SayFailure::NotFound(what) => Problem::not_found(what),
        SayFailure::NotAMember => Problem::not_found("conversation"),
        SayFailure::Invalid(why) => Problem::new(Kind::Invalid, why),
        SayFailure::Unavailable => Problem::unavailable("the hub did not admit a message"),
    }
}
