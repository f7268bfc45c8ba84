//! `/v1/messages`: what was said, and saying something.

use super::{Answer, created, cut, json};
use crate::cursor::List;
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{JsonBody, PAGE_ROWS_MAX, PageQuery, PathOf, QueryOf, rows};
use crate::tokens::Caller;
use crate::views::message::MessageView;
use crate::words::Word;
use axum::Extension;
use axum::extract::State;
use http::{HeaderMap, HeaderValue};
use ieum_core::content::MessageId;
use ieum_core::ids::{ConversationId, MessageSeq, PersonId};
use ieum_core::message::{Class, Message};
use ieum_engine::{Say, SayFailure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The header by which a repeated call is recognised.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Longest idempotency key.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;
/// Set on the answer to a repeated call.
const REPEATED: &str = "idempotency-replayed";
/// Most content in one page; the rows that do not fit come with the next one.
const PAGE_CONTENT_BYTES_MAX: usize = 4 << 20;
/// Digits of a canonical message id.
const MESSAGE_ID_DIGITS: usize = 64;

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get(
            "/v1/conversations/{id}/messages",
            "Lists a conversation's messages, newest first",
            list,
        )
        .query::<PageQuery>()
        .gives::<MessagePage>(200)
        .fails(&[Kind::NotFound]),
        Endpoint::post("/v1/conversations/{id}/messages", "Says something in a conversation", say)
            .header(
                "Idempotency-Key",
                "1 to 128 visible ASCII characters. A second call with the same key and body says \
             nothing again and is answered with the first message.",
            )
            .takes::<SayBody>()
            .gives::<MessageView>(201)
            .fails(&[Kind::NotFound]),
        Endpoint::get(
            "/v1/messages/{message}",
            "One message, by its number or its canonical id",
            show,
        )
        .gives::<MessageView>(200)
        .fails(&[Kind::NotFound]),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct MessagePage {
    messages: Vec<MessageView>,
    /// Where the next (older) page begins; null on the last one.
    next_cursor: Option<String>,
}

/// Something to be said.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewMessage")]
#[serde(deny_unknown_fields)]
struct SayBody {
    /// Plain text.
    text: String,
    /// Who says it; the hub itself unless told.
    #[serde(default)]
    person: Option<u64>,
    /// The canonical id of the message that it answers.
    #[serde(default)]
    reply_to: Option<String>,
    /// How doubt is treated; `chat` unless told.
    #[serde(default)]
    class: Option<Word<Class>>,
}

async fn list(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    QueryOf(page): QueryOf<PageQuery>,
) -> Answer {
    let rows = rows(page.limit, PAGE_ROWS_MAX)?;
    // The largest place that every store can hold: a signed number.
    let newest = i64::MAX.unsigned_abs();
    let before = page.cursor.map_or(Ok(newest), |cursor| List::Messages.key(&cursor))?;
    let conversation = ConversationId(id);
    let known = |directory: &_| is_conversation(directory, conversation);
    if !edge.hub.with_directory(known) {
        return Err(Problem::not_found("conversation"));
    }
    let store = edge.hub.store();
    let before = MessageSeq(before.min(newest));
    let mut found = store.page_messages(conversation, before, rows + 1).await?;
    let fitting = rows.min(rows_that_fit(&found));
    let next = cut(&mut found, fitting, |message| message.seq.0);
    let messages = edge.hub.with_directory(|directory| {
        found.iter().map(|message| MessageView::of(message, directory)).collect()
    });
    json(&MessagePage { messages, next_cursor: next.map(|key| List::Messages.cursor(key)) })
}

/// How many of these make one page: always one, so that a walk goes on.
fn rows_that_fit(messages: &[Arc<Message>]) -> usize {
    let mut bytes = 0;
    let fits = |message: &&Arc<Message>| {
        bytes += message.new.content.len();
        bytes <= PAGE_CONTENT_BYTES_MAX
    };
    messages.iter().take_while(fits).count().max(1)
}

fn is_conversation(
    directory: &ieum_core::directory::Directory,
    conversation: ConversationId,
) -> bool {
    directory.conversation(conversation).is_some()
}

/// The message that a caller names by its number or its canonical id.
pub(crate) async fn find(edge: &Shared, name: &str) -> Result<Arc<Message>, Problem> {
    let store = edge.hub.store();
    let found = if name.len() == MESSAGE_ID_DIGITS {
        store.message_by_id(message_id(name)?).await?
    } else {
        let number: i64 =
            name.parse().ok().filter(|number| *number >= 0).ok_or_else(|| {
                Problem::new(Kind::Malformed, "neither a number nor a message id")
            })?;
        store.message(MessageSeq(number.unsigned_abs())).await?
    };
    found.ok_or_else(|| Problem::not_found("message"))
}

fn message_id(text: &str) -> Result<MessageId, Problem> {
    text.parse()
        .map_err(|_| Problem::new(Kind::Malformed, "a message id has 64 hexadecimal digits"))
}

async fn show(State(edge): State<Shared>, PathOf(name): PathOf<String>) -> Answer {
    let message = find(&edge, &name).await?;
    json(&edge.hub.with_directory(|directory| MessageView::of(&message, directory)))
}

async fn say(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SayBody>,
) -> Answer {
    let say = Say {
        conversation: ConversationId(id),
        person: body.person.map(PersonId),
        reply_to: body.reply_to.as_deref().map(message_id).transpose()?,
        class: body.class.map(|word| word.0).unwrap_or_default(),
        idempotency_key: idempotency_key(&headers, &caller)?,
        text: body.text,
    };
    let wanted = say.clone();
    let said = edge.hub.say(say).await.map_err(problem)?;
    let message = find(&edge, &said.message.to_string()).await?;
    let view = edge.hub.with_directory(|directory| MessageView::of(&message, directory));
    if said.repeated && !view.says(&wanted) {
        return Err(Problem::new(
            Kind::Invalid,
            "this Idempotency-Key was used for another message",
        ));
    }
    let mut response = created(format!("/v1/messages/{}", said.message), &view)?;
    if said.repeated {
        response.headers_mut().insert(REPEATED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The key as the engine is to know it: two tokens' keys never meet.
fn idempotency_key(headers: &HeaderMap, caller: &Caller) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let bytes = value.as_bytes();
    let fits = (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&bytes.len());
    match value.to_str() {
        Ok(key) if fits => Ok(Some(format!("{}:{key}", caller.name))),
        Ok(_) | Err(_) => Err(Problem::new(
            Kind::Malformed,
            format!("an Idempotency-Key has 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible characters"),
        )),
    }
}

fn problem(failure: SayFailure) -> Problem {
    match failure {
        SayFailure::NotFound(what) => Problem::not_found(what),
        SayFailure::NotAMember => Problem::new(Kind::Invalid, failure.to_string()),
        SayFailure::Invalid(why) => Problem::new(Kind::Invalid, why),
        SayFailure::Unavailable => Problem::unavailable("the hub did not admit a message"),
    }
}
