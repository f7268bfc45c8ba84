//! Incidents by tables and by random changes.

use super::*;
use crate::health::evidence::{Grounds, Rule, Sums};
use crate::health::{Function, Surface};
use proptest::prelude::*;

const SEND: Cell =
    Cell { network: Network::KakaoTalk, function: Function::Send, surface: Surface::Api };
const RECEIVE: Cell = Cell { function: Function::Receive, ..SEND };
const OTHERS: Cell = Cell { network: Network::Line, ..SEND };

fn change(cell: Cell, from: CellState, to: CellState) -> CellChange {
    CellChange { cell, from, to, evidence: "12 of 12 sends failed".into(), grounds: None }
}

fn at(ms: i64) -> Timestamp {
    Timestamp(ms)
}

use CellState::{Degraded, Down, Recovering, Up};

#[test]
fn an_incident_opens_with_the_first_change_and_closes_with_the_last_cell() {
    let mut latest = Latest::default();
    let mut follow = |ms, cell, from, to| {
        let followed = latest.follow(at(ms), &change(cell, from, to), IncidentId(1));
        followed.map(|incident| (incident.is_open(), incident.turns.len())).unwrap()
    };
    assert_eq!(follow(10, SEND, Up, Degraded), (true, 1));
    assert_eq!(follow(20, RECEIVE, Up, Down), (true, 2));
    assert_eq!(follow(30, SEND, Degraded, Up), (true, 3));
    assert_eq!(follow(40, RECEIVE, Down, Recovering), (true, 4));
    assert_eq!(follow(90, RECEIVE, Recovering, Up), (false, 5));
    let incident = latest.last(Network::KakaoTalk).unwrap();
    assert_eq!((incident.opened_at, incident.closed_at), (at(10), Some(at(90))));
    assert_eq!(incident.worst, Down);
    let receive = incident.cells.iter().find(|record| record.cell == RECEIVE).unwrap();
    assert_eq!((receive.down_ms, receive.impaired_ms), (20, 50));
    assert!(latest.calm() && latest.open(Network::KakaoTalk).is_none());
}

#[test]
fn networks_have_incidents_of_their_own() {
    let mut latest = Latest::default();
    latest.follow(at(1), &change(SEND, Up, Down), IncidentId(1));
    latest.follow(at(2), &change(OTHERS, Up, Down), IncidentId(2));
    assert_eq!(latest.open(Network::KakaoTalk).unwrap().id, IncidentId(1));
    assert_eq!(latest.open(Network::Line).unwrap().id, IncidentId(2));
    latest.follow(at(3), &change(SEND, Down, Up), IncidentId(3));
    assert!(latest.open(Network::KakaoTalk).is_none() && !latest.calm());
    let again = latest.follow(at(4), &change(SEND, Up, Degraded), IncidentId(3)).unwrap();
    assert_eq!((again.id, again.opened_at), (IncidentId(3), at(4)), "a new one");
}

#[test]
fn coming_up_without_an_incident_opens_none() {
    let mut latest = Latest::default();
    assert!(latest.follow(at(1), &change(SEND, Recovering, Up), IncidentId(1)).is_none());
    assert!(latest.last(Network::KakaoTalk).is_none());
}

#[test]
fn the_onset_is_what_the_grounds_say_and_never_after_the_notice() {
    let with = |onset| {
        let grounds = Grounds {
            rule: Rule::Sends,
            onset: at(onset),
            sums: Sums::default(),
            sources: 2,
            witnesses: 3,
            last: Vec::new(),
            hollow: false,
        };
        let change = CellChange { grounds: Some(Box::new(grounds)), ..change(SEND, Up, Down) };
        Incident::open(IncidentId(1), at(100), &change).unwrap().onset
    };
    assert_eq!((with(60), with(200)), (at(60), at(100)));
}

#[test]
fn many_changes_are_counted_but_not_all_kept() {
    let mut incident = Incident::open(IncidentId(1), at(0), &change(SEND, Up, Down)).unwrap();
    for turn in 1..=600_i64 {
        let (from, to) = if turn % 2 == 0 { (Recovering, Down) } else { (Down, Recovering) };
        incident.follow(at(turn), &change(SEND, from, to));
    }
    assert_eq!((incident.turns.len(), incident.turns_left_out), (TURNS_MAX, 345));
    assert_eq!((incident.cells[0].down_ms, incident.cells[0].impaired_ms), (300, 300));
}

#[test]
fn only_steps_away_from_a_network_touch_a_delivery() {
    let now = at(1);
    let route = Route {
        account: crate::ids::AccountId(1),
        endpoint: crate::directory::Endpoint::Room(crate::ids::RoomId(1)),
    };
    let table = [
        (Step::NextRoute { route, label: None, at: now }, Some(Touched::Moved)),
        (Step::Hold { label: None }, Some(Touched::Held)),
        (Step::Unsure { decide_at: now }, Some(Touched::InDoubt)),
        (Step::Sent { copies: Vec::new() }, None),
        (Step::RetryAt { at: now, label: None }, None),
        (Step::Superseded, None),
        (Step::Expired, None),
        (Step::Dead { scope: crate::outgoing::Scope::Message }, None),
    ];
    for (step, expected) in table {
        assert_eq!(Touched::by(&step), expected, "{step:?}");
    }
}

#[test]
fn uptime_is_the_share_of_the_watched_window_without_downtime() {
    let mut incident = Incident::open(IncidentId(1), at(100), &change(SEND, Up, Down)).unwrap();
    let open = incident.clone();
    incident.follow(at(150), &change(SEND, Down, Up));
    let all = [incident];
    let of =
        |cell, window, since: i64, now: i64| uptime_ppm(&all, cell, (window, at(since)), at(now));
    assert_eq!(of(SEND, 1_000, 0, 1_000), 950_000);
    assert_eq!(of(SEND, 1_000, 100, 200), 500_000, "watched for 100 ms only");
    assert_eq!(of(RECEIVE, 1_000, 0, 1_000), 1_000_000, "another cell");
    assert_eq!(of(SEND, 100, 0, 1_000), 1_000_000, "over before the window");
    assert_eq!(of(SEND, 30, 0, 160), 333_333, "20 of 30 ms lie within");
    assert_eq!(of(SEND, 1_000, 0, 0), 1_000_000, "nothing was watched yet");
    assert_eq!(uptime_ppm(&[open], SEND, (1_000, at(0)), at(200)), 500_000, "it goes on");
}

proptest! {
    #[test]
    fn an_incident_is_open_exactly_while_a_cell_is_not_up(
        turns in proptest::collection::vec((0_usize..2, 0_usize..4), 1..60)
    ) {
        let cells = [SEND, RECEIVE];
        let states = [Up, Degraded, Down, Recovering];
        let mut now = [Up, Up];
        let mut latest = Latest::default();
        let mut opened = 0;
        for (ms, (cell, state)) in (1..).zip(turns) {
            let (from, to) = (now[cell], states[state]);
            if from == to {
                continue;
            }
            let was_open = !latest.calm();
            latest.follow(at(ms), &change(cells[cell], from, to), IncidentId(opened + 1));
            now[cell] = to;
            let open = now.iter().any(|state| *state != Up);
            prop_assert_eq!(!latest.calm(), open);
            opened += u64::from(open && !was_open);
            if let Some(incident) = latest.last(Network::KakaoTalk) {
                prop_assert_eq!(incident.id.0, opened);
                let bytes = minicbor::to_vec(incident).unwrap();
                prop_assert_eq!(&minicbor::decode::<Incident>(&bytes).unwrap(), incident);
            }
        }
    }
}
