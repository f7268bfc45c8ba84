//! From checked settings to running parts: the only place that knows every network's connector.
//!
//! Invariant: a connector's complaint about its settings names the place in the file.

use crate::config::{AccountSettings, Complaint, NetworkSettings};
use ieum_connectors::doors::Doors;
use ieum_connectors::kakaotalk::KakaoTalk;
use ieum_connectors::line::Line;
use ieum_connectors::mail::Mail;
use ieum_connectors::matrix::Matrix;
use ieum_connectors::telegram::Telegram;
use ieum_connectors::xmpp::Xmpp;
use ieum_core::ports::connector::Connector;
use ieum_engine::AccountSetup;
use std::fmt::Display;
use std::sync::Arc;

/// An account's name and its connector.
pub type Named = (String, Arc<dyn Connector>);

/// Builds the connectors of all accounts.
///
/// # Errors
/// The complaints of all of them.
pub fn connectors(
    accounts: &[AccountSettings],
    doors: &Doors,
) -> Result<Vec<Named>, Vec<Complaint>> {
    let mut built = Vec::new();
    let mut complaints = Vec::new();
    for account in accounts {
        match connector(account, doors.clone()) {
            Ok(connector) => built.push((account.name.clone(), connector)),
            Err(texts) => {
                let complain = |text| complaint(account, text);
                complaints.extend(texts.into_iter().map(complain));
            }
        }
    }
    if complaints.is_empty() { Ok(built) } else { Err(complaints) }
}

fn connector(account: &AccountSettings, doors: Doors) -> Result<Arc<dyn Connector>, Vec<String>> {
    match account.network.clone() {
        NetworkSettings::KakaoTalk(config) => boxed(KakaoTalk::new(config, doors)),
        NetworkSettings::Line(config) => boxed(Line::new(&config, doors)),
        NetworkSettings::Telegram(config) => boxed(Telegram::new(config, doors)),
        NetworkSettings::Matrix(config) => boxed(Matrix::new(&config, doors)),
        NetworkSettings::Xmpp(config) => boxed(Xmpp::new(config, doors)),
        NetworkSettings::Mail(config) => boxed(Mail::new(config, doors)),
    }
}

fn boxed<C, E>(built: Result<C, Vec<E>>) -> Result<Arc<dyn Connector>, Vec<String>>
where
    C: Connector + 'static,
    E: Display,
{
    match built {
        Ok(connector) => Ok(Arc::new(connector)),
        Err(complaints) => Err(complaints.iter().map(E::to_string).collect()),
    }
}

/// Connectors open each complaint with the name of the key.
fn complaint(account: &AccountSettings, text: String) -> Complaint {
    let (line, path) = account.place.clone();
    let (key, text) = match text.split_once([':', ' ']) {
        Some((key, rest)) => (format!("{path}.{key}"), rest.trim_start().to_owned()),
        None => (path, text),
    };
    Complaint { line, key, text }
}

/// The accounts as the engine takes them.
#[must_use]
pub fn account_setups(accounts: &[AccountSettings], connectors: Vec<Named>) -> Vec<AccountSetup> {
    let rate_of = |name: &str| {
        let account = accounts.iter().find(|account| account.name == name);
        account.and_then(|account| account.rate)
    };
    let setup = |(name, connector): Named| AccountSetup { rate: rate_of(&name), name, connector };
    connectors.into_iter().map(setup).collect()
}
