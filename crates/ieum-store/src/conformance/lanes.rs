//! Random lives of many lanes: both stores against a naive model, and against each other.

use super::sample::*;
use super::{Bench, wait};
use ieum_core::delivery::{Label, Lane, NewDelivery, Recipient, Route, Settlement, State, Step};
use ieum_core::ids::{AccountId, ConversationId, DeliverySeq, JournalSeq, PersonId};
use ieum_core::journal::JournalEntry;
use ieum_core::message::Class;
use ieum_core::network::Network;
use ieum_core::outgoing::Scope;
use ieum_core::ports::store::{Advance, ClaimRequest, Moves, OpenFilter, PAGE_ROWS_MAX, Store};
use ieum_core::time::Timestamp;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Act {
    Admit { conversation: u64, persons: Vec<u64>, account: u64 },
    Advance { settle: Vec<(usize, u8)>, account: u64, durable: bool, run_max: usize },
    Move { which: Vec<(usize, u8)> },
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let person = proptest::collection::vec(1_u64..4, 1..4);
    let pick = || proptest::collection::vec((0_usize..64, 0_u8..9), 0..5);
    let act = prop_oneof![
        6 => (1_u64..4, person, 1_u64..3).prop_map(|(conversation, persons, account)| {
            Act::Admit { conversation, persons, account }
        }),
        8 => (pick(), 1_u64..3, any::<bool>(), 1_usize..5).prop_map(
            |(settle, account, durable, run_max)| Act::Advance { settle, account, durable, run_max }
        ),
        2 => pick().prop_map(|which| Act::Move { which }),
        1 => Just(Act::Restart),
    ];
    proptest::collection::vec(act, 1..60)
}

#[derive(Debug, Clone)]
struct Expected {
    lane: Lane,
    state: State,
    route: Route,
    due_at: i64,
    durable: bool,
    attempts: u32,
}

/// Every delivery in order of its number, looked through from the start each time.
#[derive(Debug, Default)]
struct Model {
    deliveries: Vec<Expected>,
    now: i64,
}

impl Model {
    fn heads(&self) -> Vec<usize> {
        let open = |index: &usize| !self.deliveries[*index].state.ended();
        let first = |index: &usize| {
            let lane = self.deliveries[*index].lane;
            let earlier = &self.deliveries[..*index];
            !earlier.iter().any(|other| other.lane == lane && !other.state.ended())
        };
        (0..self.deliveries.len()).filter(open).filter(first).collect()
    }

    fn claim(&mut self, request: &ClaimRequest) -> Vec<u64> {
        let mut claimed = Vec::new();
        for head in self.heads() {
            if !self.may_be_claimed(head, request.account) {
                continue;
            }
            claimed.push(self.take(head, request.durable));
            let Expected { lane, route, attempts, .. } = self.deliveries[head];
            let behind = (head + 1..self.deliveries.len())
                .filter(|index| self.deliveries[*index].lane == lane)
                .filter(|index| !self.deliveries[*index].state.ended());
            let run = behind.take(if attempts == 1 { request.run_max - 1 } else { 0 });
            let follows = |index: &usize| {
                let next = &self.deliveries[*index];
                let first = next.attempts == 0 && next.route == route;
                first && self.may_be_claimed(*index, request.account)
            };
            let run: Vec<usize> = run.take_while(follows).collect();
            claimed.extend(run.into_iter().map(|index| self.take(index, request.durable)));
        }
        claimed
    }

    fn may_be_claimed(&self, index: usize, account: AccountId) -> bool {
        let delivery = &self.deliveries[index];
        let queued = delivery.state == State::Queued && delivery.due_at <= self.now;
        queued && delivery.route.account == account
    }

    fn take(&mut self, index: usize, durable: bool) -> u64 {
        let delivery = &mut self.deliveries[index];
        delivery.state = State::Attempting;
        delivery.durable = durable;
        delivery.attempts += 1;
        index as u64 + 1
    }

    fn apply(&mut self, settlement: &Settlement) {
        let index = usize::try_from(settlement.delivery.0).unwrap() - 1;
        let delivery = &mut self.deliveries[index];
        if delivery.state.ended() {
            return;
        }
        let waits = matches!(delivery.state, State::Queued | State::Held);
        match &settlement.step {
            Step::Sent { .. } => delivery.state = State::Sent,
            Step::RetryAt { at, .. } => {
                (delivery.state, delivery.due_at) = (State::Queued, at.0);
            }
            Step::NextRoute { route, at, .. } => {
                (delivery.state, delivery.due_at) = (State::Queued, at.0);
                (delivery.route, delivery.attempts) = (*route, 0);
            }
            Step::Hold { .. } => delivery.state = State::Held,
            Step::Unsure { .. } if waits => return,
            Step::Unsure { .. } => delivery.state = State::Unsure,
            Step::Superseded => delivery.state = State::Superseded,
            Step::Expired => delivery.state = State::Expired,
            Step::Dead { .. } => delivery.state = State::Dead,
            Step::Withdrawn => delivery.state = State::Withdrawn,
            Step::Doubted { .. } => return,
            Step::NextPart { .. } => {
                (delivery.state, delivery.due_at) = (State::Queued, settlement.at.0);
            }
        }
        delivery.durable = true;
    }

    fn restart(&mut self) {
        for delivery in &mut self.deliveries {
            if delivery.state == State::Attempting && !delivery.durable {
                delivery.state = State::Queued;
                delivery.attempts -= 1;
            }
        }
    }

    /// One of those in these states, and a step for it.
    fn pick(&self, (which, kind): (usize, u8), attempting: bool) -> Option<Settlement> {
        let fits = |state: State| match attempting {
            true => state == State::Attempting,
            false => true,
        };
        let fitting = (0..self.deliveries.len()).filter(|i| fits(self.deliveries[*i].state));
        let fitting: Vec<usize> = fitting.collect();
        let index = *fitting.get(which.checked_rem(fitting.len())?)?;
        let mut settlement = settlement(DeliverySeq(index as u64 + 1), step(kind, self.now));
        settlement.at = Timestamp(self.now);
        Some(settlement)
    }
}

fn step(kind: u8, now: i64) -> Step {
    let soon = Timestamp(now + 3);
    match kind {
        0..=2 => sent("x"),
        3 => Step::RetryAt { at: soon, label: None },
        4 => Step::NextRoute { route: route(AccountId(2), 1), label: None, at: Timestamp(now) },
        5 => Step::Hold { label: None },
        6 => Step::Unsure { decide_at: soon },
        7 => Step::Superseded,
        8 => Step::Withdrawn,
        _ => Step::Dead { scope: Scope::Message },
    }
}

fn live(mut bench: Bench, acts: &[Act]) -> Result<Vec<JournalEntry>, TestCaseError> {
    let mut model = Model::default();
    wait(bench.store().load(Timestamp(0))).unwrap();
    wait(bench.store().change(Timestamp(0), people())).unwrap();
    for (number, act) in (1..).zip(acts) {
        model.now = number;
        act_once(&mut bench, &mut model, act)?;
        compare(&bench, &model)?;
    }
    let mut entries = Vec::new();
    loop {
        let after = JournalSeq(entries.len() as u64);
        let page = wait(bench.store().page_journal(after, PAGE_ROWS_MAX)).unwrap();
        if page.is_empty() {
            return Ok(entries);
        }
        entries.extend(page);
    }
}

fn act_once(bench: &mut Bench, model: &mut Model, act: &Act) -> Result<(), TestCaseError> {
    match act {
        Act::Admit { conversation, persons, account } => {
            admit_some(bench, model, *conversation, (persons, AccountId(*account)))
        }
        Act::Advance { settle, account, durable, run_max } => {
            let request = request(AccountId(*account), model.now, *durable);
            return advance(bench, model, settle, ClaimRequest { run_max: *run_max, ..request });
        }
        Act::Move { which } => move_some(bench, model, which),
        Act::Restart => return restart(bench, model),
    }
    Ok(())
}

fn admit_some(bench: &Bench, model: &mut Model, conversation: u64, to: (&[u64], AccountId)) {
    let (persons, account) = to;
    let deliveries = persons.iter().map(|person| to_person(account, *person));
    let number = model.now.unsigned_abs();
    let mut batch = batch(vec![event(number, conversation, deliveries.collect())]);
    batch.at = Timestamp(model.now);
    wait(bench.store().admit(batch)).unwrap();
    model.deliveries.extend(persons.iter().map(|person| Expected {
        lane: Lane {
            conversation: ConversationId(conversation),
            recipient: Recipient::Person(PersonId(*person)),
        },
        state: State::Queued,
        route: to_person(account, *person).route.unwrap(),
        due_at: model.now,
        durable: true,
        attempts: 0,
    }));
}

fn advance(
    bench: &Bench,
    model: &mut Model,
    settle: &[(usize, u8)],
    claim: ClaimRequest,
) -> Result<(), TestCaseError> {
    let picked = settle.iter().filter_map(|pick| model.pick(*pick, true));
    let settled: Vec<Settlement> = picked.collect();
    settled.iter().for_each(|settlement| model.apply(settlement));
    let mut expected = model.claim(&claim);
    expected.sort_unstable();
    let claim = Some(claim);
    let advanced = wait(bench.store().advance(Advance { settled, claim })).unwrap();
    let mut claimed = seqs(&advanced.claims);
    claimed.sort_unstable();
    prop_assert_eq!(claimed, expected);
    Ok(())
}

fn move_some(bench: &Bench, model: &mut Model, which: &[(usize, u8)]) {
    let picked = which.iter().filter_map(|pick| model.pick(*pick, false));
    let moved: Vec<Settlement> = picked.collect();
    for settlement in &moved {
        let index = usize::try_from(settlement.delivery.0).unwrap() - 1;
        if model.deliveries[index].state != State::Attempting {
            model.apply(settlement);
        }
    }
    let moves = Moves { moved, at: Timestamp(model.now), ..Moves::default() };
    wait(bench.store().apply_moves(moves)).unwrap();
}

fn restart(bench: &mut Bench, model: &mut Model) -> Result<(), TestCaseError> {
    bench.reopen();
    model.restart();
    let loaded = wait(bench.store().load(Timestamp(model.now))).unwrap();
    let mut interrupted: Vec<u64> = loaded.interrupted.iter().map(|d| d.seq.0).collect();
    interrupted.sort_unstable();
    let numbered = (1..).zip(&model.deliveries);
    let attempting = numbered.filter(|(_, expected)| expected.state == State::Attempting);
    let expected: Vec<u64> = attempting.map(|(seq, _)| seq).collect();
    prop_assert_eq!(interrupted, expected);
    Ok(())
}

fn compare(bench: &Bench, model: &Model) -> Result<(), TestCaseError> {
    let page = bench.store().page_open(OpenFilter::default(), DeliverySeq(0));
    let page = wait(page).unwrap();
    let found: Vec<_> = page.iter().map(|d| (d.seq.0, d.state, d.route.unwrap().account)).collect();
    let open = (1_u64..).zip(&model.deliveries).filter(|(_, d)| !d.state.ended());
    let expected: Vec<_> = open.map(|(seq, d)| (seq, d.state, d.route.account)).collect();
    prop_assert_eq!(found, expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_life_of_lanes_is_the_models_in_both_stores(acts in acts()) {
        let memory = live(Bench::memory(), &acts)?;
        let sqlite = live(Bench::sqlite(), &acts)?;
        prop_assert_eq!(memory, sqlite);
    }
}

#[test]
fn a_long_backlog_is_claimed_whole_and_in_order() {
    const LONG: u64 = 300;
    for mut bench in Bench::both() {
        for number in 1..=LONG {
            admit(bench.store(), event(number, 1, vec![to_person(LINE, 1)]));
        }
        for expected in 1..=LONG {
            if expected == LONG / 2 {
                bench.crash();
            }
            let claims = claim(bench.store(), LINE, false);
            assert_eq!(seqs(&claims), [expected]);
            settle(bench.store(), DeliverySeq(expected), sent("x"));
        }
        assert!(claim(bench.store(), LINE, false).is_empty());
        assert!(wait(bench.store().counts()).unwrap().open.is_empty());
    }
}

#[test]
fn a_run_follows_its_head_as_far_as_there_is_room() {
    for bench in Bench::both() {
        for number in 1..=12 {
            admit(bench.store(), event(number, 1, vec![to_person(LINE, 1)]));
        }
        for number in 13..=15 {
            admit(bench.store(), event(number, 2, vec![to_person(LINE, 2)]));
        }
        let claimed = |lanes_max, rows_max, run_max| {
            let request = request(LINE, 1_000, true);
            let claim = ClaimRequest { lanes_max, rows_max, run_max, ..request };
            let advance = Advance { settled: Vec::new(), claim: Some(claim) };
            let claims = wait(bench.store().advance(advance)).unwrap().claims;
            let mut taken = seqs(&claims);
            taken.sort_unstable();
            let at = Timestamp(1_000);
            let back = |seq: &u64| Settlement {
                at,
                ..settlement(DeliverySeq(*seq), Step::RetryAt { at, label: None })
            };
            let settled = taken.iter().map(back).collect();
            wait(bench.store().advance(Advance { settled, claim: None })).unwrap();
            taken
        };
        // Heads come first; runs take the rest of the room, and never more than the limit.
        assert_eq!(claimed(1, 100, 99), [1, 2, 3, 4, 5, 6, 7, 8]);
        // What was put back counts as tried, and goes alone.
        assert_eq!(claimed(2, 100, 3), [1, 13, 14, 15]);
        assert_eq!(claimed(1, 100, 3), [1]);
        for number in 16..=20 {
            admit(bench.store(), event(number, 3, vec![to_person(LINE, 3)]));
        }
        assert_eq!(claimed(3, 5, 8), [1, 13, 16, 17, 18]);
        assert_eq!(claimed(0, 5, 8), [0_u64; 0]);
    }
}

#[test]
fn what_is_under_way_is_not_claimed_behind_a_head_that_goes_another_way() {
    for bench in Bench::both() {
        for number in 1..=2 {
            admit(bench.store(), event(number, 1, vec![to_person(LINE, 1)]));
        }
        let run = ClaimRequest { run_max: 2, ..request(LINE, 1_000, false) };
        let advance = Advance { settled: Vec::new(), claim: Some(run) };
        assert_eq!(seqs(&wait(bench.store().advance(advance)).unwrap().claims), [1, 2]);
        let (route, at) = (route(LINE, 1), Timestamp(20));
        let anew = settlement(DeliverySeq(1), Step::NextRoute { route, label: None, at });
        let advance = Advance { settled: vec![anew], claim: Some(run) };
        assert_eq!(seqs(&wait(bench.store().advance(advance)).unwrap().claims), [1]);
    }
}

#[test]
fn what_is_wanted_once_only_goes_alone() {
    for bench in Bench::both() {
        for number in 1..=4 {
            let mut admission = event(number, 1, vec![to_person(LINE, 1)]);
            if number == 3 {
                admission.message.as_mut().unwrap().class = Class::OnceOnly;
            }
            admit(bench.store(), admission);
        }
        let run = ClaimRequest { run_max: 8, ..request(LINE, 1_000, true) };
        let mut settled = Vec::new();
        for expected in [vec![1, 2], vec![3], vec![4]] {
            let advance = Advance { settled, claim: Some(run) };
            let claims = wait(bench.store().advance(advance)).unwrap().claims;
            assert_eq!(seqs(&claims), expected);
            settled = claims.iter().map(|c| settlement(c.delivery.seq, sent("x"))).collect();
        }
    }
}

#[test]
fn after_a_crash_the_whole_of_a_durable_run_is_in_doubt() {
    let mut bench = Bench::sqlite();
    for number in 1..=4 {
        admit(bench.store(), event(number, 1, vec![to_person(LINE, 1)]));
    }
    let claim = Some(ClaimRequest { run_max: 3, ..request(LINE, 1_000, true) });
    wait(bench.store().advance(Advance { settled: Vec::new(), claim })).unwrap();
    settle(bench.store(), DeliverySeq(1), sent("x"));
    bench.crash();
    let loaded = wait(bench.store().load(Timestamp(2_000))).unwrap();
    let interrupted: Vec<_> = loaded.interrupted.iter().map(|d| d.seq.0).collect();
    assert_eq!(interrupted, [2, 3]);
    // In doubt one after the other; what follows them waits.
    for seq in [2, 3] {
        settle(bench.store(), DeliverySeq(seq), Step::Unsure { decide_at: Timestamp(3_000) });
    }
    assert!(claim_all(bench.store()).is_empty());
    let unsure = OpenFilter { state: Some(State::Unsure), ..OpenFilter::default() };
    let in_turn = |expected: u64| {
        let page = wait(bench.store().page_open(unsure, DeliverySeq(0))).unwrap();
        assert_eq!(page.iter().map(|d| d.seq.0).collect::<Vec<_>>(), [expected]);
        settle(bench.store(), DeliverySeq(expected), sent("x"));
    };
    in_turn(2);
    in_turn(3);
    assert_eq!(claim_all(bench.store()), [4]);
}

fn claim_all(store: &dyn Store) -> Vec<u64> {
    seqs(&claim(store, LINE, false))
}

fn labelled(person: u64, label: Option<Label>) -> NewDelivery {
    NewDelivery { label, ..to_person(LINE, person) }
}

/// Claims a few at a time until nothing is due; nothing is settled.
fn claimed_by(store: &dyn Store, rows_max: usize) -> Vec<u64> {
    let claim = ClaimRequest { rows_max, ..request(LINE, 1_000, false) };
    let mut all = Vec::new();
    loop {
        let advance = Advance { settled: Vec::new(), claim: Some(claim) };
        let claims = wait(store.advance(advance)).unwrap().claims;
        if claims.is_empty() {
            return all;
        }
        all.extend(seqs(&claims));
    }
}

#[test]
fn who_comes_from_elsewhere_takes_turns_with_who_is_at_home() {
    let labels = [Label::InsteadOf(Network::KakaoTalk), Label::Late, Label::Again];
    for (label, rows_max) in labels.into_iter().zip([1, 2, 100]) {
        for mut bench in Bench::both() {
            // Five came first from elsewhere, and three are at home here.
            for number in 1..=5 {
                admit(bench.store(), event(number, number, vec![labelled(1, Some(label))]));
            }
            for number in 6..=8 {
                admit(bench.store(), event(number, number, vec![labelled(1, None)]));
            }
            bench.crash();
            wait(bench.store().load(Timestamp(20))).unwrap();
            assert_eq!(claimed_by(bench.store(), rows_max), [6, 1, 7, 2, 8, 3, 4, 5]);
        }
    }
}

#[test]
fn a_lane_keeps_its_order_though_its_kinds_take_turns() {
    let late = Some(Label::Late);
    for bench in Bench::both() {
        for (number, label) in (1..).zip([late, None, late, None]) {
            admit(bench.store(), event(number, 1, vec![labelled(1, label)]));
        }
        admit(bench.store(), event(5, 2, vec![labelled(2, None)]));
        let mut taken = Vec::new();
        loop {
            let some = claimed_by(bench.store(), 1);
            if some.is_empty() {
                break;
            }
            some.iter().for_each(|seq| settle(bench.store(), DeliverySeq(*seq), sent("x")));
            taken.extend(some);
        }
        assert_eq!(taken, [5, 1, 2, 3, 4]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 16,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nobody_waits_behind_more_than_one_of_the_other_kind(
        kinds in proptest::collection::vec(any::<bool>(), 1..40),
        rows_max in 1_usize..6,
    ) {
        for bench in Bench::both() {
            for (number, late) in (1..).zip(&kinds) {
                let to = labelled(1, late.then_some(Label::Late));
                admit(bench.store(), event(number, number, vec![to]));
            }
            let claimed = claimed_by(bench.store(), rows_max);
            let is_late = |seq: &u64| kinds[usize::try_from(*seq).unwrap() - 1];
            for kind in [true, false] {
                let one: Vec<u64> =
                    claimed.iter().copied().filter(|seq| is_late(seq) == kind).collect();
                prop_assert!(one.is_sorted(), "the longest due first: {:?}", one);
                let all = kinds.iter().filter(|late| **late == kind).count();
                prop_assert_eq!(one.len(), all, "each once");
                // As long as one of this kind is left, two of the other never go in a row.
                let last = claimed.iter().rposition(|seq| is_late(seq) == kind).unwrap_or(0);
                let mut pairs = claimed[..last].windows(2);
                prop_assert!(!pairs.any(|pair| pair.iter().all(|seq| is_late(seq) != kind)));
            }
        }
    }
}
