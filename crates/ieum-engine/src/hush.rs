//! Whose words are not carried now: the banned, who speaks too often, newcomers with links.
//!
//! Decided in `ieum_core::people::moderation`. Invariant: who is hushed is told why, where they
//! wrote alone; in rooms nothing is said, because all others would read it.

use crate::group_words;
use crate::hearing::Said;
use crate::identify::{Place, Scene};
use crate::notices::HUB_CONVERSATION;
use crate::pieces::{Pieces, lock};
use ieum_core::content::What;
use ieum_core::ids::{AccountId, AddressId, ConversationId, EventKey, PersonId};
use ieum_core::people::moderation::Silence;
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;

/// Most speakers of slow conversations that are remembered; forgotten ones may speak at once.
const SPOKE_MAX: usize = 100_000;

/// When somebody last spoke in a conversation that is slow, and by which event: one that comes
/// again, because it could not be admitted, is not kept back for its own sake. Lost in a crash:
/// then everybody may speak once at once.
#[derive(Debug, Default)]
pub(crate) struct Spoke(BTreeMap<(ConversationId, PersonId), (Timestamp, Occasion)>);

/// What tells one time of speaking from another: the account and event, or the caller's key.
pub(crate) type Occasion = (AccountId, EventKey);

impl Spoke {
    /// When they spoke before this time.
    fn before(
        &self,
        place: (ConversationId, PersonId),
        this: Option<&Occasion>,
    ) -> Option<Timestamp> {
        let (at, occasion) = self.0.get(&place)?;
        (this != Some(occasion)).then_some(*at)
    }

    fn note(&mut self, place: (ConversationId, PersonId), now: Timestamp, this: Option<&Occasion>) {
        if self.0.len() >= SPOKE_MAX {
            self.0.clear();
        }
        let nowhere = || (AccountId(0), EventKey::default());
        self.0.insert(place, (now, this.cloned().unwrap_or_else(nowhere)));
    }
}

/// What was said, if it is to be carried; else what its author is told, where they wrote alone.
pub(crate) fn carried(
    pieces: &Pieces,
    said: Said,
    scene: Scene,
    (now, this): (Timestamp, Option<&Occasion>),
) -> Option<Said> {
    if said.conversation == HUB_CONVERSATION {
        return Some(said);
    }
    let Some(address) = scene.address else { return Some(said) };
    let text = match said.content.what() {
        What::Text(text) | What::Edit { text, .. } => Some(text.to_owned()),
        What::File { .. } | What::Other => Some(String::new()),
        // No words: nobody waits for them.
        What::Withdrawal { .. } | What::Reaction { .. } | What::ReactionWithdrawal { .. } => None,
    };
    let silence = silence(pieces, said.conversation, address, text.as_deref(), (now, this));
    let Some(silence) = silence else { return Some(said) };
    let Place::Direct(person) = scene.place else { return None };
    let language = pieces.language_of(person);
    Some(Said::answer(pieces, group_words::silence(silence, language)))
}

fn silence(
    pieces: &Pieces,
    id: ConversationId,
    address: AddressId,
    text: Option<&str>,
    when: (Timestamp, Option<&Occasion>),
) -> Option<Silence> {
    let (person, banned) = pieces.read(|directory| {
        // Nearly all conversations have no charter, or one that hushes nobody.
        let charter = directory.charters().of(id).filter(|one| one.may_hush())?;
        let person = directory.address(address)?.person;
        Some((person, charter.bans_address(directory, address)))
    })?;
    if banned {
        return Some(Silence::Banned);
    }
    slowed(pieces, id, person?, text?, when)
}

fn slowed(
    pieces: &Pieces,
    id: ConversationId,
    person: PersonId,
    text: &str,
    (now, this): (Timestamp, Option<&Occasion>),
) -> Option<Silence> {
    let mut spoke = lock(&pieces.spoke);
    let before = spoke.before((id, person), this);
    let found = pieces.read(|all| all.charters().of(id)?.hush(person, text, before, now));
    if found.is_none() {
        spoke.note((id, person), now, this);
    }
    found
}

/// What somebody who speaks through the interface is told instead of being heard. What is no
/// words, like a reaction, has no text: only a ban keeps it back.
pub(crate) fn hushed(
    pieces: &Pieces,
    id: ConversationId,
    person: PersonId,
    text: Option<&str>,
    this: Option<&Occasion>,
) -> Option<String> {
    let banned = pieces.read(|directory| {
        let charter = directory.charters().of(id).filter(|one| one.may_hush())?;
        Some(charter.bans(directory, person))
    })?;
    let silence = match banned {
        true => Some(Silence::Banned),
        false => text.and_then(|text| slowed(pieces, id, person, text, (pieces.now(), this))),
    };
    silence.map(|silence| group_words::silence(silence, pieces.language_of(person)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_comes_again_is_not_kept_back_for_its_own_sake() {
        let occasion = |event: &str| (AccountId(1), EventKey::new(event));
        let place = (ConversationId(1), PersonId(1));
        let mut spoke = Spoke::default();
        let first = occasion("first");
        spoke.note(place, Timestamp(100), Some(&first));
        assert_eq!(spoke.before(place, Some(&first)), None, "it was never admitted");
        assert_eq!(spoke.before(place, Some(&occasion("next"))), Some(Timestamp(100)));
        assert_eq!(spoke.before(place, None), Some(Timestamp(100)));
        let other = (ConversationId(1), PersonId(2));
        assert_eq!(spoke.before(other, Some(&first)), None);
    }
}
