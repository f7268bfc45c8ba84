//! Matrix's transactions: any bytes are read or refused, nothing of ours comes back, and no event
//! is without a key.

#![no_main]

use ieum_connectors::matrix::{Us, decode};
use ieum_core::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let us = Us {
        bot: "@ieum:hub.test".into(),
        bot_name: "이음".into(),
        ghosts: "@ieum_".into(),
        server: ":hub.test".into(),
    };
    let now = Timestamp(1_785_214_800_000);
    let Ok(arrival) = decode(bytes, &us, now) else { return };
    for inbound in arrival.events {
        assert!(!inbound.event.as_str().is_empty(), "an event without a key is read twice");
        assert!(!inbound.chat.key.as_str().is_empty(), "nobody can answer there");
        assert!((Timestamp(0)..=now).contains(&inbound.at), "an event from the future");
    }
});
