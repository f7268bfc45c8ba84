//! What our users do by themselves, and how the homeserver is kept awake.

use super::*;
use crate::scripted::Kept;
use futures_util::FutureExt as _;
use ieum_core::inbound::InboundKind;
use ieum_core::ports::connector::Pulse;
use ieum_core::ports::http::HttpFailure;

const DONE: &str = "{}";
const CLOSED: &str = "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"no\"}";

/// Listens until the script has no answer left.
fn listen(connector: &Matrix, inbox: &Kept) -> Option<ListenEnd> {
    connector.listen(inbox, None).now_or_never()
}

/// Answers to the start: the bot exists and is shown as it is wanted.
fn start(script: &Script) {
    let shown = json!({"name": "이음", "icon_url": null}).to_string();
    script.answer(400, "{\"errcode\":\"M_USER_IN_USE\"}").answer(200, &shown);
}

fn charge(connector: &Matrix, errand: Errand) {
    connector.charge(vec![errand]);
}

#[test]
fn the_bot_comes_when_called_and_tells_the_rooms_name() {
    let script = Script::default();
    let connector = matrix(&script);
    charge(&connector, Errand::Join("!new:x".into()));
    charge(&connector, Errand::Join("!nameless:x".into()));
    start(&script);
    script.answer(200, DONE).answer(200, "{\"name\":\"새 방\"}");
    script.answer(200, DONE).answer(404, "{\"errcode\":\"M_NOT_FOUND\"}");
    let inbox = Kept::default();
    assert_eq!(listen(&connector, &inbox), None);
    let delivered = inbox.delivered();
    let seen: Vec<_> = delivered
        .iter()
        .flat_map(|(arrival, _)| &arrival.events)
        .map(|event| (event.chat.key.as_str(), event.title.as_deref()))
        .collect();
    assert_eq!(seen, [("!new:x", Some("새 방"))]);
    let told = all_told(&script);
    assert!(told[2].starts_with("POST /_matrix/client/v3/join/!new:x?user_id=@ieum"), "{told:?}");
    assert!(told[6].starts_with("POST /_matrix/client/v1/appservice/ieum/ping"), "{told:?}");
}

#[test]
fn a_start_waits_for_the_homeserver() {
    let script = Script::default();
    script.fail(HttpFailure::NotSent("refused".to_owned())).answer(502, "<html>");
    start(&script);
    script.answer(200, DONE);
    let inbox = Kept::default();
    assert_eq!(listen(&matrix(&script), &inbox), None);
    let bad = |pulse: &Pulse| matches!(pulse, Pulse::Bad { .. });
    assert_eq!(inbox.pulses().iter().filter(|pulse| bad(pulse)).count(), 2);
    assert_eq!(script.slept_ms()[..2], [1_000, 2_000]);
}

#[test]
fn a_homeserver_that_does_not_reach_us_is_asked_again_soon() {
    let script = Script::default();
    start(&script);
    let unreached = "{\"errcode\":\"M_CONNECTION_FAILED\",\"error\":\"refused\"}";
    script.answer(502, unreached).answer(503, "<html>").answer(200, "{\"duration_ms\":3}");
    script.answer(404, "{\"errcode\":\"M_UNRECOGNIZED\"}");
    let inbox = Kept::default();
    assert_eq!(listen(&matrix(&script), &inbox), None);
    let pulses = inbox.pulses();
    let [Pulse::Refused { reason }, Pulse::Bad { .. }, good @ ..] = &pulses[..] else {
        panic!("{pulses:?}")
    };
    let fine = || Pulse::Good { took_ms: 0 };
    assert_eq!(good, [fine(), fine()]);
    assert_eq!(reason, "Matrix 502 M_CONNECTION_FAILED: refused");
    assert_eq!(script.slept_ms(), [0, 1_000, 2_000, 30_000, 30_000]);
}

#[test]
fn a_room_that_called_us_may_take_its_time_to_let_us_in() {
    let script = Script::default();
    let connector = matrix(&script);
    let chat = ChatRef { key: ChatKey::new("!new:x"), kind: ChatKind::Group };
    let part = Part { text: "x".to_owned(), ..Part::default() };
    let act = Act::Say(vec![part]);
    let outgoing = Outgoing { chat, key: [7; 16], answer_token: None, author: None, act };
    script.answer(403, CLOSED).answer(403, CLOSED).answer(403, CLOSED);
    assert!(matches!(run(connector.send(&outgoing)), Outcome::Refused { .. }));
    charge(&connector, Errand::Join("!new:x".into()));
    script.answer(403, CLOSED).answer(403, CLOSED);
    let outcome = run(connector.send(&outgoing));
    assert!(matches!(outcome, Outcome::Deferred { after_ms: 2_000, .. }), "{outcome:?}");
    script.answer(403, CLOSED).answer(200, DONE).answer(200, "{\"event_id\":\"$e\"}");
    assert!(matches!(run(connector.send(&outgoing)), Outcome::Accepted { .. }));
}

#[test]
fn ghosts_turn_invitations_down_and_leave_with_the_bot() {
    let script = Script::default();
    let connector = matrix(&script);
    charge(&connector, Errand::Decline { room: "!d:x".into(), ghost: GHOST.into() });
    charge(&connector, Errand::Vacate("!v:x".into()));
    start(&script);
    let members = json!({"chunk": [{"state_key": ALICE}, {"state_key": GHOST}, {}]});
    script.answer(200, DONE).answer(200, &members.to_string()).answer(200, DONE);
    script.answer(200, DONE);
    assert_eq!(listen(&connector, &Kept::default()), None);
    let told = all_told(&script);
    let leave = |room: &str| {
        format!("POST /_matrix/client/v3/rooms/{room}/leave?user_id=@ieum_line_17:hub.test {{}}")
    };
    assert_eq!(told[2], leave("!d:x"));
    assert!(told[3].contains("/rooms/!v:x/members?"), "{told:?}");
    assert_eq!(told[4], leave("!v:x"));
    assert!(told[5].contains("/ping"), "{told:?}");
}

#[test]
fn an_errand_that_fails_is_tried_again_but_not_for_ever() {
    let script = Script::default();
    let connector = matrix(&script);
    charge(&connector, Errand::Decline { room: "!d:x".into(), ghost: GHOST.into() });
    start(&script);
    for _ in 0..8 {
        script.answer(502, "<html>");
    }
    script.answer(200, "{\"duration_ms\":1}");
    assert_eq!(listen(&connector, &Kept::default()), None);
    let leaves = all_told(&script).iter().filter(|told| told.contains("/leave")).count();
    assert_eq!(leaves, 8);
}

#[test]
fn a_sign_of_life_says_who_we_are() {
    for (status, answer, expected) in [
        (200, json!({"user_id": "@ieum:hub.test"}).to_string(), "good @ieum:hub.test"),
        (200, json!({"user_id": "@other:hub.test"}).to_string(), "refused"),
        (401, json!({"errcode": "M_UNKNOWN_TOKEN"}).to_string(), "refused"),
        (429, json!({"errcode": "M_LIMIT_EXCEEDED"}).to_string(), "good "),
        (502, "<html>".to_owned(), "bad"),
        (200, "<html>".to_owned(), "bad"),
    ] {
        let script = Script::default();
        script.answer(status, &answer);
        let probe = run(matrix(&script).probe());
        let identity = probe.identity.unwrap_or_default();
        let got = match probe.pulse {
            Pulse::Good { .. } => format!("good {identity}"),
            Pulse::Bad { .. } => "bad".to_owned(),
            Pulse::Refused { .. } => "refused".to_owned(),
        };
        assert_eq!(got, expected, "{status} {answer}");
    }
}

#[test]
fn what_a_transaction_asks_for_reaches_the_errands() {
    let script = Script::default();
    let connector = matrix(&script);
    let content = json!({"membership": "invite"});
    let invite = json!({"type": "m.room.member", "event_id": "$i", "room_id": ROOM,
        "sender": ALICE, "state_key": "@ieum:hub.test", "origin_server_ts": 1,
        "content": content});
    let body = Bytes::from(json!({"events": [invite]}).to_string());
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, "Bearer hs-secret".parse().unwrap());
    let path = "/_matrix/app/v1/transactions/1";
    let arrival = connector.accept(HookRequest { path, headers: &headers, body: &body }).unwrap();
    assert_eq!(arrival.events[0].kind, InboundKind::WeJoined);
    assert_eq!(connector.memory().errands, [(Errand::Join(ROOM.into()), 1)]);
}
