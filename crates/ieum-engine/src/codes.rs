//! One-time codes at work: drawn, kept, sent to an address, taken back.
//!
//! What is allowed is decided in `ieum_core::people::codes`. Invariant: no code is told to anybody
//! before it is durable, and none is accepted before its end is.

use crate::compose::hub_text;
use crate::notices::{self, HUB_CONVERSATION};
use crate::pieces::Pieces;
use crate::told::{ReplyPlace, tell, to_place};
use ieum_core::directory::{Change, Directory};
use ieum_core::ids::{AddressId, ConversationId, PersonId};
use ieum_core::people::code::{Code, CodeId, CodePurpose, CodeText, Party};
use ieum_core::people::codes::{Attempt, CodeRefusal, NewCode};
use ieum_core::ports::store::StoreFailure;
use ieum_core::time::Timestamp;

/// A code that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedCode {
    /// What for.
    pub purpose: CodePurpose,
    /// Whom it stands for when it comes back.
    pub owner: Party,
    /// Who asked for it, where it is not the owner: limited as well.
    pub asked_by: Option<Party>,
    /// The conversation that a room is to be joined to.
    pub conversation: Option<ConversationId>,
}

/// A code that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssuedCode {
    /// Its number: for whoever waits for it to be typed.
    pub ticket: CodeId,
    /// Its text, to be shown to nobody but its owner. Nothing else knows it.
    pub text: CodeText,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// A code that was sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentCode {
    /// Its number: for whoever waits for it to be typed.
    pub ticket: CodeId,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// Why there is no code, or none was accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeFailure {
    /// By the rules of codes.
    #[error(transparent)]
    Refused(#[from] CodeRefusal),
    /// There is no such owner, address or conversation.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The store cannot write now.
    #[error("not available now")]
    Unavailable,
}

impl From<StoreFailure> for CodeFailure {
    fn from(failure: StoreFailure) -> Self {
        tracing::error!(%failure, "what became of a code was not kept");
        Self::Unavailable
    }
}

/// Makes a code and tells it to the caller alone.
pub(crate) async fn issue(pieces: &Pieces, wanted: WantedCode) -> Result<IssuedCode, CodeFailure> {
    issue_as(pieces, CodeId(pieces.entropy.next_u64()), wanted).await
}

/// The same with a number that is known before.
pub(crate) async fn issue_as(
    pieces: &Pieces,
    id: CodeId,
    wanted: WantedCode,
) -> Result<IssuedCode, CodeFailure> {
    let text = CodeText::draw(&*pieces.entropy);
    let new = NewCode {
        id,
        mark: text.mark(wanted.purpose, &pieces.secret),
        purpose: wanted.purpose,
        owner: wanted.owner,
        asked_by: wanted.asked_by,
        conversation: wanted.conversation,
    };
    let now = pieces.now();
    let decide = |directory: &Directory| {
        known(directory, wanted)?;
        Ok(directory.codes().issue(new, now)?)
    };
    pieces
        .change(|directory| match decide(directory) {
            Ok(changes) => {
                let made = changes.iter().find_map(|change| made(change, text));
                (changes, made.ok_or(CodeFailure::Unavailable))
            }
            Err(failure) => (Vec::new(), Err(failure)),
        })
        .await?
}

fn made(change: &Change, text: CodeText) -> Option<IssuedCode> {
    let Change::Code(code) = change else { return None };
    Some(IssuedCode { ticket: code.id, text, expires_at: code.expires_at })
}

fn known(directory: &Directory, wanted: WantedCode) -> Result<(), CodeFailure> {
    let owner = match wanted.owner {
        Party::Person(id) => directory.person(id).is_some(),
        Party::Address(id) => directory.address(id).is_some(),
        Party::Peer(_) => false,
    };
    if !owner {
        return Err(CodeFailure::NotFound("owner"));
    }
    match wanted.conversation {
        Some(id) if directory.conversation(id).is_none() => {
            Err(CodeFailure::NotFound("conversation"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Makes a code for signing in and sends it to one of the person's addresses.
pub(crate) async fn send(
    pieces: &Pieces,
    person: PersonId,
    address: AddressId,
    asked_by: Party,
) -> Result<SentCode, CodeFailure> {
    let place = ReplyPlace::Person(person, address);
    let owned = pieces.read(|directory| {
        directory.address(address).is_some_and(|address| address.person == Some(person))
    });
    let delivery = to_place(pieces, place).filter(|_| owned);
    let delivery = delivery.ok_or(CodeFailure::NotFound("address"))?;
    let wanted = WantedCode {
        purpose: CodePurpose::SignIn,
        owner: Party::Person(person),
        asked_by: Some(asked_by),
        conversation: None,
    };
    let issued = issue(pieces, wanted).await?;
    let language = pieces.language_of(person);
    let words = notices::sign_in_code(&issued.text.to_string(), language);
    tell(pieces, hub_text(pieces, HUB_CONVERSATION, &words, None), delivery, None).await?;
    Ok(SentCode { ticket: issued.ticket, expires_at: issued.expires_at })
}

/// Takes a code that came back; once it is accepted it is used up.
pub(crate) async fn redeem(
    pieces: &Pieces,
    typed: &str,
    purpose: CodePurpose,
    ticket: Option<CodeId>,
    by: Party,
) -> Result<Code, CodeFailure> {
    let text = CodeText::read(typed).ok_or(CodeRefusal::Wrong)?;
    let mark = text.mark(purpose, &pieces.secret);
    let attempt = Attempt { mark, purpose, ticket, owner: None, by };
    let now = pieces.now();
    Ok(pieces.change(|directory| directory.codes().redeem(attempt, now)).await??)
}
