//! Hooks: what is genuine is admitted once, everything else is turned away and changes nothing.

use crate::house::{HOOK_SECRET, House, said};
use axum::body::Body;
use http::Request;

#[tokio::test]
async fn a_genuine_call_is_admitted_and_its_repetition_is_answered_alike() {
    let house = House::open().await;
    house.settle().await;
    for expected in [1, 1, 1] {
        let answer = house.hook("bot", HOOK_SECRET, said("m1", "안녕")).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
        assert_eq!(house.store.messages(), expected);
    }
    let metrics = house.get("/metrics").await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(text.contains("ieum_hook_answers_total{status=\"200\"} 3\n"), "{text}");
    assert!(text.contains("ieum_repeated_events_total 2\n"), "{text}");
}

#[tokio::test]
async fn each_refusal_has_its_status_and_stores_nothing() {
    let house = House::open().await;
    house.settle().await;
    let good = said("m1", "hi");
    let forged = house.hook("bot", "wrong", good.clone()).await;
    assert_eq!(forged.problem(401), "the call is not proven to come from the network");
    assert!(forged.header("www-authenticate").starts_with("Bearer"));
    house.hook("nobody", HOOK_SECRET, good.clone()).await.problem(404);
    house.hook("", HOOK_SECRET, good.clone()).await.problem(404);
    house.hook("bot/more", HOOK_SECRET, good.clone()).await.problem(404);
    for bad in [
        "".to_owned(),
        "{".to_owned(),
        good.trim_end_matches('}').to_owned(),
        "<html>502 Bad Gateway</html>".to_owned(),
        "{\"id\":18446744073709551616}".to_owned(),
        "[".repeat(200_000),
    ] {
        house.hook("bot", HOOK_SECRET, bad).await.problem(400);
    }
    let foreign = [b"{\"text\":\"".as_slice(), b"\xc7\xd1\xb1\xdb", b"\"}"].concat();
    house.hook("bot", HOOK_SECRET, foreign).await.problem(400);
    let get = Request::get("/hooks/bot").body(Body::empty()).unwrap();
    let wrong_method = house.call(get).await;
    wrong_method.problem(405);
    assert_eq!(wrong_method.header("allow"), "POST");
    assert_eq!(house.store.messages(), 0);
}

#[tokio::test]
async fn the_largest_body_passes_and_one_byte_more_does_not() {
    const LARGEST: usize = 1 << 20;
    let house = House::open().await;
    house.settle().await;
    let frame = said("m1", "").len();
    let pad = " ".repeat(LARGEST - frame);
    let largest = format!("{}{pad}", said("m1", ""));
    assert_eq!(largest.len(), LARGEST);
    assert_ne!(house.hook("bot", HOOK_SECRET, largest.clone()).await.status, 413);
    let larger = house.hook("bot", HOOK_SECRET, format!("{largest} ")).await;
    assert_eq!(larger.problem(413), "the body is over 1048576 bytes");
    assert_eq!(larger.header("connection"), "close");
    let undeclared =
        futures_util::stream::iter([largest.clone(), largest].map(Ok::<_, std::io::Error>));
    let chunked = house.hook("bot", HOOK_SECRET, Body::from_stream(undeclared)).await;
    chunked.problem(413);
}

#[tokio::test]
async fn an_address_below_a_hook_takes_its_own_methods_and_sizes_and_is_answered_json() {
    let house = House::open().await;
    house.settle().await;
    let put = |path: &str, body: String| {
        let request = Request::put(path).header("x-secret", HOOK_SECRET);
        house.call(request.body(Body::from(body)).unwrap())
    };
    for _ in 0..2 {
        let answer = put("/hooks/bot/below", said("m1", "hi")).await;
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, b"{}".as_slice()));
        assert_eq!(answer.header("content-length"), "2");
        assert_eq!(house.store.messages(), 1);
    }
    let pad = " ".repeat(2 << 20);
    assert_eq!(put("/hooks/bot/below", said("m2", "hi") + &pad).await.status, 200);
    let larger = put("/hooks/bot/below", " ".repeat((8 << 20) + 1)).await;
    assert_eq!(larger.problem(413), "the body is over 8388608 bytes");
    put("/hooks/bot/elsewhere", said("m3", "hi")).await.problem(404);
    put("/hooks/nobody/below", said("m3", "hi")).await.problem(404);
    put("/hooks/bot", said("m3", "hi")).await.problem(405);
    assert_eq!(house.store.messages(), 2);
}

#[tokio::test]
async fn a_store_that_cannot_write_is_answered_503_and_says_when_to_come_back() {
    let house = House::open().await;
    house.settle().await;
    house.store.set_broken(true);
    let answer = house.hook("bot", HOOK_SECRET, said("m1", "hi")).await;
    assert!(!answer.problem(503).contains("SECRET-PATH"));
    assert_eq!(answer.header("retry-after"), "1");
    house.store.set_broken(false);
    let again = house.hook("bot", HOOK_SECRET, said("m1", "hi")).await;
    assert_eq!((again.status.as_u16(), house.store.messages()), (200, 1));
}
