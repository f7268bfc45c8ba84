//! Journeys on a network that shows each author as a user of their own, names reactions by ids of
//! their own, and tells once only which of its rooms are direct chats.

use super::family;
use ieum_core::ids::{ChatKey, ConversationId, NativeMessageId, UserKey};
use ieum_core::inbound::{InboundKind, Sender, Unreadable};
use ieum_core::network::ChatKind;
use ieum_core::network::Network::{Line, Matrix};

#[tokio::test(start_paused = true)]
async fn where_authors_are_users_each_does_their_own_deeds() {
    let town = family().await;
    let mroom = town.hub.register_room("matrix", ChatKey::new("!m"), "m").await.unwrap();
    town.hub.join_room(ConversationId(1), mroom).await.unwrap();
    let room = ("Croom", ChatKind::Group);
    let asked = town.says(Line, "Croom", "Uyuna", "몇 시?").await;
    let native = NativeMessageId::new(asked.as_str());
    town.passes(1_000).await;
    let edit =
        InboundKind::Edit { native: native.clone(), text: "몇 시쯤?".to_owned(), marks: vec![] };
    town.happens(Line, room, "Uyuna", edit).await;
    let react = |emoji: Option<&str>| InboundKind::Reaction {
        native: native.clone(),
        emoji: emoji.map(Into::into),
        own: None,
    };
    town.happens(Line, room, "Ubora", react(Some("👍"))).await;
    town.passes(1_000).await;
    town.happens(Line, room, "Ubora", react(None)).await;
    town.happens(Line, room, "Ubora", InboundKind::Withdrawal { native }).await;
    town.passes(5_000).await;
    // A withdrawal by somebody else takes back what its author said, as that author.
    expect_test::expect![[r#"
        !m: @유나 · LINE 몇 시?
        !m: @유나 · LINE EDIT 1000 몇 시쯤?
        !m: @Ubora · LINE REACT 1000 👍
        !m: @Ubora · LINE REACT 1000 - (1002)
        !m: @유나 · LINE WITHDRAW 1000"#]]
    .assert_eq(&town.matrix.screen().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn nobody_changes_what_another_said() {
    let town = family().await;
    let said = town.says(Line, "Croom", "Uyuna", "일곱 시").await;
    let edit = |text: &str| InboundKind::Edit {
        native: NativeMessageId::new(said.as_str()),
        text: text.to_owned(),
        marks: vec![],
    };
    town.passes(1_000).await;
    town.happens(Line, ("Croom", ChatKind::Group), "Ubora", edit("여덟 시")).await;
    town.happens(Line, ("Croom", ChatKind::Group), "Uyuna", edit("아홉 시")).await;
    town.passes(5_000).await;
    expect_test::expect![[r#"
        -1: [LINE] 유나: 일곱 시
        -1: EDIT 1003 [LINE] 유나: 아홉 시"#]]
    .assert_eq(&town.telegram.screen().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_reaction_with_an_id_of_its_own_is_taken_back_by_that_id() {
    let town = family().await;
    let mroom = town.hub.register_room("matrix", ChatKey::new("!m"), "m").await.unwrap();
    town.hub.join_room(ConversationId(1), mroom).await.unwrap();
    let room = ("!m", ChatKind::Group);
    let said = town.says(Matrix, "!m", "@a:x", "저녁?").await;
    town.passes(1_000).await;
    let own = Some(NativeMessageId::new("$reaction"));
    let native = NativeMessageId::new(said.as_str());
    let react = InboundKind::Reaction { native, emoji: Some("👍".into()), own };
    town.happens(Matrix, room, "@a:x", react).await;
    town.passes(1_000).await;
    let native = NativeMessageId::new("$reaction");
    town.happens(Matrix, room, "@a:x", InboundKind::Withdrawal { native }).await;
    town.passes(5_000).await;
    expect_test::expect![[r#"
        -1: [매트릭스] 손님 6: 저녁?
        -1: REACT 1003 👍
        -1: REACT 1003 - (1004)"#]]
    .assert_eq(&town.telegram.screen().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_direct_chat_is_known_though_it_is_told_only_once() {
    let town = family().await;
    let direct = ("!d", ChatKind::Direct);
    town.happens(Matrix, direct, "@a:x", InboundKind::WeJoined).await;
    // From now on the network calls it a room like any other.
    town.says(Matrix, "!d", "@a:x", "누구").await;
    let sender = Sender { key: UserKey::new("@a:x"), name: Some("에이".into()) };
    let renamed = InboundKind::PeopleJoined(vec![sender.clone()]);
    town.happens(Matrix, ("!d", ChatKind::Group), "@a:x", renamed).await;
    town.says(Matrix, "!d", "@a:x", "여보세요").await;
    town.passes(5_000).await;
    let seen = town.matrix.screen();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(seen.iter().all(|line| line.starts_with("!d: ")), "{seen:?}");
    let left = InboundKind::PeopleLeft(vec![sender]);
    town.happens(Matrix, ("!d", ChatKind::Group), "@a:x", left).await;
    let blocked = town.hub.with_directory(|directory| {
        let account = directory.account_named("matrix").unwrap().id;
        assert!(directory.room_of_chat(account, &ChatKey::new("!d")).is_none(), "no room");
        let address = directory.address_of_user(account, &UserKey::new("@a:x")).unwrap();
        assert_eq!(&*address.name, "에이");
        address.blocked
    });
    assert!(blocked);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_said_where_it_was_said_once_in_a_while() {
    let town = family().await;
    let unreadable = InboundKind::Unreadable(Unreadable::Encrypted);
    for (after_ms, said) in [(0, 1), (1_000, 1), (3_600_000, 2)] {
        town.passes(after_ms).await;
        let room = ("!locked", ChatKind::Group);
        town.happens(Matrix, room, "@a:x", unreadable.clone()).await;
        town.passes(1_000).await;
        let seen = town.matrix.screen();
        assert_eq!(seen.len(), said, "{seen:?}");
        assert!(seen.iter().all(|line| line.starts_with("!locked: 이 방은 종단간 암호화")));
    }
}
