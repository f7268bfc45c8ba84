//! `ieum incidents`: what was wrong, how the hub knew, and what it did, for whoever was not there.
//!
//! Invariant: everything it prints was asked from the hub; nothing is judged here.

use super::client::{Caller, HubAddress, list_at, text_at};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Which incidents.
#[derive(Debug, Clone, clap::Args)]
pub struct IncidentsArguments {
    #[command(flatten)]
    hub: HubAddress,
    /// Print JSON as the hub gives it.
    #[arg(long)]
    json: bool,
    /// The number of one incident, to read all of it; the newest in short unless told.
    incident: Option<u64>,
}

/// Runs `ieum incidents`.
///
/// # Errors
/// When the hub does not answer, or knows no such incident.
pub fn main(arguments: &IncidentsArguments) -> anyhow::Result<bool> {
    let runtime = crate::runtime::build()?;
    let caller = Caller::new(&arguments.hub)?;
    let path = match arguments.incident {
        Some(id) => format!("/v1/incidents/{id}"),
        None => "/v1/incidents".to_owned(),
    };
    let told = runtime.block_on(caller.get(&path))?;
    let text = match arguments.incident {
        _ if arguments.json => told.to_string(),
        Some(_) => whole(&told),
        None => list(&told),
    };
    super::say(&text)?;
    Ok(true)
}

fn list(page: &Value) -> String {
    let rows: Vec<String> = list_at(page, "incidents").map(short).collect();
    if rows.is_empty() { "no incident".to_owned() } else { rows.join("\n") }
}

fn short(incident: &Value) -> String {
    let [id, network, worst] = ["id", "network", "worst"].map(|key| text_at(incident, key));
    let until = match incident.get("closed_at_ms").and_then(Value::as_i64) {
        Some(at) => moment(at),
        None => "now".to_owned(),
    };
    let since = moment_at(incident, "onset_ms");
    let lasted = span(incident.get("lasted_ms").and_then(Value::as_u64).unwrap_or_default());
    format!("#{id:<5} {network:<10} {worst:<9} {since} to {until} ({lasted})")
}

/// What failed, for whom, since when, how the hub knew, what moved where, who could not be
/// reached, when and why it went back.
fn whole(incident: &Value) -> String {
    let mut rows = vec![short(incident)];
    rows.push(format!(
        "  the evidence turned at {}, it was noticed at {}",
        moment_at(incident, "onset_ms"),
        moment_at(incident, "opened_at_ms")
    ));
    for cell in list_at(incident, "cells") {
        let [function, surface, state] =
            ["function", "surface", "state"].map(|key| text_at(cell, key));
        let down = span(cell.get("down_ms").and_then(Value::as_u64).unwrap_or_default());
        rows.push(format!("  {function}/{surface}: down for {down}, {state} in the end"));
    }
    rows.push("what happened, and how the hub knew".to_owned());
    for turn in list_at(incident, "turns") {
        let keys = ["function", "surface", "from", "to", "evidence"];
        let [function, surface, from, to, evidence] = keys.map(|key| text_at(turn, key));
        let at = moment_at(turn, "at_ms");
        rows.push(format!("  {at}  {function}/{surface} {from} -> {to}: {evidence}"));
        rows.extend(turn.get("grounds").filter(|grounds| !grounds.is_null()).map(grounds));
    }
    rows.push("what it did".to_owned());
    let counts = ["moved", "held", "in_doubt", "told"];
    let [moved, held, in_doubt, told] = counts.map(|key| text_at(incident, key));
    rows.push(format!("  {moved} moved, {held} waited, {in_doubt} in doubt, {told} notices"));
    for (way, count) in incident.get("ways").and_then(Value::as_object).into_iter().flatten() {
        rows.push(format!("  {count} went by {way}"));
    }
    for telling in list_at(incident, "tellings") {
        let [channel, stage] = ["channel", "stage"].map(|key| text_at(telling, key));
        rows.push(format!("  {}  told {channel}: {stage}", moment_at(telling, "at_ms")));
    }
    let names: Vec<&str> = list_at(incident, "out_of_reach").filter_map(Value::as_str).collect();
    if !names.is_empty() {
        rows.push(format!("  could not be reached meanwhile: {}", names.join(", ")));
    }
    rows.join("\n")
}

fn grounds(grounds: &Value) -> String {
    let [rule, sources, witnesses] =
        ["rule", "sources", "witnesses"].map(|key| text_at(grounds, key));
    let sums = grounds.get("sums").and_then(Value::as_object).into_iter().flatten();
    let sums: Vec<String> = sums
        .filter_map(|(name, sum)| Some((name, sum.as_i64().filter(|sum| *sum != 0)?)))
        .map(|(name, sum)| format!("{name} {}.{:03}", sum / 1_000, sum.abs() % 1_000))
        .collect();
    let sums = sums.join(", ");
    format!("      rule {rule}; sums {sums}; failing sources {sources}; others well {witnesses}")
}

fn moment_at(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_i64).map_or_else(|| "-".to_owned(), moment)
}

fn moment(ms: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000));
    let written = moment.ok().and_then(|moment| moment.format(&Rfc3339).ok());
    written.unwrap_or_else(|| format!("{ms} ms"))
}

fn span(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..60 => format!("{}.{} s", seconds, ms % 1_000 / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_incident_answers_whoever_was_not_there() {
        let incident = json!({
            "id": 3, "network": "kakaotalk", "worst": "down",
            "onset_ms": 1_716_184_320_000_i64, "opened_at_ms": 1_716_184_326_500_i64,
            "closed_at_ms": 1_716_184_760_000_i64, "lasted_ms": 440_000,
            "cells": [{ "function": "send", "surface": "api", "state": "up", "down_ms": 360_000 }],
            "turns": [
                { "at_ms": 1_716_184_326_500_i64, "function": "send", "surface": "api",
                  "from": "up", "to": "down", "evidence": "12 of 12 sends failed",
                  "grounds": { "rule": "sends", "sources": 4, "witnesses": 9,
                    "sums": { "sends": 12_345, "pulses": 0, "slow": 7_005 } } },
                { "at_ms": 1_716_184_760_000_i64, "function": "send", "surface": "api",
                  "from": "recovering", "to": "up", "evidence": "all steps passed",
                  "grounds": null }
            ],
            "moved": 7, "held": 2, "in_doubt": 1, "told": 3,
            "ways": { "line": 5, "telegram": 2 }, "out_of_reach": ["민지"]
        });
        expect_test::expect![[r"
            #3     kakaotalk  down      2024-05-20T05:52:00Z to 2024-05-20T05:59:20Z (7 min 20 s)
              the evidence turned at 2024-05-20T05:52:00Z, it was noticed at 2024-05-20T05:52:06Z
              send/api: down for 6 min 0 s, up in the end
            what happened, and how the hub knew
              2024-05-20T05:52:06Z  send/api up -> down: 12 of 12 sends failed
                  rule sends; sums sends 12.345, slow 7.005; failing sources 4; others well 9
              2024-05-20T05:59:20Z  send/api recovering -> up: all steps passed
            what it did
              7 moved, 2 waited, 1 in doubt, 3 notices
              5 went by line
              2 went by telegram
              could not be reached meanwhile: 민지"]]
        .assert_eq(&whole(&incident));
    }

    #[test]
    fn a_list_without_incidents_says_so() {
        assert_eq!(list(&json!({ "incidents": [] })), "no incident");
    }

    #[test]
    fn spans_are_told_in_the_unit_that_fits() {
        let table = [(900, "0.9 s"), (61_000, "1 min 1 s"), (459_000_000, "127 h 30 min")];
        for (ms, expected) in table {
            assert_eq!(span(ms), expected);
        }
    }
}
