//! Terms through `/v1`: what somebody asks of the ways to them.

use crate::house::House;
use serde_json::json;

#[tokio::test]
async fn terms_are_said_shown_and_taken_back() {
    let house = House::open().await;
    for name in ["민아", "준"] {
        house.post("/v1/people", json!({ "name": name })).await;
    }
    let talk = json!({ "kind": "group", "title": "모임", "members": [1] });
    house.post("/v1/conversations", talk).await;
    let none = json!({ "security_min": "plain", "reaches": [] });
    assert_eq!(house.get("/v1/people/1/terms").await.json(), none);
    let strict = json!({ "security_min": "transport" });
    assert_eq!(house.send("PUT", "/v1/people/1/security", strict).await.status, 204);
    let line = json!({ "networks": ["line"] });
    assert_eq!(house.send("PUT", "/v1/people/1/reach/1", line.clone()).await.status, 204);
    let said = json!({
        "security_min": "transport",
        "reaches": [{ "conversation": 1, "networks": ["line"] }],
    });
    assert_eq!(house.get("/v1/people/1/terms").await.json(), said);
    let anywhere = json!({ "networks": null });
    assert_eq!(house.send("PUT", "/v1/people/1/reach/1", anywhere).await.status, 204);
    assert_eq!(house.get("/v1/people/1/terms").await.json()["reaches"], json!([]));
    assert_eq!(house.send("PUT", "/v1/people/2/reach/1", line.clone()).await.status, 409);
    assert_eq!(house.send("PUT", "/v1/people/9/reach/1", line).await.status, 404);
    assert_eq!(house.get("/v1/people/9/terms").await.status, 404);
    let odd = json!({ "security_min": "perfect" });
    assert_eq!(house.send("PUT", "/v1/people/1/security", odd).await.status, 422);
}
