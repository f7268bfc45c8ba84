//! The plays of a benchmark: every setting through every scenario, and through months of noise.
//!
//! Ours share one play, because they pace their canaries by the same failures; the usual ones
//! share another, with canaries at an even pace.
//! Invariant: the same seed gives every judge the same world.

use super::judge::{Judge, Setting};
use super::noise::{Noise, Weather};
use super::play::{Course, Stage, WATCHED, play};
use super::score::{Score, Shape, alarms, false_switches, score};
use super::world::World;
use ieum_core::health::cadence::Cadence;
use ieum_core::network::Network;
use ieum_lab::Scenario;
use std::collections::BTreeMap;

/// Quiet time before an outage, for detectors that learn.
const BEFORE_MS: u64 = 600_000;
/// Time after it, to see the return.
const AFTER_MS: u64 = 900_000;
/// The usual detectors get as many canaries as ours spends: theirs come a little more often.
const SHARED_CANARY_MS: u64 = 9_000;

/// One scenario at one traffic level, with one seed.
#[derive(Debug, Clone)]
pub(super) struct Trial<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) sends_per_s: f64,
    pub(super) receipts: bool,
    pub(super) seed: u64,
    /// Play no longer than this after the start; `None` plays to the return.
    pub(super) cut_ms: Option<u64>,
}

impl Trial<'_> {
    /// Scores of the settings, in their order.
    pub(super) fn scores(&self, settings: &[Setting]) -> Vec<Score> {
        let network = Network::from_word(self.scenario.network.name()).unwrap_or(WATCHED);
        // Not always at the same place between two canaries.
        let start_ms = BEFORE_MS + super::chance::mixed(&[self.seed, 80]) % 12_000;
        let plan_s = |cell: &ieum_lab::Cell| cell.start_s + cell.dur_s.unwrap_or(0);
        let plan = self.scenario.plan();
        let longest_s =
            plan.iter().map(|(_, cell, fall_ms)| u64::from(plan_s(cell)) + fall_ms / 1_000);
        let whole_ms = longest_s.max().unwrap_or(0) * 1_000 + AFTER_MS;
        let end_ms = start_ms + self.cut_ms.map_or(whole_ms, |cut_ms| cut_ms.min(whole_ms));
        let weather = Weather::new(super::noise::independent(), self.seed, end_ms);
        let world = World::new(weather, Some((self.scenario, start_ms)), self.seed);
        let networks = networks(network, self.scenario);
        let truth = truth(&world, &networks);
        let spans = truth.get(&network).cloned().unwrap_or_default();
        let shape = Shape::of(self.scenario);
        let stage = Stage {
            world: &world,
            networks: &networks,
            sends_per_s: self.sends_per_s,
            receipts: self.receipts,
            end_ms,
            cadence: Cadence::default(),
        };
        let courses = courses(&stage, settings, &truth);
        courses.iter().map(|course| score(course, &spans, shape)).collect()
    }
}

/// What happened in a stretch of noise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Quiet {
    /// Turns of the network to down.
    pub(super) switches: u64,
    /// Turns to anything but up.
    pub(super) alarms: u64,
    /// Canaries spent.
    pub(super) canaries: u64,
    /// How long it was.
    pub(super) length_ms: u64,
}

/// Plays noise over `length_ms`.
pub(super) fn quiet(
    noise: &Noise,
    settings: &[Setting],
    sends_per_s: f64,
    (seed, length_ms): (u64, u64),
) -> Vec<Quiet> {
    let length_ms = noise.recorded.as_ref().map_or(length_ms, |recorded| recorded.length_ms);
    let weather = Weather::new(noise.clone(), seed, length_ms);
    let world = World::new(weather, None, seed);
    let networks = [WATCHED, Network::Line];
    let stage = Stage {
        world: &world,
        networks: &networks,
        sends_per_s,
        receipts: true,
        end_ms: length_ms,
        cadence: Cadence::default(),
    };
    courses(&stage, settings, &BTreeMap::new())
        .iter()
        .map(|course| Quiet {
            switches: false_switches(course, &[]),
            alarms: alarms(course),
            canaries: course.canaries,
            length_ms,
        })
        .collect()
}

/// The network of the scenario, those that it also hits, and one more that works.
fn networks(judged: Network, scenario: &Scenario) -> Vec<Network> {
    let mut networks = vec![judged];
    for (network, ..) in scenario.plan() {
        let known = Network::from_word(network.name());
        networks.extend(known.filter(|network| !networks.contains(network)));
    }
    let others = [Network::Telegram, Network::Line, Network::KakaoTalk];
    networks.extend(others.into_iter().find(|network| !networks.contains(network)));
    networks
}

fn truth(world: &World, networks: &[Network]) -> BTreeMap<Network, Vec<(u64, u64)>> {
    networks.iter().map(|network| (*network, world.spans(*network))).collect()
}

fn courses(
    stage: &Stage<'_>,
    settings: &[Setting],
    truth: &BTreeMap<Network, Vec<(u64, u64)>>,
) -> Vec<Course> {
    let paced = |setting: &Setting| matches!(setting, Setting::Ours { .. });
    let cadence = Cadence { well_ms: SHARED_CANARY_MS, ..stage.cadence };
    let even = Stage { cadence, ..*stage };
    let played = |stage: &Stage<'_>, ours: bool| {
        let of_kind = settings.iter().filter(|one| paced(one) == ours);
        let mut judges: Vec<Box<dyn Judge>> = of_kind.map(|one| one.judge(truth)).collect();
        if judges.is_empty() { Vec::new() } else { play(stage, &mut judges) }.into_iter()
    };
    let (mut ours, mut usual) = (played(stage, true), played(&even, false));
    let next = |setting: &Setting| if paced(setting) { ours.next() } else { usual.next() };
    settings.iter().map(next).map(Option::unwrap_or_default).collect()
}
