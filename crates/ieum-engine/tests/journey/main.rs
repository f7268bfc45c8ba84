//! Journeys: what people see when messages cross, networks fail and the hub is killed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::large_futures, clippy::cognitive_complexity, reason = "tests")]
#![allow(missing_docs, unreachable_pub, missing_debug_implementations, reason = "tests")]

mod authors;
mod bygones;
mod calls;
mod clocks;
mod codes;
mod commands;
mod contacts;
mod deeds;
mod digests;
mod farewells;
mod groups;
mod hollow;
mod links;
mod masses;
mod media;
mod operator;
mod own_line;
mod pushes;
mod repeats;
mod search;
mod shelf;
mod standstill;
mod town;
mod untold;
mod waking;
mod watchers;
mod withdrawals;

use ieum_core::directory::Purpose;
use ieum_core::health::book::api_cell;
use ieum_core::health::evidence::Rule;
use ieum_core::health::{CellState, Function};
use ieum_core::ids::NativeMessageId;
use ieum_core::inbound::InboundKind;
use ieum_core::incident::Touched;
use ieum_core::network::Network::{KakaoTalk, Line, Telegram};
use ieum_core::network::{ChatKind, Network};
use town::{Mood, Town};

/// A family over three rooms. 민지 is in the KakaoTalk room and has LINE; 할머니 has KakaoTalk
/// only; 유나 is in the LINE room; 준호 is in the Telegram room.
async fn family() -> Town {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let halmeoni = town.person("할머니", &[(KakaoTalk, "khal")]).await;
    let yuna = town.person("유나", &[(Line, "Uyuna")]).await;
    let junho = town.person("준호", &[(Telegram, "77")]).await;
    let rooms = [(KakaoTalk, "kroom"), (Line, "Croom"), (Telegram, "-1")];
    town.comes(KakaoTalk, "kroom", &["kminji", "khal"]).await;
    town.comes(Line, "Croom", &["Uyuna"]).await;
    town.comes(Telegram, "-1", &["77"]).await;
    town.group("가족", &[minji, halmeoni, yuna, junho], &rooms).await;
    town.says(KakaoTalk, "kroom", "kminji", "안녕").await;
    town.says(KakaoTalk, "kroom", "khal", "그래").await;
    town.says(Line, "Croom", "Uyuna", "네").await;
    town.says(Telegram, "-1", "77", "왔어요").await;
    town.passes(5_000).await;
    for (network, others) in [(KakaoTalk, 2), (Line, 3), (Telegram, 3)] {
        assert_eq!(town.script(network).screen().len(), others, "{network:?} saw the others");
        town.script(network).seen.lock().unwrap().clear();
    }
    town
}

#[tokio::test(start_paused = true)]
async fn a_message_reaches_every_other_room_once_with_its_author() {
    let town = family().await;
    town.says(Line, "Croom", "Uyuna", "저녁 먹었어?").await;
    town.passes(1_000).await;
    assert_eq!(town.kakaotalk.screen(), ["kroom: [LINE] 유나: 저녁 먹었어?"]);
    assert_eq!(town.telegram.screen(), ["-1: [LINE] 유나: 저녁 먹었어?"]);
    assert!(town.line.screen().is_empty(), "not back to where it came from");
    assert_eq!(town.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_outage_moves_messages_and_the_room_gets_them_later_in_order() {
    let town = family().await;
    town.kakaotalk.turns(Mood::Refuses);
    for n in 0..5 {
        town.says(Line, "Croom", "Uyuna", &format!("소식 {n}")).await;
        town.passes(1_000).await;
    }
    town.passes(9_000).await;
    let direct: Vec<String> = moved(&town.line.screen(), "Uminji:");
    assert_eq!(direct.len(), 5, "민지 got each by LINE: {direct:?}");
    for (n, line) in direct.iter().enumerate() {
        assert!(line.contains("[카톡 지연 · 대신 보냄 #"), "labelled: {line}");
        assert!(line.ends_with(&format!("소식 {n}")), "in order: {line}");
    }
    assert!(town.kakaotalk.screen().is_empty());
    let told = moved(&town.line.screen(), "Croom:");
    assert!(told.iter().any(|line| line.contains("할머니")), "유나 learns who is out: {told:?}");
    town.kakaotalk.turns(Mood::Well);
    town.passes(60_000).await;
    let late = town.kakaotalk.screen();
    assert_eq!(late.len(), 5, "{late:?}");
    for (n, line) in late.iter().enumerate() {
        assert!(line.contains("[늦게 보냄 #"), "labelled: {line}");
        assert!(line.ends_with(&format!("소식 {n}")), "in order: {line}");
    }
    assert_eq!(town.open().await, 0);
}

fn moved(screen: &[String], chat: &str) -> Vec<String> {
    screen.iter().filter(|line| line.starts_with(chat)).cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn each_moved_message_arrives_within_ten_seconds() {
    let town = family().await;
    town.kakaotalk.turns(Mood::Refuses);
    let said_at = ieum_core::ports::clock::Clock::now(&*town.clock);
    town.says(Telegram, "-1", "77", "지금 어디?").await;
    town.passes(30_000).await;
    let seen = town.line.seen.lock().unwrap().clone();
    let (at, _) = seen.iter().find(|(_, line)| line.starts_with("Uminji:")).unwrap();
    assert!(at.ms_since(said_at) <= 10_000, "after {} ms", at.ms_since(said_at));
}

#[tokio::test(start_paused = true)]
async fn a_message_moves_when_its_witness_answers_and_not_at_its_next_failure() {
    let town = family().await;
    // All signs of life take long, and nothing else is heard of LINE meanwhile.
    for network in [KakaoTalk, Line, Telegram, Network::Matrix] {
        town.script(network).probe_ms.store(4_000, std::sync::atomic::Ordering::Relaxed);
    }
    town.line.chat_moods.lock().unwrap().insert("Croom".to_owned(), Mood::Hangs);
    town.kakaotalk.turns(Mood::Refuses);
    let said_at = ieum_core::ports::clock::Clock::now(&*town.clock);
    town.says(Telegram, "-1", "77", "지금 어디?").await;
    town.passes(30_000).await;
    let seen = town.line.seen.lock().unwrap().clone();
    let (at, _) = seen.iter().find(|(_, line)| line.starts_with("Uminji:")).unwrap();
    let waited = at.ms_since(said_at);
    assert!((4_000..=4_500).contains(&waited), "nobody answered before 4 s: {waited} ms");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_leads_to_a_labelled_second_copy() {
    let town = family().await;
    town.kakaotalk.turns(Mood::HangsButDelivers);
    town.says(Line, "Croom", "Uyuna", "들려?").await;
    town.passes(120_000).await;
    town.kakaotalk.turns(Mood::Well);
    town.passes(120_000).await;
    let room = town.kakaotalk.screen();
    let plain: Vec<_> = room.iter().filter(|line| !line.contains('#')).collect();
    assert_eq!(plain.len(), 1, "one copy without a label: {room:?}");
    assert!(room.len() >= 2, "and it is sent again rather than lost");
    assert!(room[1].contains("두 번 보일 수 있음"), "{room:?}");
    assert_eq!(town.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_repeats_safely_gets_each_message_once_and_plain() {
    let town = family().await;
    town.line.turns(Mood::HangsButDelivers);
    town.says(Telegram, "-1", "77", "한 번만").await;
    town.passes(20_000).await;
    town.line.turns(Mood::Well);
    town.passes(60_000).await;
    assert_eq!(town.line.screen(), ["Croom: <준호 · 텔레그램> 한 번만"]);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_hangs_delays_no_other() {
    let town = family().await;
    town.kakaotalk.turns(Mood::Hangs);
    let said_at = ieum_core::ports::clock::Clock::now(&*town.clock);
    for n in 0..20 {
        town.says(Line, "Croom", "Uyuna", &format!("{n}")).await;
    }
    town.passes(2_000).await;
    let seen = town.telegram.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 20);
    let last = seen.last().unwrap().0;
    assert!(last.ms_since(said_at) <= 500, "20 messages at 20 ms each, nothing else");
}

#[tokio::test(start_paused = true)]
async fn one_sick_room_is_left_alone_while_others_of_its_network_work() {
    let town = family().await;
    let sua = town.person("수아", &[(KakaoTalk, "ksua")]).await;
    let yuna = ieum_core::ids::PersonId(3);
    let rooms = [(KakaoTalk, "kother"), (Line, "Cother")];
    town.comes(KakaoTalk, "kother", &["ksua"]).await;
    town.comes(Line, "Cother", &["Uyuna"]).await;
    town.group("동아리", &[sua, yuna], &rooms).await;
    town.kakaotalk.chat_moods.lock().unwrap().insert("kroom".to_owned(), Mood::Refuses);
    town.says(Line, "Croom", "Uyuna", "가족").await;
    town.says(Line, "Cother", "Uyuna", "동아리").await;
    town.passes(8_000).await;
    assert_eq!(town.kakaotalk.screen(), ["kother: [LINE] 유나: 동아리"]);
    assert_eq!(moved(&town.line.screen(), "Uminji:").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_fails_in_two_rooms_is_down_for_all_and_the_journal_knows_why() {
    let town = family().await;
    let sua = town.person("수아", &[(KakaoTalk, "ksua"), (Line, "Usua")]).await;
    let yuna = ieum_core::ids::PersonId(3);
    let rooms = [(KakaoTalk, "kother"), (Line, "Cother")];
    town.comes(KakaoTalk, "kother", &["ksua"]).await;
    town.comes(Line, "Cother", &["Uyuna"]).await;
    town.group("동아리", &[sua, yuna], &rooms).await;
    town.kakaotalk.turns(Mood::Refuses);
    town.says(Line, "Croom", "Uyuna", "가족").await;
    town.says(Line, "Cother", "Uyuna", "동아리").await;
    town.passes(6_000).await;
    let kakao = town.hub.health().into_iter().find(|view| view.cell.network == KakaoTalk);
    let kakao = kakao.unwrap();
    assert_eq!(kakao.state, CellState::Down);
    let grounds = kakao.grounds.unwrap();
    assert!(grounds.witnesses >= 2, "LINE and Telegram answered: {grounds:?}");
    assert!(grounds.last.len() >= 4, "{grounds:?}");
    let (open, _) = town.incident(1).await;
    assert!(open.is_open() && open.onset < open.opened_at, "{open:?}");
    town.says(Line, "Croom", "Uyuna", "아직?").await;
    town.passes(1_000).await;
    town.kakaotalk.turns(Mood::Well);
    town.passes(300_000).await;
    assert_eq!(town.hub.health()[0].state, CellState::Up);
    assert_eq!(town.open().await, 0);
    let (closed, touched) = town.incident(1).await;
    assert!(closed.closed_at.is_some() && closed.turns.len() >= 3, "{closed:?}");
    let moved = touched.iter().filter(|touch| touch.how == Touched::Moved);
    let held = touched.iter().filter(|touch| touch.how == Touched::Held);
    assert!(moved.clone().all(|touch| touch.to.is_some()), "{touched:?}");
    assert!(moved.count() >= 1 && held.count() >= 1, "{touched:?}");
}

#[tokio::test(start_paused = true)]
async fn an_operators_word_moves_messages_and_brings_them_back() {
    let town = family().await;
    let cell = api_cell(KakaoTalk, Function::Send);
    town.hub.hold_cell(cell, CellState::Down, "당직").await.unwrap();
    town.says(Line, "Croom", "Uyuna", "잠깐 라인으로").await;
    town.passes(3_000).await;
    assert!(town.kakaotalk.screen().is_empty(), "{:?}", town.kakaotalk.screen());
    let (incident, touched) = town.incident(1).await;
    assert_eq!(incident.turns[0].change.grounds.as_ref().unwrap().rule, Rule::Operator);
    assert!(!touched.is_empty());
    // It works all the while, and stays down until the word is taken back.
    town.passes(300_000).await;
    assert_eq!(town.hub.health()[0].state, CellState::Down);
    town.hub.release_cell(cell).await.unwrap();
    town.passes(300_000).await;
    assert_eq!(town.open().await, 0);
    assert!(town.incident(1).await.0.closed_at.is_some());
    assert_eq!(town.kakaotalk.screen().len(), 1, "{:?}", town.kakaotalk.screen());
}

#[tokio::test(start_paused = true)]
async fn when_our_own_line_is_cut_nothing_moves_and_everything_is_sent_afterwards() {
    let town = family().await;
    for network in [KakaoTalk, Line, Telegram] {
        town.script(network).turns(Mood::Refuses);
    }
    for n in 0..6 {
        town.says(Line, "Croom", "Uyuna", &format!("소식 {n}")).await;
        town.says(Telegram, "-1", "77", &format!("답 {n}")).await;
        town.passes(10_000).await;
    }
    for view in town.hub.health() {
        assert_eq!(view.state, CellState::Up, "{view:?}");
    }
    for network in [KakaoTalk, Line, Telegram] {
        town.script(network).turns(Mood::Well);
    }
    town.passes(60_000).await;
    let kakao = town.kakaotalk.screen();
    assert_eq!(kakao.len(), 12, "{kakao:?}");
    assert!(!kakao.iter().any(|line| line.contains('#')), "none was held: {kakao:?}");
    assert!(moved(&town.line.screen(), "Uminji:").is_empty(), "nobody was moved");
    assert_eq!(town.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn answers_changes_withdrawals_and_reactions_are_carried_or_shown() {
    let town = family().await;
    let asked = town.says(Line, "Croom", "Uyuna", "몇 시?").await;
    town.passes(1_000).await;
    let room = ("Croom", ChatKind::Group);
    town.says_as(Line, room, "Uyuna", "일곱 시?", Some(&asked)).await;
    let native = NativeMessageId::new(asked.as_str());
    let edit =
        InboundKind::Edit { native: native.clone(), text: "몇 시쯤?".to_owned(), marks: vec![] };
    town.happens(Line, room, "Uyuna", edit).await;
    let emoji = Some("👍".into());
    let react = InboundKind::Reaction { native: native.clone(), emoji, own: None };
    town.happens(Line, room, "Uyuna", react).await;
    town.happens(Line, room, "Uyuna", InboundKind::Withdrawal { native }).await;
    town.passes(5_000).await;
    expect_test::expect![[r#"
        -1: [LINE] 유나: 몇 시?
        -1: (re 1001) [LINE] 유나: 일곱 시?
        -1: EDIT 1001 [LINE] 유나: 몇 시쯤?
        -1: REACT 1001 👍
        -1: WITHDRAW 1001"#]]
    .assert_eq(&town.telegram.screen().join("\n").replace("1003", "1001"));
    expect_test::expect![[r#"
        kroom: [LINE] 유나: 몇 시?
        kroom: > 유나: 몇 시?
        [LINE] 유나: 일곱 시?
        kroom: > 유나: 몇 시?
        [LINE] 유나: (수정) 몇 시쯤?
        kroom: > 유나: 몇 시?
        [LINE] 유나: 👍 (공감)
        kroom: > 유나: 몇 시?
        [LINE] 유나: (위 메시지를 취소했습니다)"#]]
    .assert_eq(&town.kakaotalk.screen().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_any_two_moments_loses_nothing_and_labels_what_may_be_double() {
    for after_ms in [0, 1, 5, 10, 19, 20, 21, 40, 500] {
        let town = family().await;
        for n in 0..10 {
            town.says(Line, "Croom", "Uyuna", &format!("줄 {n}")).await;
        }
        town.passes(after_ms).await;
        let town = town.crash().await;
        town.passes(120_000).await;
        for network in [KakaoTalk, Telegram] {
            let screen = town.script(network).screen();
            for n in 0..10 {
                let end = format!("줄 {n}");
                let copies: Vec<_> = screen.iter().filter(|line| line.ends_with(&end)).collect();
                assert!(!copies.is_empty(), "{after_ms} ms, {network:?}: {end} lost");
                let plain = copies.iter().filter(|line| !line.contains('#')).count();
                assert!(plain <= 1, "{after_ms} ms: {end} twice without a label: {copies:?}");
            }
            let plain: Vec<_> = screen.iter().filter(|line| !line.contains('#')).collect();
            let mut sorted = plain.clone();
            sorted.sort();
            assert_eq!(plain, sorted, "in order");
        }
        assert_eq!(town.open().await, 0, "{after_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_direct_chat_that_holds_two_conversations_names_them_and_asks_when_unsure() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji")]).await;
    let yuna = town.person("유나", &[(Line, "Uyuna")]).await;
    let junho = town.person("준호", &[(Telegram, "77")]).await;
    town.group("가족", &[minji, yuna, junho], &[]).await;
    town.group("회사", &[minji, junho], &[]).await;
    let direct = ("kminji", ChatKind::Direct);
    town.says_as(KakaoTalk, direct, "kminji", "안녕", None).await;
    town.passes(1_000).await;
    assert_eq!(
        town.kakaotalk.screen(),
        ["kminji: 어느 대화로 보낼까요? @가족, @회사 중 하나를 앞에 붙여 다시 써 주세요."]
    );
    town.says_as(KakaoTalk, direct, "kminji", "@회사 회의 시작", None).await;
    town.says_as(KakaoTalk, direct, "kminji", "늦지 마", None).await;
    town.passes(1_000).await;
    assert_eq!(
        town.telegram.screen(),
        ["77: [회사 · 카톡] 민지: 회의 시작", "77: [회사 · 카톡] 민지: 늦지 마"]
    );
    assert!(town.line.screen().is_empty(), "유나 is not at work");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_reached_where_they_did_not_agree() {
    let town = family().await;
    let minji = ieum_core::ids::PersonId(1);
    town.hub.set_consent(minji, Line, Purpose::Failover, false, "said no").await.unwrap();
    town.kakaotalk.turns(Mood::Refuses);
    town.says(Line, "Croom", "Uyuna", "비밀").await;
    town.passes(60_000).await;
    assert!(moved(&town.line.screen(), "Uminji:").is_empty());
    assert!(town.telegram.screen().iter().any(|line| line.ends_with("비밀")));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_no_way_can_carry_is_shown_to_its_author() {
    let town = Town::new().await;
    let yuna = town.person("유나", &[(Line, "Uyuna")]).await;
    let junho = town.person("준호", &[(Telegram, "77")]).await;
    town.group("둘", &[yuna, junho], &[]).await;
    town.telegram.turns(Mood::Closed);
    town.says_as(Line, ("Uyuna", ChatKind::Direct), "Uyuna", "어디야", None).await;
    town.passes(5_000).await;
    let told = town.line.screen();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("준호에게 전하지 못했어요"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_went_another_way_is_summed_up_when_the_network_returns() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let junho = town.person("준호", &[(Telegram, "77")]).await;
    town.group("둘", &[minji, junho], &[]).await;
    town.kakaotalk.turns(Mood::Refuses);
    let direct = ("77", ChatKind::Direct);
    for n in 0..3 {
        town.says_as(Telegram, direct, "77", &format!("{n}"), None).await;
        town.passes(3_000).await;
    }
    assert_eq!(town.line.screen().len(), 3, "{:?}", town.line.screen());
    town.kakaotalk.turns(Mood::Well);
    town.passes(120_000).await;
    expect_test::expect!["kminji: 14:52–14:52 사이 메시지 3개는 LINE(으)로 보냈어요."]
        .assert_eq(&town.kakaotalk.screen().join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_goes_another_way_is_not_itself_summed_up() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let junho = town.person("준호", &[(Telegram, "77")]).await;
    town.group("둘", &[minji, junho], &[]).await;
    town.kakaotalk.turns(Mood::Refuses);
    town.says_as(Telegram, ("77", ChatKind::Direct), "77", "들려?", None).await;
    town.passes(20_000).await;
    assert_eq!(town.line.screen().len(), 1, "{:?}", town.line.screen());
    // KakaoTalk returns, but its chat with 민지 has closed meanwhile.
    town.kakaotalk.chat_moods.lock().unwrap().insert("kminji".to_owned(), Mood::Closed);
    town.kakaotalk.turns(Mood::Well);
    town.passes(600_000).await;
    let seen = town.line.screen();
    assert_eq!(seen.len(), 2, "the message and one summary: {seen:?}");
    // Nor is anything summed up where she does not want to be talked to any more.
    town.hub.set_consent(minji, KakaoTalk, Purpose::Talk, false, "test").await.unwrap();
    town.says_as(Telegram, ("77", ChatKind::Direct), "77", "아직?", None).await;
    town.passes(600_000).await;
    assert_eq!(town.line.screen().len(), 3, "{:?}", town.line.screen());
}

#[tokio::test(start_paused = true)]
async fn somebody_whose_network_tells_no_name_is_asked_once() {
    let town = family().await;
    town.says(KakaoTalk, "kroom", "kaunt", "나도 왔다").await;
    town.says(KakaoTalk, "kroom", "kaunt", "다들 있니").await;
    town.passes(1_000).await;
    let asked = moved(&town.kakaotalk.screen(), "kroom: 다른 메신저에서 보일 이름");
    assert_eq!(asked.len(), 1, "{:?}", town.kakaotalk.screen());
    town.says(KakaoTalk, "kroom", "kaunt", "이름 이모").await;
    town.says(KakaoTalk, "kroom", "kaunt", "이제 보이지?").await;
    town.passes(1_000).await;
    let seen = town.telegram.screen();
    assert!(seen[0].contains("손님"), "{seen:?}");
    assert_eq!(seen.last().unwrap(), "-1: [카톡] 이모: 이제 보이지?");
    assert_eq!(seen.len(), 3, "telling the name is not a message: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_wrote_to_two_accounts_becomes_one_person_when_they_are_linked() {
    let town = Town::new().await;
    let hello = |user| (user, ChatKind::Direct);
    town.says_as(KakaoTalk, hello("kminji"), "kminji", "안녕", None).await;
    town.says_as(Line, hello("Uminji"), "Uminji", "안녕", None).await;
    let junho = town.person("준호", &[(Telegram, "77")]).await;
    let [first, second] = town.hub.with_directory(|directory| {
        let people: Vec<_> = directory.persons().map(|person| person.id).collect();
        [people[0], people[1]]
    });
    let talk = town.group("둘", &[second, junho], &[]).await;
    let user = ieum_core::ids::UserKey::new("Uminji");
    town.hub.link_address(first, "line", user.clone(), None, "민지").await.unwrap();
    town.hub.with_directory(|directory| {
        let owner = directory.person(first).unwrap();
        assert_eq!(owner.routes.len(), 2);
        assert!(owner.agreed(Line, Purpose::Talk), "by writing");
        let members = &directory.conversation(talk).unwrap().members;
        assert!(members.contains(&first) && !members.contains(&second), "{members:?}");
        assert!(directory.conversations_of(second).is_empty());
    });
    let taken = town.hub.link_address(junho, "line", user, None, "x").await;
    assert!(taken.is_err(), "a person with two addresses is not torn apart");
}
