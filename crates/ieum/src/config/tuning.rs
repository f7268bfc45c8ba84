//! The sections `[delivery]` and `[health]`: numbers with good defaults.
//!
//! Invariant: a value outside its limits is a complaint, never clipped in silence.

use super::section::Section;
use ieum_core::directory::Language;
use ieum_engine::Settings;

const LANGUAGES: [(&str, Language); 2] = [("ko", Language::Ko), ("en", Language::En)];

/// Reads `[delivery]` and `[health]`, and what `[hub]` says about words and times.
pub(super) fn engine(top: &Section<'_>) -> Settings {
    let mut settings = Settings::default();
    if let Some(hub) = top.section("hub") {
        put(&mut settings.language, hub.choice("language", &LANGUAGES));
        put(
            &mut settings.utc_offset_minutes,
            hub.number("utc_offset_minutes", -720..=840),
        );
    }
    if let Some(delivery) = top.section("delivery") {
        let lifetime = |key| {
            delivery
                .number(key, 60..=30 * 24 * 3_600)
                .map(|s: u64| s * 1_000)
        };
        put(&mut settings.chat_lifetime_ms, lifetime("chat_lifetime_s"));
        put(
            &mut settings.urgent_lifetime_ms,
            lifetime("urgent_lifetime_s"),
        );
        put(
            &mut settings.catch_up_gap_ms,
            delivery.number("catch_up_gap_ms", 0..=60_000),
        );
        put(
            &mut settings.profile_ms_max,
            delivery.number("profile_ms_max", 0..=10_000),
        );
        delivery.finish();
    }
    if let Some(health) = top.section("health") {
        put(
            &mut settings.probe_ms,
            health.number("probe_ms", 1_000..=600_000),
        );
        put(
            &mut settings.probe_down_ms,
            health.number("probe_down_ms", 500..=60_000),
        );
        health.finish();
    }
    settings
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
