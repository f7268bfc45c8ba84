//! What the operator is told, as tables and as a property over lives of an incident.

use super::*;
use crate::health::{Cell, CellChange, Function, Surface};
use crate::ids::IncidentId;
use crate::network::Network;
use expect_test::expect;
use proptest::prelude::*;

const OPENED: Timestamp = Timestamp(1_716_184_320_000);

fn change(from: CellState, to: CellState) -> CellChange {
    let cell =
        Cell { network: Network::KakaoTalk, function: Function::Send, surface: Surface::Api };
    CellChange { cell, from, to, evidence: "sends failed".into(), grounds: None }
}

fn incident() -> Incident {
    let change = change(CellState::Up, CellState::Down);
    Incident::open(IncidentId(7), OPENED, &change).unwrap()
}

fn told(incident: &mut Incident, stage: Stage, at: Timestamp) {
    let turns = turns_of(incident);
    keep(incident, Telling { channel: "hook".into(), stage, turns, at });
}

#[test]
fn each_stage_is_owed_once_and_changes_are_spread() {
    let mut incident = incident();
    let at = |seconds: u64| OPENED.plus_ms(seconds * 1_000);
    assert_eq!(owed(&incident, "hook", at(0)), Owed::Now(Stage::Opened));
    told(&mut incident, Stage::Opened, at(1));
    assert_eq!(owed(&incident, "hook", at(2)), Owed::Nothing);
    assert_eq!(owed(&incident, "other", at(2)), Owed::Now(Stage::Opened));
    incident.follow(at(10), &change(CellState::Down, CellState::Recovering));
    assert_eq!(owed(&incident, "hook", at(10)), Owed::At(at(61)));
    assert_eq!(owed(&incident, "hook", at(61)), Owed::Now(Stage::Changed));
    assert_eq!(owed(&incident, "hook", Timestamp(0)), Owed::Now(Stage::Changed));
    told(&mut incident, Stage::Changed, at(61));
    assert_eq!(owed(&incident, "hook", at(500)), Owed::Nothing);
    incident.follow(at(62), &change(CellState::Recovering, CellState::Up));
    assert_eq!(
        owed(&incident, "hook", at(62)),
        Owed::Now(Stage::Closed),
        "an end waits for nothing"
    );
    told(&mut incident, Stage::Closed, at(62));
    assert_eq!(owed(&incident, "hook", at(9_999)), Owed::Nothing);
    assert_eq!(owed(&incident, "other", at(9_999)), Owed::Now(Stage::Closed));
}

#[test]
fn old_news_is_not_told_and_what_goes_on_is() {
    let mut incident = incident();
    let week = OPENED.plus_ms(7 * 24 * 3_600_000);
    assert_eq!(owed(&incident, "hook", week), Owed::Now(Stage::Opened));
    incident.follow(OPENED.plus_ms(60_000), &change(CellState::Down, CellState::Up));
    assert_eq!(owed(&incident, "hook", week), Owed::Nothing);
}

#[test]
fn ids_tell_words_apart_and_repetitions_do_not() {
    let mut one = incident();
    let first = id_of(&one, Stage::Opened);
    assert_eq!(first, "7-1716184320000-opened-1");
    told(&mut one, Stage::Opened, OPENED);
    assert_eq!(id_of(&one, Stage::Opened), first);
    one.follow(OPENED, &change(CellState::Down, CellState::Recovering));
    assert_ne!(id_of(&one, Stage::Opened), first);
    assert_ne!(id_of(&one, Stage::Changed), id_of(&one, Stage::Closed));
}

#[test]
fn words_say_what_since_when_and_why() {
    let mut incident = incident();
    expect![[r#"
        [이음] 카톡 장애 #7 시작. 14:52부터.
        보내기: 안 됨
        sends failed"#]]
    .assert_eq(&text(&incident, Stage::Opened, 540, Language::Ko));
    incident.follow(OPENED.plus_ms(360_000), &change(CellState::Down, CellState::Up));
    expect![[r#"
        [Ieum] KakaoTalk: incident #7 is over. From 14:52 to 14:58.
        sending: works
        sends failed"#]]
    .assert_eq(&text(&incident, Stage::Closed, 540, Language::En));
    for stage in [Stage::Opened, Stage::Changed, Stage::Closed] {
        for language in [Language::Ko, Language::En] {
            assert!(text(&incident, stage, 0, language).contains("#7"));
        }
    }
}

#[test]
fn waits_grow_and_end_growing() {
    let waits: Vec<u64> = (1..=14).map(|failures| retry_ms(failures, 500)).collect();
    assert_eq!(waits[..4], [2_000, 4_000, 8_000, 16_000]);
    assert_eq!(waits[13], RETRY_MS_MAX);
    assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
    assert!(retry_ms(u32::MAX, u64::MAX) <= RETRY_MS_MAX * 5 / 4);
}

#[test]
fn tellings_stay_few_and_keep_their_ends() {
    let mut incident = incident();
    told(&mut incident, Stage::Opened, OPENED);
    (0..200).for_each(|_| told(&mut incident, Stage::Changed, OPENED));
    told(&mut incident, Stage::Closed, OPENED);
    assert_eq!(incident.tellings.len(), TELLINGS_MAX);
    assert_eq!(incident.tellings[0].stage, Stage::Opened);
    assert_eq!(incident.tellings.last().unwrap().stage, Stage::Closed);
}

proptest! {
    /// Whatever a network does and whenever the channel works: what it hears is opened at most
    /// once and first, closed at most once and last, and always after a rest.
    #[test]
    fn a_channel_hears_a_story_that_makes_sense(
        life in prop::collection::vec((0_u64..200_000, 0_usize..4, any::<bool>()), 1..60)
    ) {
        let states =
            [CellState::Down, CellState::Degraded, CellState::Recovering, CellState::Up];
        let (mut incident, mut now, mut state) = (incident(), OPENED, CellState::Down);
        for (wait_ms, to, works) in life {
            now = now.plus_ms(wait_ms);
            if incident.is_open() && states[to] != state {
                incident.follow(now, &change(state, states[to]));
                state = states[to];
            }
            if let (Owed::Now(stage), true) = (owed(&incident, "hook", now), works) {
                told(&mut incident, stage, now);
            }
        }
        let story: Vec<_> = incident.tellings.iter().map(|told| told.stage).collect();
        prop_assert!(story.iter().skip(1).all(|stage| *stage != Stage::Opened), "{story:?}");
        let ends = story.iter().filter(|stage| **stage == Stage::Closed).count();
        prop_assert!(ends <= 1 && (ends == 0 || story.last() == Some(&Stage::Closed)));
        for pair in incident.tellings.windows(2) {
            let rested = pair[1].at.ms_since(pair[0].at) >= CHANGED_MS_MIN;
            prop_assert!(rested || pair[1].stage == Stage::Closed);
        }
    }
}
