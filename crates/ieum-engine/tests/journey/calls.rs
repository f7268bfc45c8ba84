//! Journeys of those who are called by name, and of words that are more than plain.

use super::family;
use super::town::Town;
use ieum_core::ids::{AuthorKey, ChatKey, ConversationId, NativeMessageId, PersonId, UserKey};
use ieum_core::inbound::{InboundKind, InboundMessage};
use ieum_core::marks::{Mark, MarkKind, Named};
use ieum_core::message::Class;
use ieum_core::network::ChatKind;
use ieum_core::network::Network::{Line, Matrix, Telegram};
use ieum_engine::Say;

async fn says(town: &Town, text: &str, marks: Vec<Mark<Named>>) {
    let message = InboundMessage {
        native: NativeMessageId::new(text),
        text: text.to_owned(),
        marks,
        ..InboundMessage::default()
    };
    town.happens(Line, ("Croom", ChatKind::Group), "Uyuna", InboundKind::Message(message)).await;
    town.passes(2_000).await;
}

fn user(key: &str) -> MarkKind<Named> {
    MarkKind::Mention(Named::User(UserKey::new(key)))
}

#[tokio::test(start_paused = true)]
async fn whoever_is_called_by_hand_is_notified_where_they_are() {
    let town = family().await;
    says(&town, "@준호야 와? @할머니 @없는이 a@준호", vec![]).await;
    // Each room notifies whom it has; the others stand there by name.
    let telegram = "-1: [LINE] 유나: @준호야 와? @할머니 @없는이 a@준호{@준호=77}";
    assert_eq!(town.telegram.screen(), [telegram]);
    let kakaotalk = "kroom: [LINE] 유나: @준호야 와? @할머니 @없는이 a@준호{@할머니=khal}";
    assert_eq!(town.kakaotalk.screen(), [kakaotalk]);
}

#[tokio::test(start_paused = true)]
async fn whom_a_network_names_is_called_by_the_hubs_name_for_them_everywhere() {
    let town = family().await;
    // 민지 is known on LINE too, and in the KakaoTalk room by another user.
    says(&town, "안녕 @Minji_92! 봐", vec![Mark::new(7..16, user("Uminji"))]).await;
    assert_eq!(town.kakaotalk.screen(), ["kroom: [LINE] 유나: 안녕 @민지! 봐{@민지=kminji}"]);
    assert_eq!(town.telegram.screen(), ["-1: [LINE] 유나: 안녕 @민지! 봐"]);
    // Meant without a place: found by the whole name, else not shown at all.
    says(&town, "민지, 밥?", vec![Mark::new(0..0, user("Uminji"))]).await;
    says(&town, "밥?", vec![Mark::new(0..0, user("Uminji"))]).await;
    let screen = town.kakaotalk.screen();
    assert_eq!(
        screen[1..],
        ["kroom: [LINE] 유나: @민지, 밥?{@민지=kminji}", "kroom: [LINE] 유나: 밥?"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_ghost_stands_for_whoever_speaks_through_it() {
    let town = family().await;
    let room = town.hub.register_room("matrix", ChatKey::new("!m"), "m").await.unwrap();
    town.hub.join_room(ConversationId(1), room).await.unwrap();
    town.says(Telegram, "-1", "77", "나야").await;
    town.passes(2_000).await;
    let key = town.matrix.authors.lock().unwrap().last().unwrap().clone();
    let called = |key: &str| {
        let named = Named::Author(AuthorKey::new(key));
        let message = InboundMessage {
            native: NativeMessageId::new(key),
            text: "준호 · 텔레그램: 와?".to_owned(),
            marks: vec![Mark::new(0..22, MarkKind::Mention(named))],
            ..InboundMessage::default()
        };
        InboundKind::Message(message)
    };
    let at = ("!m", ChatKind::Group);
    town.telegram.seen.lock().unwrap().clear();
    town.happens(Matrix, at, "@kim:a", called(&key)).await;
    town.happens(Matrix, at, "@kim:a", called("telegram_00")).await;
    town.passes(2_000).await;
    let screen = town.telegram.screen();
    assert_eq!(screen.len(), 2, "{screen:?}");
    assert!(screen[0].ends_with(": @준호: 와?{@준호=77}"), "{screen:?}");
    assert!(screen[1].ends_with(": 준호 · 텔레그램: 와?"), "{screen:?}");
}

#[tokio::test(start_paused = true)]
async fn strong_words_and_links_arrive_as_such_or_readable() {
    let town = family().await;
    let link = MarkKind::Link("https://a.test/x".into());
    says(&town, "굵게 여기", vec![Mark::new(0..6, MarkKind::Bold), Mark::new(7..13, link)]).await;
    let telegram = "-1: [LINE] 유나: 굵게 여기{굵게:Bold}{여기->https://a.test/x}";
    assert_eq!(town.telegram.screen(), [telegram]);
    assert_eq!(town.kakaotalk.screen(), ["kroom: [LINE] 유나: 굵게 여기 (https://a.test/x)"]);
}

#[tokio::test(start_paused = true)]
async fn on_the_hubs_own_page_people_call_each_other_too() {
    let town = family().await;
    let say = Say {
        conversation: ConversationId(1),
        person: Some(PersonId(1)),
        text: "@준호 @민지수".to_owned(),
        reply_to: None,
        class: Class::Chat,
        idempotency_key: None,
    };
    town.hub.say(say).await.unwrap();
    town.passes(2_000).await;
    assert_eq!(town.telegram.screen(), ["-1: 민지: @준호 @민지수{@준호=77}"]);
}
