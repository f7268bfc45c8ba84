//! What people do with conversations and their own terms, on the handle of the hub.
//!
//! Invariant: nothing here decides; each call leads to one decision of `ieum_core::people`.

use crate::acts::{self, Act};
use crate::bygone::{self, Bygone, BygoneKept};
use crate::contacts::{self, ContactFailure};
use crate::export::{self, ExportPart, ExportPlace};
use crate::farewell;
use crate::groups::{self, GroupAct};
use crate::hub::Hub;
use crate::people::ChangeFailure;
use crate::say::SayFailure;
use crate::search::{self, Hits, Present, Search, SearchRefusal};
use crate::sessions::{self, PasskeyFailure};
use crate::terms;
use ieum_core::ids::{ConversationId, MessageSeq, PersonId};
use ieum_core::network::Network;
use ieum_core::people::passkeys::{Entry, Passkey, PasskeyId, UserHandle};
use ieum_core::route::roster::Seat;
use ieum_core::route::security::SecurityLevel;
use std::collections::BTreeMap;

impl Hub {
    /// Does something to a conversation: makes a group, invites, leaves, moderates. Gives the
    /// conversation that it was about.
    ///
    /// # Errors
    /// A [`ChangeFailure`]; nothing was changed. The same holds for all below.
    pub async fn group_act(&self, act: GroupAct) -> Result<ConversationId, ChangeFailure> {
        Ok(Box::pin(groups::carry_out(&self.pieces, act)).await??)
    }

    /// Does something to what was said: edits, withdraws, reacts. Returns when it is durable.
    ///
    /// # Errors
    /// A [`SayFailure`]; nothing was done.
    pub async fn act(&self, act: Act) -> Result<(), SayFailure> {
        acts::act(&self.pieces, act, None).await
    }

    /// The same under a key: a repetition with the same key, of the same person in the same
    /// conversation, does nothing again.
    ///
    /// # Errors
    /// A [`SayFailure`]; nothing was done.
    pub async fn act_once(&self, act: Act, key: &str) -> Result<(), SayFailure> {
        acts::act(&self.pieces, act, Some(key)).await
    }

    /// Lets go of a block: who was blocked is a stranger again, who may ask.
    ///
    /// # Errors
    /// A [`ContactFailure`]; also when they are not blocked.
    pub async fn unblock(&self, person: PersonId, other: PersonId) -> Result<(), ContactFailure> {
        contacts::unblock(&self.pieces, person, other).await
    }

    /// Looks for something that was said in the conversations of a person, newest first.
    ///
    /// # Errors
    /// A [`SearchRefusal`].
    pub async fn search(&self, search: Search) -> Result<Hits, SearchRefusal> {
        search::search(&self.pieces, search).await
    }

    /// Those of some messages that were edited or withdrawn since, however much later; at most 256
    /// are looked at. What happened in the last moments may not be among them yet.
    ///
    /// # Errors
    /// A [`SearchRefusal`], also where the hub keeps no index.
    pub async fn present(
        &self,
        messages: Vec<MessageSeq>,
    ) -> Result<BTreeMap<MessageSeq, Present>, SearchRefusal> {
        search::present(&self.pieces, messages).await
    }

    /// A part of everything that the hub holds of a person, beginning with
    /// [`ExportPlace::Begin`]. An operator's look is journaled first: [`Self::note_access`].
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn export(
        &self,
        person: PersonId,
        place: ExportPlace,
    ) -> Result<ExportPart, ChangeFailure> {
        export::export(&self.pieces, person, place).await
    }

    /// Lets a person leave for good: at once nobody is reached, found or signed in as them, and
    /// what waits for them ends; their texts are taken away behind this, also after a restart. `by`
    /// is the operator who does it, if it is not themselves.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn delete_person(
        &self,
        person: PersonId,
        by: Option<&str>,
    ) -> Result<(), ChangeFailure> {
        farewell::leave(&self.pieces, person, by).await
    }

    /// Whether an account of this name is configured.
    #[must_use]
    pub fn has_account(&self, name: &str) -> bool {
        self.pieces.accounts.values().any(|account| &*account.name == name)
    }

    /// By what authenticators are to know a person: no name and no number of the hub's.
    #[must_use]
    pub fn passkey_handle(&self, person: PersonId) -> UserHandle {
        sessions::passkey_handle(&self.pieces, person)
    }

    /// Gives a person one more passkey, and tells them everywhere; its times are set here.
    ///
    /// # Errors
    /// A [`PasskeyFailure`]; then nothing was added.
    pub async fn add_passkey(
        &self,
        person: PersonId,
        passkey: Passkey,
    ) -> Result<(), PasskeyFailure> {
        sessions::add_passkey(&self.pieces, person, passkey).await
    }

    /// Takes a passkey of a person's away, by their word from `browser`.
    ///
    /// # Errors
    /// A [`PasskeyFailure`].
    pub async fn remove_passkey(
        &self,
        person: PersonId,
        id: &PasskeyId,
        browser: &str,
    ) -> Result<(), PasskeyFailure> {
        sessions::remove_passkey(&self.pieces, person, id, browser).await
    }

    /// Signs in whoever proved to have a passkey; the proof is the caller's to check.
    ///
    /// # Errors
    /// A [`PasskeyFailure`]; then nobody is signed in.
    pub async fn enter_by_passkey(&self, entry: Entry<'_>) -> Result<PersonId, PasskeyFailure> {
        sessions::enter_by_passkey(&self.pieces, entry).await
    }

    /// Journals that an operator looks at what the hub holds of a person; called before they see
    /// it. `what` is `export`, `search` or the like, `by` the name of their token.
    ///
    /// # Errors
    /// A [`ChangeFailure`]; then nothing may be shown.
    pub async fn note_access(
        &self,
        person: PersonId,
        what: &str,
        by: &str,
    ) -> Result<(), ChangeFailure> {
        farewell::note(&self.pieces, person, what, by).await
    }

    /// Who is in a conversation, and where each is reached now.
    #[must_use]
    pub fn roster(&self, conversation: ConversationId) -> Option<Vec<Seat>> {
        groups::roster_of(&self.pieces, conversation)
    }

    /// Keeps messages of the past in a conversation, at most
    /// [`PAST_ROWS_MAX`](crate::PAST_ROWS_MAX); each once, and for nobody to be told of.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn keep_past(
        &self,
        conversation: ConversationId,
        bygones: Vec<Bygone>,
    ) -> Result<BygoneKept, ChangeFailure> {
        bygone::keep(&self.pieces, conversation, bygones).await
    }

    /// Asks that nothing plainer than `level` carries anything to somebody.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn set_security(
        &self,
        person: PersonId,
        level: SecurityLevel,
    ) -> Result<(), ChangeFailure> {
        terms::set_security(&self.pieces, person, level).await
    }

    /// Says by which networks alone a conversation may reach somebody; `None` takes that back.
    ///
    /// # Errors
    /// A [`ChangeFailure`].
    pub async fn set_reach(
        &self,
        person: PersonId,
        conversation: ConversationId,
        networks: Option<Vec<Network>>,
    ) -> Result<(), ChangeFailure> {
        terms::set_reach(&self.pieces, person, conversation, networks).await
    }
}
