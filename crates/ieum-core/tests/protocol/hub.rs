//! The world of the model: what is owed, what is on the wire, what was seen; and what may happen.

use ieum_core::delivery::{Delivery, Label, Recipient, Route, State, Step};
use ieum_core::directory::{
    Account, Address, Change, Consent, Conversation, ConversationKind, Directory, Endpoint,
    Language, Person, Purpose,
};
use ieum_core::health::book::{HealthBook, api_cell};
use ieum_core::health::{CellState, Function};
use ieum_core::ids::{
    AccountId, AddressId, ChatKey, ConversationId, DeliverySeq, MessageSeq, PersonId, UserKey,
};
use ieum_core::message::{Author, Class};
use ieum_core::network::Network;
use ieum_core::outgoing::{CopyKey, Fault, Outcome};
use ieum_core::route::{PlanFacts, next_route, plan};
use ieum_core::settle::{SettleFacts, decide, settle};
use ieum_core::time::Timestamp;
use std::collections::BTreeSet;

const READER: PersonId = PersonId(1);
const WRITER: PersonId = PersonId(2);
const TALK: ConversationId = ConversationId(1);
const NOW: Timestamp = Timestamp(1_000_000);
/// More attempts than this are not told apart.
const ATTEMPTS_TOLD: u8 = 3;
const MESSAGES: u8 = 3;

/// How often what may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The first network stops working.
    pub outages: u8,
    /// The hub dies.
    pub crashes: u8,
    /// An answer never comes.
    pub silences: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    Queued,
    Attempting,
    Unsure,
    Held,
    Sent,
}

/// A label as far as it is told apart: instead of the first network, late, again.
type Told = Option<u8>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owed {
    pub standing: Standing,
    network: u8,
    attempts: u8,
    label: Told,
}

/// A copy on the reader's screen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Copy {
    pub message: u8,
    pub label: Told,
}

/// A call on the wire, or the answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Call {
    message: u8,
    network: u8,
    /// Which call of this message, so that an answer finds who waits for it.
    number: u8,
    label: Told,
    answered: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub owed: Vec<Owed>,
    pub screen: Vec<Copy>,
    wire: BTreeSet<Call>,
    /// Messages that LINE knows by their key.
    known: BTreeSet<u8>,
    /// Which call the hub waits for.
    awaited: Option<(u8, u8)>,
    works: bool,
    /// The hub has seen a failure that the outage explains.
    seen_failing: bool,
    believed_down: bool,
    left: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    Say,
    Claim,
    Arrive(Call),
    Answer(Call),
    GiveUpWaiting,
    Decide(u8),
    Break,
    Mend,
    BelieveDown,
    BelieveUp,
    TryHeld,
    Crash,
}

impl World {
    pub fn new(left: Limits) -> Self {
        Self {
            owed: Vec::new(),
            screen: Vec::new(),
            wire: BTreeSet::new(),
            known: BTreeSet::new(),
            awaited: None,
            works: true,
            seen_failing: false,
            believed_down: false,
            left,
        }
    }

    pub fn said(&self) -> u8 {
        u8::try_from(self.owed.len()).unwrap()
    }

    pub fn copies_of(&self, message: u8) -> impl Iterator<Item = &Copy> {
        self.screen.iter().filter(move |copy| copy.message == message)
    }

    /// The first of the lane that has not ended.
    fn head(&self) -> Option<(u8, &Owed)> {
        let open = self.owed.iter().position(|one| one.standing != Standing::Sent)?;
        Some((u8::try_from(open).unwrap(), &self.owed[open]))
    }
}

/// The hub and the town around it.
pub struct Hub {
    directory: Directory,
    well: HealthBook,
    sick: HealthBook,
}

const fn network(number: u8) -> Network {
    if number == 0 { Network::KakaoTalk } else { Network::Line }
}

fn route(number: u8) -> Route {
    let account = AccountId(u64::from(number) + 1);
    Route { account, endpoint: Endpoint::Address(AddressId(u64::from(number) + 1)) }
}

fn number(route: Route) -> u8 {
    u8::try_from(route.account.0 - 1).unwrap()
}

fn label(told: Told) -> Option<Label> {
    told.map(|told| match told {
        0 => Label::InsteadOf(Network::KakaoTalk),
        1 => Label::InsteadOf(Network::Line),
        2 => Label::Late,
        _ => Label::Again,
    })
}

fn told(label: Option<Label>) -> Told {
    label.map(|label| match label {
        Label::InsteadOf(Network::KakaoTalk) => 0,
        Label::InsteadOf(_) => 1,
        Label::Late => 2,
        Label::Again => 3,
    })
}

impl Hub {
    pub fn new(second_way: bool) -> Self {
        let mut directory = Directory::default();
        for number in 0..2 {
            let network = network(number);
            let id = route(number).account;
            directory.apply(Change::Account(Account { id, name: network.word().into(), network }));
            directory.apply(Change::Address(Address {
                id: AddressId(id.0),
                account: id,
                user: UserKey::new("reader"),
                person: Some(READER),
                name: "reader".into(),
                icon_url: None,
                direct: Some(ChatKey::new("reader")),
                blocked: false,
                current: None,
            }));
        }
        let consent = |network, purpose| Consent {
            network,
            purpose,
            given: network == Network::KakaoTalk || second_way,
            at: Timestamp(0),
            source: "model".into(),
        };
        let networks = [Network::KakaoTalk, Network::Line];
        let person = |id, routes, consents| Person {
            id,
            name: "somebody".into(),
            language: Language::Ko,
            routes,
            consents,
        };
        let each = |n| [Purpose::Talk, Purpose::Failover].map(|purpose| consent(n, purpose));
        let consents = networks.into_iter().flat_map(each).collect();
        directory.apply(Change::Person(person(READER, vec![AddressId(1), AddressId(2)], consents)));
        directory.apply(Change::Person(person(WRITER, Vec::new(), Vec::new())));
        directory.apply(Change::Conversation(Conversation {
            id: TALK,
            kind: ConversationKind::Direct,
            title: "".into(),
            members: vec![READER, WRITER],
            rooms: Vec::new(),
        }));
        let mut sick = HealthBook::default();
        let cell = api_cell(Network::KakaoTalk, Function::Send);
        drop(sick.hold(cell, CellState::Down, Timestamp(0)));
        assert!(sick.network_down(Network::KakaoTalk) && !sick.network_down(Network::Line));
        Self { directory, well: HealthBook::default(), sick }
    }

    fn health(&self, world: &World) -> &HealthBook {
        if world.believed_down { &self.sick } else { &self.well }
    }

    pub fn deeds(&self, world: &World, deeds: &mut Vec<Deed>) {
        if world.said() < MESSAGES {
            deeds.push(Deed::Say);
        }
        if let Some((message, head)) = world.head() {
            match head.standing {
                Standing::Queued => deeds.push(Deed::Claim),
                Standing::Unsure => deeds.push(Deed::Decide(message)),
                Standing::Held => deeds.push(Deed::TryHeld),
                Standing::Attempting | Standing::Sent => {}
            }
        }
        for call in &world.wire {
            deeds.push(match call.answered {
                None => Deed::Arrive(*call),
                Some(_) => Deed::Answer(*call),
            });
        }
        if world.awaited.is_some() && world.left.silences > 0 {
            deeds.push(Deed::GiveUpWaiting);
        }
        if world.works && world.left.outages > 0 {
            deeds.push(Deed::Break);
        }
        if !world.works {
            deeds.push(Deed::Mend);
        }
        if !world.believed_down && world.seen_failing && !world.works {
            deeds.push(Deed::BelieveDown);
        }
        if world.believed_down && world.works {
            deeds.push(Deed::BelieveUp);
        }
        if world.left.crashes > 0 {
            deeds.push(Deed::Crash);
        }
    }

    pub fn does(&self, world: &mut World, deed: Deed) {
        match deed {
            Deed::Say => self.say(world),
            Deed::Claim => self.claim(world),
            Deed::Arrive(call) => arrive(world, call),
            Deed::Answer(call) => self.answer(world, call),
            Deed::GiveUpWaiting => {
                world.left.silences -= 1;
                let (message, _) = world.awaited.take().unwrap();
                world.seen_failing |= world.owed[usize::from(message)].network == 0;
                self.settled(world, message, silence());
            }
            Deed::Decide(message) => {
                let step = self.with_facts(world, message, decide);
                apply(world, message, &step);
            }
            Deed::Break => {
                world.left.outages -= 1;
                world.works = false;
            }
            Deed::Mend => world.works = true,
            Deed::BelieveDown => self.leave(world),
            Deed::BelieveUp => world.believed_down = false,
            Deed::TryHeld => self.try_held(world),
            Deed::Crash => self.crash(world),
        }
    }

    fn say(&self, world: &mut World) {
        let conversation = self.directory.conversation(TALK).unwrap();
        let (directory, health) = (&self.directory, self.health(world));
        let author = Author::Person(WRITER);
        let planned =
            plan(PlanFacts { directory, health, conversation, author, source_room: None });
        let [one] = <[_; 1]>::try_from(planned.deliveries).unwrap();
        assert_eq!(one.recipient, Recipient::Person(READER));
        let held = one.state == State::Held;
        world.owed.push(Owed {
            standing: if held { Standing::Held } else { Standing::Queued },
            network: number(one.route.unwrap()),
            attempts: 0,
            label: told(one.label),
        });
    }

    fn claim(&self, world: &mut World) {
        let (message, head) = world.head().unwrap();
        let (network, label) = (head.network, head.label);
        // Told apart from calls that are still on the wire, and no further.
        let taken =
            |n: &u8| world.wire.iter().any(|call| call.message == message && call.number == *n);
        let number = (0..u8::MAX).find(|n| !taken(n)).unwrap();
        world.wire.insert(Call { message, network, number, label, answered: None });
        world.awaited = Some((message, number));
        let owed = &mut world.owed[usize::from(message)];
        owed.standing = Standing::Attempting;
        owed.attempts = (owed.attempts + 1).min(ATTEMPTS_TOLD);
    }

    fn answer(&self, world: &mut World, call: Call) {
        world.wire.remove(&call);
        // Nobody waits for the answers to calls that were given up.
        if world.awaited != Some((call.message, call.number)) {
            return;
        }
        world.awaited = None;
        let taken = call.answered == Some(true);
        world.seen_failing |= !taken;
        let outcome = if taken {
            Outcome::Accepted { copies: vec![CopyKey::default()] }
        } else {
            let reason = "503".to_owned();
            Outcome::Deferred { after_ms: 0, fault: Fault::Network, reason }
        };
        self.settled(world, call.message, outcome);
    }

    fn settled(&self, world: &mut World, message: u8, outcome: Outcome) {
        let step = self.with_facts(world, message, |facts| settle(facts, outcome));
        apply(world, message, &step);
    }

    fn with_facts(
        &self,
        world: &World,
        message: u8,
        ask: impl FnOnce(SettleFacts<'_>) -> Step,
    ) -> Step {
        let owed = &world.owed[usize::from(message)];
        let (here, health) = (route(owed.network), self.health(world));
        let delivery = delivery(message, owed);
        let there = network(owed.network);
        ask(SettleFacts {
            delivery: &delivery,
            class: Class::Chat,
            accepted_at: NOW,
            expires_at: NOW.plus_ms(86_400_000),
            now: NOW,
            jitter: 500,
            network: there,
            idempotent: there == Network::Line,
            parts: 1,
            carried: 1,
            route_down: health.route_down(there, here),
            answered: true,
            next: next_route(&self.directory, health, READER, ConversationId(1), Some(here)),
        })
    }

    /// What waits on the first network and is not being attempted leaves it, in order.
    fn leave(&self, world: &mut World) {
        world.believed_down = true;
        if world.awaited.is_some() {
            return;
        }
        for message in 0..world.said() {
            let owed = &world.owed[usize::from(message)];
            if owed.standing != Standing::Queued || owed.network != 0 {
                continue;
            }
            let next =
                next_route(&self.directory, &self.sick, READER, ConversationId(1), Some(route(0)));
            let step = match next {
                Some(route) => {
                    let label = Some(Label::InsteadOf(Network::KakaoTalk));
                    Step::NextRoute { route, label, at: NOW }
                }
                None => Step::Hold { label: Some(label(owed.label).unwrap_or(Label::Late)) },
            };
            apply(world, message, &step);
        }
    }

    /// The sweep looks at a lane that waits: its route works again, or another way opened, or the
    /// oldest is tried.
    fn try_held(&self, world: &mut World) {
        let (first, head) = world.head().unwrap();
        let health = self.health(world);
        let down = health.route_down(network(head.network), route(head.network));
        let other = next_route(
            &self.directory,
            health,
            READER,
            ConversationId(1),
            Some(route(head.network)),
        );
        for message in first..world.said() {
            let owed = &world.owed[usize::from(message)];
            if owed.standing != Standing::Held || (down && other.is_none() && message > first) {
                continue;
            }
            let step = match other.filter(|_| down) {
                Some(route) => {
                    let from = network(owed.network);
                    Step::NextRoute { route, label: Some(Label::InsteadOf(from)), at: NOW }
                }
                None => Step::RetryAt { at: NOW, label: label(owed.label) },
            };
            apply(world, message, &step);
        }
    }

    /// What was claimed durably is in doubt; the rest is as it was before its claim. Health is
    /// learnt anew.
    fn crash(&self, world: &mut World) {
        world.left.crashes -= 1;
        world.believed_down = false;
        world.seen_failing = false;
        let Some((message, _)) = world.awaited.take() else { return };
        let owed = &mut world.owed[usize::from(message)];
        if network(owed.network) == Network::Line {
            owed.standing = Standing::Queued;
        } else {
            self.settled(world, message, silence());
        }
    }
}

/// A call reaches its network.
fn arrive(world: &mut World, call: Call) {
    world.wire.remove(&call);
    let works = world.works || call.network == 1;
    let known = call.network == 1 && !world.known.insert(call.message);
    if works && !known {
        world.screen.push(Copy { message: call.message, label: call.label });
    }
    world.wire.insert(Call { answered: Some(works), ..call });
}

fn silence() -> Outcome {
    Outcome::Unknown { reason: "no answer".to_owned() }
}

fn apply(world: &mut World, message: u8, step: &Step) {
    let owed = &mut world.owed[usize::from(message)];
    match step {
        Step::Sent { .. } => owed.standing = Standing::Sent,
        Step::RetryAt { label, .. } => {
            owed.standing = Standing::Queued;
            owed.label = told(*label).or(owed.label);
        }
        Step::NextRoute { route, label, .. } => {
            owed.standing = Standing::Queued;
            owed.network = number(*route);
            owed.attempts = 0;
            owed.label = told(*label);
        }
        Step::Hold { label } => {
            owed.standing = Standing::Held;
            owed.label = told(*label);
        }
        Step::Unsure { .. } => owed.standing = Standing::Unsure,
        Step::NextPart { .. }
        | Step::Superseded
        | Step::Expired
        | Step::Dead { .. }
        | Step::Withdrawn
        | Step::Doubted { .. } => {
            unreachable!("nothing here has parts, expires, is refused or taken back: {step:?}")
        }
    }
}

fn delivery(message: u8, owed: &Owed) -> Delivery {
    Delivery {
        seq: DeliverySeq(u64::from(message) + 1),
        message: MessageSeq(u64::from(message) + 1),
        conversation: TALK,
        recipient: Recipient::Person(READER),
        route: Some(route(owed.network)),
        state: State::Attempting,
        attempts: u32::from(owed.attempts),
        part: 0,
        due_at: NOW,
        tried_at: (owed.attempts > 0).then_some(NOW),
        label: label(owed.label),
        stands_in_for: None,
        copies: Vec::new(),
    }
}
