//! The section `[store]`: by which keys message texts are sealed where they lie.
//!
//! Invariant: a key that is easily guessed is a complaint.

use super::secret::Vault;
use super::section::Section;
use ieum_store::StoreKey;

/// Shortest secret that makes a key.
const STORE_KEY_BYTES_MIN: usize = 16;
/// Most keys that were first before.
const FORMER_KEYS_MAX: usize = 16;

/// Reads `[store]`: the key that writes first, then those that wrote before.
pub(super) fn read(top: &Section<'_>, vault: &Vault) -> Vec<StoreKey> {
    let Some(store) = top.section("store") else { return Vec::new() };
    let mut keys: Vec<StoreKey> = key(&store, vault).into_iter().collect();
    let former = store.sections("former_keys");
    if former.len() > FORMER_KEYS_MAX {
        store.complain("former_keys", format!("expected at most {FORMER_KEYS_MAX} keys"));
    }
    if keys.is_empty() && !former.is_empty() {
        store.complain("key", "former keys only read; the key that writes is missing");
    }
    for section in former {
        keys.extend(key(&section, vault));
        section.finish();
    }
    store.finish();
    keys
}

fn key(section: &Section<'_>, vault: &Vault) -> Option<StoreKey> {
    let secret = vault.secret(section, "key")?;
    if secret.expose().len() < STORE_KEY_BYTES_MIN {
        section.complain("key", format!("shorter than {STORE_KEY_BYTES_MIN} bytes"));
        return None;
    }
    Some(StoreKey::of_secret(secret.expose()))
}

#[cfg(test)]
mod tests {
    use crate::config::{Vault, read};
    use std::path::Path;

    fn told(text: &str) -> (usize, Vec<String>) {
        let environment = |name: &str| match name {
            "LONG" => Some("0123456789abcdef".to_owned()),
            "SHORT" => Some("short".to_owned()),
            _ => None,
        };
        let vault = Vault::with_environment(Path::new("."), environment);
        let reading = read(text, &vault);
        let complaints = reading.complaints.iter().map(ToString::to_string).collect();
        (reading.config.store_keys.len(), complaints)
    }

    #[test]
    fn the_first_key_writes_and_former_ones_follow() {
        assert_eq!(told(""), (0, Vec::new()));
        assert_eq!(told("[store]\nkey = { env = \"LONG\" }"), (1, Vec::new()));
        let rotated = "[store]\nkey = { env = \"LONG\" }\n[[store.former_keys]]\n\
                       key = { env = \"LONG\" }";
        assert_eq!(told(rotated), (2, Vec::new()));
    }

    #[test]
    fn what_is_no_key_is_said() {
        for text in [
            "[store]\nkey = { env = \"SHORT\" }",
            "[store]\nkey = { env = \"NOWHERE\" }",
            "[store]\nkey = \"0123456789abcdef\"",
            "[store]\nkeys = 1",
            "[[store.former_keys]]\nkey = { env = \"LONG\" }",
        ] {
            let (_, complaints) = told(text);
            assert_eq!(complaints.len(), 1, "{text}: {complaints:?}");
            assert!(!complaints.concat().contains("0123456789abcdef"));
        }
    }
}
