//! An XMPP server's stream: any bytes are read or end it, and nothing read has an empty key.

#![no_main]

use ieum_connectors::doors::Secret;
use ieum_connectors::xmpp::{RATE_UNPUBLISHED, XmppConfig, decode};
use ieum_core::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let config = XmppConfig {
        address: "127.0.0.1:5347".to_owned(),
        domain: "gate.test".to_owned(),
        server: "test".to_owned(),
        secret: Secret::new("between us"),
        name: "ieum".to_owned(),
        nick: "ieum".to_owned(),
        rooms: vec!["r@rooms.test".to_owned()],
        timeout_ms: 1_000,
        rate: RATE_UNPUBLISHED,
    };
    for inbound in decode(&config, bytes, Timestamp(1_785_214_800_000)).events {
        assert!(!inbound.event.as_str().is_empty(), "an event without a key is read twice");
        assert!(!inbound.chat.key.as_str().is_empty(), "nobody can answer there");
    }
});
