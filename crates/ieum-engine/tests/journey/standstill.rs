//! What must not stand still, go elsewhere or be guessed: lanes without a way, digests, words that
//! are handed in again, names that two conversations share, and rooms that do not say who spoke.

use super::links::writes;
use super::town::{Mood, Town};
use ieum_core::directory::Purpose;
use ieum_core::ids::{
    ChatKey, ConversationId, EventKey, MessageSeq, NativeMessageId, PersonId, UserKey,
};
use ieum_core::inbound::{Arrival, ChatRef, Inbound, InboundKind, InboundMessage};
use ieum_core::message::Author;
use ieum_core::network::ChatKind::{Direct, Group};
use ieum_core::network::Network::{KakaoTalk, Line, Telegram};
use ieum_core::ports::store::Store;
use ieum_engine::Settings;

const DAY_MS: i64 = 24 * 3_600_000;

async fn talk_only(town: &Town, person: PersonId, network: ieum_core::network::Network) {
    town.hub.set_consent(person, network, Purpose::Failover, false, "test").await.unwrap();
}

fn seen(town: &Town, user: &str, words: &str) -> usize {
    let screens = [town.kakaotalk.screen(), town.line.screen(), town.telegram.screen()].concat();
    screens.iter().filter(|line| line.starts_with(user) && line.contains(words)).count()
}

#[tokio::test(start_paused = true)]
async fn who_stopped_and_resumed_gets_what_waited_and_what_comes_then() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    talk_only(&town, minji, Line).await;
    town.group("가족", &[minji, yuna], &[]).await;
    writes(&town, Line, "Uminji", "그만").await;
    writes(&town, Telegram, "77", "하나").await;
    assert_eq!(seen(&town, "Uminji", "하나"), 0);
    writes(&town, Line, "Uminji", "다시").await;
    writes(&town, Telegram, "77", "둘").await;
    town.passes(60_000).await;
    assert_eq!((seen(&town, "Uminji", "하나"), seen(&town, "Uminji", "둘")), (1, 1));
    assert_eq!(town.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_digest_goes_by_a_way_that_is_only_for_outages() {
    let town = Town::with(Settings { chat_lifetime_ms: 600_000, ..Settings::default() }).await;
    let halmeoni = town.person("할머니", &[(KakaoTalk, "khal")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    town.group("가족", &[halmeoni, yuna], &[]).await;
    town.kakaotalk.turns(Mood::Refuses);
    writes(&town, Telegram, "77", "밥 먹었어?").await;
    town.passes(700_000).await;
    let (user, direct) = (UserKey::new("Uhal"), Some(ChatKey::new("Uhal")));
    town.hub.link_address(halmeoni, Line.word(), user, direct, "할머니").await.unwrap();
    town.hub.set_consent(halmeoni, Line, Purpose::Failover, true, "test").await.unwrap();
    town.passes(60_000).await;
    assert_eq!(seen(&town, "Uhal", "밥 먹었어?"), 1, "{:?}", town.line.screen());
}

#[tokio::test(start_paused = true)]
async fn leaving_that_is_handed_in_again_leaves_no_second_group() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    let first = town.group("가족", &[minji, yuna], &[]).await;
    let second = town.group("회사", &[minji, yuna], &[]).await;
    writes(&town, Line, "Uminji", "@회사").await;
    let leave = |native: &str| {
        let (native, text) = (NativeMessageId::new(native), "나가기".to_owned());
        InboundKind::Message(InboundMessage { native, text, ..InboundMessage::default() })
    };
    for number in ["9001", "9001", "9002"] {
        town.repeats(Line, ("Uminji", Direct), "Uminji", number, leave(number)).await;
        town.passes(2_000).await;
    }
    let is_in = |id: ConversationId| {
        town.hub.with_directory(|directory| {
            directory.conversation(id).unwrap().members.contains(&minji)
        })
    };
    assert_eq!((is_in(first), is_in(second)), (true, false));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_two_conversations_share_reaches_neither() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Line, "Uminji")]).await;
    for user in ["77", "78"] {
        let other = town.person("유나", &[(Telegram, user)]).await;
        town.group("모임", &[minji, other], &[]).await;
    }
    let answer = writes(&town, Line, "Uminji", "@모임 비밀이야").await;
    assert!(answer.concat().contains("모임"), "{answer:?}");
    assert_eq!((seen(&town, "77", "비밀"), seen(&town, "78", "비밀")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_group_that_was_left_is_said_nowhere_else() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    let left = town.group("회사", &[minji, yuna], &[]).await;
    let native = town.says_as(Line, ("Uminji", Direct), "Uminji", "안녕하세요", None).await;
    town.passes(2_000).await;
    assert_eq!(seen(&town, "77", "안녕하세요"), 1);
    town.group("가족", &[minji, yuna], &[]).await;
    town.hub.remove_member(left, minji).await.unwrap();
    town.says_as(Line, ("Uminji", Direct), "Uminji", "회의 늦어요", Some(&native)).await;
    town.passes(2_000).await;
    assert_eq!(seen(&town, "77", "회의 늦어요"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_does_not_say_who_spoke_never_speaks_as_the_hub() {
    let town = Town::new().await;
    town.group("가족", &[], &[(Line, "Croom"), (Telegram, "-100")]).await;
    let message = InboundMessage {
        native: NativeMessageId::new("n1"),
        text: "로그인 코드를 여기에 써 주세요".to_owned(),
        ..InboundMessage::default()
    };
    let event = Inbound {
        event: EventKey::new("77777777"),
        at: ieum_core::ports::clock::Clock::now(town.clock.as_ref()),
        chat: ChatRef { key: ChatKey::new("Croom"), kind: Group },
        title: None,
        sender: None,
        kind: InboundKind::Message(message),
    };
    let arrival = Arrival { events: vec![event], ignored: 0 };
    town.hub.take_arrival(Line.word(), arrival).await.unwrap();
    town.passes(5_000).await;
    let said = town.store.message(MessageSeq(1)).await.unwrap().unwrap();
    assert_ne!(said.new.author, Author::Hub);
    let screen = town.telegram.screen();
    assert!(screen.iter().any(|line| line.contains("[LINE] 손님")), "{screen:?}");
    assert!(!town.line.screen().iter().any(|line| line.contains("이름")), "nobody is asked");
}

#[tokio::test(start_paused = true)]
async fn who_has_no_way_holds_up_nobody_elses_texts() {
    let kept = Some((31 * DAY_MS).unsigned_abs());
    let town = Town::with(Settings { texts_kept_ms: kept, ..Settings::default() }).await;
    let mina = town.person("민아", &[(Line, "Umina")]).await;
    let nowhere = town.person("주소 없음", &[]).await;
    town.group("가족", &[mina, nowhere], &[(Line, "family")]).await;
    town.says(Line, "family", "Umina", "오래된 말").await;
    town.passes(5_000).await;
    assert!(town.open().await > 0, "it waits for somebody");
    town.clock.set_wrong_by(40 * DAY_MS);
    town.passes(10_000).await;
    let first = town.store.message(MessageSeq(1)).await.unwrap().unwrap();
    let left = String::from_utf8_lossy(&first.new.content).into_owned();
    assert!(!left.contains("오래된"), "{left:?}");
    assert_eq!(town.open().await, 0);
}

/// An operator takes an account out of the configuration, or gives it another name.
#[tokio::test(start_paused = true)]
async fn what_an_account_owes_goes_other_ways_when_it_is_configured_no_more() {
    for mood in [Mood::Refuses, Mood::Hangs] {
        let town = Town::new().await;
        let minji = town.person("민지", &[(Line, "Uminji"), (KakaoTalk, "kminji")]).await;
        let halmeoni = town.person("할머니", &[(Line, "Uhal")]).await;
        talk_only(&town, halmeoni, Line).await;
        let yuna = town.person("유나", &[(Telegram, "77")]).await;
        town.group("가족", &[minji, halmeoni, yuna], &[]).await;
        town.hub.set_consent(minji, KakaoTalk, Purpose::Failover, true, "test").await.unwrap();
        town.line.turns(mood);
        for text in ["하나", "둘"] {
            town.says_as(Telegram, ("77", Direct), "77", text, None).await;
        }
        town.passes(100).await;
        let town = town.crash_without(&[Line]).await;
        town.passes(120_000).await;
        writes(&town, Telegram, "77", "셋").await;
        town.passes(10_000).await;
        for text in ["하나", "둘", "셋"] {
            assert_eq!(seen(&town, "kminji", text), 1, "{mood:?} {:?}", town.kakaotalk.screen());
            assert_eq!(seen(&town, "Uhal", text), 0);
        }
        town.line.turns(Mood::Well);
        let town = town.crash().await;
        town.passes(120_000).await;
        for text in ["하나", "둘", "셋"] {
            assert_eq!(seen(&town, "Uhal", text), 1, "{mood:?} {:?}", town.line.screen());
        }
        assert_eq!(town.open().await, 0);
    }
}

/// The first call to a room gets no answer, the second one shows the outage: people who have
/// another way do not wait for the room.
#[tokio::test(start_paused = true)]
async fn a_room_that_fails_at_the_second_try_is_stood_in_for() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    town.group("가족", &[minji, yuna], &[(KakaoTalk, "Kroom")]).await;
    town.comes(KakaoTalk, "Kroom", &["kminji"]).await;
    let refuse = |mood| {
        let mut moods = town.kakaotalk.chat_moods.lock().unwrap();
        moods.insert("Kroom".to_owned(), mood);
    };
    refuse(Mood::Hangs);
    town.says_as(Telegram, ("77", Direct), "77", "저녁 먹자", None).await;
    town.passes(12_000).await;
    refuse(Mood::Refuses);
    town.passes(180_000).await;
    assert_eq!(seen(&town, "Uminji", "저녁 먹자"), 1, "{:?}", town.line.screen());
    refuse(Mood::Well);
    town.passes(600_000).await;
    assert_eq!(seen(&town, "Kroom", "저녁 먹자"), 1, "{:?}", town.kakaotalk.screen());
    assert_eq!(seen(&town, "Uminji", "저녁 먹자"), 1, "{:?}", town.line.screen());
}
