//! The pages of people about themselves and their contacts, and whoever tries them for another.

use crate::house::{Answer, House};
use crate::inbox::{csrf, form, open, sign_in, text};
use axum::body::Body;
use http::Request;
use serde_json::json;

async fn post(house: &House, path: &str, session: &str, fields: &str) -> Answer {
    let page = text(&open(house, "/me", session).await);
    house.call(form(path, session, &format!("csrf={}{fields}", csrf(&page)))).await
}

async fn told(house: &House, answer: &Answer, session: &str) -> String {
    assert_eq!(answer.status.as_u16(), 303, "{}", text(answer));
    text(&open(house, answer.header("location"), session).await)
}

/// An address of a person on the scripted network.
async fn linked(house: &House, person: u64, user: &str) -> u64 {
    let body = json!({ "account": "bot", "user": user, "direct": user, "name": user });
    let path = format!("/v1/people/{person}/addresses");
    let answer = house.post(&path, body).await;
    assert_eq!(answer.status.as_u16(), 201);
    house.hub.with_directory(|directory| {
        let address = directory.addresses().last().unwrap();
        assert_eq!(address.person.map(|id| id.0), Some(person));
        address.id.0
    })
}

#[tokio::test]
async fn contacts_go_by_handles_and_by_the_word_of_both() {
    let house = House::open().await;
    let (mina, jun, _) = house.settle().await;
    let (one, two) = (sign_in(&house, mina).await, sign_in(&house, jun).await);
    post(&house, "/me/handle", &one, "&handle=mina").await;
    let asked = post(&house, "/people", &two, "&handle=%40Mina").await;
    assert!(told(&house, &asked, &two).await.contains("role=\"status\""));
    let list = text(&open(&house, "/people", &one).await);
    assert!(list.contains("준") && list.contains("value=\"accepted\""), "{list}");
    post(&house, &format!("/people/{jun}"), &one, "&standing=accepted").await;
    for session in [&one, &two] {
        let list = text(&open(&house, "/people", session).await);
        assert!(list.contains("href=\"/inbox/2\""), "{list}");
    }
}

#[tokio::test]
async fn asking_tells_nothing_about_anybody() {
    let house = House::open().await;
    let (mina, jun, _) = house.settle().await;
    let (one, two) = (sign_in(&house, mina).await, sign_in(&house, jun).await);
    post(&house, "/me/handle", &one, "&handle=mina").await;
    let known = post(&house, "/people", &two, "&handle=mina").await;
    let unknown = post(&house, "/people", &two, "&handle=nobody").await;
    let place = |answer: &Answer| (answer.status, answer.header("location").to_owned());
    assert_eq!(place(&known), place(&unknown));
    let list = text(&open(&house, "/people", &two).await);
    let line = |handle: &str| {
        let row = list.split("<li>").find(|row| row.contains(&format!("@{handle}")));
        row.unwrap().split("</li>").next().unwrap().replace(handle, "")
    };
    assert_eq!(line("mina"), line("nobody"));
}

#[tokio::test]
async fn a_handle_that_is_none_or_anothers_is_said_so_and_changes_nothing() {
    let house = House::open().await;
    let (mina, jun, _) = house.settle().await;
    let (one, two) = (sign_in(&house, mina).await, sign_in(&house, jun).await);
    post(&house, "/me/handle", &one, "&handle=mina").await;
    for (handle, place) in [("mina", "/me?done=taken"), ("a%20b", "/me?done=not-a-handle")] {
        let answer = post(&house, "/me/handle", &two, &format!("&handle={handle}")).await;
        assert_eq!(answer.header("location"), place);
    }
    let page = async |session: &str| {
        let request = Request::get("/me").header("cookie", session).header("host", "hub.example");
        text(&house.call(request.body(Body::empty()).unwrap()).await)
    };
    let own = page(&one).await;
    assert!(own.contains("http://hub.example/people?ask=mina"), "{own}");
    assert!(own.contains("value=\"mina\"") && own.contains("class=\"picture\""), "{own}");
    assert!(!page(&two).await.contains("class=\"picture\""));
}

#[tokio::test]
async fn what_the_address_of_a_page_says_is_only_compared() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let session = sign_in(&house, mina).await;
    for path in
        ["/people?done=%3Cb%3Exyzzy", "/me?done=%3Cb%3Exyzzy", "/people?ask=%22%3E%3Cb%3Exyzzy"]
    {
        let page = text(&open(&house, path, &session).await);
        assert!(!page.contains("xyzzy"), "{path}: {page}");
    }
}

#[tokio::test]
async fn ways_change_order_and_the_last_one_stays() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let (one, two) = (linked(&house, mina, "u1").await, linked(&house, mina, "u2").await);
    let session = sign_in(&house, mina).await;
    let order = async || {
        let page = text(&open(&house, "/me", &session).await);
        let places = [one, two].map(|id| page.find(&format!("name=\"address\" value=\"{id}\"")));
        (places[0].is_some(), places[1].is_some(), places[0] < places[1])
    };
    assert_eq!(order().await, (true, true, true));
    post(&house, "/me/ways", &session, &format!("&address={two}&deed=first")).await;
    assert_eq!(order().await, (true, true, false));
    post(&house, "/me/ways", &session, &format!("&address={two}&deed=part")).await;
    assert_eq!(order().await, (true, false, false));
    let last = post(&house, "/me/ways", &session, &format!("&address={one}&deed=part")).await;
    assert_eq!(last.header("location"), "/me?done=last-way");
}

#[tokio::test]
async fn nobody_moves_or_parts_anothers_way() {
    let house = House::open().await;
    let (mina, jun, _) = house.settle().await;
    let (one, _) = (linked(&house, mina, "u1").await, linked(&house, mina, "u2").await);
    let eve = sign_in(&house, jun).await;
    for deed in ["first", "part"] {
        let fields = format!("&address={one}&deed={deed}");
        assert_eq!(post(&house, "/me/ways", &eve, &fields).await.status.as_u16(), 404);
    }
    let session = sign_in(&house, mina).await;
    let page = text(&open(&house, "/me", &session).await);
    assert!(page.contains(&format!("name=\"address\" value=\"{one}\"")), "{page}");
}

#[tokio::test]
async fn a_consent_is_given_and_taken_back() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    linked(&house, mina, "u1").await;
    let session = sign_in(&house, mina).await;
    for (given, state) in [("yes", "true"), ("no", "false")] {
        let fields = format!("&network=telegram&purpose=notices&given={given}");
        post(&house, "/me/consents", &session, &fields).await;
        let page = text(&open(&house, "/me", &session).await);
        let row = page.split("value=\"notices\"").nth(1).unwrap();
        assert!(
            row.split("</form>").next().unwrap().contains(&format!("aria-checked=\"{state}\""))
        );
    }
    let nowhere = "&network=pigeon&purpose=talk&given=yes";
    assert_eq!(post(&house, "/me/consents", &session, nowhere).await.status.as_u16(), 404);
}

#[tokio::test]
async fn a_code_for_linking_stands_on_its_page_alone() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let session = sign_in(&house, mina).await;
    let answer = post(&house, "/me/link", &session, "").await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let page = text(&answer);
    let code = page.split("<strong>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert_eq!(code.len(), 9, "{page}");
    assert!(!text(&open(&house, "/me", &session).await).contains(&code));
}

#[tokio::test]
async fn sign_ins_and_sign_outs_are_told_to_their_person() {
    let house = House::open().await;
    let (mina, jun, _) = house.settle().await;
    let (first, second) = (sign_in(&house, mina).await, sign_in(&house, mina).await);
    let other = sign_in(&house, jun).await;
    post(&house, "/sign-out", &first, "").await;
    let count = async |session: &str, words: &str| {
        text(&open(&house, "/me", session).await).matches(words).count()
    };
    assert_eq!((count(&second, " · 들어옴 · ").await, count(&second, " · 나감 · ").await), (2, 1));
    assert_eq!((count(&other, " · 들어옴 · ").await, count(&other, " · 나감 · ").await), (1, 0));
}

#[tokio::test]
async fn every_deed_wants_the_pages_own_secret() {
    let house = House::open().await;
    let (mina, jun, _) = house.settle().await;
    let (session, other) = (sign_in(&house, mina).await, sign_in(&house, jun).await);
    let stolen = csrf(&text(&open(&house, "/me", &other).await));
    let deeds = [
        ("/people", "&handle=x_1"),
        ("/people/2", "&standing=blocked"),
        ("/me/handle", "&handle=x_1"),
        ("/me/ways", "&address=1&deed=part"),
        ("/me/link", ""),
        ("/me/consents", "&network=telegram&purpose=talk&given=yes"),
    ];
    for (path, fields) in deeds {
        for secret in ["", "0", stolen.as_str()] {
            let answer = house.call(form(path, &session, &format!("csrf={secret}{fields}"))).await;
            assert_eq!(answer.status.as_u16(), 400, "{path}");
        }
        let own = csrf(&text(&open(&house, "/me", &session).await));
        let mut foreign = form(path, &session, &format!("csrf={own}{fields}"));
        foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
        assert_eq!(house.call(foreign).await.status.as_u16(), 400, "{path}");
        let nobody = house.call(form(path, "", &format!("csrf={own}{fields}"))).await;
        assert_eq!(nobody.header("location"), "/sign-in", "{path}");
    }
}

#[tokio::test]
async fn names_on_these_pages_are_text_and_never_markup() {
    let house = House::open().await;
    let evil = "<script>alert(1)</script>\"'";
    let person = house.post("/v1/people", json!({ "name": evil })).await.json()["id"].clone();
    let person = person.as_u64().unwrap();
    linked(&house, person, "<img src=x onerror=alert(1)>").await;
    let other = house.post("/v1/people", json!({ "name": "유나" })).await.json()["id"].clone();
    let (one, two) =
        (sign_in(&house, person).await, sign_in(&house, other.as_u64().unwrap()).await);
    post(&house, "/me/handle", &two, "&handle=yuna").await;
    post(&house, "/people", &one, "&handle=yuna").await;
    for (path, session) in [("/me", &one), ("/people", &two)] {
        let page = text(&open(&house, path, session).await);
        assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
        assert!(!page.contains("<script>") && !page.contains("<img"), "{page}");
    }
}

/// A script's call, as a browser on the page sends it.
fn script(path: &str, session: &str, secret: &str, body: &'static str) -> Request<Body> {
    Request::post(path)
        .header("host", "localhost:8080")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", session)
        .header("x-ieum-form", secret)
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn a_passkey_is_made_by_a_page_of_the_own_session_alone() {
    let house = House::open().await;
    let (mina, jun, _) = house.settle().await;
    let (one, two) = (sign_in(&house, mina).await, sign_in(&house, jun).await);
    let secret = csrf(&text(&open(&house, "/me", &one).await));
    let status = async |request| house.call(request).await.status.as_u16();
    let options = "/passkeys/options";
    assert_eq!(status(script(options, &one, &secret, "")).await, 200);
    assert_eq!(status(script(options, &two, &secret, "")).await, 400, "another's secret");
    assert_eq!(status(script(options, "", &secret, "")).await, 303, "nobody is signed in");
    let mut elsewhere = script(options, &one, &secret, "");
    elsewhere.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(status(elsewhere).await, 400);
    let mut by_number = script(options, &one, &secret, "");
    by_number.headers_mut().insert("host", "127.0.0.1:8080".parse().unwrap());
    assert_eq!(status(by_number).await, 409, "browsers give numbers no passkeys");
}

#[tokio::test]
async fn what_is_no_proof_signs_nobody_in_and_says_nothing_of_anybody() {
    let house = House::open().await;
    house.settle().await;
    let (nested, long) = ("[".repeat(30_000), "x".repeat(40_000));
    let proofs: [&'static str; 5] = ["", "{}", "null", nested.leak(), long.leak()];
    for proof in proofs {
        for path in ["/sign-in/passkey", "/passkeys"] {
            let answer = house.call(script(path, "", "", proof)).await;
            let refused = if path == "/passkeys" { 303 } else { 422 };
            assert_eq!(answer.status.as_u16(), refused, "{path} {:.20}", proof);
            assert_eq!(answer.headers.get("set-cookie"), None);
        }
    }
    let asked = house.call(script("/sign-in/passkey/options", "", "", "")).await;
    let asked: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(asked["allowCredentials"].as_array().map_or(0, Vec::len), 0, "{asked}");
    assert_eq!(asked["userVerification"], "required", "{asked}");
}

#[tokio::test]
async fn who_was_blocked_is_a_stranger_again_once_let_go() {
    let house = House::open().await;
    let (mina, jun, _) = house.settle().await;
    let (one, two) = (sign_in(&house, mina).await, sign_in(&house, jun).await);
    post(&house, "/me/handle", &one, "&handle=mina").await;
    post(&house, "/people", &two, "&handle=mina").await;
    post(&house, &format!("/people/{jun}"), &one, "&standing=blocked").await;
    let list = text(&open(&house, "/people", &one).await);
    assert!(list.contains(&format!("/people/{jun}/unblock")), "{list}");
    let unblock = format!("/people/{jun}/unblock");
    let forged = house.call(form(&unblock, &one, "csrf=0")).await;
    assert_eq!(forged.status.as_u16(), 400);
    assert_eq!(post(&house, &unblock, &one, "").await.status.as_u16(), 303);
    let list = text(&open(&house, "/people", &one).await);
    assert!(!list.contains("/unblock"), "{list}");
    let again = post(&house, "/people", &two, "&handle=mina").await;
    assert!(told(&house, &again, &two).await.contains("role=\"status\""));
}
