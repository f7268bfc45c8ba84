//! Events that change more than what is said, such as commands, comings and goings: each is
//! carried out once, however often its network hands it in.
//!
//! A message that comes twice is known by its admission, which comes last; what changes the
//! directory happens before, so it is asked here first. It is not a lock of the directory.
//! Invariant: of one event at most one copy is on its way, and none after it was admitted.

use crate::intake::{Taken, Taking};
use crate::pieces::lock;
use ieum_core::ids::{AccountId, EventKey};
use ieum_core::inbound::{Inbound, InboundKind};
use ieum_core::network::ChatKind;
use ieum_core::people::command::{command, join_code, yes_or_no};
use ieum_core::people::group_command::group_command;
use ieum_core::ports::store::StoreFailure;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Events that are being carried out.
pub(crate) type Begun = Arc<Mutex<BTreeSet<(AccountId, EventKey)>>>;

/// Where an event that changes something stands.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It changes nothing that its admission does not guard.
    Free,
    /// It is this call's to carry out; kept until it is admitted.
    Ours(Carrying),
    /// It was carried out before.
    Repeated,
}

/// An event that is carried out now; dropped when it is admitted, or was not.
#[derive(Debug)]
pub(crate) struct Carrying {
    begun: Begun,
    event: (AccountId, EventKey),
}

impl Drop for Carrying {
    fn drop(&mut self) {
        lock(&self.begun).remove(&self.event);
    }
}

impl Carrying {
    /// Takes it up, unless another call has it.
    fn begin(begun: &Begun, event: (AccountId, EventKey)) -> Option<Self> {
        let new = lock(begun).insert(event.clone());
        new.then(|| Self { begun: Arc::clone(begun), event })
    }
}

impl Taking<'_> {
    /// Whose turn it is to carry this event out. Fails when another call is at it: the network is
    /// to hand it in again, and learns then what came of it.
    pub(crate) async fn turn(&self, event: &Inbound) -> Result<Turn, StoreFailure> {
        if !changes_something(event) {
            return Ok(Turn::Free);
        }
        let key = (self.account.id, event.event.clone());
        if self.before.iter().any(|one| is_of(one, &key)) {
            return Ok(Turn::Repeated);
        }
        let Some(carrying) = Carrying::begin(&self.pieces.begun, key.clone()) else {
            return Err(StoreFailure::Unavailable("the event is being carried out".to_owned()));
        };
        let known = self.pieces.store.knows_event(key.0, key.1).await?;
        Ok(if known { Turn::Repeated } else { Turn::Ours(carrying) })
    }
}

fn is_of(taken: &Taken, key: &(AccountId, EventKey)) -> bool {
    taken.admission.event.as_ref() == Some(key)
}

/// Whether it may change the directory.
fn changes_something(event: &Inbound) -> bool {
    match &event.kind {
        InboundKind::PeopleJoined(_)
        | InboundKind::PeopleLeft(_)
        | InboundKind::WeJoined
        | InboundKind::WeLeft
        | InboundKind::Migrated { .. } => true,
        InboundKind::Message(message) if message.file.is_some() => false,
        InboundKind::Message(message) => asks_something(event.chat.kind, &message.text),
        InboundKind::Button { payload } => asks_something(event.chat.kind, payload),
        InboundKind::Edit { .. }
        | InboundKind::Withdrawal { .. }
        | InboundKind::Reaction { .. }
        | InboundKind::Unreadable(_)
        | InboundKind::Receipt { .. } => false,
    }
}

/// Whether words may be for the hub, or turn a direct chat to another conversation.
fn asks_something(kind: ChatKind, text: &str) -> bool {
    let words = text.trim_start();
    let renames = ["이름 ", "name "].iter().any(|word| words.starts_with(word));
    match kind {
        ChatKind::Direct => {
            renames
                || words.starts_with('@')
                || yes_or_no(text).is_some()
                || command(text).is_some()
                || group_command(text).is_some()
        }
        ChatKind::Group => renames || join_code(text).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(key: &str) -> (AccountId, EventKey) {
        (AccountId(1), EventKey::new(key))
    }

    #[test]
    fn an_event_is_carried_out_by_one_call_at_a_time() {
        let begun = Begun::default();
        let first = Carrying::begin(&begun, event("a"));
        assert!(first.is_some());
        assert!(Carrying::begin(&begun, event("a")).is_none());
        assert!(Carrying::begin(&begun, event("b")).is_some(), "another event");
        assert!(Carrying::begin(&begun, (AccountId(2), EventKey::new("a"))).is_some());
        drop(first);
        assert!(Carrying::begin(&begun, event("a")).is_some());
        assert!(lock(&begun).is_empty(), "nothing is kept for ever");
    }

    #[test]
    fn ordinary_words_are_asked_about_nowhere() {
        for text in ["안녕", "  늦어요", "연결이 이상해", "사진 봤어?", "12345"] {
            assert!(!asks_something(ChatKind::Direct, text), "{text}");
            assert!(!asks_something(ChatKind::Group, text), "{text}");
        }
        for text in ["@가족 안녕", " 그만", "네", "여기로", "이름 민지", "모임 만들기 산악회"]
        {
            assert!(asks_something(ChatKind::Direct, text), "{text}");
        }
        assert!(!asks_something(ChatKind::Group, "@가족 안녕"), "a room has its conversation");
    }
}
