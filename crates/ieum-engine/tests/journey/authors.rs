//! Journeys on a network that shows each author as a user of their own, names reactions by ids of
//! their own, and tells once only which of its rooms are direct chats.

use super::family;
use super::town::Town;
use ieum_core::ids::{ChatKey, ConversationId, MessageSeq, NativeMessageId, UserKey};
use ieum_core::inbound::{InboundKind, Sender, Unreadable};
use ieum_core::network::ChatKind;
use ieum_core::network::Network::{KakaoTalk, Line, Matrix, Telegram};

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

/// Somebody may be called into another's direct chat by its owner. That makes it not theirs: what
/// is for them alone goes on going where it went.
#[tokio::test(start_paused = true)]
async fn who_comes_into_anothers_direct_chat_keeps_their_own() {
    let town = family().await;
    for (user, chat) in [("@a:x", "!d"), ("@c:x", "!c")] {
        town.happens(Matrix, (chat, ChatKind::Direct), user, InboundKind::WeJoined).await;
    }
    town.says(Matrix, "!d", "@c:x", "저도 여기 있어요").await;
    let sender = Sender { key: UserKey::new("@c:x"), name: None };
    let left = InboundKind::PeopleLeft(vec![sender]);
    town.happens(Matrix, ("!d", ChatKind::Group), "@a:x", left).await;
    town.hub.with_directory(|directory| {
        let account = directory.account_named("matrix").unwrap().id;
        let direct = |user: &str| {
            let address = directory.address_of_user(account, &UserKey::new(user)).unwrap();
            (address.direct.clone(), address.blocked)
        };
        assert_eq!(direct("@c:x"), (Some(ChatKey::new("!c")), false));
        assert_eq!(direct("@a:x"), (Some(ChatKey::new("!d")), false));
    });
}

/// Whoever leads a room says where it goes on: not where others talk.
#[tokio::test(start_paused = true)]
async fn a_room_does_not_move_into_anothers_room_or_direct_chat() {
    let town = family().await;
    let yuna = town.person("유나", &[(Line, "Uyuna2")]).await;
    for (title, room) in [("하나", "!r"), ("둘", "!q")] {
        town.group(title, &[yuna], &[(Matrix, room)]).await;
    }
    town.happens(Matrix, ("!d", ChatKind::Direct), "@a:x", InboundKind::WeJoined).await;
    let rooms = |town: &Town| {
        town.hub.with_directory(|directory| {
            let account = directory.account_named("matrix").unwrap().id;
            ["!r", "!q", "!d", "!new"].map(|chat| {
                directory.room_of_chat(account, &ChatKey::new(chat)).map(|room| room.id)
            })
        })
    };
    let before = rooms(&town);
    for to in ["!q", "!d"] {
        let moved = InboundKind::Migrated { to: ChatKey::new(to) };
        town.happens(Matrix, ("!r", ChatKind::Group), "@a:x", moved).await;
        assert_eq!(rooms(&town), before, "into {to}");
    }
    let moved = InboundKind::Migrated { to: ChatKey::new("!new") };
    town.happens(Matrix, ("!r", ChatKind::Group), "@a:x", moved).await;
    let [old, other, direct, new] = before;
    assert_eq!(rooms(&town), [None, other, direct, old], "where nobody is it may");
    assert!(new.is_none());
}

/// An invitation into the new room comes before it is known to be the old one's successor.
#[tokio::test(start_paused = true)]
async fn a_room_that_was_seen_already_is_taken_over_by_the_one_that_moves_into_it() {
    let town = family().await;
    let yuna = town.person("유나", &[(Line, "Uyuna2")]).await;
    town.group("하나", &[yuna], &[(Matrix, "!r")]).await;
    town.happens(Matrix, ("!new", ChatKind::Group), "@a:x", InboundKind::WeJoined).await;
    let room = |chat: &str| {
        town.hub.with_directory(|directory| {
            let account = directory.account_named("matrix").unwrap().id;
            directory.room_of_chat(account, &ChatKey::new(chat)).cloned()
        })
    };
    let (old, seen) = (room("!r").unwrap(), room("!new").unwrap());
    assert!(old.conversation.is_some() && seen.conversation.is_none());
    let moved = InboundKind::Migrated { to: ChatKey::new("!new") };
    town.happens(Matrix, ("!r", ChatKind::Group), "@a:x", moved).await;
    let new = room("!new").unwrap();
    assert_eq!((new.id, new.conversation), (old.id, old.conversation));
    assert_eq!(room("!r").map(|room| room.id), Some(seen.id), "one chat is one room");
}

/// The owner of a chat may take our copies away there; that takes nobody's words back elsewhere.
#[tokio::test(start_paused = true)]
async fn who_takes_a_copy_away_takes_back_nobodys_words() {
    let town = family().await;
    town.says(Line, "Croom", "Uyuna", "내 말이에요").await;
    town.passes(3_000).await;
    let counts = town.store_counts().await;
    let deliveries = town.deliveries_of(MessageSeq(counts.messages)).await;
    let copies: Vec<_> = deliveries.iter().flat_map(|one| one.copies.clone()).collect();
    assert!(!copies.is_empty(), "{deliveries:?}");
    for copy in copies {
        let takes = InboundKind::Withdrawal { native: copy.native };
        town.happens(Telegram, ("-1", ChatKind::Group), "77", takes.clone()).await;
        town.happens(KakaoTalk, ("kroom", ChatKind::Group), "kminji", takes).await;
    }
    town.passes(3_000).await;
    assert_eq!(town.store_counts().await.messages, counts.messages);
}
