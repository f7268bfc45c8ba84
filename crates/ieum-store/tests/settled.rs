//! The store and the decisions of `settle`, against a model in a few lines: random lives of lanes,
//! with answers of every kind, decisions about silence, releases and restarts.
//!
//! The model keeps deliveries in a list and applies each step by the words of [`Step`]. After each
//! move the store must have claimed what the model says, and hold what the model holds.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(missing_docs, unreachable_pub, missing_debug_implementations, reason = "tests")]

use futures_util::FutureExt;
use ieum_core::content::MessageId;
use ieum_core::delivery::{Delivery, NewDelivery, Recipient, Route, Settlement, State, Step};
use ieum_core::directory::Endpoint;
use ieum_core::ids::{AccountId, AddressId, ConversationId, DeliverySeq, MessageSeq, PersonId};
use ieum_core::message::{Author, Class, NewMessage};
use ieum_core::network::Network;
use ieum_core::outgoing::{Fault, Outcome, Scope};
use ieum_core::ports::store::{
    Admission, AdmitBatch, Advance, ClaimRequest, Moves, OpenFilter, Store, StoreAnswer,
};
use ieum_core::settle::{SettleFacts, decide, settle};
use ieum_core::time::Timestamp;
use ieum_store::MemoryStore;
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use std::collections::{BTreeSet, VecDeque};

const LANES: u64 = 3;
const LIFETIME_MS: u64 = 600_000;

/// What is done to the store.
#[derive(Clone, Debug)]
enum Move {
    /// Somebody is written to, over one of two accounts.
    Say { lane: u64, account: u64 },
    /// What is under way on an account is answered so, and what is due there is claimed.
    Advance { account: u64, answers: Vec<u8>, rows_max: usize },
    /// Doubt that is due is decided.
    Decide,
    /// Everything that is held is tried again.
    Release,
    /// Time passes.
    Wait { ms: u64 },
    /// The store is closed without a word and opened again.
    Restart,
}

/// What a move came to, for the store to be told the same.
#[derive(Clone, Debug, Default)]
struct Done {
    settled: Vec<Settlement>,
    claimed: Vec<DeliverySeq>,
}

#[derive(Clone, Debug)]
struct Model {
    now: Timestamp,
    deliveries: Vec<Delivery>,
    /// Accounts on which what has a label goes first where both kinds are due.
    labelled_first: BTreeSet<u64>,
    done: Done,
}

fn route(account: u64, lane: u64) -> Route {
    let endpoint = Endpoint::Address(AddressId(account * 10 + lane));
    Route { account: AccountId(account), endpoint }
}

fn network(account: AccountId) -> Network {
    if account.0 == 1 { Network::KakaoTalk } else { Network::Line }
}

fn outcome(answer: u8) -> Outcome {
    let reason = "as the test wants it".to_owned();
    let later = |fault| Outcome::Deferred { after_ms: 0, fault, reason: reason.clone() };
    match answer % 6 {
        0 | 1 => Outcome::Accepted { copies: Vec::new() },
        2 => Outcome::Unknown { reason },
        3 => later(Fault::Network),
        4 => later(Fault::Limit),
        _ => Outcome::Refused { scope: Scope::Recipient, moved_to: None, reason },
    }
}

impl Model {
    fn facts(&self, delivery: &Delivery, ask: impl FnOnce(SettleFacts<'_>) -> Step) -> Step {
        let here = delivery.route.unwrap();
        let PersonId(lane) = person(delivery);
        let other = route(3 - here.account.0, lane);
        ask(SettleFacts {
            delivery,
            class: Class::Chat,
            accepted_at: Timestamp(0),
            expires_at: Timestamp(0).plus_ms(LIFETIME_MS),
            now: self.now,
            jitter: 500,
            network: network(here.account),
            idempotent: here.account.0 == 2,
            parts: 1,
            carried: 1,
            // Lane 2 has no other way; a second failure counts as the route's.
            route_down: delivery.attempts > 1,
            answered: true,
            next: (lane < 2).then_some(other),
        })
    }

    fn settle(&mut self, seq: DeliverySeq, step: Step) {
        let at = self.now;
        apply(&mut self.deliveries[place(seq)], &step, at);
        let evidence = "for a reason".into();
        self.done.settled.push(Settlement { delivery: seq, step, evidence, at, plus: Vec::new() });
    }

    fn in_state(&self, state: State) -> Vec<Delivery> {
        self.deliveries.iter().filter(|one| one.state == state).cloned().collect()
    }

    /// The heads of lanes that are due on an account with or without a label, the longest due
    /// first.
    fn due(&self, account: u64, labelled: bool) -> VecDeque<DeliverySeq> {
        let heads = (0..LANES).filter_map(|lane| {
            let open = |one: &&Delivery| person(one).0 == lane && !one.state.ended();
            self.deliveries.iter().find(open)
        });
        let due = |head: &&Delivery| {
            head.state == State::Queued
                && head.route.unwrap().account.0 == account
                && head.due_at <= self.now
                && head.label.is_some() == labelled
        };
        let mut due: Vec<_> = heads.filter(due).map(|head| (head.due_at, head.seq)).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, seq)| seq).collect()
    }

    /// What is claimed: by turns while there are both.
    fn claim(&mut self, account: u64, rows_max: usize) -> Vec<DeliverySeq> {
        let [mut plain, mut labelled] = [false, true].map(|label| self.due(account, label));
        let mut claimed = Vec::new();
        while claimed.len() < rows_max && plain.len() + labelled.len() > 0 {
            let both = !plain.is_empty() && !labelled.is_empty();
            let was_first = both && self.labelled_first.remove(&account);
            if both && !was_first {
                self.labelled_first.insert(account);
            }
            let from = if was_first || plain.is_empty() { &mut labelled } else { &mut plain };
            claimed.extend(from.pop_front());
        }
        claimed
    }

    fn advance(&mut self, account: u64, answers: &[u8], rows_max: usize) {
        let under_way: Vec<Delivery> = self.in_state(State::Attempting);
        let here = under_way.into_iter().filter(|one| one.route.unwrap().account.0 == account);
        for (delivery, answer) in here.zip(answers) {
            let step = self.facts(&delivery, |facts| settle(facts, outcome(*answer)));
            self.settle(delivery.seq, step);
        }
        self.done.claimed = self.claim(account, rows_max);
        for seq in self.done.claimed.clone() {
            let delivery = &mut self.deliveries[place(seq)];
            delivery.state = State::Attempting;
            delivery.attempts += 1;
            delivery.tried_at.get_or_insert(self.now);
        }
    }

    fn say(&mut self, lane: u64, account: u64) {
        let number = self.deliveries.len() as u64 + 1;
        self.deliveries.push(Delivery {
            seq: DeliverySeq(number),
            message: MessageSeq(number),
            conversation: ConversationId(1),
            recipient: Recipient::Person(PersonId(lane)),
            route: Some(route(account, lane)),
            state: State::Queued,
            attempts: 0,
            part: 0,
            due_at: self.now,
            tried_at: None,
            label: None,
            stands_in_for: None,
            copies: Vec::new(),
        });
    }
}

fn place(seq: DeliverySeq) -> usize {
    usize::try_from(seq.0).unwrap() - 1
}

fn person(delivery: &Delivery) -> PersonId {
    let Recipient::Person(person) = delivery.recipient else { panic!("only people here") };
    person
}

/// The words of [`Step`].
fn apply(delivery: &mut Delivery, step: &Step, now: Timestamp) {
    let queued = |delivery: &mut Delivery, due_at| {
        delivery.state = State::Queued;
        delivery.due_at = due_at;
    };
    match step {
        Step::Sent { .. } => delivery.state = State::Sent,
        Step::NextPart { part, .. } => {
            delivery.part = *part;
            queued(delivery, now);
        }
        Step::RetryAt { at, label } => {
            delivery.label = label.or(delivery.label);
            queued(delivery, *at);
        }
        Step::NextRoute { route, label, at } => {
            (delivery.route, delivery.label) = (Some(*route), *label);
            (delivery.attempts, delivery.part, delivery.tried_at) = (0, 0, None);
            queued(delivery, *at);
        }
        Step::Hold { label } => (delivery.state, delivery.label) = (State::Held, *label),
        Step::Unsure { decide_at } => {
            (delivery.state, delivery.due_at) = (State::Unsure, *decide_at);
        }
        Step::Superseded => delivery.state = State::Superseded,
        Step::Expired => delivery.state = State::Expired,
        Step::Dead { .. } => delivery.state = State::Dead,
        Step::Withdrawn => delivery.state = State::Withdrawn,
        Step::Doubted { .. } => delivery.state = State::Doubted,
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Move;

    fn init_state() -> BoxedStrategy<Self> {
        let done = Done::default();
        let (now, deliveries) = (Timestamp(0), Vec::new());
        Just(Self { now, deliveries, labelled_first: BTreeSet::new(), done }).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Move> {
        let answers = prop::collection::vec(any::<u8>(), 0..4);
        prop_oneof![
            4 => (0..LANES, 1..3_u64).prop_map(|(lane, account)| Move::Say { lane, account }),
            8 => (1..3_u64, answers, 1..4_usize).prop_map(|(account, answers, rows_max)| {
                Move::Advance { account, answers, rows_max }
            }),
            1 => Just(Move::Decide),
            1 => Just(Move::Release),
            3 => (1..40_000_u64).prop_map(|ms| Move::Wait { ms }),
            1 => Just(Move::Restart),
        ]
        .boxed()
    }

    fn apply(mut model: Self, next: &Move) -> Self {
        model.done = Done::default();
        let now = model.now;
        match next {
            Move::Say { lane, account } => model.say(*lane, *account),
            Move::Advance { account, answers, rows_max } => {
                model.advance(*account, answers, *rows_max);
            }
            // Only heads are in doubt here: nothing is claimed behind one.
            Move::Decide => {
                for one in model.in_state(State::Unsure).into_iter().filter(|d| d.due_at <= now) {
                    let step = model.facts(&one, decide);
                    model.settle(one.seq, step);
                }
            }
            Move::Release => {
                for one in model.in_state(State::Held) {
                    model.settle(one.seq, Step::RetryAt { at: now, label: one.label });
                }
            }
            Move::Wait { ms } => model.now = now.plus_ms(*ms),
            // Every claim here is durable: what was under way still is, and is told as such.
            Move::Restart => model.labelled_first.clear(),
        }
        model
    }
}

/// The store under test.
struct Shop(MemoryStore);

fn wait<T>(answer: StoreAnswer<'_, T>) -> T {
    answer.now_or_never().unwrap().unwrap()
}

fn admission(model: &Model, delivery: &Delivery) -> AdmitBatch {
    let mut id = [1; 32];
    id[1..9].copy_from_slice(&delivery.seq.0.to_be_bytes());
    let message = NewMessage {
        id: MessageId::from_bytes(id),
        conversation: delivery.conversation,
        author: Author::Hub,
        source: None,
        accepted_at: model.now,
        origin_at: model.now,
        expires_at: Timestamp(0).plus_ms(LIFETIME_MS),
        class: Class::Chat,
        content: b"words".to_vec().into(),
    };
    let planned = NewDelivery {
        recipient: delivery.recipient,
        route: delivery.route,
        state: State::Queued,
        label: None,
        stands_in_for: None,
    };
    let deliveries = vec![planned];
    let admission = Admission { message: Some(message), deliveries, ..Admission::default() };
    AdmitBatch { at: model.now, admissions: vec![admission], cursor: None }
}

impl StateMachineTest for Shop {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        let store = MemoryStore::new();
        wait(store.load(Timestamp(0)));
        Self(store)
    }

    fn apply(shop: Self, model: &Model, done: Move) -> Self {
        let Done { settled, claimed } = model.done.clone();
        match done {
            Move::Say { .. } => {
                wait(shop.0.admit(admission(model, model.deliveries.last().unwrap())));
            }
            Move::Advance { account, rows_max, .. } => {
                let claim = ClaimRequest {
                    account: AccountId(account),
                    lanes_max: rows_max,
                    rows_max,
                    run_max: 1,
                    now: model.now,
                    durable: true,
                };
                let advanced = wait(shop.0.advance(Advance { settled, claim: Some(claim) }));
                let got: Vec<_> = advanced.claims.iter().map(|one| one.delivery.seq).collect();
                assert_eq!(got, claimed, "heads that are due, by turns");
            }
            Move::Decide | Move::Release => {
                let moves = Moves { at: model.now, moved: settled, ..Moves::default() };
                wait(shop.0.apply_moves(moves));
            }
            Move::Wait { .. } => {}
            Move::Restart => {
                shop.0.reopen();
                let interrupted = wait(shop.0.load(model.now)).interrupted;
                assert_eq!(interrupted, model.in_state(State::Attempting));
            }
        }
        shop
    }

    fn check_invariants(shop: &Self, model: &Model) {
        let open = wait(shop.0.page_open(OpenFilter::default(), DeliverySeq(0)));
        let owed: Vec<Delivery> =
            model.deliveries.iter().filter(|one| !one.state.ended()).cloned().collect();
        assert_eq!(open, owed);
        for one in model.deliveries.iter().filter(|one| one.state.ended()) {
            let kept = wait(shop.0.deliveries_of(one.message));
            assert_eq!(kept.len(), 1);
            assert_eq!((kept[0].state, kept[0].label), (one.state, one.label));
        }
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn the_store_keeps_what_settling_decides(sequential 1..80 => Shop);
}
