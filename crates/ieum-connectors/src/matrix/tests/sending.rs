//! Outgoings -> calls, answers -> outcomes, and what is done before a ghost can speak.

use super::*;
use ieum_core::ids::QuoteKey;
use ieum_core::marks::{Mark, MarkKind};
use ieum_core::outgoing::{CopyKey, ReplyTarget};
use ieum_core::ports::http::HttpFailure;

const SENT: &str = "{\"event_id\":\"$sent\"}";
const DONE: &str = "{}";

fn say(text: &str) -> Outgoing {
    outgoing(Act::Say(vec![Part { text: text.to_owned(), ..Part::default() }]))
}

fn outgoing(act: Act) -> Outgoing {
    Outgoing {
        chat: ChatRef { key: ChatKey::new(ROOM), kind: ChatKind::Group },
        key: [7; 16],
        answer_token: None,
        author: None,
        act,
    }
}

fn by_yuna(outgoing: Outgoing) -> Outgoing {
    let shown = ShownSender { name: "유나 · LINE".to_owned(), icon_url: None };
    let author = ActingAuthor { key: AuthorKey::new("line_17"), shown };
    Outgoing { author: Some(author), ..outgoing }
}

fn no(code: &str) -> String {
    json!({"errcode": code, "error": "words"}).to_string()
}

fn body(script: &Script) -> Value {
    serde_json::from_slice(script.calls().last().unwrap().body()).unwrap()
}

/// `accepted $id`, `deferred Limit 2000`, `refused Room`, `unknown`.
fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { copies } => {
            let ids = copies.iter().map(|copy| format!(" {}", copy.native.as_str()));
            format!("accepted{}", ids.collect::<String>())
        }
        Outcome::Deferred { after_ms, fault, .. } => format!("deferred {fault:?} {after_ms}"),
        Outcome::Refused { scope, .. } => format!("refused {scope:?}"),
        Outcome::Unknown { .. } => "unknown".to_owned(),
    }
}

#[test]
fn the_hub_speaks_as_the_bot_with_the_keys_own_transaction() {
    let script = Script::default();
    script.answer(200, SENT).answer(200, SENT);
    let connector = matrix(&script);
    for _ in 0..2 {
        assert_eq!(short(&run(connector.send(&say("안녕")))), "accepted $sent");
    }
    let [first, second] = &script.calls()[..] else { panic!() };
    assert_eq!(told(first), told(second));
    assert_eq!(first.headers()[AUTHORIZATION], "Bearer as-secret");
    let path = "PUT /_matrix/client/v3/rooms/!room:hub.test/send/m.room.message/\
                07070707070707070707070707070707?user_id=@ieum:hub.test&device_id=IEUM ";
    assert!(told(first).starts_with(path), "{}", told(first));
    let expected = json!({"msgtype": "m.notice", "body": "안녕", "m.mentions": {}});
    assert_eq!(body(&script), expected);
    assert_eq!(script.timeouts_ms(), [5_000, 5_000]);
}

#[test]
fn acts_become_the_events_that_apps_understand() {
    let target = || NativeMessageId::new("$t/1");
    let reply = ReplyTarget { native: NativeMessageId::new("$q"), quote: None::<QuoteKey> };
    let marks = vec![Mark::new(0..1, MarkKind::Mention(UserKey::new(ALICE)))];
    let answer =
        Part { text: "a\u{0}b\n".to_owned(), reply: Some(reply), marks, ..Part::default() };
    let edit = Act::Edit { target: target(), text: "new".to_owned(), marks: vec![] };
    let react = |emoji: Option<&str>, own: Option<&str>| Act::React {
        target: target(),
        emoji: emoji.map(Into::into),
        own: own.map(NativeMessageId::new),
    };
    let new = json!({"msgtype": "m.notice", "body": "new", "m.mentions": {}});
    for (act, place, expected, outcome) in [
        (
            Act::Say(vec![answer]),
            "send/m.room.message/0707",
            json!({"msgtype": "m.notice", "body": "ab\n", "m.mentions": {"user_ids": [ALICE]},
                   "m.relates_to": {"m.in_reply_to": {"event_id": "$q"}}}),
            "accepted $sent",
        ),
        (
            edit,
            "send/m.room.message/0707",
            json!({"msgtype": "m.notice", "body": "* new", "m.mentions": {}, "m.new_content": new,
                   "m.relates_to": {"rel_type": "m.replace", "event_id": "$t/1"}}),
            "accepted",
        ),
        (Act::Withdraw { target: target() }, "redact/$t%2F1/0707", json!({}), "accepted"),
        (
            react(Some("👍"), None),
            "send/m.reaction/0707",
            json!({"m.relates_to":
                   {"rel_type": "m.annotation", "event_id": "$t/1", "key": "👍"}}),
            "accepted $sent",
        ),
        (react(None, Some("$r")), "redact/$r/0707", json!({}), "accepted"),
    ] {
        let script = Script::default();
        script.answer(200, SENT);
        let got = run(matrix(&script).send(&outgoing(act)));
        assert_eq!(short(&got), outcome, "{place}");
        assert!(told(&script.only_call()).contains(place), "{}", told(&script.only_call()));
        assert_eq!(body(&script), expected);
    }
}

#[test]
fn what_no_event_can_carry_never_leaves() {
    let part = |text: String| Part { text, ..Part::default() };
    let without_id = Act::React { target: NativeMessageId::new("$t"), emoji: None, own: None };
    for act in [
        Act::Say(vec![]),
        Act::Say(vec![part("a".to_owned()), part("b".to_owned())]),
        Act::Say(vec![part(String::new())]),
        Act::Say(vec![part("\u{1}".to_owned())]),
        Act::Say(vec![part("가".repeat(4_001))]),
        without_id,
    ] {
        let script = Script::default();
        assert_eq!(short(&run(matrix(&script).send(&outgoing(act)))), "refused Message");
        assert_eq!(script.calls().len(), 0);
    }
}

#[test]
fn the_longest_text_fits_an_event_even_when_every_letter_is_escaped() {
    let text = "\"".repeat(12_000);
    let edit = write::act(
        &outgoing(Act::Edit { target: NativeMessageId::new("$t"), text, marks: vec![] }),
        (GHOST, false),
        None,
    );
    assert!(edit.unwrap().body.to_string().len() < 65_536 - 4_096);
}

#[test]
fn every_answer_has_its_outcome() {
    let limit = |more: Value| {
        let mut body = json!({"errcode": "M_LIMIT_EXCEEDED", "error": "slow"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body.to_string()
    };
    let cases = [
        (200, SENT.to_owned(), "accepted $sent"),
        (200, "{\"event_id\":\"\"}".to_owned(), "accepted"),
        (200, "{\"event_id".to_owned(), "unknown"),
        (200, "<html>".to_owned(), "unknown"),
        (404, no("M_NOT_FOUND"), "refused Recipient"),
        (403, no("M_GUEST_ACCESS_FORBIDDEN"), "refused Recipient"),
        (413, no("M_TOO_LARGE"), "refused Message"),
        (413, "<html>too large</html>".to_owned(), "refused Message"),
        (400, no("M_BAD_JSON"), "refused Message"),
        (400, no("M_NOT_JSON"), "refused Message"),
        (400, no("M_INVALID_PARAM"), "refused Message"),
        (400, no("M_MISSING_PARAM"), "refused Message"),
        (401, no("M_UNKNOWN_TOKEN"), "refused Account"),
        (401, no("M_MISSING_TOKEN"), "refused Account"),
        (403, no("M_USER_DEACTIVATED"), "refused Account"),
        (403, no("M_USER_SUSPENDED"), "refused Account"),
        (401, no("M_USER_LOCKED"), "refused Account"),
        (400, no("M_EXCLUSIVE"), "refused Account"),
        (400, no("M_DUPLICATE_ANNOTATION"), "accepted"),
        (429, limit(json!({"retry_after_ms": 2_500})), "deferred Limit 2500"),
        (429, limit(json!({})), "deferred Limit 1000"),
        (429, limit(json!({"retry_after_ms": u64::MAX})), "deferred Limit 86400000"),
        (429, "slow down".to_owned(), "deferred Limit 1000"),
        (403, no("M_RESOURCE_LIMIT_EXCEEDED"), "deferred Limit 1000"),
        (400, no("M_UNKNOWN"), "unknown"),
        (418, no("IO_NEW_WORD"), "unknown"),
        (404, "<html>404</html>".to_owned(), "unknown"),
        (500, no("M_UNKNOWN"), "unknown"),
        (500, no("M_FORBIDDEN"), "unknown"),
        (502, "<html>Bad Gateway</html>".to_owned(), "unknown"),
        (503, String::new(), "unknown"),
        (504, no("M_CONNECTION_TIMED_OUT"), "unknown"),
        (301, String::new(), "unknown"),
    ];
    for (status, answer, expected) in cases {
        let script = Script::default();
        script.answer(status, &answer);
        let outcome = run(matrix(&script).send(&say("x")));
        assert_eq!(short(&outcome), expected, "{status} {answer}");
        assert!(!format!("{outcome:?}").contains("secret"), "{outcome:?}");
    }
    let script = Script::default();
    script.answer(404, &no("M_NOT_FOUND"));
    let gone = outgoing(Act::Withdraw { target: NativeMessageId::new("$t") });
    assert_eq!(short(&run(matrix(&script).send(&gone))), "refused Message");
}

#[test]
fn no_answer_is_no_when_nothing_left_and_unknown_otherwise() {
    for (failure, expected) in [
        (HttpFailure::NotSent("refused".to_owned()), "deferred Network 0"),
        (HttpFailure::NoAnswer("timed out".to_owned()), "unknown"),
        (HttpFailure::AnswerTooLarge, "unknown"),
    ] {
        let script = Script::default();
        script.fail(failure);
        assert_eq!(short(&run(matrix(&script).send(&say("x")))), expected);
    }
}

#[test]
fn a_new_author_is_made_named_and_brought_in_before_they_speak() {
    let script = Script::default();
    script
        .answer(403, &no("M_FORBIDDEN"))
        .answer(200, DONE)
        .answer(200, DONE)
        .answer(200, DONE)
        .answer(403, &no("M_FORBIDDEN"))
        .answer(403, &no("M_FORBIDDEN"))
        .answer(200, DONE)
        .answer(200, DONE)
        .answer(200, SENT)
        .answer(200, SENT);
    let connector = matrix(&script);
    assert_eq!(short(&run(connector.send(&by_yuna(say("안녕"))))), "accepted $sent");
    let paths: Vec<String> = all_told(&script)
        .iter()
        .map(|told| told.replace("/_matrix/client/v3/", "").replace("%2F", "/"))
        .map(|told| told.split(['?', '{']).next().unwrap().trim().to_owned())
        .collect();
    assert_eq!(
        paths,
        [
            "GET user/@ieum_line_17:hub.test/account_data/ieum.shown",
            "POST register",
            "PUT profile/@ieum_line_17:hub.test/displayname",
            "PUT user/@ieum_line_17:hub.test/account_data/ieum.shown",
            "PUT rooms/!room:hub.test/send/m.room.message/07070707070707070707070707070707",
            "POST join/!room:hub.test",
            "POST rooms/!room:hub.test/invite",
            "POST join/!room:hub.test",
            "PUT rooms/!room:hub.test/send/m.room.message/07070707070707070707070707070707",
        ]
    );
    let calls = script.calls();
    let register: Value = serde_json::from_slice(calls[1].body()).unwrap();
    let expected = json!({"type": "m.login.application_service", "username": "ieum_line_17",
                          "device_id": "IEUM"});
    assert_eq!(register, expected);
    assert!(told(&calls[6]).contains("user_id=@ieum:hub.test"), "the bot invites");
    assert_eq!(body(&script)["msgtype"], "m.text");
    // Known by now: one call.
    assert_eq!(short(&run(connector.send(&by_yuna(say("또"))))), "accepted $sent");
    assert_eq!(script.calls().len(), 10);
}

#[test]
fn an_author_known_to_the_homeserver_costs_one_question_after_a_restart() {
    let script = Script::default();
    let shown = json!({"name": "유나 · LINE", "icon_url": null}).to_string();
    script.answer(200, &shown).answer(200, SENT).answer(200, &shown);
    script.answer(200, DONE).answer(200, DONE).answer(200, SENT);
    let connector = matrix(&script);
    assert_eq!(short(&run(connector.send(&by_yuna(say("x"))))), "accepted $sent");
    assert_eq!(script.calls().len(), 2);
    let mut renamed = by_yuna(say("x"));
    renamed.author.as_mut().unwrap().shown.name = "윤아 · LINE".to_owned();
    assert_eq!(short(&run(connector.send(&renamed))), "accepted $sent");
    assert!(all_told(&script)[3].contains("displayname"), "{:?}", all_told(&script));
}

#[test]
fn a_picture_is_carried_over_once_and_only_if_it_is_one() {
    for (bytes, calls) in [("\u{0}", 4), ("GIF89a", 6)] {
        let script = Script::default();
        script.answer(404, &no("M_NOT_FOUND")).answer(200, DONE).answer(200, bytes);
        if calls == 6 {
            script.answer(200, "{\"content_uri\":\"mxc://hub.test/abc\"}").answer(200, DONE);
        }
        script.answer(200, DONE).answer(200, SENT);
        let mut outgoing = by_yuna(say("x"));
        let url = "https://profile.line-scdn.net/yuna";
        outgoing.author.as_mut().unwrap().shown.icon_url = Some(url.into());
        assert_eq!(short(&run(matrix(&script).send(&outgoing))), "accepted $sent");
        let told = all_told(&script);
        assert!(told[2].starts_with("GET https://profile.line-scdn.net/yuna"), "{told:?}");
        let asked = script.calls().swap_remove(2);
        assert!(asked.headers().is_empty(), "no token leaves for another host");
        if calls == 6 {
            assert_eq!(script.calls()[3].headers()[http::header::CONTENT_TYPE], "image/gif");
            assert!(told[4].contains("avatar_url"), "{told:?}");
        }
        assert_eq!(told.len(), calls + 1);
    }
}

#[test]
fn where_ghosts_are_not_let_in_the_bot_names_them() {
    let script = Script::default();
    let shown = json!({"name": "유나 · LINE", "icon_url": null}).to_string();
    script.answer(200, &shown);
    // The ghost may not speak, join or be invited, nor the bot come in to invite it; it is not
    // banned; the bot may speak.
    script.answer(403, &no("M_FORBIDDEN")).answer(403, &no("M_FORBIDDEN"));
    script.answer(403, &no("M_FORBIDDEN"));
    script.answer(403, &no("M_FORBIDDEN")).answer(404, &no("M_NOT_FOUND")).answer(200, SENT);
    assert_eq!(short(&run(matrix(&script).send(&by_yuna(say("안녕"))))), "accepted $sent");
    assert_eq!(body(&script)["body"], "유나 · LINE: 안녕");
    assert!(told(script.calls().last().unwrap()).contains("user_id=@ieum:hub.test"));
}

#[test]
fn a_banned_author_is_spoken_for_by_nobody() {
    let script = Script::default();
    let shown = json!({"name": "유나 · LINE", "icon_url": null}).to_string();
    script.answer(200, &shown).answer(403, &no("M_FORBIDDEN")).answer(403, &no("M_FORBIDDEN"));
    script.answer(403, &no("M_FORBIDDEN")).answer(200, DONE).answer(403, &no("M_FORBIDDEN"));
    script.answer(200, "{\"membership\":\"ban\"}");
    assert_eq!(short(&run(matrix(&script).send(&by_yuna(say("안녕"))))), "refused Message");
    assert_eq!(script.calls().len(), 7);
}

#[test]
fn a_lost_device_is_made_anew() {
    for (answers, count) in [
        (vec![(400, no("M_USER_IN_USE")), (200, DONE.to_owned())], 4),
        (
            vec![
                (400, no("M_APPSERVICE_LOGIN_UNSUPPORTED")),
                (200, DONE.to_owned()),
                (201, DONE.to_owned()),
            ],
            5,
        ),
        (
            vec![
                (400, no("M_APPSERVICE_LOGIN_UNSUPPORTED")),
                (400, no("M_USER_IN_USE")),
                (400, no("M_APPSERVICE_LOGIN_UNSUPPORTED")),
                (201, DONE.to_owned()),
            ],
            6,
        ),
    ] {
        let script = Script::default();
        script.answer(400, &no("M_UNKNOWN_DEVICE"));
        for (status, body) in &answers {
            script.answer(*status, body);
        }
        script.answer(200, SENT);
        assert_eq!(short(&run(matrix(&script).send(&say("x")))), "accepted $sent");
        assert_eq!(script.calls().len(), count);
    }
}

#[test]
fn what_fails_before_the_message_leaves_is_no_doubt_about_it() {
    for (status, answer, expected) in [
        (502, "<html>".to_owned(), "deferred Network 0"),
        (429, no("M_LIMIT_EXCEEDED"), "deferred Limit 1000"),
        (401, no("M_UNKNOWN_TOKEN"), "refused Account"),
    ] {
        let script = Script::default();
        script.answer(status, &answer);
        assert_eq!(short(&run(matrix(&script).send(&by_yuna(say("x"))))), expected, "{answer}");
        assert_eq!(script.calls().len(), 1);
    }
}

#[test]
fn copies_are_kept_of_what_can_be_pointed_to_later() {
    let script = Script::default();
    script.answer(200, SENT);
    let native = NativeMessageId::new("$sent");
    let expected = Outcome::Accepted { copies: vec![CopyKey { native, quote: None }] };
    assert_eq!(run(matrix(&script).send(&say("x"))), expected);
}

#[test]
fn marks_are_html_and_calls_are_mentions() {
    let script = Script::default();
    script.answer(200, r#"{"event_id":"$sent"}"#);
    let text = "@민지 <b> 굵게\n둘";
    let bold = text.find("굵게").unwrap();
    let marks = vec![
        Mark::new(0..7, MarkKind::Mention(UserKey::new(ALICE))),
        Mark::new(bold..bold + 6, MarkKind::Bold),
        Mark::new(8..11, MarkKind::Link("https://a.test/?x=\"1\"&y=2".into())),
    ];
    let part = Part { text: text.to_owned(), marks, ..Part::default() };
    run(matrix(&script).send(&outgoing(Act::Say(vec![part]))));
    let html = format!(
        "<a href=\"https://matrix.to/#/{ALICE}\">@민지</a> \
         <a href=\"https://a.test/?x=&quot;1&quot;&amp;y=2\">&lt;b&gt;</a> \
         <strong>굵게</strong><br>\n둘"
    );
    let expected = json!({"msgtype": "m.notice", "body": text, "format": "org.matrix.custom.html",
                          "formatted_body": html, "m.mentions": {"user_ids": [ALICE]}});
    assert_eq!(body(&script), expected);
}
