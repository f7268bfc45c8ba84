//! Transactions -> arrivals and errands.

use super::*;
use crate::matrix::read::{self, Reading};
use ieum_core::ids::AuthorKey;
use ieum_core::inbound::{
    EVENTS_PER_ARRIVAL_MAX, FileKind, FileNote, Inbound, InboundKind, InboundMessage, ReceiptLevel,
    Sender, Unreadable,
};
use ieum_core::marks::{Mark, MarkKind, Named};
use proptest::prelude::*;

fn us() -> Us {
    matrix(&Script::default()).us.clone()
}

fn reading(transaction: &Value) -> Reading {
    read::read(transaction.to_string().as_bytes(), &us(), NOW).unwrap()
}

fn event(kind: &str, content: &Value) -> Value {
    json!({"type": kind, "event_id": "$e", "room_id": ROOM, "sender": ALICE,
           "origin_server_ts": 1_700_000_000_000_i64, "content": content, "unsigned": {"age": 5}})
}

fn state(kind: &str, key: &str, content: &Value) -> Value {
    let mut event = event(kind, content);
    event["state_key"] = key.into();
    event
}

fn from(sender: &str, mut event: Value) -> Value {
    event["sender"] = sender.into();
    event
}

fn one(event: &Value) -> Option<Inbound> {
    let reading = reading(&json!({"events": [event]}));
    assert_eq!(reading.arrival.events.len() + reading.arrival.ignored as usize, 1);
    reading.arrival.events.into_iter().next()
}

fn kind(event: &Value) -> Option<InboundKind> {
    one(event).map(|inbound| inbound.kind)
}

fn message(content: &Value) -> InboundMessage {
    match kind(&event("m.room.message", content)) {
        Some(InboundKind::Message(message)) => message,
        other => panic!("{other:?} of {content}"),
    }
}

fn native(id: &str) -> NativeMessageId {
    NativeMessageId::new(id)
}

#[test]
fn a_text_keeps_who_where_and_when() {
    let inbound = one(&event("m.room.message", &json!({"msgtype": "m.text", "body": "안녕"})));
    let inbound = inbound.unwrap();
    assert_eq!(inbound.event.as_str(), "$e");
    assert_eq!(inbound.at.0, 1_700_000_000_000);
    assert_eq!(inbound.chat, ChatRef { key: ChatKey::new(ROOM), kind: ChatKind::Group });
    assert_eq!(inbound.sender, Some(Sender { key: UserKey::new(ALICE), name: None }));
    let expected = InboundMessage {
        native: native("$e"),
        text: "안녕".to_owned(),
        ..InboundMessage::default()
    };
    assert_eq!(inbound.kind, InboundKind::Message(expected));
}

#[test]
fn no_event_is_from_the_future_or_from_before_all_time() {
    for (told, taken) in [(i64::MAX, NOW.0), (-1, 0), (NOW.0 + 1, NOW.0), (5, 5)] {
        let mut event = event("m.room.message", &json!({"msgtype": "m.text", "body": "x"}));
        event["origin_server_ts"] = told.into();
        assert_eq!(one(&event).unwrap().at.0, taken);
    }
}

#[test]
fn texts_are_read_without_quotes_for_old_apps_and_without_our_name() {
    let us = json!({"user_ids": ["@ieum:hub.test"]});
    let reply = json!({"m.in_reply_to": {"event_id": "$q"}});
    let threaded = json!({"rel_type": "m.thread", "event_id": "$t", "is_falling_back": true,
                          "m.in_reply_to": {"event_id": "$q"}});
    let quote = "> <@bob:x> one\n> two\n\nanswer";
    for (body, mentions, relates, text, answers) in [
        ("hi", &json!({}), &Value::Null, "hi", None),
        (quote, &json!({}), &reply, "answer", Some("$q")),
        (quote, &json!({}), &Value::Null, quote, None),
        ("> only a quote", &json!({}), &reply, "> only a quote", Some("$q")),
        (">_< hm", &json!({}), &reply, ">_< hm", Some("$q")),
        ("in a thread", &json!({}), &threaded, "in a thread", None),
        ("이음: hi", &us, &Value::Null, "hi", None),
        ("@ieum, hi", &us, &Value::Null, "hi", None),
        ("@ieum:hub.test hi", &us, &Value::Null, "hi", None),
        ("@이음 hi", &us, &Value::Null, "hi", None),
        ("이음매 hi", &us, &Value::Null, "이음매 hi", None),
        ("hi 이음", &us, &Value::Null, "hi 이음", None),
        ("이음: hi", &json!({}), &Value::Null, "이음: hi", None),
    ] {
        let mut content = json!({"msgtype": "m.text", "body": body, "m.mentions": mentions});
        if !relates.is_null() {
            content["m.relates_to"] = relates.clone();
        }
        let answers = answers.map(native);
        if text == "> only a quote" {
            // Nothing but a quote is left: there is no message in it.
            assert_eq!(kind(&event("m.room.message", &content)), None);
            continue;
        }
        let got = message(&content);
        assert_eq!((got.text.as_str(), got.reply_to), (text, answers), "{body}");
        assert_eq!(got.mentions_us, *mentions == us, "{body}");
    }
}

#[test]
fn what_is_no_text_is_noted_or_put_in_words() {
    let note = |kind, name: Option<&str>, bytes| {
        Some(FileNote { name: name.map(Into::into), bytes, ..FileNote::of(kind) })
    };
    let picture = FileKind::Picture;
    for (content, text, file) in [
        (json!({"msgtype": "m.emote", "body": "waves"}), "* waves", None),
        (json!({"msgtype": "m.notice", "body": "n"}), "n", None),
        (json!({"msgtype": "x.new", "body": "words"}), "words", None),
        (
            json!({"msgtype": "m.image", "body": "a.png", "info": {"size": 9}}),
            "",
            note(picture, Some("a.png"), Some(9)),
        ),
        (
            json!({"msgtype": "m.image", "body": "look", "filename": "a.png"}),
            "look",
            note(picture, Some("a.png"), None),
        ),
        (
            json!({"msgtype": "m.image", "body": "a.png", "filename": "a.png"}),
            "",
            note(picture, Some("a.png"), None),
        ),
        (json!({"msgtype": "m.video", "body": ""}), "", note(FileKind::Video, None, None)),
        (json!({"msgtype": "m.audio"}), "", note(FileKind::Audio, None, None)),
        (json!({"msgtype": "m.file", "body": "x"}), "", note(FileKind::File, Some("x"), None)),
        (
            json!({"msgtype": "m.location", "body": "Pole", "geo_uri": "geo:90.0,-0.5;u=3"}),
            "Pole\n90, -0.5",
            Some(FileNote { place: Some("geo:90,-0.5".into()), ..FileNote::of(FileKind::Place) }),
        ),
        (
            json!({"msgtype": "m.location", "body": "Pole", "geo_uri": "geo:north"}),
            "Pole",
            note(FileKind::Place, None, None),
        ),
    ] {
        let got = message(&content);
        assert_eq!((got.text.as_str(), got.file), (text, file), "{content}");
    }
    for (kind_of, content, text, file) in [
        ("m.sticker", json!({"body": "🐈"}), "", note(FileKind::Sticker, Some("🐈"), None)),
        (
            "org.matrix.msc3381.poll.start",
            json!({"org.matrix.msc1767.text": "Tea?\n1. yes"}),
            "Tea?\n1. yes",
            note(FileKind::Other, None, None),
        ),
    ] {
        let Some(InboundKind::Message(got)) = kind(&event(kind_of, &content)) else {
            panic!("{content}");
        };
        assert_eq!((got.text.as_str(), got.file), (text, file), "{content}");
    }
}

#[test]
fn edits_reactions_and_redactions_name_what_they_are_about() {
    let replaces = json!({"rel_type": "m.replace", "event_id": "$m"});
    let edit = json!({"msgtype": "m.text", "body": "* new", "m.relates_to": replaces,
                      "m.new_content": {"msgtype": "m.text", "body": "new"}});
    let expected =
        InboundKind::Edit { native: native("$m"), text: "new".to_owned(), marks: vec![] };
    assert_eq!(kind(&event("m.room.message", &edit)), Some(expected));
    let without = json!({"msgtype": "m.text", "body": "* new", "m.relates_to": replaces});
    assert_eq!(kind(&event("m.room.message", &without)), None);

    let relates = json!({"rel_type": "m.annotation", "event_id": "$m", "key": "👍"});
    let expected = InboundKind::Reaction {
        native: native("$m"),
        emoji: Some("👍".into()),
        own: Some(native("$e")),
    };
    let reaction = event("m.reaction", &json!({"m.relates_to": relates}));
    assert_eq!(kind(&reaction), Some(expected));
    for key in [json!(""), json!("x".repeat(101)), json!(5)] {
        let relates = json!({"rel_type": "m.annotation", "event_id": "$m", "key": key});
        assert_eq!(kind(&event("m.reaction", &json!({"m.relates_to": relates}))), None);
    }

    let withdrawal = Some(InboundKind::Withdrawal { native: native("$m") });
    assert_eq!(kind(&event("m.room.redaction", &json!({"redacts": "$m"}))), withdrawal);
    let mut old = event("m.room.redaction", &json!({"reason": "oops"}));
    old["redacts"] = "$m".into();
    assert_eq!(kind(&old), withdrawal);
    assert_eq!(kind(&event("m.room.redaction", &json!({}))), None);
    // What was taken back before we could read it comes empty.
    assert_eq!(kind(&event("m.room.message", &json!({}))), None);
}

#[test]
fn encrypted_rooms_are_said_to_be_unreadable() {
    let unreadable = Some(InboundKind::Unreadable(Unreadable::Encrypted));
    let content = json!({"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"});
    assert_eq!(kind(&event("m.room.encrypted", &content)), unreadable);
    assert_eq!(kind(&state("m.room.encryption", "", &content)), unreadable);
}

#[test]
fn comings_and_goings_are_people_or_us_or_an_errand() {
    let member = |who: &str, membership: &str| {
        state("m.room.member", who, &json!({"membership": membership, "displayname": "밥"}))
    };
    let bob = "@bob:x";
    let named =
        |name: Option<&str>| vec![Sender { key: UserKey::new(bob), name: name.map(Into::into) }];
    let joined = InboundKind::PeopleJoined(named(Some("밥")));
    let left = InboundKind::PeopleLeft(named(None));
    let bot = "@ieum:hub.test";
    let join = vec![Errand::Join(ROOM.into())];
    let vacate = vec![Errand::Vacate(ROOM.into())];
    let decline = vec![Errand::Decline { room: ROOM.into(), ghost: GHOST.into() }];
    for (event, kind, errands) in [
        (from(bob, member(bob, "join")), Some(joined), vec![]),
        (from(bob, member(bob, "leave")), Some(left.clone()), vec![]),
        (member(bob, "ban"), Some(left), vec![]),
        (member(bob, "invite"), None, vec![]),
        (member(bob, "knock"), None, vec![]),
        (member(bot, "invite"), Some(InboundKind::WeJoined), join),
        (from(bot, member(bot, "join")), None, vec![]),
        (member(bot, "leave"), Some(InboundKind::WeLeft), vacate.clone()),
        (member(bot, "ban"), Some(InboundKind::WeLeft), vacate),
        (from(bot, member(GHOST, "invite")), None, vec![]),
        (from(GHOST, member(GHOST, "join")), None, vec![]),
        (member(GHOST, "invite"), None, decline),
        (member(GHOST, "leave"), None, vec![]),
    ] {
        let reading = reading(&json!({"events": [event]}));
        let got = reading.arrival.events.into_iter().next().map(|inbound| inbound.kind);
        assert_eq!((got, reading.errands), (kind, errands), "{event}");
    }
}

#[test]
fn a_direct_chat_is_told_by_its_invitation() {
    let content = json!({"membership": "invite", "is_direct": true});
    let inbound = one(&state("m.room.member", "@ieum:hub.test", &content)).unwrap();
    assert_eq!((inbound.chat.kind, inbound.kind), (ChatKind::Direct, InboundKind::WeJoined));
    assert_eq!(inbound.sender.unwrap().key.as_str(), ALICE);
}

#[test]
fn names_and_upgrades_of_rooms_are_followed() {
    let inbound = one(&state("m.room.name", "", &json!({"name": "가족"}))).unwrap();
    assert_eq!(inbound.title.as_deref(), Some("가족"));
    assert_eq!(inbound.kind, InboundKind::PeopleJoined(Vec::new()));
    let tombstone = state("m.room.tombstone", "", &json!({"replacement_room": "!new:x"}));
    let reading = reading(&json!({"events": [tombstone]}));
    assert_eq!(reading.arrival.events, [], "a tombstone alone is not believed");
    let upgrade = Upgrade { old: ROOM.into(), new: "!new:x".into() };
    assert_eq!(reading.errands, [Errand::Follow(upgrade)]);
}

#[test]
fn our_own_words_do_not_come_back() {
    let words = event("m.room.message", &json!({"msgtype": "m.text", "body": "x"}));
    for (who, heard) in [
        (ALICE, true),
        ("@ieum:hub.test", false),
        (GHOST, false),
        ("@ieum_line_17:elsewhere.test", true),
        ("@ieum:elsewhere.test", true),
        ("@ieumo:hub.test", true),
    ] {
        assert_eq!(one(&from(who, words.clone())).is_some(), heard, "{who}");
    }
}

#[test]
fn what_others_have_read_comes_under_both_names() {
    let receipts = json!({"$m": {"m.read": {(ALICE): {"ts": 5, "thread_id": "main"},
                                            (GHOST): {"ts": 6}},
                                 "m.read.private": {"@bob:x": {"ts": 7}}}});
    let edu = json!({"type": "m.receipt", "room_id": ROOM, "content": receipts});
    let typing = json!({"type": "m.typing", "room_id": ROOM, "content": {"user_ids": [ALICE]}});
    for name in ["ephemeral", "de.sorunome.msc2409.ephemeral"] {
        let arrival = reading(&json!({"events": [], name: [edu, typing]})).arrival;
        let [inbound] = &arrival.events[..] else { panic!("{arrival:?}") };
        let level = ReceiptLevel::Read;
        assert_eq!(inbound.kind, InboundKind::Receipt { native: Some(native("$m")), level });
        assert_eq!((inbound.at.0, inbound.event.as_str()), (5, "read $m @alice:hub.test"));
    }
}

#[test]
fn an_event_that_cannot_be_read_spoils_no_other() {
    let good = event("m.room.message", &json!({"msgtype": "m.text", "body": "good"}));
    let mut odd = vec![json!(5), json!({}), event("m.room.message", &json!({"body": 5}))];
    for (field, value) in [
        ("event_id", json!("")),
        ("event_id", json!("x".repeat(256))),
        ("room_id", json!("a\nb")),
        ("sender", json!(null)),
        ("origin_server_ts", json!("yesterday")),
        ("content", json!([])),
    ] {
        let mut event = good.clone();
        event[field] = value;
        odd.push(event);
    }
    let count = odd.len();
    let events = odd.into_iter().chain([good]).collect::<Vec<_>>();
    let arrival = reading(&json!({"events": events})).arrival;
    assert_eq!((arrival.events.len(), arrival.ignored as usize), (1, count));
}

#[test]
fn an_arrival_has_a_largest_size() {
    let good = event("m.room.message", &json!({"msgtype": "m.text", "body": "good"}));
    let events = vec![good; EVENTS_PER_ARRIVAL_MAX + 3];
    let arrival = reading(&json!({"events": events})).arrival;
    assert_eq!((arrival.events.len(), arrival.ignored), (EVENTS_PER_ARRIVAL_MAX, 3));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(decode(&bytes, &us(), NOW));
    }

    #[test]
    fn no_body_panics_and_none_grows(body in ".*", mentioned: bool, answers: bool) {
        let user_ids = if mentioned { vec!["@ieum:hub.test"] } else { vec![] };
        let mut content = json!({"msgtype": "m.text", "body": body,
                                 "m.mentions": {"user_ids": user_ids}});
        if answers {
            content["m.relates_to"] = json!({"m.in_reply_to": {"event_id": "$q"}});
        }
        if let Some(InboundKind::Message(message)) = kind(&event("m.room.message", &content)) {
            prop_assert!(body.ends_with(&message.text));
        }
    }
}

#[test]
fn pills_bold_and_lists_are_read_and_our_own_name_is_not() {
    let pill =
        |user: &str, name: &str| format!("<a href=\"https://matrix.to/#/{user}\">{name}</a>");
    let user = |id: &str| MarkKind::Mention(Named::User(UserKey::new(id)));
    let ghost = MarkKind::Mention(Named::Author(AuthorKey::new("line_07")));
    let cases = [
        (
            pill("@kim:hub.test", "Kim") + ": 안녕",
            "Kim: 안녕",
            vec![("Kim", user("@kim:hub.test"))],
        ),
        (pill("%40kim%3Ahub.test", "Kim"), "Kim", vec![("Kim", user("@kim:hub.test"))]),
        (pill("@ieum_line_07:hub.test", "민지"), "민지", vec![("민지", ghost)]),
        (
            "<b>a</b> &lt;<i>b</i>&gt;<br>c".to_owned(),
            "a <b>\nc",
            vec![("a", MarkKind::Bold), ("b", MarkKind::Italic)],
        ),
        ("<mx-reply>old</mx-reply>new".to_owned(), "new", vec![]),
        ("<p>a</p><p>b</p><ul><li>c</li><li>d</li></ul>".to_owned(), "a\n\nb\n\n• c\n• d", vec![]),
        (
            "<script>x</script><pre><code>a\n  b</code></pre>".to_owned(),
            "a\n  b",
            vec![("a\n  b", MarkKind::Pre)],
        ),
        ("<blockquote>q</blockquote>w".to_owned(), "q\nw", vec![("q", MarkKind::Quote)]),
    ];
    for (html, text, expected) in cases {
        let got = message(&json!({"msgtype": "m.text", "body": "body",
            "format": "org.matrix.custom.html", "formatted_body": html}));
        assert_eq!(got.text, text, "{html}");
        let marks: Vec<_> =
            got.marks.iter().map(|mark| (mark.of(text), mark.kind.clone())).collect();
        assert_eq!(marks, expected, "{html}");
    }
    let got = message(&json!({"msgtype": "m.text", "body": "Kim: hi",
        "m.mentions": {"user_ids": ["@kim:hub.test", "@ieum:hub.test"]}}));
    assert_eq!(got.marks, [Mark::new(0..0, user("@kim:hub.test"))]);
}

proptest::proptest! {
    #[test]
    fn no_html_panics_and_marks_lie_on_the_text(html in "(<[/a-z =\"]{0,8}>|[ a가&#;<>\n]){0,30}") {
        let (text, marks) = crate::markup::html_read::read(&html);
        let marks = ieum_core::marks::tidy(&text, marks);
        proptest::prop_assert!(marks.iter().all(|mark| !mark.of(&text).is_empty()));
    }
}
