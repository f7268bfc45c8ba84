//! The configuration file in two steps: as typed (a parsed TOML document with its places), then
//! as meant (checked values). Nothing runs on a file with a complaint.
//!
//! Not the connectors' own checks: the wiring adds those to the same list. Invariant: reading
//! never stops at the first complaint.

mod account;
mod complaint;
mod hub;
mod operator;
mod secret;
mod section;
mod store;
#[cfg(test)]
mod tests;
mod tuning;
mod watcher;

pub use account::{AccountSettings, NAME_BYTES_MAX, NetworkSettings, TIMEOUT_MS};
pub use complaint::{Complaint, Complaints};
pub use hub::{API_TOKENS_MAX, ApiToken, HubSettings, LISTEN, TOKEN_PER_SECOND};
pub use operator::{OPERATOR_CHATS_MAX, OperatorChat, OperatorSettings, OperatorWebhook};
pub use secret::{SECRET_BYTES_MAX, Vault};
pub use tuning::CONTROL_HOSTS_MAX;
pub use watcher::WATCHERS_MAX;

use section::{Page, Section};
use std::path::Path;
use toml::de::DeTable;

/// Longest configuration file.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Most accounts of one hub.
pub const ACCOUNTS_MAX: usize = 64;

/// A configuration as meant.
#[derive(Debug, Clone)]
pub struct Config {
    /// The hub itself.
    pub hub: HubSettings,
    /// How deliveries are treated and networks are watched.
    pub engine: ieum_engine::Settings,
    /// Whom to tell about incidents.
    pub operator: OperatorSettings,
    /// Addresses that show whether our own line works.
    pub control_hosts: Vec<String>,
    /// What callers may cost.
    pub limits: ieum_server::Limits,
    /// By which keys message texts are sealed; the first writes.
    pub store_keys: Vec<ieum_store::StoreKey>,
    /// Our identities on the networks.
    pub accounts: Vec<AccountSettings>,
}

/// What could be read of a file, and everything that is wrong with it.
#[derive(Debug)]
pub struct Reading {
    /// Complete only when there are no complaints.
    pub config: Config,
    /// In the order of the file.
    pub complaints: Vec<Complaint>,
}

/// Reads the file at `path`; secrets are looked for beside it and in the environment.
#[must_use]
pub fn read_file(path: &Path) -> Reading {
    let folder = path.parent().unwrap_or(Path::new(""));
    match text_of(path) {
        Ok(text) => read(&text, &Vault::new(folder)),
        Err(error) => {
            let mut reading = read("", &Vault::new(folder));
            reading.complaints = vec![Complaint {
                line: None,
                key: String::new(),
                text: format!("cannot read {}: {error}", path.display()),
            }];
            reading
        }
    }
}

fn text_of(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > CONFIG_BYTES_MAX {
        let text = format!("longer than {CONFIG_BYTES_MAX} bytes");
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, text));
    }
    std::fs::read_to_string(path)
}

/// Reads the text of a configuration file.
#[must_use]
pub fn read(text: &str, vault: &Vault) -> Reading {
    let page = Page::new(text);
    let (document, faults) = DeTable::parse_recoverable(text);
    for fault in &faults {
        // Only the message: the library's own display would repeat the line, secrets and all.
        page.complain(fault.span(), String::new(), fault.message().to_owned());
    }
    let top = Section::new(&page, String::new(), 0..0, document.get_ref());
    let accounts = account::read_all(&top, vault);
    let watchers = watcher::read_all(&top, &accounts);
    let config = Config {
        hub: hub::read(&top, vault),
        engine: ieum_engine::Settings { watchers, ..tuning::engine(&top) },
        operator: operator::read(&top, vault, &accounts),
        control_hosts: tuning::control_hosts(&top),
        limits: tuning::limits(&top),
        store_keys: store::read(&top, vault),
        accounts,
    };
    top.finish();
    let complaints = page.into_complaints();
    Reading { config, complaints }
}
