//! Groups by chat: made, filled, led, left; open conversations with their doors, waits and bans.

use super::links::writes;
use super::town::{Mood, Town};
use ieum_core::directory::Language;
use ieum_core::ids::{ChatKey, ConversationId, PersonId, UserKey};
use ieum_core::network::Network;
use ieum_core::network::Network::{KakaoTalk, Line, Telegram};
use ieum_core::people::groups::{Actor, Charter, Role};
use ieum_core::people::moderation::Ruling;
use ieum_core::ports::store::Store;
use ieum_engine::{GroupAct, NewPerson, Say, SayFailure};

/// 민지 on KakaoTalk and LINE, 유나 on Telegram (`yuna`), Tom on LINE in English (`tomx`).
async fn three() -> (Town, [PersonId; 3]) {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    let tom = english(&town, "Tom", "Utom").await;
    for (person, handle) in [(minji, "minji"), (yuna, "yuna"), (tom, "tomx")] {
        town.hub.take_handle(person, Some(handle)).await.unwrap();
    }
    (town, [minji, yuna, tom])
}

async fn english(town: &Town, name: &str, user: &str) -> PersonId {
    let new = NewPerson { name: name.to_owned(), language: Language::En };
    let id = town.hub.create_person(new).await.unwrap();
    let (key, direct) = (UserKey::new(user), Some(ChatKey::new(user)));
    town.hub.link_address(id, "line", key, direct, name).await.unwrap();
    for purpose in [ieum_core::directory::Purpose::Talk, ieum_core::directory::Purpose::Failover] {
        town.hub.set_consent(id, Line, purpose, true, "test").await.unwrap();
    }
    id
}

fn said<'a>(seen: &'a [String], chat: &str) -> Vec<&'a str> {
    let front = format!("{chat}: ");
    seen.iter().filter_map(|line| line.strip_prefix(front.as_str())).collect()
}

/// Both invited, both in.
async fn group() -> (Town, [PersonId; 3], ConversationId) {
    let (town, people) = three().await;
    let seen = writes(&town, KakaoTalk, "kminji", "모임 만들기 우리 동네").await;
    assert!(seen.concat().contains("'우리 동네' 대화를 만들었어요"), "{seen:?}");
    for (handle, network, chat, yes) in
        [("@yuna", Telegram, "77", "초대 수락"), ("@tomx", Line, "Utom", "/accept")]
    {
        let seen = writes(&town, KakaoTalk, "kminji", &format!("초대 {handle}")).await;
        assert!(said(&seen, chat).concat().contains("우리 동네"), "{seen:?}");
        let seen = writes(&town, network, chat, yes).await;
        assert!(said(&seen, chat).concat().contains("우리 동네"), "{seen:?}");
    }
    (town, people, ConversationId(1))
}

#[tokio::test(start_paused = true)]
async fn a_group_is_made_and_filled_by_chat_and_news_come_in_ones_own_language() {
    let (town, [_, yuna, _], id) = group().await;
    let seen = writes(&town, Telegram, "77", "다들 안녕").await;
    assert!(said(&seen, "kminji").concat().ends_with("다들 안녕"), "{seen:?}");
    assert!(said(&seen, "Utom").concat().ends_with("다들 안녕"), "{seen:?}");
    let seen = writes(&town, KakaoTalk, "kminji", "부방장 유나").await;
    assert!(said(&seen, "Utom").concat().contains("유나 is moderator now"), "{seen:?}");
    assert!(said(&seen, "77").concat().contains("유나님은 이제 부방장이에요"), "{seen:?}");
    let seen = writes(&town, Telegram, "77", "모임 이름 새 동네").await;
    assert!(said(&seen, "Utom").concat().contains("is called '새 동네' now"), "{seen:?}");
    let seen = writes(&town, KakaoTalk, "kminji", "나가기").await;
    assert!(said(&seen, "77").concat().contains("유나님은 이제 방장이에요"), "{seen:?}");
    assert!(said(&seen, "kminji").concat().contains("'새 동네' 대화에서 나왔어요"), "{seen:?}");
    let town = town.crash().await;
    let role = town.hub.with_directory(|all| Charter::of(all, id).role(yuna));
    assert_eq!(role, Role::Owner, "it is durable");
    let seen = writes(&town, Telegram, "77", "민지 갔네").await;
    assert_eq!(said(&seen, "kminji"), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn who_tells_where_each_is_reached_and_who_cannot_be() {
    let (town, _, _) = group().await;
    let seen = writes(&town, Telegram, "77", "누구").await.concat();
    assert!(seen.contains("민지 (방장) — 카톡") && seen.contains("Tom — LINE"), "{seen}");
    town.line.turns(Mood::Refuses);
    writes(&town, Telegram, "77", "들려?").await;
    town.passes(30_000).await;
    let seen = writes(&town, Telegram, "77", "누구").await.concat();
    assert!(seen.contains("Tom — 지금 닿을 수 없음"), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn names_that_are_nobodys_make_words_for_the_others() {
    let (town, _, _) = group().await;
    for text in ["차단 좀 하지 마", "신고 들어왔대", "내보내기 싫다", "owner of what?"]
    {
        let seen = writes(&town, KakaoTalk, "kminji", text).await;
        assert!(said(&seen, "77").concat().ends_with(text), "{seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invitation_is_answered_and_written_alike_whomever_it_finds() {
    let (town, people) = three().await;
    writes(&town, KakaoTalk, "kminji", "모임 만들기 동네").await;
    let mut answers = Vec::new();
    for handle in ["@yuna", "@nobody", "@minji"] {
        let before = town.store_counts().await.journal;
        let id = ConversationId(1);
        let act = GroupAct::Invite(id, people[0], handle.to_owned());
        town.hub.group_act(act).await.unwrap();
        assert_eq!(town.store_counts().await.journal, before + 1, "{handle}");
        let seen = writes(&town, KakaoTalk, "kminji", &format!("초대 {handle}")).await;
        answers.push(said(&seen, "kminji").concat());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

/// An open conversation of 민지; what its door's key is.
async fn open() -> (Town, [PersonId; 3], String) {
    let (town, people) = three().await;
    writes(&town, KakaoTalk, "kminji", "모임 만들기 광장").await;
    let seen = writes(&town, KakaoTalk, "kminji", "공개하기").await.concat();
    let (_, key) = seen.rsplit_once("참여 ").unwrap();
    (town, people, key.trim().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_door_opens_on_every_network_and_newcomers_go_slowly() {
    let (town, _, key) = open().await;
    for (network, chat, words) in [
        (Telegram, "77", format!("/start {key}")),
        (Line, "Utom", format!("join {}", key.to_uppercase())),
        (KakaoTalk, "kstranger", format!("참여 {key}")),
    ] {
        let seen = writes(&town, network, chat, &words).await;
        assert!(said(&seen, chat).concat().contains("광장"), "{seen:?}");
        assert_eq!(said(&seen, "kminji"), Vec::<&str>::new(), "not told to all: {seen:?}");
    }
    let seen = writes(&town, Telegram, "77", "안녕하세요").await;
    assert!(said(&seen, "kminji").concat().ends_with("안녕하세요"), "{seen:?}");
    let seen = writes(&town, Telegram, "77", "https://spam.example").await;
    assert_eq!(said(&seen, "kminji"), Vec::<&str>::new());
    assert!(said(&seen, "77").concat().contains("링크를 보낼 수 없어요"), "{seen:?}");
    town.passes(600_000).await;
    let seen = writes(&town, Telegram, "77", "https://fine.example").await;
    assert!(said(&seen, "kminji").concat().contains("https://fine.example"), "{seen:?}");
    let seen = writes(&town, Line, "Utom", "join 2222-2222-2222").await;
    assert!(said(&seen, "Utom").concat().contains("no such conversation"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_ban_holds_on_every_network_and_an_appeal_lifts_it() {
    let (town, [minji, yuna, tom], key) = open().await;
    let linked = |network: Network, user: &'static str| {
        let (key, direct) = (UserKey::new(user), Some(ChatKey::new(user)));
        town.hub.link_address(yuna, network.word(), key, direct, "유나")
    };
    linked(KakaoTalk, "kyuna").await.unwrap();
    writes(&town, Telegram, "77", &format!("참여 {key}")).await;
    writes(&town, Line, "Utom", &format!("join {key}")).await;
    let seen = writes(&town, Line, "Utom", "신고 유나 광고만 해요").await;
    assert!(said(&seen, "Utom").concat().contains("Reported"), "{seen:?}");
    let seen = writes(&town, KakaoTalk, "kminji", "신고 목록").await;
    assert!(said(&seen, "kminji").concat().contains("#1 유나: 광고만 해요"), "{seen:?}");
    let (id, by) = (ConversationId(1), Actor::Person(minji));
    town.hub.group_act(GroupAct::Decide(id, by, 1, Ruling::Banned)).await.unwrap();
    for (network, chat) in [(Telegram, "77"), (KakaoTalk, "kyuna")] {
        let seen = writes(&town, network, chat, &format!("참여 {key}")).await;
        assert!(said(&seen, chat).concat().contains("들어갈 수 없는 대화"), "{seen:?}");
    }
    // In a joined room, under an address that was theirs, they are not carried either.
    town.comes(KakaoTalk, "kroom", &["kyuna", "khal"]).await;
    let room = town.hub.register_room("kakaotalk", ChatKey::new("kroom"), "방").await.unwrap();
    town.hub.join_room(id, room).await.unwrap();
    town.says(KakaoTalk, "kroom", "kyuna", "나 여기 있지").await;
    town.says(KakaoTalk, "kroom", "khal", "안녕들 하신가").await;
    town.passes(5_000).await;
    let heard = town.line.screen().concat();
    assert!(heard.contains("안녕들 하신가") && !heard.contains("나 여기 있지"), "{heard}");
    let say = Say {
        conversation: id,
        person: Some(yuna),
        text: "나야".to_owned(),
        reply_to: None,
        class: ieum_core::message::Class::Chat,
        idempotency_key: None,
    };
    assert_eq!(town.hub.say(say).await, Err(SayFailure::NotAMember));
    let text = "아니에요".to_owned();
    town.hub.group_act(GroupAct::Appeal(id, yuna, 1, text)).await.unwrap();
    town.hub.group_act(GroupAct::Hear(id, 1, false)).await.unwrap();
    let seen = writes(&town, Telegram, "77", &format!("참여 {key}")).await;
    assert!(said(&seen, "77").concat().contains("들어왔어요"), "{seen:?}");
    assert!(tom.0 > 0);
}

#[tokio::test(start_paused = true)]
async fn slow_mode_holds_members_back_and_says_until_when() {
    let (town, _, _) = group().await;
    let seen = writes(&town, KakaoTalk, "kminji", "느리게 30초").await;
    assert!(said(&seen, "kminji").concat().contains("그렇게 했어요"), "{seen:?}");
    writes(&town, Telegram, "77", "하나").await;
    let seen = writes(&town, Telegram, "77", "둘").await;
    assert_eq!(said(&seen, "kminji"), Vec::<&str>::new());
    assert!(said(&seen, "77").concat().contains("천천히"), "{seen:?}");
    town.passes(30_000).await;
    let seen = writes(&town, Telegram, "77", "셋").await;
    assert!(said(&seen, "kminji").concat().ends_with("셋"), "{seen:?}");
    let counts = town.store.counts().await.unwrap();
    assert_eq!(counts.dead, 0);
}
