//! Black holes: what a network took and did not deliver comes by another way, and says so.

use crate::town::{Mood, Town};
use ieum_core::audit::Audit;
use ieum_core::delivery::State;
use ieum_core::health::Surface;
use ieum_core::ids::{ChatKey, DeliverySeq, JournalSeq, MessageSeq};
use ieum_core::inbound::ChatRef;
use ieum_core::network::ChatKind;
use ieum_core::network::Network::{KakaoTalk, Line};
use ieum_core::ports::store::{OpenFilter, Store};
use ieum_engine::{Settings, Watcher};

fn settings() -> Settings {
    let watcher = |name: &str| Watcher {
        name: name.to_owned(),
        account: KakaoTalk.word().to_owned(),
        chat: ChatRef { key: ChatKey::new(format!("k{name}")), kind: ChatKind::Group },
        surface: Surface::Mobile,
    };
    let watchers = ["eye1", "eye2", "eye3"].map(watcher).to_vec();
    Settings { watchers, ..Settings::default() }
}

/// Minji is on both networks, Jisu on KakaoTalk alone, and Yuna, who speaks, on LINE.
async fn family() -> Town {
    let town = Town::with(settings()).await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let jisu = town.person("지수", &[(KakaoTalk, "kjisu")]).await;
    let yuna = town.person("유나", &[(Line, "Uyuna")]).await;
    town.group("가족", &[minji, jisu, yuna], &[]).await;
    town.is_watched(60_000, 0).await;
    town
}

async fn says(town: &Town, text: &str) {
    town.says_as(Line, ("Uyuna", ChatKind::Direct), "Uyuna", text, None).await;
}

fn copies(screen: &[String], chat: &str, text: &str) -> Vec<String> {
    let theirs = screen.iter().filter(|line| line.starts_with(&format!("{chat}:")));
    theirs.filter(|line| line.contains(text)).cloned().collect()
}

async fn assert_clean(town: &Town) -> u64 {
    let mut audit = Audit::new();
    loop {
        let page = town.store.page_journal(audit.after(), 1_000).await.unwrap();
        page.iter().for_each(|entry| audit.replay(entry));
        if page.is_empty() {
            break;
        }
    }
    assert!(audit.after() > JournalSeq(0));
    let open = town.store.page_open(OpenFilter::default(), DeliverySeq(0)).await.unwrap();
    let report = audit.finish(open.into_iter().map(|one| (one.seq, one.state)));
    assert_eq!(report.violations, []);
    report.doubted
}

#[tokio::test(start_paused = true)]
async fn what_a_black_hole_swallowed_comes_by_another_way_and_says_so() {
    let town = family().await;
    says(&town, "먼저").await;
    town.is_watched(60_000, 0).await;
    town.kakaotalk.turns(Mood::Swallows);
    says(&town, "삼켜진 말").await;
    town.is_watched(5_000, 0).await;
    assert_eq!(copies(&town.kakaotalk.screen(), "kminji", "삼켜진 말"), [""; 0]);
    town.is_watched(60_000, 0).await;
    let line = town.line.screen();
    let moved = copies(&line, "Uminji", "삼켜진 말");
    assert_eq!(moved.len(), 1, "{line:?}");
    assert!(moved[0].contains("대신 보냄"), "{moved:?}");
    let early = copies(&line, "Uminji", "먼저");
    assert!(early.is_empty(), "what came before it began is not doubted: {early:?}");
    let states: Vec<State> =
        town.deliveries_of(MessageSeq(2)).await.iter().map(|one| one.state).collect();
    assert!(states.contains(&State::Doubted), "{states:?}");
    assert!(assert_clean(&town).await >= 1);
}

#[tokio::test(start_paused = true)]
async fn who_has_no_other_way_gets_it_when_the_network_delivers_again() {
    let town = family().await;
    town.kakaotalk.turns(Mood::Swallows);
    says(&town, "삼켜진 말").await;
    town.is_watched(90_000, 0).await;
    says(&town, "기다리는 말").await;
    town.is_watched(60_000, 0).await;
    assert!(copies(&town.kakaotalk.screen(), "kjisu", "말").is_empty());
    town.kakaotalk.turns(Mood::Well);
    town.is_watched(900_000, 0).await;
    let kakao = town.kakaotalk.screen();
    let again = copies(&kakao, "kjisu", "삼켜진 말");
    assert_eq!(again.len(), 1, "{kakao:?}");
    assert!(again[0].contains("다시 보냄"), "{again:?}");
    let waited = copies(&kakao, "kjisu", "기다리는 말");
    assert_eq!(waited.len(), 1, "{kakao:?}");
    assert!(waited[0].contains("늦게 보냄"), "{waited:?}");
    assert_eq!(copies(&kakao, "kminji", "말").len(), 0, "they had it elsewhere: {kakao:?}");
    assert!(assert_clean(&town).await >= 2);
    assert_eq!(town.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_dies_before_it_doubted_does_so_after_its_restart() {
    let town = family().await;
    town.kakaotalk.turns(Mood::Swallows);
    says(&town, "삼켜진 말").await;
    // It knows, and still waits: doubt about a chat message lasts half a minute.
    town.is_watched(22_000, 0).await;
    let (incident, _) = town.incident(1).await;
    let grounds = incident.turns[0].change.grounds.clone().unwrap();
    assert!(grounds.hollow, "{grounds:?}");
    assert!(copies(&town.line.screen(), "Uminji", "삼켜진 말").is_empty());
    let town = town.crash().await;
    town.is_watched(60_000, 0).await;
    let moved = copies(&town.line.screen(), "Uminji", "삼켜진 말");
    assert_eq!(moved.len(), 1, "{:?}", town.line.screen());
    assert!(assert_clean(&town).await >= 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_leaves_no_doubt_in_what_was_taken() {
    let town = family().await;
    says(&town, "닿은 말").await;
    town.is_watched(1_000, 0).await;
    town.kakaotalk.turns(Mood::Refuses);
    town.is_watched(120_000, 0).await;
    let (incident, _) = town.incident(1).await;
    let hollow = |turn: &ieum_core::incident::Turn| {
        turn.change.grounds.as_ref().is_some_and(|grounds| grounds.hollow)
    };
    assert!(!incident.turns.iter().any(hollow), "{:?}", incident.turns);
    assert!(copies(&town.line.screen(), "Uminji", "닿은 말").is_empty());
    assert_eq!(assert_clean(&town).await, 0);
}

/// Time passes, and only these watchers hand in what their chat shows.
async fn only_sees(town: &Town, eyes: &[&str], ms: u64) {
    let mut read = town.kakaotalk.screen().len();
    for _ in 0..ms / 100 {
        town.passes(100).await;
        let screen = town.kakaotalk.screen();
        for line in screen.iter().skip(read) {
            for eye in eyes {
                if let Some(text) = line.strip_prefix(&format!("k{eye}: ")) {
                    town.hub.seen(eye, text).await.unwrap();
                }
            }
        }
        read = screen.len();
    }
}

#[tokio::test(start_paused = true)]
async fn a_hole_that_one_eye_still_looks_into_stays_open() {
    let town = family().await;
    town.kakaotalk.turns(Mood::Swallows);
    says(&town, "삼켜진 말").await;
    only_sees(&town, &[], 90_000).await;
    town.kakaotalk.turns(Mood::Well);
    only_sees(&town, &["eye1", "eye2"], 900_000).await;
    let again = |town: &Town| copies(&town.kakaotalk.screen(), "kjisu", "다시 보냄").len();
    assert_eq!(again(&town), 0, "it may be swallowed again: {:?}", town.kakaotalk.screen());
    says(&town, "나중 말").await;
    only_sees(&town, &["eye1", "eye2"], 60_000).await;
    let moved = copies(&town.line.screen(), "Uminji", "나중 말");
    assert_eq!(moved.len(), 1, "what it took since is doubted too: {:?}", town.line.screen());
    town.is_watched(120_000, 0).await;
    assert!(again(&town) >= 1, "{:?}", town.kakaotalk.screen());
    assert!(assert_clean(&town).await >= 2);
    assert_eq!(town.open().await, 0);
}
