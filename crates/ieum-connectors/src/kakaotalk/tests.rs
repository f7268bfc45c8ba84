//! The connector against scripted ports: what it asks, what it makes of each answer, and how the
//! gateway's whole life looks from outside.

mod files;

use super::fakes::{Fake, Step, config, listen, now};
use super::*;
use bytes::Bytes;
use http::{HeaderMap, Response};
use ieum_core::ids::ChatKey;
use ieum_core::inbound::InboundKind;
use ieum_core::marks::{Mark, MarkKind};
use ieum_core::network::ChatKind;
use ieum_core::outgoing::{Act, Button, CopyKey, Fault, Part, Scope};
use ieum_core::ports::http::HttpFailure;
use ieum_core::time::Timestamp;
use serde_json::{Value, json};

fn connector(fake: &Fake) -> KakaoTalk {
    KakaoTalk::new(config(), fake.doors()).unwrap()
}

fn chat(kind: ChatKind) -> ChatRef {
    let key = if kind == ChatKind::Group { "bgk_1" } else { "buk_1" };
    ChatRef { key: ChatKey::new(key), kind }
}

fn say(kind: ChatKind, parts: Vec<Part>) -> Outgoing {
    Outgoing {
        chat: chat(kind),
        key: [7; 16],
        answer_token: None,
        author: None,
        act: Act::Say(parts),
    }
}

fn part(text: &str) -> Part {
    Part { text: text.into(), ..Part::default() }
}

fn answer(status: u16, body: &str) -> Result<Response<Bytes>, HttpFailure> {
    Ok(Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap())
}

const TAKEN: &str = r#"{"totalCount":1,"sendCount":1,"errorCount":0,"new":{}}"#;

/// Sends and returns the outcome with the request's path and body.
fn sent(outgoing: &Outgoing) -> (String, Value) {
    let fake = Fake::default();
    fake.with(|world| world.answer = Some(answer(200, TAKEN)));
    let outcome = now(connector(&fake).send(outgoing));
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    let request = fake.with(|world| world.asked.remove(0));
    assert_eq!(request.headers()["authorization"], "KakaoAK t0ken");
    (request.uri().path().to_owned(), serde_json::from_slice(request.body()).unwrap())
}

fn outcome_of(answer: Result<Response<Bytes>, HttpFailure>) -> Outcome {
    let fake = Fake::default();
    fake.with(|world| world.answer = Some(answer));
    now(connector(&fake).send(&say(ChatKind::Group, vec![part("hi"), part("there")])))
}

#[test]
fn a_message_goes_to_the_room_or_to_the_person() {
    let (path, body) = sent(&say(ChatKind::Group, vec![part("하나"), part("둘")]));
    assert_eq!(path, "/v1/bot/send_message");
    let bubbles = json!([{"simpleText": {"text": "하나"}}, {"simpleText": {"text": "둘"}}]);
    let response = json!({"version": "2.0", "template": {"outputs": bubbles}});
    assert_eq!(body, json!({"botGroupKey": "bgk_1", "skillResponse": response}));
    let (_, body) = sent(&say(ChatKind::Direct, vec![part("hi")]));
    assert_eq!(body["botUserKey"], "buk_1");
    assert_eq!(body.get("botGroupKey"), None);
}

#[test]
fn an_answer_token_is_used_once_as_a_header() {
    let mut outgoing = say(ChatKind::Group, vec![part("hi")]);
    outgoing.answer_token = Some("c4llback".into());
    let (path, body) = sent(&outgoing);
    assert_eq!((path.as_str(), body.as_object().unwrap().len()), ("/v1/bot/callback", 1));
    outgoing.answer_token = Some("not\na header".into());
    assert_eq!(sent(&outgoing).0, "/v1/bot/send_message");
}

#[test]
fn mentions_take_the_place_of_names_and_never_push_text_out() {
    // `count` times `@가 ` in front of a text, each calling somebody.
    let with = |text: &str, count: usize| {
        let call = |n: usize| {
            let user = UserKey::new(format!("buk_{n}"));
            Mark::new(n * 5..n * 5 + 4, MarkKind::Mention(user))
        };
        let marks = (0..count).map(call).collect();
        Part { marks, ..part(&("@가 ".repeat(count) + text)) }
    };
    let (_, body) = sent(&say(ChatKind::Group, vec![with("hi", 2), with("ho", 1)]));
    let outputs = &body["skillResponse"]["template"]["outputs"];
    assert_eq!(outputs[0]["simpleText"]["text"], "{{#mentions.u1}} {{#mentions.u2}} hi");
    assert_eq!(outputs[1]["simpleText"]["text"], "{{#mentions.u3}} ho");
    let mentions = &body["skillResponse"]["extra"]["mentions"];
    assert_eq!(mentions["u2"], json!({"type": "botUserKey", "id": "buk_1"}));

    let long = "가".repeat(930);
    let (_, body) = sent(&say(ChatKind::Group, vec![with(&long, 20)]));
    let text = body["skillResponse"]["template"]["outputs"][0]["simpleText"]["text"].clone();
    let text = text.as_str().unwrap();
    assert!(text.ends_with(&long) && text.chars().count() <= 1_000);
    let (_, body) = sent(&say(ChatKind::Group, vec![with("hi", 20)]));
    assert_eq!(body["skillResponse"]["extra"]["mentions"].as_object().unwrap().len(), 15);
    let (_, body) = sent(&say(ChatKind::Direct, vec![with("hi", 2)]));
    assert_eq!(body["skillResponse"].get("extra"), None);
}

#[test]
fn a_persons_text_cannot_notify_people() {
    let (_, body) = sent(&say(ChatKind::Group, vec![part("{{#mentions.u1}} {{ok}}")]));
    let text = &body["skillResponse"]["template"]["outputs"][0]["simpleText"]["text"];
    assert_eq!(text, "{\u{ff5b}#mentions.u1}} {{ok}}");
}

#[test]
fn buttons_are_a_card_in_a_room_and_quick_replies_in_a_channel_chat() {
    let button = |label: &str| Button { label: label.into(), payload: format!("/{label}") };
    let with = |text: &str| Part { buttons: vec![button("답하기"); 12], ..part(text) };
    let (_, body) = sent(&say(ChatKind::Direct, vec![with("hi")]));
    let replies = body["skillResponse"]["template"]["quickReplies"].clone();
    assert_eq!(replies.as_array().unwrap().len(), 10);
    let reply = json!({"action": "message", "label": "답하기", "messageText": "/답하기"});
    assert_eq!(replies[0], reply);

    let (_, body) = sent(&say(ChatKind::Group, vec![with("hi")]));
    let template = &body["skillResponse"]["template"];
    assert_eq!(template.get("quickReplies"), None);
    let card = &template["outputs"][0]["textCard"];
    assert_eq!(card["description"], "hi");
    assert_eq!(card["buttons"], json!(vec![json!({"action": "mention", "label": "답하기"}); 3]));

    let long = "가".repeat(401);
    let (_, body) = sent(&say(ChatKind::Group, vec![with(&long)]));
    let outputs = &body["skillResponse"]["template"]["outputs"];
    assert_eq!(outputs[0]["simpleText"]["text"], long);
    assert_eq!(outputs[1]["textCard"]["description"], "답하기 · 답하기 · 답하기");
    let (_, body) = sent(&say(ChatKind::Group, vec![part("1"), part("2"), with(&long)]));
    assert_eq!(body["skillResponse"]["template"]["outputs"].as_array().unwrap().len(), 3);
}

#[test]
fn what_a_bot_cannot_do_is_refused_without_a_call() {
    let target = ieum_core::ids::NativeMessageId::new("1");
    for act in [
        Act::Say(vec![]),
        Act::Say(vec![part("x"); 4]),
        Act::Edit { target: target.clone(), text: "x".into(), marks: vec![] },
        Act::Withdraw { target: target.clone() },
        Act::React { target, emoji: None, own: None },
    ] {
        let fake = Fake::default();
        let outgoing = Outgoing { act, ..say(ChatKind::Group, vec![]) };
        let outcome = now(connector(&fake).send(&outgoing));
        assert!(matches!(outcome, Outcome::Refused { scope: Scope::Message, .. }), "{outcome:?}");
        assert!(fake.with(|world| world.asked.is_empty()));
    }
}

/// Short words for an outcome.
fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { copies } => format!("accepted {}", copies.len()),
        Outcome::Deferred { after_ms, fault, .. } => format!("deferred {fault:?} {after_ms}"),
        Outcome::Refused { scope, .. } => format!("refused {scope:?}"),
        Outcome::Unknown { .. } => "unknown".into(),
    }
}

#[test]
fn every_code_has_its_meaning_whatever_the_status() {
    for (code, meaning) in [
        (-1, "unknown"),
        (-2, "refused Message"),
        (-3, "refused Account"),
        (-4, "refused Account"),
        (-5, "refused Account"),
        (-6, "refused Account"),
        (-7, "deferred Network 0"),
        (-10, "deferred Limit 0"),
        (-401, "refused Account"),
        (-603, "unknown"),
        (-870, "refused Message"),
        (-871, "refused Message"),
        (-872, "refused Message"),
        (-873, "refused Account"),
        (-874, "unknown"),
        (-875, "unknown"),
        (-876, "refused Recipient"),
        (-877, "refused Recipient"),
        (-878, "refused Message"),
        (-879, "refused Recipient"),
        (-880, "refused Recipient"),
        (-881, "deferred Request 0"),
        (-9798, "deferred Network 0"),
        (-31_337, "unknown"),
        (0, "unknown"),
    ] {
        let body = format!(r#"{{"code":{code},"msg":"m","extras":{{"code":-1,"message":"x"}}}}"#);
        for status in [400, 401, 403, 429, 500, 503] {
            assert_eq!(word(&outcome_of(answer(status, &body))), meaning, "{code} {status}");
        }
    }
}

#[test]
fn without_a_code_the_status_decides() {
    for (status, body, meaning) in [
        (200, TAKEN, "accepted 2"),
        (200, r#"{"totalCount":1,"sendCount":0,"errorCount":1}"#, "refused Recipient"),
        (200, r#"{"totalCount":2,"sendCount":1,"errorCount":1}"#, "unknown"),
        (200, r#"{"sendCount":0}"#, "unknown"),
        (200, r#"{"sendCount":-1}"#, "unknown"),
        (200, "{}", "unknown"),
        (200, "", "unknown"),
        (200, "<html>ok</html>", "unknown"),
        (204, "", "unknown"),
        (302, "", "unknown"),
        (400, "", "unknown"),
        (401, "", "refused Account"),
        (403, "<html>", "refused Account"),
        (404, "nginx", "unknown"),
        (429, "", "deferred Limit 0"),
        (500, "<html>", "deferred Network 0"),
        (502, "", "deferred Network 0"),
        (503, r#"{"code":"-9798"}"#, "deferred Network 0"),
        (504, "", "unknown"),
    ] {
        assert_eq!(word(&outcome_of(answer(status, body))), meaning, "{status} {body}");
    }
    let failure = |failure| word(&outcome_of(Err(failure)));
    assert_eq!(failure(HttpFailure::NotSent("refused".into())), "deferred Network 0");
    assert_eq!(failure(HttpFailure::NoAnswer("timed out".into())), "unknown");
    assert_eq!(failure(HttpFailure::AnswerTooLarge), "unknown");
}

#[test]
fn retry_after_is_kept_but_not_for_a_spent_token() {
    for (body, meaning) in [
        ("", "deferred Limit 9000"),
        (r#"{"code":-10}"#, "deferred Limit 9000"),
        (r#"{"code":-7}"#, "deferred Network 9000"),
        (r#"{"code":-881}"#, "deferred Request 0"),
    ] {
        let mut answer = answer(429, body).unwrap();
        answer.headers_mut().insert("retry-after", "9".parse().unwrap());
        assert_eq!(word(&outcome_of(Ok(answer))), meaning);
    }
}

#[test]
fn no_reason_repeats_what_the_network_wrote() {
    let body = r#"{"code":-2,"msg":"bad text: 우리 비밀","extras":{"message":"우리 비밀"}}"#;
    let outcome = outcome_of(answer(400, body));
    let Outcome::Refused { reason, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason, "code -2 (status 400): the request body is not accepted");
}

#[test]
fn copies_carry_no_native_id() {
    let copies = vec![CopyKey::default(); 2];
    assert_eq!(outcome_of(answer(200, TAKEN)), Outcome::Accepted { copies });
    assert_eq!(outcome_of(answer(400, "{}")).blames_network(), Some(true));
    let spent = outcome_of(answer(400, r#"{"code":-881}"#));
    assert!(matches!(spent, Outcome::Deferred { fault: Fault::Request, .. }));
}

#[test]
fn a_probe_tells_life_from_a_bad_token() {
    let failure = Err(HttpFailure::NoAnswer("timed out".into()));
    for (answer, start) in [
        (answer(200, r#"{"contents":"","createdAt":1}"#), "Good { took_ms: 12 }"),
        (answer(200, "<html>"), "Bad"),
        (answer(401, r#"{"code":-401}"#), "Refused"),
        (answer(400, r#"{"code":-873}"#), "Refused"),
        (answer(400, r#"{"code":-871}"#), "Good"),
        (answer(429, ""), "Good"),
        (answer(503, r#"{"code":-9798}"#), "Bad"),
        (answer(400, r#"{"code":-603}"#), "Bad"),
        (failure, "Bad"),
    ] {
        let fake = Fake::default();
        let what = format!("{answer:?}");
        fake.with(|world| world.answer = Some(answer));
        let pulse = now(connector(&fake).probe()).pulse;
        assert!(format!("{pulse:?}").starts_with(start), "{what} gave {pulse:?}");
        let path = fake.with(|world| world.asked.remove(0).uri().path().to_owned());
        assert_eq!(path, "/v1/bot/guide");
    }
}

fn hook(fake: &Fake, headers: &[(&'static str, &str)], body: &str) -> Result<Arrival, HookRefusal> {
    let proof = (HeaderName::from_static("x-hub-proof"), Secret::new("s3cret"));
    let config = KakaoTalkConfig { receive: Receive::Webhook, webhook: Some(proof), ..config() };
    let connector = KakaoTalk::new(config, fake.doors()).unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let body = Bytes::from(body.to_owned());
    connector.accept(HookRequest { path: "", headers: &map, body: &body })
}

const SAID: &str = r#"{"op":0,"t":"MESSAGE_CREATE","d":{"id":1234567890,"content":"@이음 밥",
    "timestamp":"2026-07-28T05:00:00.000000000Z","isChannelChatroom":false,
    "botGroupKey":"bgk_1","botUserKey":"buk_1","callbackToken":"c"}}"#;

#[test]
fn a_webhook_needs_its_header_once_and_whole() {
    let fake = Fake::default();
    let arrival = hook(&fake, &[("x-hub-proof", "s3cret")], SAID).unwrap();
    assert_eq!(arrival.events.len(), 1);
    for headers in [
        &[] as &[_],
        &[("x-hub-proof", "")],
        &[("x-hub-proof", "s3cre")],
        &[("x-hub-proof", "s3cret2")],
        &[("x-hub-proof", "S3CRET")],
        &[("x-other", "s3cret")],
        &[("x-hub-proof", "s3cret"), ("x-hub-proof", "s3cret")],
    ] {
        assert_eq!(hook(&fake, headers, SAID), Err(HookRefusal::Forged), "{headers:?}");
    }
    let malformed = hook(&fake, &[("x-hub-proof", "s3cret")], "{");
    assert!(matches!(malformed, Err(HookRefusal::Malformed(_))));
    let (headers, body) = (HeaderMap::new(), Bytes::new());
    let refusal = connector(&fake).accept(HookRequest { path: "", headers: &headers, body: &body });
    assert_eq!(refusal, Err(HookRefusal::NotUsed));
}

#[test]
fn a_bad_configuration_gets_all_complaints_at_once() {
    let config = KakaoTalkConfig {
        api_url: "kapi.kakao.com".into(),
        gateway_url: "https://x/".into(),
        bot_token: Secret::new("a\nb"),
        timeouts: Timeouts { call_ms: 0, ..Timeouts::default() },
        ..config()
    };
    let fields = |config| -> Vec<&str> {
        let complaints = KakaoTalk::new(config, Fake::default().doors()).unwrap_err();
        complaints.iter().map(|text| text.split(':').next().unwrap()).collect()
    };
    let hooked = KakaoTalkConfig { receive: Receive::Webhook, ..config.clone() };
    assert_eq!(fields(config), ["api_url", "gateway_url", "bot_token", "timeouts"]);
    assert_eq!(fields(hooked), ["api_url", "bot_token", "webhook", "timeouts"]);
    let shown = format!("{:?}", connector(&Fake::default()));
    assert!(!shown.contains("t0ken"), "{shown}");
}

fn read(body: &str) -> Result<Arrival, Malformed> {
    let reading = Reading { bot_name: Some("이음"), received_at: Timestamp(99) };
    decode(body.as_bytes(), reading)
}

fn one(body: &str) -> ieum_core::inbound::Inbound {
    let arrival = read(body).unwrap();
    assert_eq!(arrival.ignored, 0, "{body}");
    arrival.events.into_iter().next().unwrap()
}

fn message_of(body: &str) -> ieum_core::inbound::InboundMessage {
    let kind = one(body).kind;
    let InboundKind::Message(message) = kind else { panic!("{kind:?}") };
    message
}

#[test]
fn a_message_in_a_room_is_read() {
    let event = one(SAID);
    assert_eq!((event.event.as_str(), event.at.0), ("1234567890@bgk_1", 1_785_214_800_000));
    assert_eq!(event.chat, chat(ChatKind::Group));
    let sender = event.sender.unwrap();
    assert_eq!((sender.key.as_str(), sender.name), ("buk_1", None));
    let message = message_of(SAID);
    assert_eq!((message.native.as_str(), message.text.as_str()), ("1234567890", "밥"));
    assert_eq!((message.answer_token.as_deref(), message.mentions_us), (Some("c"), true));
}

#[test]
fn a_channel_chat_is_known_by_its_person() {
    let event = one(&SAID.replace("false", "true"));
    assert_eq!(event.chat, chat(ChatKind::Direct));
    assert!(!message_of(&SAID.replace("false", "true")).mentions_us);
}

#[test]
fn only_a_whole_mention_in_front_is_taken_off() {
    for (said, text) in [
        ("@이음 밥", "밥"),
        (" @이음\u{a0}밥", "밥"),
        ("@이음", ""),
        ("@이음이 밥", "@이음이 밥"),
        ("밥 @이음 ", "밥 @이음 "),
        ("  밥", "  밥"),
        ("이음 밥", "이음 밥"),
    ] {
        assert_eq!(message_of(&SAID.replace("@이음 밥", said)).text, text, "{said}");
    }
}

#[test]
fn ids_of_any_size_keep_their_digits() {
    let key = |id: &str| one(&SAID.replace("1234567890", id)).event;
    for id in ["18446744073709551616", "340282366920938463463374607431768211456", "-5"] {
        assert_eq!(key(id).as_str(), format!("{id}@bgk_1"));
    }
    assert_eq!(key("\"77\"").as_str(), "77@bgk_1");
    let (long, longer) = ("9".repeat(400), "9".repeat(401));
    let keys = [&*long, &longer, "1.5e400", "null", "{\"a\":1}", "\"\""].map(key);
    for (n, key) in keys.iter().enumerate() {
        assert!(key.as_str().starts_with("t1785214800000-") && key.as_str().len() == 47);
        assert!(!keys[..n].contains(key), "{key:?}");
    }
    assert_eq!(keys[0], one(&SAID.replace("1234567890", &long)).event);
}

#[test]
fn comings_and_goings_have_keys_of_their_own() {
    let body = |kind: &str, more: &str, second: u8| {
        format!(
            r#"{{"op":0,"t":"{kind}","d":{{"botGroupKey":"bgk_1",{more}
            "timestamp":"2026-07-28T14:00:0{second}.5+09:00"}}}}"#
        )
    };
    let entrance = body("ENTRANCE", r#""inviter":{"botUserKey":"buk_9"},"#, 0);
    let event = one(&entrance);
    assert_eq!((&event.kind, event.at.0), (&InboundKind::WeJoined, 1_785_214_800_500));
    assert_eq!(event.sender.as_ref().unwrap().key.as_str(), "buk_9");
    assert_eq!(event.event, one(&entrance).event);
    assert_ne!(event.event, one(&body("ENTRANCE", "", 0)).event);
    assert_eq!(one(&body("LEAVE", "", 1)).kind, InboundKind::WeLeft);
    assert_ne!(one(&body("LEAVE", "", 1)).event, one(&body("LEAVE", "", 2)).event);
    let joined = one(&body("CHAT_JOIN", r#""user":{"botUserKey":"buk_2"},"#, 1));
    let InboundKind::PeopleJoined(people) = joined.kind else { panic!() };
    assert_eq!(people[0].key.as_str(), "buk_2");
    assert_eq!(read(&body("CHAT_JOIN", "", 1)), Err(Malformed("d has no usable botUserKey")));
}

#[test]
fn unknown_events_are_counted_whatever_they_hold() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    for body in [
        r#"{"op":0,"t":"AD_REWARD","d":{"viewer":{},"params":7}}"#.to_owned(),
        r#"{"op":0,"t":"NEW_THING"}"#.to_owned(),
        r#"{"op":0,"d":{"type":"NEW_THING"}}"#.to_owned(),
        format!(r#"{{"op":0,"t":"NEW_THING","d":{deep}}}"#),
    ] {
        assert_eq!(read(&body).unwrap(), Arrival { events: vec![], ignored: 1 });
    }
    let deep = SAID.replace("\"callbackToken\":\"c\"", &format!("\"new\":{deep}"));
    assert_eq!(message_of(&deep).text, "밥");
}

#[test]
fn what_is_missing_is_made_up_for() {
    let body = r#"{"t":"MESSAGE_CREATE","d":{"botGroupKey":"bgk_1","timestamp":"yesterday"}}"#;
    let event = one(body);
    assert_eq!((event.at, event.sender), (Timestamp(99), None));
    let message = message_of(body);
    assert_eq!(message.native.as_str(), event.event.as_str());
    assert!(message.text.is_empty() && message.file.is_some());
    let typed = SAID.replace(r#""t":"MESSAGE_CREATE","#, "");
    let typed = typed.replace("\"id\"", r#""type":"MESSAGE_CREATE","id""#);
    assert_eq!(one(&typed), one(SAID));
}

#[test]
fn bytes_that_are_no_event_are_malformed_and_never_panic() {
    for (body, why) in [
        ("", Malformed("the body is not an event frame")),
        ("null", Malformed("the body is not an event frame")),
        ("<html>", Malformed("the body is not an event frame")),
        (r#"{"t":7}"#, Malformed("the body is not an event frame")),
        (r#"{"op":-1,"t":"LEAVE"}"#, Malformed("the body is not an event frame")),
        (r#"{"s":1e99,"t":"LEAVE"}"#, Malformed("the body is not an event frame")),
        (r#"{"t":"LEAVE"}"#, Malformed("d is not an event")),
        (r#"{"d":{}}"#, Malformed("d is not an event")),
        (r#"{"t":"LEAVE","d":{"botGroupKey":7}}"#, Malformed("d is not an event")),
        (r#"{"t":"LEAVE","d":{"botGroupKey":""}}"#, Malformed("d has no usable botGroupKey")),
        (
            r#"{"t":"LEAVE","d":{"isChannelChatroom":true}}"#,
            Malformed("d has no usable botUserKey"),
        ),
    ] {
        assert_eq!(read(body), Err(why), "{body}");
    }
    for end in 0..SAID.len() - 1 {
        let reading = Reading { bot_name: None, received_at: Timestamp(0) };
        assert!(decode(&SAID.as_bytes()[..end], reading).is_err(), "{end}");
    }
    let reading = Reading { bot_name: None, received_at: Timestamp(0) };
    let latin = SAID.as_bytes().iter().map(|b| if *b == 0xec { 0xff } else { *b });
    assert!(decode(&latin.collect::<Vec<u8>>(), reading).is_err());
}

// The gateway's life. The fake clock jumps, jitter is always the middle of its range.

fn hello() -> Step {
    Step::Say(r#"{"op":10,"d":{"heartbeat_interval":41250}}"#.into())
}

fn ready() -> Step {
    Step::Say(r#"{"op":3,"d":{"session_id":"s:1","bot":{"id":"b","name":"이음"}}}"#.into())
}

fn ack() -> Step {
    Step::Say(r#"{"op":11}"#.into())
}

fn event(seq: u64) -> Step {
    Step::Say(SAID.replace("\"op\":0", &format!("\"op\":0,\"s\":{seq}")))
}

fn life(
    cursor: Option<&str>,
    scripts: impl IntoIterator<Item = Option<Vec<Step>>>,
) -> (Vec<String>, Option<ListenEnd>) {
    let fake = Fake::default();
    fake.with(|world| {
        world.scripts = scripts.into_iter().map(|script| script.map(Into::into)).collect();
        world.room = 100;
    });
    listen(&connector(&fake), &fake, cursor)
}

const IDENTIFY: &str = r#"> {"d":{"token":"t0ken"},"op":2}"#;

/// The log without its times.
fn deeds(log: &[String]) -> Vec<&str> {
    log.iter().map(|line| line.split_once(' ').unwrap().1).collect()
}

#[test]
fn a_session_begins_hears_and_keeps_its_heartbeat() {
    let (log, end) = life(
        None,
        [Some(vec![
            Step::After(5),
            hello(),
            Step::Expect("\"op\":2"),
            Step::After(20),
            ready(),
            event(1),
            Step::Expect("\"op\":1"),
            Step::After(30),
            ack(),
            Step::Expect("\"op\":1"),
            Step::After(40),
            ack(),
            event(2),
            Step::Close(None),
        ])],
    );
    assert_eq!(end, None);
    assert_eq!(
        log[..9],
        [
            "0 dial ws://gateway.test/gateway",
            "5 > {\"d\":{\"token\":\"t0ken\"},\"op\":2}",
            "25 good 25",
            "25 deliver [] ignored 0 cursor s:1:0",
            "25 deliver [\"1234567890@bgk_1\"] ignored 0 cursor s:1:1",
            "2505 > {\"op\":1}",
            "2535 good 30",
            "43755 > {\"op\":1}",
            "43795 good 40",
        ]
    );
    assert_eq!(log[9], "43795 deliver [\"1234567890@bgk_1\"] ignored 0 cursor s:1:2");
    assert_eq!(log[10], "43795 bad the connection was lost");
}

#[test]
fn a_lost_connection_is_resumed_from_the_last_durable_event() {
    for code in [None, Some(1001), Some(1006), Some(4000), Some(4999)] {
        let first = vec![hello(), Step::Expect("op"), ready(), event(7), Step::Close(code)];
        let second = vec![hello(), Step::Expect("\"op\":6"), event(6), event(8)];
        let (log, end) = life(None, [Some(first), Some(second)]);
        assert_eq!(end, None);
        let resume = r#"> {"d":{"seq":7,"session_id":"s:1","token":"t0ken"},"op":6}"#;
        let resumed = log.iter().position(|line| line.ends_with(resume)).unwrap();
        // Half a second and half of the other half after the loss.
        assert!(log[resumed].starts_with("750 "), "{}", log[resumed]);
        assert!(log[resumed + 1].ends_with("cursor s:1:7"), "a replay never moves it back");
        assert!(log[resumed + 2].ends_with("cursor s:1:8"));
    }
}

#[test]
fn a_restart_resumes_from_its_cursor_and_july_has_its_own_word() {
    let script = vec![hello(), Step::Expect("op"), Step::Close(Some(4009))];
    let (log, _) = life(Some("s:1:12"), [Some(script.clone())]);
    assert!(log[1].contains(r#""seq":12,"session_id":"s:1""#), "{log:?}");
    let (log, _) = life(Some("rubbish"), [Some(script.clone())]);
    assert!(log[1].ends_with(IDENTIFY), "{log:?}");
    let fake = Fake::default();
    fake.with(|world| world.scripts.push_back(Some(script.into())));
    let config = KakaoTalkConfig { edition: Edition::July2026, ..config() };
    let connector = KakaoTalk::new(config, fake.doors()).unwrap();
    let (log, _) = listen(&connector, &fake, Some("s:1:12"));
    assert!(log[1].contains(r#""sequence":12"#), "{log:?}");
}

#[test]
fn each_final_close_code_ends_it_and_each_expired_session_begins_anew() {
    for code in [4001, 4003, 4004] {
        let script = vec![hello(), Step::Expect("op"), Step::Close(Some(code))];
        let (log, end) = life(None, [Some(script)]);
        assert!(matches!(end, Some(ListenEnd::Fatal(_))), "{code}: {log:?}");
        assert!(log[2].contains(" refused "), "{log:?}");
    }
    for code in [4009, 4003] {
        let first = vec![hello(), Step::Expect("\"op\":6"), Step::Close(Some(code))];
        let second = vec![hello(), Step::Expect("\"op\":2"), ready()];
        let (log, _) = life(Some("old:3"), [Some(first), Some(second)]);
        assert_eq!(deeds(&log)[2..4], ["dial ws://gateway.test/gateway", IDENTIFY]);
        assert!(log[5].ends_with("cursor s:1:0"), "{log:?}");
    }
    let first = vec![hello(), Step::Expect("op"), ready(), Step::Close(Some(4003))];
    assert!(matches!(life(None, [Some(first)]).1, Some(ListenEnd::Fatal(_))));
}

#[test]
fn an_unanswered_heartbeat_is_noticed_in_seconds() {
    let first = vec![hello(), Step::Expect("op"), ready()];
    let (log, _) = life(None, [Some(first), Some(vec![hello()])]);
    let seen: Vec<&str> = log.iter().map(String::as_str).collect();
    assert_eq!(
        seen[4..9],
        [
            "2500 > {\"op\":1}",
            "12500 close 4000",
            "12500 bad a heartbeat stayed unanswered",
            "13250 dial ws://gateway.test/gateway",
            r#"13250 > {"d":{"seq":0,"session_id":"s:1","token":"t0ken"},"op":6}"#,
        ]
    );
}

#[test]
fn silence_at_the_door_is_left() {
    let (log, _) = life(None, [Some(vec![])]);
    assert_eq!(deeds(&log)[1], "close 4000");
    assert!(log[1].starts_with("10000 "), "{log:?}");
    let no_ready = vec![hello(), Step::Expect("\"op\":2"), Step::Expect("\"op\":1"), ack()];
    let (log, _) = life(None, [Some(no_ready)]);
    let end = ["2500 good 0", "43750 close 4000", "43750 bad no READY came"];
    assert!(log.windows(3).any(|lines| lines == end), "{log:?}");
}

#[test]
fn an_answered_heartbeat_starts_the_waits_over() {
    let dead = || Some(vec![hello(), Step::Expect("op"), Step::Close(None)]);
    let alive = vec![hello(), ready(), Step::Expect("\"op\":1}"), ack(), Step::Close(None)];
    let (log, _) = life(None, [dead(), dead(), Some(alive), dead(), dead()]);
    let dials = log.iter().filter(|line| line.contains("dial"));
    let dials: Vec<i64> =
        dials.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    // The one that lived did so for 2,500 ms.
    let waits: Vec<i64> = dials.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits, [750, 1_500, 2_500 + 750, 1_500]);
}

#[test]
fn waits_grow_while_it_stays_away() {
    let (log, _) = life(None, (0..8).map(|_| None));
    let times: Vec<i64> =
        log.iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    let waits: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits[..7], [750, 1_500, 3_000, 6_000, 12_000, 22_500, 22_500]);
}

#[test]
fn a_session_that_never_answers_is_given_up() {
    let script = || Some(vec![hello(), Step::Expect("op"), Step::Close(None)]);
    let (log, _) = life(Some("dead:1"), (0..11).map(|_| script()));
    let resumes = deeds(&log).iter().filter(|deed| deed.contains("\"op\":6")).count();
    assert_eq!((resumes, deeds(&log).contains(&IDENTIFY)), (10, true));
}

#[test]
fn a_close_code_behind_a_failed_write_still_counts() {
    let script = vec![hello(), Step::FailWrite, Step::Close(Some(4004))];
    let (log, end) = life(None, [Some(script)]);
    assert!(matches!(end, Some(ListenEnd::Fatal(_))), "{log:?}");
    let script = vec![hello(), Step::FailWrite];
    let (log, _) = life(None, [Some(script)]);
    assert_eq!(log[1..3], ["1000 close 4000", "1000 bad no HELLO came or the connection broke"]);
}

#[test]
fn bad_frames_are_passed_by_and_bad_events_keep_their_place() {
    let nested = format!(r#"{{"op":0,"s":9,"t":"LEAVE","d":{}"#, "[".repeat(500_000));
    let mut script = vec![Step::Say("{".into()), hello(), Step::Expect("op"), ready()];
    script.extend(
        [
            "",
            "\u{0}",
            "[]",
            r#"{"op":"0"}"#,
            r#"{"op":99,"d":{}}"#,
            r#"{"op":10,"d":{"heartbeat_interval":0}}"#,
            r#"{"op":3,"d":{}}"#,
            r#"{"op":0,"s":5,"t":"LEAVE","d":{}}"#,
            r#"{"op":0,"s":6,"t":"AD_REWARD","d":{}}"#,
            &nested,
            &"x".repeat(2 << 20),
        ]
        .map(|text| Step::Say(text.to_owned())),
    );
    let (log, end) = life(None, [Some(script)]);
    assert_eq!(end, None);
    let delivered: Vec<&str> =
        deeds(&log).into_iter().filter(|deed| deed.starts_with("deliver")).collect();
    assert_eq!(
        delivered,
        [
            "deliver [] ignored 0 cursor s:1:0",
            "deliver [] ignored 1 cursor s:1:5",
            "deliver [] ignored 1 cursor s:1:6",
        ]
    );
    let bad = |deed: &&str| deed.starts_with("bad") && deed.contains("read");
    assert_eq!(deeds(&log).into_iter().filter(bad).count(), 9);
}

#[test]
fn a_closed_inbox_ends_it_and_the_place_stays() {
    let fake = Fake::default();
    let script = vec![hello(), Step::Expect("op"), ready(), event(1), event(2)];
    fake.with(|world| {
        world.scripts.push_back(Some(script.into()));
        world.room = 2;
    });
    let (log, end) = listen(&connector(&fake), &fake, None);
    assert_eq!(end, Some(ListenEnd::InboxClosed));
    assert_eq!(deeds(&log).last(), Some(&"close 1001"));
}

#[test]
fn a_flood_does_not_hold_the_heartbeat_back() {
    let mut script = vec![hello(), Step::Expect("op"), ready()];
    script.extend((1..=60).flat_map(|seq| [Step::Jump(100), event(seq)]));
    script.push(Step::Close(None));
    let (log, _) = life(None, [Some(script)]);
    let beat = log.iter().find(|line| line.ends_with("> {\"op\":1}"));
    assert_eq!(beat.map(String::as_str), Some("2500 > {\"op\":1}"));
    assert!(log.iter().any(|line| line.ends_with("cursor s:1:60")), "an answer ready is not late");
}
