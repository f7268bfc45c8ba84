//! Direct chats: what a person says to us, what we say to them, and what follows.

use super::*;
use ieum_core::inbound::ReceiptLevel;
use ieum_core::outgoing::{Fault, Scope};

const ALICE: &str = "alice@test";

fn direct(key: u8, text: &str) -> Outgoing {
    say(ALICE, ChatKind::Direct, key, text)
}

#[test]
fn a_message_leaves_with_a_question_behind_it() {
    let config = config();
    let mut town = Town::new(&config, None);
    let mut waiting = town.asks(direct(1, "저녁 <먹었어>?"));
    check(
        &town.writes(),
        &expect![[r#"
            <message from="ieum@gate.test/ieum" to="alice@test" type="chat" id="ID1">
            <origin-id xmlns="urn:xmpp:sid:0" id="ID1"/>
            <body>저녁 &lt;먹었어&gt;?</body>
            <request xmlns="urn:xmpp:receipts"/>
            <markable xmlns="urn:xmpp:chat-markers:0"/>
            </message>
            <iq from="ieum@gate.test/ieum" to="test" type="get" id="q00000001">
            <ping xmlns="urn:xmpp:ping"/>
            </iq>"#]],
    );
    assert_eq!(told(&mut waiting), None);
    town.hears("<iq type='result' id='q00000001' from='elsewhere' to='ieum@gate.test/ieum'/>");
    assert_eq!(told(&mut waiting), None, "only the one who was asked answers");
    town.hears("<iq type='result' id='q00000001' from='test' to='ieum@gate.test/ieum'/>");
    assert_eq!(told(&mut waiting), Some(desk::accepted(&id(1), None)));
}

#[test]
fn acts_are_written_as_the_standards_have_them() {
    let config = config();
    let target = || NativeMessageId::new("m7");
    let reply = ReplyTarget { native: target(), quote: Some(QuoteKey::new("alice@test")) };
    let answer = Part { text: "응".to_owned(), reply: Some(reply), ..Part::default() };
    for (act_of, expected) in [
        (
            Act::Say(vec![answer]),
            expect![[r#"
                <body>응</body>
                <reply xmlns="urn:xmpp:reply:0" id="m7" to="alice@test"/>"#]],
        ),
        (
            Act::Edit { target: target(), text: "고침".to_owned(), marks: vec![] },
            expect![[r#"
                <body>고침</body>
                <replace xmlns="urn:xmpp:message-correct:0" id="m7"/>"#]],
        ),
        (
            Act::Withdraw { target: target() },
            expect![[r#"
                <retract xmlns="urn:xmpp:message-retract:1" id="m7"/>
                <store xmlns="urn:xmpp:hints"/>"#]],
        ),
        (
            Act::React { target: target(), emoji: Some("👍".into()), own: None },
            expect![[r#"
                <reactions xmlns="urn:xmpp:reactions:0" id="m7">
                <reaction>👍</reaction>
                </reactions>
                <store xmlns="urn:xmpp:hints"/>"#]],
        ),
        (
            Act::React { target: target(), emoji: None, own: None },
            expect![[r#"
                <reactions xmlns="urn:xmpp:reactions:0" id="m7"/>
                <store xmlns="urn:xmpp:hints"/>"#]],
        ),
    ] {
        let mut town = Town::new(&config, None);
        let _waiting = town.asks(act(ALICE, ChatKind::Direct, 1, act_of));
        let written = town.desk.take_output();
        let (_, written) = written.split_once(&format!("id=\"{}\"/>", id(1))).unwrap();
        let (written, _) = written.split_once("</message>").unwrap();
        let written = written.split("<request").next().unwrap_or_default();
        expected.assert_eq(&written.replace(
            "><", ">
<",
        ));
    }
}

#[test]
fn an_error_decides_what_came_of_it() {
    let refused = |scope| (Some(scope), None);
    let later = |fault| (None, Some(fault));
    for (condition, expected) in [
        ("service-unavailable", refused(Scope::Recipient)),
        ("item-not-found", refused(Scope::Recipient)),
        ("forbidden", refused(Scope::Recipient)),
        ("remote-server-not-found", refused(Scope::Recipient)),
        ("policy-violation", refused(Scope::Message)),
        ("bad-request", refused(Scope::Message)),
        ("resource-constraint", later(Fault::Limit)),
        ("remote-server-timeout", later(Fault::Network)),
        ("recipient-unavailable", later(Fault::Request)),
        ("internal-server-error", (None, None)),
        ("undefined-condition", (None, None)),
        ("something-new", (None, None)),
    ] {
        let config = config();
        let mut town = Town::new(&config, None);
        let mut waiting = town.asks(direct(1, "안녕"));
        town.hears(&format!(
            "<message type='error' from='{ALICE}' to='{US}' id='{}'><error type='cancel'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>a secret text</text>\
             </error></message>",
            id(1)
        ));
        let outcome = told(&mut waiting).expect(condition);
        let (scope, fault) = expected;
        match &outcome {
            Outcome::Refused { scope: seen, .. } => assert_eq!(Some(*seen), scope, "{condition}"),
            Outcome::Deferred { fault: seen, .. } => assert_eq!(Some(*seen), fault, "{condition}"),
            Outcome::Unknown { .. } => assert_eq!((None, None), (scope, fault), "{condition}"),
            Outcome::Accepted { .. } => panic!("{condition}"),
        }
        assert!(!format!("{outcome:?}").contains("secret"), "{outcome:?}");
    }
}

#[test]
fn another_server_that_is_not_there_is_told_by_the_question() {
    let config = config();
    let mut town = Town::new(&config, None);
    let mut waiting = town.asks(say("kim@far.test", ChatKind::Direct, 1, "안녕"));
    let asked = town.question();
    town.hears(&format!(
        "<iq type='error' id='{asked}' from='far.test' to='{US}'><error type='wait'>\
         <remote-server-timeout xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    ));
    let outcome = told(&mut waiting);
    assert!(matches!(outcome, Some(Outcome::Deferred { .. })), "{outcome:?}");
    let mut waiting = town.asks(direct(2, "안녕"));
    let asked = town.question();
    town.hears(&format!(
        "<iq type='error' id='{asked}' from='test' to='{US}'><error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    ));
    assert_eq!(told(&mut waiting), Some(desk::accepted(&id(2), None)));
}

#[test]
fn what_left_before_the_stream_broke_is_in_doubt() {
    let config = config();
    let mut town = Town::new(&config, None);
    let mut waiting = town.asks(direct(1, "안녕"));
    town.desk.lost();
    let outcome = told(&mut waiting);
    assert!(matches!(outcome, Some(Outcome::Unknown { .. })), "{outcome:?}");
}

#[test]
fn people_speak_change_take_back_and_react() {
    let config = config();
    let mut town = Town::new(&config, None);
    town.hears(&format!(
        "<message from='{ALICE}/phone' to='{US}' type='chat' id='m1'><body>안녕</body></message>\
         <message from='{ALICE}/phone' to='{US}' id='m2'><body>안넝</body>\
           <replace xmlns='urn:xmpp:message-correct:0' id='m1'/></message>\
         <message from='{ALICE}/pc' to='{US}' type='chat' id='m3'>\
           <reactions xmlns='urn:xmpp:reactions:0' id='{ours}'><reaction>👍</reaction>\
             <reaction>🎉</reaction></reactions></message>\
         <message from='{ALICE}/pc' to='{US}' type='chat' id='m4'>\
           <reactions xmlns='urn:xmpp:reactions:0' id='{ours}'/></message>\
         <message from='{ALICE}/pc' to='{US}' type='chat' id='m5'>\
           <retract xmlns='urn:xmpp:message-retract:1' id='m1'/></message>\
         <message from='{ALICE}/pc' to='{US}' type='chat' id='m6'>\
           <apply-to xmlns='urn:xmpp:fasten:0' id='m1'>\
             <retract xmlns='urn:xmpp:message-retract:0'/></apply-to></message>\
         <message from='{ALICE}/pc' to='{US}' type='chat' id='m7'>\
           <body>&gt; 저녁?\n응</body><reply xmlns='urn:xmpp:reply:0' id='{ours}'/>\
           <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>\
             <body start='0' end='6'/></fallback></message>\
         <message from='{ALICE}/pc' to='{US}' type='chat' id='m8'>\
           <body>https://files.test/a/cat.JPG?x</body>\
           <x xmlns='jabber:x:oob'><url>https://files.test/a/cat.JPG?x</url></x></message>",
        ours = id(1),
    ));
    let ours = id(1);
    let seen = town.said().join("\n").replace(&ours, "OURS");
    let expected = expect![[r#"
        alice@test [alice] m1 says "안녕"
        alice@test [alice] m1 is now "안넝"
        alice@test [alice] OURS gets Some("🎉")
        alice@test [alice] OURS gets None
        alice@test [alice] m1 is gone
        alice@test [alice] m1 is gone
        alice@test [alice] m7 says "응" -> OURS
        alice@test [alice] m8 says "" +Picture"#]];
    expected.assert_eq(&seen);
}

#[test]
fn nobody_changes_our_words_or_speaks_for_another() {
    let config = config();
    let mut town = Town::new(&config, None);
    let ours = id(1);
    let inner = "<forwarded xmlns='urn:xmpp:forward:0'>\
                 <message xmlns='jabber:client' from='bob@test/x' to='alice@test' type='chat'>\
                 <body>제가요</body></message></forwarded>";
    town.hears(&format!(
        "<message from='{ALICE}/x' to='{US}' type='chat' id='a'><body>가짜</body>\
           <replace xmlns='urn:xmpp:message-correct:0' id='{ours}'/></message>\
         <message from='{ALICE}/x' to='{US}' type='chat' id='b'>\
           <retract xmlns='urn:xmpp:message-retract:1' id='{ours}'/></message>\
         <message from='{ALICE}/x' to='{US}' type='chat' id='c'>\
           <sent xmlns='urn:xmpp:carbons:2'>{inner}</sent></message>\
         <message from='{ALICE}/x' to='{US}' type='chat' id='d'>\
           <received xmlns='urn:xmpp:carbons:2'>{inner}</received><body>같이</body></message>\
         <message from='{ALICE}/x' to='{US}' type='chat' id='e'>\
           <result xmlns='urn:xmpp:mam:2'>{inner}</result><body>같이</body></message>\
         <message from='{ALICE}/x' to='{US}' type='groupchat' id='f'><body>방인 척</body></message>\
         <message to='{US}' type='chat' id='g'><body>이름 없이</body></message>"
    ));
    assert_eq!(town.said(), Vec::<String>::new());
}

#[test]
fn receipts_go_both_ways() {
    let config = config();
    let mut town = Town::new(&config, None);
    town.hears(&format!(
        "<message from='{ALICE}/x' to='{US}' type='chat' id='m1'><body>봤어?</body>\
           <request xmlns='urn:xmpp:receipts'/></message>\
         <message from='{ALICE}/x' to='{US}' type='chat' id='m2'>\
           <received xmlns='urn:xmpp:receipts' id='{ours}'/></message>\
         <message from='{ALICE}/x' to='{US}' type='chat' id='m3'>\
           <displayed xmlns='urn:xmpp:chat-markers:0' id='{ours}'/></message>",
        ours = id(1),
    ));
    assert_eq!(town.writes(), "", "it is not durable yet");
    check(
        &town.desk.owed.replace("><", ">\n<"),
        &expect![[r#"
            <message from="ieum@gate.test/ieum" to="alice@test" type="chat">
            <received xmlns="urn:xmpp:receipts" id="m1"/>
            <store xmlns="urn:xmpp:hints"/>
            </message>"#]],
    );
    let levels: Vec<_> = town
        .events()
        .into_iter()
        .filter_map(|event| {
            let InboundKind::Receipt { native, level } = event.kind else { return None };
            Some((native.unwrap(), level))
        })
        .collect();
    let ours = NativeMessageId::new(id(1));
    let expected = [(ours.clone(), ReceiptLevel::Delivered), (ours, ReceiptLevel::Read)];
    assert_eq!(levels, expected);
}

#[test]
fn who_takes_us_into_their_list_is_answered_and_greeted() {
    let config = config();
    let mut town = Town::new(&config, None);
    town.hears("<presence type='subscribe' from='alice@test' to='ieum@gate.test'/>");
    check(
        &town.writes(),
        &expect![[r#"
            <presence from="ieum@gate.test" to="alice@test" type="subscribed"/>
            <presence from="ieum@gate.test/ieum" to="alice@test"/>"#]],
    );
    town.hears("<presence type='unsubscribe' from='alice@test' to='ieum@gate.test'/>");
    town.hears("<presence type='subscribe' from='alice@test' to='other@gate.test'/>");
    let kinds: Vec<_> = town.events().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [InboundKind::WeJoined, InboundKind::WeLeft]);
}

#[test]
fn every_question_to_us_is_answered() {
    for (asked, expected) in [
        ("<ping xmlns='urn:xmpp:ping'/>", "type=\"result\"/>"),
        ("<query xmlns='http://jabber.org/protocol/disco#info'/>", "category=\"gateway\""),
        ("<query xmlns='jabber:iq:version'/>", "service-unavailable"),
        ("", "service-unavailable"),
    ] {
        let config = config();
        let mut town = Town::new(&config, None);
        town.hears(&format!("<iq type='get' id='x' from='a@b/c' to='gate.test'>{asked}</iq>"));
        let written = town.desk.take_output();
        assert!(written.contains(expected), "{asked}: {written}");
        assert!(written.starts_with("<iq from=\"gate.test\" to=\"a@b/c\""), "{written}");
    }
}

/// Whoever speaks through us in a room has no private chat: words to them are not words to all.
#[test]
fn words_to_a_speaker_alone_are_refused_and_said_to_nobody() {
    let config = config();
    let mut town = Town::new(&config, None);
    let us = town.writes();
    assert!(!us.contains("error"), "{us}");
    let to_speaker = |inner: &str| {
        format!(
            "<message type='chat' from='{ALICE}/phone' to='kim.guest@gate.test/ieum' id='p1'>\
             {inner}</message>"
        )
    };
    town.hears(&to_speaker("<body>너만 알아</body>"));
    assert_eq!(town.said(), Vec::<String>::new());
    let written = town.writes();
    assert!(
        written.contains("type=\"error\"") && written.contains("service-unavailable"),
        "{written}"
    );
    assert!(written.contains("from=\"kim.guest@gate.test/ieum\""), "{written}");
    // What is said in a room comes to each who speaks there: an error would throw them out.
    town.hears(&to_speaker("<body>모두에게</body>").replace("'chat'", "'groupchat'"));
    assert_eq!((town.writes(), town.said()), (String::new(), Vec::new()));
    town.hears(&to_speaker("<composing xmlns='http://jabber.org/protocol/chatstates'/>"));
    assert_eq!(town.writes(), "", "what says nothing is not answered");
    town.hears(
        "<message type='chat' from='alice@test/phone' to='ieum@gate.test' id='p2'>\
                <body>이건 너에게</body></message>",
    );
    assert_eq!(town.said().len(), 1);
}
