//! The rules of routes, and how the book reads the detector.

use super::*;
use crate::ids::RoomId;

fn route(room: u64) -> Route {
    Route { account: AccountId(1), endpoint: Endpoint::Room(RoomId(room)) }
}

fn evidence(room: Option<u64>, good: bool, at: i64) -> OurCall {
    OurCall {
        cell: api_cell(Network::KakaoTalk, Function::Send),
        account: AccountId(1),
        route: room.map(route),
        id: 7,
        good,
        began_at: Timestamp(at),
        at: Timestamp(at),
    }
}

fn down(book: &mut HealthBook) {
    for (at, room) in [(0, 1), (1_500, 2), (3_000, 1), (4_500, 2)] {
        book.observe(evidence(Some(room), false, at));
    }
    assert!(book.network_down(Network::KakaoTalk));
}

#[test]
fn one_sick_room_puts_its_route_down_and_not_the_network() {
    let mut book = HealthBook::default();
    for at in 0..50 {
        assert_eq!(book.observe(evidence(Some(1), false, at)), []);
    }
    assert!(!book.route_down(Network::KakaoTalk, route(1)), "nobody answers: it may be us");
    assert!(!book.has_turned_routes());
    book.observe(evidence(None, true, 50));
    assert_eq!(book.take_turned_routes(), [route(1)], "at the answer, not at the next failure");
    assert!(!book.has_turned_routes());
    assert!(book.route_down(Network::KakaoTalk, route(1)));
    assert!(!book.route_down(Network::KakaoTalk, route(2)));
    assert!(!book.network_down(Network::KakaoTalk));
}

#[test]
fn two_sick_rooms_put_the_network_down_with_the_evidence() {
    let mut book = HealthBook::default();
    for (at, room) in [(0, 1), (2_000, 2), (4_000, 1)] {
        assert_eq!(book.observe(evidence(Some(room), false, at)), []);
    }
    let cell = api_cell(Network::KakaoTalk, Function::Send);
    assert!(book.would_be_down(cell, route(2), Timestamp(4_500)));
    let changes = book.observe(evidence(Some(2), false, 4_500));
    let [change] = changes.as_slice() else { panic!("one change: {changes:?}") };
    assert_eq!((change.from, change.to), (CellState::Up, CellState::Down));
    assert!(change.evidence.contains("sends failed: 12.8, 2 sources"), "{}", change.evidence);
    assert_eq!(change.grounds.as_ref().unwrap().last.len(), 4);
    assert!(book.route_down(Network::KakaoTalk, route(9)), "a down cell covers every route");
    assert!(!book.route_down(Network::Line, route(9)));
}

#[test]
fn three_failures_are_enough_when_signs_of_life_fail_too() {
    let mut book = HealthBook::default();
    for at in 0..2 {
        assert_eq!(book.observe(evidence(None, false, at)), []);
    }
    for at in [1_000, 3_000] {
        assert_eq!(book.observe(evidence(Some(1), false, at)), []);
    }
    assert_eq!(book.observe(evidence(Some(2), false, 5_000)).len(), 1);
    assert!(book.network_down(Network::KakaoTalk));
}

#[test]
fn traffic_returns_in_a_fixed_and_growing_set_of_routes() {
    let mut book = HealthBook::default();
    down(&mut book);
    let open = |book: &HealthBook| -> Vec<u64> {
        let kakao = Network::KakaoTalk;
        (3..2_003).filter(|room| !book.route_down(kakao, route(*room))).collect()
    };
    let mut before = open(&book);
    assert!(before.is_empty());
    let mut sizes = Vec::new();
    for second in 5..400 {
        let at = second * 1_000;
        book.observe(evidence(Some(1), true, at));
        book.tick(Timestamp(at));
        let now = open(&book);
        assert!(before.iter().all(|room| now.contains(room)), "nobody is sent back");
        if now.len() != before.len() {
            sizes.push((second, now.len()));
        }
        before = now;
    }
    let seconds: Vec<i64> = sizes.iter().map(|(second, _)| *second).collect();
    assert_eq!(seconds, [70, 100, 130, 160], "{sizes:?}");
    for ((_, size), share) in sizes.iter().zip([10, 50, 250, 1_000]) {
        assert!(size.abs_diff(2 * share) <= share / 5 + 10, "{sizes:?}");
    }
}

#[test]
fn a_network_that_is_down_is_tried_by_one_message_now_and_then() {
    let mut book = HealthBook::default();
    down(&mut book);
    assert!(!book.trial_due(Network::KakaoTalk, route(9), Timestamp(19_499)));
    assert!(book.trial_due(Network::KakaoTalk, route(9), Timestamp(19_500)));
}

#[test]
fn a_route_is_tried_again_after_a_rest_that_doubles() {
    let mut book = HealthBook::default();
    book.observe(evidence(Some(1), false, 0));
    book.observe(evidence(None, true, 0));
    book.observe(evidence(Some(1), false, 0));
    assert!(!book.trial_due(Network::KakaoTalk, route(1), Timestamp(1_999)));
    assert!(book.trial_due(Network::KakaoTalk, route(1), Timestamp(2_000)));
    book.observe(evidence(Some(1), false, 2_000));
    assert!(!book.trial_due(Network::KakaoTalk, route(1), Timestamp(5_999)));
    assert!(book.trial_due(Network::KakaoTalk, route(1), Timestamp(6_000)));
    book.observe(evidence(Some(1), true, 6_000));
    assert!(!book.route_down(Network::KakaoTalk, route(1)));
}

#[test]
fn a_network_that_answers_again_is_tried_at_once_but_not_at_every_answer() {
    let mut book = HealthBook::default();
    book.observe(evidence(Some(1), false, 0));
    book.observe(evidence(None, true, 1));
    for at in [2, 3_000, 8_000] {
        book.observe(evidence(Some(1), false, at));
    }
    let due = |book: &HealthBook, at| book.trial_due(Network::KakaoTalk, route(1), Timestamp(at));
    book.observe(evidence(None, true, 8_500));
    assert!(!due(&book, 8_500), "it answered all the time: the route rests");
    book.observe(evidence(None, false, 9_000));
    assert!(!due(&book, 9_500));
    book.observe(evidence(None, true, 10_000));
    assert!(due(&book, 10_000));
    book.observe(evidence(Some(1), false, 10_001));
    book.observe(evidence(None, true, 10_500));
    assert!(!due(&book, 10_500), "a second answer is no second coming back");
}

#[test]
fn nothing_is_tried_where_the_operator_keeps_a_network_down() {
    let mut book = HealthBook::default();
    let cell = api_cell(Network::KakaoTalk, Function::Send);
    book.hold(cell, CellState::Down, Timestamp(0));
    let late = Timestamp(10_000_000);
    assert!(book.route_down(Network::KakaoTalk, route(1)));
    assert!(!book.trial_due(Network::KakaoTalk, route(1), late));
    book.release(cell, late);
    assert!(book.trial_due(Network::KakaoTalk, route(1), late));
}

/// How long after the last failure the network is up again, while its answers are good.
fn back_after_ms(mut book: HealthBook, jump_ms: i64) -> i64 {
    let mut told = 4_500 + jump_ms;
    for passed in (0..2_000_000).step_by(1_000) {
        told += 1_000;
        book.observe(evidence(None, true, told));
        book.observe(OurCall { route: Some(route(1)), ..evidence(Some(1), true, told) });
        book.tick(Timestamp(told));
        if book.state(api_cell(Network::KakaoTalk, Function::Send)) == CellState::Up {
            return passed;
        }
    }
    panic!("it never comes back");
}

#[test]
fn a_clock_that_jumps_neither_hastens_nor_delays_the_return() {
    let mut book = HealthBook::default();
    down(&mut book);
    let usual = back_after_ms(book.clone(), 0);
    assert!(usual > 60_000);
    let delayed = back_after_ms(book.clone(), -3_600_000) - usual;
    assert!((0..=1_000).contains(&delayed), "by what the jump hid: {delayed} ms");
    for jump_ms in [61_000, 3_600_000] {
        let hastened = usual - back_after_ms(book.clone(), jump_ms);
        assert!((0..=10_000).contains(&hastened), "by at most one step: {hastened} ms");
    }
}

/// A call of another network.
fn of_line(good: bool, at: i64) -> OurCall {
    let cell = api_cell(Network::Line, Function::Send);
    OurCall { cell, account: AccountId(2), ..evidence(None, good, at) }
}

#[test]
fn an_answer_that_only_shows_our_line_coming_back_turns_no_route() {
    // Everything failed, then everything answers: nothing says that the room was to blame.
    let mut cut = HealthBook::default();
    for at in [0, 1_000, 2_000] {
        cut.observe(evidence(Some(1), false, at));
        cut.observe(of_line(false, at + 500));
    }
    cut.observe(of_line(true, 3_000));
    assert!(!cut.has_turned_routes() && !cut.route_down(Network::KakaoTalk, route(1)));
    // Long after the failure an answer says nothing about that time.
    let mut late = HealthBook::default();
    for at in [0, 1_000] {
        late.observe(evidence(Some(1), false, at));
    }
    late.observe(of_line(true, 6_001));
    assert!(!late.has_turned_routes());
    late.observe(evidence(Some(1), false, 6_500));
    assert!(late.route_down(Network::KakaoTalk, route(1)), "the next failure does");
}

#[test]
fn failures_that_left_over_a_line_that_works_count_even_after_a_hiccup() {
    let mut book = HealthBook::default();
    book.observe(evidence(Some(1), false, 0));
    book.observe(of_line(false, 100));
    book.observe(of_line(true, 200));
    let began_before = OurCall { began_at: Timestamp(150), ..evidence(Some(1), false, 1_000) };
    book.observe(began_before);
    assert!(!book.route_down(Network::KakaoTalk, route(1)), "it left before the line was back");
    book.observe(evidence(Some(1), false, 1_100));
    assert!(book.route_down(Network::KakaoTalk, route(1)));
}

#[test]
fn a_clock_that_was_set_back_does_not_keep_doubt_waiting() {
    let hour = 3_600_000;
    let mut book = HealthBook::default();
    book.observe(of_line(true, hour));
    let tried_at = Timestamp(hour + 10);
    assert!(!book.answered_since(tried_at), "nobody answered since");
    book.observe(of_line(true, 20_000));
    assert!(book.answered_since(tried_at), "the clock went back an hour, somebody answers");
}

/// Both networks time out at once, as they do for a hub that stood still from 10 s to 40 s.
fn all_time_out(book: &mut HealthBook) {
    for number in 1..=8 {
        let began_at = Timestamp(9_000);
        let call = OurCall { began_at, ..evidence(Some(number), false, 40_000) };
        assert_eq!(book.observe(call), []);
        assert_eq!(book.observe(OurCall { began_at, ..of_line(false, 40_000) }), []);
    }
}

#[test]
fn what_failed_because_we_were_late_is_no_evidence() {
    let mut book = HealthBook::default();
    for second in 0..5 {
        book.beat(Timestamp(second * 2_000));
        book.observe(of_line(true, second * 2_000));
    }
    let (mut before, mut after) = (book.clone(), book.clone());
    // The loop of beats may run before those whose calls timed out, or after them.
    all_time_out(&mut before);
    before.beat(Timestamp(40_000));
    after.beat(Timestamp(40_000));
    all_time_out(&mut after);
    for mut book in [before, after] {
        let api = api_cell(Network::KakaoTalk, Function::Send);
        assert_eq!(book.state(api), CellState::Up);
        assert_eq!(book.detector().own_line_sick_since(), None, "nor is it our line");
        assert!(!book.route_down(Network::KakaoTalk, route(1)));
        // What fails from now on counts.
        for at in [41_000, 42_000] {
            book.beat(Timestamp(at - 500));
            book.observe(of_line(true, at - 100));
            let call = OurCall { began_at: Timestamp(at - 10), ..evidence(Some(1), false, at) };
            book.observe(call);
        }
        assert!(book.route_down(Network::KakaoTalk, route(1)));
    }
}
