//! Networks hand events in again, minutes later too: what a person asked for is done once, and
//! what they did since then stands.

use super::links::writes;
use super::town::Town;
use ieum_core::directory::Purpose;
use ieum_core::ids::{NativeMessageId, PersonId, UserKey};
use ieum_core::inbound::{InboundKind, InboundMessage, Sender};
use ieum_core::network::ChatKind::{Direct, Group};
use ieum_core::network::Network::{KakaoTalk, Line, Telegram};

const MINJI: (&str, ieum_core::network::ChatKind) = ("kminji", Direct);

/// 민지 on KakaoTalk talks with 유나 (Telegram) and with 준호 (LINE).
async fn town() -> (Town, PersonId) {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    let junho = town.person("준호", &[(Line, "Ujunho")]).await;
    town.group("하나", &[minji, yuna], &[]).await;
    town.group("둘", &[minji, junho], &[]).await;
    (town, minji)
}

/// What 민지 writes now, and its number for a repetition.
async fn numbered(town: &Town, text: &str) -> (String, InboundKind) {
    let number = town.says_as(KakaoTalk, MINJI, "kminji", text, None).await;
    town.passes(1_500).await;
    let message = InboundMessage {
        native: NativeMessageId::new(number.as_str()),
        text: text.to_owned(),
        ..InboundMessage::default()
    };
    (number, InboundKind::Message(message))
}

async fn again(town: &Town, (number, kind): (String, InboundKind)) {
    town.repeats(KakaoTalk, MINJI, "kminji", &number, kind).await;
    town.passes(1_500).await;
}

#[tokio::test(start_paused = true)]
async fn a_repeated_message_does_not_turn_the_chat_back_to_its_conversation() {
    let (town, _) = town().await;
    let first = numbered(&town, "@하나 나 민지").await;
    writes(&town, KakaoTalk, "kminji", "@둘 여기도").await;
    again(&town, first).await;
    let seen = writes(&town, KakaoTalk, "kminji", "둘에게만 하는 말").await;
    assert!(seen.iter().all(|line| line.starts_with("Ujunho")), "{seen:?}");
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_repeated_stop_does_not_undo_a_resume_after_a_crash_neither() {
    let (town, minji) = town().await;
    let stop = numbered(&town, "그만").await;
    writes(&town, KakaoTalk, "kminji", "다시").await;
    again(&town, stop.clone()).await;
    let town = town.crash().await;
    again(&town, stop).await;
    let agrees = town.hub.with_directory(|directory| {
        directory.person(minji).is_some_and(|one| one.agreed(KakaoTalk, Purpose::Talk))
    });
    assert!(agrees);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_leaving_does_not_take_out_who_came_back() {
    let (town, _) = town().await;
    town.group("방", &[], &[(Line, "r1"), (Telegram, "-5")]).await;
    let users = |user: &str| vec![Sender { key: UserKey::new(user), name: None }];
    let comes = || InboundKind::PeopleJoined(users("Ujunho"));
    let goes = || InboundKind::PeopleLeft(users("Ujunho"));
    town.happens(Line, ("r1", Group), "Ujunho", comes()).await;
    let left = town.happens(Line, ("r1", Group), "Ujunho", goes()).await;
    let inside = |town: &Town| {
        town.hub.with_directory(|directory| {
            directory.rooms().find(|room| room.chat.as_str() == "r1").unwrap().present.len()
        })
    };
    assert_eq!(inside(&town), 0);
    town.happens(Line, ("r1", Group), "Ujunho", comes()).await;
    town.repeats(Line, ("r1", Group), "Ujunho", &left, goes()).await;
    assert_eq!(inside(&town), 1);
}
