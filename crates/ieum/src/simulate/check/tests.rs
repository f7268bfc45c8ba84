//! Each promise is broken on purpose on a screen of paper, and the checkers must say so.

use super::super::ledger::Entry;
use super::super::people::{Group, People, Someone};
use super::*;
use crate::mark::marked;
use ieum_lab::Surface;
use std::sync::Arc;

/// p0 in the KakaoTalk room, p1 in the LINE room with an agreed second address on Telegram, p2 in
/// the LINE room with one on KakaoTalk that was not agreed to.
fn ledger() -> Ledger {
    let someone = |number: usize, home, second, agreed| Someone {
        name: format!("p{number}"),
        home,
        second,
        agreed,
        group: 0,
    };
    let people = People {
        all: vec![
            someone(0, Network::KakaoTalk, None, false),
            someone(1, Network::Line, Some(Network::Telegram), true),
            someone(2, Network::Line, Some(Network::KakaoTalk), false),
        ],
        groups: vec![Group {
            people: vec![0, 1, 2],
            rooms: [(Network::KakaoTalk, vec![0]), (Network::Line, vec![1, 2])].into(),
        }],
    };
    let mut ledger = Ledger::new(Arc::new(people));
    for number in 0..3 {
        ledger.said(Entry {
            author: 0,
            network: Network::KakaoTalk,
            in_room: true,
            said_at: Timestamp(number * 1_000),
            native: number.to_string(),
            acknowledged_at: Some(Timestamp(number * 1_000 + 100)),
            taken: Vec::new(),
            sights: Vec::new(),
        });
    }
    ledger
}

struct Shown {
    person: &'static str,
    network: ieum_lab::Network,
    chat: &'static str,
    message: u64,
    number: usize,
    label: &'static str,
}

const IN_ROOM: Shown = Shown {
    person: "p1",
    network: ieum_lab::Network::Line,
    chat: "g0",
    message: 1,
    number: 0,
    label: "",
};

const INSTEAD: &str = "[LINE 지연 · 대신 보냄 #7F2A 13:44]\n";

fn check(ledger: &mut Ledger, shown: &[Shown]) -> Checks {
    let mut checks = Checks::default();
    for one in shown {
        let line = Line {
            network: one.network,
            chat: one.chat.to_owned(),
            message: one.message.to_string(),
            author: "bot".to_owned(),
            author_name: "이음".to_owned(),
            own: false,
            kind: "text",
            text: format!("{}{}", one.label, marked("안녕", one.number)),
            sent_at: Timestamp(5_000),
            shown_at: Timestamp(5_000),
            surface: Surface::Mobile,
            copy: 1,
            reply_to: None,
            quote: None,
            edited: false,
            withdrawn: false,
            reactions: BTreeMap::new(),
            buttons: Vec::new(),
            file: None,
        };
        checks.look(ledger, vec![((one.network, one.person.to_owned()), vec![line])]);
    }
    checks
}

#[test]
fn what_is_right_is_not_complained_about() {
    let mut ledger = ledger();
    let (second, third) =
        (Shown { message: 2, number: 1, ..IN_ROOM }, Shown { message: 3, number: 2, ..IN_ROOM });
    let checks = check(&mut ledger, &[IN_ROOM, second, third]);
    assert!(checks.told.is_empty(), "{:?}", checks.told);
    let totals = totals(&ledger);
    assert_eq!((totals.messages, totals.duplicates_labelled, totals.failed_over), (3, 0, 0));
}

#[test]
fn a_second_copy_without_a_label_is_told_and_one_with_a_label_counted() {
    let mut ledger = ledger();
    let again = Shown { message: 2, ..IN_ROOM };
    assert_eq!(check(&mut ledger, &[IN_ROOM, again]).duplicates_unlabelled, 1);
    let label = "[다시 보냄 · 두 번 보일 수 있음 #7F2A 13:44]\n";
    let labelled = Shown { message: 4, number: 1, label, ..IN_ROOM };
    let plain = Shown { message: 3, number: 1, ..IN_ROOM };
    assert_eq!(check(&mut ledger, &[plain, labelled]).duplicates_unlabelled, 0);
    assert_eq!(totals(&ledger).duplicates_labelled, 1);
}

#[test]
fn an_older_message_behind_a_younger_one_is_told() {
    let younger = Shown { message: 1, number: 2, ..IN_ROOM };
    let older = Shown { message: 2, number: 0, ..IN_ROOM };
    assert_eq!(check(&mut ledger(), &[younger, older]).out_of_order, 1);
    // The network took them in order and showed them in another one.
    let older = Shown { message: 1, number: 0, ..IN_ROOM };
    let younger = Shown { message: 2, number: 2, ..IN_ROOM };
    assert_eq!(check(&mut ledger(), &[younger, older]).out_of_order, 0);
}

#[test]
fn nobody_is_reached_where_they_did_not_agree() {
    let reach = |person, network, chat| Shown { person, network, chat, label: INSTEAD, ..IN_ROOM };
    let telegram = || reach("p1", ieum_lab::Network::Telegram, "direct:p1");
    let kakaotalk = || reach("p2", ieum_lab::Network::Kakaotalk, "direct:p2");
    let mut blamed = ledger();
    blamed.blame(Network::Line, Timestamp(4_000));
    assert_eq!(check(&mut blamed, &[telegram()]).without_consent, 0);
    assert_eq!(check(&mut blamed, &[kakaotalk()]).without_consent, 1);
    blamed.withdraws(1, Timestamp(4_999 - i64::try_from(WITHDRAWN_MS).unwrap()));
    assert_eq!(check(&mut blamed, &[telegram()]).without_consent, 1);
}

#[test]
fn a_move_without_evidence_is_told() {
    let moved = || Shown {
        network: ieum_lab::Network::Telegram,
        chat: "direct:p1",
        label: INSTEAD,
        ..IN_ROOM
    };
    let mut ledger = ledger();
    assert_eq!(check(&mut ledger, &[moved()]).early_failovers, 1);
    ledger.blame(Network::Line, Timestamp(5_001));
    assert_eq!(check(&mut ledger, &[moved()]).early_failovers, 1, "evidence came later");
    let mut ledger = tests::ledger();
    ledger.blame(Network::Line, Timestamp(4_000));
    assert_eq!(check(&mut ledger, &[moved()]).early_failovers, 0);
    assert_eq!(totals(&ledger).failed_over, 1);
}

#[test]
fn nothing_comes_back_to_its_author() {
    let author = |network, chat| Shown { person: "p0", network, chat, ..IN_ROOM };
    let kakaotalk = ieum_lab::Network::Kakaotalk;
    assert_eq!(check(&mut ledger(), &[author(kakaotalk, "g0")]).bounced, 1);
    assert_eq!(check(&mut ledger(), &[author(kakaotalk, "direct:p0")]).bounced, 1);
}
