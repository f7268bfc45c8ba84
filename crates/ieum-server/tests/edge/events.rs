//! The event stream: complete, in order, resumable, bounded.

use crate::house::{HOOK_SECRET, House, request, said};
use axum::body::Body;
use http_body_util::BodyExt;
use ieum_server::Limits;
use std::time::Duration;

/// Reads frames of a stream until it has so many events, as (id, event).
async fn events(body: &mut Body, count: usize) -> Vec<(u64, String)> {
    let mut text = String::new();
    loop {
        let found = parse(&text);
        if found.len() >= count {
            return found;
        }
        let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await;
        let frame = frame.expect("an event in time").expect("an open stream").unwrap();
        text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
}

fn parse(text: &str) -> Vec<(u64, String)> {
    let whole = text.split_inclusive("\n\n").filter(|event| event.ends_with("\n\n"));
    whole
        .filter_map(|event| {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            let id = field("id: ")?.parse().unwrap();
            let data: serde_json::Value = serde_json::from_str(field("data: ")?).unwrap();
            assert_eq!(data["seq"], id);
            assert_eq!(data["event"], field("event: ")?);
            Some((id, field("event: ")?.to_owned()))
        })
        .collect()
}

async fn stream(house: &House, last: Option<u64>) -> Body {
    let mut call = request("GET", "/v1/events");
    if let Some(last) = last {
        call = call.header("last-event-id", last.to_string());
    }
    let (head, body) = house.open_stream(call.body(Body::empty()).unwrap()).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.headers["content-type"], "text/event-stream");
    body
}

#[tokio::test]
async fn a_stream_begins_now_and_carries_what_comes() {
    let house = House::open().await;
    house.settle().await;
    let newest = house.get("/v1/counts").await.json()["journal"].as_u64().unwrap();
    let mut body = stream(&house, None).await;
    house.hook("bot", HOOK_SECRET, said("m1", "hi")).await;
    let (first, _) = events(&mut body, 1).await[0];
    assert_eq!(first, newest + 1);
}

#[tokio::test]
async fn a_stream_resumes_without_gap_or_repetition() {
    let house = House::open().await;
    house.settle().await;
    let mut body = stream(&house, Some(0)).await;
    let first = events(&mut body, 3).await;
    let (last, _) = *first.last().unwrap();
    drop(body);
    for number in 0..600 {
        let id = format!("m{number}");
        assert_eq!(house.hook("bot", HOOK_SECRET, said(&id, "hi")).await.status, 200);
    }
    let newest = house.get("/v1/counts").await.json()["journal"].as_u64().unwrap();
    let mut body = stream(&house, Some(last)).await;
    let rest = events(&mut body, usize::try_from(newest - last).unwrap()).await;
    let ids: Vec<u64> = first.iter().chain(&rest).map(|(id, _)| *id).collect();
    assert_eq!(ids, (1..=newest).collect::<Vec<_>>());
    assert!(rest.iter().filter(|(_, event)| event == "admitted").count() >= 600);
}

#[tokio::test]
async fn a_silent_stream_gives_signs_of_life() {
    let limits = Limits { heartbeat_ms: 20, ..Limits::default() };
    let house = House::with_limits(limits).await;
    let mut body = stream(&house, None).await;
    let mut text = String::new();
    while text.matches(": \n\n").count() < 3 {
        let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await;
        let data = frame.unwrap().unwrap().unwrap().into_data().unwrap();
        text.push_str(std::str::from_utf8(&data).unwrap());
    }
    assert!(text.starts_with("retry: 1000\n\n: \n\n"), "{text}");
}

#[tokio::test]
async fn streams_are_limited_in_number_and_give_their_place_back() {
    let limits = Limits { event_streams_max: 2, ..Limits::default() };
    let house = House::with_limits(limits).await;
    let one = stream(&house, None).await;
    let _two = stream(&house, None).await;
    house.get("/v1/events").await.problem(503);
    drop(one);
    drop(stream(&house, None).await);
}

#[tokio::test]
async fn a_last_id_that_is_no_number_is_refused() {
    let house = House::open().await;
    let call = request("GET", "/v1/events").header("last-event-id", "yesterday");
    house.call(call.body(Body::empty()).unwrap()).await.problem(400);
}
