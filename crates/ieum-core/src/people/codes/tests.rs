//! Codes under attack: guessed, replayed, late, brought for something else, asked for in floods.

use super::*;
use crate::content::HubSecret;
use crate::directory::Directory;
use crate::ids::{AddressId, PersonId};
use crate::people::code::CodeText;
use crate::ports::entropy::Entropy;
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
struct Scrambled(AtomicU64);

impl Entropy for Scrambled {
    fn next_u64(&self) -> u64 {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        let x = (n ^ 0x5555).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    }
}

/// A directory that does what the engine does: applies what was decided.
#[derive(Default)]
struct Desk {
    directory: Directory,
    entropy: Scrambled,
}

fn secret() -> HubSecret {
    HubSecret::new(*b"a secret of the tests, 32 bytes.")
}

const MINJI: Party = Party::Person(PersonId(1));
const STRANGER: Party = Party::Address(AddressId(66));

impl Desk {
    fn apply(&mut self, changes: Vec<Change>) {
        changes.into_iter().for_each(|change| self.directory.apply(change));
    }

    fn issue(
        &mut self,
        purpose: CodePurpose,
        owner: Party,
        now: i64,
    ) -> Result<(CodeId, CodeText), CodeRefusal> {
        self.issue_for(purpose, owner, None, now)
    }

    fn issue_for(
        &mut self,
        purpose: CodePurpose,
        owner: Party,
        asked_by: Option<Party>,
        now: i64,
    ) -> Result<(CodeId, CodeText), CodeRefusal> {
        let text = CodeText::draw(&self.entropy);
        let (id, mark) = (CodeId(self.entropy.next_u64()), text.mark(purpose, &secret()));
        let new = NewCode { id, mark, purpose, owner, asked_by, conversation: None };
        let changes = self.directory.codes().issue(new, Timestamp(now))?;
        self.apply(changes);
        Ok((id, text))
    }

    fn redeem(
        &mut self,
        text: CodeText,
        purpose: CodePurpose,
        ticket: Option<CodeId>,
        by: Party,
        now: i64,
    ) -> Result<Code, CodeRefusal> {
        let mark = text.mark(purpose, &secret());
        let attempt = Attempt { mark, purpose, ticket, owner: None, by };
        let (changes, answer) = self.directory.codes().redeem(attempt, Timestamp(now));
        self.apply(changes);
        answer
    }
}

use CodePurpose::{JoinRoom, Link, SignIn};

#[test]
fn a_code_is_good_once_for_its_purpose_and_time() {
    let mut desk = Desk::default();
    let (_, text) = desk.issue(Link, MINJI, 0).unwrap();
    let life = i64::try_from(CODE_LIFE_MS).unwrap();
    for purpose in [SignIn, JoinRoom] {
        assert_eq!(desk.redeem(text, purpose, None, STRANGER, 1), Err(CodeRefusal::Wrong));
    }
    let mut late = Desk { directory: desk.directory.clone(), ..Desk::default() };
    assert_eq!(late.redeem(text, Link, None, STRANGER, life), Err(CodeRefusal::Wrong), "late");
    let used = desk.redeem(text, Link, None, STRANGER, life - 1).unwrap();
    assert_eq!(used.owner, MINJI);
    assert_eq!(desk.redeem(text, Link, None, STRANGER, life - 1), Err(CodeRefusal::Wrong), "again");
}

#[test]
fn a_ticket_takes_its_own_code_only_and_bears_few_wrong_ones() {
    let mut desk = Desk::default();
    let (mine, text) = desk.issue(SignIn, MINJI, 0).unwrap();
    let (_, others) = desk.issue(SignIn, Party::Person(PersonId(2)), 0).unwrap();
    for peer in 0..u64::from(TRIES_PER_CODE_MAX) - 1 {
        let answer = desk.redeem(others, SignIn, Some(mine), Party::Peer(peer), 1);
        assert_eq!(answer, Err(CodeRefusal::Wrong));
    }
    let mut once_more = Desk { directory: desk.directory.clone(), ..Desk::default() };
    assert!(once_more.redeem(text, SignIn, Some(mine), Party::Peer(99), 1).is_ok());
    desk.redeem(others, SignIn, Some(mine), Party::Peer(98), 1).unwrap_err();
    let answer = desk.redeem(text, SignIn, Some(mine), Party::Peer(99), 1);
    assert_eq!(answer, Err(CodeRefusal::Wrong), "the code was worn out");
    assert!(desk.redeem(others, SignIn, None, Party::Peer(97), 1).is_ok(), "the other was not");
}

#[test]
fn who_guesses_too_often_is_refused_the_right_one_for_an_hour() {
    let mut desk = Desk::default();
    for _ in 0..GUESSES_MAX {
        let guess = CodeText::draw(&desk.entropy);
        assert_eq!(desk.redeem(guess, Link, None, STRANGER, 5), Err(CodeRefusal::Wrong));
    }
    let (_, text) = desk.issue(Link, MINJI, 6).unwrap();
    let before = format!("{:?}", desk.directory.codes());
    let refused = desk.redeem(text, Link, None, STRANGER, 6);
    assert_eq!(refused, Err(CodeRefusal::TooMany { after_ms: TALLY_MS - 1 }));
    assert_eq!(before, format!("{:?}", desk.directory.codes()), "a flood writes nothing more");
    let hour = i64::try_from(TALLY_MS).unwrap() + 5;
    let (_, text) = desk.issue(Link, MINJI, hour).unwrap();
    assert!(desk.redeem(text, Link, None, STRANGER, hour).is_ok());
}

#[test]
fn who_asks_too_often_gets_no_more_and_cannot_use_up_what_others_may_ask() {
    let mut desk = Desk::default();
    for _ in 0..ISSUES_MAX {
        desk.issue_for(SignIn, MINJI, Some(Party::Peer(7)), 0).unwrap();
    }
    let refused = desk.issue_for(SignIn, MINJI, Some(Party::Peer(7)), 1);
    assert!(matches!(refused, Err(CodeRefusal::TooMany { .. })));
    desk.issue_for(SignIn, MINJI, Some(Party::Peer(8)), 1).unwrap();
    assert_eq!(desk.directory.codes().waiting().count(), 1, "each new one ends the one before");
    let others = (0..20).map(Party::Peer);
    let more = others.filter(|peer| desk.issue_for(SignIn, MINJI, Some(*peer), 2).is_ok()).count();
    let all = u32::try_from(more).unwrap() + ISSUES_MAX + 1;
    assert_eq!(all, ISSUES_PER_OWNER_MAX, "nobody is flooded with codes by many askers");
}

#[test]
fn a_code_brought_for_another_owner_is_a_wrong_one_and_stays() {
    let mut desk = Desk::default();
    let (id, text) = desk.issue(JoinRoom, MINJI, 0).unwrap();
    let mark = text.mark(JoinRoom, &secret());
    let owner = Some(Party::Person(PersonId(2)));
    let theirs = Attempt { mark, purpose: JoinRoom, ticket: None, owner, by: STRANGER };
    let (changes, answer) = desk.directory.codes().redeem(theirs, Timestamp(1));
    desk.apply(changes);
    assert_eq!(answer, Err(CodeRefusal::Wrong));
    assert!(desk.directory.codes().waits(id));
    assert!(desk.redeem(text, JoinRoom, None, STRANGER, 2).is_ok());
}

#[test]
fn what_is_over_is_cleared_away() {
    let mut desk = Desk::default();
    for person in 0..10 {
        desk.issue(Link, Party::Person(PersonId(person)), 0).unwrap();
    }
    let hour = i64::try_from(TALLY_MS).unwrap();
    desk.issue(Link, MINJI, hour).unwrap();
    let codes = desk.directory.codes();
    assert_eq!((codes.waiting().count(), codes.counted()), (1, 1));
}

#[test]
fn a_crowd_of_unknown_ones_closes_the_door_for_nobody_who_is_known() {
    let mut codes = Codes::default();
    let peers = u64::try_from(PEERS_MAX).unwrap();
    for number in 0..peers {
        let since = Timestamp(i64::try_from(number).unwrap());
        let party = Party::Peer(number);
        codes.put_tally(Tally { party, since, issues: 0, guesses: 10 });
    }
    let now = Timestamp(i64::try_from(peers).unwrap());
    let mark = CodeText::draw(&Scrambled::default()).mark(SignIn, &secret());
    let (purpose, ticket, owner) = (SignIn, None, None);
    let attempt = |by| Attempt { mark, purpose, ticket, owner, by };
    let (changes, answer) = codes.redeem(attempt(Party::Peer(peers)), now);
    assert_eq!(answer, Err(CodeRefusal::Wrong), "another unknown one has a place");
    assert!(changes.contains(&Change::Gone(Gone::Tally(Party::Peer(0)))), "that of the oldest");
    let known = codes.redeem(attempt(Party::Person(PersonId(7))), now);
    assert_eq!(known.1, Err(CodeRefusal::Wrong));
    let (changes, _) = codes.redeem(attempt(Party::Peer(3)), now);
    assert_eq!(changes, [], "who guessed too often stays refused");
}

proptest! {
    /// Whatever is asked and tried in whatever order: no code is accepted twice, none after its
    /// time, none for another purpose, and a guesser's right codes stop counting after the limit.
    #[test]
    fn no_code_is_ever_accepted_wrongly(
        steps in prop::collection::vec((0..4_u8, 0..4_u64, 0..12_usize, 0..200_000_i64), 1..60),
    ) {
        let mut desk = Desk::default();
        let (mut made, mut used, mut now) = (Vec::new(), BTreeSet::new(), 0);
        for (what, who, which, passes) in steps {
            now += passes;
            let purpose = [Link, SignIn, JoinRoom][which % 3];
            if what == 0 {
                if let Ok((id, text)) = desk.issue(purpose, Party::Person(PersonId(who)), now) {
                    made.push((id, text, purpose, now));
                }
                continue;
            }
            let Some((id, text, of, at)) = made.get(which % made.len().max(1)).copied() else {
                continue;
            };
            let ticket = (what == 1).then_some(id);
            let by = Party::Address(AddressId(who));
            if let Ok(code) = desk.redeem(text, purpose, ticket, by, now) {
                prop_assert_eq!((code.id, code.purpose), (id, of));
                prop_assert_eq!(purpose, of);
                prop_assert!(Timestamp(now).ms_since(Timestamp(at)) < CODE_LIFE_MS);
                prop_assert!(used.insert(id), "used twice");
            }
        }
    }
}
