//! What the detector does with whole stories of evidence, and what it never does.

use super::*;
use crate::directory::Endpoint;
use crate::health::book::api_cell;
use crate::health::evidence::Source;
use crate::ids::{AccountId, RoomId};
use proptest::prelude::*;

const KAKAO: Network = Network::KakaoTalk;

fn cell() -> Cell {
    api_cell(KAKAO, Function::Send)
}

fn piece(cell: Cell, kind: Kind, number: u64, sign: Sign, at: i64) -> Evidence {
    let route = Route { account: AccountId(1), endpoint: Endpoint::Room(RoomId(number)) };
    let source = match kind {
        Kind::Send | Kind::Receipt => Source::Route(route),
        Kind::Canary => Source::Pair(u32::try_from(number).unwrap()),
        Kind::Pulse => Source::Account(AccountId(number)),
    };
    let id = u64::try_from(at).unwrap();
    Evidence { cell, kind, source, sign, id, at: Timestamp(at), latency_ms: 0 }
}

/// A story: `(time, kind, source, sign)`; returns what it turned into and when.
fn play(detector: &mut Detector, story: &[(i64, Kind, u64, Sign)]) -> Vec<(i64, CellState, Rule)> {
    let mut turns = Vec::new();
    for (at, kind, number, sign) in story {
        for change in detector.observe(piece(cell(), *kind, *number, *sign, *at)) {
            turns.push((*at, change.to, change.grounds.unwrap().rule));
        }
    }
    turns
}

fn fails(kind: Kind, sources: &[u64], number: usize) -> Vec<(i64, Kind, u64, Sign)> {
    let sources = sources.iter().copied().cycle();
    let each = (0..).zip(sources).take(number);
    each.map(|(n, source)| (n * 1_400, kind, source, Sign::Bad)).collect()
}

fn at_each(times: &[i64], kind: Kind, source: u64) -> Vec<(i64, Kind, u64, Sign)> {
    times.iter().map(|at| (*at, kind, source, Sign::Bad)).collect()
}

#[test]
fn the_table_of_trips() {
    use Kind::{Canary, Pulse, Receipt, Send};
    let down = |rule| Some((CellState::Down, rule));
    let degraded = |rule| Some((CellState::Degraded, rule));
    for (story, last, why) in [
        (fails(Canary, &[1, 2], 3), None, "three canaries are too few"),
        (fails(Canary, &[1, 2], 4), down(Rule::Canaries), "four of two pairs"),
        (fails(Canary, &[1], 10), None, "one pair alone in a few seconds"),
        (fails(Send, &[1, 2], 3), None, "three sends are too few"),
        (fails(Send, &[1, 2], 4), down(Rule::Sends), "four on two routes"),
        (fails(Send, &[1], 40), None, "one route alone"),
        (fails(Pulse, &[1], 3), None, "a few pulses"),
        (fails(Pulse, &[1], 400), degraded(Rule::Pulses), "pulses alone never mean down"),
        (fails(Receipt, &[1, 2, 3, 4], 4), degraded(Rule::Receipts), "missing receipts are soft"),
        (fails(Receipt, &[1, 2, 3, 4], 400), degraded(Rule::Receipts), "however many"),
        (
            [at_each(&[0, 1_000, 2_000], Canary, 1), at_each(&[3_000, 8_000], Send, 1)].concat(),
            down(Rule::Together),
            "canaries and sends agree at six each",
        ),
        (
            [at_each(&[0, 1_000], Receipt, 1), at_each(&[2_000, 7_000], Send, 3)].concat(),
            down(Rule::Together),
            "sends fail and what was accepted never arrives",
        ),
    ] {
        let turns = play(&mut Detector::default(), &story);
        assert_eq!(turns.last().map(|(_, state, rule)| (*state, *rule)), last, "{why}: {turns:?}");
    }
}

#[test]
fn one_pair_that_fails_steadily_degrades_and_a_broken_one_is_forgotten() {
    let mut detector = Detector::default();
    let story: Vec<_> = (0..120)
        .flat_map(|second| {
            (1..=4).map(move |pair| {
                let sign = if pair == 1 { Sign::Bad } else { Sign::Good };
                (second * 2_000 + i64::try_from(pair).unwrap() * 500, Kind::Canary, pair, sign)
            })
        })
        .collect();
    let turns = play(&mut detector, &story);
    let states: Vec<_> = turns.iter().map(|(_, state, _)| *state).collect();
    assert_eq!(states, [CellState::Degraded, CellState::Up], "{turns:?}");
    assert!(turns[0].0 >= 15_000, "{turns:?}");
}

#[test]
fn a_late_arrival_takes_its_part_in_a_turn_back() {
    let mut detector = Detector::default();
    for round in 0..40 {
        for pair in 1..=4 {
            let sent_at = round * 4_000 + i64::try_from(pair).unwrap() * 100;
            let bad = piece(cell(), Kind::Canary, pair, Sign::Bad, sent_at);
            if pair == 1 {
                assert_eq!(detector.observe(bad), []);
                let late = Evidence { sign: Sign::Late, at: Timestamp(sent_at + 50), ..bad };
                assert_eq!(detector.observe(late), []);
            } else {
                detector.observe(Evidence { sign: Sign::Good, ..bad });
            }
        }
    }
    assert_eq!(detector.state(cell()), CellState::Up, "slow answers of one pair are no outage");
}

#[test]
fn a_turn_waits_for_a_witness_and_names_it() {
    let mut detector = Detector::default();
    detector.observe(piece(api_cell(Network::Line, Function::Send), Kind::Pulse, 2, Sign::Good, 0));
    let story: Vec<_> = fails(Kind::Send, &[1, 2], 8)
        .into_iter()
        .map(|(at, kind, source, sign)| (at + 5_000, kind, source, sign))
        .collect();
    assert_eq!(play(&mut detector, &story), [], "LINE was not heard since");
    assert!(detector.wants_witness());
    let mut changes = detector.control(0, true, Timestamp(15_000));
    assert_eq!(changes, [], "one answer may be luck");
    changes.extend(detector.control(1, true, Timestamp(15_001)));
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].cell, cell());
    assert_eq!(changes[0].grounds.as_ref().unwrap().witnesses, 2);
    assert!(!detector.wants_witness());
}

#[test]
fn two_networks_that_fail_together_mean_that_it_is_us() {
    let mut detector = Detector::default();
    let other = api_cell(Network::Line, Function::Send);
    for at in 0..200 {
        for one in [cell(), other] {
            let bad = piece(one, Kind::Send, u64::try_from(at % 5).unwrap(), Sign::Bad, at * 200);
            assert_eq!(detector.observe(bad), []);
        }
    }
    assert!(detector.own_line_sick_since().is_some());
    for at in 0..20 {
        for one in [cell(), other] {
            detector.observe(piece(one, Kind::Send, 1, Sign::Good, 45_000 + at * 1_000));
        }
        assert_eq!(detector.tick(Timestamp(45_000 + at * 1_000)), []);
    }
    assert_eq!(detector.own_line_sick_since(), None);
    assert_eq!(detector.network_state(KAKAO), CellState::Up);
}

#[test]
fn a_control_host_that_fails_is_enough_to_hold_still() {
    let mut detector = Detector::default();
    for at in 0..60 {
        detector.control(0, false, Timestamp(at * 1_000));
        for n in 0..4 {
            let bad = piece(cell(), Kind::Canary, n, Sign::Bad, at * 1_000 + 10);
            assert_eq!(detector.observe(bad), []);
        }
    }
    assert_eq!(detector.state(cell()), CellState::Up);
}

#[test]
fn a_network_that_breaks_under_those_who_moved_is_no_fault_of_ours() {
    let mut detector = Detector::default();
    let line = api_cell(Network::Line, Function::Send);
    assert_eq!(play(&mut detector, &fails(Kind::Send, &[1, 2], 4)).len(), 1);
    let mut changes = Vec::new();
    for at in 0..12 {
        let at = 600_000 + at * 500;
        detector.observe(piece(cell(), Kind::Pulse, 1, Sign::Bad, at));
        changes.extend(detector.observe(piece(line, Kind::Send, at.unsigned_abs(), Sign::Bad, at)));
    }
    assert_eq!(
        changes.first().map(|change| (change.cell, change.to)),
        Some((line, CellState::Down))
    );
}

fn every_second(detector: &mut Detector, from: i64, to: i64, sign: Sign) -> Vec<(i64, CellState)> {
    let mut turns = Vec::new();
    for second in from..to {
        let at = second * 1_000;
        for pair in 1..=4 {
            let canary = piece(cell(), Kind::Canary, pair, sign, at + i64::try_from(pair).unwrap());
            turns.extend(detector.observe(canary).iter().map(|change| (second, change.to)));
        }
        turns.extend(detector.tick(Timestamp(at + 999)).iter().map(|change| (second, change.to)));
    }
    turns
}

#[test]
fn traffic_returns_after_a_clean_minute_by_steps_and_a_relapse_doubles_them() {
    use CellState::{Down, Recovering, Up};
    let mut detector = Detector::default();
    assert_eq!(every_second(&mut detector, 0, 60, Sign::Bad), [(1, Down)]);
    let turns = every_second(&mut detector, 60, 300, Sign::Good);
    assert_eq!(
        turns,
        [(124, Recovering), (214, Up)],
        "sixty-five seconds, then three times thirty"
    );
    assert_eq!(every_second(&mut detector, 300, 330, Sign::Bad), [(301, Down)]);
    assert_eq!(every_second(&mut detector, 330, 400, Sign::Good), [(394, Recovering)]);
    assert_eq!(every_second(&mut detector, 400, 410, Sign::Bad), [(400, Down)], "a relapse");
    let turns = every_second(&mut detector, 410, 900, Sign::Good);
    assert_eq!(turns, [(474, Recovering), (834, Up)], "three times a hundred and twenty");
}

#[test]
fn a_burst_of_flapping_is_one_episode() {
    let mut detector = Detector::default();
    let mut turns = Vec::new();
    for round in 0..20 {
        turns.extend(every_second(&mut detector, round * 90, round * 90 + 60, Sign::Bad));
        turns.extend(every_second(&mut detector, round * 90 + 60, round * 90 + 90, Sign::Good));
    }
    assert_eq!(turns, [(1, CellState::Down)]);
}

#[test]
fn pulses_alone_prove_a_return_only_after_twice_the_time() {
    let mut detector = Detector::default();
    play(&mut detector, &fails(Kind::Send, &[1, 2], 4));
    let mut back = None;
    for second in 1..200 {
        let at = second * 1_000;
        for change in detector.observe(piece(cell(), Kind::Pulse, 1, Sign::Good, at)) {
            back.get_or_insert((second, change.to));
        }
    }
    assert_eq!(back, Some((135, CellState::Recovering)));
}

#[test]
fn the_third_independent_report_degrades_and_moves_all_three() {
    let mut detector = Detector::default();
    let report = |detector: &mut Detector, person, at| {
        detector.report(cell(), PersonId(person), Timestamp(at))
    };
    for at in 0..50 {
        assert_eq!(report(&mut detector, 1, at), Reported::default(), "one person often");
    }
    assert_eq!(report(&mut detector, 2, 100), Reported::default());
    let third = report(&mut detector, 3, 200);
    assert_eq!(third.changes[0].to, CellState::Degraded);
    assert_eq!(third.movers, [PersonId(1), PersonId(2), PersonId(3)]);
    for person in 4..1_000 {
        let more = report(&mut detector, person, 300);
        assert_eq!(more.changes, [], "reports alone never mean down");
        assert!(more.movers.contains(&PersonId(person)));
    }
}

#[test]
fn reports_help_real_evidence_by_at_most_a_third() {
    for (failures, expected) in [(2, CellState::Degraded), (3, CellState::Down)] {
        let mut detector = Detector::default();
        for person in 0..100 {
            detector.report(cell(), PersonId(person), Timestamp(0));
        }
        play(&mut detector, &fails(Kind::Send, &[1, 2], failures));
        detector.tick(Timestamp(5_000));
        assert_eq!(detector.state(cell()), expected, "{failures}");
    }
}

#[test]
fn silence_against_the_rate_degrades_and_nothing_more() {
    let mut detector = Detector::default();
    let receive = api_cell(KAKAO, Function::Receive);
    let minute = |n: i64| Timestamp(n * 60_000);
    for n in 0..60 {
        assert_eq!(detector.inbound(receive, 10, 10_000, minute(n)), [], "as many as ever");
    }
    let first = (60..70).find(|n| !detector.inbound(receive, 0, 10_000, minute(*n)).is_empty());
    assert_eq!(first, Some(63), "forty messages missing");
    for n in 70..200 {
        assert_eq!(detector.inbound(receive, 0, 10_000, minute(n)), []);
    }
    assert_eq!(detector.state(receive), CellState::Degraded);
}

#[test]
fn a_black_hole_is_dated_from_its_first_missing_receipt() {
    let mut detector = Detector::default();
    play(&mut detector, &[(0, Kind::Receipt, 9, Sign::Good)]);
    assert_eq!(detector.doubtful_since(cell()), None);
    let story = [(50, Kind::Receipt, 1, Sign::Bad), (90, Kind::Receipt, 2, Sign::Bad)];
    play(&mut detector, &story);
    assert_eq!(detector.doubtful_since(cell()), Some(Timestamp(50)));
}

#[test]
fn the_operators_word_stands_until_it_is_taken_back() {
    let mut detector = Detector::default();
    let change = detector.hold(cell(), CellState::Down, Timestamp(0)).unwrap();
    assert_eq!((change.from, change.to), (CellState::Up, CellState::Down));
    assert_eq!(detector.share_permille(KAKAO), 0);
    assert_eq!(every_second(&mut detector, 1, 300, Sign::Good), [], "good signs do not matter");
    detector.hold(cell(), CellState::Up, Timestamp(300_000)).unwrap();
    assert_eq!(every_second(&mut detector, 301, 400, Sign::Bad), [], "bad ones neither");
    let change = detector.release(cell(), Timestamp(400_000)).unwrap();
    assert_eq!(change.to, CellState::Down, "what was seen meanwhile is not forgotten");
    assert_eq!(detector.release(cell(), Timestamp(400_001)), None);
}

#[test]
fn a_network_is_what_carries_our_messages() {
    let surface = |function, surface| Cell { network: KAKAO, function, surface };
    for (held, expected) in [
        (surface(Function::Send, Surface::Api), CellState::Down),
        (surface(Function::Receive, Surface::Mobile), CellState::Down),
        (surface(Function::Send, Surface::Pc), CellState::Degraded),
        (surface(Function::Login, Surface::Pc), CellState::Degraded),
        (surface(Function::Media, Surface::Api), CellState::Degraded),
    ] {
        let mut detector = Detector::default();
        detector.hold(held, CellState::Down, Timestamp(0));
        assert_eq!(detector.network_state(KAKAO), expected, "{held:?}");
    }
}

#[test]
fn grounds_are_kept_with_the_change_and_old_changes_still_read() {
    let mut detector = Detector::default();
    let mut last = Vec::new();
    for at in 0..4 {
        let number = u64::try_from(at % 2).unwrap();
        last = detector.observe(piece(cell(), Kind::Send, number, Sign::Bad, at * 1_500));
    }
    let change = last.pop().unwrap();
    let bytes = minicbor::to_vec(&change).unwrap();
    assert_eq!(minicbor::decode::<CellChange>(&bytes).unwrap(), change);
    let json = serde_json::to_string(&change).unwrap();
    assert_eq!(serde_json::from_str::<CellChange>(&json).unwrap(), change);
    let mut old = minicbor::Encoder::new(Vec::new());
    old.array(4).unwrap().encode(change.cell).unwrap();
    old.encode(change.from).unwrap().encode(change.to).unwrap().str("503").unwrap();
    let old: CellChange = minicbor::decode(&old.into_writer()).unwrap();
    assert_eq!((old.evidence.as_ref(), old.grounds), ("503", None));
}

fn any_piece() -> impl Strategy<Value = (u8, u8, u64, u8, i64)> {
    (0_u8..3, 0_u8..4, 0_u64..6, 0_u8..3, 0_i64..20_000)
}

fn read(steps: &[(u8, u8, u64, u8, i64)]) -> Vec<Evidence> {
    let mut now = 0;
    steps
        .iter()
        .map(|(network, kind, number, sign, gap)| {
            now += gap;
            let network = Network::ALL[usize::from(*network)];
            let kind = [Kind::Send, Kind::Canary, Kind::Pulse, Kind::Receipt][usize::from(*kind)];
            let sign = [Sign::Good, Sign::Bad, Sign::Late][usize::from(*sign)];
            piece(api_cell(network, Function::Send), kind, *number, sign, now)
        })
        .collect()
}

proptest! {
    #[test]
    fn the_same_evidence_gives_the_same_changes(
        steps in prop::collection::vec(any_piece(), 0..300),
    ) {
        let run = || {
            let mut detector = Detector::default();
            read(&steps).into_iter().flat_map(|one| detector.observe(one)).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn changes_are_a_chain_and_good_evidence_alone_changes_nothing(
        steps in prop::collection::vec(any_piece(), 0..300),
    ) {
        let mut detector = Detector::default();
        let mut states: BTreeMap<Cell, CellState> = BTreeMap::new();
        for one in read(&steps) {
            for change in detector.observe(one) {
                let before = states.insert(change.cell, change.to).unwrap_or_default();
                prop_assert_eq!(before, change.from);
                prop_assert_ne!(change.from, change.to);
                prop_assert!(change.grounds.unwrap().last.len() <= 12);
            }
            let known = states.get(&one.cell).copied().unwrap_or_default();
            prop_assert_eq!(detector.state(one.cell), known);
        }
        let mut calm = Detector::default();
        for one in read(&steps) {
            prop_assert_eq!(calm.observe(Evidence { sign: Sign::Good, ..one }), vec![]);
        }
    }

    #[test]
    fn one_source_alone_never_puts_a_network_down(
        gaps in prop::collection::vec((0_i64..5_000, any::<bool>()), 0..400),
        kind in 0_usize..4,
    ) {
        let kind = [Kind::Send, Kind::Canary, Kind::Pulse, Kind::Receipt][kind];
        let mut detector = Detector::default();
        let mut at = 0;
        for (gap, bad) in gaps {
            at += gap;
            detector.observe(piece(cell(), kind, 1, if bad { Sign::Bad } else { Sign::Good }, at));
            prop_assert_ne!(detector.network_state(KAKAO), CellState::Down);
        }
    }

    #[test]
    fn more_failures_never_make_a_turn_later(
        steps in prop::collection::vec((0_u64..4, any::<bool>()), 20..100),
        also in 0_usize..20,
    ) {
        let first = |steps: &[(u64, bool)]| {
            let mut detector = Detector::default();
            (0_i64..).zip(steps).find_map(|(n, (pair, bad))| {
                let sign = if *bad { Sign::Bad } else { Sign::Good };
                let source = n.unsigned_abs() * 4 + pair;
                let one = piece(cell(), Kind::Send, source, sign, n * 100);
                let changes = detector.observe(one);
                changes.iter().any(|change| change.to == CellState::Down).then_some(n)
            }).unwrap_or(i64::MAX)
        };
        let mut worse = steps.clone();
        worse[also].1 = true;
        prop_assert!(first(&worse) <= first(&steps));
    }
}
