//! Messages that come through the hub's own API instead of a network.

use crate::calling;
use crate::compose::{Circumstances, seal, uris};
use crate::hush;
use crate::intake::plan_of;
use crate::pieces::Pieces;
use ieum_core::content::{Content, MessageId, salt_for_native};
use ieum_core::ids::{AccountId, ConversationId, EventKey, MessageSeq, PersonId};
use ieum_core::inbound::FileNote;
use ieum_core::media::MediaId;
use ieum_core::message::{Author, CONTENT_BYTES_MAX, Class, NewMessage};
use ieum_core::ports::store::{Admission, AdmitBatch, Admitted};

/// Longest text that the API takes, in bytes.
pub(crate) const SAY_BYTES_MAX: usize = 64 * 1024;

/// The account number under which the API's idempotency keys are remembered.
pub(crate) const API_ACCOUNT: AccountId = AccountId(0);

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    /// Where.
    pub conversation: ConversationId,
    /// By whom; `None` is the hub itself.
    pub person: Option<PersonId>,
    /// What.
    pub text: String,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// How doubt is treated.
    pub class: Class,
    /// The same key, the same message: a repetition is not said again.
    pub idempotency_key: Option<String>,
}

/// It is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Its place in the order; zero for a repetition that is no longer at hand.
    pub message: MessageSeq,
    /// Its canonical id.
    pub id: MessageId,
    /// Whether it had been said before under the same key.
    pub repeated: bool,
}

/// Why nothing was said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SayFailure {
    /// There is no such conversation, person or message.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The request cannot be carried out as it is.
    #[error("{0}")]
    Invalid(String),
    /// The person is not in the conversation.
    #[error("the person is not a member of the conversation")]
    NotAMember,
    /// The store cannot write now.
    #[error("not available now")]
    Unavailable,
}

/// What the words stand beside.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Words<'a> {
    /// Nothing.
    Alone,
    /// A file that is here.
    File(&'a FileNote, MediaId),
}

/// Admits a message of the API.
pub(crate) async fn say(pieces: &Pieces, say: Say) -> Result<Said, SayFailure> {
    if say.text.trim().is_empty() {
        return Err(SayFailure::Invalid("the text is empty".to_owned()));
    }
    say_words(pieces, say, Words::Alone).await
}

/// Admits a message whose words may stand beside something; beside a file there may be none.
pub(crate) async fn say_words(
    pieces: &Pieces,
    say: Say,
    words: Words<'_>,
) -> Result<Said, SayFailure> {
    check_place(pieces, &say)?;
    if let Some(answered) = say.reply_to {
        let found = pieces.store.message_by_id(answered).await;
        let found = found.map_err(|_| SayFailure::Unavailable)?;
        found
            .filter(|earlier| earlier.new.conversation == say.conversation)
            .ok_or(SayFailure::NotFound("message to answer in this conversation"))?;
    }
    let key = say.idempotency_key.as_ref();
    let key = key.map(|key| EventKey::new(format!("{}/{key}", say.conversation)));
    let event = key.map(|key| (API_ACCOUNT, key));
    if let Some(person) = say.person
        && let Some(words) =
            hush::hushed(pieces, say.conversation, person, Some(&say.text), event.as_ref())
    {
        return Err(SayFailure::Invalid(words));
    }
    let author = say.person.map_or(Author::Hub, Author::Person);
    let uris = uris(author, say.conversation);
    let salt = match &say.idempotency_key {
        Some(key) => salt_for_native(&pieces.secret, "api", &uris.room, key),
        None => pieces.entropy.next_16(),
    };
    let marks = calling::by_hand(pieces, say.conversation, &say.text);
    let content = match words {
        Words::Alone => Content::text(salt, &uris.sender, &uris.room, &say.text),
        Words::File(note, id) => {
            Content::file(salt, &uris.sender, &uris.room, (note, Some(id)), &say.text)
        }
    };
    let mut content = content.marked(&say.text, &marks);
    if let Some(answered) = say.reply_to {
        content = content.reply_to(answered);
    }
    let message = sealed(pieces, &content, (say.conversation, author), say.class)?;
    admitted(pieces, message, event).await
}

async fn admitted(
    pieces: &Pieces,
    message: NewMessage,
    event: Option<(AccountId, EventKey)>,
) -> Result<Said, SayFailure> {
    let (id, now) = (message.id, message.accepted_at);
    let _planning = pieces.gate.read().await;
    let plan = plan_of(pieces, &message, None);
    let admission = Admission {
        event,
        message: Some(message),
        deliveries: plan.deliveries,
        ..Admission::default()
    };
    let batch = AdmitBatch { at: now, admissions: vec![admission], cursor: None };
    let admitted = pieces.admit(batch).await.map_err(|_| SayFailure::Unavailable)?;
    match admitted.first() {
        Some(Admitted::New { message: Some(message), .. }) => {
            Ok(Said { message: *message, id, repeated: false })
        }
        Some(Admitted::New { message: None, .. } | Admitted::Known) | None => {
            repeated(pieces, id).await
        }
    }
}

/// What somebody says or does now, as a message; not one that is too large.
pub(crate) fn sealed(
    pieces: &Pieces,
    content: &Content,
    (conversation, author): (ConversationId, Author),
    class: Class,
) -> Result<NewMessage, SayFailure> {
    let now = pieces.now();
    let (accepted_at, origin_at) = (now, now);
    let how = Circumstances { conversation, author, source: None, accepted_at, origin_at, class };
    let message = seal(pieces, content, how);
    if message.content.len() > CONTENT_BYTES_MAX {
        return Err(SayFailure::Invalid("the message is too large".to_owned()));
    }
    Ok(message)
}

/// The same key again: the same answer, unless the words differ.
async fn repeated(pieces: &Pieces, id: MessageId) -> Result<Said, SayFailure> {
    let found = pieces.store.message_by_id(id).await.map_err(|_| SayFailure::Unavailable)?;
    match found {
        Some(message) => Ok(Said { message: message.seq, id, repeated: true }),
        None => {
            Err(SayFailure::Invalid("this idempotency key was used for another message".to_owned()))
        }
    }
}

/// Whether somebody may say this much there.
pub(crate) fn check_place(pieces: &Pieces, say: &Say) -> Result<(), SayFailure> {
    if say.text.len() > SAY_BYTES_MAX {
        return Err(SayFailure::Invalid(format!("the text is over {SAY_BYTES_MAX} bytes")));
    }
    pieces.read(|directory| {
        let conversation =
            directory.conversation(say.conversation).ok_or(SayFailure::NotFound("conversation"))?;
        let Some(person) = say.person else {
            return Ok(());
        };
        directory.person(person).ok_or(SayFailure::NotFound("person"))?;
        if conversation.members.contains(&person) {
            return Ok(());
        }
        Err(SayFailure::NotAMember)
    })
}
