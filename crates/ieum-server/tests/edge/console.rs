//! The operator's console, and whoever tries its door.

use crate::house::{Answer, House, OTHER_SECRET, SECRET, said};
use crate::inbox::{cookie_of, csrf, form, open, sign_in, text};
use ieum_core::health::CellState;
use std::time::Duration;

async fn enter(house: &House, token: &str) -> Answer {
    house.call(form("/console", "", &format!("token={token}"))).await
}

async fn operator(house: &House) -> String {
    let answer = enter(house, SECRET).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/console"));
    cookie_of(&answer)
}

async fn deed(house: &House, session: &str, deed: &str) -> Answer {
    let page = text(&open(house, "/console", session).await);
    let fields =
        format!("csrf={}&network=telegram&function=send&surface=api&deed={deed}", csrf(&page));
    house.call(form("/console/cell", session, &fields)).await
}

fn state(house: &House) -> CellState {
    house.hub.health().first().map(|view| view.state).unwrap_or_default()
}

#[tokio::test]
async fn a_token_opens_the_console_and_nothing_else() {
    let house = House::open().await;
    let session = operator(&house).await;
    let page = text(&open(&house, "/console", &session).await);
    assert!(page.contains("name=\"deed\"") && page.contains("<strong>bot</strong>"), "{page}");
    assert_eq!(open(&house, "/inbox", &session).await.header("location"), "/sign-in");
    let (_, secret) = session.split_once('=').unwrap();
    let posed = format!("ieum_session={secret}");
    assert_eq!(open(&house, "/me", &posed).await.header("location"), "/sign-in");
}

#[tokio::test]
async fn the_cookie_of_the_console_stays_in_the_console() {
    let house = House::open().await;
    let answer = enter(&house, OTHER_SECRET).await;
    let line = answer.header("set-cookie");
    for rule in ["HttpOnly", "SameSite=Strict", "Path=/console"] {
        assert!(line.contains(rule), "{line}");
    }
}

#[tokio::test]
async fn without_a_token_nobody_sees_or_does_anything() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let person = sign_in(&house, mina).await;
    let planted = format!("ieum_operator={}", "a".repeat(64));
    for cookies in ["", person.as_str(), planted.as_str()] {
        let page = text(&open(&house, "/console", cookies).await);
        assert!(page.contains("name=\"token\"") && !page.contains("name=\"deed\""), "{page}");
        let fields = "csrf=&network=telegram&function=send&surface=api&deed=down";
        let answer = house.call(form("/console/cell", cookies, fields)).await;
        assert_eq!(answer.header("location"), "/console");
    }
    for wrong in ["", "x", "a-token-for-the-test"] {
        let answer = enter(&house, wrong).await;
        assert_eq!(answer.header("set-cookie"), "");
        assert!(text(&answer).contains("role=\"alert\""));
    }
    assert_eq!(state(&house), CellState::Up);
}

#[tokio::test(start_paused = true)]
async fn a_right_token_is_answered_no_sooner_than_a_wrong_one() {
    let house = House::open().await;
    for token in [SECRET, "wrong"] {
        let mut entering = std::pin::pin!(enter(&house, token));
        let soon = tokio::time::timeout(Duration::from_millis(599), &mut entering).await;
        assert!(soon.is_err(), "{token} was answered too soon");
        tokio::time::timeout(Duration::from_millis(2), entering).await.unwrap();
    }
}

#[tokio::test]
async fn a_part_is_held_down_and_let_go() {
    let house = House::open().await;
    let session = operator(&house).await;
    assert_eq!(deed(&house, &session, "down").await.header("location"), "/console");
    assert_eq!(state(&house), CellState::Down);
    let page = text(&open(&house, "/console", &session).await);
    assert!(page.contains("state down") && page.contains("붙들어 둠"), "{page}");
    deed(&house, &session, "release").await;
    let page = text(&open(&house, "/console", &session).await);
    assert!(!page.contains("붙들어 둠"), "{page}");
}

#[tokio::test]
async fn forms_without_the_consoles_own_secret_change_nothing() {
    let house = House::open().await;
    let (session, other) = (operator(&house).await, operator(&house).await);
    let stolen = csrf(&text(&open(&house, "/console", &other).await));
    for secret in ["", "0", stolen.as_str()] {
        let fields = format!("csrf={secret}&network=telegram&function=send&surface=api&deed=down");
        let answer = house.call(form("/console/cell", &session, &fields)).await;
        assert_eq!(answer.status.as_u16(), 400);
        let leave = form("/console/leave", &session, &format!("csrf={secret}"));
        assert_eq!(house.call(leave).await.status.as_u16(), 400);
    }
    let own = csrf(&text(&open(&house, "/console", &session).await));
    let mut foreign = form("/console/leave", &session, &format!("csrf={own}"));
    foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(house.call(foreign).await.status.as_u16(), 400);
    assert_eq!(state(&house), CellState::Up);
    house.call(form("/console/leave", &session, &format!("csrf={own}"))).await;
    assert!(text(&open(&house, "/console", &session).await).contains("name=\"token\""));
    assert!(text(&open(&house, "/console", &other).await).contains("name=\"deed\""));
}

#[tokio::test]
async fn nobodys_words_or_names_are_in_the_console() {
    let house = House::open().await;
    house.settle().await;
    house.hook("bot", crate::house::HOOK_SECRET, said("1", "비밀 이야기")).await;
    let session = operator(&house).await;
    let page = text(&open(&house, "/console", &session).await);
    for private in ["비밀", "민아", "준<", "가족", "guest"] {
        assert!(!page.contains(private), "{private}: {page}");
    }
}
