//! `/v1/accounts`: the hub's own identities on the networks.

use super::{Answer, json};
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::words::Word;
use axum::extract::State;
use ieum_core::network::Network;
use ieum_engine::AccountState;
use schemars::JsonSchema;
use serde::Serialize;

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/v1/accounts", "Lists the hub's own accounts and how they stand", list)
            .gives::<AccountList>(200),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct AccountList {
    accounts: Vec<AccountView>,
}

/// One of the hub's own identities on a network.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Account")]
struct AccountView {
    id: u64,
    /// As in `/hooks/{account}`.
    name: Box<str>,
    network: Word<Network>,
    /// Whether it polls or streams now; null when it takes webhooks.
    listening: Option<bool>,
    /// When the last good sign of life came, in Unix milliseconds.
    last_good_at_ms: Option<i64>,
    /// What the last bad sign said, if none has been good since.
    last_bad: Option<Box<str>>,
    /// Attempts under way.
    in_flight: usize,
}

impl From<AccountState> for AccountView {
    fn from(state: AccountState) -> Self {
        Self {
            id: state.id.0,
            name: state.name,
            network: Word(state.network),
            listening: state.listening,
            last_good_at_ms: state.last_good.map(|at| at.0),
            last_bad: state.last_bad,
            in_flight: state.in_flight,
        }
    }
}

async fn list(State(edge): State<Shared>) -> Answer {
    let accounts = edge.hub.account_states();
    json(&AccountList { accounts: accounts.into_iter().map(AccountView::from).collect() })
}
