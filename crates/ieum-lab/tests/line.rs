//! LINE's own rules, through its router.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]

mod desk;

use desk::{Still, call, family_desk, native, post, texts, user};
use http::StatusCode;
use ieum_lab::world::message::{Kind, Media};
use ieum_lab::world::{Rules, Say};
use ieum_lab::{Desk, Network};
use serde_json::{Value, json};

const LINE: Network = Network::Line;

async fn send(desk: &Desk, path: &str, key: Option<&str>, body: Value) -> (StatusCode, Value) {
    let token = format!("Bearer {}", desk.world().bot(LINE).token);
    let mut headers = vec![("authorization", token.as_str())];
    headers.extend(key.map(|key| ("x-line-retry-key", key)));
    let (status, headers, body) = post(&desk.routers.line, path, &headers, body).await;
    assert!(headers.contains_key("x-line-request-id"));
    (status, body)
}

fn text(words: &str) -> Value {
    json!({ "type": "text", "text": words })
}

#[tokio::test]
async fn a_retry_key_sends_once_and_answers_409_with_the_first_ids() {
    let desk = family_desk(&Still::default());
    let body = json!({ "to": native(&desk, LINE, "family"), "messages": [text("한 번")] });
    let key = Some("123e4567-e89b-12d3-a456-426614174000");
    let (first, sent) = send(&desk, "/v2/bot/message/push", key, body.clone()).await;
    let (second, again) = send(&desk, "/v2/bot/message/push", key, body.clone()).await;
    assert_eq!((first.as_u16(), second.as_u16()), (200, 409));
    assert_eq!(sent["sentMessages"], again["sentMessages"]);
    assert_eq!(again["message"], "The retry key is already accepted");
    assert_eq!(texts(&desk, LINE, "yuna"), ["한 번"]);
    let (status, _) = send(&desk, "/v2/bot/message/push", Some("no-uuid"), body).await;
    assert_eq!(status, 400);
    let reply = json!({ "replyToken": "x", "messages": [text("가")] });
    let (status, _) = send(&desk, "/v2/bot/message/reply", key, reply).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn bad_messages_are_told_apart_by_property() {
    let desk = family_desk(&Still::default());
    let to = native(&desk, LINE, "family");
    let cases = [
        (json!([]), "messages"),
        (json!([text(""), text("a")]), "messages[0].text"),
        (json!([text("a"), text(&"가".repeat(5_001))]), "messages[1].text"),
        (
            json!([{ "type": "image", "originalContentUrl": "https://x/a.png" }]),
            "messages[0].previewImageUrl",
        ),
        (
            json!([{ "type": "text", "text": "a", "sender": { "name": "LINE" } }]),
            "messages[0].sender.name",
        ),
        (json!([{ "type": "nonsense" }]), "messages[0].type"),
    ];
    for (messages, property) in cases {
        let body = json!({ "to": to, "messages": messages });
        let (status, body) = send(&desk, "/v2/bot/message/push", None, body).await;
        assert_eq!(status, 400, "{property}");
        assert_eq!(body["details"][0]["property"], property);
    }
    let exact = json!({ "to": to, "messages": [text(&"가".repeat(5_000))] });
    assert_eq!(send(&desk, "/v2/bot/message/push", None, exact).await.0, 200);
    let unknown = json!({ "to": format!("U{}", "0".repeat(32)), "messages": [text("a")] });
    let (status, body) = send(&desk, "/v2/bot/message/push", None, unknown).await;
    assert_eq!((status.as_u16(), &body["message"]), (400, &json!("Failed to send messages")));
}

#[tokio::test]
async fn wrong_tokens_types_and_sizes_are_refused() {
    let desk = family_desk(&Still::default());
    let router = &desk.routers.line;
    let (status, _, body) = call(router, "GET", "/v2/bot/info", &[], "").await;
    assert_eq!(status, 401);
    assert!(body["message"].as_str().is_some_and(|text| text.starts_with("Authentication failed")));
    let token = format!("Bearer {}", desk.world().bot(LINE).token);
    let auth = ("authorization", token.as_str());
    let path = "/v2/bot/message/push";
    assert_eq!(call(router, "POST", path, &[auth], "{}").await.0, 415);
    let json_type = ("content-type", "application/json");
    assert_eq!(call(router, "POST", path, &[auth, json_type], "{").await.0, 400);
    let large = " ".repeat(2 * 1024 * 1024 + 1);
    assert_eq!(call(router, "POST", path, &[auth, json_type], large).await.0, 413);
    assert_eq!(call(router, "GET", "/v2/bot/nothing", &[auth], "").await.0, 404);
}

#[tokio::test]
async fn both_limits_answer_429_with_their_own_words() {
    let desk = family_desk(&Still::default());
    let body = json!({ "to": user(&desk, LINE, "yuna"), "messages": [text("a")] });
    desk.world().rules = Rules { line_quota: Some(1), line_requests_per_s: 3, ..Rules::default() };
    let path = "/v2/bot/message/push";
    assert_eq!(send(&desk, path, None, body.clone()).await.0, 200);
    let (status, answer) = send(&desk, path, None, body.clone()).await;
    assert_eq!(
        (status.as_u16(), answer["message"].as_str()),
        (429, Some("You have reached your monthly limit."))
    );
    send(&desk, path, None, body.clone()).await;
    let (status, answer) = send(&desk, path, None, body.clone()).await;
    assert_eq!(status, 429);
    assert!(answer["message"].as_str().is_some_and(|text| text.starts_with("The API rate limit")));
    desk.world().rules.rate_limits = false;
    assert_eq!(send(&desk, path, None, body).await.0, 200);
}

#[tokio::test]
async fn the_blocked_get_nothing_although_the_answer_is_200() {
    let desk = family_desk(&Still::default());
    desk.world().block(LINE, "yuna").expect("blocked");
    let to = user(&desk, LINE, "yuna");
    let body = json!({ "to": to, "messages": [text("a")] });
    assert_eq!(send(&desk, "/v2/bot/message/push", None, body).await.0, 200);
    assert!(texts(&desk, LINE, "yuna").is_empty());
    let token = format!("Bearer {}", desk.world().bot(LINE).token);
    let headers = [("authorization", token.as_str())];
    let path = format!("/v2/bot/profile/{to}");
    assert_eq!(call(&desk.routers.line, "GET", &path, &headers, "").await.0, 404);
    let group = native(&desk, LINE, "family");
    let path = format!("/v2/bot/group/{group}/member/{to}");
    let (status, _, body) = call(&desk.routers.line, "GET", &path, &headers, "").await;
    assert_eq!((status.as_u16(), &body["displayName"]), (200, &json!("유나")));
}

#[tokio::test]
async fn a_quote_token_quotes_in_its_own_chat_only() {
    let desk = family_desk(&Still::default());
    let group = native(&desk, LINE, "family");
    let path = "/v2/bot/message/push";
    let (_, sent) = send(&desk, path, None, json!({ "to": group, "messages": [text("a")] })).await;
    let token = &sent["sentMessages"][0]["quoteToken"];
    let quoting = json!({ "type": "text", "text": "b", "quoteToken": token });
    send(&desk, path, None, json!({ "to": group, "messages": [quoting] })).await;
    let yuna = user(&desk, LINE, "yuna");
    send(&desk, path, None, json!({ "to": yuna, "messages": [quoting] })).await;
    let lines = desk.world().screen(LINE, "yuna").expect("screen");
    let quoted: Vec<bool> = lines.iter().map(|line| line.reply_to.is_some()).collect();
    assert_eq!(quoted, [false, true, false]);
}

#[tokio::test]
async fn without_a_webhook_nothing_is_told() {
    let desk = family_desk(&Still::default());
    let said = desk.world().say(Say::text(LINE, "yuna", Some("family"), "가")).expect("said");
    assert_eq!(serde_json::to_value(said.bot).expect("json"), "not_told");
}

#[tokio::test]
async fn films_are_prepared_before_they_can_be_fetched() {
    let clock = Still::default();
    let desk = family_desk(&clock);
    desk.world().rules.line_transcoding_ms = 2_000;
    let film = Media { content_type: "video/mp4".into(), bytes: "film".into(), ..Media::default() };
    let say = Say::text(LINE, "yuna", Some("family"), "");
    let say = Say { kind: Kind::Video, media: Some(film), ..say };
    let id = desk.world().say(say).expect("said").message.expect("an id");
    let token = format!("Bearer {}", desk.world().bot(LINE).token);
    let get = async |what: &str| {
        let path = format!("/v2/bot/message/{id}/{what}");
        let headers = [("authorization", token.as_str())];
        let (status, _, body) = call(&desk.routers.line, "GET", &path, &headers, "").await;
        (status.as_u16(), body)
    };
    assert_eq!(get("content/transcoding").await.1, json!({ "status": "processing" }));
    assert_eq!(get("content").await.0, 202);
    clock.0.advance(2_000);
    assert_eq!(get("content/transcoding").await.1, json!({ "status": "succeeded" }));
    assert_eq!(get("content").await, (200, json!("film")));
}

#[tokio::test]
async fn places_of_a_text_of_the_second_form_are_filled_and_doubled_braces_are_braces() {
    let desk = family_desk(&Still::default());
    let yuna = user(&desk, LINE, "yuna");
    let who = json!({ "type": "mention", "mentionee": { "type": "user", "userId": yuna } });
    let message =
        json!({ "type": "textV2", "text": "{{a}} {u0} {{b}}", "substitution": { "u0": who } });
    let body = json!({ "to": native(&desk, LINE, "family"), "messages": [message] });
    let (status, _) = send(&desk, "/v2/bot/message/push", None, body).await;
    assert_eq!(status, 200);
    assert_eq!(texts(&desk, LINE, "yuna"), ["{a} @유나 {b}"]);
}
