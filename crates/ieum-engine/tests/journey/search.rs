//! Searching one's own messages: what was said on any network is found by members alone, as it
//! reads now.

use crate::town::Town;
use ieum_core::ids::NativeMessageId;
use ieum_core::ids::{ConversationId, MessageSeq, PersonId};
use ieum_core::inbound::InboundKind;
use ieum_core::network::{ChatKind, Network};
use ieum_core::search::Query;
use ieum_engine::{Hits, Search, SearchRefusal};

fn looks(person: PersonId, words: &str) -> Search {
    let query = Query::read(words).unwrap();
    Search { person, query, conversation: None, before: None, rows_max: 50 }
}

async fn found(town: &Town, person: PersonId, words: &str) -> Vec<String> {
    town.passes(2_000).await;
    texts(&town.hub.search(looks(person, words)).await.unwrap())
}

fn texts(hits: &Hits) -> Vec<String> {
    let text = |hit: &ieum_engine::Hit| {
        let content = ieum_core::content::Content::decode(&hit.says.new.content).unwrap();
        ieum_core::search::Finding::of(&content).text().unwrap().to_owned()
    };
    hits.hits.iter().map(text).collect()
}

/// 민아 and 준 are in the family, 준 alone is in the class; both have a room of LINE.
async fn two_groups() -> (Town, [PersonId; 2], [ConversationId; 2]) {
    let town = Town::new().await;
    let mina = town.person("민아", &[(Network::Line, "mina")]).await;
    let jun = town.person("준", &[(Network::Line, "jun")]).await;
    let family = town.group("가족", &[mina, jun], &[(Network::Line, "family")]).await;
    let class = town.group("반", &[jun], &[(Network::Line, "class")]).await;
    (town, [mina, jun], [family, class])
}

#[tokio::test(start_paused = true)]
async fn members_find_what_was_said_and_nobody_else_does() {
    let (town, [mina, jun], [_, class]) = two_groups().await;
    town.says(Network::Line, "family", "mina", "김치찌개 먹을 사람?").await;
    town.says(Network::Line, "class", "jun", "숙제는 김치 담그기").await;
    assert_eq!(found(&town, mina, "김치").await, ["김치찌개 먹을 사람?"]);
    assert_eq!(found(&town, jun, "김치").await, ["숙제는 김치 담그기", "김치찌개 먹을 사람?"]);
    let only = Search { conversation: Some(class), ..looks(mina, "김치") };
    assert!(town.hub.search(only).await.unwrap().hits.is_empty());
    let nobody = town.hub.search(looks(PersonId(99), "김치")).await;
    assert_eq!(nobody, Err(SearchRefusal::NoPerson));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_finds_nothing_any_more_and_who_comes_finds_all() {
    let (town, [mina, jun], [family, class]) = two_groups().await;
    town.says(Network::Line, "family", "jun", "열쇠는 화분 밑").await;
    town.says(Network::Line, "class", "jun", "열쇠는 서랍").await;
    assert_eq!(found(&town, mina, "열쇠").await, ["열쇠는 화분 밑"]);
    town.hub.remove_member(family, mina).await.unwrap();
    town.hub.add_member(class, mina).await.unwrap();
    assert_eq!(found(&town, mina, "열쇠").await, ["열쇠는 서랍"]);
    assert_eq!(found(&town, jun, "열쇠").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_text_is_found_as_it_reads_now() {
    let (town, [mina, _], _) = two_groups().await;
    let room = ("family", ChatKind::Group);
    let native = town.says(Network::Line, "family", "mina", "7시에 만나").await;
    assert_eq!(found(&town, mina, "7시").await, ["7시에 만나"]);
    let target = NativeMessageId::new(native.as_str());
    let edit =
        InboundKind::Edit {
            native: target.clone(), text: "8시에 만나".to_owned(), marks: vec![]
        };
    town.happens(Network::Line, room, "mina", edit).await;
    assert_eq!(found(&town, mina, "만나").await, ["8시에 만나"]);
    assert!(found(&town, mina, "7시").await.is_empty());
    let withdrawal = InboundKind::Withdrawal { native: target };
    town.happens(Network::Line, room, "mina", withdrawal).await;
    assert!(found(&town, mina, "만나").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_index_that_was_lost_is_made_anew_and_pages_are_whole() {
    let (town, [mina, _], _) = two_groups().await;
    for number in 0..150 {
        town.says(Network::Line, "family", "jun", &format!("소식 {number}")).await;
    }
    // The town's index is not kept over a crash.
    let town = town.crash().await;
    town.passes(5_000).await;
    let (mut all, mut before): (Vec<String>, Option<MessageSeq>) = (Vec::new(), None);
    loop {
        let hits = town.hub.search(Search { before, ..looks(mina, "소식") }).await.unwrap();
        all.extend(texts(&hits));
        before = hits.older_before;
        if before.is_none() {
            break;
        }
    }
    let wanted: Vec<_> = (0..150).rev().map(|number| format!("소식 {number}")).collect();
    assert_eq!(all, wanted);
}
