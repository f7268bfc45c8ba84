//! Deeds to what was said: a reaction, taking one back, a withdrawal.
//!
//! Who may do what is decided in the engine. Invariant: a message that is not in a conversation of
//! the reader's is answered like one that is not there.

use super::form::{Sent, sound};
use super::inbox::{mine, problem};
use super::reader::Reader;
use super::sessions::SignedIn;
use super::wrong::Wrong;
use crate::edge::Shared;
use axum::extract::rejection::PathRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use ieum_core::ids::ConversationId;
use ieum_engine::{Act, Deed};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Bytes of a click's key.
const KEY_BYTES: usize = 16;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DeedWord {
    React,
    TakeBack,
    Withdraw,
}

/// A deed as a form sends it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    csrf: String,
    target: String,
    deed: DeedWord,
    #[serde(default)]
    emoji: Option<String>,
    /// The newest message of the conversation when the page was made: a reaction that was taken
    /// back can be given again.
    #[serde(default)]
    seen: u64,
}

impl Done {
    /// The same for a click that comes twice, and for nothing else.
    fn key(&self) -> String {
        let words = format!("{:?}\n{}\n{}\n{:?}", self.deed, self.target, self.seen, self.emoji);
        let digest = Sha256::digest(words);
        digest.iter().take(KEY_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Sent for Done {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Does it and goes back to the conversation.
pub(super) async fn act(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    id: Result<Path<u64>, PathRejection>,
    headers: HeaderMap,
    Form(done): Form<Done>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &done)?;
    let found = id.ok().and_then(|Path(id)| mine(&edge, ConversationId(id), who.person));
    let target = done.target.parse().ok();
    let Some(((conversation, _), target)) = found.zip(target) else {
        return Err(Wrong::nothing(&reader).into_response());
    };
    let key = done.key();
    let deed = match done.deed {
        DeedWord::React => Deed::React(done.emoji.unwrap_or_default()),
        DeedWord::TakeBack => Deed::TakeBack,
        DeedWord::Withdraw => Deed::Withdraw,
    };
    let act = Act { conversation, person: who.person, target, deed };
    match edge.hub.act_once(act, &key).await {
        Ok(()) => Ok(Redirect::to(&format!("/inbox/{conversation}")).into_response()),
        Err(failure) => Err(Wrong::new(&reader, problem(failure)).into_response()),
    }
}
