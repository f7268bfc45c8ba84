//! Who is called in rooms, and styled texts, both ways.

use super::rooms::{in_room, message, presence, town};
use super::*;
use ieum_core::ids::UserKey;
use ieum_core::marks::{Mark, MarkKind, Named};

/// A room with alice, whose address it shows, bob, whose it does not, and 민지 of ours.
fn full_town(config: &XmppConfig) -> Town<'_> {
    let mut town = town(config, None, "", "");
    let item = "<item affiliation='none' role='participant' jid='carol@test/phone'/>";
    let open =
        presence("carol", US, &[]).replace("<item affiliation='none' role='participant'/>", item);
    town.hears(&open).hears(&presence("bob", US, &[]));
    let waiting = town.asks(as_speaker(in_room(1, "처음"), "민지 · LINE"));
    let speaker = wire::speaker_address("민지 · LINE", "gate.test");
    town.hears(&presence("민지 · LINE", &speaker, &["110"]));
    drop(waiting);
    town.writes();
    town.events();
    town
}

/// What was said, and its marks with their words.
fn heard(town: &mut Town<'_>, inner: &str) -> (String, Vec<(String, MarkKind<Named>)>, bool) {
    town.hears(&message("alice", "a9", "s9", inner));
    let event = town.events().remove(0);
    let InboundKind::Message(said) = event.kind else { panic!("{event:?}") };
    let marks = said.marks.iter().map(|mark| (mark.of(&said.text).to_owned(), mark.kind.clone()));
    (said.text.clone(), marks.collect(), said.mentions_us)
}

fn reference(begin: usize, end: usize, uri: &str) -> String {
    format!(
        "<reference xmlns='urn:xmpp:reference:0' type='mention' begin='{begin}' end='{end}' \
         uri='{uri}'/>"
    )
}

fn user(key: &str) -> MarkKind<Named> {
    MarkKind::Mention(Named::User(UserKey::new(key)))
}

fn shown(name: &str) -> MarkKind<Named> {
    MarkKind::Mention(Named::Shown(name.into()))
}

#[test]
fn whoever_is_called_is_known() {
    let config = config();
    let minji = "민지 · LINE";
    let encoded = "xmpp:family@rooms.test/%EB%AF%BC%EC%A7%80%20%C2%B7%20LINE";
    let address = wire::speaker_address(minji, "gate.test");
    let bob = "family@rooms.test#occ-bob";
    for (inner, text, marks) in [
        // As most apps do it: the nickname at the beginning.
        ("<body>bob: 왔어?</body>".to_owned(), "bob: 왔어?", vec![("bob", user(bob))]),
        ("<body>carol, hi</body>".to_owned(), "carol, hi", vec![("carol", user("carol@test"))]),
        (format!("<body>{minji}: 왔어?</body>"), "민지 · LINE: 왔어?", vec![(minji, shown(minji))]),
        (
            format!("<body>야 @{minji} 왔어?</body>"),
            "야 @민지 · LINE 왔어?",
            vec![("@민지 · LINE", shown(minji))],
        ),
        // As references.
        (
            format!("<body>왔어 😀 민지?</body>{}", reference(5, 7, encoded)),
            "왔어 😀 민지?",
            vec![("민지", shown(minji))],
        ),
        (
            format!("<body>민지 왔어?</body>{}", reference(0, 2, &format!("xmpp:{address}"))),
            "민지 왔어?",
            vec![("민지", shown(minji))],
        ),
        (
            format!("<body>*야* carol</body>{}", reference(4, 9, "xmpp:carol@test?message")),
            "야 carol",
            vec![("야", MarkKind::Bold), ("carol", user("carol@test"))],
        ),
        // Out of bounds: somebody is meant, nobody knows where.
        (
            format!("<body>hi</body>{}", reference(1, 99, "xmpp:carol@test")),
            "hi",
            vec![("", user("carol@test"))],
        ),
    ] {
        let mut town = full_town(&config);
        let marks: Vec<_> = marks.into_iter().map(|(of, kind)| (of.to_owned(), kind)).collect();
        assert_eq!(heard(&mut town, &inner), (text.to_owned(), marks, false), "{inner}");
    }
}

#[test]
fn nobody_is_called_by_chance() {
    let config = config();
    for text in ["bobby: hi", "bob hi", "hi bob: hi", "daniel: hi", "a@b.test", "@민지 · LINEs"]
    {
        let mut town = full_town(&config);
        let (_, marks, us) = heard(&mut town, &format!("<body>{text}</body>"));
        assert_eq!((marks, us), (Vec::new(), false), "{text}");
    }
}

#[test]
fn we_are_called_by_name_or_reference() {
    let config = config();
    for (inner, text) in [
        ("<body>이음: *굵게*</body>".to_owned(), "굵게"),
        ("<body>@이음 굵게</body>".to_owned(), "굵게"),
        (format!("<body>굵게</body>{}", reference(0, 1, "xmpp:ieum@gate.test")), "굵게"),
        (
            format!(
                "<body>굵게</body>{}",
                reference(0, 1, "xmpp:family@rooms.test/%EC%9D%B4%EC%9D%8C")
            ),
            "굵게",
        ),
    ] {
        let mut town = full_town(&config);
        let (said, _, us) = heard(&mut town, &inner);
        assert_eq!((said.as_str(), us), (text, true), "{inner}");
    }
}

#[test]
fn styling_is_read_unless_it_is_said_to_be_none() {
    let config = config();
    let mut town = full_town(&config);
    let (text, marks, _) = heard(&mut town, "<body>&gt; 인용\n*굵게* 말해</body>");
    assert_eq!(text, "인용\n굵게 말해");
    let kinds: Vec<_> = marks.iter().map(|(of, kind)| (of.as_str(), kind)).collect();
    assert_eq!(kinds, [("인용", &MarkKind::Quote), ("굵게", &MarkKind::Bold)]);
    let mut town = full_town(&config);
    let plain = "<body>*굵게*</body><unstyled xmlns='urn:xmpp:styling:0'/>";
    assert_eq!(heard(&mut town, plain), ("*굵게*".to_owned(), Vec::new(), false));
}

fn marked(key: u8, text: &str, marks: Vec<Mark<UserKey>>) -> Outgoing {
    let part = Part { text: text.to_owned(), marks, ..Part::default() };
    act(ROOM, ChatKind::Group, key, Act::Say(vec![part]))
}

#[test]
fn marks_and_calls_are_written_as_apps_of_the_room_know_them() {
    let config = config();
    let mut town = full_town(&config);
    let call = |range, key| Mark::new(range, MarkKind::Mention(UserKey::new(key)));
    let text = "굵게 @캐럴 @보비 @모름";
    let marks = vec![
        Mark::new(0..6, MarkKind::Bold),
        call(7..14, "carol@test"),
        call(15..22, "family@rooms.test#occ-bob"),
        call(23..30, "family@rooms.test#occ-gone"),
    ];
    let _waiting = town.asks(marked(2, text, marks));
    check(
        &town.writes().replace("urn:xmpp:reference:0", "REF"),
        &expect![[r#"
            <message from="ieum@gate.test/ieum" to="ROOM" type="groupchat" id="ID2">
            <origin-id xmlns="urn:xmpp:sid:0" id="ID2"/>
            <body>*굵게* @carol @bob @모름</body>
            <reference xmlns="REF" type="mention" uri="xmpp:carol@test" begin="5" end="11"/>
            <reference xmlns="REF" type="mention" uri="xmpp:ROOM/bob" begin="12" end="16"/>
            </message>"#]],
    );
}

#[test]
fn plain_words_that_look_styled_say_that_they_are_not() {
    let config = config();
    let mut town = full_town(&config);
    let _waiting = town.asks(marked(2, "*그대로*", Vec::new()));
    let written = town.writes();
    assert!(written.contains("<body>*그대로*</body>\n<unstyled xmlns=\"urn:xmpp:styling:0\"/>"));
    let _waiting = town.asks(marked(3, "그냥 글", Vec::new()));
    assert!(!town.writes().contains("unstyled"));
}
