//! What outlived its lifetime while a network was away is told together, once.

use crate::town::{Mood, Town};
use ieum_core::delivery::State;
use ieum_core::ids::MessageSeq;
use ieum_core::network::Network::{KakaoTalk, Line};
use ieum_engine::Settings;

/// 할머니 has KakaoTalk only; 유나 writes from a LINE room. What is ten minutes old is too old.
async fn apart() -> Town {
    let town = Town::with(Settings { chat_lifetime_ms: 600_000, ..Settings::default() }).await;
    let halmeoni = town.person("할머니", &[(KakaoTalk, "khal")]).await;
    let yuna = town.person("유나", &[(Line, "Uyuna")]).await;
    town.comes(Line, "Croom", &["Uyuna"]).await;
    town.group("가족", &[halmeoni, yuna], &[(Line, "Croom")]).await;
    town
}

#[tokio::test(start_paused = true)]
async fn what_is_too_late_to_be_sent_one_by_one_comes_in_one_message() {
    let town = apart().await;
    town.kakaotalk.turns(Mood::Refuses);
    for text in ["밥 먹었어?", "전화해", "걱정되네"] {
        town.says(Line, "Croom", "Uyuna", text).await;
        town.passes(1_000).await;
    }
    town.passes(700_000).await;
    town.says(Line, "Croom", "Uyuna", "아직 안 돼?").await;
    town.passes(2_000).await;
    town.kakaotalk.turns(Mood::Well);
    town.passes(400_000).await;
    let screen = town.kakaotalk.screen();
    let digests: Vec<_> = screen.iter().filter(|seen| seen.contains("모아서")).collect();
    assert_eq!(digests.len(), 1, "{screen:?}");
    expect_test::expect![[r#"
        khal: 너무 늦어진 메시지 3개를 모아서 보내요.
        14:52 유나: 밥 먹었어?
        14:52 유나: 전화해
        14:52 유나: 걱정되네"#]]
    .assert_eq(digests[0]);
    assert!(screen.iter().any(|seen| seen.contains("아직 안 돼?")), "in time: {screen:?}");
    assert_eq!(town.open().await, 0);
    // Nobody is told that it could not be delivered.
    let line = town.line.screen();
    assert!(!line.iter().any(|seen| seen.contains("못했어요")), "{line:?}");
}

#[tokio::test(start_paused = true)]
async fn each_of_a_digest_ends_with_its_evidence() {
    let town = apart().await;
    town.kakaotalk.turns(Mood::Refuses);
    let first = MessageSeq(town.store_counts().await.messages + 1);
    town.says(Line, "Croom", "Uyuna", "밥 먹었어?").await;
    town.passes(700_000).await;
    town.kakaotalk.turns(Mood::Well);
    town.passes(400_000).await;
    let deliveries = town.deliveries_of(first).await;
    assert!(deliveries.iter().all(|one| one.state == State::Superseded), "{deliveries:?}");
}

#[tokio::test(start_paused = true)]
async fn a_long_silence_is_told_in_few_lines() {
    let town = apart().await;
    town.kakaotalk.turns(Mood::Refuses);
    for number in 0..60 {
        town.says(Line, "Croom", "Uyuna", &format!("말 {number}")).await;
    }
    town.passes(700_000).await;
    town.kakaotalk.turns(Mood::Well);
    town.passes(400_000).await;
    let screen = town.kakaotalk.screen();
    let digest = screen.iter().find(|seen| seen.contains("60개를 모아서")).expect("a digest");
    assert!(digest.contains("말 39") && !digest.contains("말 40"), "{digest}");
    assert!(digest.ends_with("그 밖에 20개"), "{digest}");
}
