//! Contacts through `/v1`: by handle, by the consent of both, telling nothing of anybody else.

use crate::house::House;
use serde_json::json;

/// 민아 (1) and 준 (2), who has the handle `jun`.
async fn two() -> House {
    let house = House::open().await;
    for name in ["민아", "준"] {
        house.post("/v1/people", json!({ "name": name })).await;
    }
    let taken = house.send("PUT", "/v1/people/2/handle", json!({ "handle": "@Jun" })).await;
    assert_eq!(taken.status, 204);
    house
}

async fn ask(house: &House, handle: &str) -> (u16, String) {
    let asked = house.post("/v1/people/1/contact-requests", json!({ "handle": handle })).await;
    (asked.status.as_u16(), format!("{:?}", asked.body))
}

async fn says(house: &House, standing: &str) -> u16 {
    let body = json!({ "standing": standing });
    house.send("PUT", "/v1/people/2/contacts/1", body).await.status.as_u16()
}

#[tokio::test]
async fn who_asks_and_is_accepted_is_a_contact_of_both() {
    let house = two().await;
    assert_eq!(ask(&house, "jun").await.0, 202);
    let his = house.get("/v1/people/2/contacts").await.json();
    assert_eq!(his["handle"], "jun");
    assert_eq!(his["contacts"][0]["name"], "민아");
    assert_eq!(his["contacts"][0]["standing"], "asks");
    assert_eq!(says(&house, "accepted").await, 204);
    let hers = house.get("/v1/people/1/contacts").await.json();
    assert_eq!(hers["contacts"][0]["standing"], "accepted");
    let conversations = house.get("/v1/people/1").await.json()["conversations"].clone();
    assert_eq!(conversations.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_never_tells_whether_somebody_is_there_or_what_they_said() {
    let mut answers = Vec::new();
    for (handle, word) in
        [("nobody", None), ("jun", None), ("jun", Some("ignored")), ("jun", Some("blocked"))]
    {
        let house = two().await;
        if let Some(word) = word {
            ask(&house, "jun").await;
            assert_eq!(says(&house, word).await, 204);
        }
        let answer = ask(&house, handle).await;
        let list = house.get("/v1/people/1/contacts").await.json();
        answers.push((answer, list["contacts"].clone()));
    }
    assert!(answers.iter().all(|one| *one == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let house = two().await;
    let handle = |handle: &str| json!({ "handle": handle });
    house.post("/v1/people/1/contact-requests", handle("a b")).await.problem(422);
    house.post("/v1/people/99/contact-requests", handle("jun")).await.problem(404);
    house.send("PUT", "/v1/people/1/handle", handle("jun")).await.problem(409);
    house.send("PUT", "/v1/people/1/handle", handle("x")).await.problem(422);
    let yes = json!({ "standing": "accepted" });
    house.send("PUT", "/v1/people/2/contacts/1", yes).await.problem(409);
    house.get("/v1/people/99/contacts").await.problem(404);
    for _ in 0..20 {
        assert_eq!(ask(&house, "nobody").await.0, 202);
    }
    assert_eq!(ask(&house, "jun").await.0, 409, "a day's requests are used up");
}

#[tokio::test]
async fn a_block_is_let_go_of_once() {
    let house = two().await;
    ask(&house, "jun").await;
    assert_eq!(says(&house, "blocked").await, 204);
    let path = "/v1/people/2/contacts/1";
    assert_eq!(house.send("DELETE", path, json!({})).await.status, 204);
    house.send("DELETE", path, json!({})).await.problem(409);
    let his = house.get("/v1/people/2/contacts").await.json();
    assert!(his["contacts"].as_array().unwrap().is_empty());
}
