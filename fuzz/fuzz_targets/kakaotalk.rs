//! KakaoTalk's events: any bytes are read or refused, and twice alike.

#![no_main]

use ieum_connectors::kakaotalk::{Reading, decode};
use ieum_core::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let reading = Reading { bot_name: Some("이음"), received_at: Timestamp(1_785_214_800_000) };
    let arrival = decode(bytes, reading);
    assert_eq!(arrival, decode(bytes, reading), "the same bytes must give the same keys");
});
