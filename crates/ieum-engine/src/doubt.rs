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
/// For so long a black hole is held open by watchers that still see nothing, after their cell
/// turned for the better; then it is the phone. In milliseconds, longer than the longest known.
const BLIND_MS_MAX: u64 = 4 * 3_600_000;
/// Pages of sent deliveries looked at in one pass.
const PAGES_MAX: usize = 200;
/// Black holes that are remembered at a time.
const HOLLOWS_MAX: usize = 64;

const EVIDENCE: &str = "taken, and the network delivers nothing";

/// A span in which a network's yes was worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hollow {
    /// Which it is, among those that are followed.
    number: u64,
    cell: Cell,
    since: Timestamp,
    until: Option<Timestamp>,
    /// Since when its cell is well again while some eye still sees nothing: a sum hears no pair
    /// that fails for long, and the others may be spared.
    lingers_since: Option<Timestamp>,
    /// The latest moment that the clock showed while it was open: one that was set back since told
    /// of later ones.
    reach: Timestamp,
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
            number: 0,
            cell,
            since,
            until: None,
            lingers_since: None,
            reach: since,
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

    /// What is remembered after it was looked at: it may have begun earlier, or ended, meanwhile.
    fn after_look(self, looked: Self) -> Self {
        let (since, until, reach) = (self.since, self.until, self.reach);
        let lingers_since = self.lingers_since;
        let floor = looked.floor.filter(|_| since == looked.since);
        Self { since, until, lingers_since, reach, floor, ..looked }
    }

    /// Its cell is well: the hole ends, unless an eye is `blind` and was not for too long.
    fn mend(&mut self, blind: bool, now: Timestamp) {
        let lingers_since = *self.lingers_since.get_or_insert(now);
        if !blind || now.ms_since(lingers_since) >= BLIND_MS_MAX {
            (self.until, self.lingers_since) = (Some(now), None);
        }
    }

    /// Until when what was taken is in doubt, by the clock of those moments.
    fn taken_until(&self, now: Timestamp) -> Timestamp {
        self.until.unwrap_or(now).max(self.reach)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now.ms_since(until) >= CLOSED_KEPT_MS)
    }
}

/// Follows one more; false when there are too many.
fn enlist(hollows: &mut Vec<Hollow>, hollow: Hollow) -> bool {
    if hollows.len() >= HOLLOWS_MAX {
        return false;
    }
    let number = hollows.iter().map(|one| one.number).max().map_or(0, |number| number + 1);
    hollows.push(Hollow { number, ..hollow });
    true
}

/// The clock went back from `latest` to `now`: what is taken from now on bears earlier times than
/// what was taken before, and all of it is in doubt.
pub(crate) fn follow_clock_back(pieces: &Pieces, latest: Timestamp, now: Timestamp) {
    for one in lock(&pieces.hollows).iter_mut() {
        if one.until.is_none() {
            one.reach = one.reach.max(latest);
            if now < one.since {
                (one.since, one.floor) = (now, None);
            }
        }
        one.looked_at = None;
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
            open.mend(is_blind(pieces, cell), pieces.now());
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
        (open.since, open.lingers_since) = (open.since.min(since), None);
    } else if !enlist(&mut hollows, Hollow::open(cell, since)) {
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

/// Whether some eye on this cell saw nothing of the newest that was taken.
fn is_blind(pieces: &Pieces, cell: Cell) -> bool {
    lock(&pieces.perches).values().any(|perch| perch.cell() == Some(cell) && perch.is_blind())
}

/// Ends the black holes whose eyes see again.
fn end_lingering(pieces: &Pieces, now: Timestamp) {
    let mut hollows = lock(&pieces.hollows);
    for one in hollows.iter_mut().filter(|one| one.lingers_since.is_some()) {
        one.mend(is_blind(pieces, one.cell), now);
    }
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
        let known = Hollow { until, interrupted, proven, ..Hollow::open(cell, onset) };
        if !enlist(&mut hollows, known) {
            tracing::error!("too many black holes at a time; one is not taken up");
        }
    }
}

/// Doubts what is due; what fails to be written is found again by the next pass.
pub(crate) async fn pass(pieces: &Pieces) -> Result<(), StoreFailure> {
    let now = pieces.now();
    end_lingering(pieces, now);
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
        if one.number == looked.number {
            *one = one.after_look(looked);
        }
    }
    hollows.retain(|one| !(one.looked_at == Some(now) && one.is_over(now)));
}

async fn look(pieces: &Pieces, hollow: &mut Hollow) -> Result<(), StoreFailure> {
    let mut lowest: Option<DeliverySeq> = None;
    let accounts = pieces.accounts.values().filter(|one| one.network == hollow.cell.network);
    let accounts: Vec<AccountId> = accounts.map(|account| account.id).collect();
    for account in accounts {
        let until = hollow.taken_until(pieces.now());
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
    let stand_ins = failover::stand_ins_for(pieces, &delivery, message, &held).await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use ieum_core::health::book::api_cell;

    const HOUR: i64 = 3_600_000;

    fn hollow(since: i64) -> Hollow {
        Hollow::open(api_cell(Network::KakaoTalk, Function::Send), Timestamp(since))
    }

    #[test]
    fn what_a_look_found_is_kept_after_the_clock_was_set_back() {
        let before = Hollow { looked_at: Some(Timestamp(2 * HOUR)), ..hollow(HOUR) };
        let now = Timestamp(HOUR + 60_000);
        assert!(before.pass_is_due(now), "the clock was set back");
        let (proven, floor) = (true, Some(DeliverySeq(7)));
        let looked = Hollow { proven, floor, looked_at: Some(now), ..before };
        let after = before.after_look(looked);
        assert!(after.proven && after.floor == floor && !after.pass_is_due(now.plus_ms(1)));
        assert!(after.pass_is_due(now.plus_ms(PASS_MS)));
    }

    #[test]
    fn what_changed_while_it_was_looked_at_stays_changed() {
        let looked = Hollow { floor: Some(DeliverySeq(7)), proven: true, ..hollow(HOUR) };
        let ended = Hollow { until: Some(Timestamp(2 * HOUR)), ..hollow(HOUR) };
        let after = ended.after_look(looked);
        assert_eq!((after.until, after.floor), (ended.until, looked.floor));
        let earlier = hollow(HOUR - 5_000).after_look(looked);
        assert_eq!((earlier.since, earlier.floor), (Timestamp(HOUR - 5_000), None), "look again");
    }

    #[test]
    fn a_hole_lasts_while_an_eye_sees_nothing_and_not_for_ever() {
        let well = Timestamp(2 * HOUR);
        let mut one = hollow(HOUR);
        one.mend(true, well);
        assert_eq!((one.until, one.lingers_since), (None, Some(well)));
        one.mend(true, well.plus_ms(BLIND_MS_MAX - 1));
        assert_eq!((one.until, one.lingers_since), (None, Some(well)), "still nothing seen");
        let mut seen = one;
        let at = well.plus_ms(60_000);
        seen.mend(false, at);
        assert_eq!((seen.until, seen.lingers_since), (Some(at), None), "it sees again");
        let late = well.plus_ms(BLIND_MS_MAX);
        one.mend(true, late);
        assert_eq!((one.until, one.lingers_since), (Some(late), None), "it is the phone");
        let mut spared = hollow(HOUR);
        spared.mend(false, well);
        assert_eq!(spared.until, Some(well), "nobody misses anything");
    }

    #[test]
    fn a_look_takes_back_no_word_about_how_long_it_lingers() {
        let well = Timestamp(2 * HOUR);
        let looked = Hollow { proven: true, ..hollow(HOUR) };
        let mut lingering = hollow(HOUR);
        lingering.mend(true, well);
        let after = lingering.after_look(looked);
        assert_eq!((after.lingers_since, after.proven), (Some(well), true));
        assert!(!after.is_over(well.plus_ms(CLOSED_KEPT_MS)), "it is still looked at");
        let gone = hollow(HOUR).after_look(lingering);
        assert_eq!(gone.lingers_since, None, "the cell turned again meanwhile");
    }

    #[test]
    fn each_is_followed_by_itself_and_not_too_many() {
        let mut hollows = Vec::new();
        for _ in 0..HOLLOWS_MAX {
            assert!(enlist(&mut hollows, hollow(HOUR)));
        }
        assert!(!enlist(&mut hollows, hollow(HOUR)));
        let numbers: std::collections::BTreeSet<u64> =
            hollows.iter().map(|one| one.number).collect();
        assert_eq!(numbers.len(), HOLLOWS_MAX, "two of one cell are not taken for each other");
    }

    #[test]
    fn what_was_taken_by_a_clock_that_was_fast_is_in_doubt_too() {
        let open = Hollow { reach: Timestamp(3 * HOUR), ..hollow(HOUR) };
        assert_eq!(open.taken_until(Timestamp(2 * HOUR)), Timestamp(3 * HOUR));
        assert_eq!(open.taken_until(Timestamp(4 * HOUR)), Timestamp(4 * HOUR));
        let ended = Hollow { until: Some(Timestamp(2 * HOUR)), ..hollow(HOUR) };
        assert_eq!(ended.taken_until(Timestamp(4 * HOUR)), Timestamp(2 * HOUR));
    }
}
