//! One run: a seed, a scenario, so many people and days, from the first word to the last copy.
//!
//! It drives the world and watches the hub from outside. Invariant: everything that chance decides
//! comes from the seed, so that a run can be repeated to the byte.

use super::check::{Checks, totals};
use super::clock::{VirtualClock, WallClock};
use super::courier::Courier;
use super::dice::Dice;
use super::eyes::Eyes;
use super::hazard::{Hazards, Troubles};
use super::ledger::{Entry, Ledger};
use super::missing::missing;
use super::moving_in::{agree, into_hub, into_world};
use super::network::{Direct, in_lab};
use super::people::{People, room_name};
use super::reception::{Reception, lock};
use super::record::Record;
use super::report::Report;
use super::script::{Trouble, drawn};
use super::traffic::Traffic;
use crate::doors::clock::Stopwatch;
use crate::doors::entropy::SeededEntropy;
use crate::mark;
use anyhow::Context;
use ieum_core::ids::PersonId;
use ieum_core::network::Network;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::store::Store;
use ieum_core::time::Timestamp;
use ieum_lab::world::Say;
use ieum_lab::{Scenario, World};
use ieum_store::MemoryStore;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long people talk before an outage begins, in milliseconds.
const LEAD_MS: u64 = 600_000;
/// How long they talk after it ended, in milliseconds.
const TAIL_MS: u64 = 900_000;
/// How long the last messages may take after nobody speaks any more, in milliseconds.
const DRAIN_MS_MAX: u64 = 2 * 86_400_000;
/// Screens are read so often, in milliseconds, in runs of up to a day; longer ones more seldom.
const LOOK_MS: u64 = 10_000;
/// How long the world remembers messages: longer than any outage, in milliseconds.
const WORLD_MEMORY_MS: u64 = 7 * 86_400_000;
/// How long a hub that died stays away, in milliseconds.
const AWAY_MS: (u64, u64) = (500, 30_000);
/// When a quiet run begins: Monday, 3 June 2024, midnight in Korea.
const QUIET_START: Timestamp = Timestamp(1_717_340_400_000);

/// What is to be run.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// The outage; none for a quiet time.
    pub(super) scenario: Option<Scenario>,
    pub(super) seed: u64,
    pub(super) people: usize,
    /// Days of talk; an outage is seen to its end whatever this says.
    pub(super) days: f64,
    /// Things said a person and day.
    pub(super) per_day: f64,
    pub(super) troubles: Troubles,
    /// Whether the hub may doubt what a network took. Off only to see the checkers bite.
    pub(super) doubting: bool,
    /// Where the journal is written to.
    pub(super) journal: Option<PathBuf>,
}

/// The moments of a run.
#[derive(Debug, Clone, Copy)]
struct Times {
    start: Timestamp,
    outage_at: Timestamp,
    talk_ends: Timestamp,
}

impl Order {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "days are checked to be a small positive number"
    )]
    fn times(&self) -> Times {
        let days_ms = (self.days * 86_400_000.0) as u64;
        let Some(scenario) = &self.scenario else {
            let talk_ends = QUIET_START.plus_ms(days_ms);
            return Times { start: QUIET_START, outage_at: talk_ends, talk_ends };
        };
        let outage_at = scenario.happened_at();
        let start = Timestamp(outage_at.0 - i64::try_from(LEAD_MS).unwrap_or(0));
        let length_s = u64::from(scenario.dur_s) + u64::from(scenario.recovery.overload_s);
        let ends = outage_at.plus_ms(length_s * 1_000 + TAIL_MS);
        Times { start, outage_at, talk_ends: ends.max(start.plus_ms(days_ms)) }
    }
}

/// Runs it.
///
/// # Errors
/// When something that no promise is about goes wrong: a file, a defect of the simulation.
pub(super) fn run(order: &Order) -> anyhow::Result<Report> {
    let watch = Stopwatch::start();
    let times = order.times();
    let clock = VirtualClock::new(times.start);
    let runtime = clock.runtime()?;
    let mut report = runtime.block_on(play(order, times, clock))?;
    report.wall_s = watch.elapsed().as_secs_f64();
    Ok(report)
}

async fn play(order: &Order, times: Times, clock: VirtualClock) -> anyhow::Result<Report> {
    let mut stage = Stage::set(order, times, clock).await?;
    let mut servants = JoinSet::new();
    servants.spawn(Arc::clone(&stage.reception.courier).carry());
    servants.spawn(Arc::clone(&stage.reception).webhooks());
    servants.spawn(Eyes::watch(Arc::clone(&stage.reception)));
    stage.talk().await?;
    stage.drain().await?;
    let report = stage.report(order).await?;
    stage.reception.bury_hub().await;
    servants.shutdown().await;
    Ok(report)
}

struct Stage {
    reception: Arc<Reception>,
    times: Times,
    persons: Vec<PersonId>,
    traffic: Traffic,
    dice: Dice,
    troubles: VecDeque<(Timestamp, Trouble)>,
    checks: Checks,
    record: Record,
    wrong_by_ms: i64,
    crashes: u64,
    back_at: Option<Timestamp>,
    look_ms: u64,
    forgotten_at: Timestamp,
}

/// What the driver waits for.
enum Next {
    Died,
    Due,
}

impl Stage {
    async fn set(order: &Order, times: Times, truth: VirtualClock) -> anyhow::Result<Self> {
        let drawing = Dice::new(order.seed, 0x9E0);
        let people = Arc::new(People::drawn(order.people, &drawing));
        let clock: Arc<dyn Clock> = Arc::new(truth.clone());
        let hazards = Arc::new(Hazards::new(order.seed, order.troubles, Arc::clone(&clock)));
        let eyes = Eyes::of(order.scenario.as_ref());
        let mut world = world(order, times, &clock, &people, &drawing)?;
        eyes.join(&mut world)?;
        let courier =
            Arc::new(Courier::new((world, eyes), Arc::clone(&clock), Arc::clone(&hazards)));
        let ledger = Arc::new(Mutex::new(Ledger::new(Arc::clone(&people))));
        let connectors = Direct::all(&courier, &hazards, &ledger, &clock);
        let reception = Arc::new(Reception {
            wall: WallClock::new(truth.clone()),
            truth,
            hazards,
            courier,
            ledger,
            store: Arc::new(MemoryStore::new()),
            connectors,
            seed: order.seed,
            doubting: order.doubting,
            hub: watch::Sender::new(None),
        });
        let hub = reception.start_hub().await?;
        let persons = into_hub(&hub, &people).await?;
        reception.hub.send_replace(Some(hub));
        reception.hazards.arm(true);
        let span = (times.start, times.talk_ends);
        let dice = Dice::new(order.seed, 0x5C1);
        let troubles =
            if order.troubles.on { drawn(&dice, span, order.people) } else { VecDeque::new() };
        let days = times.talk_ends.ms_since(times.start) / 86_400_000;
        Ok(Self {
            reception,
            times,
            persons,
            traffic: Traffic::new(order.seed, order.people, order.per_day),
            dice,
            troubles,
            checks: Checks::default(),
            record: Record::new(
                order.journal.as_deref(),
                order.scenario.as_ref(),
                times.outage_at,
            )?,
            wrong_by_ms: 0,
            crashes: 0,
            back_at: None,
            look_ms: LOOK_MS * (days + 1).min(30),
            forgotten_at: times.start,
        })
    }

    fn now(&self) -> Timestamp {
        self.reception.truth.now()
    }

    /// Everybody talks until the end, whatever happens.
    async fn talk(&mut self) -> anyhow::Result<()> {
        let mut spoken_at = self.traffic.next_after(self.now());
        let mut look_at = self.now().plus_ms(self.look_ms);
        while self.now() < self.times.talk_ends {
            let trouble_at = self.troubles.front().map(|(at, _)| *at);
            let soonest = [Some(spoken_at), Some(look_at), trouble_at, self.back_at];
            let due = soonest.into_iter().flatten().min().unwrap_or(look_at);
            match self.wait_until(due.min(self.times.talk_ends)).await {
                Next::Died => self.bury().await,
                Next::Due => {
                    let now = self.now();
                    if self.back_at.is_some_and(|at| at <= now) {
                        self.come_back().await;
                    }
                    if trouble_at.is_some_and(|at| at <= now) {
                        self.trouble().await?;
                    }
                    if spoken_at <= now {
                        self.speak();
                        spoken_at = self.traffic.next_after(now);
                    }
                    if look_at <= now {
                        self.look().await?;
                        look_at = now.plus_ms(self.look_ms);
                    }
                }
            }
        }
        Ok(())
    }

    /// Nobody speaks any more and nothing else breaks: what is owed is paid.
    async fn drain(&mut self) -> anyhow::Result<()> {
        self.reception.hazards.arm(false);
        self.set_clock(0).await?;
        if self.reception.hub.borrow().is_none() {
            self.come_back().await;
        }
        let end = self.now().plus_ms(DRAIN_MS_MAX);
        let mut calm = 0;
        while self.now() < end && calm < 3 {
            if let Next::Died = self.wait_until(self.now().plus_ms(LOOK_MS)).await {
                self.bury().await;
                self.come_back().await;
            }
            self.look().await?;
            let open = self.reception.store.counts().await?.open.values().sum::<u64>();
            calm = if open == 0 { calm + 1 } else { 0 };
        }
        Ok(())
    }

    async fn wait_until(&self, due: Timestamp) -> Next {
        let wait = self.reception.truth.sleep(due.ms_since(self.now()));
        tokio::select! {
            biased;
            () = self.reception.hazards.died.notified() => Next::Died,
            () = wait => Next::Due,
        }
    }

    async fn bury(&mut self) {
        self.crashes += 1;
        // What it had claimed is in doubt, wherever it was to go.
        let now = self.now();
        for network in Network::ALL {
            lock(&self.reception.ledger).blame(network, now);
        }
        self.reception.bury_hub().await;
        let away_ms = self.dice.between(AWAY_MS.0, AWAY_MS.1);
        self.back_at = Some(self.now().plus_ms(away_ms));
    }

    /// Starts the hub; it may die or fail at once, and is then tried again.
    async fn come_back(&mut self) {
        self.back_at = None;
        self.reception.hazards.revive();
        let started = tokio::select! {
            biased;
            () = self.reception.hazards.died.notified() => None,
            hub = self.reception.start_hub() => hub.ok(),
        };
        match started {
            Some(hub) => {
                self.reception.hub.send_replace(Some(hub));
                self.reception.courier.ring_all();
            }
            None => self.bury().await,
        }
    }

    /// What the journal has by now bears the times of the clock as it was.
    async fn set_clock(&mut self, wrong_by_ms: i64) -> anyhow::Result<()> {
        self.record.read(&self.reception.store, self.wrong_by_ms).await?;
        self.wrong_by_ms = wrong_by_ms;
        self.reception.wall.set_wrong_by(wrong_by_ms);
        Ok(())
    }

    async fn trouble(&mut self) -> anyhow::Result<()> {
        let Some((_, trouble)) = self.troubles.pop_front() else { return Ok(()) };
        match trouble {
            Trouble::Crash(steps) => self.reception.hazards.light_fuse(steps),
            Trouble::Illness(ms) => self.reception.hazards.sicken_store(ms),
            Trouble::Clock(wrong_by_ms) => self.set_clock(wrong_by_ms).await?,
            Trouble::Withdrawal(person) => self.withdraw(person).await,
        }
        Ok(())
    }

    /// Somebody takes back their consent; it counts from when the hub said that it does.
    async fn withdraw(&mut self, person: usize) {
        let second = {
            let ledger = lock(&self.reception.ledger);
            ledger.people().all.get(person).and_then(|someone| someone.second)
        };
        let hub = self.reception.hub.borrow().clone();
        let (Some(second), Some(hub), Some(id)) = (second, hub, self.persons.get(person)) else {
            return;
        };
        let done = tokio::select! {
            biased;
            () = self.reception.hazards.died.notified() => {
                drop(hub);
                self.bury().await;
                return;
            }
            done = agree(&hub, *id, second, false) => done,
        };
        if done.is_ok() {
            lock(&self.reception.ledger).withdraws(person, self.reception.truth.now());
        }
    }

    /// Somebody says something, where they are or, when that does not work, elsewhere.
    fn speak(&mut self) {
        let people = Arc::clone(lock(&self.reception.ledger).people());
        let author = self.traffic.speaker(people.all.len());
        let Some(someone) = people.all.get(author) else { return };
        let group = people.groups.get(someone.group);
        let has_room = group.is_some_and(|group| !group.rooms.is_empty());
        let in_room = has_room && !self.dice.happens(100);
        let words = self.traffic.words();
        if self.say(author, (someone.home, in_room), &words) || !self.traffic.tries_elsewhere() {
            return;
        }
        if let Some(second) = someone.second.filter(|_| someone.agreed) {
            self.say(author, (second, false), &words);
        }
    }

    /// Whether the network took it.
    fn say(&self, author: usize, (network, in_room): (Network, bool), words: &str) -> bool {
        let mut ledger = lock(&self.reception.ledger);
        let people = Arc::clone(ledger.people());
        let (Some(someone), Some(there)) = (people.all.get(author), in_lab(network)) else {
            return false;
        };
        let text = mark::marked(words, ledger.next_number());
        let room = in_room.then(|| room_name(someone.group));
        let mut say = Say::text(there, &someone.name, room.as_deref(), &text);
        if in_room && there == ieum_lab::Network::Kakaotalk {
            say.mention = vec!["bot".to_owned()];
        }
        let said = self.reception.courier.world().say(say);
        let Ok(said) = said else { return false };
        ledger.said(Entry {
            author,
            network,
            in_room,
            said_at: self.now(),
            native: said.message.unwrap_or_default(),
            acknowledged_at: None,
            taken: Vec::new(),
            sights: Vec::new(),
        });
        drop(ledger);
        self.reception.courier.ring(there);
        true
    }

    async fn look(&mut self) -> anyhow::Result<()> {
        let now = self.now();
        let screens = {
            let mut world = self.reception.courier.world();
            let lines = world.take_lines();
            if now.ms_since(self.forgotten_at) >= WORLD_MEMORY_MS / 4 {
                world.forget_before(Timestamp(now.0 - i64::try_from(WORLD_MEMORY_MS)?));
                self.forgotten_at = now;
            }
            lines
        };
        let eyes = &self.reception.courier.eyes;
        screens.iter().for_each(|((_, name), lines)| eyes.see(name, lines));
        self.checks.look(&mut lock(&self.reception.ledger), screens);
        self.record.read(&self.reception.store, self.wrong_by_ms).await
    }

    async fn report(&mut self, order: &Order) -> anyhow::Result<Report> {
        self.look().await?;
        let missing = missing(&self.reception).await?;
        let ledger = lock(&self.reception.ledger);
        let totals = totals(&ledger);
        drop(ledger);
        let virtual_s = self.now().ms_since(self.times.start) / 1_000;
        let checks = &mut self.checks;
        let mut told = std::mem::take(&mut checks.told);
        told.extend(missing.told);
        let detected_ms = self.record.detected_ms().or_else(|| {
            let moved = checks.first_moved_at.filter(|at| *at >= self.times.outage_at);
            moved.map(|at| at.ms_since(self.times.outage_at))
        });
        Ok(Report {
            scenario: order.scenario.as_ref().map_or("quiet", |one| one.id.as_str()).to_owned(),
            seed: order.seed,
            people: order.people,
            days: order.days,
            messages: totals.messages,
            lost: missing.lost,
            duplicates_labelled: totals.duplicates_labelled,
            duplicates_unlabelled: checks.duplicates_unlabelled,
            out_of_order: checks.out_of_order,
            without_consent: checks.without_consent,
            ttd_s: detected_ms.filter(|_| order.scenario.is_some()).map(seconds),
            false_switches: self.record.false_switches(),
            late_over_60s: totals.late_over_60s,
            failed_over: totals.failed_over,
            virtual_s,
            wall_s: 0.0,
            bounced: checks.bounced,
            early_failovers: checks.early_failovers,
            undelivered: missing.undelivered,
            swallowed: missing.swallowed,
            swallowed_known: missing.swallowed_known,
            crashes: self.crashes,
            journal_entries: self.record.entries(),
            journal_sha256: self.record.digest(),
            told,
        })
    }
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds of a run, far below 2^53")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

/// The world with everybody in it and the outage to come.
fn world(
    order: &Order,
    times: Times,
    clock: &Arc<dyn Clock>,
    people: &People,
    dice: &Dice,
) -> anyhow::Result<World> {
    let entropy = Arc::new(SeededEntropy::new(order.seed.rotate_left(31) ^ 0x1AB));
    let mut world = World::new(Arc::clone(clock), entropy);
    into_world(&mut world, people, dice).context("the lab does not take these people")?;
    for network in ieum_lab::Network::ALL {
        world.hear_directly(network);
        drop(world.heard(network));
    }
    if let Some(scenario) = &order.scenario {
        world.play(scenario, times.outage_at);
    }
    Ok(world)
}
