//! The sections `[delivery]`, `[health]` and `[limits]`: numbers with good defaults.
//!
//! Invariant: a value outside its limits is a complaint, never clipped in silence.

use super::section::Section;
use ieum_core::directory::Language;
use ieum_core::health::cadence::Cadence;
use ieum_core::health::parameters::{Odds, Parameters};
use ieum_engine::Settings;
use ieum_server::Limits;

/// Most control hosts; two of different operators are enough.
pub const CONTROL_HOSTS_MAX: usize = 4;
/// Whether pictures keep what they say of where they were taken.
const PICTURE_PLACES: [(&str, bool); 2] = [("keep", false), ("erase", true)];
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
    if let Some(media) = top.section("media") {
        let place = &mut settings.media;
        put(&mut place.bytes_max, media.number("bytes_max", 1..=8 << 30));
        let ms = |key, most| media.number(key, 1..=most).map(|s: u64| s * 1_000);
        put(&mut place.wait_ms, ms("wait_s", 3_600));
        put(&mut place.kept_ms, ms("kept_s", 10 * 366 * 24 * 3_600));
        put(&mut place.erases_places, media.choice("picture_places", &PICTURE_PLACES));
        media.finish();
    }
    if let Some(retention) = top.section("retention") {
        // Longer than any delivery lives, so that nothing is taken away on its way.
        let days = retention.number("messages_days", 31..=36_500);
        settings.texts_kept_ms = days.map(|days: u64| days * 24 * 3_600_000);
        retention.finish();
    }
    if let Some(health) = top.section("health") {
        put(&mut settings.probe_ms, health.number("probe_ms", 1_000..=600_000));
        put(&mut settings.probe_down_ms, health.number("probe_down_ms", 500..=60_000));
        detector(&health, &mut settings.health);
        canaries(&health, &mut settings.canary);
        health.finish();
    }
    settings
}

/// How the detector weighs what it sees; the reasons stand at [`Parameters`].
fn detector(health: &Section<'_>, parameters: &mut Parameters) {
    odds(health, ["canary_well_permille", "canary_sick_permille"], &mut parameters.canary);
    odds(health, ["send_well_permille", "send_sick_permille"], &mut parameters.send);
    odds(health, ["pulse_well_permille", "pulse_sick_permille"], &mut parameters.pulse);
    for (key, trip) in [
        ("canaries_trip_milli", &mut parameters.canaries_trip_milli),
        ("sends_trip_milli", &mut parameters.sends_trip_milli),
        ("together_trip_milli", &mut parameters.together_trip_milli),
        ("sends_with_pulses_trip_milli", &mut parameters.sends_with_pulses_trip_milli),
        ("slow_trip_milli", &mut parameters.slow_trip_milli),
        ("pulses_trip_milli", &mut parameters.pulses_trip_milli),
    ] {
        put(trip, health.number(key, 1_000..=100_000));
    }
    for (key, ms, most) in [
        ("settle_ms", &mut parameters.settle_ms, 60_000),
        ("alone_ms", &mut parameters.alone_ms, 600_000),
        ("stale_ms", &mut parameters.stale_ms, 86_400_000),
        ("reports_window_ms", &mut parameters.reports_window_ms, 86_400_000),
        ("witness_wait_ms", &mut parameters.witness_wait_ms, 300_000),
        ("own_tail_ms", &mut parameters.own_tail_ms, 300_000),
        ("calm_ms", &mut parameters.calm_ms, 3_600_000),
        ("clean_ms", &mut parameters.clean_ms, 3_600_000),
        ("dwell_ms", &mut parameters.dwell_ms, 3_600_000),
        ("dwell_ms_max", &mut parameters.dwell_ms_max, 86_400_000),
    ] {
        put(ms, health.number(key, 0..=most));
    }
    put(&mut parameters.reports_trip, health.number("reports_trip", 2..=1_000));
    put(&mut parameters.goods_min, health.number("goods_min", 1..=1_000));
}

/// How often watchers are sent something to see; the reasons stand at [`Cadence`].
fn canaries(health: &Section<'_>, cadence: &mut Cadence) {
    put(&mut cadence.well_ms, health.number("canary_well_ms", 1_000..=86_400_000));
    put(&mut cadence.some_ms, health.number("canary_some_ms", 1_000..=86_400_000));
    put(&mut cadence.fresh_ms, health.number("canary_fresh_ms", 500..=600_000));
    put(&mut cadence.known_ms, health.number("canary_known_ms", 500..=600_000));
    put(&mut cadence.deadline_ms, health.number("canary_deadline_ms", 500..=60_000));
    put(&mut cadence.daily_max, health.number("canary_daily_max", 0..=1_000_000));
    if cadence.fresh_ms > cadence.some_ms || cadence.some_ms > cadence.well_ms {
        let text = "a suspicion must not make canaries rarer: canary_fresh_ms, canary_some_ms and \
                    canary_well_ms must grow in this order";
        health.complain("canary_some_ms", text);
    }
}

/// Reads `[own_line]`: addresses that have nothing to do with any messenger.
pub(super) fn control_hosts(top: &Section<'_>) -> Vec<String> {
    let Some(section) = top.section("own_line") else { return Vec::new() };
    let given = section.texts("control_hosts").unwrap_or_default();
    if given.len() > CONTROL_HOSTS_MAX {
        section.complain("control_hosts", format!("expected at most {CONTROL_HOSTS_MAX} hosts"));
    }
    let is_address = |text: &&str| {
        let url = text.parse::<http::Uri>();
        url.is_ok_and(|url| {
            matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some()
        })
    };
    if given.iter().any(|text| !is_address(text)) {
        let text = "expected addresses such as \"https://one.example/\"";
        section.complain("control_hosts", text);
    }
    section.finish();
    given.into_iter().map(str::to_owned).collect()
}

/// A pair of chances; the second must be the larger one.
fn odds(health: &Section<'_>, [well, sick]: [&'static str; 2], odds: &mut Odds) {
    put(&mut odds.well_permille, health.number(well, 1..=998));
    put(&mut odds.sick_permille, health.number(sick, 2..=999));
    if odds.well_permille >= odds.sick_permille {
        health.complain(sick, format!("must be above {well}, which is {}", odds.well_permille));
    }
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
