//! `[[watcher]]`: phones and PCs of the operator's that say what they see.
//!
//! Invariant: a watcher names an account of the same file.

use super::account::AccountSettings;
use super::section::Section;
use ieum_core::health::Surface;
use ieum_core::ids::ChatKey;
use ieum_core::inbound::ChatRef;
use ieum_core::network::ChatKind;
use ieum_engine::Watcher;

/// Most watchers of one hub.
pub const WATCHERS_MAX: usize = 32;
const SURFACES: [(&str, Surface); 2] = [("mobile", Surface::Mobile), ("pc", Surface::Pc)];
const KINDS: [(&str, ChatKind); 2] = [("direct", ChatKind::Direct), ("group", ChatKind::Group)];

/// Reads all `[[watcher]]` tables.
pub(super) fn read_all(top: &Section<'_>, accounts: &[AccountSettings]) -> Vec<Watcher> {
    let sections = top.sections("watcher");
    if sections.len() > WATCHERS_MAX {
        top.complain("watcher", format!("expected at most {WATCHERS_MAX} watchers"));
    }
    let mut watchers: Vec<Watcher> = Vec::new();
    for section in sections {
        let watcher = read(&section, accounts, &watchers);
        section.finish();
        watchers.extend(watcher);
    }
    watchers
}

fn read(
    section: &Section<'_>,
    accounts: &[AccountSettings],
    others: &[Watcher],
) -> Option<Watcher> {
    let name = section.required("name", section.text("name"), "a name of its own")?;
    if others.iter().any(|other| other.name == name) {
        section.complain("name", "another watcher has this name");
    }
    let account = section.required("account", section.text("account"), "the name of an account");
    if account.is_some_and(|account| accounts.iter().all(|one| one.name != account)) {
        section.complain("account", "no account of this file has this name");
    }
    let chat = section.required("chat", section.text("chat"), "the network's id of a chat");
    let kind = section.choice("kind", &KINDS).unwrap_or(ChatKind::Direct);
    let surface = section.choice("surface", &SURFACES);
    let surface = section.required("surface", surface, "\"mobile\" or \"pc\"");
    Some(Watcher {
        name: name.to_owned(),
        account: account?.to_owned(),
        chat: ChatRef { key: ChatKey::new(chat?), kind },
        surface: surface?,
    })
}
