//! Whose message did not arrive is told so once, whenever the hub dies.

use crate::town::{Mood, Town};
use ieum_core::delivery::{Settlement, Step};
use ieum_core::ids::MessageSeq;
use ieum_core::network::Network::{Line, Telegram};
use ieum_core::outgoing::Scope;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::store::{Moves, Store};

const DEAD: &str = "the chat is closed";

/// 유나 writes in a LINE room; 민지's only chat, on Telegram, is closed.
async fn closed() -> Town {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Telegram, "tmin")]).await;
    let yuna = town.person("유나", &[(Line, "Uyuna")]).await;
    town.comes(Line, "Croom", &["Uyuna"]).await;
    town.group("가족", &[minji, yuna], &[(Line, "Croom")]).await;
    town.telegram.turns(Mood::Closed);
    town
}

fn told(town: &Town) -> usize {
    town.line.screen().iter().filter(|line| line.contains("민지에게 전하지 못했어요")).count()
}

#[tokio::test(start_paused = true)]
async fn an_author_is_told_once_whenever_the_hub_dies() {
    for died_after_ms in [0, 1, 2, 5, 50, 900, 1_100, 20_000] {
        let town = closed().await;
        town.says(Line, "Croom", "Uyuna", "어디야?").await;
        town.passes(died_after_ms).await;
        let town = town.crash().await;
        town.passes(30_000).await;
        assert_eq!(told(&town), 1, "died after {died_after_ms} ms: {:?}", town.line.screen());
        let town = town.crash().await;
        town.passes(30_000).await;
        assert_eq!(told(&town), 1, "nor does a third hub: {:?}", town.line.screen());
    }
}

#[tokio::test(start_paused = true)]
async fn each_message_that_does_not_arrive_is_told_of() {
    let town = closed().await;
    for text in ["하나", "둘", "셋"] {
        town.says(Line, "Croom", "Uyuna", text).await;
        town.passes(5_000).await;
    }
    assert_eq!(told(&town), 3, "{:?}", town.line.screen());
    let town = town.crash().await;
    town.passes(30_000).await;
    assert_eq!((told(&town), town.open().await), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn an_end_that_the_last_hub_did_not_tell_of_is_told_by_the_next() {
    let town = closed().await;
    town.telegram.turns(Mood::Refuses);
    town.says(Line, "Croom", "Uyuna", "어디야?").await;
    town.passes(2_000).await;
    let theirs = town.deliveries_of(MessageSeq(1)).await;
    let open = theirs.iter().find(|one| !one.state.ended()).expect("one that waits");
    // The end became durable, and then the hub died.
    let step = Step::Dead { scope: Scope::Recipient };
    let (at, evidence) = (town.clock.now(), DEAD.into());
    let end = Settlement { delivery: open.seq, step, evidence, at, plus: Vec::new() };
    town.store.apply_moves(Moves { at, moved: vec![end], ..Moves::default() }).await.unwrap();
    assert_eq!(told(&town), 0);
    let town = town.crash().await;
    town.passes(30_000).await;
    assert_eq!(told(&town), 1, "{:?}", town.line.screen());
    let town = town.crash().await;
    town.passes(30_000).await;
    assert_eq!(told(&town), 1, "{:?}", town.line.screen());
}
