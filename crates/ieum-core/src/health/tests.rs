//! The rules of the simple health, one a test.

use super::*;
use crate::directory::Endpoint;
use crate::ids::{AccountId, RoomId};

fn route(room: u64) -> Route {
    Route { account: AccountId(1), endpoint: Endpoint::Room(RoomId(room)) }
}

fn evidence(room: Option<u64>, good: bool, at: i64) -> Evidence<'static> {
    Evidence {
        cell: api_cell(Network::KakaoTalk, Function::Send),
        route: room.map(route),
        good,
        at: Timestamp(at),
        reason: "503",
    }
}

#[test]
fn one_sick_room_puts_its_route_down_and_not_the_network() {
    let mut book = HealthBook::default();
    for at in 0..5 {
        assert_eq!(book.observe(evidence(Some(1), false, at)), None);
    }
    assert!(book.route_down(Network::KakaoTalk, route(1)));
    assert!(!book.route_down(Network::KakaoTalk, route(2)));
    assert!(!book.network_down(Network::KakaoTalk));
}

#[test]
fn two_sick_rooms_put_the_network_down_with_the_evidence() {
    let mut book = HealthBook::default();
    assert_eq!(book.observe(evidence(Some(1), false, 0)), None);
    assert_eq!(book.observe(evidence(Some(2), false, 1)), None);
    let change = book.observe(evidence(Some(1), false, 2)).expect("the cell turns");
    assert_eq!((change.from, change.to), (CellState::Up, CellState::Down));
    assert!(change.evidence.contains("3 failures in a row on 2 routes"), "{}", change.evidence);
    assert!(book.route_down(Network::KakaoTalk, route(9)), "a down cell covers every route");
    assert!(!book.route_down(Network::Line, route(9)));
}

#[test]
fn a_success_between_starts_the_count_again() {
    let mut book = HealthBook::default();
    for at in 0..10 {
        assert_eq!(book.observe(evidence(Some(1), at % 2 == 0, at)), None);
        assert_eq!(book.observe(evidence(Some(2), at % 2 == 0, at)), None);
    }
    assert!(!book.network_down(Network::KakaoTalk));
}

#[test]
fn probes_bring_a_cell_back_only_after_its_rest() {
    let mut book = HealthBook::default();
    for at in 0..3 {
        book.observe(evidence(None, false, at));
    }
    assert!(book.network_down(Network::KakaoTalk));
    for at in 3..8 {
        assert_eq!(book.observe(evidence(None, true, at)), None, "too early");
    }
    let change = book.observe(evidence(None, true, 10_002)).expect("the cell turns");
    assert_eq!(change.to, CellState::Up);
}

#[test]
fn a_route_is_tried_again_after_a_rest_that_doubles() {
    let mut book = HealthBook::default();
    book.observe(evidence(Some(1), false, 0));
    book.observe(evidence(Some(1), false, 0));
    assert!(!book.trial_due(Network::KakaoTalk, route(1), Timestamp(1_999)));
    assert!(book.trial_due(Network::KakaoTalk, route(1), Timestamp(2_000)));
    book.observe(evidence(Some(1), false, 2_000));
    assert!(!book.trial_due(Network::KakaoTalk, route(1), Timestamp(5_999)));
    assert!(book.trial_due(Network::KakaoTalk, route(1), Timestamp(6_000)));
    book.observe(evidence(Some(1), true, 6_000));
    assert!(!book.route_down(Network::KakaoTalk, route(1)));
}
