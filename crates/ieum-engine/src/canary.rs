//! Canaries: short messages of the hub's own to the operator's watchers, who say when they saw
//! them.
//!
//! A watcher is a phone or a PC of the operator's, signed in to the messenger and looking at one
//! chat with our account: the only eyes on a network that gives no receipts. A canary is owed to
//! nobody and stored nowhere. Invariant: a canary counts once, as seen or as missing; one that is
//! seen after it was counted as missing gives its penalty back.

use crate::account::Account;
use crate::failover;
use crate::pieces::{Pieces, lock};
use ieum_core::health::cadence::Spent;
use ieum_core::health::evidence::{Evidence, Kind, Sign, Source};
use ieum_core::health::{Cell, CellState, Function, Surface};
use ieum_core::inbound::ChatRef;
use ieum_core::outgoing::{Act, Outcome, Outgoing, Part};
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// Canaries of one watcher that are remembered, seen or not.
const REMEMBERED_MAX: usize = 64;
/// Longest text that a watcher may hand in, in bytes; what matters is one short code.
pub const SEEN_TEXT_BYTES_MAX: usize = 4 * 1024;
const DAY_MS: u64 = 86_400_000;

/// A watcher as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watcher {
    /// Its name, as in `/v1/watchers/{name}`.
    pub name: String,
    /// The account whose messages it sees.
    pub account: String,
    /// The chat that it looks at.
    pub chat: ChatRef,
    /// What it looks from.
    pub surface: Surface,
}

/// How a watcher stands, for pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatcherState {
    /// As configured.
    pub watcher: Watcher,
    /// The state of what it watches.
    pub cell_state: CellState,
    /// Canaries sent since the day began.
    pub sent_today: u32,
    /// When it last saw one.
    pub seen_at: Option<Timestamp>,
    /// How many were missing in a row.
    pub missing_in_row: u32,
}

/// What a watcher's word came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A canary in time.
    InTime,
    /// A canary that had been counted as missing.
    Late,
    /// Nothing of ours.
    Nothing,
}

/// What is remembered of one watcher.
#[derive(Debug, Default)]
pub(crate) struct Perch {
    /// By code, what is not seen yet.
    out: BTreeMap<u64, Out>,
    /// How many left so far: a clock that is set back must not make the newest the oldest.
    left: u64,
    /// The newest of those that were seen: which it was, and when it left.
    good: (u64, Timestamp),
    /// What it watches, once a canary left for it.
    cell: Option<Cell>,
    day: u64,
    sent_today: u32,
    seen_at: Option<Timestamp>,
    missing_in_row: u32,
}

/// A canary that nobody saw yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Out {
    number: u64,
    left_at: Timestamp,
    /// It was counted as missing.
    missing: bool,
    /// The network said yes to it.
    taken: bool,
}

impl Perch {
    /// What it watches.
    pub(crate) fn cell(&self) -> Option<Cell> {
        self.cell
    }

    /// When the newest canary left of those that were seen; zero when none was.
    pub(crate) fn good_left_at(&self) -> Timestamp {
        self.good.1
    }

    /// Whether one that was taken is missing, and nothing that left later was seen.
    pub(crate) fn is_blind(&self) -> bool {
        self.out.values().any(|out| out.missing && out.taken && out.number > self.good.0)
    }

    /// Whether a canary that left in this span was taken by the network and is missing.
    pub(crate) fn swallowed_between(&self, since: Timestamp, until: Timestamp) -> bool {
        self.out
            .values()
            .any(|out| out.missing && out.taken && since <= out.left_at && out.left_at <= until)
    }

    fn count(&mut self, now: Timestamp) {
        let day = now.0.unsigned_abs() / DAY_MS;
        if self.day != day {
            (self.day, self.sent_today) = (day, 0);
        }
        self.sent_today += 1;
    }

    fn remember(&mut self, code: u64, at: Timestamp) {
        self.left += 1;
        let out = Out { number: self.left, left_at: at, missing: false, taken: false };
        self.out.insert(code, out);
        if self.out.len() > REMEMBERED_MAX {
            let oldest = self.out.iter().min_by_key(|(_, out)| out.number).map(|(code, _)| *code);
            oldest.and_then(|code| self.out.remove(&code));
        }
    }

    /// The canary of a text, taken out: when it left, and whether it was counted as missing.
    fn take_seen(&mut self, text: &str) -> Option<(u64, Timestamp, bool)> {
        let code = self.out.keys().copied().find(|code| text.contains(&code_text(*code)))?;
        let out = self.out.remove(&code)?;
        self.good = self.good.max((out.number, out.left_at));
        Some((code, out.left_at, out.missing))
    }
}

/// Six letters and digits that nobody writes by accident.
fn code_text(code: u64) -> String {
    format!("#ieum-{:06x}", code & 0xff_ffff)
}

/// Sends canaries to one watcher until `stop`.
pub(crate) async fn canary(
    pieces: Arc<Pieces>,
    account: Arc<Account>,
    number: usize,
    mut stop: watch::Receiver<bool>,
) {
    let Some(watcher) = pieces.settings.watchers.get(number) else { return };
    let Ok(pair) = u32::try_from(number) else { return };
    loop {
        let wait_ms = wait_ms(&pieces, &account, watcher);
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = pieces.clock.sleep(wait_ms) => {}
        }
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = one(&pieces, &account, watcher, pair) => {}
        }
    }
}

fn cell(account: &Account, watcher: &Watcher) -> Cell {
    Cell { network: account.network, function: Function::Send, surface: watcher.surface }
}

/// How long until the next one; past the day's budget, until the day ends.
fn wait_ms(pieces: &Pieces, account: &Account, watcher: &Watcher) -> u64 {
    let now = pieces.now();
    let left_ms = DAY_MS - now.0.unsigned_abs() % DAY_MS;
    let suspicion = lock(&pieces.health).suspicion(cell(account, watcher), now);
    let same =
        |other: &&Watcher| other.account == watcher.account && other.surface == watcher.surface;
    let sharing: Vec<&Watcher> = pieces.settings.watchers.iter().filter(same).collect();
    let perches = lock(&pieces.perches);
    let day = now.0.unsigned_abs() / DAY_MS;
    let sent = |watcher: &&&Watcher| {
        let perch = perches.get(&watcher.name).filter(|perch| perch.day == day);
        perch.map_or(0, |perch| perch.sent_today)
    };
    let spent = Spent {
        today: sharing.iter().map(|watcher| sent(&watcher)).sum(),
        left_ms,
        pairs: u32::try_from(sharing.len()).unwrap_or(u32::MAX),
    };
    pieces.settings.canary.wait_ms(suspicion, spent).unwrap_or(left_ms)
}

/// One canary: sent, and awaited until its deadline.
async fn one(pieces: &Pieces, account: &Account, watcher: &Watcher, pair: u32) {
    let code = pieces.entropy.next_u64() & 0xff_ffff;
    let left_at = pieces.now();
    {
        let mut perches = lock(&pieces.perches);
        let perch = perches.entry(watcher.name.clone()).or_default();
        perch.cell = Some(cell(account, watcher));
        perch.count(left_at);
        perch.remember(code, left_at);
    }
    let text = format!("이음 점검 {}", code_text(code));
    let part = Part { text, ..Part::default() };
    let outgoing = Outgoing {
        chat: watcher.chat.clone(),
        key: pieces.entropy.next_16(),
        answer_token: None,
        author: None,
        act: Act::Say(vec![part]),
    };
    let deadline = pieces.clock.sleep(pieces.settings.canary.deadline_ms);
    let refused = async {
        let outcome = account.connector.send(&outgoing).await;
        if matches!(outcome, Outcome::Accepted { .. }) {
            taken(pieces, watcher, code);
        }
        let awaited = matches!(outcome, Outcome::Accepted { .. } | Outcome::Unknown { .. });
        if awaited || outcome.blames_network() == Some(true) {
            // It is the watcher's turn; a network that said no will not be seen either.
            std::future::pending::<()>().await;
        }
    };
    let in_vain = tokio::select! {
        biased;
        () = refused => true,
        () = deadline => false,
    };
    if in_vain {
        // Nothing was said of whether messages arrive: too many of ours, or a closed chat.
        forget(pieces, watcher, code);
        tracing::warn!(watcher = %watcher.name, "a canary was not taken");
        return;
    }
    missing(pieces, account, watcher, (pair, code)).await;
}

fn taken(pieces: &Pieces, watcher: &Watcher, code: u64) {
    let mut perches = lock(&pieces.perches);
    let out = perches.get_mut(&watcher.name).and_then(|perch| perch.out.get_mut(&code));
    if let Some(out) = out {
        out.taken = true;
    }
}

fn forget(pieces: &Pieces, watcher: &Watcher, code: u64) {
    if let Some(perch) = lock(&pieces.perches).get_mut(&watcher.name) {
        perch.out.remove(&code);
    }
}

/// Counts a canary that was not seen in time.
async fn missing(pieces: &Pieces, account: &Account, watcher: &Watcher, (pair, code): (u32, u64)) {
    {
        let mut perches = lock(&pieces.perches);
        let Some(perch) = perches.get_mut(&watcher.name) else { return };
        let Some(out) = perch.out.get_mut(&code) else { return };
        out.missing = true;
        perch.missing_in_row = perch.missing_in_row.saturating_add(1);
    }
    pieces.ring_probes();
    // How long it was waited for says when it began.
    let waited_ms = pieces.settings.canary.deadline_ms;
    observe(pieces, cell(account, watcher), (pair, code), Sign::Bad, waited_ms).await;
}

async fn observe(pieces: &Pieces, cell: Cell, (pair, id): (u32, u64), sign: Sign, latency_ms: u64) {
    let evidence = Evidence {
        cell,
        kind: Kind::Canary,
        source: Source::Pair(pair),
        sign,
        id,
        at: pieces.now(),
        latency_ms: u32::try_from(latency_ms).unwrap_or(u32::MAX),
    };
    let changes = lock(&pieces.health).observe_other(evidence);
    failover::follow(pieces, changes).await;
}

/// Takes in what a watcher saw; `None` when there is no such watcher.
pub(crate) async fn seen(pieces: &Pieces, name: &str, text: &str) -> Option<Seen> {
    let number = pieces.settings.watchers.iter().position(|watcher| watcher.name == name)?;
    let watcher = pieces.settings.watchers.get(number)?;
    let account = pieces.accounts.values().find(|one| *one.name == *watcher.account)?;
    let now = pieces.now();
    let found = {
        let mut perches = lock(&pieces.perches);
        let perch = perches.entry(watcher.name.clone()).or_default();
        let found = perch.take_seen(text);
        if found.is_some() {
            (perch.seen_at, perch.missing_in_row) = (Some(now), 0);
        }
        found
    };
    let Some((code, left_at, missing)) = found else { return Some(Seen::Nothing) };
    let pair = u32::try_from(number).ok()?;
    let sign = if missing { Sign::Late } else { Sign::Good };
    let latency_ms = now.ms_since(left_at);
    observe(pieces, cell(account, watcher), (pair, code), sign, latency_ms).await;
    Some(if missing { Seen::Late } else { Seen::InTime })
}

/// How the watchers stand.
pub(crate) fn states(pieces: &Pieces) -> Vec<WatcherState> {
    let perches = lock(&pieces.perches);
    let health = lock(&pieces.health);
    let state = |watcher: &Watcher| {
        let account = pieces.accounts.values().find(|one| *one.name == *watcher.account)?;
        let perch = perches.get(&watcher.name);
        Some(WatcherState {
            watcher: watcher.clone(),
            cell_state: health.state(cell(account, watcher)),
            sent_today: perch.map_or(0, |perch| perch.sent_today),
            seen_at: perch.and_then(|perch| perch.seen_at),
            missing_in_row: perch.map_or(0, |perch| perch.missing_in_row),
        })
    };
    pieces.settings.watchers.iter().filter_map(state).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_known_by_its_code_wherever_it_stands() {
        let mut perch = Perch::default();
        perch.remember(0x0a_bc12, Timestamp(5));
        assert_eq!(perch.take_seen("이음 점검 #ieum-0abc13"), None);
        let seen = perch.take_seen("알림: 이음 점검 #ieum-0abc12 방금");
        assert_eq!(seen, Some((0x0a_bc12, Timestamp(5), false)));
        assert_eq!(perch.take_seen("#ieum-0abc12"), None, "it counts once");
    }

    #[test]
    fn only_the_newest_canaries_are_remembered() {
        let mut perch = Perch::default();
        for code in 0..200_u64 {
            perch.remember(code, Timestamp(i64::try_from(code).unwrap()));
        }
        assert_eq!(perch.out.len(), REMEMBERED_MAX);
        assert!(perch.take_seen(&code_text(10)).is_none());
        assert!(perch.take_seen(&code_text(199)).is_some());
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_make_the_newest_the_oldest() {
        let mut perch = Perch::default();
        for code in 0..200_u64 {
            perch.remember(code, Timestamp(9_000_000));
        }
        perch.remember(200, Timestamp(1_000));
        assert!(perch.out.contains_key(&200), "or what it misses would never be counted");
        assert!(perch.take_seen(&code_text(199)).is_some());
        assert!(perch.take_seen(&code_text(200)).is_some());
        assert_eq!(perch.good_left_at(), Timestamp(1_000));
    }

    #[test]
    fn an_eye_is_blind_until_it_sees_something_newer_than_it_missed() {
        let mut perch = Perch::default();
        let miss = |perch: &mut Perch, code: u64, taken: bool| {
            perch.remember(code, Timestamp(1_000));
            let out = perch.out.get_mut(&code).unwrap();
            (out.missing, out.taken) = (true, taken);
        };
        miss(&mut perch, 1, false);
        assert!(!perch.is_blind(), "the network refused it, and swallowed nothing");
        miss(&mut perch, 2, true);
        assert!(perch.is_blind());
        perch.remember(3, Timestamp(1_000));
        assert!(perch.is_blind(), "the next one is still awaited");
        assert!(perch.take_seen(&code_text(3)).is_some());
        assert!(!perch.is_blind(), "it sees, whatever is still missing");
        miss(&mut perch, 4, true);
        assert!(perch.is_blind());
        assert!(perch.take_seen(&code_text(4)).is_some());
        assert!(!perch.is_blind(), "it was late");
    }

    #[test]
    fn the_days_count_begins_again_at_midnight() {
        let mut perch = Perch::default();
        for hours in [1, 2, 23] {
            perch.count(Timestamp(hours * 3_600_000));
        }
        assert_eq!(perch.sent_today, 3);
        perch.count(Timestamp(25 * 3_600_000));
        assert_eq!(perch.sent_today, 1);
    }
}
