//! The figures of a benchmark, for machines and for people.
//!
//! Invariant: every figure is of held-out seeds; training only chooses which setting of a kind
//! stands for it.

use super::Plan;
use super::judge::Setting;
use super::run::{Cut, Noisy, Results, SHIPPED};
use super::score::{Score, Shape, quantile};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

const MONTH_MS: f64 = 30.0 * 86_400_000.0;
/// A setting may stand for its kind when it switched for nothing at most so often in training.
const SWITCHES_A_MONTH_MAX: f64 = 0.2;
/// What an outage that was missed counts as when a median is taken: the whole cut.
const MISSED_MS: u64 = 1_800_000;

/// One setting in one scenario at one traffic level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Point {
    pub(super) scenario: String,
    pub(super) shape: Shape,
    pub(super) sends_per_s: f64,
    pub(super) kind: &'static str,
    pub(super) setting: String,
    /// Over all held-out noise at this traffic.
    pub(super) false_switches_a_month: f64,
    pub(super) found_s_p50: Option<f64>,
    pub(super) found_s_p95: Option<f64>,
    pub(super) missed: u64,
    pub(super) runs: u64,
    /// Messages a run: lost, more than a minute late, doubled; canaries.
    pub(super) lost: f64,
    pub(super) late_over_60s: f64,
    pub(super) doubled: f64,
    pub(super) canaries: f64,
}

/// Ours as it is shipped, from start to return.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Return {
    pub(super) scenario: String,
    pub(super) receipts: bool,
    pub(super) found_s_p50: Option<f64>,
    pub(super) missed: u64,
    pub(super) after_third_report_s_max: Option<f64>,
    pub(super) back_s_min: Option<f64>,
    pub(super) back_s_max: Option<f64>,
    pub(super) whole_s_max: Option<f64>,
    pub(super) episodes_max: u64,
    pub(super) stuck: u64,
    pub(super) runs: u64,
}

/// One setting in one noise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Nothing {
    pub(super) noise: String,
    pub(super) sends_per_s: f64,
    pub(super) kind: &'static str,
    pub(super) setting: String,
    pub(super) months: f64,
    pub(super) false_switches: u64,
    pub(super) false_alarms: u64,
    pub(super) canaries_a_day: f64,
}

/// The whole benchmark.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Report {
    /// Scenarios of the minimum set that this build does not have.
    pub(super) absent: Vec<String>,
    /// The setting that training chose for each kind.
    pub(super) chosen: BTreeMap<&'static str, String>,
    pub(super) curve: Vec<Point>,
    pub(super) returns: Vec<Return>,
    pub(super) noise: Vec<Nothing>,
}

impl Report {
    pub(super) fn of(plan: &Plan, results: &Results) -> Self {
        let held_out = |cut: &&Cut| !cut.training && !cut.whole;
        let curve = results.cuts.iter().filter(held_out).flat_map(|cut| points(plan, results, cut));
        let whole = results.cuts.iter().filter(|cut| cut.whole);
        let noise = results.noisy.iter().filter(|noisy| !noisy.training);
        Self {
            absent: plan.absent.clone(),
            chosen: chosen(plan, results),
            curve: curve.collect(),
            returns: whole.filter_map(|cut| returned(plan, cut)).collect(),
            noise: noise.flat_map(|noisy| nothings(plan, results, noisy)).collect(),
        }
    }

    /// Whether a setting stands for its kind.
    pub(super) fn stands(&self, kind: &str, setting: &str) -> bool {
        self.chosen.get(kind).is_some_and(|chosen| chosen == setting)
    }

    /// Tables for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        match self.write(&mut text) {
            Ok(()) => text,
            Err(std::fmt::Error) => unreachable!("writing to a string cannot fail"),
        }
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "chosen on training seeds and plain noise:")?;
        for (kind, setting) in &self.chosen {
            writeln!(text, "  {kind:<12} {setting}")?;
        }
        if !self.absent.is_empty() {
            writeln!(text, "not in this build: {}", self.absent.join(", "))?;
        }
        self.write_found(text)?;
        self.write_returns(text)?;
        self.write_noise(text)
    }

    fn write_found(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "\n{:<14} {:>7} {:<12} {:<12} {:>7} {:>7} {:>7} {:>7} {:>6} {:>6} {:>6}",
            "scenario",
            "sends/s",
            "detector",
            "setting",
            "p50 s",
            "p95 s",
            "missed",
            "false/m",
            "lost",
            "late",
            "double"
        )?;
        for point in self.curve.iter().filter(|point| self.stands(point.kind, &point.setting)) {
            writeln!(
                text,
                "{:<14} {:>7} {:<12} {:<12} {:>7} {:>7} {:>7} {:>7.2} {:>6.1} {:>6.1} {:>6.1}",
                point.scenario,
                point.sends_per_s,
                point.kind,
                point.setting,
                shown(point.found_s_p50),
                shown(point.found_s_p95),
                format!("{}/{}", point.missed, point.runs),
                point.false_switches_a_month,
                point.lost,
                point.late_over_60s,
                point.doubled,
            )?;
        }
        Ok(())
    }

    fn write_returns(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "\nours to the return, 0.5 sends/s\n{:<14} {:>8} {:>7} {:>7} {:>9} {:>9} {:>9} {:>9} \
             {:>8} {:>6}",
            "scenario",
            "receipts",
            "p50 s",
            "missed",
            "report+s",
            "back min",
            "back max",
            "whole max",
            "episodes",
            "stuck"
        )?;
        for one in &self.returns {
            writeln!(
                text,
                "{:<14} {:>8} {:>7} {:>7} {:>9} {:>9} {:>9} {:>9} {:>8} {:>6}",
                one.scenario,
                one.receipts,
                shown(one.found_s_p50),
                format!("{}/{}", one.missed, one.runs),
                shown(one.after_third_report_s_max),
                shown(one.back_s_min),
                shown(one.back_s_max),
                shown(one.whole_s_max),
                one.episodes_max,
                one.stuck,
            )?;
        }
        Ok(())
    }

    fn write_noise(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "\n{:<20} {:>7} {:<12} {:<12} {:>7} {:>9} {:>7} {:>13}",
            "noise",
            "sends/s",
            "detector",
            "setting",
            "months",
            "switches",
            "alarms",
            "canaries/day"
        )?;
        for one in self.noise.iter().filter(|one| self.stands(one.kind, &one.setting)) {
            writeln!(
                text,
                "{:<20} {:>7} {:<12} {:<12} {:>7.2} {:>9} {:>7} {:>13.0}",
                one.noise,
                one.sends_per_s,
                one.kind,
                one.setting,
                one.months,
                one.false_switches,
                one.false_alarms,
                one.canaries_a_day,
            )?;
        }
        Ok(())
    }
}

fn shown(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1}"))
}

fn seconds(ms: u64) -> f64 {
    super::chance::real(ms) / 1_000.0
}

fn points(plan: &Plan, results: &Results, cut: &Cut) -> Vec<Point> {
    let Some(scenario) = plan.scenarios.get(cut.scenario) else { return Vec::new() };
    let each = results.settings.iter().zip(&cut.scores).enumerate();
    each.map(|(index, (setting, scores))| {
        let found = found(scores);
        let [lost, late, doubled, canaries] = mean_cost(scores);
        let missed = scores.iter().filter(|score| score.found_ms.is_none()).count() as u64;
        let found_at = |share| quantile(&found, share).filter(|ms| *ms < MISSED_MS).map(seconds);
        Point {
            scenario: scenario.id.clone(),
            shape: Shape::of(scenario),
            sends_per_s: cut.sends_per_s,
            kind: setting.kind(),
            setting: setting.words(),
            false_switches_a_month: a_month(results, index, cut.sends_per_s, false),
            found_s_p50: found_at(0.5),
            found_s_p95: found_at(0.95),
            missed,
            runs: scores.len() as u64,
            lost,
            late_over_60s: late,
            doubled,
            canaries,
        }
    })
    .collect()
}

/// Sorted; what was missed stands at the end.
fn found(scores: &[Score]) -> Vec<u64> {
    let mut found: Vec<u64> =
        scores.iter().map(|score| score.found_ms.unwrap_or(MISSED_MS)).collect();
    found.sort_unstable();
    found
}

fn mean_cost(scores: &[Score]) -> [f64; 4] {
    let runs = super::chance::real(scores.len().max(1) as u64);
    let mut sums = [0_u64; 4];
    for score in scores {
        for (sum, cost) in sums.iter_mut().zip(score.cost) {
            *sum += cost;
        }
    }
    sums.map(|sum| super::chance::real(sum) / runs)
}

/// False switches of a setting a month, over all noise at one traffic level.
fn a_month(results: &Results, setting: usize, sends_per_s: f64, training: bool) -> f64 {
    let same = |noisy: &&Noisy| {
        noisy.training == training && noisy.sends_per_s.to_bits() == sends_per_s.to_bits()
    };
    let of = results.noisy.iter().filter(same).filter_map(|noisy| noisy.quiet.get(setting));
    let (switches, length_ms) = of.fold((0, 0), |(switches, length_ms), quiet| {
        (switches + quiet.switches, length_ms + quiet.length_ms)
    });
    super::chance::real(switches) * MONTH_MS / super::chance::real(length_ms.max(1))
}

/// For each kind the setting that found the training outages soonest, of those that seldom
/// switched for nothing in training; ours stays as it is shipped.
fn chosen(plan: &Plan, results: &Results) -> BTreeMap<&'static str, String> {
    let mut best: BTreeMap<&'static str, ((u64, u64), String)> = BTreeMap::new();
    for (index, setting) in results.settings.iter().enumerate() {
        let levels = plan.traffic.iter().map(|rate| a_month(results, index, *rate, true));
        let switches = levels.fold(0.0, f64::max);
        // Among settings that all switch too often the rarest stands for the kind.
        let too_many = super::chance::whole((switches - SWITCHES_A_MONTH_MAX).max(0.0).ceil());
        let training = results.cuts.iter().filter(|cut| cut.training && !cut.whole);
        let sum = training.filter_map(|cut| quantile(&found(cut.scores.get(index)?), 0.5)).sum();
        let rank = (too_many, sum);
        let fixed = matches!(setting, Setting::Ours { .. }) && *setting != SHIPPED;
        let better = best.get(setting.kind()).is_none_or(|known| rank < known.0);
        if better && !fixed {
            best.insert(setting.kind(), (rank, setting.words()));
        }
    }
    best.into_iter().map(|(kind, (_, words))| (kind, words)).collect()
}

fn returned(plan: &Plan, cut: &Cut) -> Option<Return> {
    let scenario = plan.scenarios.get(cut.scenario)?;
    let scores = cut.scores.first()?;
    let of = |read: fn(&Score) -> Option<u64>| scores.iter().filter_map(read);
    let found = found(scores);
    Some(Return {
        scenario: scenario.id.clone(),
        receipts: cut.receipts,
        found_s_p50: quantile(&found, 0.5).filter(|ms| *ms < MISSED_MS).map(seconds),
        missed: scores.iter().filter(|score| score.found_ms.is_none()).count() as u64,
        after_third_report_s_max: of(|score| score.after_report_ms).max().map(seconds),
        back_s_min: of(|score| score.back_ms).min().map(seconds),
        back_s_max: of(|score| score.back_ms).max().map(seconds),
        whole_s_max: of(|score| score.whole_ms).max().map(seconds),
        episodes_max: scores.iter().map(|score| score.episodes).max().unwrap_or(0),
        stuck: scores.iter().filter(|score| score.stuck).count() as u64,
        runs: scores.len() as u64,
    })
}

fn nothings(plan: &Plan, results: &Results, noisy: &Noisy) -> Vec<Nothing> {
    let Some(noise) = plan.noises.get(noisy.noise) else { return Vec::new() };
    let each = results.settings.iter().zip(&noisy.quiet);
    each.map(|(setting, quiet)| Nothing {
        noise: noise.id.clone(),
        sends_per_s: noisy.sends_per_s,
        kind: setting.kind(),
        setting: setting.words(),
        months: super::chance::real(quiet.length_ms) / MONTH_MS,
        false_switches: quiet.switches,
        false_alarms: quiet.alarms,
        canaries_a_day: super::chance::real(quiet.canaries) * 86_400_000.0
            / super::chance::real(quiet.length_ms.max(1)),
    })
    .collect()
}
