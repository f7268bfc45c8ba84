//! Content: what decodes has one encoding only, the bytes that it came from.

#![no_main]

use ieum_core::content::Content;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(content) = Content::decode(bytes) else { return };
    assert_eq!(content.encode(), bytes, "two encodings would give one message two ids");
    assert_eq!(content.encoded_length(), bytes.len(), "the length is told wrongly");
});
