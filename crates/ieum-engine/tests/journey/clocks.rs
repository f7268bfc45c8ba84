//! The machine's clock jumps: nobody waits for an hour that never was.

use crate::town::{Mood, Town};
use ieum_core::network::Network::{Line, Telegram};

const HOUR_MS: i64 = 3_600_000;

/// 유나 writes in a LINE room; 민지 has Telegram only.
async fn apart() -> Town {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Telegram, "tmin")]).await;
    let yuna = town.person("유나", &[(Line, "Uyuna")]).await;
    town.comes(Line, "Croom", &["Uyuna"]).await;
    town.group("가족", &[minji, yuna], &[(Line, "Croom")]).await;
    town
}

async fn seen_in_time(town: &Town) {
    for text in ["하나", "둘", "셋"] {
        let screen = town.telegram.screen();
        let times = screen.iter().filter(|seen| seen.contains(text)).count();
        assert_eq!(times, 1, "{text}: {screen:?}");
    }
    assert_eq!(town.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_planned_by_a_clock_that_was_fast_goes_when_it_is_set_right() {
    let town = apart().await;
    town.clock.set_wrong_by(HOUR_MS);
    town.passes(2_000).await;
    town.telegram.turns(Mood::Hangs);
    town.says(Line, "Croom", "Uyuna", "하나").await;
    town.passes(6_000).await;
    town.clock.set_wrong_by(0);
    town.telegram.turns(Mood::Well);
    town.says(Line, "Croom", "Uyuna", "둘").await;
    town.passes(1_000).await;
    town.says(Line, "Croom", "Uyuna", "셋").await;
    town.passes(150_000).await;
    seen_in_time(&town).await;
}

#[tokio::test(start_paused = true)]
async fn and_when_it_is_set_right_while_the_hub_is_away() {
    let town = apart().await;
    town.clock.set_wrong_by(HOUR_MS);
    town.passes(2_000).await;
    town.telegram.turns(Mood::Hangs);
    town.says(Line, "Croom", "Uyuna", "하나").await;
    town.says(Line, "Croom", "Uyuna", "둘").await;
    town.passes(6_000).await;
    town.clock.set_wrong_by(0);
    town.telegram.turns(Mood::Well);
    let town = town.crash().await;
    town.says(Line, "Croom", "Uyuna", "셋").await;
    town.passes(150_000).await;
    seen_in_time(&town).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_to_and_fro_loses_and_doubles_nothing() {
    let town = apart().await;
    let jumps = [HOUR_MS, 0, -HOUR_MS, 0, -1_500, 3 * HOUR_MS, 0];
    for (number, jump) in jumps.into_iter().enumerate() {
        let mood = if number % 2 == 0 { Mood::Refuses } else { Mood::Well };
        town.telegram.turns(mood);
        town.says(Line, "Croom", "Uyuna", &format!("말 {number}.")).await;
        town.passes(3_000).await;
        town.clock.set_wrong_by(jump);
        town.passes(3_000).await;
    }
    town.telegram.turns(Mood::Well);
    town.passes(150_000).await;
    let screen = town.telegram.screen();
    let told: Vec<usize> = (0..jumps.len())
        .map(|number| screen.iter().filter(|seen| seen.contains(&format!("말 {number}."))).count())
        .collect();
    assert_eq!(told, [1; 7], "{screen:?}");
    assert_eq!(town.open().await, 0);
}
