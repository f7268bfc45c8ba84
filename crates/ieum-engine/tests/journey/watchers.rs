//! What only eyes can see: messages that a network accepts and does not deliver.

use crate::town::{Mood, Town};
use ieum_core::health::evidence::Rule;
use ieum_core::health::{CellState, Surface};
use ieum_core::ids::ChatKey;
use ieum_core::inbound::ChatRef;
use ieum_core::network::ChatKind;
use ieum_core::network::Network::{KakaoTalk, Line};
use ieum_engine::{Settings, Watcher};

fn watcher(name: &str, surface: Surface) -> Watcher {
    Watcher {
        name: name.to_owned(),
        account: KakaoTalk.word().to_owned(),
        chat: ChatRef { key: ChatKey::new(format!("k{name}")), kind: ChatKind::Group },
        surface,
    }
}

async fn watched(surface: Surface) -> Town {
    let watchers = ["eye1", "eye2", "eye3"].map(|name| watcher(name, surface)).to_vec();
    Town::with(Settings { watchers, ..Settings::default() }).await
}

fn kakao_down(town: &Town, surface: Surface) -> bool {
    let views = town.hub.health();
    let cell = views.iter().find(|view| view.cell.surface == surface);
    cell.is_some_and(|view| view.state == CellState::Down)
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_is_seen_by_watchers_and_new_messages_leave() {
    let town = watched(Surface::Mobile).await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Line, "Uyuna")]).await;
    town.group("가족", &[minji, yuna], &[]).await;
    town.is_watched(120_000, 0).await;
    assert!(town.hub.watchers().iter().all(|one| one.seen_at.is_some() && one.missing_in_row == 0));
    town.kakaotalk.turns(Mood::Swallows);
    town.is_watched(20_000, 0).await;
    assert!(kakao_down(&town, Surface::Mobile), "{:?}", town.hub.health());
    let (incident, _) = town.incident(1).await;
    let grounds = incident.turns.last().unwrap().change.grounds.clone().unwrap();
    assert_eq!(grounds.rule, Rule::Canaries);
    let direct = (("Uyuna", ChatKind::Direct), "Uyuna");
    town.says_as(Line, direct.0, direct.1, "들려?", None).await;
    town.passes(3_000).await;
    let line = town.line.screen();
    assert!(
        line.iter().any(|seen| seen.starts_with("Uminji:") && seen.contains("들려?")),
        "{line:?}"
    );
    town.kakaotalk.turns(Mood::Well);
    town.is_watched(600_000, 0).await;
    assert!(!kakao_down(&town, Surface::Mobile), "{:?}", town.hub.health());
}

#[tokio::test(start_paused = true)]
async fn what_is_late_gives_its_penalty_back() {
    let town = watched(Surface::Mobile).await;
    // Every canary is seen, four seconds after it left: slow, and no outage.
    town.is_watched(900_000, 4_000).await;
    assert!(!kakao_down(&town, Surface::Mobile), "{:?}", town.hub.health());
}

#[tokio::test(start_paused = true)]
async fn pcs_alone_do_not_take_a_network_down() {
    let town = watched(Surface::Pc).await;
    town.is_watched(60_000, 0).await;
    town.kakaotalk.turns(Mood::Swallows);
    town.is_watched(60_000, 0).await;
    assert!(kakao_down(&town, Surface::Pc), "{:?}", town.hub.health());
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Line, "Uyuna")]).await;
    town.group("가족", &[minji, yuna], &[]).await;
    town.says_as(Line, ("Uyuna", ChatKind::Direct), "Uyuna", "폰은 되지?", None).await;
    town.passes(3_000).await;
    assert!(town.line.screen().is_empty(), "it stays where phones are: {:?}", town.line.screen());
}

#[tokio::test(start_paused = true)]
async fn words_that_are_no_canary_and_watchers_that_are_not_there_change_nothing() {
    let town = watched(Surface::Mobile).await;
    assert_eq!(town.hub.seen("nobody", "#ieum-000000").await, None);
    let seen = town.hub.seen("eye1", "안녕하세요").await;
    assert_eq!(seen, Some(ieum_engine::Seen::Nothing));
    assert!(town.hub.watchers()[0].seen_at.is_none());
}
