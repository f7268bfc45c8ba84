//! `[operator]`: whom to tell about incidents.
//!
//! Invariant: a chat belongs to an account of the same file; a webhook has a secret.

use super::account::{AccountSettings, TIMEOUT_MS};
use super::secret::Vault;
use super::section::Section;
use crate::data_folder::SECRET_BYTES_MIN;
use ieum_connectors::doors::Secret;
use ieum_core::directory::Language;
use ieum_core::ids::ChatKey;
use ieum_core::inbound::ChatRef;
use ieum_core::network::ChatKind;

/// Most chats in which the operator is told.
pub const OPERATOR_CHATS_MAX: usize = 16;
const LANGUAGES: [(&str, Language); 2] = [("ko", Language::Ko), ("en", Language::En)];
const KINDS: [(&str, ChatKind); 2] = [("direct", ChatKind::Direct), ("group", ChatKind::Group)];

/// Whom to tell.
#[derive(Debug, Clone, Default)]
pub struct OperatorSettings {
    /// The language of chats and letters; a webhook gets both.
    pub language: Language,
    /// The webhook.
    pub webhook: Option<OperatorWebhook>,
    /// The chats and mailboxes.
    pub chats: Vec<OperatorChat>,
}

/// Where words are posted.
#[derive(Debug, Clone)]
pub struct OperatorWebhook {
    /// The address.
    pub url: String,
    /// What posts are signed with.
    pub secret: Secret,
    /// How long one post may take.
    pub timeout_ms: u64,
}

/// Where words are said.
#[derive(Debug, Clone)]
pub struct OperatorChat {
    /// By which account.
    pub account: String,
    /// In which chat; for mail the address.
    pub chat: ChatRef,
}

/// Reads `[operator]`.
pub(super) fn read(
    top: &Section<'_>,
    vault: &Vault,
    accounts: &[AccountSettings],
) -> OperatorSettings {
    let Some(operator) = top.section("operator") else {
        return OperatorSettings::default();
    };
    let language = operator.choice("language", &LANGUAGES).unwrap_or_default();
    let webhook = operator.section("webhook").and_then(|section| webhook(section, vault));
    let sections = operator.sections("chat");
    if sections.len() > OPERATOR_CHATS_MAX {
        operator.complain("chat", format!("expected at most {OPERATOR_CHATS_MAX} chats"));
    }
    let chats = sections.into_iter().filter_map(|section| chat(section, accounts)).collect();
    operator.finish();
    OperatorSettings { language, webhook, chats }
}

fn webhook(section: Section<'_>, vault: &Vault) -> Option<OperatorWebhook> {
    let url = section.required("url", section.text("url"), "an address in quotes");
    let fits = url.is_some_and(|url| {
        let url = url.parse::<http::Uri>();
        url.is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")))
    });
    if url.is_some() && !fits {
        section.complain("url", "expected an address such as \"https://ops.example/ieum\"");
    }
    let secret = section.required("secret", vault.secret(&section, "secret"), "a secret");
    let long = secret.as_ref().is_some_and(|secret| secret.expose().len() >= SECRET_BYTES_MIN);
    if secret.is_some() && !long {
        section.complain("secret", format!("shorter than {SECRET_BYTES_MIN} bytes"));
    }
    let timeout_ms = section.number("timeout_ms", 100..=60_000).unwrap_or(TIMEOUT_MS);
    section.finish();
    Some(OperatorWebhook {
        url: url.filter(|_| fits)?.to_owned(),
        secret: secret.filter(|_| long)?,
        timeout_ms,
    })
}

fn chat(section: Section<'_>, accounts: &[AccountSettings]) -> Option<OperatorChat> {
    let account = section.required("account", section.text("account"), "the name of an account");
    if account.is_some_and(|account| accounts.iter().all(|one| one.name != account)) {
        section.complain("account", "no account of this file has this name");
    }
    let chat = section.text("chat");
    let chat = section.required("chat", chat, "the network's id of a chat, or a mail address");
    let kind = section.choice("kind", &KINDS).unwrap_or(ChatKind::Direct);
    section.finish();
    let chat = ChatRef { key: ChatKey::new(chat?), kind };
    Some(OperatorChat { account: account?.to_owned(), chat })
}
