//! The sections `[delivery]`, `[health]` and `[limits]`: numbers with good defaults.
//!
//! Invariant: a value outside its limits is a complaint, never clipped in silence.

use super::section::Section;
use ieum_core::directory::Language;
use ieum_engine::Settings;
use ieum_server::Limits;

const LANGUAGES: [(&str, Language); 2] = [("ko", Language::Ko), ("en", Language::En)];

/// Reads `[delivery]`, `[health]` and `[limits]`, and what `[hub]` says about words and times.
pub(super) fn engine(top: &Section<'_>) -> Settings {
    let mut settings = Settings::default();
    if let Some(hub) = top.section("hub") {
        put(&mut settings.language, hub.choice("language", &LANGUAGES));
        put(&mut settings.utc_offset_minutes, hub.number("utc_offset_minutes", -720..=840));
    }
    if let Some(delivery) = top.section("delivery") {
        let lifetime = |key| delivery.number(key, 60..=30 * 24 * 3_600).map(|s: u64| s * 1_000);
        put(&mut settings.chat_lifetime_ms, lifetime("chat_lifetime_s"));
        put(&mut settings.urgent_lifetime_ms, lifetime("urgent_lifetime_s"));
        put(&mut settings.catch_up_gap_ms, delivery.number("catch_up_gap_ms", 0..=60_000));
        put(&mut settings.profile_ms_max, delivery.number("profile_ms_max", 0..=10_000));
        delivery.finish();
    }
    if let Some(health) = top.section("health") {
        put(&mut settings.probe_ms, health.number("probe_ms", 1_000..=600_000));
        put(&mut settings.probe_down_ms, health.number("probe_down_ms", 500..=60_000));
        health.finish();
    }
    settings
}

/// Reads `[limits]`.
pub(super) fn limits(top: &Section<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(section) = top.section("limits") else {
        return limits;
    };
    put(&mut limits.connections_max, section.number("connections_max", 16..=100_000));
    put(&mut limits.event_streams_max, section.number("event_streams_max", 0..=10_000));
    put(&mut limits.head_ms_max, section.number("head_ms_max", 500..=120_000));
    put(&mut limits.body_ms_max, section.number("body_ms_max", 500..=120_000));
    put(&mut limits.write_stall_ms_max, section.number("write_stall_ms_max", 500..=120_000));
    put(&mut limits.drain_ms_max, section.number("drain_ms_max", 0..=120_000));
    section.finish();
    limits
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
