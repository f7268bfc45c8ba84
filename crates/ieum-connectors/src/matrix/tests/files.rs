//! Files of Matrix: fetched from our homeserver, handed over before an event names them.

use super::*;
use crate::scripted::file;
use http::header::AUTHORIZATION;
use ieum_core::inbound::InboundKind;
use ieum_core::outgoing::{PartFile, PartPlace};
use ieum_core::place::Point;

const UPLOADED: &str = r#"{"content_uri":"mxc://hub.test/new"}"#;

fn place_of(content: &Value) -> Option<Box<str>> {
    let transaction = json!({"events": [{
        "type": "m.room.message", "event_id": "$1", "room_id": ROOM, "sender": "@alice:hub.test",
        "origin_server_ts": 1, "content": content,
    }]});
    let us = matrix(&Script::default()).us.clone();
    let arrival = decode(transaction.to_string().as_bytes(), &us, NOW).unwrap();
    let InboundKind::Message(message) = &arrival.events[0].kind else { panic!("{arrival:?}") };
    message.file.clone().unwrap().place
}

#[test]
fn a_file_is_where_its_address_says_and_nowhere_else() {
    for (url, fits) in [
        ("mxc://hub.test/abc_-9", true),
        ("mxc://other.example:8448/abc", true),
        ("mxc://hub.test/", false),
        ("mxc://hub.test/../../admin", false),
        ("mxc://hub.test/a?x=y", false),
        ("mxc:///abc", false),
        ("https://hub.test/abc", false),
        ("", false),
    ] {
        let content = json!({"msgtype": "m.image", "body": "a.png", "url": url});
        assert_eq!(place_of(&content).is_some(), fits, "{url}");
    }
}

#[test]
fn what_is_told_of_a_file_is_kept() {
    let content = json!({"msgtype": "m.audio", "body": "v.ogg", "url": "mxc://h/a",
        "info": {"size": 9, "mimetype": "audio/ogg", "duration": 1_500}});
    let transaction = json!({"events": [{
        "type": "m.room.message", "event_id": "$1", "room_id": ROOM, "sender": "@alice:hub.test",
        "origin_server_ts": 1, "content": content,
    }]});
    let us = matrix(&Script::default()).us.clone();
    let arrival = decode(transaction.to_string().as_bytes(), &us, NOW).unwrap();
    let InboundKind::Message(message) = &arrival.events[0].kind else { panic!("{arrival:?}") };
    let note = message.file.as_ref().unwrap();
    assert_eq!(note.media_type.as_deref(), Some("audio/ogg"));
    assert_eq!((note.bytes, note.duration_ms), (Some(9), Some(1_500)));
}

/// The words beside a file, and what they are.
fn caption_of(content: &Value) -> (String, Vec<String>) {
    let transaction = json!({"events": [{
        "type": "m.room.message", "event_id": "$1", "room_id": ROOM, "sender": "@alice:hub.test",
        "origin_server_ts": 1, "content": content,
    }]});
    let us = matrix(&Script::default()).us.clone();
    let arrival = decode(transaction.to_string().as_bytes(), &us, NOW).unwrap();
    let InboundKind::Message(message) = &arrival.events[0].kind else { panic!("{arrival:?}") };
    let text = message.text.clone();
    let marks = message.marks.iter().map(|mark| format!("{}:{:?}", mark.of(&text), mark.kind));
    (text.clone(), marks.collect())
}

#[test]
fn a_caption_keeps_its_marks() {
    let file = |body: &str, filename: Option<&str>| {
        let mut content = json!({"msgtype": "m.image", "body": body, "url": "mxc://h/a",
            "format": "org.matrix.custom.html", "formatted_body": "<strong>봐</strong> 민지",
            "m.mentions": {"user_ids": ["@minji:hub.test"]}});
        if let Some(filename) = filename {
            content["filename"] = filename.into();
        }
        content
    };
    let (text, marks) = caption_of(&file("봐 민지", Some("a.png")));
    assert_eq!(text, "봐 민지");
    assert_eq!(marks[0], "봐:Bold");
    assert!(marks[1].starts_with(":Mention(User"), "{marks:?}");
    // A body that is the file's name is no caption, whatever stands beside it.
    for name in [None, Some("a.png")] {
        assert_eq!(caption_of(&file("a.png", name)), (String::new(), Vec::new()), "{name:?}");
    }
}

#[test]
fn a_file_is_fetched_with_our_token() {
    let script = Script::default();
    script.answer(200, "bytes");
    run(matrix(&script).fetch("mxc://other.example/abc")).unwrap();
    let call = script.only_call();
    let path = call.uri().path_and_query().unwrap().as_str();
    assert!(path.starts_with("/_matrix/client/v1/media/download/other.example/abc?user_id="));
    assert_eq!(call.headers()[AUTHORIZATION], "Bearer as-secret");
    assert!(run(matrix(&script).fetch("https://evil/x")).is_err());
    assert_eq!(script.calls().len(), 1);
}

fn filed(text: &str, file: PartFile) -> Outgoing {
    Outgoing {
        chat: ChatRef { key: ChatKey::new(ROOM), kind: ChatKind::Group },
        key: [7; 16],
        answer_token: None,
        author: None,
        act: Act::Say(vec![Part { text: text.to_owned(), file: Some(file), ..Part::default() }]),
    }
}

#[test]
fn a_file_is_handed_over_and_then_named() {
    for (name, caption, kind) in [
        ("사진.png", "봐", "m.image"),
        ("m.mp4", "", "m.video"),
        ("s.mp3", "", "m.audio"),
        ("d.pdf", "", "m.file"),
    ] {
        let script = Script::default();
        script.answer(200, UPLOADED).answer(200, "{\"event_id\":\"$sent\"}");
        let outcome = run(matrix(&script).send(&filed(caption, file(name, b"some bytes"))));
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        let [upload, event] = &script.calls()[..] else { panic!("two calls") };
        assert_eq!(upload.uri().path(), "/_matrix/media/v3/upload");
        assert_eq!(upload.body(), "some bytes");
        let event: Value = serde_json::from_slice(event.body()).unwrap();
        assert_eq!(event["msgtype"], kind);
        assert_eq!(event["body"], if caption.is_empty() { name } else { caption });
        assert_eq!(event["filename"], name);
        assert_eq!(event["url"], "mxc://hub.test/new");
        assert_eq!(event["info"]["size"], 10);
    }
}

#[test]
fn what_fails_while_it_is_handed_over_was_not_said() {
    let large = r#"{"errcode":"M_TOO_LARGE","error":"words"}"#;
    let by_proxy = "<html>413 Request Entity Too Large</html>";
    let answers = [(413, large, false), (413, by_proxy, false), (502, "", true), (200, "{}", true)];
    for (status, body, deferred) in answers {
        let script = Script::default();
        script.answer(status, body);
        let outcome = run(matrix(&script).send(&filed("", file("a.png", b"x"))));
        assert_eq!(matches!(outcome, Outcome::Deferred { .. }), deferred, "{outcome:?}");
        assert!(!matches!(outcome, Outcome::Unknown { .. } | Outcome::Accepted { .. }));
        assert_eq!(script.calls().len(), 1);
    }
}

#[test]
fn a_place_goes_on_a_map_under_its_words() {
    for (text, body) in [("민지: [위치]", "민지: [위치]"), ("", "북극")] {
        let script = Script::default();
        script.answer(200, "{\"event_id\":\"$sent\"}");
        let point = Point::from_degrees(90.0, 0.0).unwrap();
        let place = Some(PartPlace { point, name: "북극".to_owned() });
        let mut said = filed(text, file("a.png", b"x"));
        said.act = Act::Say(vec![Part { text: text.to_owned(), place, ..Part::default() }]);
        run(matrix(&script).send(&said));
        let event: Value = serde_json::from_slice(script.only_call().body()).unwrap();
        assert_eq!(event["msgtype"], "m.location");
        assert_eq!((&event["geo_uri"], &event["body"]), (&json!("geo:90,0"), &json!(body)));
    }
    let read = json!({"msgtype": "m.location", "body": "Pole", "geo_uri": "geo:90.0,-0.5;u=3"});
    assert_eq!(place_of(&read).as_deref(), Some("geo:90,-0.5"));
    let moon = json!({"msgtype": "m.location", "body": "Pole", "geo_uri": "geo:91,0"});
    assert_eq!(place_of(&moon), None);
}
