//! Messages of the past through `/v1`.

use crate::house::House;
use serde_json::json;

#[tokio::test]
async fn the_past_is_kept_once_and_shown() {
    let house = House::open().await;
    house.post("/v1/people", json!({ "name": "민아" })).await;
    let talk = json!({ "kind": "group", "title": "모임", "members": [1] });
    house.post("/v1/conversations", talk).await;
    let body = json!({ "messages": [
        { "author": "민아", "at_ms": 1_000, "text": "옛말" },
        { "author": "민아", "at_ms": 1_000, "text": "옛말", "again": 1 },
        { "author": "친구", "at_ms": 2_000, "text": "그래" },
    ] });
    let path = "/v1/conversations/1/past";
    let first = house.post(path, body).await;
    assert_eq!((first.status.as_u16(), first.json()), (200, json!({ "kept": 3, "known": 0 })));
    let shown = house.get("/v1/conversations/1/messages").await.json();
    assert_eq!(shown["messages"][0]["author"]["name"], "친구");
    assert_eq!(shown["messages"].as_array().unwrap().len(), 3);
    let none = json!({ "messages": [{ "author": "", "at_ms": 1, "text": "x" }] });
    assert_eq!(house.post(path, none).await.status, 422);
}
