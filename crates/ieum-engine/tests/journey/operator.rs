//! The operator is told about incidents, once, whatever fails meanwhile.

use crate::town::{Mood, Town};
use ieum_core::directory::Change;
use ieum_core::health::hold::Hold;
use ieum_core::health::{Cell, CellState, Function, Surface};
use ieum_core::ids::IncidentId;
use ieum_core::network::Network::{KakaoTalk, Line};
use ieum_core::ports::clock::Clock;
use ieum_core::ports::store::Store;
use ieum_core::telling::Stage;
use std::sync::atomic::Ordering;

const KAKAOTALK: Cell =
    Cell { network: KakaoTalk, function: Function::Send, surface: Surface::Api };

fn stages(town: &Town) -> Vec<Stage> {
    town.operator.told.lock().unwrap().iter().map(|word| word.stage).collect()
}

/// What the store knows of who was told about the first incident.
async fn kept(town: &Town) -> Vec<Stage> {
    let incident = town.hub.store().incident(IncidentId(1)).await.unwrap();
    let (incident, _) = incident.expect("an incident");
    incident.tellings.iter().map(|telling| telling.stage).collect()
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_when_it_begins_and_when_it_is_over() {
    let town = Town::new().await;
    let halmeoni = town.person("할머니", &[(KakaoTalk, "khal")]).await;
    let yuna = town.person("유나", &[(Line, "Uyuna")]).await;
    town.comes(Line, "Croom", &["Uyuna"]).await;
    town.group("가족", &[halmeoni, yuna], &[(Line, "Croom")]).await;
    town.kakaotalk.turns(Mood::Refuses);
    town.says(Line, "Croom", "Uyuna", "밥 먹었어?").await;
    town.passes(60_000).await;
    assert_eq!(stages(&town)[0], Stage::Opened);
    town.kakaotalk.turns(Mood::Well);
    town.passes(900_000).await;
    let told = town.operator.told.lock().unwrap().clone();
    assert_eq!(told.last().unwrap().stage, Stage::Closed, "{told:?}");
    assert!(told[0].korean.contains("카톡 장애 #1 시작"), "{}", told[0].korean);
    assert!(told[0].english.contains("incident #1 began"), "{}", told[0].english);
    let ids: std::collections::BTreeSet<_> = told.iter().map(|word| &word.id).collect();
    assert_eq!(ids.len(), told.len(), "each word is another");
    assert_eq!(kept(&town).await, stages(&town), "and the incident says who was told");
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_fails_is_told_later_and_once() {
    let town = Town::new().await;
    town.operator.refusals.store(4, Ordering::Relaxed);
    town.hub.hold_cell(KAKAOTALK, CellState::Down, "당직").await.unwrap();
    town.passes(2_000).await;
    assert_eq!(stages(&town), []);
    assert_eq!(kept(&town).await, [], "nobody was told");
    town.passes(60_000).await;
    assert_eq!(stages(&town), [Stage::Opened]);
    town.passes(3_600_000).await;
    assert_eq!(stages(&town), [Stage::Opened], "once");
}

#[tokio::test(start_paused = true)]
async fn what_a_channel_missed_while_it_was_away_is_told_as_it_is_now() {
    let town = Town::new().await;
    town.operator.refusals.store(5, Ordering::Relaxed);
    town.hub.hold_cell(KAKAOTALK, CellState::Down, "당직").await.unwrap();
    town.passes(10_000).await;
    town.hub.release_cell(KAKAOTALK).await.unwrap();
    town.passes(900_000).await;
    assert_eq!(stages(&town).last(), Some(&Stage::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_crash_neither_forgets_nor_repeats_a_word() {
    let town = Town::new().await;
    town.operator.refusals.store(u64::MAX, Ordering::Relaxed);
    town.hub.hold_cell(KAKAOTALK, CellState::Down, "당직").await.unwrap();
    town.passes(10_000).await;
    let town = town.crash().await;
    town.operator.refusals.store(0, Ordering::Relaxed);
    town.passes(30_000).await;
    assert_eq!(stages(&town)[..1], [Stage::Opened], "told by the next hub");
    let told = stages(&town);
    let town = town.crash().await;
    town.passes(30_000).await;
    let again = stages(&town);
    assert_eq!(again[..told.len()], told[..]);
    assert!(!again[told.len()..].contains(&Stage::Opened), "{again:?}");
    assert_eq!(kept(&town).await, again);
}

async fn open_incidents(town: &Town) -> usize {
    let page = town.hub.store().page_incidents(IncidentId(u64::MAX), 100).await.unwrap();
    page.iter().filter(|incident| incident.is_open()).count()
}

#[tokio::test(start_paused = true)]
async fn the_operators_word_outlives_a_crash() {
    let town = Town::new().await;
    town.hub.hold_cell(KAKAOTALK, CellState::Down, "당직").await.unwrap();
    let town = town.crash().await;
    town.passes(600_000).await;
    let state = |town: &Town| {
        let view = town.hub.health();
        view.into_iter().find(|view| view.cell == KAKAOTALK).map(|view| view.state)
    };
    assert_eq!(state(&town), Some(CellState::Down), "whatever the hub sees");
    assert_eq!((open_incidents(&town).await, stages(&town)), (1, vec![Stage::Opened]));
    town.hub.release_cell(KAKAOTALK).await.unwrap();
    town.passes(900_000).await;
    assert_eq!((open_incidents(&town).await, stages(&town).last()), (0, Some(&Stage::Closed)));
}

#[tokio::test(start_paused = true)]
async fn an_incident_that_a_crash_left_open_ends() {
    let town = Town::new().await;
    let halmeoni = town.person("할머니", &[(KakaoTalk, "khal")]).await;
    town.comes(Line, "Croom", &["Uyuna"]).await;
    town.group("가족", &[halmeoni], &[(Line, "Croom")]).await;
    town.kakaotalk.turns(Mood::Refuses);
    town.says(Line, "Croom", "Uyuna", "밥 먹었어?").await;
    town.passes(60_000).await;
    assert_eq!(open_incidents(&town).await, 1);
    town.kakaotalk.turns(Mood::Well);
    let town = town.crash().await;
    town.passes(60_000).await;
    assert_eq!(open_incidents(&town).await, 0);
    assert_eq!(stages(&town).last(), Some(&Stage::Closed));
    assert_eq!(town.open().await, 0, "and what waited went");
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_hangs_delays_neither_messages_nor_the_end() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Line, "Uminji")]).await;
    town.comes(Line, "Croom", &["Uyuna"]).await;
    town.group("가족", &[minji], &[(Line, "Croom")]).await;
    town.operator.hangs.store(true, Ordering::Relaxed);
    town.hub.hold_cell(KAKAOTALK, CellState::Down, "당직").await.unwrap();
    town.passes(1_000).await;
    town.says(Line, "Croom", "Uyuna", "안녕").await;
    town.passes(1_000).await;
    assert!(town.line.screen().iter().any(|seen| seen.contains("안녕")));
    town.hub.stop().await;
    assert_eq!(stages(&town), []);
}

fn state_of(town: &Town, cell: Cell) -> CellState {
    let views = town.hub.health();
    views.into_iter().find(|view| view.cell == cell).map_or(CellState::Up, |view| view.state)
}

/// Whose word holds KakaoTalk.
fn holder(town: &Town) -> Option<String> {
    town.hub.with_directory(|directory| directory.hold_of(KAKAOTALK).map(|one| one.by.to_string()))
}

#[tokio::test(start_paused = true)]
async fn a_word_stands_through_crashes_until_it_is_taken_back() {
    let town = Town::new().await;
    for state in [CellState::Down, CellState::Up] {
        town.hub.hold_cell(KAKAOTALK, state, "당직").await.unwrap();
    }
    town.hub.hold_cell(KAKAOTALK, CellState::Down, "민지").await.unwrap();
    let town = town.crash().await.crash().await;
    town.passes(60_000).await;
    assert_eq!(state_of(&town, KAKAOTALK), CellState::Down, "though all is well");
    assert_eq!(holder(&town).as_deref(), Some("민지"), "the last word counts");
    town.hub.release_cell(KAKAOTALK).await.unwrap();
    let town = town.crash().await;
    town.passes(60_000).await;
    assert_eq!((state_of(&town, KAKAOTALK), holder(&town)), (CellState::Up, None));
    assert!(town.incident(1).await.0.closed_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_held_up_is_not_left_after_a_restart_whatever_fails() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Line, "Uyuna")]).await;
    town.group("둘", &[minji, yuna], &[]).await;
    town.hub.hold_cell(KAKAOTALK, CellState::Up, "당직").await.unwrap();
    let town = town.crash().await;
    for user in ["a", "b", "c"] {
        town.person(user, &[(KakaoTalk, user)]).await;
    }
    town.kakaotalk.turns(Mood::Refuses);
    for n in 0..5 {
        town.says_as(
            Line,
            ("Uyuna", ieum_core::network::ChatKind::Direct),
            "Uyuna",
            &format!("{n}"),
            None,
        )
        .await;
        town.passes(5_000).await;
    }
    assert_eq!(state_of(&town, KAKAOTALK), CellState::Up);
}

/// The hub died between the word and what follows from it.
#[tokio::test(start_paused = true)]
async fn a_word_that_nothing_followed_from_yet_is_followed_at_the_next_start() {
    let town = Town::new().await;
    let word = Hold::new(KAKAOTALK, CellState::Down, "당직", town.clock.now());
    town.store.change(town.clock.now(), vec![Change::Hold(word)]).await.unwrap();
    let town = town.crash().await;
    assert_eq!(state_of(&town, KAKAOTALK), CellState::Down);
    assert!(town.incident(1).await.0.is_open(), "and an incident tells of it");
    let town = town.crash().await;
    assert_eq!(state_of(&town, KAKAOTALK), CellState::Down);
    let second = town.hub.store().incident(IncidentId(2)).await.unwrap();
    assert!(second.is_none(), "one word is one incident");
}
