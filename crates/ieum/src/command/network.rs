//! `ieum network hold | release`: the operator's word on a part of a network.
//!
//! Invariant: the word stands until it is taken back, whatever the hub sees.

use super::client::{Caller, HubAddress};
use clap::Subcommand;
use http::Method;
use serde_json::json;

/// What to do with a network.
#[derive(Debug, Clone, Subcommand)]
pub enum NetworkCommand {
    /// Keep a part of a network in a state: `down` moves messages away, `up` keeps them there.
    Hold {
        /// Which part.
        #[command(flatten)]
        part: Part,
        /// Which state.
        #[arg(value_parser = ["up", "degraded", "down"])]
        state: String,
    },
    /// Let a part of a network be what the hub's own evidence says.
    Release {
        /// Which part.
        #[command(flatten)]
        part: Part,
    },
}

/// Which part of which network.
#[derive(Debug, Clone, clap::Args)]
pub struct Part {
    #[command(flatten)]
    hub: HubAddress,
    /// The network's word, e.g. `kakaotalk`.
    network: String,
    /// Which function.
    #[arg(long, default_value = "send", value_parser = ["send", "receive", "login", "media"])]
    function: String,
    /// Seen from where.
    #[arg(long, default_value = "api", value_parser = ["mobile", "pc", "api"])]
    surface: String,
}

/// Runs `ieum network`.
///
/// # Errors
/// When the hub refuses it or does not answer.
pub fn main(command: &NetworkCommand) -> anyhow::Result<bool> {
    let runtime = crate::runtime::build()?;
    let (part, method, verb, state) = match command {
        NetworkCommand::Hold { part, state } => (part, Method::PUT, "hold", Some(state)),
        NetworkCommand::Release { part } => (part, Method::POST, "release", None),
    };
    let mut body = json!({ "function": part.function, "surface": part.surface });
    if let (Some(state), Some(fields)) = (state, body.as_object_mut()) {
        fields.insert("state".to_owned(), json!(state));
    }
    let path = format!("/v1/networks/{}/{verb}", part.network);
    let caller = Caller::new(&part.hub)?;
    runtime.block_on(caller.set(method, &path, &body))?;
    let what = format!("{} {}/{}", part.network, part.function, part.surface);
    super::say(&match state {
        Some(state) => format!("{what} is held {state}"),
        None => format!("{what} is released"),
    })?;
    Ok(true)
}
