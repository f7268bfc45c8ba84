//! Rooms that are said to go on elsewhere: who is believed, and what a restart does not lose.

use super::*;
use crate::scripted::Kept;
use futures_util::FutureExt as _;
use ieum_core::inbound::InboundKind;
use proptest::prelude::*;

const DONE: &str = "{}";
const NEW: &str = "!new:x";
const CLOSED: &str = "{\"errcode\":\"M_FORBIDDEN\",\"error\":\"no\"}";
const UNNAMED: &str = "{\"errcode\":\"M_NOT_FOUND\",\"error\":\"\"}";

fn begun_from(old: &str) -> String {
    json!({"room_version": "11", "predecessor": {"room_id": old, "event_id": "$t"}}).to_string()
}

fn upgrade() -> Upgrade {
    Upgrade { old: ROOM.into(), new: NEW.into() }
}

fn start(script: &Script) {
    let shown = json!({"name": "이음", "icon_url": null}).to_string();
    script.answer(400, "{\"errcode\":\"M_USER_IN_USE\"}").answer(200, &shown);
}

/// Where conversations moved, and what our users did, while the script lasted.
fn followed(connector: &Matrix, script: &Script) -> (Vec<(String, String)>, Vec<String>) {
    let inbox = Kept::default();
    assert_eq!(connector.listen(&inbox, None).now_or_never(), None);
    let moves = inbox.delivered().into_iter().flat_map(|(arrival, _)| arrival.events);
    let moves = moves.filter_map(|event| {
        let InboundKind::Migrated { to } = event.kind else { return None };
        Some((event.chat.key.as_str().to_owned(), to.as_str().to_owned()))
    });
    (moves.collect(), all_told(script).split_off(2))
}

fn matters(told: &[String]) -> Vec<String> {
    let short = |told: &String| {
        let path = told.replace("/_matrix/client/v3/", "");
        path.split(['?', '{']).next().unwrap().trim().to_owned()
    };
    told.iter().map(short).filter(|told| !told.contains("/ping")).collect()
}

#[test]
fn a_conversation_moves_where_the_new_room_names_the_old_one() {
    let script = Script::default();
    let connector = matrix(&script);
    connector.charge(vec![Errand::Follow(upgrade())]);
    start(&script);
    script.answer(403, CLOSED).answer(200, DONE).answer(200, &begun_from(ROOM));
    let (moves, told) = followed(&connector, &script);
    assert_eq!(moves, [(ROOM.to_owned(), NEW.to_owned())]);
    let create = format!("GET rooms/{NEW}/state/m.room.create");
    assert_eq!(matters(&told), [create.clone(), format!("POST join/{NEW}"), create]);
    assert!(connector.memory().upgrades.is_empty());
    assert!(connector.memory().expected.is_empty());
}

#[test]
fn who_may_only_bury_a_room_moves_nobody() {
    for beginning in [begun_from("!other:x"), "{}".to_owned(), "{\"predecessor\":7}".to_owned()] {
        let script = Script::default();
        let connector = matrix(&script);
        connector.charge(vec![Errand::Follow(upgrade())]);
        start(&script);
        script.answer(403, CLOSED).answer(200, DONE).answer(200, &beginning);
        script.answer(200, "{\"event_id\":\"$n\"}").answer(200, DONE);
        let (moves, told) = followed(&connector, &script);
        assert_eq!(moves, [], "{beginning}");
        let said = format!("PUT rooms/{ROOM}/send/m.room.message/not-followed%20{NEW}");
        assert_eq!(matters(&told)[3..], [said, format!("POST rooms/{NEW}/leave")]);
        assert!(connector.memory().expected.is_empty(), "nothing waits for it");
    }
}

#[test]
fn a_room_that_we_are_in_already_is_not_left_because_of_a_false_tombstone() {
    let script = Script::default();
    let connector = matrix(&script);
    connector.charge(vec![Errand::Follow(upgrade())]);
    start(&script);
    script.answer(200, "{}").answer(403, CLOSED);
    let (moves, told) = followed(&connector, &script);
    assert_eq!(moves, []);
    assert!(!matters(&told).iter().any(|told| told.contains("leave") || told.contains("join")));
    assert_eq!(connector.memory().refused.len(), 1);
}

#[test]
fn who_is_not_let_in_yet_moves_with_the_invitation() {
    let script = Script::default();
    let connector = matrix(&script);
    connector.charge(vec![Errand::Follow(upgrade()), Errand::Join(NEW.into())]);
    start(&script);
    script.answer(403, CLOSED).answer(403, CLOSED);
    script.answer(200, DONE).answer(200, &begun_from(ROOM)).answer(404, UNNAMED);
    let (moves, told) = followed(&connector, &script);
    assert_eq!(moves, [(ROOM.to_owned(), NEW.to_owned())]);
    assert_eq!(matters(&told)[2], format!("POST join/{NEW}"));
}

#[test]
fn an_invitation_is_taken_although_somebody_lied_about_the_room() {
    let script = Script::default();
    let connector = matrix(&script);
    connector.charge(vec![Errand::Follow(upgrade()), Errand::Join(NEW.into())]);
    start(&script);
    script.answer(403, CLOSED).answer(403, CLOSED);
    script.answer(200, DONE).answer(200, &begun_from("!other:x")).answer(403, CLOSED);
    script.answer(404, UNNAMED);
    let (moves, told) = followed(&connector, &script);
    assert_eq!(moves, []);
    assert!(!matters(&told).iter().any(|told| told.contains("leave")), "{told:?}");
}

#[test]
fn an_upgrade_that_a_restart_forgot_is_found_when_the_old_room_is_closed() {
    let script = Script::default();
    let connector = matrix(&script);
    let chat = ChatRef { key: ChatKey::new(ROOM), kind: ChatKind::Group };
    let act = Act::Say(vec![Part { text: "x".to_owned(), ..Part::default() }]);
    let outgoing = Outgoing { chat, key: [7; 16], answer_token: None, author: None, act };
    let buried = json!({"replacement_room": NEW}).to_string();
    script.answer(403, CLOSED).answer(403, CLOSED).answer(200, &buried);
    let outcome = run(connector.send(&outgoing));
    assert!(matches!(outcome, Outcome::Deferred { .. }), "{outcome:?}");
    assert_eq!(connector.memory().errands, [(Errand::Follow(upgrade()), 1)]);
    // What was found false once is not waited for again.
    connector.memory().expected.clear();
    connector.memory().refused.insert(upgrade());
    script.answer(403, CLOSED).answer(403, CLOSED).answer(200, &buried);
    let outcome = run(connector.send(&outgoing));
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
}

proptest! {
    #[test]
    fn nothing_but_the_old_rooms_own_name_moves_it(named in "!(room|new|x){1,2}:(hub.test|x)") {
        let script = Script::default();
        let connector = matrix(&script);
        connector.charge(vec![Errand::Follow(upgrade())]);
        start(&script);
        script.answer(200, &begun_from(&named)).answer(200, DONE);
        let (moves, _) = followed(&connector, &script);
        prop_assert_eq!(!moves.is_empty(), named == ROOM);
    }
}
