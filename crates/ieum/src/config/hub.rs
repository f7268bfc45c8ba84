//! The section `[hub]`: where it listens, who may use it, its secret.
//!
//! Every key has a default. Invariant: without a token in the file nobody may use `/v1`.

use super::secret::Vault;
use super::section::Section;
use crate::data_folder::SECRET_BYTES_MIN;
use ieum_connectors::doors::Secret;
use ieum_server::{Rate, Token};
use std::net::SocketAddr;

/// Where the hub listens when nothing is said: only this machine reaches it.
pub const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8_080);
/// Most tokens of `/v1`.
pub const API_TOKENS_MAX: usize = 64;
/// Calls a second of a token when nothing is said; as many again at once after a rest.
pub const TOKEN_PER_SECOND: u32 = 100;

/// The hub itself.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// Address and port of the HTTP server.
    pub listen: SocketAddr,
    /// Under which address people and networks reach it from outside.
    pub public_url: Option<String>,
    /// The salt of message ids; made and kept in the data folder when nothing is said.
    pub secret: Option<Secret>,
    /// Who may use `/v1`.
    pub api_tokens: Vec<ApiToken>,
}

/// A token of `/v1`.
#[derive(Debug, Clone)]
pub struct ApiToken {
    /// For logs.
    pub name: String,
    /// What callers show.
    pub secret: Secret,
    /// How the server knows it: a digest and its rate.
    pub token: Token,
}

/// Reads `[hub]`.
pub(super) fn read(top: &Section<'_>, vault: &Vault) -> HubSettings {
    let mut settings =
        HubSettings { listen: LISTEN, public_url: None, secret: None, api_tokens: Vec::new() };
    let Some(hub) = top.section("hub") else {
        return settings;
    };
    if let Some(listen) = listen(&hub) {
        settings.listen = listen;
    }
    settings.public_url = public_url(&hub);
    settings.secret = secret(&hub, vault);
    settings.api_tokens = api_tokens(&hub, vault);
    // Read in `tuning`, with the other settings of the engine.
    hub.value("language");
    hub.value("utc_offset_minutes");
    hub.finish();
    settings
}

fn secret(hub: &Section<'_>, vault: &Vault) -> Option<Secret> {
    let secret = vault.secret(hub, "secret")?;
    if secret.expose().len() < SECRET_BYTES_MIN {
        hub.complain("secret", format!("shorter than {SECRET_BYTES_MIN} bytes"));
        return None;
    }
    Some(secret)
}

fn listen(hub: &Section<'_>) -> Option<SocketAddr> {
    let text = hub.text("listen")?;
    let address = text.parse().ok();
    if address.is_none() {
        hub.complain("listen", "expected an address and a port such as \"127.0.0.1:8080\"");
    }
    address
}

fn public_url(hub: &Section<'_>) -> Option<String> {
    let url = hub.text("public_url")?.trim_end_matches('/');
    let parsed: Option<http::Uri> = url.parse().ok();
    let fits = parsed.is_some_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https")) && url.query().is_none()
    });
    if !fits {
        hub.complain("public_url", "expected an address such as \"https://ieum.example\"");
    }
    fits.then(|| url.to_owned())
}

fn api_tokens(hub: &Section<'_>, vault: &Vault) -> Vec<ApiToken> {
    let sections = hub.sections("api_tokens");
    if sections.len() > API_TOKENS_MAX {
        hub.complain("api_tokens", format!("expected at most {API_TOKENS_MAX} tokens"));
    }
    let mut tokens: Vec<ApiToken> = Vec::new();
    for section in sections {
        let name = section.required("name", section.text("name"), "a text in quotes");
        if name.is_some_and(|name| tokens.iter().any(|token| token.name == name)) {
            section.complain("name", "another token has this name");
        }
        let secret = vault.secret(&section, "secret");
        let secret = section.required("secret", secret, "a secret");
        let per_second = section.number("per_second", 1..=1_000_000);
        if let (Some(name), Some(secret)) = (name, secret) {
            let per_second = per_second.unwrap_or(TOKEN_PER_SECOND);
            let rate = Rate { per_second, burst: per_second };
            match Token::new(name, secret.expose(), rate) {
                Ok(token) => tokens.push(ApiToken { name: name.to_owned(), secret, token }),
                Err(fault) => section.complain("secret", fault.to_string()),
            }
        }
        section.finish();
    }
    tokens
}
