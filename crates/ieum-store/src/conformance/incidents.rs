//! Incidents in both stores: opened and closed with what they move, kept over crashes.

use super::sample::*;
use super::{Bench, wait};
use ieum_core::delivery::{Label, Recipient, Settlement, State, Step};
use ieum_core::directory::{Account, Change};
use ieum_core::health::{Cell, CellChange, CellState, Function, Surface};
use ieum_core::ids::{DeliverySeq, IncidentId, MessageSeq, PersonId};
use ieum_core::incident::{Incident, Touch, Touched};
use ieum_core::network::Network;
use ieum_core::ports::store::{Moves, Store, StoreFailure};
use ieum_core::telling::{Stage, Telling};
use ieum_core::time::Timestamp;

const ALL: IncidentId = IncidentId(u64::MAX);

fn turn(from: CellState, to: CellState) -> CellChange {
    let cell =
        Cell { network: Network::KakaoTalk, function: Function::Send, surface: Surface::Api };
    CellChange { cell, from, to, evidence: "12 of 12 sends failed".into(), grounds: None }
}

fn apply(store: &dyn Store, at: i64, health: Vec<CellChange>, moved: Vec<Settlement>) {
    let moves = Moves { at: Timestamp(at), health, moved, ..Moves::default() };
    wait(store.apply_moves(moves)).unwrap();
}

fn furnished() -> [Bench; 2] {
    let benches = Bench::both();
    for bench in &benches {
        let account =
            |id, name: &str, network| Change::Account(Account { id, name: name.into(), network });
        let mut changes = people();
        changes.push(account(KAKAO, "kakao", Network::KakaoTalk));
        changes.push(account(LINE, "line", Network::Line));
        wait(bench.store().change(Timestamp(1), changes)).unwrap();
    }
    benches
}

fn away(seq: u64, at: i64) -> Settlement {
    let label = Some(Label::InsteadOf(Network::KakaoTalk));
    let step = Step::NextRoute { route: route(LINE, 1), label, at: Timestamp(at) };
    Settlement { at: Timestamp(at), ..settlement(DeliverySeq(seq), step) }
}

fn incidents(store: &dyn Store) -> Vec<Incident> {
    wait(store.page_incidents(ALL, 100)).unwrap()
}

fn touched(store: &dyn Store, id: u64) -> Vec<(u64, Touched)> {
    let page = wait(store.page_touched(IncidentId(id), DeliverySeq(0), 100)).unwrap();
    page.iter().map(|touch| (touch.delivery.0, touch.how)).collect()
}

#[test]
fn an_incident_holds_what_it_moved_in_the_same_transaction() {
    use CellState::{Down, Recovering, Up};
    for bench in furnished() {
        let store = bench.store();
        let owed = vec![to_person(KAKAO, 1), to_person(KAKAO, 2), to_person(LINE, 3)];
        admit(store, event(1, 1, owed));
        // Before it opens nothing is noted.
        settle(store, DeliverySeq(2), Step::Hold { label: None });
        assert!(incidents(store).is_empty());
        let hold = Settlement {
            at: Timestamp(50),
            ..settlement(DeliverySeq(2), Step::Hold { label: Some(Label::Late) })
        };
        apply(store, 50, vec![turn(Up, Down)], vec![away(1, 50), hold]);
        let open = incidents(store);
        assert_eq!((open.len(), open[0].opened_at, open[0].closed_at), (1, Timestamp(50), None));
        assert_eq!(touched(store, 1), [(1, Touched::Moved), (2, Touched::Held)]);
        // A step from another network's route is not its doing.
        settle(store, DeliverySeq(3), Step::Hold { label: None });
        assert_eq!(touched(store, 1).len(), 2);
        apply(store, 80, vec![turn(Down, Recovering)], vec![]);
        apply(store, 90, vec![turn(Recovering, Up)], vec![]);
        let (closed, counts) = wait(store.incident(IncidentId(1))).unwrap().unwrap();
        assert_eq!(closed.closed_at, Some(Timestamp(90)));
        assert_eq!(closed.turns.len(), 3);
        let counts: Vec<_> = counts.into_iter().collect();
        assert_eq!(counts, [(Touched::Moved, 1), (Touched::Held, 1)]);
        assert_eq!(wait(store.incident(IncidentId(2))).unwrap(), None);
    }
}

#[test]
fn what_is_planned_elsewhere_or_held_from_the_start_is_noted_too() {
    for bench in furnished() {
        let store = bench.store();
        apply(store, 50, vec![turn(CellState::Up, CellState::Down)], vec![]);
        let mut elsewhere = to_person(LINE, 1);
        elsewhere.label = Some(Label::InsteadOf(Network::KakaoTalk));
        let mut held = to_person(KAKAO, 2);
        held.state = State::Held;
        admit(store, event(1, 1, vec![elsewhere, held, to_person(LINE, 3)]));
        assert_eq!(touched(store, 1), [(1, Touched::Moved), (2, Touched::Held)]);
        // An attempt in doubt; then it leaves: the last word stands.
        admit(store, event(2, 2, vec![to_person(KAKAO, 4)]));
        claim(store, KAKAO, true);
        settle(store, DeliverySeq(4), Step::Unsure { decide_at: Timestamp(60) });
        assert_eq!(touched(store, 1)[2], (4, Touched::InDoubt));
        apply(store, 70, vec![], vec![away(4, 70)]);
        assert_eq!(touched(store, 1)[2], (4, Touched::Moved));
        let page = wait(store.page_touched(IncidentId(1), DeliverySeq(0), 100)).unwrap();
        let ways: Vec<_> = page.iter().map(|touch| touch.to).collect();
        assert_eq!(ways, [Some(route(LINE, 1)), None, Some(route(LINE, 1))]);
    }
}

#[test]
fn who_was_told_is_kept_with_the_incident_also_after_its_end() {
    use CellState::{Down, Up};
    for bench in furnished() {
        let store = bench.store();
        let tell = |number| {
            let mut told = event(number, 1, vec![to_person(LINE, 1)]);
            told.about = Some(Network::KakaoTalk);
            admit(store, told);
        };
        tell(1);
        assert!(incidents(store).is_empty(), "there is nothing to tell about");
        apply(store, 50, vec![turn(Up, Down)], vec![]);
        tell(2);
        apply(store, 60, vec![turn(Down, Up)], vec![]);
        tell(3);
        assert_eq!(touched(store, 1), [(2, Touched::Told), (3, Touched::Told)]);
    }
}

#[test]
fn incidents_are_paged_newest_first_and_what_they_touched_in_order() {
    use CellState::{Down, Up};
    for bench in furnished() {
        let store = bench.store();
        for number in 1..=5 {
            apply(store, number * 10, vec![turn(Up, Down)], vec![]);
            apply(store, number * 10 + 5, vec![turn(Down, Up)], vec![]);
        }
        let ids = |before, rows_max| {
            let page = wait(store.page_incidents(IncidentId(before), rows_max)).unwrap();
            page.iter().map(|incident| incident.id.0).collect::<Vec<_>>()
        };
        assert_eq!(ids(u64::MAX, 2), [5, 4]);
        assert_eq!(ids(4, 100), [3, 2, 1]);
        assert_eq!(ids(1, 100), [0_u64; 0]);
        apply(store, 100, vec![turn(Up, Down)], vec![]);
        let mut held = to_person(KAKAO, 2);
        held.state = State::Held;
        for number in 1..=3 {
            admit(store, event(number, 1, vec![held.clone()]));
        }
        let page = wait(store.page_touched(IncidentId(6), DeliverySeq(1), 1)).unwrap();
        let expected = Touch {
            delivery: DeliverySeq(2),
            message: MessageSeq(2),
            recipient: Recipient::Person(PersonId(2)),
            how: Touched::Held,
            at: Timestamp(10),
            to: None,
        };
        assert_eq!(page, [expected]);
    }
}

#[test]
fn an_open_incident_goes_on_after_a_crash() {
    use CellState::{Down, Up};
    for mut bench in furnished() {
        admit(bench.store(), event(1, 1, vec![to_person(KAKAO, 1), to_person(KAKAO, 2)]));
        apply(bench.store(), 50, vec![turn(Up, Down)], vec![away(1, 50)]);
        bench.crash();
        wait(bench.store().load(Timestamp(60))).unwrap();
        apply(bench.store(), 70, vec![], vec![away(2, 70)]);
        assert_eq!(touched(bench.store(), 1), [(1, Touched::Moved), (2, Touched::Moved)]);
        apply(bench.store(), 80, vec![turn(Down, Up)], vec![]);
        let all = incidents(bench.store());
        assert_eq!((all.len(), all[0].closed_at), (1, Some(Timestamp(80))));
        apply(bench.store(), 90, vec![turn(Up, Down)], vec![]);
        assert_eq!(incidents(bench.store())[0].id, IncidentId(2));
    }
}

#[test]
fn a_failed_transaction_leaves_no_incident() {
    use CellState::{Down, Up};
    let [_, bench] = furnished();
    let Bench::Sqlite(Some(store), _) = &bench else { unreachable!() };
    admit(store, event(1, 1, vec![to_person(KAKAO, 1)]));
    wait(store.limit_pages(1)).unwrap();
    let large = CellChange { evidence: "x".repeat(1_000_000).into(), ..turn(Up, Down) };
    let moves = Moves {
        at: Timestamp(50),
        health: vec![large],
        moved: vec![away(1, 50)],
        ..Moves::default()
    };
    let failed = wait(store.apply_moves(moves));
    assert!(matches!(failed, Err(StoreFailure::Unavailable(_))), "{failed:?}");
    wait(store.limit_pages(1_000_000)).unwrap();
    assert!(incidents(store).is_empty());
    // Nothing of it is left in memory either: a step is not noted, and the next one is the first.
    apply(store, 60, vec![], vec![away(1, 60)]);
    apply(store, 70, vec![turn(Up, Down)], vec![]);
    assert_eq!((incidents(store)[0].id, touched(store, 1).len()), (IncidentId(1), 0));
}

#[test]
fn who_was_told_is_kept_with_the_incident() {
    for mut bench in furnished() {
        let store = bench.store();
        let telling =
            |stage, at| Telling { channel: "webhook".into(), stage, turns: 1, at: Timestamp(at) };
        apply(store, 10, vec![turn(CellState::Up, CellState::Down)], vec![]);
        let tell = |store: &dyn Store, id, stage, at| {
            let tellings = vec![(IncidentId(id), telling(stage, at))];
            let at = Timestamp(at);
            wait(store.apply_moves(Moves { at, tellings, ..Moves::default() })).unwrap();
        };
        tell(store, 1, Stage::Opened, 11);
        tell(store, 9, Stage::Opened, 12);
        apply(store, 20, vec![turn(CellState::Down, CellState::Up)], vec![]);
        bench.crash();
        let store = bench.store();
        tell(store, 1, Stage::Closed, 21);
        let (incident, _) = wait(store.incident(IncidentId(1))).unwrap().unwrap();
        assert_eq!(incident.tellings, [telling(Stage::Opened, 11), telling(Stage::Closed, 21)]);
        assert_eq!(incident.turns.len(), 2, "and nothing else of it changed");
        assert!(wait(store.incident(IncidentId(9))).unwrap().is_none());
    }
}
