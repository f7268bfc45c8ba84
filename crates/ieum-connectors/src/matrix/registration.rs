//! The registration of the application service: the file that the homeserver's operator is given.
//!
//! Written as JSON, which is YAML too. Invariant: what is in it is what the connector expects, so
//! that both sides are made from one place.

use super::MatrixConfig;
use serde_json::json;

/// The text of the file. It holds both tokens: keep it as secret as them. `url` is where the
/// homeserver is to hand in what happens: the address of the account's hook.
#[must_use]
pub fn registration(config: &MatrixConfig, url: &str) -> String {
    let literal = |text: &str| text.replace('.', "\\.");
    let server = literal(&config.server_name);
    let users = [
        format!("@{}.*:{server}", literal(&config.ghosts)),
        format!("@{}:{server}", literal(&config.bot)),
    ];
    let file = json!({
        "id": config.registration_id,
        "url": url,
        "as_token": config.as_token.expose(),
        "hs_token": config.hs_token.expose(),
        "sender_localpart": config.bot,
        "rate_limited": false,
        "receive_ephemeral": true,
        "de.sorunome.msc2409.push_ephemeral": true,
        "namespaces": {
            "users": users.map(|regex| json!({"exclusive": true, "regex": regex})),
            "aliases": [],
            "rooms": [],
        },
    });
    format!("{file:#}\n")
}
