//! Signing in and the inbox, and whoever tries to get in without, through, or into another's.

use crate::house::{Answer, House};
use axum::body::Body;
use http::Request;
use ieum_core::ids::PersonId;
use ieum_core::people::code::{CodePurpose, Party};
use ieum_engine::WantedCode;
use serde_json::{Value, json};
use std::time::Duration;

/// What a browser sends with a form, besides the form.
pub fn form(path: &str, cookies: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", cookies)
        .body(Body::from(body.to_owned()))
        .unwrap()
}

/// A page, as a browser asks for it.
pub async fn open(house: &House, path: &str, cookies: &str) -> Answer {
    let request = Request::get(path).header("accept", "text/html").header("cookie", cookies);
    house.call(request.body(Body::empty()).unwrap()).await
}

/// The words of an answer.
pub fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// The cookie that an answer sets.
pub fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// A code for signing in, as it came to one of the person's addresses.
async fn code_for(house: &House, person: u64) -> (String, String) {
    let wanted = WantedCode {
        purpose: CodePurpose::SignIn,
        owner: Party::Person(PersonId(person)),
        asked_by: None,
        conversation: None,
    };
    let issued = house.hub.issue_code(wanted).await.unwrap();
    (issued.text.to_string(), format!("ieum_ticket={:016x}", issued.ticket.0))
}

/// Signs a person in: the cookie of their session.
pub async fn sign_in(house: &House, person: u64) -> String {
    let (code, ticket) = code_for(house, person).await;
    let answer = house.call(form("/sign-in/code", &ticket, &format!("code={code}"))).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/inbox"));
    cookie_of(&answer)
}

/// The secret that the forms of a page carry.
pub fn csrf(page: &str) -> String {
    let rest = page.split("name=\"csrf\" value=\"").nth(1).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// Says something by the interface.
pub async fn say(house: &House, conversation: u64, person: u64, words: &str) -> Value {
    let path = format!("/v1/conversations/{conversation}/messages");
    house.post(&path, json!({ "text": words, "person": person })).await.json()
}

#[tokio::test]
async fn a_code_opens_a_session_and_the_session_opens_the_inbox() {
    let house = House::open().await;
    let (mina, jun, conversation) = house.settle().await;
    say(&house, conversation, jun, "저녁 먹었어?").await;
    let session = sign_in(&house, mina).await;
    let list = text(&open(&house, "/inbox", &session).await);
    assert!(list.contains("가족") && list.contains("준: 저녁 먹었어?"), "{list}");
    let page = text(&open(&house, &format!("/inbox/{conversation}"), &session).await);
    assert!(page.contains("저녁 먹었어?") && page.contains("class=\"theirs\""), "{page}");
}

#[tokio::test]
async fn the_list_begins_with_what_moved_last_and_goes_on_to_what_never_did() {
    let house = House::open().await;
    let (mina, jun, first) = house.settle().await;
    for number in 0..130 {
        let title = format!("모임 {number:03}");
        let body = json!({ "kind": "group", "title": title, "members": [mina, jun] });
        assert_eq!(house.post("/v1/conversations", body).await.status, 201);
    }
    say(&house, first + 1, jun, "하나").await;
    say(&house, first, jun, "둘").await;
    let session = sign_in(&house, mina).await;
    let rows = async |path: &str| {
        let page = text(&open(&house, path, &session).await);
        let rows = page.split("class=\"row\" href=\"/inbox/").skip(1);
        let ids = rows.map(|row| row.split('"').next().unwrap().parse::<u64>().unwrap());
        let next = page.split("href=\"?from=").nth(1).map(|rest| rest.split('"').next().unwrap());
        (ids.collect::<Vec<_>>(), next.map(|from| format!("/inbox?from={from}")))
    };
    let (mut all, mut next) = rows("/inbox").await;
    assert_eq!(all[..2], [first, first + 1], "the oldest conversation moved last");
    while let Some(path) = next {
        let (more, then) = rows(&path).await;
        all.extend(more);
        next = then;
    }
    assert_eq!(all[2..], (first + 2..=first + 130).rev().collect::<Vec<_>>());
    assert_eq!(rows("/inbox?from=99999").await, (Vec::new(), None));
    assert_eq!(open(&house, "/inbox?from=-1", &session).await.status, 400);
}

#[tokio::test]
async fn a_session_cookie_is_the_browsers_alone() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let (code, ticket) = code_for(&house, mina).await;
    let mut request = form("/sign-in/code", &ticket, &format!("code={code}"));
    request.headers_mut().insert("x-forwarded-proto", "https".parse().unwrap());
    let line = house.call(request).await.header("set-cookie").to_owned();
    for rule in ["HttpOnly", "SameSite=Lax", "Path=/", "Secure"] {
        assert!(line.contains(rule), "{line}");
    }
}

#[tokio::test]
async fn a_session_brought_along_is_not_taken_over() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let (code, ticket) = code_for(&house, mina).await;
    let planted = format!("ieum_session={}", "a".repeat(64));
    let cookies = format!("{planted}; {ticket}");
    let answer = house.call(form("/sign-in/code", &cookies, &format!("code={code}"))).await;
    assert_ne!(cookie_of(&answer), planted);
    assert_eq!(open(&house, "/inbox", &planted).await.header("location"), "/sign-in");
}

#[tokio::test]
async fn a_code_is_good_once_and_only_where_it_was_asked_for() {
    let house = House::open().await;
    let (mina, jun, _) = house.settle().await;
    let (code, ticket) = code_for(&house, mina).await;
    let (_, other) = code_for(&house, jun).await;
    let typed = format!("code={code}");
    assert_eq!(house.call(form("/sign-in/code", "", &typed)).await.header("location"), "/sign-in");
    let elsewhere = house.call(form("/sign-in/code", &other, &typed)).await;
    assert!(text(&elsewhere).contains("role=\"alert\""));
    assert_eq!(house.call(form("/sign-in/code", &ticket, &typed)).await.status, 303);
    let again = house.call(form("/sign-in/code", &ticket, &typed)).await;
    assert_eq!(again.header("set-cookie"), "");
    assert!(text(&again).contains("role=\"alert\""));
}

#[tokio::test(start_paused = true)]
async fn nobody_learns_who_uses_the_hub() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let mut seen = Vec::new();
    for who in [mina.to_string(), "99999".to_owned(), "somebody%40mail.example".to_owned()] {
        let asking = house.call(form("/sign-in", "", &format!("who={who}&way=any")));
        let mut asking = std::pin::pin!(asking);
        let soon = tokio::time::timeout(Duration::from_millis(500), &mut asking).await;
        assert!(soon.is_err(), "answered {who} too soon");
        let answer = asking.await;
        let ticket = cookie_of(&answer);
        assert_eq!(ticket.len(), "ieum_ticket=".len() + 16, "{ticket}");
        seen.push((answer.status, answer.header("location").to_owned(), answer.body));
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
}

#[tokio::test]
async fn what_is_written_is_said_once_for_each_key() {
    let house = House::open().await;
    let (mina, _, conversation) = house.settle().await;
    let session = sign_in(&house, mina).await;
    let path = format!("/inbox/{conversation}");
    let secret = csrf(&text(&open(&house, &path, &session).await));
    let body = format!("csrf={secret}&key=one&text=%EC%9D%91");
    for _ in 0..2 {
        let answer = house.call(form(&path, &session, &body)).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, path.as_str()));
    }
    assert_eq!(house.store.messages(), 1);
    let page = text(&open(&house, &path, &session).await);
    assert!(page.contains("class=\"mine\"") && page.contains("가족방"), "{page}");
}

#[tokio::test]
async fn forms_without_the_pages_own_secret_change_nothing() {
    let house = House::open().await;
    let (mina, _, conversation) = house.settle().await;
    let session = sign_in(&house, mina).await;
    let path = format!("/inbox/{conversation}");
    let secret = csrf(&text(&open(&house, &path, &session).await));
    for stolen in ["", "0", &"0".repeat(32)] {
        let body = format!("csrf={stolen}&key=k&text=x");
        assert_eq!(house.call(form(&path, &session, &body)).await.status, 400);
        let leaving = form("/sign-out", &session, &format!("csrf={stolen}"));
        assert_eq!(house.call(leaving).await.status, 400);
    }
    let mut foreign = form(&path, &session, &format!("csrf={secret}&key=k&text=x"));
    foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(house.call(foreign).await.status, 400);
    assert_eq!(house.store.messages(), 0);
    assert_eq!(open(&house, "/inbox", &session).await.status, 200);
}

#[tokio::test]
async fn other_peoples_conversations_are_not_there() {
    let house = House::open().await;
    let (mina, _, conversation) = house.settle().await;
    let eve = house.post("/v1/people", json!({ "name": "이브" })).await.json();
    let eve = sign_in(&house, eve["id"].as_u64().unwrap()).await;
    say(&house, conversation, mina, "우리끼리").await;
    let path = format!("/inbox/{conversation}");
    let (theirs, nobodys) =
        (open(&house, &path, &eve).await, open(&house, "/inbox/999", &eve).await);
    assert_eq!((theirs.status.as_u16(), nobodys.status.as_u16()), (404, 404));
    let same = |answer: &Answer| text(answer).replace(&path, "").replace("/inbox/999", "");
    assert_eq!(same(&theirs), same(&nobodys));
    let list = text(&open(&house, "/inbox", &eve).await);
    assert!(!list.contains("우리끼리") && list.contains("아직 대화가 없어요"), "{list}");
    let me = text(&open(&house, "/me", &eve).await);
    let body = format!("csrf={}&key=k&text=x", csrf(&me));
    assert_eq!(house.call(form(&path, &eve, &body)).await.status, 404);
    assert_eq!(house.store.messages(), 1);
}

#[tokio::test]
async fn names_and_words_are_text_and_never_markup() {
    let house = House::open().await;
    let evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'";
    let person = house.post("/v1/people", json!({ "name": evil })).await.json()["id"].clone();
    let body = json!({ "kind": "group", "title": evil, "members": [person] });
    let conversation = house.post("/v1/conversations", body).await.json()["id"].as_u64().unwrap();
    let room = json!({ "account": "bot", "chat": "r", "title": evil });
    let room = house.post("/v1/rooms", room).await.json()["id"].clone();
    house.post(&format!("/v1/conversations/{conversation}/rooms"), json!({ "room": room })).await;
    let person = person.as_u64().unwrap();
    say(&house, conversation, person, evil).await;
    let session = sign_in(&house, person).await;
    for path in ["/inbox".to_owned(), format!("/inbox/{conversation}")] {
        let page = text(&open(&house, &path, &session).await);
        assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
        assert!(!page.contains("<script>") && !page.contains("<img"), "{page}");
    }
}

#[tokio::test]
async fn signing_out_ends_one_session_or_all() {
    let house = House::open().await;
    let (mina, jun, _) = house.settle().await;
    let (one, two) = (sign_in(&house, mina).await, sign_in(&house, mina).await);
    let (three, other) = (sign_in(&house, mina).await, sign_in(&house, jun).await);
    let leave = async |session: &str, extra: &str| {
        let secret = csrf(&text(&open(&house, "/me", session).await));
        let body = format!("csrf={secret}{extra}");
        house.call(form("/sign-out", session, &body)).await
    };
    assert_eq!(leave(&one, "").await.status, 303);
    let state = async |session: &str| open(&house, "/inbox", session).await.status.as_u16();
    assert_eq!((state(&one).await, state(&two).await), (303, 200));
    leave(&two, "&everywhere=yes").await;
    assert_eq!((state(&two).await, state(&three).await, state(&other).await), (303, 303, 200));
}

#[tokio::test]
async fn an_open_page_hears_of_its_own_conversations_only() {
    use http_body_util::BodyExt;
    let house = House::open().await;
    let (mina, jun, conversation) = house.settle().await;
    let body = json!({ "kind": "group", "title": "남", "members": [jun] });
    let others = house.post("/v1/conversations", body).await.json()["id"].as_u64().unwrap();
    let session = sign_in(&house, mina).await;
    let request = Request::get("/inbox/live").header("cookie", &session).body(Body::empty());
    let (head, mut stream) = house.open_stream(request.unwrap()).await;
    assert_eq!(head.headers["content-type"], "text/event-stream");
    stream.frame().await.unwrap().unwrap();
    say(&house, others, jun, "몰래").await;
    say(&house, conversation, jun, "같이").await;
    let heard = stream.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(heard, format!("event: moved\ndata: {conversation}\n\n"));
    assert_eq!(open(&house, "/inbox/live", "").await.header("location"), "/sign-in");
}
