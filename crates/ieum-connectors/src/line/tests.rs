//! LINE against sample bodies and a scripted network.

mod files;

use super::*;
use crate::scripted::{NOW, Script, run};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use ieum_core::ids::{ChatKey, EventKey, NativeMessageId, QuoteKey};
use ieum_core::inbound::{FileKind, Inbound, InboundKind, InboundMessage};
use ieum_core::marks::{Mark, MarkKind, Named};
use ieum_core::network::ChatKind;
use ieum_core::outgoing::{Act, Button, CopyKey, Part, ReplyTarget, ShownSender};
use ieum_core::ports::connector::{HOOK_BODY_BYTES_MAX, Pulse};
use ieum_core::ports::http::HttpFailure;
use ieum_core::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

const SECRET: &str = "channel-secret";
const USER: &str = "U0123456789abcdef0123456789abcdef";
const GROUP: &str = "C0123456789abcdef0123456789abcdef";

fn config() -> LineConfig {
    LineConfig {
        api_url: "http://line.test/".to_owned(),
        access_token: Secret::new("access-token"),
        channel_secret: Secret::new(SECRET),
        timeout_ms: 5_000,
        rate: RATE_PUBLISHED,
    }
}

fn line(script: &Script) -> Line {
    Line::new(&config(), script.doors()).unwrap()
}

fn signature(body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

fn accept_signed(body: &[u8], signature: Option<&str>) -> Result<Arrival, HookRefusal> {
    let mut headers = HeaderMap::new();
    if let Some(signature) = signature {
        headers.insert("x-line-signature", HeaderValue::from_str(signature).unwrap());
    }
    let body = Bytes::copy_from_slice(body);
    line(&Script::default()).accept(HookRequest { path: "", headers: &headers, body: &body })
}

fn accept(body: &[u8]) -> Result<Arrival, HookRefusal> {
    accept_signed(body, Some(&signature(body)))
}

/// An event of a group with the fields that every event has.
fn event(kind: &str, more: Value) -> Value {
    let mut event = json!({
        "type": kind, "mode": "active", "timestamp": 1_764_000_000_123_i64,
        "webhookEventId": "01FZ74A0TDDPYRVKNK77XKC3ZR",
        "deliveryContext": {"isRedelivery": false}, "replyToken": "nHuyWiB7yP5Zw52FIkcQobQuGDXCTA",
        "source": {"type": "group", "groupId": GROUP, "userId": USER},
    });
    let Value::Object(more) = more else {
        panic!("{more}");
    };
    event.as_object_mut().unwrap().extend(more);
    event
}

fn hook(events: &[Value]) -> Vec<u8> {
    json!({"destination": USER, "events": events}).to_string().into_bytes()
}

fn read(event: Value) -> Option<Inbound> {
    let arrival = accept(&hook(&[event])).unwrap();
    assert_eq!(arrival.events.len() + arrival.ignored as usize, 1);
    arrival.events.into_iter().next()
}

fn read_message(message: Value) -> InboundMessage {
    let mut more = json!({});
    more["message"] = message;
    let kind = read(event("message", more)).unwrap().kind;
    let InboundKind::Message(message) = kind else {
        panic!("{kind:?}");
    };
    message
}

fn malformed(body: &[u8]) -> String {
    match accept(body) {
        Err(HookRefusal::Malformed(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_message_is_read_whole() {
    let inbound = read(event(
        "message",
        json!({"message": {
            "id": "444573844083572737", "type": "text", "quoteToken": "q3Plxr4AgKd",
            "text": "😀@이음 안녕 \n하세요", "quotedMessageId": "468789577898262530",
            "mention": {"mentionees": [
                {"type": "user", "index": 2, "length": 3, "userId": "U1", "isSelf": true},
            ]},
            "emojis": [{"index": 9, "length": 1, "productId": "5ac1", "emojiId": "001"}],
        }}),
    ));
    let inbound = inbound.unwrap();
    assert_eq!(inbound.event, EventKey::new("01FZ74A0TDDPYRVKNK77XKC3ZR"));
    assert_eq!(inbound.at, Timestamp(1_764_000_000_123));
    assert_eq!(inbound.chat, ChatRef { key: ChatKey::new(GROUP), kind: ChatKind::Group });
    assert_eq!(inbound.sender.unwrap().key, UserKey::new(USER));
    let expected = InboundMessage {
        native: NativeMessageId::new("444573844083572737"),
        text: "😀 안녕 \n하세요".to_owned(),
        reply_to: Some(NativeMessageId::new("468789577898262530")),
        quote: Some(QuoteKey::new("q3Plxr4AgKd")),
        mentions_us: true,
        ..InboundMessage::default()
    };
    assert_eq!(inbound.kind, InboundKind::Message(expected));
}

#[test]
fn mentions_of_others_stay_in_the_text() {
    let message = read_message(json!({
        "id": "1", "type": "text", "quoteToken": "q", "text": "@All @영희 hi",
        "mention": {"mentionees": [
            {"type": "all", "index": 0, "length": 4},
            {"type": "user", "index": 5, "length": 3, "isSelf": false},
        ]},
    }));
    assert_eq!((message.text.as_str(), message.mentions_us), ("@All @영희 hi", false));
}

#[test]
fn files_are_noted_and_places_are_written_out() {
    let line_content = json!({"type": "line"});
    let cases = [
        (json!({"type": "image", "contentProvider": line_content}), FileKind::Picture, None, ""),
        (json!({"type": "video", "duration": 60_000}), FileKind::Video, None, ""),
        (json!({"type": "audio", "duration": 60_000}), FileKind::Audio, None, ""),
        (
            json!({"type": "file", "fileName": "a.pdf", "fileSize": 9}),
            FileKind::File,
            Some("a.pdf"),
            "",
        ),
        (
            json!({"type": "sticker", "packageId": "1", "stickerId": "2",
                   "stickerResourceType": "MESSAGE", "text": "힘내",
                   "keywords": ["a", "b", "c", "d"]}),
            FileKind::Sticker,
            Some("a, b, c"),
            "힘내",
        ),
        (
            json!({"type": "location", "title": "집", "address": "서울",
                   "latitude": 37.5, "longitude": 127.0}),
            FileKind::Place,
            Some("집"),
            "집\n서울\n37.5, 127",
        ),
        (json!({"type": "hologram", "depth": 3}), FileKind::Other, None, ""),
    ];
    for (mut message, kind, name, text) in cases {
        message["id"] = json!("7");
        let read = read_message(message.clone());
        let file = read.file.unwrap();
        assert_eq!(
            (file.kind, file.name.as_deref(), read.text.as_str()),
            (kind, name, text),
            "{message}"
        );
        assert_eq!(file.bytes, message.get("fileSize").and_then(Value::as_u64));
    }
}

#[test]
fn every_other_event_of_a_conversation_is_read() {
    let member = json!({"members": [{"type": "user", "userId": USER}, {"type": "user"}]});
    let people = || vec![ieum_core::inbound::Sender { key: UserKey::new(USER), name: None }];
    let direct = json!({"type": "user", "userId": USER});
    let native = NativeMessageId::new("325708");
    let edited = json!({"id": "325708", "type": "text", "text": "고침", "quoteToken": "q"});
    let cases = [
        (
            "unsend",
            json!({"unsend": {"messageId": "325708"}}),
            InboundKind::Withdrawal { native: native.clone() },
        ),
        (
            "messageEdited",
            json!({"message": edited}),
            InboundKind::Edit { native, text: "고침".to_owned(), marks: vec![] },
        ),
        (
            "follow",
            json!({"source": direct, "follow": {"isUnblocked": false}}),
            InboundKind::WeJoined,
        ),
        ("unfollow", json!({"source": direct}), InboundKind::WeLeft),
        ("join", json!({}), InboundKind::WeJoined),
        ("leave", json!({}), InboundKind::WeLeft),
        ("memberJoined", json!({"joined": member}), InboundKind::PeopleJoined(people())),
        ("memberLeft", json!({"left": member}), InboundKind::PeopleLeft(people())),
        (
            "postback",
            json!({"postback": {"data": "go=1"}}),
            InboundKind::Button { payload: "go=1".into() },
        ),
    ];
    for (kind, more, expected) in cases {
        assert_eq!(read(event(kind, more)).unwrap().kind, expected, "{kind}");
    }
}

#[test]
fn every_other_event_is_counted() {
    let counted = [
        ("videoPlayComplete", json!({"videoPlayComplete": {"trackingId": "t"}})),
        ("beacon", json!({"beacon": {"hwid": "d41d8cd98f", "type": "enter"}})),
        ("accountLink", json!({"link": {"result": "ok", "nonce": "n"}})),
        ("membership", json!({"membership": {"type": "joined", "membershipId": 3189}})),
        ("module", json!({"module": {"type": "attached", "botId": "U1", "scopes": []}})),
        ("activated", json!({"chatControl": {"expireAt": 1}})),
        ("deactivated", json!({})),
        ("botSuspended", json!({})),
        ("botResumed", json!({})),
        ("delivery", json!({"delivery": {"data": "15034552"}})),
        ("undefinedYet", json!({"message": 5, "source": "nowhere", "webhookEventId": null})),
    ];
    for (kind, more) in counted {
        assert_eq!(read(event(kind, more)), None, "{kind}");
    }
}

#[test]
fn chats_are_told_apart() {
    let room = json!({"source": {"type": "room", "roomId": "R1"}});
    let inbound = read(event("join", room)).unwrap();
    assert_eq!(inbound.chat, ChatRef { key: ChatKey::new("R1"), kind: ChatKind::Group });
    assert_eq!(inbound.sender, None);
    let direct =
        read(event("follow", json!({"source": {"type": "user", "userId": USER}}))).unwrap();
    assert_eq!(direct.chat, ChatRef { key: ChatKey::new(USER), kind: ChatKind::Direct });
    let square = json!({"source": {"type": "square", "squareId": "S1"}});
    assert_eq!(read(event("join", square)), None);
}

#[test]
fn what_another_module_answers_is_left_alone() {
    let message = json!({"mode": "standby", "message": {"id": "1", "type": "text", "text": "x"}});
    assert_eq!(read(event("message", message)), None);
}

#[test]
fn batches_keep_their_order_and_count_what_they_pass_over() {
    let odd = event("undefinedYet", json!({"message": []}));
    let body = hook(&[event("join", json!({})), odd, event("leave", json!({}))]);
    let arrival = accept(&body).unwrap();
    let kinds: Vec<_> = arrival.events.into_iter().map(|event| event.kind).collect();
    assert_eq!((kinds, arrival.ignored), (vec![InboundKind::WeJoined, InboundKind::WeLeft], 1));
    assert_eq!(accept(&hook(&[])), Ok(Arrival::default()));
}

#[test]
fn forged_calls_are_turned_away() {
    let body = hook(&[event("join", json!({}))]);
    let good = signature(&body);
    let other = signature(b"other body");
    let truncated = good.get(..40).unwrap();
    let doubled = format!("{good}{good}");
    for bad in [None, Some(""), Some("!"), Some(truncated), Some(&*doubled), Some(&*other)] {
        assert_eq!(accept_signed(&body, bad), Err(HookRefusal::Forged), "{bad:?}");
    }
    let mut spoiled = body.clone();
    spoiled[10] ^= 1;
    assert_eq!(accept_signed(&spoiled, Some(&good)), Err(HookRefusal::Forged));
    assert!(accept_signed(&body, Some(&good)).is_ok());
}

#[test]
fn broken_calls_are_refused_with_a_reason() {
    let message = |message: Value| hook(&[event("message", json!({"message": message}))]);
    let long = "x".repeat(256);
    let cases = [
        (b"".to_vec(), "EOF"),
        (b"[]".to_vec(), "invalid length 0"),
        (b"5".to_vec(), "invalid type"),
        (b"{\"events\":[{\"type\":".to_vec(), "EOF"),
        (b"{\"events\":[\xff\xfe]}".to_vec(), "line 1"),
        (b"{\"events\":[],\"events\":[]}".to_vec(), "duplicate field `events`"),
        (message(json!({"type": "text", "text": "x"})), "missing field `id`"),
        (message(json!({"id": 5, "type": "text", "text": "x"})), "expected a string"),
        (message(json!({"id": long, "type": "text", "text": "x"})), "events[0]: message.id"),
        (message(json!({"id": "", "type": "text", "text": "x"})), "events[0]: message.id"),
        (message(json!({"id": "1", "type": "text"})), "message.text"),
        (message(json!({"id": "1", "type": "file", "fileSize": -1})), "invalid value"),
        (hook(&[event("message", json!({}))]), "message is missing"),
        (hook(&[event("join", json!({"source": null}))]), "source is missing"),
        (hook(&[event("join", json!({"source": {"type": "group"}}))]), "source.groupId"),
        (hook(&[event("join", json!({"timestamp": -1}))]), "timestamp"),
        (hook(&[event("join", json!({"timestamp": u64::MAX}))]), "invalid value"),
        (hook(&vec![event("join", json!({})); 1_001]), "more than 1000"),
    ];
    for (body, word) in cases {
        let text = malformed(&body);
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn deep_and_large_bodies_do_no_harm() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let events = format!("{{\"events\":{}}}", nested(100_000));
    assert!(malformed(events.as_bytes()).contains("events[0]"));
    let unclosed = format!("{{\"events\":{}", "[".repeat(100_000));
    assert!(malformed(unclosed.as_bytes()).contains("EOF"));
    // What is not read is passed over without recursion.
    let deep_event = event("join", json!({})).to_string();
    let deep_event = deep_event.replacen('{', &format!("{{\"x\":{},", nested(100_000)), 1);
    let arrival = accept(format!("{{\"events\":[{deep_event}]}}").as_bytes()).unwrap();
    assert_eq!(arrival.events.len(), 1);
    let large = vec![b' '; HOOK_BODY_BYTES_MAX + 1];
    assert!(malformed(&large).contains("too large"));
}

fn say(parts: Vec<Part>) -> Outgoing {
    Outgoing {
        chat: ChatRef { key: ChatKey::new(GROUP), kind: ChatKind::Group },
        key: [7; 16],
        answer_token: Some("a-token-that-is-not-used".into()),
        author: None,
        act: Act::Say(parts),
    }
}

fn part(text: &str) -> Part {
    Part { text: text.to_owned(), ..Part::default() }
}

const TAKEN: &str = r#"{"sentMessages":[{"id":"46123","quoteToken":"IStG5h1"},{"id":"46124"}]}"#;

#[test]
fn a_push_carries_everything_and_its_retry_key() {
    let script = Script::default();
    script.answer(200, TAKEN);
    let first = Part {
        text: "민수: 안녕".to_owned(),
        sender: Some(ShownSender {
            name: "LINE 친구 이름이 아주 길고 길다 정말로".to_owned(),
            icon_url: Some("https://hub.test/a.png".into()),
        }),
        reply: Some(ReplyTarget {
            native: NativeMessageId::new("1"),
            quote: Some(QuoteKey::new("q1")),
        }),
        marks: Vec::new(),
        buttons: vec![Button {
            label: "여기로 대화를 옮겨 주세요 지금 바로요".to_owned(),
            payload: "here".to_owned(),
        }],
        file: None,
        place: None,
    };
    let outcome = run(line(&script).send(&say(vec![first, part("둘")])));
    let copy = |native: &str, quote: Option<&str>| CopyKey {
        native: NativeMessageId::new(native),
        quote: quote.map(QuoteKey::new),
    };
    let copies = vec![copy("46123", Some("IStG5h1")), copy("46124", None)];
    assert_eq!(outcome, Outcome::Accepted { copies });

    let request = script.only_call();
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "http://line.test/v2/bot/message/push");
    assert_eq!(request.headers()["authorization"], "Bearer access-token");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.headers()["x-line-retry-key"], "07070707-0707-4707-8707-070707070707");
    assert_eq!(script.timeouts_ms(), [5_000]);
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let expected = json!({"to": GROUP, "messages": [
        {"type": "text", "text": "민수: 안녕", "quoteToken": "q1",
         "sender": {"name": "L.INE 친구 이름이 아주 길고 길", "iconUrl": "https://hub.test/a.png"},
         "quickReply": {"items": [{"type": "action", "action": {
             "type": "postback", "label": "여기로 대화를 옮겨 주세요 지금 바로",
             "data": "here", "displayText": "여기로 대화를 옮겨 주세요 지금 바로요"}}]}},
        {"type": "text", "text": "둘"},
    ]});
    assert_eq!(body, expected);
}

#[test]
fn a_repetition_carries_the_same_key() {
    let script = Script::default();
    script.fail(HttpFailure::NoAnswer("timed out".to_owned()));
    script.answer(
        409,
        r#"{"message":"The retry key is already accepted","sentMessages":[{"id":"1"}]}"#,
    );
    let (line, said) = (line(&script), say(vec![part("x")]));
    assert!(matches!(run(line.send(&said)), Outcome::Unknown { .. }));
    assert!(matches!(run(line.send(&said)), Outcome::Accepted { copies } if copies.len() == 1));
    let calls = script.calls();
    assert_eq!(calls[0].headers()["x-line-retry-key"], calls[1].headers()["x-line-retry-key"]);
    assert_eq!(calls[0].body(), calls[1].body());
}

#[test]
fn what_line_cannot_carry_never_leaves() {
    let target = NativeMessageId::new("1");
    let acts = [
        Act::Edit { target: target.clone(), text: "x".to_owned(), marks: vec![] },
        Act::Withdraw { target: target.clone() },
        Act::React { target, emoji: None, own: None },
        Act::Say(Vec::new()),
        Act::Say(vec![part("x"); 6]),
        Act::Say(vec![part("")]),
        Act::Say(vec![part(&"가".repeat(5_001))]),
    ];
    for act in acts {
        let script = Script::default();
        let outgoing = Outgoing { act, ..say(Vec::new()) };
        let outcome = run(line(&script).send(&outgoing));
        assert!(matches!(outcome, Outcome::Refused { scope: Scope::Message, .. }), "{outcome:?}");
        assert!(script.calls().is_empty());
    }
}

#[test]
fn buttons_that_do_not_fit_are_left_out() {
    let button = |label: &str, payload: &str| Button {
        label: label.to_owned(),
        payload: payload.to_owned(),
    };
    let long = "p".repeat(301);
    let many = vec![button("b", "p"); 14];
    for (buttons, left) in [
        (many, 13),
        (vec![button("b", &long), button("b", "p"), button("", "p")], 1),
        (vec![button("b", &long)], 0),
    ] {
        let script = Script::default();
        script.answer(200, TAKEN);
        run(line(&script).send(&say(vec![Part { buttons, ..part("x") }])));
        let body: Value = serde_json::from_slice(script.only_call().body()).unwrap();
        let items = body["messages"][0]["quickReply"]["items"].as_array().map_or(0, Vec::len);
        assert_eq!(items, left, "{body}");
    }
}

/// The outcome in two words.
fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { copies } => format!("accepted {}", copies.len()),
        Outcome::Deferred { after_ms, fault, .. } => format!("deferred {fault:?} {after_ms}"),
        Outcome::Refused { scope, .. } => format!("refused {scope:?}"),
        Outcome::Unknown { .. } => "unknown".to_owned(),
    }
}

#[test]
fn every_answer_has_its_outcome() {
    let said = |sentence: &str| json!({ "message": sentence }).to_string();
    let cases = [
        (200, TAKEN.to_owned(), "accepted 2"),
        (200, "<html>ok</html>".to_owned(), "unknown"),
        (200, TAKEN.get(..30).unwrap().to_owned(), "unknown"),
        (200, "{}".to_owned(), "unknown"),
        (202, "{}".to_owned(), "unknown"),
        (409, said("The retry key is already accepted"), "accepted 0"),
        (409, said("Conflict"), "unknown"),
        (400, said("The request body has 1 error(s)"), "refused Message"),
        (400, said("Invalid reply token"), "refused Message"),
        (400, said("Failed to send messages"), "refused Recipient"),
        (
            400,
            said("The property, 'to', in the request body is invalid (line: -, column: -)"),
            "refused Recipient",
        ),
        (400, "<html>Bad Request</html>".to_owned(), "unknown"),
        (
            401,
            said("Authentication failed due to the following reason: invalid token"),
            "refused Account",
        ),
        (403, said("Access to this API is not available for your account"), "refused Account"),
        (403, "blocked by a firewall".to_owned(), "unknown"),
        (404, said("Not found"), "refused Recipient"),
        (413, String::new(), "refused Message"),
        (415, said("Unsupported media type"), "refused Message"),
        (418, said("new"), "unknown"),
        (
            429,
            said("The API rate limit has been exceeded. Try again later."),
            "deferred Limit 1000",
        ),
        (429, said("You have reached your monthly limit."), "refused Account"),
        (429, String::new(), "deferred Limit 1000"),
        (500, said("The API server encountered an error"), "unknown"),
        (502, "<html>Bad Gateway</html>".to_owned(), "unknown"),
        (503, String::new(), "unknown"),
        (301, String::new(), "unknown"),
    ];
    for (status, body, expected) in cases {
        let script = Script::default();
        script.answer(status, &body);
        let outcome = run(line(&script).send(&say(vec![part("x")])));
        assert_eq!(short(&outcome), expected, "{status} {body}");
    }
}

#[test]
fn every_failure_has_its_outcome() {
    let failures = [
        (HttpFailure::NotSent("refused".to_owned()), "deferred Network 0"),
        (HttpFailure::NoAnswer("timed out".to_owned()), "unknown"),
        (HttpFailure::AnswerTooLarge, "unknown"),
    ];
    for (failure, expected) in failures {
        let script = Script::default();
        script.fail(failure.clone());
        let outcome = run(line(&script).send(&say(vec![part("x")])));
        assert_eq!(short(&outcome), expected, "{failure:?}");
    }
}

#[test]
fn a_probe_tells_life_and_identity() {
    let bot = r#"{"userId":"U1","basicId":"@hub","displayName":"이음","chatMode":"bot"}"#;
    let good = Pulse::Good { took_ms: 30 };
    let cases = [
        (200, bot, Some(good.clone()), Some("이음 (@hub)")),
        (200, "<html>", None, None),
        (401, r#"{"message":"Authentication failed"}"#, None, None),
        (429, "", Some(good), None),
        (500, "", None, None),
    ];
    for (status, body, pulse, identity) in cases {
        let script = Script::default();
        script.answer_after(30, status, body);
        let probe = run(line(&script).probe());
        match pulse {
            Some(pulse) => assert_eq!(probe.pulse, pulse),
            None if status == 401 => assert!(matches!(probe.pulse, Pulse::Refused { .. })),
            None => assert!(matches!(probe.pulse, Pulse::Bad { .. }), "{status}"),
        }
        assert_eq!(probe.identity.as_deref(), identity);
        assert_eq!(script.only_call().uri(), "http://line.test/v2/bot/info");
    }
}

#[test]
fn profiles_are_asked_where_the_user_was_seen() {
    let profile = r#"{"displayName":"영희","userId":"U1","pictureUrl":"https://p.test/1"}"#;
    let cases = [
        (ChatKind::Direct, "U1", "http://line.test/v2/bot/profile/U1"),
        (ChatKind::Group, "C1", "http://line.test/v2/bot/group/C1/member/U1"),
        (ChatKind::Group, "R1", "http://line.test/v2/bot/room/R1/member/U1"),
    ];
    for (kind, chat, uri) in cases {
        let script = Script::default();
        script.answer(200, profile);
        let chat = ChatRef { key: ChatKey::new(chat), kind };
        let told = run(line(&script).profile(&chat, &UserKey::new("U1"))).unwrap();
        assert_eq!((&*told.name, told.icon_url.as_deref()), ("영희", Some("https://p.test/1")));
        assert_eq!(script.only_call().uri(), uri);
    }
    let script = Script::default();
    script.answer(404, r#"{"message":"Not found"}"#);
    let chat = ChatRef { key: ChatKey::new("C1"), kind: ChatKind::Group };
    assert_eq!(run(line(&script).profile(&chat, &UserKey::new("U1"))), None);
    assert_eq!(run(line(&script).profile(&chat, &UserKey::new("../bot/info"))), None);
    assert_eq!(script.calls().len(), 1, "a path is never built from strange ids");
}

#[test]
fn a_configuration_gets_all_its_complaints_and_keeps_its_secrets() {
    let doors = Script::default().doors();
    let bad = LineConfig {
        api_url: "line".to_owned(),
        access_token: Secret::new(""),
        channel_secret: Secret::new(""),
        timeout_ms: 0,
        rate: RATE_PUBLISHED,
    };
    let keys = |config: &LineConfig| -> Vec<&'static str> {
        let complaints = Line::new(config, doors.clone()).unwrap_err();
        complaints.iter().map(|complaint| complaint.split_once(' ').unwrap().0).collect()
    };
    assert_eq!(keys(&bad), ["api_url", "access_token", "channel_secret", "timeout_ms"]);
    let broken = LineConfig { access_token: Secret::new("a\nb"), ..config() };
    assert_eq!(keys(&broken), ["access_token"]);
    let printed = format!("{:?}", Line::new(&config(), doors.clone()).unwrap());
    assert!(!printed.contains("access-token") && !printed.contains(SECRET), "{printed}");
}

#[test]
fn nothing_is_listened_to() {
    let script = Script::default();
    let inbox = crate::scripted::Kept::default();
    assert_eq!(run(line(&script).listen(&inbox, None)), ListenEnd::NotUsed);
    assert_eq!(script.doors().clock.now(), NOW);
}

proptest! {
    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(!matches!(accept(&body), Err(HookRefusal::Forged)));
    }

    #[test]
    fn no_spoiled_call_panics(place in 0_usize..400, byte in any::<u8>(), cut in 0_usize..400) {
        let message = json!({"id": "1", "type": "text", "text": "@hub 😀",
            "mention": {"mentionees": [
            {"type": "user", "index": 0, "length": 4, "isSelf": true}]}});
        let mut body = hook(&[event("message", json!({"message": message}))]);
        let place = place % body.len();
        body[place] = byte;
        prop_assert!(!matches!(accept(&body), Err(HookRefusal::Forged)));
        body.truncate(cut);
        prop_assert!(accept(&body).is_err());
    }
}

#[test]
fn whoever_is_called_is_a_mention_and_braces_stay_braces() {
    let script = Script::default();
    script.answer(200, TAKEN);
    let text = "민수: @영희 {hi} @철수";
    let call = |name: &str, user: &str| {
        let at = text.find(name).unwrap();
        Mark::new(at..at + name.len(), MarkKind::Mention(UserKey::new(user)))
    };
    let marks = vec![call("@영희", "U1"), call("@철수", "U2")];
    let long = Part { text: format!("{text}{}", "가".repeat(4_984)), marks, ..Part::default() };
    let short = Part { text: text.to_owned(), ..long.clone() };
    run(line(&script).send(&say(vec![short, long])));
    let body: Value = serde_json::from_slice(script.only_call().body()).unwrap();
    let message = &body["messages"][0];
    assert_eq!(
        (&message["type"], &message["text"]),
        (&json!("textV2"), &json!("민수: {u0} {{hi}} {u1}"))
    );
    let target = json!({"type": "mention", "mentionee": {"type": "user", "userId": "U2"}});
    assert_eq!(message["substitution"]["u1"], target);
    // What would be too long with braces doubled is said as it is: a name less, no word less.
    assert_eq!(body["messages"][1]["type"], "text");
}

#[test]
fn mentions_of_others_are_marks_on_their_names() {
    let message = read_message(json!({
        "id": "1", "type": "text", "quoteToken": "q", "text": "😀@봇 @영희 hi",
        "mention": {"mentionees": [
            {"type": "user", "index": 2, "length": 2, "userId": "Ubot", "isSelf": true},
            {"type": "user", "index": 5, "length": 3, "userId": "U1", "isSelf": false},
            {"type": "all", "index": 0, "length": 1},
        ]},
    }));
    let marks: Vec<_> =
        message.marks.iter().map(|mark| (mark.of(&message.text), mark.kind.clone())).collect();
    assert_eq!(marks, [("@영희", MarkKind::Mention(Named::User(UserKey::new("U1"))))]);
}
