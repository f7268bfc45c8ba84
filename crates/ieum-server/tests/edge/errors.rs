//! `/v1` when callers are wrong: a clear problem each time, and nothing changed.

use crate::house::{House, SECRET, request};
use axum::body::Body;
use http::{Request, header};
use serde_json::json;

#[tokio::test]
async fn without_a_token_nothing_is_told() {
    let house = House::open().await;
    for (path, shown) in [
        ("/v1/people", ""),
        ("/v1/people", "Bearer "),
        ("/v1/people", "Bearer wrong-wrong-wrong-wrong"),
        ("/v1/people", "Basic YTpi"),
        ("/v1/people/1", "Bearer a-token-for-the-test"),
        ("/v1/people/1", "Bearer a-token-for-the-tests!"),
        ("/v1/no/such/path", ""),
    ] {
        let mut call = Request::get(path);
        if !shown.is_empty() {
            call = call.header(header::AUTHORIZATION, shown);
        }
        let answer = house.call(call.body(Body::empty()).unwrap()).await;
        let detail = answer.problem(401);
        assert!(
            !detail.contains(SECRET) && !answer.header("www-authenticate").is_empty(),
            "{path}"
        );
    }
    let long = format!("Bearer {}", "x".repeat(10_000));
    let call = Request::get("/v1/people").header(header::AUTHORIZATION, long);
    house.call(call.body(Body::empty()).unwrap()).await.problem(401);
}

#[tokio::test]
async fn a_token_that_calls_too_often_waits() {
    let house = House::open().await;
    let mut passed = 0;
    let refused = loop {
        let answer = house.get("/v1/health").await;
        if answer.status != 200 {
            break answer;
        }
        passed += 1;
    };
    assert_eq!(passed, 500);
    refused.problem(429);
    assert_eq!(refused.header("retry-after"), "1");
    house.clock.pass_ms(1_000);
    for _ in 0..10 {
        assert_eq!(house.get("/v1/health").await.status, 200);
    }
    house.get("/v1/health").await.problem(429);
}

#[tokio::test]
async fn bodies_that_cannot_be_read_say_why() {
    let house = House::open().await;
    let post = |media_type: &str, body: Vec<u8>| {
        let request = request("POST", "/v1/people").header(header::CONTENT_TYPE, media_type);
        request.body(Body::from(body)).unwrap()
    };
    let json_type = "application/json";
    for (media_type, body, status, word) in [
        ("text/plain", b"{\"name\":\"a\"}".to_vec(), 415, "application/json"),
        ("application/json; charset=euc-kr", b"{}".to_vec(), 415, "UTF-8"),
        (json_type, b"{\"name\":\"\xb9\xce\xbe\xc6\"}".to_vec(), 400, "UTF-8"),
        (json_type, b"".to_vec(), 400, "EOF"),
        (json_type, b"{\"name\":\"a\"".to_vec(), 400, "EOF"),
        (json_type, b"{\"name\":\"a\"} x".to_vec(), 400, "trailing"),
        (json_type, b"{\"name\":\"a\",\"nmae\":1}".to_vec(), 422, "unknown field `nmae`"),
        (json_type, b"{\"name\":\"a\",\"name\":\"b\"}".to_vec(), 422, "duplicate field"),
        (json_type, b"{\"name\":7}".to_vec(), 422, "expected a string"),
        (json_type, b"{}".to_vec(), 422, "missing field `name`"),
        (json_type, b"{\"name\":\"  \"}".to_vec(), 422, "empty"),
        (json_type, b"{\"name\":\"a\",\"language\":\"fr\"}".to_vec(), 422, "`ko`"),
        (json_type, vec![b'['; 400_000], 422, ""),
        (json_type, vec![b'x'; 600_000], 413, "over 524288 bytes"),
    ] {
        let answer = house.call(post(media_type, body)).await;
        let detail = answer.problem(status);
        assert!(detail.contains(word), "{detail}");
    }
    let untyped = request("POST", "/v1/people").body(Body::from("{}")).unwrap();
    house.call(untyped).await.problem(415);
    assert_eq!(house.get("/v1/people").await.json()["people"], json!([]));
}

#[tokio::test]
async fn a_deep_body_is_refused_before_it_is_built() {
    let house = House::open().await;
    let deep = format!("{{\"name\":{}", "{\"a\":".repeat(100_000));
    let call = request("POST", "/v1/people").header(header::CONTENT_TYPE, "application/json");
    let answer = house.call(call.body(Body::from(deep)).unwrap()).await;
    assert!(answer.status == 400 || answer.status == 413 || answer.status == 422);
    answer.problem(answer.status.as_u16());
}

#[tokio::test]
async fn a_text_of_two_megabytes_is_too_large_and_a_long_one_is_invalid() {
    let house = House::open().await;
    let (_, _, conversation) = house.settle().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let huge = json!({ "text": "가".repeat(700_000) });
    house.post(&path, huge).await.problem(413);
    let long = json!({ "text": "가".repeat(100_000) });
    assert!(house.post(&path, long).await.problem(422).contains("bytes"));
    house.post(&path, json!({ "text": " \n" })).await.problem(422);
    assert_eq!(house.store.messages(), 0);
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_cannot_be_read_is_400() {
    let house = House::open().await;
    let (mina, _, conversation) = house.settle().await;
    for path in [
        "/v1/people/99",
        "/v1/conversations/99",
        "/v1/conversations/99/messages",
        "/v1/rooms/99",
        "/v1/messages/99",
        "/v1/messages/99/deliveries",
        "/v1/nothing",
        "/nothing",
    ] {
        house.get(path).await.problem(404);
    }
    let no_such_id = format!("/v1/messages/{}", "0".repeat(64));
    house.get(&no_such_id).await.problem(404);
    for path in [
        "/v1/people/x",
        "/v1/people/-1",
        "/v1/people/18446744073709551616",
        "/v1/messages/x",
        "/v1/messages/-1",
        "/v1/messages/9223372036854775808",
        "/v1/people?limit=many",
        "/v1/people?cursor=!",
        "/v1/people?limti=5",
        "/v1/journal?after=-1",
        "/v1/deliveries?state=lost",
        "/v1/events?after=x",
    ] {
        house.get(path).await.problem(400);
    }
    let not_hexadecimal = format!("/v1/messages/{}", "x".repeat(64));
    house.get(&not_hexadecimal).await.problem(400);
    for path in ["/v1/people?limit=0", "/v1/people?limit=201", "/v1/journal?limit=1001"] {
        house.get(path).await.problem(422);
    }
    let messages = format!("/v1/conversations/{conversation}/messages");
    house.post(&messages, json!({ "text": "a", "reply_to": "zz" })).await.problem(400);
    house.post(&messages, json!({ "text": "a", "person": 99 })).await.problem(404);
    let outside = json!({ "kind": "group", "title": "t", "members": [] });
    let other = house.post("/v1/conversations", outside).await.json()["id"].clone();
    let messages = format!("/v1/conversations/{other}/messages");
    house.post(&messages, json!({ "text": "a", "person": mina })).await.problem(422);
    house.send("PATCH", "/v1/people", json!({})).await.problem(405);
    house.delete("/v1/health").await.problem(405);
}

#[tokio::test]
async fn cursors_of_other_lists_are_refused() {
    let house = House::open().await;
    house.settle().await;
    let page = house.get("/v1/people?limit=1").await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    house.get(&format!("/v1/rooms?cursor={cursor}")).await.problem(400);
}

#[tokio::test]
async fn a_broken_store_is_503_without_its_secrets() {
    let house = House::open().await;
    let (_, _, conversation) = house.settle().await;
    house.store.set_broken(true);
    let messages = format!("/v1/conversations/{conversation}/messages");
    for answer in [
        house.get("/v1/counts").await,
        house.get("/v1/journal").await,
        house.get(&messages).await,
        house.get("/v1/events").await,
        house.get("/v1/messages/1").await,
        house.post(&messages, json!({ "text": "a" })).await,
        house.post("/v1/people", json!({ "name": "a" })).await,
    ] {
        assert!(!answer.problem(503).contains("SECRET-PATH"));
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(house.get("/v1/people").await.status, 200);
}
