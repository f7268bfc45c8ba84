//! Networks that come back: what waits out its own wait leaves when they answer, not later.

use super::links::writes;
use super::town::{Mood, Town};
use ieum_core::network::Network::{Line, Telegram};

/// A network, or all of them with our line, is away for so long; how long after its return the
/// first message arrives.
async fn first_after(away_ms: u64, all: bool) -> u64 {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    town.group("가족", &[minji, yuna], &[]).await;
    town.passes(60_000).await;
    let scripts = [&town.line, &town.telegram, &town.kakaotalk, &town.matrix];
    let cut = |mood| scripts.iter().take(if all { 4 } else { 1 }).for_each(|one| one.turns(mood));
    cut(Mood::Refuses);
    for number in 0..10 {
        writes(&town, Telegram, "77", &format!("말 {number}")).await;
        town.passes(away_ms / 10).await;
    }
    let seen = || town.line.screen().iter().filter(|line| line.contains("말 ")).count();
    assert_eq!(seen(), 0);
    cut(Mood::Well);
    let mut took_ms = 0;
    while seen() == 0 && took_ms < 60_000 {
        town.passes(100).await;
        took_ms += 100;
    }
    town.passes(120_000).await;
    let screen = town.line.screen();
    let said: Vec<&String> = screen.iter().filter(|line| line.contains("말 ")).collect();
    assert_eq!(said.len(), 10, "{said:?}");
    assert!((0..10).all(|number| said[number].contains(&format!("말 {number}"))), "{said:?}");
    assert_eq!(town.open().await, 0);
    took_ms
}

#[tokio::test(start_paused = true)]
async fn the_first_message_leaves_soon_after_the_network_is_back() {
    for away_ms in [2_000, 5_000, 10_000, 20_000, 40_000, 60_000] {
        for all in [false, true] {
            let took_ms = first_after(away_ms, all).await;
            // With all of them away the network is asked more seldom: it may be our own line.
            let most_ms = if all { 8_000 } else { 3_500 };
            assert!(took_ms <= most_ms, "away for {away_ms} ms, all {all}: {took_ms} ms");
        }
    }
}
