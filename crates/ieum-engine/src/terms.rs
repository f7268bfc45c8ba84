//! Terms at work: decided in `ieum_core::people::terms`, made durable here; what they close is left
//! at once ([`crate::withdrawal`]).

use crate::people::ChangeFailure;
use crate::pieces::Pieces;
use ieum_core::directory::{Change, Directory};
use ieum_core::ids::{ConversationId, PersonId};
use ieum_core::network::Network;
use ieum_core::people::terms::{self, TermsRefusal};
use ieum_core::route::security::SecurityLevel;

impl From<TermsRefusal> for ChangeFailure {
    fn from(refusal: TermsRefusal) -> Self {
        match refusal {
            TermsRefusal::NoPerson => Self::NotFound("person"),
            TermsRefusal::NotAMember | TermsRefusal::TooMany => Self::Conflict(refusal.to_string()),
        }
    }
}

async fn decide(
    pieces: &Pieces,
    decision: impl FnOnce(&Directory) -> Result<Vec<Change>, TermsRefusal>,
) -> Result<(), ChangeFailure> {
    let decided = |directory: &Directory| match decision(directory) {
        Ok(changes) => (changes, Ok(())),
        Err(refusal) => (Vec::new(), Err(refusal)),
    };
    Ok(pieces.change(decided).await??)
}

pub(crate) async fn set_security(
    pieces: &Pieces,
    person: PersonId,
    level: SecurityLevel,
) -> Result<(), ChangeFailure> {
    decide(pieces, |directory| terms::set_security(directory, person, level)).await
}

pub(crate) async fn set_reach(
    pieces: &Pieces,
    person: PersonId,
    conversation: ConversationId,
    networks: Option<Vec<Network>>,
) -> Result<(), ChangeFailure> {
    decide(pieces, |directory| terms::set_reach(directory, person, conversation, networks)).await
}
