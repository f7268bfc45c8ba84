//! Export and deletion through `/v1`: everything of one person, nothing of others, and every look
//! journaled before it.

use crate::house::House;
use crate::inbox::{csrf, form, open, sign_in, text};
use serde_json::{Value, json};

/// 민아 (1) and 준 (2) share conversation 1; 준 is alone in 2.
async fn house() -> House {
    let house = House::open().await;
    for name in ["민아", "준"] {
        house.post("/v1/people", json!({ "name": name })).await;
    }
    let address = json!({ "account": "bot", "user": "mina-user", "direct": "mina-chat" });
    house.post("/v1/people/1/addresses", address).await;
    for (title, members) in [("둘", vec![1, 2]), ("준", vec![2])] {
        let body = json!({ "kind": "group", "title": title, "members": members });
        house.post("/v1/conversations", body).await;
    }
    for (conversation, person, text) in
        [(1, 1, "<script>alert(1)</script>"), (2, 2, "준의 비밀"), (1, 2, "안녕 민아")]
    {
        let path = format!("/v1/conversations/{conversation}/messages");
        let said = house.post(&path, json!({ "text": text, "person": person })).await;
        assert_eq!(said.status, 201);
    }
    house
}

async fn journal(house: &House, kind: &str) -> Vec<Value> {
    let all = house.get("/v1/journal?limit=200").await.json();
    let entries = all["entries"].as_array().unwrap().clone();
    entries.into_iter().filter(|entry| entry["event"] == kind).collect()
}

#[tokio::test]
async fn an_export_has_all_of_a_person_and_nothing_of_others() {
    let house = house().await;
    let answer = house.get("/v1/people/1/export").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |record: &str| lines.iter().filter(|line| line["record"] == record).count();
    assert_eq!((of("person"), of("address"), of("conversation")), (1, 1, 1));
    assert_eq!(of("message"), 2);
    assert_eq!(of("look"), 1, "this very look is in it");
    assert!(text.contains("mina-chat") && text.contains("안녕 민아"));
    assert!(!text.contains("준의 비밀"));
}

#[tokio::test]
async fn the_page_shows_words_and_runs_nothing() {
    let house = house().await;
    let answer = house.get("/v1/people/1/export.html").await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.starts_with("<!doctype html>") && text.ends_with("</html>"), "{text}");
    assert!(text.contains("&lt;script&gt;") && !text.contains("<script"));
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"));
}

#[tokio::test]
async fn every_look_is_journaled_with_who_looked() {
    let house = house().await;
    house.get("/v1/people/1/export").await;
    house.get("/v1/people/1/search?words=hello").await;
    let looks = journal(&house, "accessed").await;
    let what: Vec<_> = looks.iter().map(|look| look["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["export", "search"]);
    assert!(looks.iter().all(|look| look["person"] == 1 && look["by"] != ""));
    house.get("/v1/people/9/export").await.problem(404);
    assert_eq!(journal(&house, "accessed").await.len(), 2, "nobody was looked at");
    house.store.set_broken(true);
    house.get("/v1/people/1/export").await.problem(503);
}

#[tokio::test]
async fn who_is_deleted_is_nobody_any_more() {
    let house = house().await;
    // What waits for others here is never claimed, so a word to herself is looked at.
    let alone = json!({ "kind": "group", "title": "혼자", "members": [1] });
    house.post("/v1/conversations", alone).await;
    let words = json!({ "text": "혼잣말", "person": 1 });
    house.post("/v1/conversations/3/messages", words).await;
    house.store.forget_deliveries();
    let gone = house.send("DELETE", "/v1/people/1", json!({})).await;
    assert_eq!(gone.status, 202);
    let left = house.get("/v1/people/1").await.json();
    assert_eq!(left["name"], "떠난 사람");
    assert!(left["addresses"].as_array().unwrap().is_empty());
    assert!(left["conversations"].as_array().unwrap().is_empty());
    assert_eq!(journal(&house, "accessed").await[0]["what"], "delete");
    for _ in 0..20 {
        house.clock.pass_ms(1_000);
        tokio::task::yield_now().await;
    }
    let all = house.get("/v1/conversations/3/messages").await.json();
    assert_eq!(all["messages"][0]["kind"], "removed");
    assert_eq!(all["messages"][0]["text"], Value::Null);
    house.send("DELETE", "/v1/people/1", json!({})).await;
    house.send("DELETE", "/v1/people/9", json!({})).await.problem(404);
}

#[tokio::test]
async fn somebody_takes_out_what_is_theirs_by_the_page() {
    let house = house().await;
    let mina = sign_in(&house, 1).await;
    let page = open(&house, "/me/export.html", &mina).await;
    assert!(page.header("content-disposition").starts_with("attachment"));
    let read = text(&page);
    assert!(read.contains("안녕 민아") && !read.contains("준의 비밀"), "{read}");
    assert!(!read.contains("<script"), "{read}");
    let lines = text(&open(&house, "/me/export.jsonl", &mina).await);
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert!(journal(&house, "accessed").await.is_empty(), "nobody else looked");
    for path in ["/me/export.html", "/me/export.jsonl", "/me/leave"] {
        assert_eq!(open(&house, path, "").await.status.as_u16(), 303, "{path}");
    }
}

#[tokio::test]
async fn who_leaves_by_the_page_types_it_and_is_gone() {
    let house = house().await;
    let mina = sign_in(&house, 1).await;
    let secret = csrf(&text(&open(&house, "/me/leave", &mina).await));
    let send = async |fields: String| house.call(form("/me/leave", &mina, &fields)).await;
    let is_there = async || house.get("/v1/people/1").await.json()["name"] == "민아";
    let wrong = send(format!("csrf={secret}&word=no")).await;
    assert!(text(&wrong).contains("role=\"alert\"") && is_there().await);
    assert_eq!(send("csrf=0&word=leave".to_owned()).await.status.as_u16(), 400);
    assert!(is_there().await, "a form of another page");
    let done = send(format!("csrf={secret}&word=+Leave+")).await;
    assert_eq!(done.status.as_u16(), 200);
    assert!(done.header("set-cookie").contains("Max-Age=0"), "the browser forgets who it was");
    assert!(!is_there().await);
    assert_eq!(open(&house, "/inbox", &mina).await.status.as_u16(), 303, "signed out");
}
