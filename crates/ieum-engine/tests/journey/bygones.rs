//! Conversations brought along: kept once, owed to nobody.

use super::town::Town;
use ieum_core::content::{Content, What};
use ieum_core::ids::{ConversationId, MessageSeq};
use ieum_core::message::Author;
use ieum_core::network::Network::{Line, Telegram};
use ieum_core::past;
use ieum_core::ports::store::Store;
use ieum_core::time::Timestamp;
use ieum_engine::{Bygone, BygoneKept, ChangeFailure};

const EXPORT: &str = "--------------- 2023년 5월 10일 수요일 ---------------\n\
    [민지] [오후 3:01] ㅋㅋ\n[민지] [오후 3:01] ㅋㅋ\n[옛친구] [오후 3:02] 둘째\n줄\n";

fn bygones() -> Vec<Bygone> {
    let past = past::read(EXPORT, 540).unwrap();
    let each = past.messages.into_iter().enumerate();
    each.map(|(place, one)| {
        let again = u32::from(place == 1);
        Bygone { author: one.author, at: one.at, text: one.text, again }
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn the_past_is_kept_once_with_its_authors_and_told_to_nobody() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    let talk = town.group("가족", &[minji, yuna], &[(Line, "Croom")]).await;
    let kept = town.hub.keep_past(talk, bygones()).await.unwrap();
    assert_eq!(kept, BygoneKept { kept: 3, known: 0 });
    let town = town.crash().await;
    let again = town.hub.keep_past(talk, bygones()).await.unwrap();
    assert_eq!(again, BygoneKept { kept: 0, known: 3 });
    town.passes(60_000).await;
    assert_eq!([town.line.screen(), town.telegram.screen()].concat(), Vec::<String>::new());
    assert_eq!(town.open().await, 0);
    let found = town.store.page_messages(talk, MessageSeq(u64::MAX), 10).await.unwrap();
    let told: Vec<_> = found
        .iter()
        .rev()
        .map(|one| (one.new.origin_at.0, Content::decode(&one.new.content).unwrap()))
        .map(|(at, content)| {
            let What::Text(text) = content.what() else { panic!("no text: {content:?}") };
            (at, text.to_string())
        })
        .collect();
    let at = 1_683_698_460_000;
    let expected = [(at, "ㅋㅋ"), (at, "ㅋㅋ"), (at + 60_000, "둘째\n줄")];
    assert_eq!(told, expected.map(|(at, text)| (at, text.to_owned())));
    assert_eq!(found[2].new.author, Author::Person(minji));
    let Author::Address(guest) = found[0].new.author else { panic!("{:?}", found[0].new) };
    let name = town.hub.with_directory(|all| all.address(guest).unwrap().name.to_string());
    assert_eq!(name, "옛친구");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_of_the_past_changes_nothing() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Line, "Uminji")]).await;
    let talk = town.group("가족", &[minji], &[]).await;
    let before = town.store_counts().await.journal;
    let bygone = |at| Bygone { author: "민지".into(), at, text: "x".into(), again: 0 };
    let many = vec![bygone(Timestamp(1)); 501];
    let later = bygone(town.hub.now().plus_ms(1));
    let nobody = Bygone { author: " ".into(), ..bygone(Timestamp(1)) };
    for bygones in [many, vec![later], vec![nobody]] {
        let refused = town.hub.keep_past(talk, bygones).await;
        assert!(matches!(refused, Err(ChangeFailure::Invalid(_))), "{refused:?}");
    }
    let nowhere = town.hub.keep_past(ConversationId(9), vec![bygone(Timestamp(1))]).await;
    assert_eq!(nowhere, Err(ChangeFailure::NotFound("conversation")));
    assert_eq!(town.store_counts().await.journal, before);
}
