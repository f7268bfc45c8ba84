//! All plays of a plan, spread over the processors.
//!
//! Invariant: results stand in the order of the jobs, whoever did them.

use super::Plan;
use super::course::{Quiet, Trial, quiet};
use super::judge::Setting;
use super::noise::{Noise, independent};
use super::score::{Score, Shape};
use ieum_lab::Scenario;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Training seeds; held-out ones begin beyond them.
const TRAINING: std::ops::Range<u64> = 1..13;
/// The first held-out seed.
const HELD_OUT: u64 = 1_001;
/// How much of an outage the curves need: of a hard one little.
const CUT_MS: [u64; 2] = [600_000, 1_800_000];
/// Outages longer than this are played whole with a tenth of the seeds.
const LONG_S: u32 = 5_000;
/// The traffic at which outages are played to their end.
const WHOLE_AT: f64 = 0.5;
const HOUR_MS: u64 = 3_600_000;

/// All scores of one setting in one scenario at one traffic level.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    pub(super) scenario: usize,
    pub(super) sends_per_s: f64,
    pub(super) training: bool,
    pub(super) receipts: bool,
    /// To the end, ours as it is shipped only.
    pub(super) whole: bool,
    /// By setting, then by seed.
    pub(super) scores: Vec<Vec<Score>>,
}

/// All settings in one noise at one traffic level.
#[derive(Debug, Clone)]
pub(super) struct Noisy {
    pub(super) noise: usize,
    pub(super) sends_per_s: f64,
    pub(super) training: bool,
    pub(super) quiet: Vec<Quiet>,
}

/// What all plays gave.
#[derive(Debug)]
pub(super) struct Results {
    pub(super) settings: Vec<Setting>,
    pub(super) cuts: Vec<Cut>,
    pub(super) noisy: Vec<Noisy>,
}

/// Ours as it is shipped.
pub(super) const SHIPPED: Setting = Setting::Ours { percent: 100 };

enum Job<'a> {
    Scenario(Box<Cut>, &'a Scenario),
    Noise(Box<Noisy>, &'a Noise),
}

/// Runs everything.
pub(super) fn run(plan: &Plan) -> Results {
    let settings = Setting::all();
    let plain = independent();
    let jobs = jobs(plan, &plain);
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Job<'_>)>> = Mutex::default();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let at = next.load(Ordering::Relaxed);
                    let result = worked(plan, &settings, job);
                    let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    done.push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(at, job)| (order(job), *at));
    let mut results = Results { settings, cuts: Vec::new(), noisy: Vec::new() };
    for (_, job) in done {
        match job {
            Job::Scenario(cut, _) => results.cuts.push(*cut),
            Job::Noise(noisy, _) => results.noisy.push(*noisy),
        }
    }
    results
}

/// The place of a job's result, which does not depend on who was first.
fn order(job: &Job<'_>) -> (usize, u64, bool, bool, bool) {
    match job {
        Job::Scenario(cut, _) => {
            (cut.scenario, rank(cut.sends_per_s), cut.training, cut.receipts, cut.whole)
        }
        Job::Noise(noisy, _) => {
            (noisy.noise, rank(noisy.sends_per_s), noisy.training, false, false)
        }
    }
}

fn rank(sends_per_s: f64) -> u64 {
    u64::MAX - super::chance::whole(sends_per_s * 1e6)
}

fn jobs<'a>(plan: &'a Plan, plain: &'a Noise) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    for sends_per_s in plan.traffic.iter().copied() {
        for (noise, model) in plan.noises.iter().enumerate() {
            let noisy = |training| Noisy { noise, sends_per_s, training, quiet: Vec::new() };
            jobs.push(Job::Noise(Box::new(noisy(false)), model));
        }
        let training = Noisy { noise: usize::MAX, sends_per_s, training: true, quiet: Vec::new() };
        jobs.push(Job::Noise(Box::new(training), plain));
    }
    for (scenario, file) in plan.scenarios.iter().enumerate() {
        let cut = |sends_per_s, training, receipts, whole| {
            let scores = Vec::new();
            let cut = Cut { scenario, sends_per_s, training, receipts, whole, scores };
            Job::Scenario(Box::new(cut), file)
        };
        for sends_per_s in plan.traffic.iter().copied() {
            jobs.push(cut(sends_per_s, true, true, false));
            jobs.push(cut(sends_per_s, false, true, false));
        }
        jobs.push(cut(WHOLE_AT, false, true, true));
        if Shape::of(file) == Shape::Partial {
            jobs.push(cut(WHOLE_AT, false, false, true));
        }
    }
    jobs
}

fn worked<'a>(plan: &Plan, settings: &[Setting], job: &Job<'a>) -> Job<'a> {
    match job {
        Job::Scenario(cut, scenario) => {
            let settings = if cut.whole { &[SHIPPED][..] } else { settings };
            let seeds = seeds_of(plan, cut, scenario);
            let [hard_ms, partial_ms] = CUT_MS;
            let hard = Shape::of(scenario) == Shape::Hard;
            let cut_ms = if hard { hard_ms } else { partial_ms };
            let by_seed: Vec<Vec<Score>> = seeds
                .map(|seed| {
                    let trial = Trial {
                        scenario,
                        sends_per_s: cut.sends_per_s,
                        receipts: cut.receipts,
                        seed,
                        cut_ms: (!cut.whole).then_some(cut_ms),
                    };
                    trial.scores(settings)
                })
                .collect();
            let of = |index: usize| {
                by_seed.iter().filter_map(|scores| scores.get(index).copied()).collect()
            };
            let scores = (0..settings.len()).map(of).collect();
            Job::Scenario(Box::new(Cut { scores, ..(**cut).clone() }), scenario)
        }
        Job::Noise(noisy, model) => {
            let part = if noisy.sends_per_s > 1.0 { 10 } else { 1 };
            let seed = if noisy.training { TRAINING.start } else { HELD_OUT };
            let length_ms = plan.hours * HOUR_MS / part;
            let quiet = quiet(model, settings, noisy.sends_per_s, (seed, length_ms));
            Job::Noise(Box::new(Noisy { quiet, ..(**noisy).clone() }), model)
        }
    }
}

fn seeds_of(plan: &Plan, cut: &Cut, scenario: &Scenario) -> std::ops::Range<u64> {
    if cut.training {
        let fewer = TRAINING.start + plan.seeds.div_ceil(3);
        return TRAINING.start..TRAINING.end.min(fewer);
    }
    let long = cut.whole && scenario.dur_s > LONG_S;
    let seeds = if long { plan.seeds.div_ceil(10) } else { plan.seeds };
    HELD_OUT..HELD_OUT + seeds
}
