//! Logs: to standard error, for people or as JSON lines.
//!
//! Invariant: bodies of messages and secrets are never logged, at any level, by our own code; the
//! libraries' own levels stay at `warn` unless the operator asks for more.

use anyhow::Context;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// How logs look.
#[derive(Debug, Clone, clap::Args)]
pub struct LogArguments {
    /// What is logged: a level, or a filter such as `info,ieum_engine=debug`.
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// Log JSON lines.
    #[arg(long, global = true)]
    log_json: bool,
}

/// Starts logging; `level` holds unless the operator said otherwise.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(arguments: &LogArguments, level: &str) -> anyhow::Result<()> {
    let default = format!("{level},hyper=warn,rustls=warn,tungstenite=warn");
    let filter = arguments.log.as_deref().unwrap_or(&default);
    let filter = EnvFilter::try_new(filter).context("--log")?;
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter);
    let started = if arguments.log_json {
        builder.json().try_init()
    } else {
        builder.with_target(false).try_init()
    };
    started.map_err(|error| anyhow::anyhow!("logging: {error}"))
}
