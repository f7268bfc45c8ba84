//! Contacts over a running hub: a talk begins by the consent of both and ends by one.

use super::links::writes;
use super::town::Town;
use ieum_core::network::Network::{Line, Telegram};
use ieum_core::people::contacts::Standing;

#[tokio::test(start_paused = true)]
async fn a_talk_begins_when_both_want_it_and_a_block_ends_it_unseen() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    town.hub.take_handle(yuna, Some("yuna")).await.unwrap();
    town.hub.request_contact(minji, "@yuna").await.unwrap();
    let seen = writes(&town, Line, "Uminji", "들려?").await;
    assert!(seen.iter().all(|line| line.starts_with("Uminji: ")), "not before the yes: {seen:?}");
    town.hub.answer_contact(yuna, minji, Standing::Accepted).await.unwrap();
    let seen = writes(&town, Line, "Uminji", "이제 들려?").await;
    assert!(seen.iter().any(|line| line.starts_with("77: ") && line.ends_with("이제 들려?")));
    town.hub.answer_contact(yuna, minji, Standing::Blocked).await.unwrap();
    let town = town.crash().await;
    let seen = writes(&town, Line, "Uminji", "또 나야").await;
    assert_eq!(seen, Vec::<String>::new(), "nothing arrives, and nothing is told");
    assert_eq!(town.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn each_request_is_one_durable_write_whomever_it_finds() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    town.hub.take_handle(yuna, Some("yuna")).await.unwrap();
    town.hub.request_contact(minji, "yuna").await.unwrap();
    town.hub.answer_contact(yuna, minji, Standing::Ignored).await.unwrap();
    for handle in ["yuna", "nobody"] {
        let before = town.store_counts().await.journal;
        town.hub.request_contact(minji, handle).await.unwrap();
        assert_eq!(town.store_counts().await.journal, before + 1, "{handle}");
    }
}
