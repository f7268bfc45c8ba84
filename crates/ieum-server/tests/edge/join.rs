//! Beginning by a code that came in one's own chat, and whoever tries to begin as somebody else.

use crate::house::House;
use crate::inbox::{cookie_of, form, open, sign_in, text};
use ieum_core::ids::PersonId;
use ieum_core::people::code::{CodePurpose, Party};
use ieum_engine::WantedCode;

/// A code of a person's, as it was told in their chat.
async fn code_of(house: &House, person: u64, purpose: CodePurpose) -> String {
    let owner = Party::Person(PersonId(person));
    let wanted = WantedCode { purpose, owner, asked_by: None, conversation: None };
    house.hub.issue_code(wanted).await.unwrap().text.to_string()
}

async fn begin(house: &House, cookies: &str, code: &str) -> crate::house::Answer {
    house.call(form("/join", cookies, &format!("code={code}"))).await
}

#[tokio::test]
async fn a_code_told_in_the_chat_opens_the_pages_and_shows_what_comes_first() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let code = code_of(&house, mina, CodePurpose::Enter).await;
    let answer = begin(&house, "", &code.to_lowercase().replace('-', " ")).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/welcome"));
    let session = cookie_of(&answer);
    let page = text(&open(&house, "/welcome", &session).await);
    for place in ["/me/link", "/me/handle", "/people"] {
        assert!(page.contains(&format!("action=\"{place}\"")), "{place}: {page}");
    }
    assert!(page.contains("name=\"csrf\""));
    assert_eq!(open(&house, "/welcome", "").await.header("location"), "/sign-in");
}

#[tokio::test]
async fn a_code_opens_the_pages_once() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let code = code_of(&house, mina, CodePurpose::Enter).await;
    assert_eq!(begin(&house, "", &code).await.status, 303);
    let again = begin(&house, "", &code).await;
    assert_eq!(again.header("set-cookie"), "");
    assert!(text(&again).contains("role=\"alert\""));
}

#[tokio::test]
async fn a_code_for_anything_else_opens_nothing_here_and_this_one_nothing_there() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    for purpose in [CodePurpose::SignIn, CodePurpose::Link, CodePurpose::JoinRoom] {
        let code = code_of(&house, mina, purpose).await;
        let answer = begin(&house, "", &code).await;
        assert_eq!(answer.header("set-cookie"), "", "{purpose:?}");
    }
    let code = code_of(&house, mina, CodePurpose::Enter).await;
    let elsewhere = form("/sign-in/code", "ieum_ticket=0000000000000001", &format!("code={code}"));
    assert_eq!(house.call(elsewhere).await.header("set-cookie"), "");
    assert_eq!(begin(&house, "", &code).await.status, 303, "it is good still");
}

#[tokio::test]
async fn a_session_that_was_planted_is_nobodys_after_the_code() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let planted = format!("ieum_session={}", "b".repeat(64));
    let code = code_of(&house, mina, CodePurpose::Enter).await;
    let answer = begin(&house, &planted, &code).await;
    assert_ne!(cookie_of(&answer), planted);
    assert_eq!(open(&house, "/inbox", &planted).await.header("location"), "/sign-in");
}

#[tokio::test]
async fn another_site_brings_nobody_in_and_uses_no_code_up() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let code = code_of(&house, mina, CodePurpose::Enter).await;
    let mut foreign = form("/join", "", &format!("code={code}"));
    foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    let refused = house.call(foreign).await;
    assert!(refused.status.is_client_error());
    assert_eq!(refused.header("set-cookie"), "");
    assert_eq!(begin(&house, "", &code).await.status, 303);
}

#[tokio::test]
async fn who_guessed_too_often_is_refused_the_right_code() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let code = code_of(&house, mina, CodePurpose::Enter).await;
    for _ in 0..10 {
        assert_eq!(begin(&house, "", "ACDE-2347").await.status, 200);
    }
    assert_eq!(begin(&house, "", &code).await.header("set-cookie"), "");
}

#[tokio::test]
async fn whoever_is_not_in_is_led_there_and_whoever_is_in_is_not() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    assert!(text(&open(&house, "/", "").await).contains("href=\"/join\""));
    assert!(text(&open(&house, "/sign-in", "").await).contains("href=\"/join\""));
    let page = text(&open(&house, "/join", "").await);
    assert!(page.contains("href=\"https://t.me/IeumBot"), "{page}");
    assert!(page.contains("class=\"picture\""), "the link is a picture, too");
    let session = sign_in(&house, mina).await;
    assert!(!text(&open(&house, "/", &session).await).contains("href=\"/join\""));
}
