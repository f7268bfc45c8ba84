//! Files of Telegram: where they are fetched, how they are sent, what happens when not.

use super::*;
use crate::scripted::file;
use ieum_core::outgoing::PartPlace;
use ieum_core::place::Point;
use ieum_core::ports::connector::FetchFailure;

const FOUND: &str = r#"{"ok":true,"result":{"file_id":"f","file_path":"photos/file_1.jpg"}}"#;
const TAKEN: &str = r#"{"ok":true,"result":{"message_id":9}}"#;

fn with_file(name: &str, caption: &str) -> Outgoing {
    let reply = Some(ReplyTarget { native: native("4"), quote: None });
    let file = Some(file(name, b"some bytes"));
    let text = caption.to_owned();
    outgoing(Act::Say(vec![Part { text, reply, file, ..Part::default() }]))
}

#[test]
fn every_file_says_where_it_is() {
    let photo = json!([{"file_id": "small"}, {"file_id": "large", "file_size": 99}]);
    let cases = [
        (json!({"photo": photo}), FileKind::Picture, "large", None),
        (
            json!({"voice": {"file_id": "v", "mime_type": "audio/ogg", "duration": 3}}),
            FileKind::Audio,
            "v",
            Some(3_000),
        ),
        (
            json!({"video": {"file_id": "m", "duration": 4_294_967_295_u32}}),
            FileKind::Video,
            "m",
            Some(u32::MAX),
        ),
        (json!({"document": {"file_id": "d", "file_name": "a.pdf"}}), FileKind::File, "d", None),
        (json!({"sticker": {"file_id": "s", "emoji": "😀"}}), FileKind::Sticker, "s", None),
        (
            json!({"sticker": {"file_id": "tgs", "is_animated": true,
                "thumbnail": {"file_id": "still"}}}),
            FileKind::Sticker,
            "still",
            None,
        ),
    ];
    for (more, kind, place, duration_ms) in cases {
        let note = said(more.clone()).unwrap().file.unwrap();
        assert_eq!((note.kind, note.place.as_deref()), (kind, Some(place)), "{more}");
        assert_eq!(note.duration_ms, duration_ms, "{more}");
    }
    let drawing = json!({"sticker": {"file_id": "tgs", "is_animated": true}});
    assert_eq!(said(drawing).unwrap().file.unwrap().place, None, "nobody else could draw it");
}

#[test]
fn a_file_is_looked_for_and_opened() {
    let script = Script::default();
    script.answer(200, FOUND).answer(200, "picture");
    let mut opened = run(telegram(&script).fetch("f")).unwrap();
    assert_eq!(run(opened.pieces.next()).unwrap().unwrap(), "picture");
    let calls = script.calls();
    assert_eq!(calls[0].body(), r#"{"file_id":"f"}"#);
    let expected = format!("http://telegram.test/file/bot{TOKEN}/photos/file_1.jpg");
    assert_eq!(calls[1].uri(), &*expected);
}

#[test]
fn what_is_not_found_is_gone_too_large_or_asked_for_again() {
    let no = |code: u16, words: &str| {
        json!({"ok": false, "error_code": code, "description": words}).to_string()
    };
    for (status, body, expected) in [
        (400, no(400, "Bad Request: file is too big"), "large"),
        (400, no(400, "Bad Request: wrong file_id"), "gone"),
        (401, no(401, "Unauthorized"), "gone"),
        (429, no(429, "Too Many Requests: retry after 5"), "later"),
        (502, "<html>".to_owned(), "later"),
        (200, r#"{"ok":true,"result":{"file_id":"f"}}"#.to_owned(), "gone"),
        (200, FOUND.replace("photos/", "../../"), "gone"),
        (200, FOUND.replace("photos/", "http://evil/?"), "gone"),
    ] {
        let script = Script::default();
        script.answer(status, &body);
        let found = match run(telegram(&script).fetch("f")).unwrap_err() {
            FetchFailure::Gone(_) => "gone",
            FetchFailure::TooLarge => "large",
            FetchFailure::Later { .. } => "later",
        };
        assert_eq!(found, expected, "{body}");
        assert_eq!(script.calls().len(), 1, "nothing is opened: {body}");
    }
    let script = Script::default();
    script.fail(HttpFailure::NoAnswer(format!("/bot{TOKEN}/getFile")));
    let failed = run(telegram(&script).fetch("f")).unwrap_err();
    assert!(!format!("{failed} {failed:?}").contains("hidden_token"), "{failed:?}");
}

#[test]
fn each_kind_goes_by_its_own_method_with_its_caption() {
    for (name, method, field) in [
        ("사진.png", "sendPhoto", "photo"),
        ("m.mp4", "sendVideo", "video"),
        ("v.ogg", "sendVoice", "voice"),
        ("s.mp3", "sendAudio", "audio"),
        ("d.pdf", "sendDocument", "document"),
    ] {
        let script = Script::default();
        script.answer(200, TAKEN);
        let outcome = run(telegram(&script).send(&with_file(name, "[LINE] 유나: 봐")));
        let copies = vec![CopyKey { native: native("9"), quote: None }];
        assert_eq!(outcome, Outcome::Accepted { copies });
        let call = script.only_call();
        assert_eq!(call.uri().path(), format!("/bot{TOKEN}/{method}"));
        let body = String::from_utf8_lossy(call.body());
        for said in [
            "name=\"chat_id\"\r\n\r\n-5\r\n".replace("-5", with_file("", "").chat.key.as_str()),
            "name=\"caption\"\r\n\r\n[LINE] 유나: 봐\r\n".to_owned(),
            r#"{"allow_sending_without_reply":true,"message_id":4}"#.to_owned(),
            format!("name=\"{field}\"; filename=\"{name}\"\r\n"),
            "\r\n\r\nsome bytes\r\n--".to_owned(),
        ] {
            assert!(body.contains(&said), "{said:?} in {body}");
        }
    }
}

#[test]
fn what_telegram_does_not_show_goes_as_a_file() {
    let no =
        r#"{"ok":false,"error_code":400,"description":"Bad Request: PHOTO_INVALID_DIMENSIONS"}"#;
    let script = Script::default();
    script.answer(400, no).answer(200, TAKEN);
    let outcome = run(telegram(&script).send(&with_file("a.png", "")));
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    let paths: Vec<_> = script.calls().iter().map(|call| call.uri().path().to_owned()).collect();
    assert!(paths[0].ends_with("sendPhoto") && paths[1].ends_with("sendDocument"), "{paths:?}");

    let script = Script::default();
    script.answer(400, no).answer(400, no);
    let outcome = run(telegram(&script).send(&with_file("a.png", "")));
    let refused = matches!(outcome, Outcome::Refused { scope: Scope::Message, .. });
    assert!(refused, "{outcome:?}");
    assert_eq!(script.calls().len(), 2);
}

#[test]
fn a_file_that_may_have_been_shown_is_never_sent_again() {
    for (failure, unknown) in [
        (HttpFailure::NoAnswer("lost".to_owned()), true),
        (HttpFailure::NotSent("refused".to_owned()), false),
    ] {
        let script = Script::default();
        script.fail(failure);
        let outcome = run(telegram(&script).send(&with_file("a.png", "")));
        assert_eq!(matches!(outcome, Outcome::Unknown { .. }), unknown, "{outcome:?}");
        assert_eq!(script.calls().len(), 1);
    }
    let script = Script::default();
    script.answer(502, "<html>");
    let outcome = run(telegram(&script).send(&with_file("a.png", "")));
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
}

#[test]
fn a_caption_over_the_limit_never_leaves() {
    let script = Script::default();
    let long = "가".repeat(1_025);
    let outcome = run(telegram(&script).send(&with_file("a.png", &long)));
    let refused = matches!(outcome, Outcome::Refused { scope: Scope::Message, .. });
    assert!(refused && script.calls().is_empty(), "{outcome:?}");
}

#[test]
fn a_place_is_read_and_sent_to_the_pole() {
    for (latitude, longitude, uri) in [
        (37.5, 127.0, Some("geo:37.5,127")),
        (90.0, -180.0, Some("geo:90,-180")),
        (91.0, 0.0, None),
    ] {
        let place = json!({"latitude": latitude, "longitude": longitude});
        let message = said(json!({"location": place})).unwrap();
        assert_eq!(message.file.unwrap().place.as_deref(), uri);
    }
    let script = Script::default();
    script.answer(200, TAKEN);
    let point = Point::from_degrees(90.0, -180.0).unwrap();
    let place = Some(PartPlace { point, name: "북극".to_owned() });
    let said = outgoing(Act::Say(vec![Part { place, ..Part::default() }]));
    let copies = vec![CopyKey { native: native("9"), quote: None }];
    assert_eq!(run(telegram(&script).send(&said)), Outcome::Accepted { copies });
    let call = script.only_call();
    assert_eq!(call.uri().path(), format!("/bot{TOKEN}/sendLocation"));
    let body: Value = serde_json::from_slice(call.body()).unwrap();
    assert_eq!((&body["latitude"], &body["longitude"]), (&json!(90.0), &json!(-180.0)));
}
