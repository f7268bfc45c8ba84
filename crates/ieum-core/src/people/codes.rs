//! All one-time codes that wait, and how often each party asked and guessed.
//!
//! Pure: `issue` and `redeem` look and return the changes that must become durable before anybody
//! hears the answer. Invariants: a code is redeemed at most once; one that is wrong, used, expired,
//! made for something else or never made gets the same answer; who guessed too often is refused
//! even the right one.

use super::code::{CODE_LIFE_MS, Code, CodeId, CodePurpose, Mark, Party};
use crate::directory::{Change, Gone};
use crate::ids::ConversationId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most codes that wait at a time, of all people.
pub const CODES_MAX: usize = 10_000;
/// Most persons and addresses that are counted at a time.
pub const TALLIES_MAX: usize = 100_000;
/// Most unknown parties that are counted at a time: anybody can come from many places, so the
/// oldest of them is forgotten for the next, and nobody who is known is refused for their sake.
pub const PEERS_MAX: usize = 50_000;
/// Codes that one party may ask for within [`TALLY_MS`].
pub const ISSUES_MAX: u32 = 10;
/// Codes that may be made for one owner within [`TALLY_MS`], whoever asked.
pub const ISSUES_PER_OWNER_MAX: u32 = 20;
/// Wrong codes that one party may try within [`TALLY_MS`].
pub const GUESSES_MAX: u32 = 10;
/// Wrong codes that may be typed in the place of one code.
pub const TRIES_PER_CODE_MAX: u32 = 5;
/// How long a party's asking and guessing is remembered: an hour from the first.
pub const TALLY_MS: u64 = 3_600_000;
/// Old codes and counts that are cleared away with each change.
const CLEARED_MAX: usize = 16;

/// How often one party asked and guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Who.
    pub party: Party,
    /// Since when it is counted.
    pub since: Timestamp,
    /// Codes that were asked for by them or made for them.
    pub issues: u32,
    /// Wrong codes that they tried.
    pub guesses: u32,
}

/// Everything that is known of codes.
#[derive(Debug, Clone, Default)]
pub struct Codes {
    waiting: BTreeMap<CodeId, Code>,
    marks: BTreeMap<Mark, CodeId>,
    tallies: BTreeMap<u64, Tally>,
    /// Unknown parties among these, by when they were first counted.
    peers: BTreeSet<(Timestamp, u64)>,
}

/// A code to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewCode {
    /// A number drawn at random.
    pub id: CodeId,
    /// Of a text drawn at random.
    pub mark: Mark,
    /// What for.
    pub purpose: CodePurpose,
    /// For whom.
    pub owner: Party,
    /// On whose asking, where it is somebody else.
    pub asked_by: Option<Party>,
    /// The conversation that a room is to be joined to.
    pub conversation: Option<ConversationId>,
}

/// A code that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Of the text that was typed, for `purpose`.
    pub mark: Mark,
    /// What for.
    pub purpose: CodePurpose,
    /// The code that was asked for; without, any code that waits may be meant.
    pub ticket: Option<CodeId>,
    /// Whose code alone counts; without, anybody's.
    pub owner: Option<Party>,
    /// Who brings it.
    pub by: Party,
}

/// Why there is no code, or none was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// There is no such code, for whatever reason.
    #[error("the code is not valid")]
    Wrong,
    /// Asked or guessed too often.
    #[error("too many tries; again in {after_ms} ms")]
    TooMany {
        /// When it is worth trying again.
        after_ms: u64,
    },
}

impl Codes {
    /// A code is new or changed.
    pub(crate) fn put(&mut self, code: Code) {
        self.remove(code.id);
        self.marks.insert(code.mark, code.id);
        self.waiting.insert(code.id, code);
    }

    /// A code is used or over.
    pub(crate) fn remove(&mut self, id: CodeId) {
        if let Some(old) = self.waiting.remove(&id) {
            self.marks.remove(&old.mark);
        }
    }

    /// A party was counted.
    pub(crate) fn put_tally(&mut self, tally: Tally) {
        self.remove_tally(tally.party);
        if let Party::Peer(_) = tally.party {
            self.peers.insert((tally.since, tally.party.number()));
        }
        self.tallies.insert(tally.party.number(), tally);
    }

    /// A party is not counted any more.
    pub(crate) fn remove_tally(&mut self, party: Party) {
        if let Some(old) = self.tallies.remove(&party.number()) {
            self.peers.remove(&(old.since, party.number()));
        }
    }

    /// Codes that wait; some may be over.
    pub fn waiting(&self) -> impl Iterator<Item = &Code> {
        self.waiting.values()
    }

    /// How many parties are counted.
    #[must_use]
    pub fn counted(&self) -> usize {
        self.tallies.len()
    }

    /// Whether a code of this number waits.
    #[must_use]
    pub fn waits(&self, id: CodeId) -> bool {
        self.waiting.contains_key(&id)
    }

    /// Makes a code: the changes to be made durable. An earlier one of the same owner for the same
    /// purpose is over with it.
    ///
    /// # Errors
    /// When owner or asker had too many, or too many wait in all.
    pub fn issue(&self, new: NewCode, now: Timestamp) -> Result<Vec<Change>, CodeRefusal> {
        let mut changes = self.cleared(now);
        let over = |change: &&Change| matches!(change, Change::Gone(Gone::Code(_)));
        let cleared = changes.iter().filter(over).count();
        if self.waiting.len() - cleared >= CODES_MAX || self.marks.contains_key(&new.mark) {
            return Err(CodeRefusal::TooMany { after_ms: CODE_LIFE_MS });
        }
        let mut owner = self.tally(new.owner, now)?;
        owner.issues += 1;
        limit(owner.issues <= ISSUES_PER_OWNER_MAX, &owner, now)?;
        let mut tallies = vec![owner];
        if let Some(party) = new.asked_by.filter(|party| party.number() != new.owner.number()) {
            let mut asker = self.tally(party, now)?;
            asker.issues += 1;
            tallies.push(asker);
        }
        if let Some(asker) = tallies.last() {
            limit(asker.issues <= ISSUES_MAX, asker, now)?;
        }
        let same = |code: &&Code| (code.owner, code.purpose) == (new.owner, new.purpose);
        changes.extend(self.waiting().filter(same).map(|code| Change::Gone(Gone::Code(code.id))));
        changes.extend(tallies.iter().filter_map(|tally| self.forgotten_for(tally.party)));
        changes.extend(tallies.into_iter().map(Change::Tally));
        changes.push(Change::Code(Code {
            id: new.id,
            mark: new.mark,
            purpose: new.purpose,
            owner: new.owner,
            conversation: new.conversation,
            expires_at: now.plus_ms(CODE_LIFE_MS),
            wrong_tries: 0,
        }));
        Ok(changes)
    }

    /// Takes a code that came back: the changes to be made durable, and what it came to. A code
    /// that is accepted is used up by these changes.
    pub fn redeem(
        &self,
        attempt: Attempt,
        now: Timestamp,
    ) -> (Vec<Change>, Result<Code, CodeRefusal>) {
        let mut guesser = match self.tally(attempt.by, now) {
            Ok(tally) => tally,
            Err(refusal) => return (Vec::new(), Err(refusal)),
        };
        if let Err(refusal) = limit(guesser.guesses < GUESSES_MAX, &guesser, now) {
            return (Vec::new(), Err(refusal));
        }
        if let Some(code) = self.peek(attempt, now) {
            return (vec![Change::Gone(Gone::Code(code.id))], Ok(code.clone()));
        }
        guesser.guesses += 1;
        let mut changes = self.cleared(now);
        changes.extend(self.forgotten_for(attempt.by));
        changes.push(Change::Tally(guesser));
        changes.extend(self.blamed(attempt, now));
        (changes, Err(CodeRefusal::Wrong))
    }

    /// The code that an attempt would use up, were its bringer allowed to try.
    #[must_use]
    pub fn peek(&self, attempt: Attempt, now: Timestamp) -> Option<&Code> {
        let id = self.marks.get(&attempt.mark)?;
        let code = self.waiting.get(id)?;
        let meant = attempt.ticket.is_none_or(|ticket| ticket == *id)
            && attempt.owner.is_none_or(|owner| owner == code.owner);
        (meant && code.purpose == attempt.purpose && now < code.expires_at).then_some(code)
    }

    /// A wrong code was typed in the place of a certain one, which bears only so much of it.
    fn blamed(&self, attempt: Attempt, now: Timestamp) -> Option<Change> {
        let code = self.waiting.get(&attempt.ticket?)?;
        let wrong_tries = code.wrong_tries + 1;
        if now >= code.expires_at {
            return None;
        }
        if wrong_tries >= TRIES_PER_CODE_MAX {
            return Some(Change::Gone(Gone::Code(code.id)));
        }
        Some(Change::Code(Code { wrong_tries, ..code.clone() }))
    }

    /// What is counted of a party, begun anew when it is old.
    fn tally(&self, party: Party, now: Timestamp) -> Result<Tally, CodeRefusal> {
        match self.tallies.get(&party.number()) {
            Some(tally) if !stale(tally, now) => Ok(*tally),
            None if !is_peer(party) && self.tallies.len() - self.peers.len() >= TALLIES_MAX => {
                Err(CodeRefusal::TooMany { after_ms: TALLY_MS })
            }
            Some(_) | None => Ok(Tally { party, since: now, issues: 0, guesses: 0 }),
        }
    }

    /// The oldest unknown party, where a new one needs its place.
    fn forgotten_for(&self, party: Party) -> Option<Change> {
        let is_new = is_peer(party) && !self.tallies.contains_key(&party.number());
        let (_, oldest) = self.peers.first().filter(|_| is_new && self.peers.len() >= PEERS_MAX)?;
        Some(Change::Gone(Gone::Tally(self.tallies.get(oldest)?.party)))
    }

    /// The end of some codes and counts that are over.
    fn cleared(&self, now: Timestamp) -> Vec<Change> {
        let over = self.waiting().filter(|code| now >= code.expires_at);
        let codes = over.map(|code| Gone::Code(code.id)).take(CLEARED_MAX);
        let old = self.tallies.values().filter(|tally| stale(tally, now));
        let tallies = old.map(|tally| Gone::Tally(tally.party)).take(CLEARED_MAX);
        codes.chain(tallies).map(Change::Gone).collect()
    }
}

const fn is_peer(party: Party) -> bool {
    matches!(party, Party::Peer(_))
}

fn stale(tally: &Tally, now: Timestamp) -> bool {
    now.ms_since(tally.since) >= TALLY_MS
}

fn limit(within: bool, tally: &Tally, now: Timestamp) -> Result<(), CodeRefusal> {
    let after_ms = TALLY_MS.saturating_sub(now.ms_since(tally.since));
    if within { Ok(()) } else { Err(CodeRefusal::TooMany { after_ms }) }
}

#[cfg(test)]
mod tests;
