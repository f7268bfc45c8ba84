//! Outages by name or by file, for every command that plays one.

use anyhow::Context;
use ieum_lab::Scenario;

/// A built-in scenario, or the one that a file holds.
///
/// # Errors
/// When it is neither, or the file does not read.
pub(crate) fn named_or_file(given: &str) -> anyhow::Result<Scenario> {
    if let Ok(scenario) = Scenario::named(given) {
        return Ok(scenario);
    }
    let text = std::fs::read_to_string(given).with_context(|| {
        let known: Vec<&str> = Scenario::ids().collect();
        format!("{given} is neither a scenario file nor one of {}", known.join(", "))
    })?;
    Scenario::parse(&text).map_err(|error| anyhow::anyhow!("{given}: {error}"))
}
