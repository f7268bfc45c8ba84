//! The pages as browsers meet them: what they show, what they never show, and what they forbid.

use crate::house::{Answer, House};
use axum::body::Body;
use http::Request;
use http::request::Builder;
use serde_json::json;

/// Asks for a page as a browser does.
fn browser(path: &str) -> Builder {
    Request::get(path).header("accept", "text/html,application/xhtml+xml;q=0.9")
}

async fn page(house: &House, path: &str) -> Answer {
    house.call(browser(path).body(Body::empty()).unwrap()).await
}

async fn in_english(house: &House, path: &str) -> String {
    let request = browser(path).header("accept-language", "en-GB,en;q=0.8");
    text(&house.call(request.body(Body::empty()).unwrap()).await)
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// A house whose only network is down by the operator's word, with one message that waits.
async fn held_down() -> House {
    let house = House::open().await;
    let (mina, _, conversation) = house.settle().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    house.post(&path, json!({ "text": "비밀 이야기", "person": mina })).await;
    let down = house.send("PUT", "/v1/networks/telegram/hold", json!({ "state": "down" })).await;
    assert_eq!(down.status, 204);
    house
}

#[tokio::test]
async fn the_status_page_says_what_works_in_both_languages() {
    let house = House::open().await;
    let korean = text(&page(&house, "/").await);
    assert!(korean.contains("<html lang=\"ko\""), "{korean}");
    for words in ["모두 잘 되고 있어요", "텔레그램", "100.00%", "지난 장애가 없어요."]
    {
        assert!(korean.contains(words), "no {words}: {korean}");
    }
    let english = in_english(&house, "/status").await;
    assert!(english.contains("<html lang=\"en\""));
    assert!(english.contains("Everything works") && english.contains("Telegram"), "{english}");
}

#[tokio::test]
async fn an_outage_shows_on_the_status_page_and_has_a_page_of_its_own() {
    let house = held_down().await;
    house.clock.pass_ms(372_000);
    let status = in_english(&house, "/status").await;
    for words in ["Telegram: not working now", "href=\"/incidents/1\"", "for 6 min 12 s"] {
        assert!(status.contains(words), "no {words}: {status}");
    }
    let told = in_english(&house, "/incidents/1").await;
    for words in ["It is not over yet.", "The operator decided it.", "<strong>1</strong>"] {
        assert!(told.contains(words), "no {words}: {told}");
    }
    assert_eq!(house.send("POST", "/v1/networks/telegram/release", json!({})).await.status, 204);
    let told = in_english(&house, "/incidents/1").await;
    for words in ["It is over; it works now.", "When and why it went back"] {
        assert!(told.contains(words), "no {words}: {told}");
    }
}

#[tokio::test]
async fn public_pages_name_nobody_and_tell_no_message() {
    let house = held_down().await;
    for path in ["/", "/status", "/incidents/1"] {
        let shown = text(&page(&house, path).await);
        for secret in ["민아", "준", "가족", "비밀"] {
            assert!(!shown.contains(secret), "{path} shows {secret}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_page_for_browsers_and_a_problem_for_programs() {
    let house = House::open().await;
    for path in ["/nowhere", "/incidents/7", "/incidents/x", "/incidents/99999999999999999999"] {
        let answer = page(&house, path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(text(&answer).contains("여기에는 아무것도 없어요"), "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    }
    let program = Request::get("/nowhere").body(Body::empty()).unwrap();
    house.call(program).await.problem(404);
    let unknown = house.call(browser("/v1/nowhere").body(Body::empty()).unwrap()).await;
    unknown.problem(401);
}

#[tokio::test]
async fn a_store_that_fails_is_told_without_its_words() {
    let house = House::open().await;
    house.store.set_broken(true);
    let answer = page(&house, "/status").await;
    assert_eq!(answer.status, 503);
    let shown = text(&answer);
    assert!(shown.contains("지금은 열 수 없어요") && !shown.contains("SECRET"), "{shown}");
}

#[tokio::test]
async fn no_page_runs_anything_of_its_own() {
    let house = held_down().await;
    for path in ["/", "/incidents/1", "/nowhere"] {
        let answer = page(&house, path).await;
        let policy = answer.header("content-security-policy");
        for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
        let shown = text(&answer);
        for forbidden in [" style=", "<style", " onclick", "javascript:", "<script>"] {
            assert!(!shown.contains(forbidden), "{path} has {forbidden}");
        }
    }
}

#[tokio::test]
async fn files_are_told_apart_by_their_content() {
    let house = House::open().await;
    for (name, kind) in
        [("style.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")]
    {
        let path = format!("/assets/{name}");
        let first = page(&house, &path).await;
        assert!(first.header("content-type").starts_with(kind));
        let tag = first.header("etag").to_owned();
        let again = browser(&path).header("if-none-match", &tag).body(Body::empty()).unwrap();
        let again = house.call(again).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{name}");
    }
    assert_eq!(page(&house, "/assets/..%2fstatus.rs").await.status, 404);
    let manifest = page(&house, "/manifest.webmanifest").await.json();
    assert_eq!(manifest["display"], "standalone");
}

#[tokio::test]
async fn a_choice_is_remembered_by_the_browser_and_taken_from_our_pages_only() {
    let house = House::open().await;
    let choose = |site: &str, back: &str| {
        let form = format!("language=en&look=dark&back={back}");
        Request::post("/look")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site)
            .body(Body::from(form))
            .unwrap()
    };
    let chosen = house.call(choose("same-origin", "/status")).await;
    assert_eq!((chosen.status.as_u16(), chosen.header("location")), (303, "/status"));
    let cookies: Vec<_> = chosen.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    house.call(choose("cross-site", "/status")).await.problem(400);
    let elsewhere = house.call(choose("same-origin", "//evil.example")).await;
    assert_eq!(elsewhere.header("location"), "/");
    let request = browser("/").header("cookie", "ieum_language=en; ieum_look=dark");
    let shown = text(&house.call(request.body(Body::empty()).unwrap()).await);
    assert!(shown.contains("<html lang=\"en\" data-look=\"dark\">"), "{shown}");
}
