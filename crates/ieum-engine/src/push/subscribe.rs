//! Devices begin and cease to hear of messages: decided in `ieum_core::people::push`.
//!
//! Invariant: a device whose key cannot be sealed for is never kept.

use crate::hub::Hub;
use crate::pieces::{Pieces, lock};
use ieum_core::directory::{Change, Directory};
use ieum_core::ids::{ConversationId, JournalSeq, PersonId};
use ieum_core::people::push::{self, PUSH_KEY_BYTES, PushRefusal, Subscription, Tells};
use ieum_core::people::sessions::SessionMark;
use ieum_core::ports::push::Pusher;
use ieum_core::ports::store::StoreFailure;
use std::sync::Arc;

/// Why nothing came of a wish about a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushFailure {
    /// It may not be.
    #[error(transparent)]
    Refused(#[from] PushRefusal),
    /// This hub pushes nothing.
    #[error("this hub pushes nothing")]
    Off,
    /// The store cannot write now.
    #[error("not available now")]
    Unavailable,
}

impl From<StoreFailure> for PushFailure {
    fn from(failure: StoreFailure) -> Self {
        tracing::error!(%failure, "a change of devices was not kept");
        Self::Unavailable
    }
}

async fn decide(
    pieces: &Pieces,
    decision: impl FnOnce(&Directory) -> Result<Vec<Change>, PushRefusal>,
) -> Result<(), PushFailure> {
    let decided = pieces.change(|directory| match decision(directory) {
        Ok(changes) => (changes, Ok(())),
        Err(refusal) => (Vec::new(), Err(refusal)),
    });
    decided.await??;
    pieces.ring_journal();
    Ok(())
}

impl Hub {
    /// Tells devices of messages by this pusher from now on; none after a stop.
    pub fn push_by(&self, pusher: Arc<dyn Pusher>) {
        if self.pieces.pusher.set(Arc::clone(&pusher)).is_ok() {
            self.start_pushing(pusher);
        }
    }

    /// The hub's public key, which browsers tie a subscription to; none where nothing is pushed.
    #[must_use]
    pub fn push_key(&self) -> Option<[u8; PUSH_KEY_BYTES]> {
        self.pieces.pusher.get().map(|pusher| pusher.public_key())
    }

    /// Lets the device of a session hear of messages; since when is set here.
    ///
    /// # Errors
    /// A [`PushFailure`]; nothing was changed. The same holds for the next two.
    pub async fn subscribe(
        &self,
        mark: SessionMark,
        subscription: Subscription,
    ) -> Result<(), PushFailure> {
        let pusher = self.pieces.pusher.get().ok_or(PushFailure::Off)?;
        if !pusher.is_key(&subscription.key) {
            return Err(PushRefusal::Keys.into());
        }
        let from = JournalSeq(self.pieces.store.counts().await?.journal);
        *lock(&self.pieces.heard_from) = Some(from);
        let subscription = Subscription { since: self.now(), ..subscription };
        decide(&self.pieces, |directory| push::subscribed(directory, mark, subscription)).await
    }

    /// Changes what is shown on the device of a session.
    ///
    /// # Errors
    /// A [`PushFailure`].
    pub async fn set_told(&self, mark: SessionMark, tells: Tells) -> Result<(), PushFailure> {
        let now = self.now();
        decide(&self.pieces, |directory| push::told(directory, mark, tells, now)).await
    }

    /// Silences the device of a session.
    ///
    /// # Errors
    /// A [`PushFailure`].
    pub async fn unsubscribe(&self, mark: SessionMark) -> Result<(), PushFailure> {
        let now = self.now();
        decide(&self.pieces, |directory| Ok(push::unsubscribed(directory, mark, now))).await
    }

    /// Somebody was shown what stands in a conversation now, or the list of all of theirs.
    pub fn note_look(&self, person: PersonId, conversation: Option<ConversationId>) {
        lock(&self.pieces.looks).note(person, conversation, self.now());
    }
}
