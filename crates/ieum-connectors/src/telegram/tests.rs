//! Telegram against sample bodies and a scripted network.

mod files;

use super::*;
use crate::scripted::{Kept, NOW, Script, run};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use ieum_core::ids::{ChatKey, EventKey, NativeMessageId};
use ieum_core::inbound::{FileKind, Inbound, InboundKind, InboundMessage, Sender};
use ieum_core::marks::{Mark, MarkKind, Named};
use ieum_core::network::ChatKind;
use ieum_core::outgoing::{Act, Button, CopyKey, Part, ReplyTarget, Scope};
use ieum_core::ports::connector::{HOOK_BODY_BYTES_MAX, Pulse};
use ieum_core::ports::http::HttpFailure;
use ieum_core::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

const TOKEN: &str = "4242:AAE-hidden_token";
const US: Us<'static> = Us { id: 4242, name: Some("IeumBot"), handles: None };

fn config(receive: Receive) -> TelegramConfig {
    TelegramConfig {
        api_url: "http://telegram.test".to_owned(),
        bot_token: Secret::new(TOKEN),
        bot_name: Some("@IeumBot".to_owned()),
        receive,
        timeout_ms: 5_000,
        rate: RATE_PUBLISHED,
    }
}

fn telegram(script: &Script) -> Telegram {
    Telegram::new(config(Receive::Polling { poll_seconds: 50 }), script.doors()).unwrap()
}

fn hooked(script: &Script) -> Telegram {
    let secret_token = Secret::new("hook-secret");
    Telegram::new(config(Receive::Webhook { secret_token }), script.doors()).unwrap()
}

fn accept_with(body: &[u8], secret: Option<&str>) -> Result<Arrival, HookRefusal> {
    let mut headers = HeaderMap::new();
    if let Some(secret) = secret {
        let name = "x-telegram-bot-api-secret-token";
        headers.insert(name, HeaderValue::from_str(secret).unwrap());
    }
    let body = Bytes::copy_from_slice(body);
    hooked(&Script::default()).accept(HookRequest { path: "", headers: &headers, body: &body })
}

fn accept(body: &[u8]) -> Result<Arrival, HookRefusal> {
    accept_with(body, Some("hook-secret"))
}

fn read(update: &Value) -> Option<Inbound> {
    let arrival = decode(update.to_string().as_bytes(), US, NOW).unwrap();
    assert_eq!(arrival.events.len() + arrival.ignored as usize, 1, "{update}");
    arrival.events.into_iter().next()
}

fn kim() -> Value {
    json!({"id": 77, "is_bot": false, "first_name": "Kim", "last_name": "민수", "username": "kim"})
}

fn group() -> Value {
    json!({"id": -1_001_234_567_890_i64, "type": "supergroup", "title": "가족"})
}

fn message(more: Value) -> Value {
    let mut message =
        json!({"message_id": 5, "date": 1_700_000_000, "from": kim(), "chat": group()});
    let Value::Object(more) = more else {
        panic!("{more}");
    };
    message.as_object_mut().unwrap().extend(more);
    message
}

fn said(more: Value) -> Option<InboundMessage> {
    let kind = kind(&json!({"update_id": 10, "message": message(more)}))?;
    let InboundKind::Message(message) = kind else {
        panic!("{kind:?}");
    };
    Some(message)
}

fn kind(update: &Value) -> Option<InboundKind> {
    read(update).map(|inbound| inbound.kind)
}

fn person() -> Sender {
    Sender { key: UserKey::new("77"), name: Some("Kim 민수".into()) }
}

fn native(id: &str) -> NativeMessageId {
    NativeMessageId::new(id)
}

#[test]
fn a_text_message_is_read_whole() {
    let update = json!({"update_id": 10, "message": message(json!({
        "text": "😀@ieumbot 안녕", "entities": [{"type": "mention", "offset": 2, "length": 8}],
        "reply_to_message": {"message_id": 2, "date": 1, "chat": group(), "text": "?"},
        "quote": {"text": "?", "position": 0},
    }))});
    let inbound = read(&update).unwrap();
    assert_eq!(inbound.event, EventKey::new("10"));
    assert_eq!(inbound.at, Timestamp(1_700_000_000_000));
    let chat = ChatRef { key: ChatKey::new("-1001234567890"), kind: ChatKind::Group };
    assert_eq!(inbound.chat, chat);
    assert_eq!(inbound.title.as_deref(), Some("가족"));
    assert_eq!(inbound.sender, Some(person()));
    let expected = InboundMessage {
        native: native("5"),
        text: "😀 안녕".to_owned(),
        reply_to: Some(native("2")),
        mentions_us: true,
        ..InboundMessage::default()
    };
    assert_eq!(inbound.kind, InboundKind::Message(expected));
}

#[test]
fn our_name_is_taken_off_and_others_stay() {
    let entity = |kind: &str, offset: u32, length: u32| {
        let (offset, length) = (json!(offset), json!(length));
        json!({"type": kind, "offset": offset, "length": length})
    };
    let linked = |id: i64| {
        json!({"type": "text_mention", "offset": 0, "length": 2,
               "user": {"id": id, "is_bot": true, "first_name": "이음"}})
    };
    let cases = [
        ("@IeumBot hi", entity("mention", 0, 8), "hi", true),
        ("@kim hi", entity("mention", 0, 4), "@kim hi", false),
        ("/here@ieumbot now", entity("bot_command", 0, 13), "/here now", true),
        ("/here@otherbot now", entity("bot_command", 0, 14), "/here@otherbot now", false),
        ("/start abc", entity("bot_command", 0, 6), "/start abc", false),
        ("이음 hi", linked(4242), "hi", true),
        ("이음 hi", linked(4243), "이음 hi", false),
        ("@IeumBot hi", entity("mention", 0, 80), "@IeumBot hi", false),
        ("@IeumBot hi", json!({"type": "future", "offset": 0, "length": 8}), "@IeumBot hi", false),
    ];
    for (text, entity, expected, ours) in cases {
        let message = said(json!({"text": text, "entities": [entity]})).unwrap();
        assert_eq!((message.text.as_str(), message.mentions_us), (expected, ours), "{text}");
    }
}

#[test]
fn files_are_noted() {
    let file = json!({"file_id": "f", "file_unique_id": "u", "file_name": "a.pdf", "file_size": 9});
    let photo = json!([{"file_id": "s", "file_size": 1}, {"file_id": "l", "file_size": 9}]);
    let cases = [
        (json!({"photo": photo}), FileKind::Picture, None),
        (json!({"document": file}), FileKind::File, Some("a.pdf")),
        (json!({"animation": file, "document": file}), FileKind::Video, Some("a.pdf")),
        (json!({"video": file}), FileKind::Video, Some("a.pdf")),
        (json!({"video_note": {"length": 3, "file_size": 9}}), FileKind::Video, None),
        (json!({"voice": {"duration": 3, "file_size": 9}}), FileKind::Audio, None),
        (json!({"audio": file}), FileKind::Audio, Some("a.pdf")),
        (json!({"sticker": {"emoji": "👍", "file_size": 9}}), FileKind::Sticker, Some("👍")),
    ];
    for (more, kind, name) in cases {
        let message = said(more.clone()).unwrap();
        let file = message.file.unwrap();
        assert_eq!((file.kind, file.name.as_deref(), file.bytes), (kind, name, Some(9)), "{more}");
        assert_eq!(message.text, "");
    }
    let captioned = said(json!({"document": file, "caption": "보고서"})).unwrap();
    assert_eq!(captioned.text, "보고서");
    assert!(captioned.file.is_some());
}

#[test]
fn other_things_are_put_in_words() {
    let place = json!({"latitude": 37.5, "longitude": 127.0});
    let venue = json!({"location": place, "title": "집", "address": "서울"});
    let card = json!({"phone_number": "+821", "first_name": "Kim", "last_name": "Su"});
    let poll = json!({"id": "1", "question": "언제?", "options": []});
    let cases = [
        (json!({"location": place}), FileKind::Place, "37.5, 127"),
        (json!({"location": place, "venue": venue}), FileKind::Place, "집\n서울\n37.5, 127"),
        (json!({"contact": card}), FileKind::Other, "Kim Su\n+821"),
        (json!({"poll": poll}), FileKind::Other, "언제?"),
        (json!({"dice": {"emoji": "🎲", "value": 5}}), FileKind::Other, "🎲 5"),
        (json!({"story": {"id": 1}}), FileKind::Other, ""),
        (json!({"game": {"title": "g"}}), FileKind::Other, ""),
    ];
    for (more, kind, text) in cases {
        let message = said(more.clone()).unwrap();
        assert_eq!((message.file.unwrap().kind, message.text.as_str()), (kind, text), "{more}");
    }
}

#[test]
fn edits_reactions_and_buttons_are_read() {
    let edited = message(json!({"text": "고침", "edit_date": 1_700_000_009}));
    let edit = InboundKind::Edit { native: native("5"), text: "고침".to_owned(), marks: vec![] };
    for field in ["edited_message", "edited_channel_post"] {
        let inbound = read(&json!({"update_id": 1, field: edited})).unwrap();
        assert_eq!((inbound.kind, inbound.at), (edit.clone(), Timestamp(1_700_000_009_000)));
    }
    let moved = message(json!({"location": {"latitude": 1.0, "longitude": 2.0}}));
    assert_eq!(kind(&json!({"update_id": 1, "edited_message": moved})), None);

    let emoji = |emoji: &str| json!({"type": "emoji", "emoji": emoji});
    let custom = json!({"type": "custom_emoji", "custom_emoji_id": "5"});
    let cases = [
        (json!([]), json!([emoji("👍")]), Some(Some("👍"))),
        (json!([emoji("👍")]), json!([emoji("👍"), emoji("🔥")]), Some(Some("🔥"))),
        (json!([emoji("👍"), emoji("🔥")]), json!([emoji("👍")]), Some(Some("👍"))),
        (json!([emoji("👍")]), json!([]), Some(None)),
        (json!([emoji("👍")]), json!([custom]), Some(None)),
        (json!([]), json!([custom]), None),
    ];
    for (old, new, expected) in cases {
        let reaction = json!({"chat": group(), "message_id": 5, "user": kim(),
            "date": 1_700_000_000, "old_reaction": old, "new_reaction": new});
        let expected = expected.map(|emoji| InboundKind::Reaction {
            native: native("5"),
            emoji: emoji.map(Into::into),
            own: None,
        });
        assert_eq!(kind(&json!({"update_id": 1, "message_reaction": reaction})), expected);
    }

    let tap = json!({"id": "1", "from": kim(), "chat_instance": "i", "data": "here",
        "message": {"chat": {"id": 77, "type": "private"}, "message_id": 5, "date": 0}});
    let inbound = read(&json!({"update_id": 1, "callback_query": tap})).unwrap();
    assert_eq!(inbound.kind, InboundKind::Button { payload: "here".into() });
    assert_eq!((inbound.at, inbound.chat.kind), (NOW, ChatKind::Direct));
    let game = json!({"id": "1", "from": kim(), "chat_instance": "i", "game_short_name": "g"});
    assert_eq!(kind(&json!({"update_id": 1, "callback_query": game})), None);
}

#[test]
fn our_own_comings_and_goings_are_read() {
    let ours = [
        ("left", json!({"status": "member"}), Some(InboundKind::WeJoined)),
        ("kicked", json!({"status": "member"}), Some(InboundKind::WeJoined)),
        ("member", json!({"status": "kicked"}), Some(InboundKind::WeLeft)),
        ("administrator", json!({"status": "left"}), Some(InboundKind::WeLeft)),
        ("member", json!({"status": "restricted", "is_member": false}), Some(InboundKind::WeLeft)),
        ("member", json!({"status": "administrator"}), None),
        ("member", json!({"status": "ascended"}), None),
    ];
    for (old, new, expected) in ours {
        let update = json!({"update_id": 1, "my_chat_member": change(&bot(4242), old, new)});
        assert_eq!(kind(&update), expected, "{update}");
    }
}

fn bot(id: i64) -> Value {
    json!({"id": id, "is_bot": true, "first_name": "이음"})
}

/// A change of one member, who is shown with what the new state adds.
fn change(who: &Value, old: &str, new: Value) -> Value {
    let mut member = new;
    member["user"] = who.clone();
    json!({"chat": group(), "from": kim(), "date": 1_700_000_000,
           "old_chat_member": {"status": old, "user": who}, "new_chat_member": member})
}

#[test]
fn comings_and_goings_of_people_are_read() {
    let joined = || Some(InboundKind::PeopleJoined(vec![person()]));
    let left = || Some(InboundKind::PeopleLeft(vec![person()]));
    let (member, gone) = (json!({"status": "member"}), json!({"status": "left"}));
    for (change, expected) in [
        (change(&kim(), "left", member.clone()), joined()),
        (change(&kim(), "member", gone), left()),
        (change(&bot(9), "left", member), None),
    ] {
        assert_eq!(kind(&json!({"update_id": 1, "chat_member": change})), expected);
    }
    let moved = Some(InboundKind::Migrated { to: ChatKey::new("-1009") });
    let pinned = json!({"message_id": 1, "date": 0, "chat": group()});
    for (more, expected) in [
        (json!({"new_chat_members": [bot(4242), kim()]}), joined()),
        (json!({"new_chat_members": [bot(4242)]}), None),
        (json!({"left_chat_member": kim()}), left()),
        (json!({"left_chat_member": bot(4242)}), None),
        (json!({"migrate_to_chat_id": -1009}), moved),
        (json!({"migrate_from_chat_id": -9}), None),
        (json!({"new_chat_title": "새 이름"}), None),
        (json!({"pinned_message": pinned}), None),
        (json!({"forum_topic_created": {"name": "t", "icon_color": 1}}), None),
    ] {
        let update = json!({"update_id": 1, "message": message(more)});
        assert_eq!(kind(&update), expected, "{update}");
    }
}

#[test]
fn speakers_that_are_no_users_are_named_and_bots_are_passed_over() {
    let bot = json!({"id": 9, "is_bot": true, "first_name": "Bot"});
    assert_eq!(said(json!({"from": bot, "text": "x"})), None);
    let anonymous = json!({"update_id": 1, "message": message(json!({
        "from": {"id": 1_087_968_824, "is_bot": true, "first_name": "Group"},
        "sender_chat": group(), "text": "x"}))});
    let sender = read(&anonymous).unwrap().sender.unwrap();
    assert_eq!((sender.key.as_str(), sender.name.as_deref()), ("-1001234567890", Some("가족")));
    let channel = json!({"id": -100, "type": "channel", "title": "소식"});
    let post = json!({"update_id": 1, "channel_post": {"message_id": 1, "date": 1, "chat": channel,
        "sender_chat": channel, "text": "x"}});
    assert_eq!(read(&post).unwrap().sender.unwrap().name.as_deref(), Some("소식"));
    let topic = json!({"text": "x", "message_thread_id": 3, "is_topic_message": true,
        "reply_to_message": {"message_id": 3, "date": 1, "chat": group()}});
    assert_eq!(said(topic).unwrap().reply_to, None);
    let strange = json!({"chat": {"id": 1, "type": "hologram"}, "text": "x"});
    assert_eq!(said(strange), None);
}

#[test]
fn unknown_updates_are_counted() {
    for update in [
        json!({"update_id": 1}),
        json!({"update_id": 1, "poll_answer": {"poll_id": "1"}}),
        json!({"update_id": 1, "hologram": {"message": 5}}),
        json!({"update_id": 1, "edited_message": message(json!({"chat": {"id": 1, "type": "?"}}))}),
    ] {
        assert_eq!(read(&update), None);
    }
}

#[test]
fn forged_calls_are_turned_away() {
    let body = json!({"update_id": 1}).to_string();
    for secret in [None, Some(""), Some("hook-secre"), Some("hook-secret2"), Some("HOOK-SECRET")] {
        assert_eq!(accept_with(body.as_bytes(), secret), Err(HookRefusal::Forged), "{secret:?}");
    }
    assert_eq!(accept(body.as_bytes()).unwrap().ignored, 1);
    let (headers, body) = (HeaderMap::new(), Bytes::new());
    let polled = telegram(&Script::default());
    let refused = polled.accept(HookRequest { path: "", headers: &headers, body: &body });
    assert_eq!(refused, Err(HookRefusal::NotUsed));
}

#[test]
fn broken_calls_are_refused_with_a_reason() {
    let with = |more: Value| json!({"update_id": 1, "message": message(more)}).to_string();
    let nested = format!("{{\"update_id\":1,\"message\":{}}}", "[".repeat(100_000));
    let cases = [
        (String::new().into_bytes(), "EOF"),
        (b"[]".to_vec(), "invalid length 0"),
        (b"{\"update_id\":1,\"message\":{\"message_id\":".to_vec(), "EOF"),
        (b"{\"update_id\":1,\"message\":{\"text\":\"\xff\xfe\"}}".to_vec(), "invalid unicode"),
        (b"{\"update_id\":1,\"update_id\":2}".to_vec(), "duplicate field `update_id`"),
        (b"{}".to_vec(), "missing field `update_id`"),
        (b"{\"update_id\":18446744073709551616}".to_vec(), "invalid type"),
        (b"{\"update_id\":9223372036854775808}".to_vec(), "invalid value"),
        (with(json!({"message_id": "5"})).into_bytes(), "invalid type"),
        (with(json!({"date": -1, "text": "x"})).into_bytes(), "date"),
        (with(json!({"date": i64::MAX, "text": "x"})).into_bytes(), "date"),
        (with(json!({"chat": {"id": 1e300, "type": "group"}})).into_bytes(), "invalid type"),
        (with(json!({"text": 5})).into_bytes(), "expected a string"),
        (nested.into_bytes(), "invalid type"),
        (vec![b' '; HOOK_BODY_BYTES_MAX + 1], "too large"),
    ];
    for (body, word) in cases {
        match accept(&body) {
            Err(HookRefusal::Malformed(text)) => assert!(text.contains(word), "{word}: {text}"),
            other => panic!("{word}: {other:?}"),
        }
    }
}

fn outgoing(act: Act) -> Outgoing {
    let chat = ChatRef { key: ChatKey::new("-1001234567890"), kind: ChatKind::Group };
    Outgoing { chat, key: [7; 16], answer_token: None, author: None, act }
}

fn say(text: &str) -> Outgoing {
    outgoing(Act::Say(vec![Part { text: text.to_owned(), ..Part::default() }]))
}

fn sent(act: Act, answer: &str) -> (Outcome, String, Value) {
    let script = Script::default();
    script.answer(200, answer);
    let outcome = run(telegram(&script).send(&outgoing(act)));
    let request = script.only_call();
    assert_eq!(request.method(), "POST");
    assert_eq!(request.headers()["content-type"], "application/json");
    let method =
        request.uri().to_string().replace("http://telegram.test/bot4242:AAE-hidden_token/", "");
    (outcome, method, serde_json::from_slice(request.body()).unwrap())
}

#[test]
fn every_act_is_one_exact_request() {
    let part = Part {
        text: "민수: 안녕".to_owned(),
        reply: Some(ReplyTarget { native: native("2"), quote: None }),
        buttons: vec![Button { label: "여기로".to_owned(), payload: "here".to_owned() }],
        ..Part::default()
    };
    let chat = -1_001_234_567_890_i64;
    let taken = r#"{"ok":true,"result":{"message_id":6,"date":1,"chat":{"id":1,"type":"group"}}}"#;
    let (outcome, method, body) = sent(Act::Say(vec![part]), taken);
    let copies = vec![CopyKey { native: native("6"), quote: None }];
    assert_eq!(outcome, Outcome::Accepted { copies });
    assert_eq!(method, "sendMessage");
    assert_eq!(
        body,
        json!({
            "chat_id": chat, "text": "민수: 안녕", "link_preview_options": {"is_disabled": true},
            "reply_parameters": {"message_id": 2, "allow_sending_without_reply": true},
            "reply_markup": {"inline_keyboard": [[{"text": "여기로", "callback_data": "here"}]]},
        })
    );
    let target = || native("6");
    let react = |emoji: Option<&str>| Act::React {
        target: target(),
        emoji: emoji.map(Into::into),
        own: None,
    };
    let cases = [
        (
            Act::Edit { target: target(), text: "고침".to_owned(), marks: vec![] },
            "editMessageText",
            json!({"text": "고침", "link_preview_options": {"is_disabled": true}}),
        ),
        (Act::Withdraw { target: target() }, "deleteMessage", json!({})),
        (
            react(Some("👍")),
            "setMessageReaction",
            json!({"reaction": [{"type": "emoji", "emoji": "👍"}]}),
        ),
        (react(None), "setMessageReaction", json!({"reaction": []})),
    ];
    for (act, expected_method, mut expected) in cases {
        let (outcome, method, body) = sent(act, r#"{"ok":true,"result":true}"#);
        expected["chat_id"] = json!(chat);
        expected["message_id"] = json!(6);
        assert_eq!((method.as_str(), body), (expected_method, expected));
        assert_eq!(outcome, Outcome::Accepted { copies: Vec::new() });
    }
}

#[test]
fn what_telegram_cannot_carry_never_leaves() {
    let overflowing = native("9223372036854775808");
    let acts = [
        Act::Say(Vec::new()),
        Act::Say(vec![Part::default()]),
        Act::Say(vec![Part { text: "x".to_owned(), ..Part::default() }; 2]),
        Act::Say(vec![Part { text: "😀".repeat(2_049), ..Part::default() }]),
        Act::Edit { target: overflowing.clone(), text: "x".to_owned(), marks: vec![] },
        Act::Edit { target: native("1"), text: String::new(), marks: vec![] },
        Act::Withdraw { target: native("") },
        Act::React { target: overflowing, emoji: None, own: None },
    ];
    let mut cases: Vec<_> = acts.into_iter().map(|act| (outgoing(act), Scope::Message)).collect();
    for chat in ["", "abc", "9223372036854775808", "1.5"] {
        let mut said = say("x");
        said.chat.key = ChatKey::new(chat);
        cases.push((said, Scope::Recipient));
    }
    for (outgoing, expected) in cases {
        let script = Script::default();
        let outcome = run(telegram(&script).send(&outgoing));
        assert!(
            matches!(outcome, Outcome::Refused { scope, .. } if scope == expected),
            "{outcome:?}"
        );
        assert!(script.calls().is_empty());
    }
}

#[test]
fn buttons_that_do_not_fit_are_left_out() {
    let button = |label: &str, payload: &str| Button {
        label: label.to_owned(),
        payload: payload.to_owned(),
    };
    let buttons =
        vec![button("", "b"), button("a", ""), button("a", &"b".repeat(65)), button("a", "b")];
    for (buttons, left) in [(buttons[..3].to_vec(), 0), (buttons, 1)] {
        let part = Part { text: "x".to_owned(), buttons, ..Part::default() };
        let (_, _, body) = sent(Act::Say(vec![part]), "{}");
        let rows = body["reply_markup"]["inline_keyboard"].as_array().map_or(0, Vec::len);
        assert_eq!(rows, left, "{body}");
    }
}

/// The outcome in a few words.
fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { copies } => format!("accepted {}", copies.len()),
        Outcome::Deferred { after_ms, fault, .. } => format!("deferred {fault:?} {after_ms}"),
        Outcome::Refused { scope, moved_to: None, .. } => format!("refused {scope:?}"),
        Outcome::Refused { scope, moved_to: Some(to), .. } => {
            format!("refused {scope:?} to {}", to.as_str())
        }
        Outcome::Unknown { .. } => "unknown".to_owned(),
    }
}

const NOT_MODIFIED: &str = "Bad Request: message is not modified: new content is the same";

const NOS: [(u16, &str, &str); 23] = [
    (400, "Bad Request: chat not found", "refused Recipient"),
    (400, "Bad Request: private chat not found", "refused Recipient"),
    (400, "Bad Request: chat_id is empty", "refused Recipient"),
    (400, "Bad Request: group chat was upgraded to a supergroup chat", "refused Recipient"),
    (400, "Bad Request: not enough rights to send text messages", "refused Recipient"),
    (400, "Bad Request: message thread not found", "refused Recipient"),
    (400, "Bad Request: TOPIC_CLOSED", "refused Recipient"),
    (400, "Bad Request: message is too long", "refused Message"),
    (400, "Bad Request: can't parse entities: unexpected end tag", "refused Message"),
    (400, "Bad Request: message text is empty", "refused Message"),
    (400, NOT_MODIFIED, "refused Message"),
    (401, "Unauthorized", "refused Account"),
    (403, "Forbidden: bot was blocked by the user", "refused Recipient"),
    (403, "Forbidden: bot was kicked from the supergroup chat", "refused Recipient"),
    (403, "Forbidden: user is deactivated", "refused Recipient"),
    (404, "Not Found", "refused Account"),
    (409, "Conflict: terminated by other getUpdates request", "deferred Request 0"),
    (413, "Request Entity Too Large", "refused Message"),
    (418, "I'm new", "unknown"),
    (429, "Too Many Requests", "deferred Limit 1000"),
    (500, "Internal Server Error", "unknown"),
    (502, "Bad Gateway", "unknown"),
    (504, "Gateway Timeout", "unknown"),
];

#[test]
fn every_no_has_its_outcome() {
    let no = |code, description| {
        json!({"ok": false, "error_code": code, "description": description}).to_string()
    };
    for (code, description, expected) in NOS {
        assert_eq!(answered(say("x").act, code, &no(code, description)), expected, "{description}");
    }
    for (description, expected) in [
        (NOT_MODIFIED, "accepted 0"),
        ("Bad Request: message to edit not found", "refused Message"),
        ("Bad Request: message to delete not found", "refused Message"),
        ("Bad Request: message can't be deleted for everyone", "refused Message"),
    ] {
        let edit = Act::Edit { target: native("1"), text: "x".to_owned(), marks: vec![] };
        assert_eq!(answered(edit, 400, &no(400, description)), expected, "{description}");
    }
}

fn answered(act: Act, status: u16, body: &str) -> String {
    let script = Script::default();
    script.answer(status, body);
    short(&run(telegram(&script).send(&outgoing(act))))
}

#[test]
fn a_waiting_time_in_the_header_is_heard_too() {
    let mut response = http::Response::new(Bytes::from_static(b"{\"ok\":false}"));
    *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert("retry-after", HeaderValue::from_static("7"));
    let outcome = outcome::of_act(&say("x").act, &Ok(response), NOW);
    assert_eq!(short(&outcome), "deferred Limit 7000");
}

#[test]
fn odd_answers_are_unknown_and_parameters_are_heard() {
    let cases = [
        (200, r#"{"ok":true,"result":{"message_id":6}}"#, "accepted 1"),
        (200, r#"{"ok":true}"#, "accepted 0"),
        (200, r#"{"ok":true,"result":{"message_id":"#, "unknown"),
        (200, "<html>welcome</html>", "unknown"),
        (200, "", "unknown"),
        (502, "<html>502 Bad Gateway</html>", "unknown"),
        (403, "<html>no</html>", "unknown"),
        (429, "<html>slow down</html>", "deferred Limit 1000"),
        (
            429,
            r#"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":3600}}"#,
            "deferred Limit 3600000",
        ),
        (
            400,
            r#"{"ok":false,"error_code":400,"parameters":{"migrate_to_chat_id":-1009}}"#,
            "refused Recipient to -1009",
        ),
    ];
    for (status, body, expected) in cases {
        assert_eq!(answered(say("x").act, status, body), expected, "{status} {body}");
    }
    let secret = format!("connect http://telegram.test/bot{TOKEN}/sendMessage");
    let failures = [
        (HttpFailure::NotSent(secret.clone()), "deferred Network 0"),
        (HttpFailure::NoAnswer(secret), "unknown"),
        (HttpFailure::AnswerTooLarge, "unknown"),
    ];
    for (failure, expected) in failures {
        let script = Script::default();
        script.fail(failure);
        let outcome = run(telegram(&script).send(&say("x")));
        assert_eq!(short(&outcome), expected);
        assert!(!format!("{outcome:?}").contains("hidden"), "{outcome:?}");
    }
}

const ME: &str =
    r#"{"ok":true,"result":{"id":4242,"is_bot":true,"first_name":"이음","username":"IeumBot"}}"#;
const EMPTY: &str = r#"{"ok":true,"result":[]}"#;

fn batch(updates: &[Value]) -> String {
    json!({"ok": true, "result": updates}).to_string()
}

fn text_update(id: i64) -> Value {
    json!({"update_id": id, "message": message(json!({"text": "x"}))})
}

/// Listens until the inbox closes after `deliveries`, and gives what every poll asked for.
fn listened(
    script: &Script,
    deliveries: usize,
    cursor: Option<&str>,
) -> (ListenEnd, Kept, Vec<Value>) {
    let inbox = Kept { closes_after: Some(deliveries), ..Kept::default() };
    let end = run(telegram(script).listen(&inbox, cursor.map(Cursor::new)));
    let polls = script.calls().into_iter().filter(|call| call.uri().path().ends_with("getUpdates"));
    let polls = polls.map(|call| serde_json::from_slice(call.body()).unwrap()).collect();
    (end, inbox, polls)
}

#[test]
fn an_offset_follows_what_is_durable() {
    let script = Script::default();
    script.answer_after(40, 200, ME).answer(200, &batch(&[text_update(7), text_update(9)]));
    script.answer_after(50_100, 200, EMPTY).answer(200, &batch(&[text_update(10)]));
    let (end, inbox, polls) = listened(&script, 1, Some("7"));
    assert_eq!(end, ListenEnd::InboxClosed);
    let offsets: Vec<_> = polls.iter().map(|poll| poll["offset"].as_i64()).collect();
    assert_eq!(offsets, [Some(7), Some(10), Some(10)]);
    assert_eq!((&polls[0]["timeout"], &polls[0]["limit"]), (&json!(50), &json!(100)));
    let wanted = polls[0]["allowed_updates"].as_array().unwrap();
    assert!(wanted.contains(&json!("message_reaction")) && wanted.contains(&json!("chat_member")));
    let delivered = inbox.delivered();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].0.events.len(), 2);
    assert_eq!(delivered[0].1, Some(Cursor::new("10")));
    // Waiting that was asked for is not slowness.
    let good = |took_ms| Pulse::Good { took_ms };
    assert_eq!(inbox.pulses(), [good(40), good(0), good(100)]);
    assert_eq!(script.timeouts_ms(), [5_000, 55_000, 55_000, 55_000]);
    assert!(script.slept_ms().is_empty());
}

#[test]
fn a_poisoned_update_is_passed_over() {
    let poisoned = json!({"update_id": 8, "message": {"message_id": "eight"}});
    let late = json!({"update_id": 9, "message": message(json!({"date": -5}))});
    let numberless = json!({"message": 5});
    let script = Script::default();
    script.answer(200, ME).answer(200, &batch(&[text_update(7), poisoned, late, numberless]));
    script.answer(200, &batch(&[text_update(10)]));
    let (end, inbox, polls) = listened(&script, 1, None);
    assert_eq!(end, ListenEnd::InboxClosed);
    let (arrival, cursor) = inbox.delivered().remove(0);
    assert_eq!((arrival.events.len(), arrival.ignored), (1, 3));
    assert_eq!(cursor, Some(Cursor::new("10")));
    assert_eq!((polls[0].get("offset"), &polls[1]["offset"]), (None, &json!(10)));
}

#[test]
fn failures_wait_longer_each_time_and_good_news_resets() {
    let script = Script::default();
    script.fail(HttpFailure::NotSent("refused".to_owned())).answer(502, "<html>");
    script.answer(200, ME).answer(200, "not json");
    script.answer(200, ME).fail(HttpFailure::NoAnswer("lost".to_owned()));
    let slow = r#"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":7}}"#;
    script.answer(200, ME).answer(429, slow);
    let conflict = r#"{"ok":false,"error_code":409,"description":"Conflict: terminated"}"#;
    script.answer(200, ME).answer(409, conflict);
    script.answer(200, ME).answer(200, &batch(&[json!({"message": 5})]));
    script.answer(200, ME).answer(200, EMPTY).answer(200, &batch(&[text_update(1)]));
    let (end, inbox, _) = listened(&script, 0, None);
    assert_eq!(end, ListenEnd::InboxClosed);
    assert_eq!(script.slept_ms(), [1_000, 2_000, 1_000, 1_000, 7_000, 1_000, 1_000, 250]);
    let bad = inbox.pulses().iter().filter(|pulse| matches!(pulse, Pulse::Bad { .. })).count();
    assert_eq!(bad, 6);
}

#[test]
fn a_batch_that_is_too_large_is_fetched_one_by_one() {
    let script = Script::default();
    script.answer(200, ME).fail(HttpFailure::AnswerTooLarge);
    script
        .answer(200, ME)
        .answer(200, &batch(&[text_update(1)]))
        .answer(200, &batch(&[text_update(2)]));
    let (_, _, polls) = listened(&script, 1, None);
    let limits: Vec<_> = polls.iter().map(|poll| poll["limit"].as_u64().unwrap()).collect();
    assert_eq!(limits, [100, 1, 100]);
}

#[test]
fn polling_ends_where_it_makes_no_sense() {
    let no = |code: u16, text: &str| {
        json!({"ok": false, "error_code": code, "description": text}).to_string()
    };
    let webhook =
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook";
    let script = Script::default();
    script.answer(200, ME).answer(409, &no(409, webhook));
    assert!(
        matches!(listened(&script, 1, None).0, ListenEnd::Fatal(why) if why.contains("webhook"))
    );
    for code in [401, 404] {
        let script = Script::default();
        script.answer(code, &no(code, "Unauthorized"));
        let (end, inbox, polls) = listened(&script, 1, None);
        assert!(matches!(end, ListenEnd::Fatal(_)));
        assert!(polls.is_empty() && matches!(inbox.pulses()[..], [Pulse::Refused { .. }]));
        let script = Script::default();
        script.answer(200, ME).answer(code, &no(code, "Unauthorized"));
        assert!(matches!(listened(&script, 1, None).0, ListenEnd::Fatal(_)));
    }
    let inbox = Kept::default();
    assert_eq!(run(hooked(&Script::default()).listen(&inbox, None)), ListenEnd::NotUsed);
}

#[test]
fn a_probe_tells_life_and_teaches_our_name() {
    let script = Script::default();
    script.answer_after(30, 200, ME);
    let nameless =
        TelegramConfig { bot_name: None, ..config(Receive::Polling { poll_seconds: 1 }) };
    let telegram = Telegram::new(nameless, script.doors()).unwrap();
    assert_eq!(telegram.us().name, None);
    let probe = run(telegram.probe());
    assert_eq!(probe.pulse, Pulse::Good { took_ms: 30 });
    assert_eq!(probe.identity.as_deref(), Some("이음 (@IeumBot)"));
    assert_eq!(telegram.us().name, Some("IeumBot"));
    assert_eq!(script.only_call().uri().path(), "/bot4242:AAE-hidden_token/getMe");
    for (status, body, refused) in
        [(401, r#"{"ok":false,"error_code":401}"#, true), (500, "", false), (200, "<html>", false)]
    {
        script.answer(status, body);
        let pulse = run(telegram.probe()).pulse;
        assert_eq!(matches!(pulse, Pulse::Refused { .. }), refused, "{pulse:?}");
        assert_eq!(matches!(pulse, Pulse::Bad { .. }), !refused, "{pulse:?}");
    }
}

/// The keys that are complained of.
fn keys(config: TelegramConfig, doors: &Doors) -> Vec<&'static str> {
    let complaints = Telegram::new(config, doors.clone()).unwrap_err();
    complaints.iter().map(|complaint| complaint.split_once(' ').unwrap().0).collect()
}

#[test]
fn a_configuration_gets_all_its_complaints_and_keeps_its_secrets() {
    let doors = Script::default().doors();
    let bad = TelegramConfig {
        api_url: "telegram".to_owned(),
        bot_token: Secret::new("4242"),
        timeout_ms: 0,
        ..config(Receive::Polling { poll_seconds: 51 })
    };
    assert_eq!(keys(bad, &doors), ["api_url", "bot_token", "poll_seconds", "timeout_ms"]);
    for token in ["", ":a", "x:a", "1:", "1:a/../b", "99999999999999999999:a"] {
        let bad = TelegramConfig {
            bot_token: Secret::new(token),
            ..config(Receive::Polling { poll_seconds: 1 })
        };
        assert_eq!(keys(bad, &doors), ["bot_token"], "{token}");
    }
    for secret in ["", "with space", &"x".repeat(257)] {
        let bad = config(Receive::Webhook { secret_token: Secret::new(secret) });
        assert_eq!(keys(bad, &doors), ["secret_token"]);
    }
    let printed = format!("{:?}", hooked(&Script::default()));
    assert!(!printed.contains("hidden") && !printed.contains("hook-secret"), "{printed}");
}

#[test]
fn names_come_with_the_messages() {
    let script = Script::default();
    let chat = ChatRef { key: ChatKey::new("1"), kind: ChatKind::Direct };
    assert_eq!(run(telegram(&script).profile(&chat, &UserKey::new("1"))), None);
    assert!(script.calls().is_empty());
}

proptest! {
    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(!matches!(accept(&body), Err(HookRefusal::Forged)));
    }

    #[test]
    fn no_spoiled_update_panics(place in 0_usize..600, byte in any::<u8>(), cut in 0_usize..600) {
        let ours = json!({"type": "mention", "offset": 0, "length": 8});
        let more = json!({"text": "@IeumBot 😀", "entities": [ours]});
        let mut body = json!({"update_id": 1, "message": message(more)}).to_string().into_bytes();
        let whole = body.len();
        body[place % whole] = byte;
        prop_assert!(!matches!(accept(&body), Err(HookRefusal::Forged)));
        body.truncate(cut.min(whole - 1));
        prop_assert!(accept(&body).is_err());
    }
}

#[test]
fn entities_are_marks_on_the_words_they_count() {
    let entity = |kind: &str, offset: u32, length: u32| {
        let (offset, length) = (json!(offset), json!(length));
        json!({"type": kind, "offset": offset, "length": length})
    };
    let person = json!({"id": 77, "is_bot": false, "first_name": "민지"});
    let mut called = entity("text_mention", 3, 3);
    called["user"] = person;
    let mut link = entity("text_link", 7, 2);
    link["url"] = json!("https://a.test/");
    let text = "😀 @민지 굵게";
    let entities = [called, link, entity("bold", 7, 2), entity("custom_emoji", 0, 2)];
    let message = said(json!({"text": text, "entities": entities})).unwrap();
    let marks: Vec<_> =
        message.marks.iter().map(|mark| (mark.of(&message.text), mark.kind.clone())).collect();
    let user = MarkKind::Mention(Named::User(UserKey::new("77")));
    let link = MarkKind::Link("https://a.test/".into());
    assert_eq!(marks, [("@민지", user), ("굵게", link), ("굵게", MarkKind::Bold)]);
}

#[test]
fn a_user_name_calls_who_spoke_under_it() {
    let handles = Handles::default();
    let us = Us { handles: Some(&handles), ..US };
    let read = |update: Value| {
        let arrival = decode(update.to_string().as_bytes(), us, Timestamp(0)).unwrap();
        let InboundKind::Message(message) = arrival.events[0].kind.clone() else { panic!() };
        message.marks
    };
    let update = |from: Value| {
        json!({"update_id": 1, "message": {"message_id": 1, "date": 1, "from": from,
            "chat": {"id": -5, "type": "group", "title": "t"}, "text": "@Kim_92 hi",
            "entities": [{"type": "mention", "offset": 0, "length": 7}]}})
    };
    let other = || json!({"id": 8, "is_bot": false, "first_name": "B"});
    assert_eq!(read(update(other())), []);
    read(update(json!({"id": 7, "is_bot": false, "first_name": "A", "username": "kim_92"})));
    let user = MarkKind::Mention(Named::User(UserKey::new("7")));
    assert_eq!(read(update(other())), [Mark::new(0..7, user)]);
}

#[test]
fn marks_leave_as_entities_counted_in_utf16() {
    let text = "😀 @민지 굵게";
    let marks = vec![
        Mark::new(5..12, MarkKind::Mention(UserKey::new("77"))),
        Mark::new(13..19, MarkKind::Bold),
        Mark::new(13..19, MarkKind::Link("https://a.test/".into())),
        Mark::new(5..12, MarkKind::Mention(UserKey::new("no number"))),
    ];
    let part = Part { text: text.to_owned(), marks: marks.clone(), ..Part::default() };
    let taken = r#"{"ok":true,"result":{"message_id":6,"date":1,"chat":{"id":1,"type":"group"}}}"#;
    let (_, _, body) = sent(Act::Say(vec![part]), taken);
    let user = json!({"id": 77, "is_bot": false, "first_name": ""});
    let expected = json!([
        {"type": "text_mention", "offset": 3, "length": 3, "user": user},
        {"type": "bold", "offset": 7, "length": 2},
        {"type": "text_link", "offset": 7, "length": 2, "url": "https://a.test/"},
    ]);
    assert_eq!(body["entities"], expected);
    let edit = Act::Edit { target: native("6"), text: text.to_owned(), marks };
    let (_, _, body) = sent(edit, r#"{"ok":true,"result":true}"#);
    assert_eq!(body["entities"], expected);
}
