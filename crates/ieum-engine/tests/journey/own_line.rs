//! Our own line, with control hosts: when they fail as well, nothing moves and nothing is lost.

use crate::town::{Mood, Town};
use ieum_core::health::CellState;
use ieum_core::network::Network::{KakaoTalk, Line};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::control::ControlHost;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A host that answers or does not.
#[derive(Debug, Default)]
struct Lamp {
    number: u32,
    dark: AtomicBool,
    asked: AtomicU64,
}

impl ControlHost for Lamp {
    fn number(&self) -> u32 {
        self.number
    }

    fn answers(&self) -> BoxFuture<'_, bool> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let good = !self.dark.load(Ordering::Relaxed);
        Box::pin(async move { good })
    }
}

/// 할머니 is on KakaoTalk and LINE; 유나 writes in a LINE room.
async fn lit() -> (Town, [Arc<Lamp>; 2]) {
    let town = Town::new().await;
    let halmeoni = town.person("할머니", &[(KakaoTalk, "khal"), (Line, "Uhal")]).await;
    town.comes(Line, "Croom", &["Uyuna"]).await;
    town.group("가족", &[halmeoni], &[(Line, "Croom")]).await;
    let lamps = [0, 1].map(|number| Arc::new(Lamp { number, ..Lamp::default() }));
    town.hub.ask_control_hosts(lamps.iter().map(|lamp| Arc::clone(lamp) as _).collect());
    (town, lamps)
}

fn asked(lamps: &[Arc<Lamp>; 2]) -> [u64; 2] {
    lamps.each_ref().map(|lamp| lamp.asked.load(Ordering::Relaxed))
}

fn states(town: &Town) -> Vec<CellState> {
    town.hub.health().into_iter().map(|view| view.state).collect()
}

#[tokio::test(start_paused = true)]
async fn hosts_are_asked_seldom_while_all_is_well_and_at_once_when_it_is_not() {
    let (town, lamps) = lit().await;
    town.passes(160_000).await;
    let calm = asked(&lamps);
    assert!(calm.iter().all(|times| (8..=11).contains(times)), "every 15 s: {calm:?}");
    town.kakaotalk.turns(Mood::Refuses);
    town.says(Line, "Croom", "Uyuna", "밥 먹었어?").await;
    town.passes(2_500).await;
    let failing = asked(&lamps);
    for (before, after) in calm.iter().zip(failing) {
        assert!((before + 1..=before + 3).contains(&after), "{before} then {after}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_our_own_line_is_cut_nothing_moves_and_then_all_goes() {
    let (town, lamps) = lit().await;
    town.passes(60_000).await;
    let scripts = [&town.kakaotalk, &town.line, &town.telegram, &town.matrix];
    let cut = |cut: bool| {
        let mood = if cut { Mood::Refuses } else { Mood::Well };
        scripts.iter().for_each(|script| script.turns(mood));
        lamps.iter().for_each(|lamp| lamp.dark.store(cut, Ordering::Relaxed));
    };
    cut(true);
    town.says(Line, "Croom", "Uyuna", "하나").await;
    town.passes(60_000).await;
    assert!(states(&town).iter().all(|state| *state == CellState::Up), "{:?}", states(&town));
    cut(false);
    town.passes(60_000).await;
    let seen =
        |screen: Vec<String>| screen.into_iter().filter(|line| line.contains("하나")).count();
    assert_eq!(seen(town.kakaotalk.screen()), 1, "{:?}", town.kakaotalk.screen());
    let by_line = town.line.screen().into_iter().filter(|line| line.starts_with("Uhal:")).count();
    assert_eq!((by_line, town.open().await), (0, 0), "by no other way");
}

#[tokio::test(start_paused = true)]
async fn hosts_are_left_alone_once_the_hub_stopped() {
    let (town, lamps) = lit().await;
    town.passes(20_000).await;
    town.hub.stop().await;
    let before = asked(&lamps);
    assert!(before[0] > 0);
    town.hub.ask_control_hosts(lamps.iter().map(|lamp| Arc::clone(lamp) as _).collect());
    town.passes(60_000).await;
    assert_eq!(asked(&lamps), before);
}
