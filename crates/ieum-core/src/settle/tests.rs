//! A small world that drives deliveries through every step, and the promises that must hold in it.
//!
//! The interpreter applies steps as a store does. It is written from the words of [`Step`], not
//! from a store, so that both are held to the same words.

use super::*;
use crate::delivery::{Recipient, State};
use crate::directory::Endpoint;
use crate::ids::{AccountId, AddressId, ConversationId, DeliverySeq, MessageSeq, PersonId};
use proptest::prelude::*;

const ACCEPTED_AT: Timestamp = Timestamp(1_000_000);
const NETWORKS: [Network; 3] = [Network::KakaoTalk, Network::Line, Network::Telegram];
const IDEMPOTENT: [bool; 3] = [false, true, false];

fn way(index: usize) -> Route {
    let number = index as u64;
    Route { account: AccountId(number), endpoint: Endpoint::Address(AddressId(number)) }
}

fn fresh() -> Delivery {
    Delivery {
        seq: DeliverySeq(1),
        message: MessageSeq(1),
        conversation: ConversationId(1),
        recipient: Recipient::Person(PersonId(1)),
        route: Some(way(0)),
        state: State::Queued,
        attempts: 0,
        part: 0,
        due_at: ACCEPTED_AT,
        tried_at: None,
        label: None,
        stands_in_for: None,
        copies: Vec::new(),
    }
}

fn facts(delivery: &Delivery) -> SettleFacts<'_> {
    SettleFacts {
        delivery,
        class: Class::Chat,
        accepted_at: ACCEPTED_AT,
        expires_at: ACCEPTED_AT.plus_ms(86_400_000),
        now: ACCEPTED_AT.plus_ms(500),
        jitter: 500,
        network: Network::KakaoTalk,
        idempotent: false,
        parts: 1,
        carried: 1,
        route_down: false,
        answered: true,
        next: None,
    }
}

fn no(scope: Scope) -> Outcome {
    Outcome::Refused { scope, moved_to: None, reason: "403".to_owned() }
}

fn later(after_ms: u64, fault: Fault) -> Outcome {
    Outcome::Deferred { after_ms, fault, reason: "later".to_owned() }
}

fn silence() -> Outcome {
    Outcome::Unknown { reason: "time-out".to_owned() }
}

/// A delivery of which `attempts` were made on its route, `part` parts accepted.
fn tried(attempts: u32, part: u32, label: Option<Label>) -> Delivery {
    Delivery {
        attempts,
        part,
        label,
        state: State::Attempting,
        tried_at: Some(ACCEPTED_AT),
        ..fresh()
    }
}

const INSTEAD: Option<Label> = Some(Label::InsteadOf(Network::KakaoTalk));

#[test]
fn a_move_is_labelled_whatever_led_to_it() {
    let cases = [
        ("a first no", tried(1, 0, None), false, no(Scope::Recipient)),
        ("a no to a later part", tried(3, 2, None), false, no(Scope::Recipient)),
        ("a no after silence", tried(2, 0, Some(Label::Again)), false, no(Scope::Recipient)),
        ("a no to a repetition by key", tried(2, 0, None), true, no(Scope::Recipient)),
        ("a pause that is too long", tried(1, 0, None), false, later(60_000, Fault::Limit)),
        (
            "what was held goes another way",
            tried(1, 0, Some(Label::Late)),
            false,
            no(Scope::Account),
        ),
    ];
    for (name, delivery, idempotent, outcome) in cases {
        let facts = SettleFacts { idempotent, next: Some(way(1)), ..facts(&delivery) };
        let expected = Step::NextRoute { route: way(1), label: INSTEAD, at: facts.now };
        assert_eq!(settle(facts, outcome), expected, "{name}");
    }
}

#[test]
fn doubt_moves_nothing_while_nobody_answers() {
    let delivery = tried(1, 0, None);
    let due = SettleFacts { now: ACCEPTED_AT.plus_ms(40_000), ..facts(&delivery) };
    let deaf = SettleFacts { answered: false, next: Some(way(1)), ..due };
    let waits = Step::Unsure { decide_at: due.now };
    assert_eq!(decide(deaf), waits);
    assert_eq!(settle(deaf, silence()), waits);
    let urgent = SettleFacts { class: Class::Urgent, ..deaf };
    assert_eq!(settle(urgent, silence()), waits, "urgent or not");
    let moves = |step| matches!(step, Step::NextRoute { route, .. } if route == way(1));
    assert!(moves(decide(SettleFacts { answered: true, ..deaf })));
    assert!(moves(settle(SettleFacts { answered: true, ..urgent }, silence())));
    let over = SettleFacts { now: due.expires_at, ..deaf };
    assert_eq!(decide(over), Step::Expired, "waiting ends with the lifetime");
    let nowhere = SettleFacts { next: None, ..deaf };
    assert!(matches!(decide(nowhere), Step::RetryAt { label: Some(Label::Again), .. }));
}

#[test]
fn an_urgent_message_moves_at_its_first_failure_while_others_answer() {
    let delivery = tried(1, 0, None);
    let urgent = SettleFacts { class: Class::Urgent, next: Some(way(1)), ..facts(&delivery) };
    let failing = || later(0, Fault::Network);
    let moved = Step::NextRoute { route: way(1), label: INSTEAD, at: urgent.now };
    assert_eq!(settle(urgent, failing()), moved);
    let stays = |facts| matches!(settle(facts, failing()), Step::RetryAt { label: None, .. });
    assert!(stays(SettleFacts { class: Class::Chat, ..urgent }), "chat asks once more");
    assert!(stays(SettleFacts { answered: false, ..urgent }), "it may be our own line");
    assert!(stays(SettleFacts { next: None, ..urgent }), "there is nowhere to go");
    assert_eq!(settle(SettleFacts { class: Class::OnceOnly, ..urgent }, failing()), {
        Step::RetryAt { at: urgent.now.plus_ms(1_000), label: None }
    });
}

#[test]
fn a_no_without_a_way_left_ends_or_waits_for_the_operator() {
    let first = tried(1, 0, None);
    let held_before = tried(3, 0, Some(Label::Late));
    let hold = |label| Step::Hold { label: Some(label) };
    let dead = |scope| Step::Dead { scope };
    assert_eq!(settle(facts(&first), no(Scope::Message)), dead(Scope::Message));
    assert_eq!(settle(facts(&first), no(Scope::Recipient)), dead(Scope::Recipient));
    assert_eq!(settle(facts(&first), no(Scope::Account)), hold(Label::Late));
    let again = settle(facts(&held_before), no(Scope::Account));
    let at = ACCEPTED_AT.plus_ms(500 + 4_000);
    assert_eq!(again, Step::RetryAt { at, label: None }, "not held and freed at full speed");
    let down = SettleFacts { route_down: true, ..facts(&held_before) };
    assert_eq!(settle(down, no(Scope::Account)), hold(Label::Late));
}

#[test]
fn doubt_lasts_as_long_as_its_class_allows() {
    let delivery = tried(1, 0, None);
    let (day, minute) = (86_400_000, 60_000);
    let unsure = |ms| Step::Unsure { decide_at: ACCEPTED_AT.plus_ms(ms) };
    let moved = Step::NextRoute { route: way(1), label: INSTEAD, at: ACCEPTED_AT.plus_ms(500) };
    let cases = [
        (Class::Urgent, day, moved),
        (Class::Chat, day, unsure(30_000)),
        (Class::Chat, minute, unsure(15_000)),
        (Class::OnceOnly, day, unsure(day)),
        (Class::OnceOnly, minute, unsure(minute)),
    ];
    for (class, lifetime_ms, expected) in cases {
        let facts = SettleFacts {
            class,
            expires_at: ACCEPTED_AT.plus_ms(lifetime_ms),
            next: Some(way(1)),
            ..facts(&delivery)
        };
        assert_eq!(settle(facts, silence()), expected, "{class:?} of {lifetime_ms} ms");
    }
}

#[test]
fn a_network_that_repeats_by_key_is_asked_again_and_not_left_while_it_is_up() {
    let delivery = tried(9, 0, None);
    let facts = SettleFacts {
        idempotent: true,
        next: Some(way(1)),
        now: ACCEPTED_AT.plus_ms(600_000),
        ..facts(&delivery)
    };
    assert!(matches!(settle(facts, silence()), Step::RetryAt { label: None, .. }));
    let down = SettleFacts { route_down: true, ..facts };
    assert!(matches!(settle(down, silence()), Step::NextRoute { label: INSTEAD, .. }));
    let alone = SettleFacts { next: None, ..down };
    let marked = Step::Hold { label: Some(Label::Late) };
    assert_eq!(settle(alone, silence()), marked, "a hold is never unmarked");
}

#[test]
fn what_must_come_once_stays_where_it_may_have_arrived() {
    let delivery = tried(2, 0, None);
    let facts = SettleFacts {
        class: Class::OnceOnly,
        idempotent: true,
        route_down: true,
        next: Some(way(1)),
        ..facts(&delivery)
    };
    let outage = settle(facts, later(0, Fault::Network));
    assert!(matches!(outage, Step::RetryAt { .. }), "{outage:?}");
    let until_expired = Step::Unsure { decide_at: facts.expires_at };
    assert_eq!(settle(facts, no(Scope::Recipient)), until_expired);
    let first = tried(1, 0, None);
    let certain = SettleFacts { delivery: &first, ..facts };
    let moved = settle(certain, no(Scope::Recipient));
    assert!(matches!(moved, Step::NextRoute { .. }), "{moved:?}");
}

#[test]
fn ways_that_all_say_no_are_not_asked_in_a_circle_at_full_speed() {
    let delivery = tried(1, 0, Some(Label::InsteadOf(Network::Line)));
    let mut now = ACCEPTED_AT.plus_ms(100);
    let mut waits = Vec::new();
    for _ in 0..12 {
        let facts = SettleFacts { now, next: Some(way(1)), ..facts(&delivery) };
        let Step::NextRoute { at, .. } = settle(facts, no(Scope::Recipient)) else {
            panic!("a way is left");
        };
        waits.push(at.ms_since(now));
        now = at;
    }
    assert!(waits.is_sorted(), "{waits:?}");
    assert_eq!(waits.first(), Some(&100));
    assert_eq!(waits.last(), Some(&RETRY_MS_MAX));
}

#[test]
fn no_pause_outlasts_the_lifetime() {
    let delivery = tried(1, 0, None);
    for after_ms in [40_000_000, 200_000_000, u64::MAX] {
        let step = settle(facts(&delivery), later(after_ms, Fault::Limit));
        let Step::RetryAt { at, .. } = step else {
            panic!("{step:?}");
        };
        let asked = ACCEPTED_AT.plus_ms(500).plus_ms(after_ms);
        assert_eq!(at, asked.min(ACCEPTED_AT.plus_ms(86_400_000)));
    }
}

#[test]
fn a_chat_that_only_moved_is_followed_at_once_and_not_forever() {
    let moved = || Outcome::Refused {
        scope: Scope::Recipient,
        moved_to: Some(crate::ids::ChatKey::new("-100")),
        reason: "moved".to_owned(),
    };
    let first = tried(1, 0, None);
    let now = facts(&first).now;
    let at_once = Step::RetryAt { at: now, label: None };
    assert_eq!(settle(facts(&first), moved()), at_once);
    let last = tried(ATTEMPTS_PER_ROUTE_MAX, 0, None);
    let dead = Step::Dead { scope: Scope::Recipient };
    assert_eq!(settle(facts(&last), moved()), dead);
}

#[test]
fn a_long_text_does_not_use_up_its_attempts_by_succeeding() {
    let delivery = tried(26, 25, None);
    let at = ACCEPTED_AT.plus_ms(500 + 1_000);
    let step = settle(facts(&delivery), later(0, Fault::Request));
    assert_eq!(step, Step::RetryAt { at, label: None });
}

#[test]
fn waits_grow_and_are_bounded() {
    for attempts in 1..60 {
        for jitter in [0, 1, 999, 1_000, u64::MAX] {
            let wait = retry_ms(attempts, jitter);
            assert!(wait <= RETRY_MS_MAX + RETRY_MS_MAX / 4);
            assert!(wait >= RETRY_MS_MIN - RETRY_MS_MIN / 4);
            assert!(wait <= retry_ms(attempts + 1, jitter), "at the same jitter");
        }
    }
    for attempts in 1..5 {
        assert!(retry_ms(attempts, 1_000) < retry_ms(attempts + 1, 0), "at any jitter");
    }
}

/// What the network answers and how the world is at one attempt.
#[derive(Debug, Clone)]
struct Turn {
    outcome: Outcome,
    took_ms: u64,
    jitter: u64,
    down: [bool; 3],
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let fault = prop::sample::select(vec![Fault::Network, Fault::Limit, Fault::Request]);
    let scope = prop::sample::select(vec![Scope::Message, Scope::Recipient, Scope::Account]);
    let after_ms = prop::sample::select(vec![0, 900, 29_000, 31_000, 4_000_000, u64::MAX]);
    let accepted = Outcome::Accepted { copies: Vec::new() };
    prop_oneof![
        3 => Just(accepted),
        3 => Just(silence()),
        3 => (after_ms, fault).prop_map(|(after_ms, fault)| later(after_ms, fault)),
        2 => scope.prop_map(no),
        1 => Just(Outcome::Refused {
            scope: Scope::Recipient,
            moved_to: Some(crate::ids::ChatKey::new("new")),
            reason: "moved".to_owned(),
        }),
    ]
}

fn turn() -> impl Strategy<Value = Turn> {
    let took_ms = prop::sample::select(vec![0, 3, 250, 10_000, 45_000]);
    let downs = prop::array::uniform3(prop::bool::weighted(0.3));
    (outcome(), took_ms, 0..1_001_u64, downs).prop_map(|(outcome, took_ms, jitter, down)| Turn {
        outcome,
        took_ms,
        jitter,
        down,
    })
}

fn asked_ms(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Deferred { after_ms, .. } => *after_ms,
        Outcome::Accepted { .. } | Outcome::Refused { .. } | Outcome::Unknown { .. } => 0,
    }
}

/// One delivery, its message, and what has been seen of it.
#[derive(Debug)]
struct World {
    delivery: Delivery,
    class: Class,
    expires_at: Timestamp,
    now: Timestamp,
    parts: u32,
    ways: usize,
    /// Parts that were sent into silence on the present route.
    doubtful: Vec<u32>,
    accepted: Vec<u32>,
}

impl World {
    fn route_index(&self) -> usize {
        self.delivery.route.map_or(0, |route| usize::try_from(route.account.0).unwrap())
    }

    fn next(&self, down: [bool; 3]) -> Option<Route> {
        let here = self.route_index();
        (1..self.ways).map(|step| (here + step) % self.ways).find(|index| !down[*index]).map(way)
    }

    fn facts(&self, turn: &Turn) -> SettleFacts<'_> {
        let here = self.route_index();
        SettleFacts {
            delivery: &self.delivery,
            class: self.class,
            accepted_at: ACCEPTED_AT,
            expires_at: self.expires_at,
            now: self.now,
            jitter: turn.jitter,
            network: NETWORKS[here],
            idempotent: IDEMPOTENT[here],
            parts: self.parts,
            carried: 1,
            route_down: turn.down[here],
            answered: true,
            next: self.next(turn.down),
        }
    }

    /// Claims and attempts, or decides; then applies the step.
    fn turn(&mut self, turn: &Turn) {
        match self.delivery.state {
            State::Queued => {
                self.now = self.now.max(self.delivery.due_at);
                self.attempt(turn);
            }
            State::Unsure => {
                self.now = self.now.max(self.delivery.due_at);
                let step = decide(self.facts(turn));
                let certain = matches!(step, Step::Dead { .. } | Step::Sent { .. });
                assert!(!certain, "a decision is no answer: {step:?}");
                self.apply(&step);
            }
            State::Held => {
                self.now = self.now.plus_ms(turn.took_ms);
                let (at, label) = (self.now, self.delivery.label);
                let step = match self.now >= self.expires_at {
                    true => Step::Expired,
                    false => Step::RetryAt { at, label },
                };
                self.apply(&step);
            }
            State::Attempting
            | State::Sent
            | State::Delivered
            | State::Read
            | State::Superseded
            | State::Expired
            | State::Dead
            | State::Withdrawn
            | State::Doubted => {}
        }
    }

    fn attempt(&mut self, turn: &Turn) {
        self.delivery.state = State::Attempting;
        self.delivery.attempts += 1;
        self.delivery.tried_at.get_or_insert(self.now);
        let part = self.delivery.part;
        let repeats = self.doubtful.contains(&part) && !IDEMPOTENT[self.route_index()];
        assert!(!repeats || self.delivery.label.is_some(), "an unlabelled second copy");
        self.now = self.now.plus_ms(turn.took_ms);
        let step = settle(self.facts(turn), turn.outcome.clone());
        match &turn.outcome {
            Outcome::Accepted { .. } => self.accepted.push(part),
            Outcome::Unknown { .. } => self.doubtful.push(part),
            Outcome::Refused { .. } | Outcome::Deferred { .. } => {}
        }
        self.check(turn, &step);
        self.apply(&step);
    }

    /// What must hold of each answer to an attempt.
    fn check(&self, turn: &Turn, step: &Step) {
        match step {
            Step::Sent { .. } => {
                let all: Vec<u32> = (0..self.parts).collect();
                assert_eq!(self.accepted, all, "sent before all was accepted");
            }
            Step::NextPart { part, .. } => assert_eq!(*part, self.delivery.part + 1),
            Step::Expired => assert!(self.now >= self.expires_at, "expired early"),
            Step::Dead { .. } => self.check_end(turn),
            Step::Withdrawn | Step::Doubted { .. } => panic!("settling takes nothing back"),
            Step::NextRoute { route, label, at } => {
                assert_eq!(Some(*route), self.next(turn.down));
                self.check_move(*label, *at);
            }
            Step::RetryAt { at, .. } => {
                let most = asked_ms(&turn.outcome).max(RETRY_MS_MAX * 5 / 4);
                assert!(at.ms_since(self.now) <= most, "waits too long");
            }
            Step::Hold { label } => assert!(label.is_some(), "a hold without a mark"),
            Step::Unsure { decide_at } => self.check_doubt(*decide_at),
            Step::Superseded => panic!("settling knows nothing of other copies"),
        }
    }

    fn check_end(&self, turn: &Turn) {
        assert_eq!(self.next(turn.down), None, "dead while a way is left");
        let request = Fault::Request;
        let denied = match turn.outcome {
            Outcome::Refused { .. } => true,
            Outcome::Deferred { fault, .. } => fault == request,
            Outcome::Accepted { .. } | Outcome::Unknown { .. } => false,
        };
        assert!(denied, "dead without a definite no: {turn:?}");
    }

    fn check_move(&self, label: Option<Label>, at: Timestamp) {
        assert!(label.is_some(), "a move without a label");
        assert!(at.ms_since(self.now) <= RETRY_MS_MAX * 5 / 4);
        let doubt = !self.doubtful.is_empty();
        assert!(!doubt || self.class != Class::OnceOnly, "may come twice");
    }

    fn check_doubt(&self, decide_at: Timestamp) {
        assert!(decide_at <= self.expires_at && decide_at > self.now);
        let since_first = self.delivery.tried_at.map(|tried| decide_at.ms_since(tried));
        match self.class {
            Class::Urgent => panic!("an urgent message does not wait in doubt"),
            Class::Chat => assert!(since_first <= Some(UNSURE_CHAT_MS_MAX)),
            Class::OnceOnly => {}
        }
    }

    fn apply(&mut self, step: &Step) {
        let delivery = &mut self.delivery;
        match *step {
            Step::Sent { .. } => delivery.state = State::Sent,
            Step::NextPart { part, .. } => {
                delivery.part = part;
                delivery.due_at = self.now;
                delivery.state = State::Queued;
            }
            Step::RetryAt { at, label } => {
                delivery.label = label.or(delivery.label);
                delivery.due_at = at;
                delivery.state = State::Queued;
            }
            Step::NextRoute { route, label, at } => {
                *delivery = Delivery { route: Some(route), label, due_at: at, ..fresh() };
                self.doubtful.clear();
                self.accepted.clear();
            }
            Step::Hold { label } => {
                delivery.label = label;
                delivery.state = State::Held;
            }
            Step::Unsure { decide_at } => {
                delivery.due_at = decide_at;
                delivery.state = State::Unsure;
            }
            Step::Superseded => delivery.state = State::Superseded,
            Step::Expired => delivery.state = State::Expired,
            Step::Dead { .. } => delivery.state = State::Dead,
            Step::Withdrawn => delivery.state = State::Withdrawn,
            Step::Doubted { .. } => delivery.state = State::Doubted,
        }
    }
}

fn world() -> impl Strategy<Value = World> {
    let class = prop::sample::select(vec![Class::Urgent, Class::Chat, Class::OnceOnly]);
    let lifetime_ms = prop::sample::select(vec![2_000, 60_000, 86_400_000]);
    let label = prop::sample::select(vec![None, Some(Label::Late), INSTEAD]);
    (class, lifetime_ms, 1..4_u32, 1..4_usize, 0..3_usize, label).prop_map(
        |(class, lifetime_ms, parts, ways, start, label)| World {
            delivery: Delivery { route: Some(way(start % ways)), label, ..fresh() },
            class,
            expires_at: ACCEPTED_AT.plus_ms(lifetime_ms),
            now: ACCEPTED_AT,
            parts,
            ways,
            doubtful: Vec::new(),
            accepted: Vec::new(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_delivery_is_lost_whatever_the_networks_answer(
        mut world in world(),
        turns in prop::collection::vec(turn(), 1..60),
    ) {
        for turn in &turns {
            if world.delivery.state.ended() {
                break;
            }
            let before = (world.delivery.route, world.delivery.part);
            world.turn(turn);
            let after = (world.delivery.route, world.delivery.part);
            prop_assert!(before.0 != after.0 || before.1 <= after.1, "a part went back");
            prop_assert!(world.delivery.route.is_some());
        }
        let open = [State::Queued, State::Unsure, State::Held];
        let ends = [State::Sent, State::Expired, State::Dead];
        let state = world.delivery.state;
        prop_assert!(open.contains(&state) || ends.contains(&state), "left as {state:?}");
    }

    #[test]
    fn a_network_that_is_well_again_gets_everything_that_has_not_ended(
        mut world in world(),
        turns in prop::collection::vec(turn(), 0..30),
    ) {
        for turn in &turns {
            world.turn(turn);
        }
        let class = world.class;
        let well = Turn {
            outcome: Outcome::Accepted { copies: Vec::new() },
            took_ms: 1,
            jitter: 0,
            down: [false; 3],
        };
        for _ in 0..8 {
            world.turn(&well);
        }
        let ended = world.delivery.state;
        prop_assert!(ended.ended(), "{class:?} is still {:?}", ended);
    }
}
