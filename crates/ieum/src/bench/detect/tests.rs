//! The targets of the detector, with few seeds; the long test asks for all of them with many.

use super::course::{Trial, quiet};
use super::judge::Setting;
use super::noise::Noise;
use super::recorded::Recorded;
use super::run::SHIPPED;
use super::score::{Score, quantile};
use super::*;

const HOUR_MS: u64 = 3_600_000;

fn known(id: &str) -> Scenario {
    Scenario::named(id).unwrap()
}

fn ours(scenario: &Scenario, sends_per_s: f64, receipts: bool, seeds: u64) -> Vec<Score> {
    let play = |seed| {
        let trial = Trial { scenario, sends_per_s, receipts, seed, cut_ms: Some(900_000) };
        trial.scores(&[SHIPPED])
    };
    (5_001..5_001 + seeds).flat_map(play).collect()
}

fn found_ms(scores: &[Score], share: f64) -> u64 {
    let mut found: Vec<u64> =
        scores.iter().map(|score| score.found_ms.unwrap_or(u64::MAX)).collect();
    found.sort_unstable();
    quantile(&found, share).unwrap()
}

fn hard(id: &str, seeds: u64) {
    for sends_per_s in [0.5, 0.01] {
        let scores = ours(&known(id), sends_per_s, true, seeds);
        let (p50, p95) = (found_ms(&scores, 0.5), found_ms(&scores, 0.95));
        assert!(p50 <= 8_000 && p95 <= 20_000, "{id} at {sends_per_s}: {p50} and {p95} ms");
    }
}

#[test]
fn a_refusing_network_is_down_within_eight_seconds() {
    hard("K1", 12);
}

#[test]
fn a_hanging_network_is_down_within_eight_seconds() {
    hard("F1", 12);
}

#[test]
fn a_fallback_that_breaks_later_is_found_where_it_is_judged() {
    hard("S1", 6);
}

#[test]
fn eight_percent_on_pcs_are_seen_by_their_receipts() {
    let scores = ours(&known("K3"), 0.5, true, 11);
    let p50 = found_ms(&scores, 0.5);
    assert!(p50 <= 90_000, "{p50} ms");
    assert!(scores.iter().all(|score| score.found_ms.is_some()), "none is missed");
}

#[test]
fn without_receipts_the_third_report_is_enough() {
    let scores = ours(&known("K4"), 0.5, false, 5);
    let after: Vec<u64> = scores.iter().filter_map(|score| score.after_report_ms).collect();
    assert!(!after.is_empty() && after.iter().all(|ms| *ms <= 30_000), "{after:?}");
}

#[test]
fn a_ramp_of_five_minutes_is_found_on_its_way() {
    let scores = ours(&ramped(&known("K1"), 300), 0.5, true, 11);
    let p50 = found_ms(&scores, 0.5);
    assert!(p50 <= 90_000, "{p50} ms");
}

#[test]
fn a_burst_of_flapping_is_one_episode_and_the_way_back_is_neither_rash_nor_slow() {
    let scenario = known("L5");
    let trial =
        Trial { scenario: &scenario, sends_per_s: 0.5, receipts: true, seed: 5_003, cut_ms: None };
    let score = trial.scores(&[SHIPPED])[0];
    assert_eq!((score.episodes, score.stuck), (1, false));
    let (back, whole) = (score.back_ms.unwrap(), score.whole_ms.unwrap());
    assert!(back >= 60_000 && whole <= 300_000, "{back} and {whole} ms");
}

fn never_switches(noise: &Noise, hours: u64) {
    let quiet = quiet(noise, &[SHIPPED], 0.5, (5_004, hours * HOUR_MS))[0];
    assert_eq!(quiet.switches, 0, "{}", noise.id);
    assert!(quiet.canaries > 2_000 * hours, "canaries were sent");
}

#[test]
fn plain_noise_switches_nothing() {
    never_switches(&Noise::built_in()[0], 6);
}

#[test]
fn bursts_switch_nothing() {
    never_switches(&Noise::built_in()[1], 6);
}

#[test]
fn a_busy_evening_switches_nothing() {
    never_switches(&Noise::built_in()[2], 6);
}

#[test]
fn our_own_line_switches_nothing_and_the_usual_detectors_do() {
    let own = &Noise::built_in()[3];
    never_switches(own, 24);
    let rolling = Setting::Rolling { volume: 10, percent: 50 };
    assert!(quiet(own, &[rolling], 0.5, (5_004, 24 * HOUR_MS))[0].switches > 0);
}

#[test]
fn a_front_page_that_is_down_switches_nothing() {
    let day = 24 * HOUR_MS;
    let down = (0..8).map(|n| (n * 3 * HOUR_MS, n * 3 * HOUR_MS + 1_500_000)).collect();
    let recorded = Recorded { site: "page".into(), length_ms: day / 3, down };
    let noise = Noise { recorded: Some(recorded), ..noise::independent() };
    never_switches(&noise, 8);
}

#[test]
fn the_same_seed_gives_the_same_scores() {
    let run = || ours(&known("K2"), 0.5, true, 2);
    assert_eq!(run(), run());
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let arguments = |scenario: &str, traffic: f64| DetectArguments {
        scenario: vec![scenario.to_owned()],
        noise: Vec::new(),
        seeds: 1,
        days: 1,
        traffic: vec![traffic],
        plot: None,
        json: false,
    };
    assert!(Plan::of(&arguments("K2", 0.5)).is_ok());
    assert!(Plan::of(&arguments("no such", 0.5)).is_err());
    assert!(Plan::of(&arguments("K2", 0.0)).is_err());
}

#[test]
fn a_small_benchmark_gives_figures_tables_and_a_picture() {
    let plan = Plan {
        scenarios: vec![known("K2")],
        absent: vec!["W1".into()],
        noises: vec![Noise::built_in().remove(0)],
        traffic: vec![0.5],
        seeds: 1,
        hours: 1,
    };
    let results = run::run(&plan);
    assert_eq!(results.cuts.len(), 3, "training, held out, and to the end");
    let report = Report::of(&plan, &results);
    assert_eq!(report.curve.len(), Setting::all().len());
    assert_eq!(report.returns.len(), 1);
    assert!(report.chosen.contains_key("ours") && report.chosen.len() == 6);
    let text = report.text();
    assert!(text.contains("K2") && text.contains("not in this build: W1"), "{text}");
    let picture = plot::svg(&report);
    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"));
    assert_eq!(picture.matches("<g ").count(), 1, "one panel");
    assert!(picture.matches("<circle").count() > Setting::all().len() / 2);
}

/// More false switches than one in four minutes are no detector.
const SWITCHES_A_MONTH_MAX: f64 = 10_000.0;

/// Ours is at least as fast as every usual detector that is no noisier.
fn nobody_is_faster(report: &Report) -> Vec<String> {
    let mut faster = Vec::new();
    for point in report.curve.iter().filter(|point| !["ours", "oracle"].contains(&point.kind)) {
        let same = |other: &&report::Point| {
            other.kind == "ours"
                && other.scenario == point.scenario
                && other.sends_per_s.to_bits() == point.sends_per_s.to_bits()
                && other.false_switches_a_month <= point.false_switches_a_month
        };
        if point.false_switches_a_month > SWITCHES_A_MONTH_MAX {
            continue;
        }
        let best = report.curve.iter().filter(same).filter_map(|other| other.found_s_p50);
        let best = best.fold(f64::INFINITY, f64::min);
        if point.found_s_p50.is_some_and(|found| found < best) {
            faster.push(format!("{} {} {best}: {point:?}", point.kind, point.setting));
        }
    }
    faster
}

#[test]
#[ignore = "long: months of noise and hundreds of outages"]
fn the_targets_hold_with_many_seeds() {
    let plan = Plan {
        scenarios: ["K1", "K2", "L1", "S1"].map(known).to_vec(),
        absent: Vec::new(),
        noises: Noise::built_in(),
        traffic: vec![0.5],
        seeds: 30,
        hours: 60 * 24,
    };
    let report = Report::of(&plan, &run::run(&plan));
    let shipped = |point: &&report::Point| report.stands("ours", &point.setting);
    for point in report.curve.iter().filter(|point| point.kind == "ours").filter(shipped) {
        assert!(point.found_s_p50.is_some_and(|found| found <= 8.0), "{point:?}");
        assert!(point.found_s_p95.is_some_and(|found| found <= 20.0), "{point:?}");
        assert!(point.false_switches_a_month <= 0.2, "{point:?}");
    }
    assert_eq!(nobody_is_faster(&report), Vec::<String>::new());
}
