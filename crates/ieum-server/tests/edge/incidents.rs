//! Incidents, the public status, and the operator's word that opens one.

use crate::house::{House, said};
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

const HOLD: &str = "/v1/networks/telegram/hold";
const RELEASE: &str = "/v1/networks/telegram/release";

async fn public(house: &House, path: &str) -> crate::house::Answer {
    house.call(Request::get(path).body(Body::empty()).unwrap()).await
}

/// A house whose only network the operator holds down, with one message that waited for it.
async fn held_down() -> House {
    let house = House::open().await;
    let (mina, _, conversation) = house.settle().await;
    let message = json!({ "text": "안녕", "person": mina });
    let path = format!("/v1/conversations/{conversation}/messages");
    assert_eq!(house.post(&path, message).await.status, 201);
    let down = house.send("PUT", HOLD, json!({ "state": "down" })).await;
    assert_eq!(down.status, 204, "{:?}", down.body);
    house
}

#[tokio::test]
async fn the_operators_word_opens_and_closes_an_incident() {
    let house = held_down().await;
    house.clock.pass_ms(60_000);
    let list = house.get("/v1/incidents").await.json();
    let incident = &list["incidents"][0];
    assert_eq!(incident["network"], "telegram");
    assert_eq!(incident["worst"], "down");
    assert_eq!(incident["closed_at_ms"], Value::Null);
    assert_eq!(incident["lasted_ms"], 60_000);
    assert_eq!(incident["cells"][0]["down_ms"], 60_000);
    assert_eq!(house.send("POST", RELEASE, json!({})).await.status, 204);
    let told = house.get("/v1/incidents/1").await.json();
    assert_eq!(told["closed_at_ms"], 1_700_000_060_000_i64);
    assert_eq!(told["turns"][0]["to"], "down");
    assert_eq!(told["turns"][0]["grounds"]["rule"], "operator");
    assert_eq!(told["turns"].as_array().unwrap().last().unwrap()["to"], "up");
}

#[tokio::test]
async fn an_incident_tells_what_waited_because_of_it() {
    let house = held_down().await;
    let told = house.get("/v1/incidents/1").await.json();
    assert_eq!((&told["held"], &told["moved"]), (&json!(1), &json!(0)), "{told}");
    let touched = house.get("/v1/incidents/1/deliveries?limit=1").await.json();
    assert_eq!(touched["deliveries"][0]["how"], "held");
    assert_eq!(touched["deliveries"][0]["recipient"], json!({ "room": 1 }));
    assert_eq!(touched["next_cursor"], Value::Null);
}

#[tokio::test]
async fn everybody_can_read_the_status_and_nobody_is_named_there() {
    let house = House::open().await;
    house.settle().await;
    house.hook("bot", crate::house::HOOK_SECRET, said("m1", "hi")).await;
    let status = public(&house, "/status.json").await.json();
    let network = &status["networks"][0];
    assert_eq!((&network["network"], &network["state"]), (&json!("telegram"), &json!("up")));
    assert_eq!(network["parts"][0]["uptime_90d_percent"], 100.0);
    assert_eq!(status["incidents"], json!([]));
    house.clock.pass_ms(100_000);
    house.send("PUT", HOLD, json!({ "state": "down" })).await;
    house.clock.pass_ms(100_000);
    let answer = public(&house, "/status.json").await;
    let status = answer.json();
    let network = &status["networks"][0];
    assert_eq!(network["state"], "down");
    assert!(network["words"]["ko"].as_str().unwrap().contains("지금 안 돼요"), "{network}");
    assert_eq!(network["parts"][0]["uptime_90d_percent"], 50.0);
    assert_eq!(status["incidents"][0]["worst"], "down");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(!text.contains("민아") && !text.contains("guest"), "{text}");
}

#[tokio::test]
async fn the_feed_has_an_entry_for_each_incident() {
    let house = held_down().await;
    house.clock.pass_ms(5_000);
    house.send("POST", RELEASE, json!({})).await;
    let feed = public(&house, "/status.atom").await;
    assert_eq!(feed.header("content-type"), "application/atom+xml; charset=utf-8");
    let text = String::from_utf8(feed.body.to_vec()).unwrap();
    assert_eq!(text.matches("<entry>").count(), 1, "{text}");
    assert!(text.contains("<id>urn:ieum:incident:1:1700000000000</id>"), "{text}");
    assert!(text.contains("<published>2023-11-14T22:13:20Z</published>"), "{text}");
    assert!(text.contains("<updated>2023-11-14T22:13:25Z</updated>"), "{text}");
}

#[tokio::test]
async fn a_watcher_that_is_not_there_is_said_so() {
    let house = House::open().await;
    assert_eq!(house.get("/v1/watchers").await.json()["watchers"], json!([]));
    let seen = json!({ "text": "#ieum-000000" });
    house.send("POST", "/v1/watchers/phone/seen", seen).await.problem(404);
    let long = json!({ "text": "x".repeat(5_000) });
    house.send("POST", "/v1/watchers/phone/seen", long).await.problem(422);
}

#[tokio::test]
async fn reports_are_counted_once_for_each_person() {
    let house = House::open().await;
    let (mina, jun, _) = house.settle().await;
    let report = |person: u64| {
        let body = json!({ "person": person, "surface": "pc" });
        house.send("POST", "/v1/networks/telegram/reports", body)
    };
    assert_eq!(report(mina).await.json()["reporters"], 1);
    assert_eq!(report(mina).await.json()["reporters"], 1);
    assert_eq!(report(jun).await.json()["reporters"], 2);
    report(999).await.problem(404);
}

#[tokio::test]
async fn what_is_not_there_or_not_understood_is_said_and_changes_nothing() {
    let house = House::open().await;
    house.get("/v1/incidents/1").await.problem(404);
    house.get("/v1/incidents/1/deliveries").await.problem(404);
    house.get("/v1/incidents/x").await.problem(400);
    house.get("/v1/incidents?limit=0").await.problem(422);
    house.get("/v1/incidents?cursor=AAAA").await.problem(400);
    let down = json!({ "state": "down" });
    house.send("PUT", "/v1/networks/carrier-pigeon/hold", down).await.problem(404);
    house.send("PUT", HOLD, json!({ "state": "broken" })).await.problem(422);
    house.send("PUT", HOLD, json!({})).await.problem(422);
    house.send("POST", RELEASE, json!({ "surface": "watch" })).await.problem(422);
    assert_eq!(house.get("/v1/incidents").await.json()["incidents"], json!([]));
    let unsigned = Request::get("/v1/incidents").body(Body::empty()).unwrap();
    house.call(unsigned).await.problem(401);
}
