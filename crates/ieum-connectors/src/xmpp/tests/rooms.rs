//! Rooms: entering, reading what was missed, speaking as somebody, and knowing our own words.

use super::*;
use ieum_core::outgoing::Scope;

pub(super) const ARCHIVED: &str = "<feature var='urn:xmpp:mam:2'/>";

pub(super) fn in_room(key: u8, text: &str) -> Outgoing {
    say(ROOM, ChatKind::Group, key, text)
}

pub(super) fn result(id: &str, inner: &str) -> String {
    format!("<iq type='result' id='{id}' from='{ROOM}' to='{US}'>{inner}</iq>")
}

pub(super) fn info(features: &str) -> String {
    format!(
        "<query xmlns='http://jabber.org/protocol/disco#info'>\
         <identity category='conference' type='text' name='가족'/>{features}</query>"
    )
}

pub(super) fn presence(nick: &str, to: &str, codes: &[&str]) -> String {
    let codes: String = codes.iter().map(|code| format!("<status code='{code}'/>")).collect();
    format!(
        "<presence from='{ROOM}/{nick}' to='{to}'>\
         <x xmlns='http://jabber.org/protocol/muc#user'>\
         <item affiliation='none' role='participant'/>{codes}</x>\
         <occupant-id xmlns='urn:xmpp:occupant-id:0' id='occ-{nick}'/></presence>"
    )
}

pub(super) fn message(nick: &str, id: &str, native: &str, inner: &str) -> String {
    let own = match native {
        "" => String::new(),
        native => format!("<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='{native}'/>"),
    };
    format!(
        "<message from='{ROOM}/{nick}' to='{US}' type='groupchat' id='{id}'>{own}{inner}</message>"
    )
}

pub(super) fn body(text: &str) -> String {
    format!("<body>{text}</body>")
}

pub(super) fn kept(native: &str, nick: &str, id: &str, inner: &str) -> String {
    format!(
        "<message from='{ROOM}' to='{US}'><result xmlns='urn:xmpp:mam:2' id='{native}'>\
         <forwarded xmlns='urn:xmpp:forward:0'>\
         <delay xmlns='urn:xmpp:delay' stamp='2025-11-24T15:00:00.250Z'/>\
         <message xmlns='jabber:client' from='{ROOM}/{nick}' type='groupchat' id='{id}'>{inner}\
         </message></forwarded></result></message>"
    )
}

pub(super) fn fin(complete: bool) -> String {
    format!("<fin xmlns='urn:xmpp:mam:2' complete='{complete}'/>")
}

/// A desk in a room with an archive that holds `past`, read up to `place`.
pub(super) fn town<'a>(
    config: &'a XmppConfig,
    place: Option<&str>,
    past: &str,
    missed: &str,
) -> Town<'a> {
    let cursor = place.map(|place| Cursor::new(format!("{{\"{ROOM}\":\"{place}\"}}")));
    let mut town = Town::new(config, cursor.as_ref());
    if cursor.is_none() {
        town.hears(&format!(
            "<message from='{ROOM}' to='ieum@gate.test'>\
             <x xmlns='http://jabber.org/protocol/muc#user'><invite from='alice@test'/></x>\
             </message>"
        ));
    }
    enter(&mut town, place.is_some(), past, missed);
    town
}

pub(super) fn enter(town: &mut Town<'_>, known: bool, past: &str, missed: &str) {
    let asked = town.question();
    town.hears(&result(&asked, &info(ARCHIVED)));
    town.writes();
    town.hears(&presence("alice", US, &[])).hears(&presence("이음", US, &["110"]));
    let asked = town.question();
    town.hears(past).hears(&result(&asked, &fin(true)));
    if known {
        let asked = town.question();
        town.hears(missed).hears(&result(&asked, &fin(true)));
    }
}

#[test]
fn an_invitation_is_followed_step_by_step() {
    let config = config();
    let mut town = Town::new(&config, None);
    town.hears(&format!(
        "<message from='bob@test/x' to='ieum@gate.test'>\
         <x xmlns='jabber:x:conference' jid='{ROOM}'/></message>"
    ));
    check(
        &town.writes(),
        &expect![[r#"
            <iq from="ieum@gate.test/ieum" to="ROOM" type="get" id="q00000001">
            <query xmlns="http://jabber.org/protocol/disco#info"/>
            </iq>"#]],
    );
    town.hears(&result("q00000001", &info(ARCHIVED)));
    check(
        &town.writes(),
        &expect![[r#"
            <presence from="ieum@gate.test/ieum" to="ROOM/이음">
            <x xmlns="http://jabber.org/protocol/muc">
            <history maxstanzas="0"/>
            </x>
            </presence>"#]],
    );
    town.hears(&presence("alice", US, &[])).hears(&presence("이음", US, &["110"]));
    check(
        &town.writes(),
        &expect![[r#"
            <iq from="ieum@gate.test/ieum" to="ROOM" type="set" id="q00000002">
            <query xmlns="urn:xmpp:mam:2" queryid="q00000002">
            <set xmlns="http://jabber.org/protocol/rsm">
            <max>100</max>
            <before>
            </before>
            </set>
            </query>
            </iq>"#]],
    );
    town.hears(&kept("s1", "alice", "a1", &body("옛날 말")))
        .hears(&result("q00000002", &fin(false)));
    let events = town.events();
    let kinds: Vec<_> = events.iter().map(|event| &event.kind).collect();
    assert_eq!(kinds[0], &InboundKind::WeJoined);
    assert_eq!(events[0].title.as_deref(), Some("가족"));
    let InboundKind::PeopleJoined(people) = kinds[1] else { panic!("{kinds:?}") };
    assert_eq!(people[0].key.as_str(), "family@rooms.test#occ-alice");
    assert_eq!(kinds.len(), 2, "what was said before we came stays there");
    assert_eq!(town.desk.cursor(), Cursor::new(format!("{{\"{ROOM}\":\"s1\"}}")));
}

#[test]
fn what_was_missed_comes_in_order_and_once() {
    let config = config();
    let past = kept("s0", "alice", "a0", &body("읽은 말"));
    let missed = kept("s1", "alice", "a1", &body("마지막으로 읽은 말"))
        + &kept("s2", "alice", "a2", &body("놓친 말"))
        + &kept("s3", "bob", "b1", &body("또"));
    let mut town = Town::new(&config, Some(&Cursor::new(format!("{{\"{ROOM}\":\"s1\"}}"))));
    let asked = town.question();
    town.hears(&result(&asked, &info(ARCHIVED))).writes();
    town.hears(&presence("이음", US, &["110"]));
    let written = town.desk.take_output();
    assert!(written.contains("<before>s1</before>"), "{written}");
    town.hears(&past).hears(&result("q00000002", &fin(true)));
    let written = town.desk.take_output();
    assert!(written.contains("<after>s0</after>"), "with the one at the place: {written}");
    // Said while the past is read: it waits, and one of the two is in the archive already.
    town.hears(&message("bob", "b1", "s3", &body("또")));
    town.hears(&message("bob", "b2", "s4", &body("지금")));
    town.hears(&missed).hears(&result("q00000003", &fin(false)));
    let written = town.desk.take_output();
    assert!(written.contains("<after>s3</after>"), "{written}");
    town.hears(&result("q00000004", &fin(true)));
    let events = town.events();
    let lines: Vec<_> = events.iter().filter_map(line).collect();
    assert_eq!(
        lines,
        [
            "family@rooms.test/alice [alice] s2 says \"놓친 말\"",
            "family@rooms.test/bob [bob] s3 says \"또\"",
            "family@rooms.test/bob [bob] s4 says \"지금\"",
        ]
    );
    let first = events.iter().find(|event| line(event).is_some()).unwrap();
    assert_eq!(first.at, Timestamp(1_763_996_400_250));
    assert_eq!(town.desk.cursor(), Cursor::new(format!("{{\"{ROOM}\":\"s4\"}}")));
}

#[test]
fn an_archive_that_forgot_the_place_gives_all_it_has() {
    let config = config();
    let mut town = Town::new(&config, Some(&Cursor::new(format!("{{\"{ROOM}\":\"old\"}}"))));
    let asked = town.question();
    town.hears(&result(&asked, &info(ARCHIVED))).hears(&presence("이음", US, &["110"]));
    let asked = town.question();
    town.hears(&format!(
        "<iq type='error' id='{asked}' from='{ROOM}' to='{US}'><error type='cancel'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    ));
    let asked = town.question();
    town.hears(&kept("n1", "alice", "a1", &body("하나"))).hears(&result(&asked, &fin(true)));
    assert_eq!(town.said(), ["family@rooms.test/alice [alice] n1 says \"하나\""]);
}

/// A busy server is not one that forgot: what was missed is asked for again.
#[test]
fn an_archive_that_cannot_answer_now_loses_nothing() {
    let config = config();
    let mut town = Town::new(&config, Some(&Cursor::new(format!("{{\"{ROOM}\":\"old\"}}"))));
    let mut waiting = town.asks(in_room(1, "기다리던 말"));
    let asked = town.question();
    town.hears(&result(&asked, &info(ARCHIVED))).hears(&presence("이음", US, &["110"]));
    let asked = town.question();
    town.hears(&format!(
        "<iq type='error' id='{asked}' from='{ROOM}' to='{US}'><error type='wait'>\
         <resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    ));
    assert_eq!(told(&mut waiting), None, "it goes on waiting");
    town.desk.take_output();
    town.desk.now = NOW.plus_ms(60_000);
    town.desk.tick();
    let asked = town.question();
    town.hears(&result(&asked, &info(ARCHIVED))).hears(&presence("이음", US, &["110"]));
    let written = town.desk.take_output();
    assert!(written.contains("old"), "from the same place on: {written}");
}

#[test]
fn a_room_without_an_archive_gives_its_history_up_to_the_subject() {
    let config = config();
    let place = NOW.0;
    let mut town = Town::new(&config, Some(&Cursor::new(format!("{{\"{ROOM}\":\"@{place}\"}}"))));
    let asked = town.question();
    town.hears(&result(&asked, &info("")));
    let written = town.desk.take_output();
    assert!(written.contains("<history since=\"2025-11-24T15:59:00Z\"/>"), "{written}");
    let mut waiting = town.asks(in_room(1, "기다리던 말"));
    town.hears(&presence("이음", US, &["110"]));
    town.hears(&message("alice", "a1", "", &body("아까")));
    town.hears(&message("이음", &id(1), "", &body("기다리던 말")));
    assert_eq!(told(&mut waiting), None);
    town.hears(&message("alice", "subject", "", "<subject>주제</subject>"));
    let author = format!("{ROOM}/이음");
    assert_eq!(told(&mut waiting), Some(desk::accepted(&id(1), Some(&author))));
    let written = town.desk.take_output();
    assert!(!written.contains("기다리던"), "it stood in the history: {written}");
    assert_eq!(town.said(), ["family@rooms.test/alice [alice] a1 says \"아까\""]);
}

/// Stanzas need no id, and rooms without an archive give them none.
#[test]
fn what_has_no_id_at_all_is_heard_once() {
    let config = config();
    let place = NOW.0;
    let mut town = Town::new(&config, Some(&Cursor::new(format!("{{\"{ROOM}\":\"@{place}\"}}"))));
    let asked = town.question();
    town.hears(&result(&asked, &info("")));
    town.hears(&presence("이음", US, &["110"]));
    let said = |second: u32, text: &str| {
        let delay = format!(
            "<delay xmlns='urn:xmpp:delay' stamp='2025-11-24T16:00:{second:02}Z'/>{}",
            body(text)
        );
        format!("<message type='groupchat' from='{ROOM}/alice' to='{US}'>{delay}</message>")
    };
    let live = |text: &str| {
        let inner = body(text);
        format!("<message type='groupchat' from='{ROOM}/alice' to='{US}'>{inner}</message>")
    };
    for history in [said(2, "읽은 말"), said(20, "놓친 말"), said(20, "놓친 말"), said(30, "네")]
    {
        town.hears(&history);
    }
    town.hears(&message("alice", "subject", "", "<subject>주제</subject>"));
    town.hears(&live("네"));
    town.hears(&live("오늘"));
    town.hears(&live(""));
    let texts: Vec<String> =
        town.said().iter().filter_map(|line| line.split('"').nth(1).map(str::to_owned)).collect();
    assert_eq!(texts, ["놓친 말", "네", "네", "오늘"]);
}

#[test]
fn a_room_whose_subject_nobody_ever_set_says_so_itself() {
    let config = config();
    let mut town = Town::new(&config, None);
    let mut waiting = town.asks(in_room(1, "첫 말"));
    let asked = town.question();
    town.hears(&result(&asked, &info("")));
    town.hears(&presence("이음", US, &["110"]));
    assert!(!town.desk.take_output().contains("첫 말"), "the history may still come");
    let of_room = |inner: &str| {
        format!("<message type='groupchat' from='{ROOM}' to='{US}'>{inner}</message>")
    };
    town.hears(&of_room("<body>the room is recorded</body>"));
    assert!(!town.desk.take_output().contains("첫 말"), "that was no subject");
    town.hears(&of_room("<subject/>"));
    assert!(town.desk.take_output().contains("첫 말"));
    town.hears(&message("이음", &id(1), "", &body("첫 말")));
    let author = format!("{ROOM}/이음");
    assert_eq!(told(&mut waiting), Some(desk::accepted(&id(1), Some(&author))));
    assert_eq!(town.said(), Vec::<String>::new());
}

#[test]
fn a_speaker_enters_first_and_the_room_answers() {
    let config = config();
    let mut town = town(&config, None, "", "");
    town.writes();
    let mut waiting = town.asks(as_speaker(in_room(1, "안녕"), "Kim"));
    check(
        &town.writes(),
        &expect![[r#"
            <presence from="kim.guest@gate.test/ieum" to="ROOM/Kim">
            <x xmlns="http://jabber.org/protocol/muc">
            <history maxstanzas="0"/>
            </x>
            </presence>"#]],
    );
    town.hears(&presence("Kim", US, &[]));
    town.hears(&presence("Kim", "kim.guest@gate.test/ieum", &["110"]));
    check(
        &town.writes(),
        &expect![[r#"
            <message from="kim.guest@gate.test/ieum" to="ROOM" type="groupchat" id="ID1">
            <origin-id xmlns="urn:xmpp:sid:0" id="ID1"/>
            <body>안녕</body>
            </message>"#]],
    );
    // The room says it to each of its occupants, to the speaker too.
    let echo = message("Kim", &id(1), "s9", &body("안녕")).replace(US, "kim.guest@gate.test/ieum");
    town.hears(&echo);
    assert_eq!(town.writes(), "", "an error would throw the speaker out");
    town.hears(&message("Kim", &id(1), "s9", &body("안녕")));
    let author = format!("{ROOM}/Kim");
    assert_eq!(told(&mut waiting), Some(desk::accepted("s9", Some(&author))));
    assert_eq!(town.said(), Vec::<String>::new(), "our own words are nobody's");
    // The next one leaves at once, a correction comes from the same occupant.
    let edit =
        Act::Edit { target: NativeMessageId::new("s9"), text: "안뇽".to_owned(), marks: vec![] };
    let _waiting = town.asks(act(ROOM, ChatKind::Group, 2, edit));
    let written = town.desk.take_output();
    assert!(written.starts_with("<message from=\"kim.guest@"), "{written}");
    let named = format!("<replace xmlns=\"urn:xmpp:message-correct:0\" id=\"{}\"/>", id(1));
    assert!(written.contains(&named), "a correction names its author's id: {written}");
}

#[test]
fn a_refused_speaker_speaks_through_us_by_name() {
    let config = config();
    let mut town = town(&config, None, "", "");
    town.writes();
    let _waiting = town.asks(as_speaker(in_room(1, "안녕"), "Kim"));
    town.writes();
    town.hears(&format!(
        "<presence type='error' from='{ROOM}/Kim' to='kim.guest@gate.test/ieum'>\
         <error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>\
         </presence>"
    ));
    let written = town.desk.take_output();
    assert!(written.contains("<body>Kim: 안녕</body>"), "{written}");
    assert!(written.starts_with(&format!("<message from=\"{US}\"")), "{written}");
}

#[test]
fn what_the_room_has_already_is_not_written_again() {
    let config = config();
    let past = kept("s5", "Kim", &id(1), &body("안녕"));
    let mut town = town(&config, Some("s6"), &past, "");
    town.writes();
    let mut waiting = town.asks(as_speaker(in_room(1, "안녕"), "Kim"));
    let author = format!("{ROOM}/Kim");
    assert_eq!(told(&mut waiting), Some(desk::accepted("s5", Some(&author))));
    assert_eq!(town.writes(), "");
}

#[test]
fn nor_is_what_was_read_last_before_the_end() {
    let config = config();
    let mut town = Town::new(&config, Some(&Cursor::new(format!("{{\"{ROOM}\":\"s6\"}}"))));
    let asked = town.question();
    town.hears(&result(&asked, &info(ARCHIVED))).hears(&presence("이음", US, &["110"]));
    let asked = town.question();
    town.hears(&result(&asked, &fin(true)));
    let written = town.desk.take_output();
    assert!(written.contains("</max></set>"), "nothing lies before the place: {written}");
    let ours = kept("s6", "Kim", &id(1), &body("안녕"));
    let theirs = kept("s7", "alice", "a7", &body("응"));
    town.hears(&(ours + &theirs)).hears(&result("q00000003", &fin(true)));
    let mut waiting = town.asks(as_speaker(in_room(1, "안녕"), "Kim"));
    let author = format!("{ROOM}/Kim");
    assert_eq!(told(&mut waiting), Some(desk::accepted("s6", Some(&author))));
    assert_eq!(town.writes(), "");
    assert_eq!(town.said(), ["family@rooms.test/alice [alice] s7 says \"응\""]);
}

#[test]
fn a_broken_stream_is_resolved_by_the_archive() {
    for arrived in [true, false] {
        let config = config();
        let mut town = town(&config, None, "", "");
        let mut waiting = town.asks(in_room(1, "안녕"));
        assert!(town.writes().contains("안녕"));
        town.desk.lost();
        town.writes();
        town.desk.opened();
        let past =
            if arrived { kept("s7", "이음", &id(1), &body("안녕")) } else { String::new() };
        enter(&mut town, false, &past, "");
        let again = town.writes().contains("안녕");
        assert_eq!(again, !arrived, "only what did not arrive is written again");
        assert_eq!(told(&mut waiting).is_some(), arrived);
    }
}

#[test]
fn an_order_that_was_given_up_is_never_written() {
    let config = config();
    let mut town = Town::new(&config, None);
    let waiting = town.asks(in_room(1, "늦은 말"));
    drop(waiting);
    enter(&mut town, false, "", "");
    assert!(!town.writes().contains("늦은"));
}

#[test]
fn only_authors_change_or_take_back_their_words() {
    let config = config();
    let mut town = town(&config, None, "", "");
    let correct = |of: &str, text: &str| {
        format!("<body>{text}</body><replace xmlns='urn:xmpp:message-correct:0' id='{of}'/>")
    };
    let retract = |of: &str| format!("<retract xmlns='urn:xmpp:message-retract:1' id='{of}'/>");
    town.said();
    for stanza in [
        message("alice", "a1", "s1", &body("하나")),
        message("bob", "b1", "s2", &correct("a1", "가짜")),
        message("alice", "a2", "s3", &correct("a1", "둘")),
        message("alice", "a3", "s4", &correct("unknown", "셋")),
        message("bob", "b2", "s5", &retract("s1")),
        message("alice", "a4", "s6", &retract("s1")),
        message("alice", "a5", "s7", &retract("s99")),
        message(
            "bob",
            "b3",
            "s8",
            "<reactions xmlns='urn:xmpp:reactions:0' id='s1'>\
                 <reaction>❤</reaction></reactions>",
        ),
        message("alice", "a6", "s9", &body("이음: 도와줘")),
        message("alice", "a6", "s9", &body("같은 것 또")),
    ] {
        town.hears(&stanza);
    }
    let alice = "family@rooms.test#occ-alice [alice]";
    let bob = "family@rooms.test/bob [bob]";
    assert_eq!(
        town.said(),
        [
            format!("{alice} s1 says \"하나\""),
            format!("{alice} s1 is now \"둘\""),
            format!("{alice} s1 is gone"),
            format!("{bob} s1 gets Some(\"❤\")"),
            format!("{alice} s9 says \"도와줘\""),
        ]
    );
}

#[test]
fn others_cannot_pass_for_the_room() {
    let config = config();
    let mut town = town(&config, None, "", "");
    town.said();
    let forged = |text: &str| {
        kept("x1", "alice", "a1", &body(text))
            .replace(&format!("from='{ROOM}' to"), &format!("from='{ROOM}/mallory' to"))
    };
    town.hears(&forged("가짜 기록"));
    town.hears(
        &message("mallory", "m1", "", &body("가짜 번호"))
            .replace("<body>", "<stanza-id xmlns='urn:xmpp:sid:0' by='else@where' id='s1'/><body>"),
    );
    let private = format!(
        "<message from='{ROOM}/mallory' to='{US}' type='chat' id='p'><body>몰래</body></message>"
    );
    town.hears(&private);
    let said = town.said();
    assert_eq!(said, ["family@rooms.test/mallory [mallory] m1 says \"가짜 번호\""]);
}

#[test]
fn a_room_that_will_not_have_us_says_so_to_who_waits() {
    for (condition, scope) in
        [("forbidden", Scope::Recipient), ("registration-required", Scope::Recipient)]
    {
        let config = config();
        let mut town = Town::new(&config, None);
        let mut waiting = town.asks(in_room(1, "안녕"));
        let asked = town.question();
        town.hears(&result(&asked, &info("")));
        town.hears(&format!(
            "<presence type='error' from='{ROOM}/이음' to='{US}'><error type='auth'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
        ));
        let outcome = told(&mut waiting);
        let refused =
            matches!(&outcome, Some(Outcome::Refused { scope: seen, .. }) if *seen == scope);
        assert!(refused, "{condition}: {outcome:?}");
    }
}

#[test]
fn a_nickname_that_somebody_has_is_made_longer() {
    let config = config();
    let mut town = Town::new(&config, None);
    let _waiting = town.asks(in_room(1, "안녕"));
    let asked = town.question();
    town.hears(&result(&asked, &info("")));
    town.writes();
    for longer in ["이음_", "이음__", "이음___"] {
        town.hears(&format!(
            "<presence type='error' from='{ROOM}/이음' to='{US}'><error type='cancel'>\
             <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
        ));
        let written = town.writes();
        assert!(written.contains(&format!("to=\"{ROOM}/{longer}\"")), "{longer}: {written}");
    }
}

#[test]
fn being_thrown_out_is_told_and_the_room_is_not_entered_again() {
    let config = config();
    let mut town = town(&config, None, "", "");
    town.events();
    town.hears(
        &presence("이음", US, &["110", "307"]).replace("<presence", "<presence type='unavailable'"),
    );
    let kinds: Vec<_> = town.events().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [InboundKind::WeLeft]);
    assert_eq!(town.desk.cursor(), Cursor::new("{}"));
    town.desk.now = NOW.plus_ms(60_000);
    town.desk.tick();
    assert_eq!(town.writes(), "");
}

#[test]
fn comings_are_told_goings_are_not() {
    let config = config();
    let mut town = town(&config, None, "", "");
    town.events();
    town.hears(&presence("bob", US, &[])).hears(&presence("bob", US, &[]));
    town.hears(&presence("bob", US, &[]).replace("<presence", "<presence type='unavailable'"));
    let kinds: Vec<_> = town.events().into_iter().map(|event| event.kind).collect();
    assert!(matches!(&*kinds, [InboundKind::PeopleJoined(_)]), "{kinds:?}");
}
