//! `ieum check`: everything that is wrong with a configuration, and who each network says we are.
//!
//! Invariant: the networks are asked only when the file has no complaint, and each only once.

use super::registration;
use crate::config::{Complaint, Config};
use crate::wiring::Named;
use futures_util::future::join_all;
use ieum_core::network::Network;
use ieum_core::ports::connector::{Probe, Pulse};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// What to check.
#[derive(Debug, Clone, clap::Args)]
pub struct CheckArguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "ieum.toml")]
    config: PathBuf,
    /// Only read the file; ask no network.
    #[arg(long)]
    offline: bool,
    /// Write the registration of each Matrix account into this folder, for its homeserver.
    #[arg(long, value_name = "FOLDER")]
    matrix_registration: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    ok: bool,
    complaints: Vec<Complaint>,
    accounts: Vec<AccountReport>,
    /// Whether message texts are sealed where they lie.
    texts_sealed: bool,
    /// Files written for homeservers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    registrations: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
struct AccountReport {
    name: String,
    network: Network,
    ok: bool,
    /// Who the network says we are, when it tells.
    identity: Option<String>,
    took_ms: Option<u64>,
    problem: Option<String>,
    /// The address to register with the network, when it is to call us.
    hook: Option<String>,
}

/// Runs the command; returns whether all is well.
///
/// # Errors
/// When the report cannot be printed.
pub fn main(arguments: &CheckArguments) -> anyhow::Result<bool> {
    let report = crate::runtime::build()?.block_on(check(arguments))?;
    let text = if arguments.json { serde_json::to_string(&report)? } else { as_text(&report) };
    super::say(text.trim_end())?;
    Ok(report.ok)
}

async fn check(arguments: &CheckArguments) -> anyhow::Result<Report> {
    let doors = super::real_doors()?;
    let (config, connectors) = match super::load(&arguments.config, &doors) {
        Ok(loaded) => loaded,
        Err(complaints) => {
            return Ok(Report { complaints: complaints.0, ..Report::default() });
        }
    };
    let registrations = match &arguments.matrix_registration {
        Some(folder) => registration::write_all(&config, folder)?,
        None => Vec::new(),
    };
    let asked = connectors.iter().filter(|_| !arguments.offline);
    let mut accounts: Vec<AccountReport> = join_all(asked.map(ask)).await;
    for account in &mut accounts {
        account.hook = hook(&config, &account.name);
    }
    let ok = accounts.iter().all(|account| account.ok);
    let texts_sealed = !config.store_keys.is_empty();
    Ok(Report { ok, complaints: Vec::new(), accounts, texts_sealed, registrations })
}

/// Where the network is to call, as the world sees it.
fn hook(config: &Config, name: &str) -> Option<String> {
    let public_url = config.hub.public_url.as_ref()?;
    let account = config.accounts.iter().find(|account| account.name == name)?;
    account.takes_hooks().then(|| format!("{public_url}/hooks/{name}"))
}

async fn ask((name, connector): &Named) -> AccountReport {
    let Probe { pulse, identity } = connector.probe().await;
    let (took_ms, problem) = match pulse {
        Pulse::Good { took_ms } => (Some(took_ms), None),
        Pulse::Bad { reason } => (None, Some(format!("the network does not work: {reason}"))),
        Pulse::Refused { reason } => (None, Some(format!("the network refuses us: {reason}"))),
    };
    AccountReport {
        name: name.clone(),
        network: connector.network(),
        ok: problem.is_none(),
        identity,
        took_ms,
        problem,
        hook: None,
    }
}

fn as_text(report: &Report) -> String {
    let mut text = String::new();
    for complaint in &report.complaints {
        line(&mut text, format_args!("{complaint}"));
    }
    for account in &report.accounts {
        let name = &account.name;
        let network = account.network.word();
        let verdict = if account.ok { "ok" } else { "PROBLEM" };
        let took = account.took_ms.map_or(String::new(), |ms| format!("{ms} ms"));
        let told = account.problem.as_ref().or(account.identity.as_ref());
        let told = told.map_or("", String::as_str);
        let row = format_args!("{name:<24} {network:<10} {verdict:<8} {took:>8}  {told}");
        line(&mut text, row);
        if let Some(hook) = &account.hook {
            line(&mut text, format_args!("{:<24} is to call {hook}", ""));
        }
    }
    for path in &report.registrations {
        line(&mut text, format_args!("registration written to {}", path.display()));
    }
    if report.ok && !report.texts_sealed {
        line(&mut text, format_args!("message texts lie on the disk as they are: no [store] key"));
    }
    if report.ok && report.accounts.is_empty() {
        line(&mut text, format_args!("the configuration is right"));
    }
    if !report.complaints.is_empty() {
        let count = report.complaints.len();
        line(&mut text, format_args!("{count} to mend; no network was asked"));
    }
    text
}

fn line(text: &mut String, row: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    if writeln!(text, "{row}").is_err() {
        text.push('\n');
    }
}
