//! The promises under simulation, and the simulation itself: the same seed twice is the same.

use super::*;

fn order(scenario: &str, seed: u64) -> Order {
    Order {
        scenario: Some(Scenario::named(scenario).unwrap()),
        seed,
        people: 16,
        days: 0.0,
        per_day: 700.0,
        troubles: Troubles { on: true },
        doubting: true,
        journal: None,
    }
}

#[test]
fn the_same_seed_gives_the_same_journal_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let play = |name: &str, seed| {
        let journal = folder.path().join(name);
        let report = run(&Order { journal: Some(journal.clone()), ..order("K2", seed) }).unwrap();
        (std::fs::read(journal).unwrap(), Report { wall_s: 0.0, ..report })
    };
    let (first, second, other) = (play("a", 5), play("b", 5), play("c", 6));
    assert!(first.1.messages > 100 && first.0.len() > 10_000, "{:?}", first.1);
    assert!(first.0 == second.0, "the journals of two runs of one seed differ");
    assert_eq!(first.1, second.1);
    assert!(first.0 != other.0, "another seed is another story");
}

#[test]
fn no_promise_breaks_while_kakaotalk_does() {
    for seed in 1..=6 {
        let report = run(&order("K2", seed)).unwrap();
        assert!(report.kept(), "seed {seed}: {report:#?}");
        assert!(report.failed_over > 0 && report.ttd_s.is_some(), "seed {seed}: {report:#?}");
        assert_eq!(report.false_switches, 0, "seed {seed}: {report:#?}");
    }
}

#[test]
fn nothing_stays_swallowed_for_who_has_another_way() {
    let mut known = 0;
    for (scenario, seeds) in [("K7", 1..=2), ("L3", 1..=3), ("L4", 1..=4)] {
        for seed in seeds {
            let calm = Order { troubles: Troubles::default(), ..order(scenario, seed) };
            let report = run(&calm).unwrap();
            assert!(report.kept(), "{scenario} seed {seed}: {report:#?}");
            known += report.duplicates_labelled;
        }
    }
    assert!(known > 0, "none of them was noticed");
}

/// The first four minutes of K7 among people who talk a lot: much is said between the moment at
/// which two watchers are blind and the moment at which the network is found down.
fn k7_begins(doubting: bool) -> Report {
    let scenario = Scenario { dur_s: 240, ..Scenario::named("K7").unwrap() };
    let (scenario, troubles) = (Some(scenario), Troubles::default());
    let busy = Order { people: 60, per_day: 2_500.0, ..order("K7", 5) };
    run(&Order { scenario, troubles, doubting, ..busy }).unwrap()
}

#[test]
fn the_checker_bites_a_hub_that_never_doubts() {
    let report = k7_begins(false);
    assert!(report.swallowed_known > 0 && !report.kept(), "{report:#?}");
    let told = report.told.iter().any(|told| told.contains("the watchers had seen nothing"));
    assert!(told, "{:?}", report.told);
    assert_eq!((report.lost, report.out_of_order), (0, 0), "nothing else is blamed: {report:#?}");
}

#[test]
fn and_leaves_one_that_doubts_in_peace() {
    let report = k7_begins(true);
    assert!(report.kept() && report.swallowed == 0, "{report:#?}");
}

/// Seeds that broke a promise once: scenario, seed, and what was wrong then.
const BROKE_ONCE: [(&str, u64, &str); 2] = [
    ("K2", 1, "a summary that went another way was summed up itself, for ever"),
    ("L3", 6, "a clock that was set back made watchers forget each canary as it left"),
];

#[test]
fn what_broke_once_does_not_break_again() {
    for (scenario, seed, what) in BROKE_ONCE {
        let report = run(&order(scenario, seed)).unwrap();
        assert!(report.kept(), "{scenario} seed {seed}: {what}: {report:#?}");
    }
}

/// What a hub wrote by a wrong clock was read once by the right one, and its turns within the
/// outage were taken for turns before it.
#[test]
fn turns_are_judged_by_the_clock_that_wrote_them() {
    for (scenario, seed) in [("K9", 10_430), ("L3", 10_926)] {
        let report = run(&order(scenario, seed)).unwrap();
        assert_eq!(report.false_switches, 0, "{scenario} seed {seed}: {report:#?}");
    }
}

#[test]
fn a_quiet_day_moves_nothing() {
    let quiet = Order { scenario: None, days: 1.0, per_day: 40.0, ..order("K2", 3) };
    let calm = Order { troubles: Troubles::default(), ..quiet };
    let report = run(&calm).unwrap();
    assert!(report.kept(), "{report:#?}");
    assert_eq!((report.failed_over, report.false_switches, report.ttd_s), (0, 0, None));
    assert_eq!((report.late_over_60s, report.duplicates_labelled), (0, 0), "{report:#?}");
    assert!(report.messages > 300, "{report:#?}");
}

#[test]
fn seeds_are_read_with_both_ends() {
    assert_eq!(seeds("7").unwrap(), (7, 7));
    assert_eq!(seeds("1..200").unwrap(), (1, 200));
    for wrong in ["", "a..b", "5..4", "1..", "-1..2"] {
        assert!(seeds(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_asked_for_is_what_is_run() {
    let arguments = SimulateArguments {
        scenario: "all".to_owned(),
        on: None,
        seeds: "3..4".to_owned(),
        people: 30,
        days: None,
        per_day: None,
        calm: false,
        journal: None,
        json: true,
    };
    let all = orders(&arguments).unwrap();
    assert_eq!(all.len(), 2 * Scenario::ids().count());
    let turns = SimulateArguments {
        scenario: "turns".to_owned(),
        seeds: format!("1..{}", Scenario::ids().count()),
        ..arguments.clone()
    };
    let played: std::collections::BTreeSet<String> =
        orders(&turns).unwrap().into_iter().filter_map(|one| Some(one.scenario?.id)).collect();
    assert_eq!(played.len(), Scenario::ids().count(), "each seed another one");
    let quiet = SimulateArguments { scenario: "quiet".to_owned(), ..arguments.clone() };
    assert!(orders(&quiet).unwrap().iter().all(|one| one.scenario.is_none() && one.days > 0.0));
    for (people, days) in [(1, None), (PEOPLE_MAX + 1, None), (4, Some(-1.0)), (4, Some(1e9))] {
        let wrong = SimulateArguments { people, days, ..arguments.clone() };
        assert!(orders(&wrong).is_err(), "{people} {days:?}");
    }
    let elsewhere = SimulateArguments { on: Some("line".to_owned()), ..arguments.clone() };
    let networks = orders(&elsewhere).unwrap().into_iter().filter_map(|one| one.scenario);
    assert!(networks.into_iter().all(|one| one.network == ieum_lab::Network::Line));
    let nowhere = SimulateArguments { on: Some("signal".to_owned()), ..arguments.clone() };
    assert!(orders(&nowhere).is_err());
    assert!(orders(&SimulateArguments { scenario: "K99".to_owned(), ..arguments }).is_err());
}
