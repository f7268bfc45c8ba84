//! Black holes: networks that say yes and deliver nothing, and what they took meanwhile.
//!
//! A cell that turned because watchers did not see what had been taken makes the network *hollow*
//! from the moment its evidence turned. What it took since and nobody confirmed is doubted, a page
//! at a time and in one transaction each, as soon as doubt has lasted as long as the message's
//! class allows (`ieum_core::doubt`). Invariant: nothing is remembered here that a restart cannot
//! find: a doubted delivery says so, and the incident has the span in its turns.

use crate::failover::{self, Moving};
use crate::pieces::{Pieces, lock};
use ieum_core::delivery::{Delivery, Recipient, Step};
use ieum_core::doubt::{DoubtFacts, Hole, is_due, second_copies};
use ieum_core::health::{Cell, CellChange, CellState, Function, Surface};
use ieum_core::ids::{AccountId, DeliverySeq};
use ieum_core::incident::Incident;
use ieum_core::message::NewMessage;
use ieum_core::network::Network;
use ieum_core::ports::store::{SentFilter, StoreFailure};
use ieum_core::route::next_route;
use ieum_core::time::Timestamp;

/// Between two passes over what a hollow network took, in milliseconds.
const PASS_MS: u64 = 5_000;
/// What was taken so shortly before the evidence turned is doubted too, in milliseconds.
const BEFORE_ONSET_MS: u64 = 3_000;
/// And what was taken since the last canary came through that was lost later, when that is not
/// longer ago than this; in milliseconds.
const BEFORE_ONSET_MS_MAX: u64 = 60_000;
/// A canary that came to nobody's eyes for so long was swallowed, not late; in milliseconds.
const SWALLOWED_MS: u64 = 20_000;
/// For so long after its end a black hole is still looked at: what was taken last is in doubt for
/// 30 s, and a call may take 10 s to be answered.
const CLOSED_KEPT_MS: u64 = 60_000;
/// Pages of sent deliveries looked at in one pass.
const PAGES_MAX: usize = 200;
/// Black holes that are remembered at a time.
const HOLLOWS_MAX: usize = 64;

const EVIDENCE: &str = "taken, and the network delivers nothing";

/// A span in which a network's yes was worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hollow {
    cell: Cell,
    since: Timestamp,
    until: Option<Timestamp>,
    /// The hub stopped before it ended: whether it has, nobody knows.
    interrupted: bool,
    /// What was swallowed did not come late after all.
    proven: bool,
    looked_at: Option<Timestamp>,
    /// Nothing below this number concerns it.
    floor: Option<DeliverySeq>,
}

impl Hollow {
    fn open(cell: Cell, since: Timestamp) -> Self {
        Self {
            cell,
            since,
            until: None,
            interrupted: false,
            proven: false,
            looked_at: None,
            floor: None,
        }
    }

    fn pass_is_due(&self, now: Timestamp) -> bool {
        // A clock that was set back must not keep it from being looked at.
        self.looked_at.is_none_or(|at| at > now || now.ms_since(at) >= PASS_MS)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now.ms_since(until) >= CLOSED_KEPT_MS)
    }
}

/// A cell is turning: notes in the change whether its network's yes is worth nothing, and follows
/// that from now on.
pub(crate) fn follow(pieces: &Pieces, change: &mut CellChange) {
    let cell = change.cell;
    if cell.function != Function::Send || cell.surface == Surface::Pc {
        return;
    }
    let mut hollows = lock(&pieces.hollows);
    let open = hollows.iter().position(|one| one.cell == cell && one.until.is_none());
    if matches!(change.to, CellState::Up | CellState::Recovering) {
        if let Some(open) = open.and_then(|open| hollows.get_mut(open)) {
            open.until = Some(pieces.now());
            lock(&pieces.health).set_hollow(cell.network, false);
        }
        return;
    }
    let Some(grounds) = change.grounds.as_mut() else { return };
    let Some(since) = hollow_since(pieces, cell, grounds.onset) else { return };
    grounds.hollow = true;
    grounds.onset = since;
    lock(&pieces.health).set_hollow(cell.network, true);
    if let Some(open) = open.and_then(|open| hollows.get_mut(open)) {
        open.since = open.since.min(since);
    } else if hollows.len() < HOLLOWS_MAX {
        hollows.push(Hollow::open(cell, since));
    } else {
        tracing::error!("too many black holes at a time; one is not followed");
    }
}

/// Since when a cell's yes may be worth nothing: since the last that was seen by an eye that sees
/// nothing now. `None` when nothing that was taken is missing.
fn hollow_since(pieces: &Pieces, cell: Cell, onset: Timestamp) -> Option<Timestamp> {
    let before = |ms| Timestamp(onset.0.saturating_sub_unsigned(ms));
    let (latest, earliest) = (before(BEFORE_ONSET_MS), before(BEFORE_ONSET_MS_MAX));
    let perches = lock(&pieces.perches);
    let blind = perches.values().filter(|perch| {
        perch.cell() == Some(cell) && perch.swallowed_between(latest, Timestamp(i64::MAX))
    });
    blind.map(|perch| perch.good_left_at().clamp(earliest, latest)).min()
}

/// Whether a canary of this cell that left since then was taken, and was not seen for `ms`.
fn swallows(pieces: &Pieces, cell: Cell, since: Timestamp, ms: u64) -> bool {
    let before = Timestamp(pieces.now().0.saturating_sub_unsigned(ms));
    let perches = lock(&pieces.perches);
    let mut perches = perches.values().filter(|perch| perch.cell() == Some(cell));
    perches.any(|perch| perch.swallowed_between(since, before))
}

/// Takes up what an earlier hub may have left undone.
pub(crate) fn take_up(pieces: &Pieces, incident: &Incident) {
    let now = pieces.now();
    let hollow = |turn: &ieum_core::incident::Turn| {
        turn.change.grounds.as_ref().filter(|grounds| grounds.hollow).map(|grounds| grounds.onset)
    };
    let mut hollows = lock(&pieces.hollows);
    for (place, turn) in incident.turns.iter().enumerate() {
        let Some(onset) = hollow(turn) else { continue };
        let cell = turn.change.cell;
        let ends = |later: &&ieum_core::incident::Turn| {
            later.change.cell == cell
                && matches!(later.change.to, CellState::Up | CellState::Recovering)
        };
        let end = incident.turns.iter().skip(place).find(ends);
        let until = end.map(|turn| turn.at).or(incident.closed_at).unwrap_or(now);
        // A restart closes what it finds open, and has no grounds for it.
        let interrupted = end.is_none_or(|turn| turn.change.grounds.is_none());
        let (until, proven) = (Some(until), true);
        if hollows.len() < HOLLOWS_MAX {
            hollows.push(Hollow { until, interrupted, proven, ..Hollow::open(cell, onset) });
        }
    }
}

/// Doubts what is due; what fails to be written is found again by the next pass.
pub(crate) async fn pass(pieces: &Pieces) -> Result<(), StoreFailure> {
    let now = pieces.now();
    let due: Vec<Hollow> = {
        let hollows = lock(&pieces.hollows);
        hollows.iter().filter(|one| one.pass_is_due(now)).copied().collect()
    };
    for mut hollow in due {
        hollow.proven = hollow.proven || swallows(pieces, hollow.cell, hollow.since, SWALLOWED_MS);
        if hollow.proven {
            look(pieces, &mut hollow).await?;
        }
        hollow.looked_at = Some(now);
        keep(pieces, hollow, now);
    }
    Ok(())
}

fn keep(pieces: &Pieces, looked: Hollow, now: Timestamp) {
    let mut hollows = lock(&pieces.hollows);
    for one in hollows.iter_mut() {
        // It may have begun earlier, or ended, while it was looked at.
        if one.cell == looked.cell && one.since <= looked.since && one.looked_at < looked.looked_at
        {
            let (since, until) = (one.since, one.until);
            let floor = looked.floor.filter(|_| since == looked.since);
            *one = Hollow { since, until, floor, ..looked };
        }
    }
    hollows.retain(|one| !(one.looked_at == Some(now) && one.is_over(now)));
}

async fn look(pieces: &Pieces, hollow: &mut Hollow) -> Result<(), StoreFailure> {
    let mut lowest: Option<DeliverySeq> = None;
    let accounts = pieces.accounts.values().filter(|one| one.network == hollow.cell.network);
    let accounts: Vec<AccountId> = accounts.map(|account| account.id).collect();
    for account in accounts {
        let until = hollow.until.unwrap_or_else(|| pieces.now());
        let filter = SentFilter { account, since: hollow.since, until };
        let mut before = DeliverySeq(u64::MAX);
        for _ in 0..PAGES_MAX {
            let page = pieces.store.page_sent(filter, before).await?;
            let first = page.deliveries.first().map(|one| one.seq);
            lowest = [lowest, first].into_iter().flatten().min();
            doubt_page(pieces, hollow, page.deliveries).await?;
            match page.rest {
                Some(rest) if hollow.floor.is_none_or(|floor| floor < rest) => before = rest,
                Some(_) | None => break,
            }
        }
    }
    hollow.floor = hollow.floor.or(lowest);
    Ok(())
}

async fn doubt_page(
    pieces: &Pieces,
    hollow: &Hollow,
    deliveries: Vec<Delivery>,
) -> Result<(), StoreFailure> {
    let now = pieces.now();
    let _nobody_leaves = pieces.gate.read().await;
    let mut doubted = Vec::new();
    for delivery in deliveries {
        let Some(message) = pieces.store.message(delivery.message).await? else { continue };
        if is_due(&delivery, &message.new, now) {
            doubted.extend(doubt(pieces, hollow, delivery, &message.new).await?);
        }
    }
    failover::apply(pieces, Vec::new(), doubted).await
}

async fn doubt(
    pieces: &Pieces,
    hollow: &Hollow,
    delivery: Delivery,
    message: &NewMessage,
) -> Result<Option<Moving>, StoreFailure> {
    let siblings = pieces.store.deliveries_of(delivery.message).await?;
    let network = hollow.cell.network;
    let next = next_elsewhere(pieces, &delivery, network);
    let held = Step::Hold { label: None };
    let stand_ins = failover::stand_ins_for(pieces, &delivery, message, &held);
    let stand_ins = stand_ins.as_slice();
    let owed = |hole| {
        let (delivery, siblings) = (&delivery, siblings.as_slice());
        second_copies(DoubtFacts { delivery, siblings, network, hole, next, stand_ins })
    };
    let elsewhere =
        if hollow.until.is_none() || hollow.interrupted { owed(Hole::Open) } else { Vec::new() };
    let again = elsewhere.is_empty() && hollow.until.is_some();
    let plus = if again { owed(Hole::Closed) } else { elsewhere };
    if plus.is_empty() {
        return Ok(None);
    }
    let step = Step::Doubted { conversation: delivery.conversation };
    Ok(Some(failover::moving(delivery, step, EVIDENCE, pieces.now(), plus)))
}

/// The next way to a delivery's person that is not of the same network.
fn next_elsewhere(
    pieces: &Pieces,
    delivery: &Delivery,
    network: Network,
) -> Option<ieum_core::delivery::Route> {
    let Recipient::Person(person) = delivery.recipient else { return None };
    pieces.read_with_health(|directory, health| {
        let conversation = delivery.conversation;
        let next = next_route(directory, health, person, conversation, delivery.route)?;
        (directory.network_of(next.account) != Some(network)).then_some(next)
    })
}
