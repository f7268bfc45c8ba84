//! One play: a world, a stretch of time, judges who are told what happens.
//!
//! Judges of one play share their canaries. Invariant: nothing depends on the judges but the
//! canaries' pace and what is sent at all.

use super::chance::{Chance, mixed, whole};
use super::judge::Judge;
use super::world::{PAIRS, PEOPLE, Who, World};
use ieum_core::delivery::Route;
use ieum_core::directory::Endpoint;
use ieum_core::health::book::api_cell;
use ieum_core::health::cadence::{Cadence, Spent, Suspicion};
use ieum_core::health::evidence::{Evidence, Kind, Sign, Source};
use ieum_core::health::{Cell, CellState, Function, Surface};
use ieum_core::ids::{AccountId, PersonId, RoomId};
use ieum_core::network::Network;
use ieum_core::time::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// The network that noise is judged on.
pub(super) const WATCHED: Network = Network::KakaoTalk;
/// A receipt is expected within this time.
const RECEIPT_MS: u64 = 5_000;
/// Control hosts.
const HOSTS: u32 = 2;
/// A control host is asked this often while all is well.
const CONTROL_MS: u64 = 30_000;
/// A pulse is taken this often while all is well, and when something is suspected.
const PULSE_MS: [u64; 2] = [15_000, 2_000];
/// Whoever may be a witness is asked at most this often.
const WITNESS_MS: u64 = 1_000;
/// Arrivals are counted over this span.
const INBOUND_MS: u64 = 60_000;
/// A network that is down is tried by one message so often.
const TRIAL_MS: u64 = 15_000;
/// One message in so many carries a picture.
const MEDIA_OF: u64 = 10;
/// The chance in a minute that somebody for whom it fails says so.
const REPORTS: f64 = 0.02;
/// Reports within this time count together.
const REPORTS_MS: u64 = 1_800_000;
/// What comes later than this is late.
pub(super) const LATE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;

/// How a play is set up.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) world: &'a World,
    /// The networks with an account of ours; the first is the one that is judged.
    pub(super) networks: &'a [Network],
    pub(super) sends_per_s: f64,
    pub(super) receipts: bool,
    pub(super) end_ms: u64,
    pub(super) cadence: Cadence,
}

/// What one judge did.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    /// Its verdicts on the judged network, as they changed.
    pub(super) turns: Vec<(u64, CellState)>,
    /// When traffic began to return, and when all of it had.
    pub(super) shares: Vec<(u64, u32)>,
    /// Messages that were accepted and never seen.
    pub(super) lost: u64,
    /// Messages seen more than a minute late.
    pub(super) late: u64,
    /// Messages sent again although the first copy was seen.
    pub(super) doubled: u64,
    /// Canaries sent on the judged network.
    pub(super) canaries: u64,
    /// When the third independent person reported the same surface.
    pub(super) third_report_ms: Option<u64>,
    pub(super) open: Vec<(u64, bool)>,
    pub(super) trial_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Tick,
    Send(Network),
    Canary(Cell, u64, u64),
    Pulse(Network, u64),
    Control(u32, u64),
    Inbound(Network),
    Reports,
    /// Evidence, and the judges who are told.
    Told(u64, Evidence),
}

struct Play<'a> {
    stage: &'a Stage<'a>,
    judges: &'a mut [Box<dyn Judge>],
    courses: Vec<Course>,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    number: u64,
    chance: Chance,
    /// When each pair, pulse and host is due, so that it can be called earlier.
    canary_due: BTreeMap<(Cell, u64), u64>,
    pulse_due: BTreeMap<Network, u64>,
    control_due: BTreeMap<u32, u64>,
    came: BTreeMap<Network, u32>,
    spent: BTreeMap<Cell, (u64, u32)>,
    reported: BTreeMap<Surface, Vec<(u64, u64)>>,
}

/// Plays to the end.
pub(super) fn play(stage: &Stage<'_>, judges: &mut [Box<dyn Judge>]) -> Vec<Course> {
    assert!(judges.len() <= 64, "one bit for each judge");
    let courses = vec![Course::default(); judges.len()];
    let mut play = Play {
        stage,
        judges,
        courses,
        queue: BinaryHeap::new(),
        number: 0,
        chance: Chance::new(&[stage.world.seed, 50]),
        canary_due: BTreeMap::new(),
        pulse_due: BTreeMap::new(),
        control_due: BTreeMap::new(),
        came: BTreeMap::new(),
        spent: BTreeMap::new(),
        reported: BTreeMap::new(),
    };
    play.begin();
    while let Some(Reverse((at_ms, _, event))) = play.queue.pop() {
        if at_ms >= stage.end_ms {
            break;
        }
        play.happens(event, at_ms);
    }
    play.end()
}

impl Play<'_> {
    fn begin(&mut self) {
        self.at(1_000, Event::Tick);
        self.at(60_000, Event::Reports);
        for host in 0..HOSTS {
            self.due_control(host, 1_000 * u64::from(host));
        }
        for network in self.stage.networks.iter().copied() {
            let wait = self.until_next_send(0);
            self.at(wait, Event::Send(network));
            self.due_pulse(network, 700);
            self.at(INBOUND_MS, Event::Inbound(network));
            for surface in [Surface::Api, Surface::Mobile, Surface::Pc] {
                let cell = Cell { network, function: Function::Send, surface };
                for pair in 0..PAIRS {
                    let apart = self.stage.cadence.well_ms / PAIRS;
                    let wait = apart * pair + self.chance.word() % apart;
                    self.due_canary(cell, pair, wait);
                }
            }
        }
    }

    fn at(&mut self, at_ms: u64, event: Event) {
        self.number += 1;
        self.queue.push(Reverse((at_ms, self.number, event)));
    }

    fn happens(&mut self, event: Event, at_ms: u64) {
        match event {
            Event::Tick => self.tick(at_ms),
            Event::Send(network) => self.send(network, at_ms),
            Event::Canary(cell, pair, due) if self.canary_due.get(&(cell, pair)) == Some(&due) => {
                self.canary(cell, pair, at_ms);
            }
            Event::Pulse(network, due) if self.pulse_due.get(&network) == Some(&due) => {
                self.pulse(network, at_ms);
            }
            Event::Control(host, due) if self.control_due.get(&host) == Some(&due) => {
                self.control(host, at_ms);
            }
            // Called earlier meanwhile.
            Event::Canary(..) | Event::Pulse(..) | Event::Control(..) => {}
            Event::Inbound(network) => self.inbound(network, at_ms),
            Event::Reports => self.reports(at_ms),
            Event::Told(judges, evidence) => self.told(judges, &evidence, at_ms),
        }
    }

    fn tick(&mut self, at_ms: u64) {
        for judge in self.judges.iter_mut() {
            judge.tick(stamp(at_ms));
        }
        self.look(at_ms);
        self.at(at_ms + 1_000, Event::Tick);
    }

    /// Notes what each judge holds of the judged network now.
    fn look(&mut self, at_ms: u64) {
        let Some(network) = self.stage.networks.first().copied() else { return };
        for (judge, course) in self.judges.iter().zip(&mut self.courses) {
            let state = judge.state(network);
            if course.turns.last().map_or(CellState::Up, |turn| turn.1) != state {
                course.turns.push((at_ms, state));
            }
            let share = judge.share_permille(network);
            if course.shares.last().map_or(1_000, |(_, share)| *share) != share {
                course.shares.push((at_ms, share));
                if share == 0 {
                    course.moved(at_ms);
                }
            }
        }
    }

    fn until_next_send(&mut self, at_ms: u64) -> u64 {
        let busy = self.stage.world.weather.noise.busyness(at_ms).max(0.01);
        self.chance.wait_ms(1_000.0 / (self.stage.sends_per_s * busy)).max(1)
    }

    fn send(&mut self, network: Network, at_ms: u64) {
        let wait = self.until_next_send(at_ms);
        self.at(at_ms + wait, Event::Send(network));
        let number = self.chance.word() % PEOPLE;
        let media = self.chance.word().is_multiple_of(MEDIA_OF);
        let who = self.stage.world.person(network, number);
        self.hear(who, at_ms);
        let (going, trials) = self.who_sends(network, number, at_ms);
        if going == 0 {
            return;
        }
        let fate = self.stage.world.send(who, media, at_ms);
        let function = if media { Function::Media } else { Function::Send };
        let source = Source::Route(Route {
            account: AccountId(0),
            endpoint: Endpoint::Room(RoomId(number)),
        });
        let (good, after_ms) = fate.answer;
        let told_ms = at_ms + after_ms;
        let cell = api_cell(network, function);
        let piece = Piece { cell, kind: Kind::Send, source, id: self.number };
        self.at(told_ms, Event::Told(going, piece.at(good, told_ms, after_ms)));
        if good && self.stage.receipts {
            let missed = self.stage.world.weather.noise.receipt;
            let lost = super::chance::share(&[self.stage.world.seed, 60, at_ms, number]) < missed;
            let seen = fate.seen_after_ms.filter(|_| !lost);
            // Whether a message is confirmed speaks for the network, whatever it carried.
            let cell = api_cell(network, Function::Send);
            let receipt = Piece { cell, kind: Kind::Receipt, ..piece };
            self.expected(receipt, going, at_ms, (seen, RECEIPT_MS));
        }
        if Some(&network) == self.stage.networks.first() {
            // A trial is a message that waits anyway.
            self.account_for(going & !trials, at_ms, fate);
        }
    }

    /// The judges who let a message to this person go now, and those who do it as a trial.
    fn who_sends(&mut self, network: Network, number: u64, at_ms: u64) -> (u64, u64) {
        let place = u32::try_from(mixed(&[30, number]) % 1_000).unwrap_or(0);
        let (mut going, mut trials) = (0, 0);
        for (index, (judge, course)) in self.judges.iter().zip(&mut self.courses).enumerate() {
            let share = judge.share_permille(network);
            let trial = share == 0 && at_ms >= course.trial_ms + TRIAL_MS;
            if trial {
                course.trial_ms = at_ms;
                trials |= 1 << index;
            }
            if trial || place < share {
                going |= 1 << index;
            }
        }
        (going, trials)
    }

    /// Something that is expected within a time: good, or bad and perhaps late.
    fn expected(
        &mut self,
        piece: Piece,
        judges: u64,
        at_ms: u64,
        (seen, within_ms): (Option<u64>, u64),
    ) {
        match seen {
            Some(ms) if ms <= within_ms => {
                self.at(at_ms + ms, Event::Told(judges, piece.at(true, at_ms + ms, ms)));
            }
            _ => {
                let due = at_ms + within_ms;
                self.at(due, Event::Told(judges, piece.at(false, due, within_ms)));
                if let Some(ms) = seen {
                    let late = Evidence { sign: Sign::Late, ..piece.at(true, at_ms + ms, ms) };
                    self.at(at_ms + ms, Event::Told(judges, late));
                }
            }
        }
    }

    fn account_for(&mut self, going: u64, at_ms: u64, fate: super::world::Fate) {
        for (index, course) in self.courses.iter_mut().enumerate() {
            if going >> index & 1 == 0 {
                continue;
            }
            match (fate.answer.0, fate.seen_after_ms) {
                (true, None) if self.stage.receipts => course.open.push((at_ms, false)),
                (true, None) => course.lost += 1,
                (true, Some(ms)) => course.late += u64::from(ms > LATE_MS),
                (false, seen) => course.open.push((at_ms, seen.is_some())),
            }
        }
    }

    /// People write to us as often as we write to them.
    fn hear(&mut self, who: Who, at_ms: u64) {
        let heard = self.stage.world.heard(who, at_ms);
        *self.came.entry(who.network).or_default() += u32::from(heard);
    }

    fn inbound(&mut self, network: Network, at_ms: u64) {
        self.at(at_ms + INBOUND_MS, Event::Inbound(network));
        let busy = self.stage.world.weather.noise.busyness(at_ms);
        let expected = whole(self.stage.sends_per_s * busy * 1_000.0 * 60.0);
        let came = std::mem::take(self.came.entry(network).or_default());
        let cell = api_cell(network, Function::Receive);
        for judge in self.judges.iter_mut() {
            judge.inbound(cell, came, expected, stamp(at_ms));
        }
    }

    fn canary(&mut self, cell: Cell, pair: u64, at_ms: u64) {
        let day = at_ms / DAY_MS;
        let spent = self.spent.entry(cell).or_insert((day, 0));
        *spent = if spent.0 == day { (day, spent.1 + 1) } else { (day, 1) };
        let today = spent.1;
        if Some(&cell.network) == self.stage.networks.first() {
            self.courses.iter_mut().for_each(|course| course.canaries += 1);
        }
        let fate = self.stage.world.canary(World::pair(cell.network, cell.surface, pair), at_ms);
        let source = Source::Pair(u32::try_from(pair).unwrap_or(0));
        let piece = Piece { cell, kind: Kind::Canary, source, id: self.number };
        match fate.answer {
            (false, ms) if ms < self.stage.cadence.deadline_ms => {
                self.at(at_ms + ms, Event::Told(u64::MAX, piece.at(false, at_ms + ms, ms)));
            }
            _ => {
                let within = (fate.seen_after_ms, self.stage.cadence.deadline_ms);
                self.expected(piece, u64::MAX, at_ms, within);
            }
        }
        let pairs = u32::try_from(PAIRS).unwrap_or(1);
        let spent = Spent { today, left_ms: DAY_MS - at_ms % DAY_MS, pairs };
        let wait = self.stage.cadence.wait_ms(self.suspicion(cell, at_ms), spent);
        self.due_canary(cell, pair, at_ms + wait.unwrap_or(spent.left_ms));
    }

    fn pulse(&mut self, network: Network, at_ms: u64) {
        let good = self.stage.world.pulse(network, at_ms);
        let cell = api_cell(network, Function::Send);
        let source = Source::Account(AccountId(0));
        let piece = Piece { cell, kind: Kind::Pulse, source, id: self.number };
        self.at(at_ms + 100, Event::Told(u64::MAX, piece.at(good, at_ms + 100, 100)));
        let calm = self.suspicion(cell, at_ms) == Suspicion::None;
        let [well, suspected] = PULSE_MS;
        self.due_pulse(network, at_ms + if calm { well } else { suspected });
    }

    fn control(&mut self, host: u32, at_ms: u64) {
        let good = self.stage.world.control(host, at_ms);
        for judge in self.judges.iter_mut() {
            judge.control(host, good, stamp(at_ms + 50));
        }
        self.look(at_ms);
        let cells = self.stage.networks.iter().map(|network| api_cell(*network, Function::Send));
        let mut calm = true;
        for cell in cells {
            calm &= self.suspicion(cell, at_ms) < Suspicion::Fresh;
        }
        self.due_control(host, at_ms + if calm { CONTROL_MS } else { WITNESS_MS });
    }

    fn suspicion(&self, cell: Cell, at_ms: u64) -> Suspicion {
        let mut most = Suspicion::None;
        for judge in self.judges.iter() {
            let one = judge.suspicion(cell, stamp(at_ms));
            if one == Suspicion::Fresh {
                // The fastest pace: one that already knows must not slow the others down.
                return one;
            }
            most = most.max(one);
        }
        most
    }

    fn told(&mut self, judges: u64, evidence: &Evidence, at_ms: u64) {
        let before = self.suspicion(evidence.cell, at_ms);
        for (index, judge) in self.judges.iter_mut().enumerate() {
            if judges >> index & 1 == 1 {
                judge.take(evidence);
            }
        }
        if evidence.sign == Sign::Bad {
            self.look(at_ms);
            let fresh = self.suspicion(evidence.cell, at_ms) == Suspicion::Fresh;
            if fresh {
                self.ask_witnesses(at_ms);
            }
            if fresh && before != Suspicion::Fresh {
                self.hurry(evidence.cell, at_ms);
            }
        }
    }

    /// All pairs of the cell speak at once, a little apart.
    fn hurry(&mut self, cell: Cell, at_ms: u64) {
        for pair in 0..PAIRS {
            let soon = at_ms + 50 + 20 * pair;
            if self.canary_due.get(&(cell, pair)).is_some_and(|due| *due > soon) {
                self.due_canary(cell, pair, soon);
            }
        }
    }

    fn ask_witnesses(&mut self, at_ms: u64) {
        for host in 0..HOSTS {
            if self.control_due.get(&host).is_some_and(|due| *due > at_ms + WITNESS_MS) {
                self.due_control(host, at_ms + 50);
            }
        }
        for network in self.stage.networks.iter().copied() {
            if self.pulse_due.get(&network).is_some_and(|due| *due > at_ms + 2 * WITNESS_MS) {
                self.due_pulse(network, at_ms + 50);
            }
        }
    }

    fn reports(&mut self, at_ms: u64) {
        self.at(at_ms + 60_000, Event::Reports);
        let Some(network) = self.stage.networks.first().copied() else { return };
        for number in 0..PEOPLE {
            let who = self.stage.world.person(network, number);
            let draw = super::chance::share(&[self.stage.world.seed, 70, number, at_ms]);
            if draw >= REPORTS || !self.stage.world.notices(who, at_ms) {
                continue;
            }
            let cell = Cell { network, function: Function::Send, surface: who.surface };
            let said = self.reported.entry(who.surface).or_default();
            if said.iter().any(|(other, _)| *other == number) {
                continue;
            }
            said.push((number, at_ms));
            let fresh = said.iter().filter(|(_, at)| at_ms - at <= REPORTS_MS);
            let third = fresh.count() >= 3;
            for (judge, course) in self.judges.iter_mut().zip(&mut self.courses) {
                judge.report(cell, PersonId(number), stamp(at_ms));
                if third {
                    course.third_report_ms.get_or_insert(at_ms);
                }
            }
            self.look(at_ms);
        }
    }

    fn due_canary(&mut self, cell: Cell, pair: u64, at_ms: u64) {
        self.canary_due.insert((cell, pair), at_ms);
        self.at(at_ms, Event::Canary(cell, pair, at_ms));
    }

    fn due_pulse(&mut self, network: Network, at_ms: u64) {
        self.pulse_due.insert(network, at_ms);
        self.at(at_ms, Event::Pulse(network, at_ms));
    }

    fn due_control(&mut self, host: u32, at_ms: u64) {
        self.control_due.insert(host, at_ms);
        self.at(at_ms, Event::Control(host, at_ms));
    }

    fn end(self) -> Vec<Course> {
        let ends_ms = self.stage.networks.first().map_or(0, |one| self.stage.world.ends_ms(*one));
        let mut courses = self.courses;
        courses.iter_mut().for_each(|course| course.moved(ends_ms));
        courses
    }
}

impl Course {
    /// What was open is sent again now: another way, or the same when it works again.
    fn moved(&mut self, at_ms: u64) {
        for (since_ms, seen) in self.open.drain(..) {
            self.late += u64::from(!seen && at_ms.saturating_sub(since_ms) > LATE_MS);
            self.doubled += u64::from(seen);
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    cell: Cell,
    kind: Kind,
    source: Source,
    id: u64,
}

impl Piece {
    fn at(self, good: bool, at_ms: u64, latency_ms: u64) -> Evidence {
        let Self { cell, kind, source, id } = self;
        let sign = if good { Sign::Good } else { Sign::Bad };
        let latency_ms = u32::try_from(latency_ms).unwrap_or(u32::MAX);
        Evidence { cell, kind, source, sign, id, at: stamp(at_ms), latency_ms }
    }
}

fn stamp(at_ms: u64) -> Timestamp {
    Timestamp(i64::try_from(at_ms).unwrap_or(i64::MAX))
}
