//! Telegram's updates: any bytes are one event, one that is passed over, or refused.

#![no_main]

use ieum_connectors::telegram::{Us, decode};
use ieum_core::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let us = Us { id: 4242, name: Some("ieum_bot"), handles: None };
    let Ok(arrival) = decode(bytes, us, Timestamp(1_785_214_800_000)) else { return };
    assert_eq!(arrival.events.len() + arrival.ignored as usize, 1, "an update was lost");
});
