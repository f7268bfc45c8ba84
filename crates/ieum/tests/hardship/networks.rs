//! Networks that answer rubbish or nothing: nothing is called delivered, nothing is lost, and the
//! other network does not feel it.

use crate::hub::{CHAT, Hub, OTHER_GROUP, said};
use crate::peers::Manner;
use crate::wire::{now, sleep_ms, wait_until};
use serde_json::json;
use std::time::Duration;

/// An unoptimised program; a body that is read without end would pass this at once.
const MEMORY_MB_MAX: u64 = 160;
/// More than the hub has under way at one network at once.
const HANGING_MESSAGES: usize = 80;

/// Telegram turns bad, an urgent message is due, Telegram turns good again.
fn outlives(manner: Manner) {
    let hub = Hub::start();
    hub.telegram.turn(manner);
    let text = format!("급한 말 {manner:?}");
    let message = json!({"text": text, "class": "urgent"});
    let said = hub.post("/v1/conversations/1/messages", &message);
    wait_until("the other network", || hub.line.count(&text) == 2);
    sleep_ms(1_500);
    let path = format!("/v1/messages/{}/deliveries", said["seq"]);
    let deliveries = hub.get(&path)["deliveries"].as_array().unwrap().clone();
    let to_telegram: Vec<_> =
        deliveries.iter().filter(|delivery| delivery["route"]["network"] == "telegram").collect();
    assert_eq!(to_telegram.len(), 1, "{deliveries:?}");
    let state = to_telegram[0]["state"].as_str().unwrap();
    assert!(["queued", "attempting", "unsure", "held"].contains(&state), "{manner:?}: {state}");
    hub.telegram.turn(Manner::Well);
    wait_until("Telegram again", || hub.telegram.count(&text) > 0);
    let seen = hub.telegram.seen();
    assert!(seen.iter().all(|seen| seen.chat == CHAT && seen.text.starts_with('[')), "{seen:?}");
    assert_eq!(hub.telegram.count(&text), 1, "{seen:?}");
    let used = hub.memory_mb_max();
    assert!(used <= MEMORY_MB_MAX, "{manner:?}: {used} MB");
    hub.stop_and_audit();
}

#[test]
fn html_instead_of_an_answer() {
    outlives(Manner::Html);
}

#[test]
fn a_bad_gateway() {
    outlives(Manner::BadGateway);
}

#[test]
fn one_byte_a_second() {
    outlives(Manner::Drip);
}

#[test]
fn no_answer_ever() {
    outlives(Manner::Silent);
}

#[test]
fn a_network_that_hangs_up() {
    outlives(Manner::HangUp);
}

#[test]
fn an_answer_without_end() {
    outlives(Manner::Endless);
}

#[test]
fn an_answer_nested_without_end() {
    outlives(Manner::Deep);
}

#[test]
fn a_hanging_network_delays_no_other() {
    let hub = Hub::start_with("", 30_000);
    let others: Vec<u64> = (0..HANGING_MESSAGES)
        .map(|other| hub.join_telegram_alone(&format!("-20{other}")))
        .collect();
    p99(&hub, 100, "데우기");
    let calm = p99(&hub, 1_000, "평온");
    hub.telegram.turn(Manner::Silent);
    for other in others {
        hub.post(&format!("/v1/conversations/{other}/messages"), &json!({"text": "매달림"}));
    }
    let hanging = p99(&hub, 2_000, "그래도");
    println!(
        "LINE to LINE, p99: {calm:?} beside a calm Telegram, {hanging:?} beside a hanging one"
    );
    assert!(hanging < calm * 3 + Duration::from_millis(100), "{calm:?}, then {hanging:?}");
    let telegram = hub.get("/v1/accounts")["accounts"][1].clone();
    assert!(telegram["in_flight"].as_u64().unwrap() >= 16, "it did hang: {telegram}");
    assert_eq!(hub.telegram.count("매달림"), 0);
    hub.check_log();
}

/// Sends messages from one LINE group, a hundred a second, and measures until the other shows them.
fn p99(hub: &Hub, first: u64, text: &str) -> Duration {
    const MESSAGES: u64 = 150;
    let mut began = Vec::new();
    for number in first..first + MESSAGES {
        let text = format!("{text} {number}.");
        began.push((text.clone(), now()));
        assert_eq!(hub.line_hook(said(number, &text).to_string().as_bytes()).status(), 200);
        sleep_ms(10);
    }
    wait_until("all on LINE", || hub.line.count(text) as u64 == MESSAGES);
    let seen = hub.line.seen();
    assert!(seen.iter().all(|seen| seen.chat == OTHER_GROUP));
    let arrived = |text: &str| seen.iter().find(|seen| seen.text.contains(text)).unwrap().at;
    let mut took: Vec<_> =
        began.iter().map(|(text, began)| arrived(text).saturating_duration_since(*began)).collect();
    took.sort_unstable();
    took[took.len() * 99 / 100]
}
