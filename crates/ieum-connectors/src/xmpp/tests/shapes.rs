//! Addresses, ids, and configurations.

use super::*;
use proptest::prelude::*;

#[test]
fn addresses_are_taken_apart() {
    for (address, bare, domain, resource) in [
        ("a@b.c/d/e@f", "a@b.c", "b.c", Some("d/e@f")),
        ("a@b.c", "a@b.c", "b.c", None),
        ("b.c", "b.c", "b.c", None),
        ("b.c/d", "b.c", "b.c", Some("d")),
    ] {
        let seen = (wire::bare(address), wire::domain(address), wire::resource(address));
        assert_eq!(seen, (bare, domain, resource), "{address}");
    }
}

#[test]
fn only_addresses_of_somebody_are_written_to() {
    for (text, fits) in [
        ("alice@test", true),
        ("민지@한국.kr", true),
        ("alice", false),
        ("@test", false),
        ("alice@", false),
        ("a b@test", false),
        ("a@b@c", false),
        ("a@b/c", false),
        ("a'@b", false),
    ] {
        assert_eq!(wire::is_bare_address(text), fits, "{text}");
    }
}

/// XEP-0114, example 3.
#[test]
fn the_handshake_is_the_one_of_the_standard() {
    let seen = wire::handshake("3BF96D32", &Secret::new("test"));
    assert_eq!(seen, "aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e");
}

#[test]
fn speakers_have_addresses_that_every_server_takes() {
    let address = |name| wire::speaker_address(name, "gate.test");
    assert_eq!(address("Kim.Su-1"), "kim.su-1.guest@gate.test/ieum");
    for name in ["민지 · LINE", "a@b", "", "한", "ieum@gate.test"] {
        let seen = address(name);
        let (local, rest) = seen.split_once(".guest@").unwrap();
        assert_eq!((local.len(), rest), (16, "gate.test/ieum"), "{name}");
        assert!(local.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    }
    assert_ne!(address("민지"), address("민지 "));
}

#[test]
fn every_wrong_setting_is_told_at_once() {
    let wrong = XmppConfig {
        address: "nowhere".to_owned(),
        domain: "a b".to_owned(),
        server: "a@b".to_owned(),
        secret: Secret::new(""),
        name: String::new(),
        nick: " ".to_owned(),
        rooms: vec!["not a room".to_owned()],
        timeout_ms: 0,
        ..config()
    };
    let script = Script::default();
    let complaints = Xmpp::new(wrong, script.doors()).unwrap_err();
    let keys: Vec<&str> = complaints.iter().filter_map(|one| one.split(':').next()).collect();
    let expected = [
        "address",
        "domain",
        "server",
        "component_secret",
        "address_name",
        "nick",
        "rooms",
        "timeout_ms",
    ];
    assert_eq!(keys, expected);
    assert!(Xmpp::new(config(), script.doors()).is_ok());
}

proptest! {
    #[test]
    fn ids_prove_themselves_and_nothing_else_does(key in any::<[u8; 16]>(), other in "\\PC{0,80}") {
        let secret = Secret::new("between us");
        let id = wire::message_id(&secret, &key);
        prop_assert!(wire::is_ours(&secret, &id));
        prop_assert!(!wire::is_ours(&Secret::new("others'"), &id));
        prop_assert!(!wire::is_ours(&secret, &other));
        let mut bent = id.clone();
        bent.replace_range(5..6, if id.as_bytes()[5] == b'0' { "1" } else { "0" });
        prop_assert!(!wire::is_ours(&secret, &bent));
    }

    #[test]
    fn no_bytes_of_a_server_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let head = b"<s:stream xmlns:s='http://etherx.jabber.org/streams' \
                     xmlns='jabber:component:accept'>";
        let arrival = decode(&config(), &[head, &*bytes].concat(), NOW);
        prop_assert!(arrival.events.len() <= bytes.len());
    }
}
