//! Groups and moderation through `/v1`.

use crate::house::House;
use serde_json::{Value, json};

/// 민아 (1) leads the group 1, into which 준 (2) came; 수아 (3) is nowhere.
async fn group() -> House {
    let house = House::open().await;
    for (id, name, handle) in [(1, "민아", "mina"), (2, "준", "junx"), (3, "수아", "suax")] {
        house.post("/v1/people", json!({ "name": name })).await;
        let path = format!("/v1/people/{id}/handle");
        house.send("PUT", &path, json!({ "handle": handle })).await;
    }
    let made = house.post("/v1/people/1/groups", json!({ "title": "모임" })).await;
    assert_eq!((made.status.as_u16(), made.json()), (201, json!({ "conversation": 1 })));
    let asked = json!({ "by": 1, "handle": "@junx" });
    assert_eq!(house.post("/v1/conversations/1/invitations", asked).await.status, 202);
    let waiting = house.get("/v1/people/2/invitations").await.json();
    assert_eq!(waiting["invitations"], json!([{ "conversation": 1, "title": "모임" }]));
    assert_eq!(put(&house, "/v1/people/2/invitations/1", json!({ "comes": true })).await, 204);
    house
}

async fn put(house: &House, path: &str, body: Value) -> u16 {
    house.send("PUT", path, body).await.status.as_u16()
}

#[tokio::test]
async fn a_group_is_made_filled_named_and_shown() {
    let house = group().await;
    let roster = house.get("/v1/conversations/1/roster").await.json();
    assert_eq!(roster["unreachable"], 2, "nobody has an address");
    assert_eq!(roster["seats"][0]["role"], "owner");
    assert_eq!(roster["seats"][1]["name"], "준");
    let titled = json!({ "by": 2, "title": "다른 이름" });
    assert_eq!(put(&house, "/v1/conversations/1/title", titled).await, 409);
    let role = json!({ "by": 1, "role": "moderator" });
    assert_eq!(put(&house, "/v1/conversations/1/roles/2", role).await, 204);
    let titled = json!({ "by": 2, "title": "다른 이름" });
    assert_eq!(put(&house, "/v1/conversations/1/title", titled).await, 204);
    assert_eq!(house.get("/v1/conversations/1").await.json()["title"], "다른 이름");
    let empty = json!({ "title": " " });
    assert_eq!(put(&house, "/v1/conversations/1/title", empty).await, 422);
    assert_eq!(house.get("/v1/conversations/9/roster").await.status, 404);
}

#[tokio::test]
async fn the_operators_removal_of_an_owner_leaves_somebody_to_lead() {
    let house = group().await;
    house.send("DELETE", "/v1/conversations/1/members/1", Value::Null).await;
    let roster = house.get("/v1/conversations/1/roster").await.json();
    assert_eq!(roster["seats"][0]["name"], "준");
    assert_eq!(roster["seats"][0]["role"], "owner");
}

#[tokio::test]
async fn invitations_look_alike_whomever_they_find() {
    let house = group().await;
    let mut answers = Vec::new();
    for handle in ["junx", "suax", "nobody", "mina"] {
        let body = json!({ "by": 1, "handle": handle });
        let answer = house.post("/v1/conversations/1/invitations", body).await;
        answers.push((answer.status.as_u16(), answer.body.clone()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn an_open_conversation_is_entered_slowed_and_moderated() {
    let house = group().await;
    let opened = house.send("PUT", "/v1/conversations/1/door", json!({ "open": true })).await;
    let key = opened.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(put(&house, &format!("/v1/people/3/doors/{key}"), Value::Null).await, 204);
    assert_eq!(put(&house, "/v1/people/3/doors/22222222222", Value::Null).await, 404);
    assert_eq!(put(&house, "/v1/conversations/1/slow", json!({ "slow_ms": 5_000 })).await, 204);
    let report = json!({ "by": 2, "about": 3, "reason": "광고" });
    let told = house.post("/v1/conversations/1/reports", report).await;
    assert_eq!(told.status, 204);
    let decided = json!({ "by": 1, "ruling": "banned" });
    assert_eq!(put(&house, "/v1/conversations/1/reports/1", decided.clone()).await, 204);
    assert_eq!(put(&house, "/v1/conversations/1/reports/1", decided).await, 404);
    assert_eq!(put(&house, &format!("/v1/people/3/doors/{key}"), Value::Null).await, 409);
    let text = json!({ "person": 3, "text": "아니에요" });
    house.post("/v1/conversations/1/reports/1/appeal", text).await;
    let waiting = house.get("/v1/appeals").await.json();
    assert_eq!(waiting["reports"][0]["appeal"], "아니에요");
    let heard = json!({ "stands": true });
    assert_eq!(put(&house, "/v1/conversations/1/reports/1/appeal", heard).await, 204);
    assert_eq!(house.get("/v1/appeals").await.json()["reports"], json!([]));
    let lifted = house.send("DELETE", "/v1/conversations/1/bans/3", Value::Null).await;
    assert_eq!(lifted.status, 204);
    let closed = house.send("PUT", "/v1/conversations/1/door", json!({ "open": false })).await;
    assert_eq!(closed.json()["key"], Value::Null);
    assert_eq!(put(&house, &format!("/v1/people/3/doors/{key}"), Value::Null).await, 404);
}
