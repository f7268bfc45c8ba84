//! Files of XMPP: behind addresses, both ways.

use super::*;
use crate::scripted::{file, run};
use ieum_core::inbound::{FileKind, FileNote};
use ieum_core::outgoing::PartPlace;
use ieum_core::place::Point;
use ieum_core::ports::http::Reach;

fn noted(body: &str, url: &str) -> (String, Option<FileNote>) {
    let config = config();
    let mut town = Town::new(&config, None);
    town.hears(&format!(
        "<message from='alice@test/phone' to='{US}' id='m1'><body>{body}</body>\
         <x xmlns='jabber:x:oob'><url>{url}</url></x></message>"
    ));
    let event = town.events().remove(0);
    let InboundKind::Message(message) = event.kind else { panic!("{event:?}") };
    (message.text, message.file)
}

#[test]
fn a_file_is_where_its_address_leads() {
    let url = "https://files.test/abc/%EC%82%AC%EC%A7%84.jpg";
    let (text, file) = noted(url, url);
    let file = file.unwrap();
    assert_eq!((text.as_str(), file.kind), ("", FileKind::Picture));
    assert_eq!((file.name.as_deref(), file.place.as_deref()), (Some("사진.jpg"), Some(url)));
    let (text, _) = noted("여기 봐", url);
    assert_eq!(text, "여기 봐", "words of their own stay");
}

#[test]
fn it_is_fetched_over_the_public_internet_only() {
    let script = Script::default();
    script.answer(200, "bytes");
    let xmpp = Xmpp::new(config(), script.doors()).unwrap();
    run(xmpp.fetch("https://files.test/a.jpg")).unwrap();
    assert_eq!(script.reaches(), [Reach::PublicOnly]);
    for bad in ["aesgcm://files.test/a#key", "file:///etc/passwd", "a.jpg"] {
        assert!(run(xmpp.fetch(bad)).is_err(), "{bad}");
    }
    assert_eq!(script.calls().len(), 1);
}

#[test]
fn a_file_goes_as_an_address_that_apps_show() {
    let config = config();
    let mut town = Town::new(&config, None);
    let part = Part { file: Some(file("a.png", b"x")), ..Part::default() };
    let _waiting = town.asks(Outgoing {
        chat: ChatRef { key: ChatKey::new("alice@test"), kind: ChatKind::Direct },
        key: [7; 16],
        answer_token: None,
        author: None,
        act: Act::Say(vec![part]),
    });
    let written = stanzas(&town.desk.take_output());
    let message = written.iter().find(|stanza| stanza.name() == "message").unwrap();
    let link = "https://hub.example/m/abc";
    assert_eq!(read::child_of(message, "body").unwrap().texts(), link);
    let out_of_band = message.find("x", wire::OUT_OF_BAND).unwrap();
    assert_eq!(out_of_band.find("url", wire::OUT_OF_BAND).unwrap().texts(), link);
}

#[test]
fn places_are_addresses_or_told_as_such() {
    let told = "<geoloc xmlns='http://jabber.org/protocol/geoloc'><lat>90</lat><lon>-180</lon>\
                </geoloc>";
    for (inner, text, place) in [
        ("<body>geo:37.55,126.97;u=5</body>".to_owned(), "37.55, 126.97", "geo:37.55,126.97"),
        (format!("<body>여기야</body>{told}"), "여기야", "geo:90,-180"),
        (format!("<body>geo:90,-180</body>{told}"), "90, -180", "geo:90,-180"),
    ] {
        let config = config();
        let mut town = Town::new(&config, None);
        town.hears(&format!(
            "<message from='alice@test/phone' to='{US}' id='m1'>{inner}</message>"
        ));
        let event = town.events().remove(0);
        let InboundKind::Message(message) = event.kind else { panic!("{event:?}") };
        let file = message.file.unwrap();
        assert_eq!((file.kind, file.place.as_deref()), (FileKind::Place, Some(place)), "{inner}");
        assert_eq!(message.text, text, "{inner}");
    }
    for text in ["geo:91,0", "geo:1,2 봐", "geography"] {
        let config = config();
        let mut town = Town::new(&config, None);
        town.hears(&format!(
            "<message from='alice@test/phone' to='{US}' id='m1'><body>{text}</body></message>"
        ));
        let event = town.events().remove(0);
        let InboundKind::Message(message) = event.kind else { panic!("{event:?}") };
        assert_eq!((message.text.as_str(), message.file), (text, None));
    }
}

#[test]
fn a_place_is_written_as_apps_show_it() {
    let config = config();
    let mut town = Town::new(&config, None);
    let point = Point::from_degrees(37.55, 126.97).unwrap();
    let place = Some(PartPlace { point, name: "서울역".to_owned() });
    let said = vec![Part { place, ..Part::default() }];
    let _waiting = town.asks(act("alice@test", ChatKind::Direct, 1, Act::Say(said)));
    let written = town.writes();
    for expected in ["<body>geo:37.55,126.97</body>", "<lat>37.55</lat>", "<lon>126.97</lon>"] {
        assert!(written.contains(expected), "{written}");
    }
}
