//! LINE's webhook calls: any bytes are read or refused, and nothing read has an empty key.

#![no_main]

use ieum_connectors::line::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(arrival) = decode(bytes) else { return };
    for inbound in arrival.events {
        assert!(!inbound.event.as_str().is_empty(), "an event without a key is read twice");
        assert!(!inbound.chat.key.as_str().is_empty(), "nobody can answer there");
    }
});
