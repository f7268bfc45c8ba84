//! A mailbox's letters: any bytes are one event or none, and nothing read has an empty key.

#![no_main]

use ieum_connectors::doors::Secret;
use ieum_connectors::mail::{MailConfig, RATE_UNPUBLISHED, decode};
use ieum_core::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let config = MailConfig {
        address: "ieum@hub.test".to_owned(),
        name: "ieum".to_owned(),
        subject: "ieum".to_owned(),
        smtp: "127.0.0.1:25".to_owned(),
        imap: "127.0.0.1:143".to_owned(),
        secured: false,
        login: None,
        mailbox: "INBOX".to_owned(),
        proof_secret: Secret::new("a secret of sixteen bytes"),
        timeout_ms: 1_000,
        rate: RATE_UNPUBLISHED,
    };
    let arrival = decode(&config, bytes, Timestamp(1_785_214_800_000));
    assert_eq!(arrival.events.len() + arrival.ignored as usize, 1, "a letter was lost");
    for inbound in arrival.events {
        assert!(!inbound.event.as_str().is_empty(), "an event without a key is read twice");
        assert!(!inbound.chat.key.as_str().is_empty(), "nobody can answer there");
    }
});
