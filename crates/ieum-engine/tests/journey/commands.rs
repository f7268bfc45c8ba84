//! Words to the hub itself: where somebody is, what does not work, stop and resume.

use super::links::writes;
use super::town::{Mood, Town};
use ieum_core::ids::{ConversationId, PersonId};
use ieum_core::network::ChatKind::Direct;
use ieum_core::network::Network::{KakaoTalk, Line, Telegram};

const HOUR_MS: u64 = 3_600_000;

/// 민지 on KakaoTalk (first) and LINE, and 유나 on Telegram, in one conversation.
async fn two() -> (Town, PersonId) {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    town.group("가족", &[minji, yuna], &[]).await;
    (town, minji)
}

/// Where 민지 gets what 유나 says.
async fn reached_at(town: &Town, text: &str) -> Vec<String> {
    let seen = writes(town, Telegram, "77", text).await;
    let chat = |line: &String| line.split(':').next().unwrap().to_owned();
    seen.iter().filter(|line| line.contains(text)).map(chat).collect()
}

#[tokio::test(start_paused = true)]
async fn here_is_first_for_twelve_hours_and_survives_a_crash() {
    let (town, _) = two().await;
    assert_eq!(reached_at(&town, "하나").await, ["kminji"]);
    let seen = writes(&town, Line, "Uminji", "여기로").await;
    assert!(seen.concat().contains("LINE(으)로 먼저"), "{seen:?}");
    assert_eq!(reached_at(&town, "둘").await, ["Uminji"]);
    let town = town.crash().await;
    assert_eq!(reached_at(&town, "셋").await, ["Uminji"]);
    town.passes(12 * HOUR_MS - 60_000).await;
    assert_eq!(reached_at(&town, "넷").await, ["Uminji"]);
    town.passes(60_000).await;
    assert_eq!(reached_at(&town, "다섯").await, ["kminji"]);
}

#[tokio::test(start_paused = true)]
async fn here_brings_what_waits_elsewhere_once_and_in_order() {
    let (town, _) = two().await;
    town.kakaotalk.turns(Mood::Hangs);
    for n in 0..3 {
        town.says_as(Telegram, ("77", Direct), "77", &format!("소식 {n}"), None).await;
    }
    town.passes(100).await;
    writes(&town, Line, "Uminji", "here").await;
    town.passes(60_000).await;
    let got: Vec<String> =
        town.line.screen().into_iter().filter(|line| line.contains("소식")).collect();
    assert_eq!(got.len(), 3, "{got:?}");
    for (n, line) in got.iter().enumerate() {
        assert!(line.contains(&format!("소식 {n}")), "{got:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_moves_the_reporter_at_once_and_nobody_else() {
    let (town, _) = two().await;
    let jisu = town.person("지수", &[(KakaoTalk, "kjisu"), (Line, "Ujisu")]).await;
    town.hub.add_member(ConversationId(1), jisu).await.unwrap();
    let seen = writes(&town, Line, "Uminji", "카톡 안 돼요").await;
    assert!(seen.concat().contains("LINE(으)로 전할게요"), "{seen:?}");
    let mut at = reached_at(&town, "들려?").await;
    at.sort();
    assert_eq!(at, ["Uminji", "kjisu"]);
}

#[tokio::test(start_paused = true)]
async fn who_did_not_agree_to_be_reached_there_is_asked_and_not_moved() {
    let (town, minji) = two().await;
    let no = ieum_core::directory::Purpose::Failover;
    town.hub.set_consent(minji, Line, no, false, "test").await.unwrap();
    let seen = writes(&town, Line, "Uminji", "kakao is down").await;
    assert!(seen.concat().contains("`여기로`"), "{seen:?}");
    assert_eq!(reached_at(&town, "들려?").await, ["kminji"]);
}

#[tokio::test(start_paused = true)]
async fn stop_acts_on_what_is_queued_and_resume_gives_back_what_it_took() {
    let (town, minji) = two().await;
    writes(&town, Line, "Uminji", "그만").await;
    town.kakaotalk.turns(Mood::Refuses);
    for n in 0..3 {
        reached_at(&town, &format!("소식 {n}")).await;
    }
    town.passes(20_000).await;
    let heard = |town: &Town| {
        let all = [town.line.screen(), town.kakaotalk.screen()].concat();
        all.into_iter().filter(|line| line.contains("소식")).count()
    };
    assert_eq!(heard(&town), 0, "an outage does not lead where somebody said stop");
    writes(&town, KakaoTalk, "kminji", "그만").await;
    town.kakaotalk.turns(Mood::Well);
    town.passes(120_000).await;
    assert_eq!(heard(&town), 0, "what was queued before is not sent either");
    writes(&town, KakaoTalk, "kminji", "다시").await;
    assert_eq!(reached_at(&town, "돌아왔네").await, ["kminji"]);
    let agreed = town.hub.with_directory(|directory| {
        let person = directory.person(minji).unwrap();
        [KakaoTalk, Line].map(|one| person.agreed(one, ieum_core::directory::Purpose::Talk))
    });
    assert_eq!(agreed, [true, false], "resume is for the network where it was said");
}

#[tokio::test(start_paused = true)]
async fn words_that_nobody_asked_for_are_said_to_the_others() {
    let (town, _) = two().await;
    for text in ["네", "아니요", "다시", "카톡 안 봐?", "연결이 이상해"] {
        let seen = writes(&town, KakaoTalk, "kminji", text).await;
        assert!(
            seen.iter().any(|line| line.starts_with("77: ") && line.ends_with(text)),
            "{seen:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_is_followed_and_the_status_is_told_in_plain_words() {
    let (town, _) = two().await;
    let seen = writes(&town, Line, "Uminji", "순서 라인 카톡").await;
    assert!(seen.concat().contains("LINE → 카톡"), "{seen:?}");
    assert_eq!(reached_at(&town, "하나").await, ["Uminji"]);
    let seen = writes(&town, Line, "Uminji", "상태").await.concat();
    assert!(seen.contains("카톡: 잘 돼요"), "{seen}");
    town.kakaotalk.turns(Mood::Refuses);
    town.line.turns(Mood::Refuses);
    town.passes(60_000).await;
    town.line.turns(Mood::Well);
    town.passes(120_000).await;
    let seen = writes(&town, Line, "Uminji", "status").await.concat();
    assert!(!seen.contains("카톡: 잘 돼요"), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn a_title_alone_switches_and_says_so() {
    let (town, minji) = two().await;
    town.group("동창", &[minji], &[]).await;
    let seen = writes(&town, KakaoTalk, "kminji", "@가족").await;
    assert!(seen.concat().contains("'가족' 대화로 전해져요"), "{seen:?}");
    let seen = writes(&town, KakaoTalk, "kminji", "나왔어").await;
    assert!(seen.iter().any(|line| line.starts_with("77: ")), "{seen:?}");
}
