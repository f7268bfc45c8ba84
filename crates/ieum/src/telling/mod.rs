//! The operator's channels: a signed webhook, and chats or letters of the hub's own accounts.
//!
//! What is told and when is decided below; a channel only carries a word. Invariant: the name of a
//! channel follows from where it leads, so another order in the file changes nothing.

mod chat;
mod webhook;

use crate::config::OperatorSettings;
use crate::wiring::Named;
use ieum_connectors::doors::Doors;
use ieum_core::ports::tell::Teller;
use std::sync::Arc;

/// All channels of the configuration.
#[must_use]
pub fn tellers(
    operator: &OperatorSettings,
    accounts: &[Named],
    public_url: Option<&str>,
    doors: &Doors,
) -> Vec<Arc<dyn Teller>> {
    let mut tellers: Vec<Arc<dyn Teller>> = Vec::new();
    if let Some(settings) = &operator.webhook {
        let http = Arc::clone(&doors.http);
        tellers.push(Arc::new(webhook::Webhook::new(settings.clone(), public_url, http)));
    }
    for settings in &operator.chats {
        let found = accounts.iter().find(|(name, _)| *name == settings.account);
        if let Some((_, connector)) = found {
            let connector = Arc::clone(connector);
            let chat = chat::Chat::new(settings.clone(), operator.language, connector);
            tellers.push(Arc::new(chat));
        }
    }
    tellers
}
