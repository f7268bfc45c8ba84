//! Files of LINE: fetched from its content host, sent as addresses of ours.

use super::*;
use crate::scripted::file;
use http::header::AUTHORIZATION;
use ieum_core::outgoing::{PartFile, PartPlace};
use ieum_core::place::Point;
use ieum_core::ports::connector::FetchFailure;
use ieum_core::ports::http::Reach;

fn place(message: Value) -> Option<Box<str>> {
    read_message(message).file.unwrap().place
}

#[test]
fn every_file_says_where_it_is() {
    let line = json!({"type": "line"});
    let outside = json!({"type": "external", "originalContentUrl": "https://cdn.example/a.jpg"});
    let unknown = json!({"type": "moon"});
    for (message, expected) in [
        (json!({"type": "image", "id": "45", "contentProvider": line}), Some("45")),
        (
            json!({"type": "image", "id": "45", "contentProvider": outside}),
            Some("https://cdn.example/a.jpg"),
        ),
        (json!({"type": "image", "id": "45", "contentProvider": unknown}), None),
        (json!({"type": "video", "id": "45", "duration": 9}), Some("45")),
        (json!({"type": "audio", "id": "45", "contentProvider": line}), Some("45")),
        (json!({"type": "file", "id": "45", "fileName": "a.pdf", "fileSize": 3}), Some("45")),
        (json!({"type": "sticker", "id": "45", "packageId": "1", "stickerId": "2"}), None),
        (
            json!({"type": "location", "id": "45", "latitude": 1.0, "longitude": 2.0}),
            Some("geo:1,2"),
        ),
        (json!({"type": "location", "id": "45", "latitude": 91.0, "longitude": 2.0}), None),
    ] {
        assert_eq!(place(message.clone()).as_deref(), expected, "{message}");
    }
    let sound = read_message(json!({"type": "audio", "id": "1", "duration": 60_000}));
    assert_eq!(sound.file.unwrap().duration_ms, Some(60_000));
}

#[test]
fn our_token_goes_to_line_and_to_nobody_else() {
    let script = Script::default();
    script.answer(200, "bytes").answer(200, "bytes");
    let line = line(&script);
    run(line.fetch("45")).unwrap();
    run(line.fetch("https://cdn.example/a.jpg")).unwrap();
    let calls = script.calls();
    assert_eq!(calls[0].uri(), "http://line.test/v2/bot/message/45/content");
    assert_eq!(calls[0].headers()[AUTHORIZATION], "Bearer access-token");
    assert_eq!(calls[1].uri(), "https://cdn.example/a.jpg");
    assert!(!calls[1].headers().contains_key(AUTHORIZATION));
    assert_eq!(script.reaches(), [Reach::Anywhere, Reach::PublicOnly]);
}

#[test]
fn content_is_asked_for_at_lines_own_host_for_it() {
    let script = Script::default();
    script.answer(202, "");
    let config = LineConfig { api_url: format!("{API_URL}/"), ..config() };
    let line = Line::new(&config, script.doors()).unwrap();
    let failed = run(line.fetch("45")).unwrap_err();
    assert!(matches!(failed, FetchFailure::Later { .. }), "not ready yet: {failed}");
    let expected = format!("{CONTENT_URL}/v2/bot/message/45/content");
    assert_eq!(script.only_call().uri(), &*expected);
}

fn pushed(parts: Vec<Part>) -> (Outcome, Option<Value>) {
    let script = Script::default();
    script.answer(200, TAKEN);
    let outcome = run(line(&script).send(&say(parts)));
    let body = script.calls().first().map(|call| serde_json::from_slice(call.body()).unwrap());
    (outcome, body)
}

fn filed(file: PartFile) -> Part {
    let sender = Some(ShownSender { name: "준호 · 텔레그램".to_owned(), icon_url: None });
    Part { file: Some(file), sender, ..Part::default() }
}

#[test]
fn pictures_films_and_sounds_are_addresses_that_line_fetches() {
    let sound = PartFile { duration_ms: Some(2_500), ..file("s.mp3", b"x") };
    let parts =
        vec![part("봐"), filed(file("a.png", b"x")), filed(file("m.mp4", b"x")), filed(sound)];
    let (outcome, body) = pushed(parts);
    assert!(matches!(outcome, Outcome::Accepted { .. }));
    let (url, preview) = ("https://hub.example/m/abc", "https://hub.example/m/preview.png");
    let sender = json!({"name": "준호 · 텔레그램"});
    let expected = json!([
        {"type": "text", "text": "봐"},
        {"type": "image", "originalContentUrl": url, "previewImageUrl": preview, "sender": sender},
        {"type": "video", "originalContentUrl": url, "previewImageUrl": preview, "sender": sender},
        {"type": "audio", "originalContentUrl": url, "duration": 2_500, "sender": sender},
    ]);
    assert_eq!(body.unwrap()["messages"], expected);
}

#[test]
fn a_file_that_line_cannot_fetch_never_leaves() {
    let plain = Some("http://hub.example/m/abc".to_owned());
    for bad in [
        PartFile { link: None, ..file("a.png", b"x") },
        PartFile { link: plain, ..file("a.png", b"x") },
        PartFile { preview: None, ..file("a.png", b"x") },
        file("d.pdf", b"x"),
    ] {
        let (outcome, body) = pushed(vec![filed(bad)]);
        let refused = matches!(outcome, Outcome::Refused { scope: Scope::Message, .. });
        assert!(refused && body.is_none(), "{outcome:?}");
    }
}

#[test]
fn a_place_goes_on_a_map_with_the_name_of_its_author() {
    let place = |name: &str, point| Part {
        place: Some(PartPlace { point, name: name.to_owned() }),
        ..filed(file("a.png", b"x"))
    };
    let pole = Point::from_degrees(90.0, -180.0).unwrap();
    let part = Part { file: None, ..place(&"극".repeat(101), pole) };
    let (outcome, body) = pushed(vec![part]);
    assert!(matches!(outcome, Outcome::Accepted { .. }));
    let expected = json!([{"type": "location", "title": "극".repeat(100), "address": "90, -180",
        "latitude": 90.0, "longitude": -180.0, "sender": {"name": "준호 · 텔레그램"}}]);
    assert_eq!(body.unwrap()["messages"], expected);
}
