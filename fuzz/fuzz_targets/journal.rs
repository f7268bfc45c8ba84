//! Stored journal entries: a damaged one is refused or read, and what is read can be kept again.

#![no_main]

use ieum_core::journal::JournalEvent;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(event) = minicbor::decode::<JournalEvent>(bytes) else { return };
    let kept = minicbor::to_vec(&event).expect("an event that was read can be written");
    let again = minicbor::decode::<JournalEvent>(&kept).expect("what was written can be read");
    assert_eq!(again, event, "an entry changes when it is kept");
});
