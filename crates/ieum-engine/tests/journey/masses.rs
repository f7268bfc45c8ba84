//! A great many people at once leave a network: the one that they go to is not overrun.

use crate::town::{Mood, Town};
use ieum_core::network::Network::{KakaoTalk, Line, Telegram};
use ieum_core::network::{ChatKind, RateLimits};
use ieum_core::ports::clock::Clock;
use ieum_core::time::Timestamp;
use ieum_engine::Settings;
use std::collections::BTreeMap;

/// Classes whose pupils are moved at once, and how many pupils each has.
const CLASSES: usize = 10;
const PUPILS: usize = 1_000;
/// What everybody is told, one after the other.
const WORDS: [&str; 2] = ["첫째", "둘째"];
/// Calls that the network they go to allows.
const RATE: RateLimits =
    RateLimits { per_second_max: 500, per_room_minute_max: 60_000, in_flight_max: 32 };
/// How long people of that network may wait for each other meanwhile: the rest of a second whose
/// calls are spent, and the call.
const OWN_WAIT_MS_MAX: u64 = 1_200;

/// Most lines that were shown within any stretch of one second.
fn busiest_second(seen: &[(Timestamp, String)]) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, (at, _)) in seen.iter().enumerate() {
        while at.ms_since(seen[first].0) >= 1_000 {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

/// What each of the moved people saw, in the order in which they saw it.
fn by_person(seen: &[(Timestamp, String)]) -> BTreeMap<String, Vec<String>> {
    let mut screens = BTreeMap::<String, Vec<String>>::new();
    for (_, line) in seen.iter().filter(|(_, line)| line.starts_with("Uall")) {
        let (chat, text) = line.split_once(": ").unwrap();
        screens.entry(chat.to_owned()).or_default().push(text.to_owned());
    }
    screens
}

/// Teachers with their classes, on KakaoTalk; 준호 and 민지 in a conversation where nobody has it.
async fn school() -> Town {
    let town = Town::paced(Settings::default(), Some(RATE)).await;
    let junho = town.person("준호", &[(Telegram, "77")]).await;
    let minji = town.person("민지", &[(Line, "Uminji")]).await;
    town.group("둘", &[junho, minji], &[]).await;
    for class in 0..CLASSES {
        let mut all = vec![town.person("선생님", &[(Telegram, &teacher(class))]).await];
        for n in 0..PUPILS {
            let (kakaotalk, line) = (format!("kall{class}-{n}"), format!("Uall{class}-{n}"));
            all.push(town.person("모두", &[(KakaoTalk, &kakaotalk), (Line, &line)]).await);
        }
        town.group("반", &all, &[]).await;
    }
    town
}

fn teacher(class: usize) -> String {
    format!("t{class}")
}

/// How long after it was said a word was shown.
fn waited_for(town: &Town, word: &str, said_at: Timestamp) -> Option<u64> {
    let seen = town.line.seen.lock().unwrap();
    let shown = seen.iter().find(|(_, line)| line.ends_with(word));
    shown.map(|(at, _)| at.ms_since(said_at))
}

async fn tells(town: &Town, chat: &str, text: &str) {
    town.says_as(Telegram, (chat, ChatKind::Direct), chat, text, None).await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_at_once_neither_overrun_a_network_nor_starve_its_own_people() {
    let town = school().await;
    town.kakaotalk.turns(Mood::Refuses);
    for word in WORDS {
        for class in 0..CLASSES {
            tells(&town, &teacher(class), word).await;
        }
    }
    town.passes(10_000).await;
    for n in 0..15 {
        let word = format!("우리끼리 {n}");
        let said_at = town.clock.now();
        tells(&town, "77", &word).await;
        town.passes(1_500).await;
        let waited = waited_for(&town, &word, said_at);
        assert!(waited.is_some_and(|ms| ms <= OWN_WAIT_MS_MAX), "{n}: {waited:?} ms");
    }
    let so_far: usize = by_person(&town.line.seen.lock().unwrap()).values().map(Vec::len).sum();
    let all = CLASSES * PUPILS * WORDS.len();
    assert!(so_far < all, "and all the while the masses were on their way");
    town.passes(60_000).await;
    let seen = town.line.seen.lock().unwrap().clone();
    assert!(busiest_second(&seen) <= 500, "{} in one second", busiest_second(&seen));
    let screens = by_person(&seen);
    assert_eq!(screens.len(), CLASSES * PUPILS, "everybody");
    for (chat, lines) in screens {
        assert_eq!(lines.len(), WORDS.len(), "{chat}: {lines:?}");
        for (line, word) in lines.iter().zip(WORDS) {
            assert!(line.contains("카톡 지연 · 대신 보냄 #"), "labelled: {line}");
            assert!(line.ends_with(word), "in order: {line}");
        }
    }
    assert!(town.kakaotalk.screen().is_empty());
    assert_eq!(town.open().await, 0);
}
