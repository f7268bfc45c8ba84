//! `/v1` when all is well: what is made can be read again, in pages.

use crate::house::{HOOK_SECRET, House, OTHER_SECRET, request, said};
use axum::body::Body;
use http::header;
use serde_json::{Value, json};

#[tokio::test]
async fn people_have_addresses_and_consents() {
    let house = House::open().await;
    let made = house.post("/v1/people", json!({ "name": "민아", "language": "en" })).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.header("location"), "/v1/people/1");
    let address = json!({ "account": "bot", "user": "u1", "direct": "d1" });
    let linked = house.post("/v1/people/1/addresses", address.clone()).await;
    assert_eq!(linked.status, 201, "{:?}", linked.body);
    let consent = json!({ "network": "telegram", "purpose": "failover", "given": true,
        "source": "paper form 12" });
    let kept = house.send("PUT", "/v1/people/1/consents", consent).await;
    assert_eq!((kept.status.as_u16(), kept.body.len()), (204, 0));
    let person = house.get("/v1/people/1").await.json();
    assert_eq!(person["name"], "민아");
    assert_eq!(person["language"], "en");
    assert_eq!(person["addresses"][0]["network"], "telegram");
    assert_eq!(person["addresses"][0]["name"], "민아");
    assert_eq!(person["consents"][0]["purpose"], "failover");
    assert_eq!(person["consents"][0]["at_ms"], 1_700_000_000_000_i64);
    house.post("/v1/people", json!({ "name": "준" })).await;
    let second = json!({ "account": "bot", "user": "u2" });
    house.post("/v1/people/1/addresses", second).await;
    house.post("/v1/people/2/addresses", address).await.problem(409);
}

#[tokio::test]
async fn those_who_wrote_are_found_and_linked() {
    let house = House::open().await;
    let (mina, _, _) = house.settle().await;
    house.hook("bot", HOOK_SECRET, said("m1", "hi")).await;
    let guests = house.get("/v1/addresses?person=none&account=bot").await.json();
    let guest = &guests["addresses"][0];
    assert_eq!(guests["addresses"].as_array().unwrap().len(), 1, "{guests}");
    assert_eq!(guest["person"], Value::Null);
    let link = json!({ "account": guest["account"], "user": guest["user"] });
    assert_eq!(house.post(&format!("/v1/people/{mina}/addresses"), link).await.status, 201);
    let guests = house.get("/v1/addresses?person=none").await.json();
    assert_eq!(guests["addresses"], json!([]));
    let hers = house.get(&format!("/v1/addresses?person={mina}")).await.json();
    assert_eq!(hers["addresses"][0]["id"], guest["id"]);
    house.get("/v1/addresses?account=nobody").await.problem(404);
    house.get("/v1/addresses?person=me").await.problem(422);
}

#[tokio::test]
async fn who_is_in_a_room_can_be_read_and_said() {
    let house = House::open().await;
    house.settle().await;
    house.hook("bot", HOOK_SECRET, said("m1", "hi")).await;
    let present = house.get("/v1/rooms/1").await.json()["present"].clone();
    let address = present[0]["address"].as_u64().unwrap();
    assert!(present[0]["name"].is_string());
    assert_eq!(present[0]["person"], Value::Null);
    let path = format!("/v1/rooms/1/people/{address}");
    assert_eq!(house.delete(&path).await.status, 204);
    assert_eq!(house.get("/v1/rooms/1").await.json()["present"], json!([]));
    for _ in 0..2 {
        assert_eq!(house.send("PUT", &path, json!({})).await.status, 204);
    }
    assert_eq!(house.get("/v1/rooms/1").await.json()["present"], present);
    house.delete("/v1/rooms/1/people/999").await.problem(404);
    house.delete(&format!("/v1/rooms/999/people/{address}")).await.problem(404);
}

#[tokio::test]
async fn conversations_have_members_and_rooms() {
    let house = House::open().await;
    let (mina, jun, conversation) = house.settle().await;
    let path = format!("/v1/conversations/{conversation}");
    let shown = house.get(&path).await.json();
    assert_eq!(shown["members"], json!([mina, jun]));
    assert_eq!(shown["rooms"], json!([1]));
    assert_eq!(house.get("/v1/rooms/1").await.json()["conversation"], json!(conversation));
    assert_eq!(house.delete(&format!("{path}/members/{jun}")).await.status, 204);
    assert_eq!(house.delete(&format!("{path}/rooms/1")).await.status, 204);
    house.delete(&format!("{path}/rooms/1")).await.problem(404);
    let added = house.post(&format!("{path}/members"), json!({ "person": jun })).await;
    assert_eq!(added.status, 204);
    let shown = house.get(&path).await.json();
    assert_eq!((&shown["members"], &shown["rooms"]), (&json!([mina, jun]), &json!([])));
}

/// Follows a list to its end; all its rows, and how many pages there were.
async fn walk(house: &House, path: &str, rows: &str) -> (Vec<Value>, usize) {
    let (mut all, mut pages) = (Vec::new(), 0);
    let mut next = path.to_owned();
    loop {
        let page = house.get(&next).await.json();
        all.extend(page[rows].as_array().unwrap().iter().cloned());
        pages += 1;
        let Some(cursor) = page["next_cursor"].as_str() else {
            return (all, pages);
        };
        next = format!("{path}&cursor={cursor}");
    }
}

#[tokio::test]
async fn lists_are_walked_page_by_page_without_gaps() {
    let house = House::open().await;
    let (_, _, conversation) = house.settle().await;
    for number in 0..5 {
        house.post("/v1/people", json!({ "name": format!("p{number}") })).await;
        house.post("/v1/rooms", json!({ "account": "bot", "chat": format!("c{number}") })).await;
        let group = json!({ "kind": "open", "title": "t", "members": [] });
        house.post("/v1/conversations", group).await;
        house.hook("bot", HOOK_SECRET, said(&format!("m{number}"), "hi")).await;
    }
    for (path, rows, count) in [
        ("/v1/people", "people", 7_usize),
        ("/v1/rooms", "rooms", 6),
        ("/v1/conversations", "conversations", 6),
    ] {
        for limit in [1, 3, count, 200] {
            let (all, pages) = walk(&house, &format!("{path}?limit={limit}"), rows).await;
            let ids: Vec<u64> = all.iter().map(|one| one["id"].as_u64().unwrap()).collect();
            assert_eq!(ids, (1..=count as u64).collect::<Vec<_>>(), "{path} {limit}");
            assert_eq!(pages, count.div_ceil(limit), "{path} {limit}");
        }
    }
    let path = format!("/v1/conversations/{conversation}/messages?limit=2");
    let (all, pages) = walk(&house, &path, "messages").await;
    let seqs: Vec<u64> = all.iter().map(|one| one["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|newer, older| newer > older), "{seqs:?}");
    assert_eq!(pages, seqs.len().div_ceil(2));
    assert_eq!(all.iter().filter(|one| one["author"]["kind"] == "guest").count(), 5);
}

/// One message that is owed to so many rooms and more people; its list of deliveries.
async fn owed_to(house: &House, rooms: usize, people: usize) -> &'static str {
    let (mina, _, conversation) = house.settle().await;
    let path = format!("/v1/conversations/{conversation}");
    for number in 1..rooms {
        let room = json!({ "account": "bot", "chat": format!("c{number}") });
        let room = house.post("/v1/rooms", room).await.json()["id"].clone();
        let joined = house.post(&format!("{path}/rooms"), json!({ "room": room })).await;
        assert_eq!(joined.status, 204, "{:?}", joined.body);
    }
    for number in 0..people {
        let made = house.post("/v1/people", json!({ "name": format!("p{number}") })).await.json();
        let address = json!({ "account": "bot", "user": format!("u{number}"),
            "direct": format!("d{number}") });
        let linked = format!("/v1/people/{}/addresses", made["id"]);
        assert_eq!(house.post(&linked, address).await.status, 201);
        let member = json!({ "person": made["id"] });
        assert_eq!(house.post(&format!("{path}/members"), member).await.status, 204);
    }
    let said = json!({ "person": mina, "text": "모두에게" });
    assert_eq!(house.post(&format!("{path}/messages"), said).await.json()["seq"], 1);
    "/v1/messages/1/deliveries"
}

#[tokio::test]
async fn deliveries_of_a_message_are_walked_without_gaps() {
    let house = House::open().await;
    let path = owed_to(&house, 7, 3).await;
    let whole = house.get(&format!("{path}?limit=200")).await.json();
    assert_eq!(whole["next_cursor"], Value::Null);
    let whole = whole["deliveries"].as_array().unwrap();
    for room in 1..=7 {
        let owed = whole.iter().filter(|one| one["recipient"] == json!({ "room": room }));
        assert_eq!(owed.count(), 1, "room {room} in {whole:?}");
    }
    for limit in [1, 3, whole.len()] {
        let (all, pages) = walk(&house, &format!("{path}?limit={limit}"), "deliveries").await;
        assert_eq!(&all, whole, "{limit}");
        assert_eq!(pages, whole.len().div_ceil(limit), "{limit}");
    }
}

#[tokio::test]
async fn a_page_of_a_messages_deliveries_has_a_limit_and_its_own_cursors() {
    let house = House::open().await;
    let path = owed_to(&house, 5, 60).await;
    let first = house.get(path).await.json();
    assert_eq!(first["deliveries"].as_array().unwrap().len(), 50);
    let own = first["next_cursor"].as_str().unwrap().to_owned();
    let open = house.get("/v1/deliveries?limit=1").await.json();
    let foreign = open["next_cursor"].as_str().unwrap();
    house.get(&format!("{path}?cursor={foreign}")).await.problem(400);
    house.get(&format!("/v1/deliveries?cursor={own}")).await.problem(400);
    for (limit, status) in [("0", 422), ("201", 422), ("many", 400)] {
        house.get(&format!("{path}?limit={limit}")).await.problem(status);
    }
    house.get("/v1/messages/99/deliveries?limit=1").await.problem(404);
}

#[tokio::test]
async fn a_page_of_long_messages_is_shorter_and_none_is_left_out() {
    let house = House::open().await;
    let (_, _, conversation) = house.settle().await;
    let text = "x".repeat(60_000);
    for number in 0..100 {
        house.hook("bot", HOOK_SECRET, said(&format!("m{number}"), &text)).await;
    }
    let path = format!("/v1/conversations/{conversation}/messages?limit=200");
    let page = house.get(&path).await;
    assert!(page.body.len() < 5 << 20, "{}", page.body.len());
    let (all, pages) = walk(&house, &path, "messages").await;
    let long = all.iter().filter(|one| one["text"] == text).count();
    assert_eq!((long, pages), (100, 2));
}

#[tokio::test]
async fn a_message_is_said_once_for_each_key() {
    let house = House::open().await;
    let (mina, _, conversation) = house.settle().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let say = |secret: &str, key: &str, text: &str| {
        let request = http::Request::post(&path)
            .header(header::AUTHORIZATION, format!("Bearer {secret}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key);
        let body = json!({ "person": mina, "text": text }).to_string();
        request.body(Body::from(body)).unwrap()
    };
    let mine = crate::house::SECRET;
    let first = house.call(say(mine, "k1", "점심?")).await;
    assert_eq!(first.status, 201, "{:?}", first.body);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = house.call(say(mine, "k1", "점심?")).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("location"), first.header("location"));
    house.call(say(mine, "k1", "저녁?")).await.problem(422);
    assert_eq!(house.store.messages(), 1);
    assert_eq!(house.call(say(OTHER_SECRET, "k1", "점심?")).await.status, 201);
    assert_eq!(house.store.messages(), 2);
    let long = "k".repeat(129);
    for bad in ["", long.as_str()] {
        house.call(say(mine, bad, "점심?")).await.problem(400);
    }
    assert_eq!(house.store.messages(), 2);
}

#[tokio::test]
async fn a_message_is_found_by_number_and_id_with_its_deliveries() {
    let house = House::open().await;
    let (mina, _, conversation) = house.settle().await;
    house.hook("bot", HOOK_SECRET, said("m1", "여기요")).await;
    let one = house.get("/v1/messages/1").await.json();
    assert_eq!((&one["text"], &one["kind"]), (&json!("여기요"), &json!("text")));
    assert_eq!(one["author"]["kind"], "guest");
    assert_eq!(one["author"]["network"], "telegram");
    let id = one["id"].as_str().unwrap().to_owned();
    assert_eq!(house.get(&format!("/v1/messages/{id}")).await.json(), one);
    let path = format!("/v1/conversations/{conversation}/messages");
    let answer = json!({ "person": mina, "text": "네", "reply_to": id, "class": "urgent" });
    let answer = house.post(&path, answer).await.json();
    assert_eq!((&answer["reply_to"], &answer["class"]), (&json!(id), &json!("urgent")));
    assert_eq!(answer["author"]["kind"], "person");
    let owed = house.get("/v1/messages/2/deliveries").await.json();
    let owed = owed["deliveries"].as_array().unwrap();
    assert!(owed.iter().any(|one| one["recipient"] == json!({ "room": 1 })), "{owed:?}");
    let open = house.get("/v1/deliveries?state=queued&account=bot").await.json();
    assert_eq!(open["deliveries"][0]["route"]["room"], 1, "{open}");
    let none = house.get("/v1/deliveries?conversation=99").await.json();
    assert_eq!(none["deliveries"], json!([]));
    house.get("/v1/deliveries?state=read").await.problem(422);
    house.get("/v1/deliveries?account=nobody").await.problem(404);
}

#[tokio::test]
async fn the_journal_is_read_in_order_and_counts_agree() {
    let house = House::open().await;
    house.settle().await;
    house.hook("bot", HOOK_SECRET, said("m1", "text that must not be there")).await;
    let page = house.get("/v1/journal?limit=1000").await;
    assert!(!String::from_utf8_lossy(&page.body).contains("must not be there"));
    let page = page.json();
    let entries = page["entries"].as_array().unwrap();
    for (place, entry) in entries.iter().enumerate() {
        assert_eq!(entry["seq"], json!(place + 1));
        assert!(entry["event"].is_string() && entry["at"].is_i64(), "{entry}");
    }
    let newest = page["next_after"].clone();
    let rest = house.get(&format!("/v1/journal?after={newest}")).await.json();
    assert_eq!(rest, json!({ "entries": [], "next_after": newest }));
    let counts = house.get("/v1/counts").await.json();
    let admitted = entries.iter().filter(|entry| entry["event"] == "admitted").count();
    assert_eq!(counts["journal"], newest);
    assert_eq!(counts["messages"], json!(admitted));
}

#[tokio::test]
async fn accounts_and_health_are_shown() {
    let house = House::open().await;
    let accounts = house.get("/v1/accounts").await.json();
    assert_eq!(accounts["accounts"][0]["name"], "bot");
    assert_eq!(accounts["accounts"][0]["network"], "telegram");
    let health = house.get("/v1/health").await;
    assert_eq!(health.status, 200);
    assert!(health.json()["cells"].is_array());
    let cached = request("GET", "/v1/counts").body(Body::empty()).unwrap();
    assert_eq!(house.call(cached).await.header("cache-control"), "no-store");
}
