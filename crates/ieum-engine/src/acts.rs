//! What somebody does on the page to what was said: editing, withdrawing, reacting, taking a
//! reaction back.
//!
//! Each is a message of its own that goes the straight way. Invariant: only an author edits or
//! withdraws, and nobody does anything in a conversation that they are not in.

use crate::calling;
use crate::compose::uris;
use crate::hush::{self, Occasion};
use crate::intake::plan_of;
use crate::pieces::Pieces;
use crate::say::{API_ACCOUNT, SAY_BYTES_MAX, SayFailure, sealed};
use ieum_core::content::{Content, MessageId, What};
use ieum_core::ids::{ConversationId, EventKey, PersonId};
use ieum_core::message::{Author, Class, Message};
use ieum_core::ports::store::{Admission, AdmitBatch};

/// Longest reaction, in bytes: one sign with all that belongs to it.
const REACTION_BYTES_MAX: usize = 64;
/// Longest idempotency key.
const DEED_KEY_BYTES_MAX: usize = 128;

/// What is done to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// It says this now.
    Edit(String),
    /// It is withdrawn.
    Withdraw,
    /// Somebody reacts to it.
    React(String),
    /// The reaction that it is, is taken back.
    TakeBack,
}

/// A deed of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub person: PersonId,
    /// The message that it is done to: its first version.
    pub target: MessageId,
    /// What.
    pub deed: Deed,
}

/// Admits a deed; returns when it is durable. The same key again does nothing again.
pub(crate) async fn act(pieces: &Pieces, act: Act, key: Option<&str>) -> Result<(), SayFailure> {
    if key.is_some_and(|key| key.is_empty() || key.len() > DEED_KEY_BYTES_MAX) {
        return Err(SayFailure::Invalid(format!("a key has 1 to {DEED_KEY_BYTES_MAX} bytes")));
    }
    let found = pieces.store.message_by_id(act.target).await;
    let found = found.map_err(|_| SayFailure::Unavailable)?;
    let here = found.filter(|message| message.new.conversation == act.conversation);
    let target = here.ok_or(SayFailure::NotFound("message in this conversation"))?;
    let event = key.map(|key| {
        let (place, person) = (act.conversation, act.person);
        (API_ACCOUNT, EventKey::new(format!("deed/{place}/{person}/{key}")))
    });
    allowed(pieces, &act, &target, event.as_ref())?;
    let author = Author::Person(act.person);
    let content = content(pieces, &act, &target, author)?;
    let message = sealed(pieces, &content, (act.conversation, author), Class::Chat)?;
    let now = message.accepted_at;
    let _planning = pieces.gate.read().await;
    let deliveries = plan_of(pieces, &message, None).deliveries;
    let admission = Admission { event, message: Some(message), deliveries, ..Admission::default() };
    let batch = AdmitBatch { at: now, admissions: vec![admission], cursor: None };
    pieces.admit(batch).await.map(drop).map_err(|_| SayFailure::Unavailable)
}

fn allowed(
    pieces: &Pieces,
    act: &Act,
    target: &Message,
    this: Option<&Occasion>,
) -> Result<(), SayFailure> {
    let (is_member, is_author) = pieces.read(|directory| {
        let conversation = directory.conversation(act.conversation);
        let is_author = match target.new.author {
            Author::Person(id) => id == act.person,
            Author::Address(id) => {
                directory.address(id).and_then(|one| one.person) == Some(act.person)
            }
            Author::Hub => false,
        };
        (conversation.is_some_and(|one| one.members.contains(&act.person)), is_author)
    });
    if !is_member {
        return Err(SayFailure::NotAMember);
    }
    let text = match &act.deed {
        Deed::React(_) => None,
        Deed::Edit(text) if is_author => Some(text.as_str()),
        Deed::Withdraw | Deed::TakeBack if is_author => return Ok(()),
        Deed::Edit(_) | Deed::Withdraw | Deed::TakeBack => {
            return Err(SayFailure::Invalid("only its author can do that".to_owned()));
        }
    };
    match hush::hushed(pieces, act.conversation, act.person, text, this) {
        Some(words) => Err(SayFailure::Invalid(words)),
        None => Ok(()),
    }
}

fn content(
    pieces: &Pieces,
    act: &Act,
    target: &Message,
    author: Author,
) -> Result<Content, SayFailure> {
    let (uris, salt) = (uris(author, act.conversation), pieces.entropy.next_16());
    let invalid = |why: &str| SayFailure::Invalid(why.to_owned());
    let known = Content::decode(&target.new.content).map_err(|_| invalid("it cannot be read"))?;
    match (&act.deed, known.what()) {
        (Deed::Edit(text), What::Text(_)) => {
            if text.trim().is_empty() || text.len() > SAY_BYTES_MAX {
                return Err(SayFailure::Invalid(format!("1 to {SAY_BYTES_MAX} bytes of text")));
            }
            let marks = calling::by_hand(pieces, act.conversation, text);
            let edit = Content::edit(salt, &uris.sender, &uris.room, target.new.id, text);
            Ok(edit.marked(text, &marks))
        }
        (Deed::Withdraw, What::Text(_) | What::File { .. }) => {
            Ok(Content::withdrawal(salt, &uris.sender, &uris.room, target.new.id))
        }
        (Deed::React(emoji), What::Text(_) | What::File { .. }) => {
            if emoji.trim().is_empty() || emoji.len() > REACTION_BYTES_MAX {
                return Err(invalid("that is no reaction"));
            }
            Ok(Content::reaction(salt, &uris.sender, &uris.room, target.new.id, emoji))
        }
        (Deed::TakeBack, What::Reaction { target: to, .. }) => {
            let reaction = target.new.id;
            Ok(Content::reaction_withdrawal(salt, &uris.sender, &uris.room, reaction, to))
        }
        (Deed::Edit(_) | Deed::Withdraw | Deed::React(_) | Deed::TakeBack, _) => {
            Err(invalid("that cannot be done to it"))
        }
    }
}
