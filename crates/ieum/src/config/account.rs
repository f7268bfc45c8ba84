//! `[[account]]`: our identities on the networks, one table each.
//!
//! What a value must look like is judged by the connector that uses it; here only the form is.
//! Invariant: an account with a complaint is not among the results.

use super::ACCOUNTS_MAX;
use super::secret::Vault;
use super::section::Section;
use http::HeaderName;
use ieum_connectors::doors::Secret;
use ieum_connectors::kakaotalk::{self, KakaoTalkConfig};
use ieum_connectors::line::{self, LineConfig};
use ieum_connectors::mail::{self, MailConfig};
use ieum_connectors::matrix::{self, MatrixConfig};
use ieum_connectors::telegram::{self, TelegramConfig};
use ieum_connectors::xmpp::{self, XmppConfig};
use ieum_core::network::{Network, RateLimits};

/// Longest name of an account; it stands in `/hooks/{account}`.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest address that opens a chat with an account.
const LINK_BYTES_MAX: usize = 256;
/// How long one call to a network may take when nothing is said.
pub const TIMEOUT_MS: u64 = 10_000;
/// How long Telegram may let a poll wait when nothing is said.
const POLL_SECONDS: u64 = 50;
const KAKAOTALK_API_URL: &str = "https://kapi.kakao.com";
const KAKAOTALK_GATEWAY_URL: &str = "wss://bot-gateway.kakao.com/gateway";
/// What the localparts of Matrix users of ours begin with, or are, when nothing is said.
const MATRIX_NAME: &str = "ieum";
const MATRIX_BOT_NAME: &str = "이음";
/// Our nickname in rooms and the name in our address when nothing is said.
const XMPP_NICK: &str = "이음";
const XMPP_ADDRESS_NAME: &str = "ieum";
/// Our name and subject in mail when nothing is said.
const MAIL_NAME: &str = "이음";

/// One account as configured.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// Its name in addresses, logs and answers.
    pub name: String,
    /// What its connector is built from.
    pub network: NetworkSettings,
    /// Limits of our own in place of the network's published ones.
    pub rate: Option<RateLimits>,
    /// An address that opens a chat with it, shown to whoever wants to join.
    pub link: Option<String>,
    /// Line and path in the file, for the connector's complaints.
    pub place: (Option<usize>, String),
}

impl AccountSettings {
    /// Whether the network calls `/hooks/{name}`.
    #[must_use]
    pub fn takes_hooks(&self) -> bool {
        match &self.network {
            NetworkSettings::KakaoTalk(config) => config.receive == kakaotalk::Receive::Webhook,
            NetworkSettings::Line(_) | NetworkSettings::Matrix(_) => true,
            NetworkSettings::Telegram(config) => {
                matches!(config.receive, telegram::Receive::Webhook { .. })
            }
            NetworkSettings::Xmpp(_) | NetworkSettings::Mail(_) => false,
        }
    }
}

/// What a connector is built from.
#[derive(Debug, Clone)]
pub enum NetworkSettings {
    /// A KakaoTalk bot.
    KakaoTalk(KakaoTalkConfig),
    /// A LINE official account.
    Line(LineConfig),
    /// A Telegram bot.
    Telegram(TelegramConfig),
    /// A Matrix application service.
    Matrix(MatrixConfig),
    /// A component of an XMPP server.
    Xmpp(XmppConfig),
    /// A mailbox.
    Mail(MailConfig),
}

/// Reads all `[[account]]` tables.
pub(super) fn read_all(top: &Section<'_>, vault: &Vault) -> Vec<AccountSettings> {
    let sections = top.sections("account");
    if sections.len() > ACCOUNTS_MAX {
        top.complain("account", format!("expected at most {ACCOUNTS_MAX} accounts"));
    }
    let mut accounts: Vec<AccountSettings> = Vec::new();
    for section in sections {
        let name = name(&section, &accounts);
        let networks = Network::ALL.map(|network| (network.word(), network));
        let network = section.choice("network", &networks);
        let network = section.required("network", network, "the word of a network");
        let published = network.map(published);
        let rate = published.and_then(|published| rate(&section, published));
        let used = rate.or(published);
        let settings = match (network, used) {
            (Some(network), Some(rate)) => read_network(&section, vault, network, rate),
            (_, _) => None,
        };
        let link = link(&section);
        let place = section.place();
        if network.is_some() {
            section.finish();
        }
        if let (Some(name), Some(network)) = (name, settings) {
            accounts.push(AccountSettings { name, network, rate, link, place });
        }
    }
    accounts
}

fn name(section: &Section<'_>, others: &[AccountSettings]) -> Option<String> {
    const WANT: &str = "1 to 64 of a-z, 0-9 and -";
    let name = section.required("name", section.text("name"), WANT)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(plain) {
        section.complain("name", format!("expected {WANT}"));
        return None;
    }
    if others.iter().any(|other| other.name == name) {
        section.complain("name", "another account has this name");
        return None;
    }
    Some(name.to_owned())
}

fn link(section: &Section<'_>) -> Option<String> {
    let link = section.text("link")?;
    let known = ["https://", "mailto:"].iter().any(|scheme| link.starts_with(scheme));
    if !known || link.len() > LINK_BYTES_MAX || !link.bytes().all(|byte| byte.is_ascii_graphic()) {
        let want = format!("expected https://… or mailto:…, at most {LINK_BYTES_MAX} bytes");
        section.complain("link", want);
        return None;
    }
    Some(link.to_owned())
}

fn published(network: Network) -> RateLimits {
    match network {
        Network::KakaoTalk => kakaotalk::RATE_UNPUBLISHED,
        Network::Line => line::RATE_PUBLISHED,
        Network::Telegram => telegram::RATE_PUBLISHED,
        Network::Matrix => matrix::RATE_UNPUBLISHED,
        Network::Xmpp => xmpp::RATE_UNPUBLISHED,
        Network::Mail => mail::RATE_UNPUBLISHED,
    }
}

fn rate(section: &Section<'_>, published: RateLimits) -> Option<RateLimits> {
    let per_second = section.number("per_second_max", 1..=1_000_000);
    let per_room = section.number("per_room_minute_max", 1..=60_000_000);
    let in_flight = section.number("in_flight_max", 1..=10_000);
    if per_second.is_none() && per_room.is_none() && in_flight.is_none() {
        return None;
    }
    Some(RateLimits {
        per_second_max: per_second.unwrap_or(published.per_second_max),
        per_room_minute_max: per_room.unwrap_or(published.per_room_minute_max),
        in_flight_max: in_flight.unwrap_or(published.in_flight_max),
    })
}

fn read_network(
    section: &Section<'_>,
    vault: &Vault,
    network: Network,
    rate: RateLimits,
) -> Option<NetworkSettings> {
    match network {
        Network::KakaoTalk => kakaotalk(section, vault, rate).map(NetworkSettings::KakaoTalk),
        Network::Line => line(section, vault, rate).map(NetworkSettings::Line),
        Network::Telegram => telegram(section, vault, rate).map(NetworkSettings::Telegram),
        Network::Matrix => matrix(section, vault, rate).map(NetworkSettings::Matrix),
        Network::Xmpp => xmpp(section, vault, rate).map(NetworkSettings::Xmpp),
        Network::Mail => mail(section, vault, rate).map(NetworkSettings::Mail),
    }
}

fn kakaotalk(section: &Section<'_>, vault: &Vault, rate: RateLimits) -> Option<KakaoTalkConfig> {
    use ieum_connectors::kakaotalk::{Edition, Receive, Timeouts};
    let bot_token = vault.secret(section, "bot_token");
    let bot_token = section.required("bot_token", bot_token, "a secret");
    let receive = [("gateway", Receive::Gateway), ("webhook", Receive::Webhook)];
    let receive = section.choice("receive", &receive).unwrap_or_default();
    let editions = [("2026-07", Edition::July2026), ("2026-10", Edition::October2026)];
    let mut timeouts = Timeouts::default();
    if let Some(ms) = timeout_ms(section) {
        timeouts.call_ms = ms;
    }
    let gateway_url = section.text("gateway_url").unwrap_or(KAKAOTALK_GATEWAY_URL).to_owned();
    let webhook = webhook_proof(section, vault);
    if receive == Receive::Webhook && webhook.is_none() {
        section.complain("webhook_header", "needed with receive = \"webhook\"");
    }
    Some(KakaoTalkConfig {
        api_url: api_url(section, KAKAOTALK_API_URL),
        gateway_url,
        bot_token: bot_token?,
        bot_name: section.text("bot_name").map(str::to_owned),
        webhook,
        edition: section.choice("edition", &editions).unwrap_or_default(),
        receive,
        timeouts,
        rate,
    })
}

/// `webhook_header` and `webhook_secret`: both or none.
fn webhook_proof(section: &Section<'_>, vault: &Vault) -> Option<(HeaderName, Secret)> {
    let header = section.text("webhook_header");
    let secret = vault.secret(section, "webhook_secret");
    let secret = match (header, secret) {
        (Some(_), secret) => section.required("webhook_secret", secret, "a secret")?,
        (None, None) => return None,
        (None, Some(_)) => {
            section.complain("webhook_header", "needed with webhook_secret");
            return None;
        }
    };
    match header?.parse() {
        Ok(header) => Some((header, secret)),
        Err(_) => {
            section.complain("webhook_header", "expected the name of an HTTP header");
            None
        }
    }
}

fn line(section: &Section<'_>, vault: &Vault, rate: RateLimits) -> Option<LineConfig> {
    let access_token = vault.secret(section, "access_token");
    let access_token = section.required("access_token", access_token, "a secret");
    let channel_secret = vault.secret(section, "channel_secret");
    let channel_secret = section.required("channel_secret", channel_secret, "a secret");
    let api_url = api_url(section, line::API_URL);
    let timeout_ms = timeout_ms(section).unwrap_or(TIMEOUT_MS);
    Some(LineConfig {
        api_url,
        access_token: access_token?,
        channel_secret: channel_secret?,
        timeout_ms,
        rate,
    })
}

fn telegram(section: &Section<'_>, vault: &Vault, rate: RateLimits) -> Option<TelegramConfig> {
    let bot_token = vault.secret(section, "bot_token");
    let bot_token = section.required("bot_token", bot_token, "a secret");
    let receive = telegram_receive(section, vault);
    let api_url = api_url(section, telegram::API_URL);
    let timeout_ms = timeout_ms(section).unwrap_or(TIMEOUT_MS);
    let bot_name = section.text("bot_name").map(str::to_owned);
    Some(TelegramConfig {
        api_url,
        bot_token: bot_token?,
        bot_name,
        receive: receive?,
        timeout_ms,
        rate,
    })
}

fn telegram_receive(section: &Section<'_>, vault: &Vault) -> Option<telegram::Receive> {
    let webhook = [("polling", false), ("webhook", true)];
    let webhook = section.choice("receive", &webhook).unwrap_or(false);
    let poll_seconds = section.number("poll_seconds", 0..=telegram::POLL_SECONDS_MAX);
    let secret_token = vault.secret(section, "secret_token");
    if !webhook {
        if secret_token.is_some() {
            section.complain("secret_token", "only used with receive = \"webhook\"");
        }
        let poll_seconds = poll_seconds.unwrap_or(POLL_SECONDS);
        return Some(telegram::Receive::Polling { poll_seconds });
    }
    if poll_seconds.is_some() {
        section.complain("poll_seconds", "only used with receive = \"polling\"");
    }
    let secret_token = section.required("secret_token", secret_token, "a secret")?;
    Some(telegram::Receive::Webhook { secret_token })
}

fn matrix(section: &Section<'_>, vault: &Vault, rate: RateLimits) -> Option<MatrixConfig> {
    let text = |key| section.text(key);
    let as_token = vault.secret(section, "as_token");
    let as_token = section.required("as_token", as_token, "a secret");
    let hs_token = vault.secret(section, "hs_token");
    let hs_token = section.required("hs_token", hs_token, "a secret");
    let api_url = section.required("api_url", text("api_url"), "the homeserver's address");
    let server_name = section.required("server_name", text("server_name"), "a text in quotes");
    let bot = text("bot").unwrap_or(MATRIX_NAME).to_owned();
    let bot_name = text("bot_name").unwrap_or(MATRIX_BOT_NAME).to_owned();
    let hub_url = text("hub_url").map(str::to_owned);
    let registration_id = text("registration_id").unwrap_or(MATRIX_NAME).to_owned();
    let ghosts = text("ghosts").map_or_else(|| format!("{MATRIX_NAME}_"), str::to_owned);
    let timeout_ms = timeout_ms(section).unwrap_or(TIMEOUT_MS);
    Some(MatrixConfig {
        api_url: api_url?.to_owned(),
        server_name: server_name?.to_owned(),
        as_token: as_token?,
        hs_token: hs_token?,
        hub_url,
        registration_id,
        bot,
        bot_name,
        ghosts,
        timeout_ms,
        rate,
    })
}

fn xmpp(section: &Section<'_>, vault: &Vault, rate: RateLimits) -> Option<XmppConfig> {
    let address = section.required("address", section.text("address"), "a host and a port");
    let domain = section.required("domain", section.text("domain"), "the component's domain");
    let secret = vault.secret(section, "component_secret");
    let secret = section.required("component_secret", secret, "a secret");
    let above = domain.and_then(|domain| domain.split_once('.')).map(|(_, above)| above);
    let server = section.text("server").or(above).or(domain);
    let rooms = section.texts("rooms").unwrap_or_default();
    let (name, nick) = (section.text("address_name"), section.text("nick"));
    let timeout_ms = timeout_ms(section).unwrap_or(TIMEOUT_MS);
    Some(XmppConfig {
        address: address?.to_owned(),
        domain: domain?.to_owned(),
        server: server?.to_owned(),
        secret: secret?,
        name: name.unwrap_or(XMPP_ADDRESS_NAME).to_owned(),
        nick: nick.unwrap_or(XMPP_NICK).to_owned(),
        rooms: rooms.into_iter().map(str::to_owned).collect(),
        timeout_ms,
        rate,
    })
}

fn mail(section: &Section<'_>, vault: &Vault, rate: RateLimits) -> Option<MailConfig> {
    let address = section.required("address", section.text("address"), "our mail address");
    let smtp = section.required("smtp", section.text("smtp"), "a host and a port");
    let imap = section.required("imap", section.text("imap"), "a host and a port");
    let proof_secret = vault.secret(section, "proof_secret");
    let proof_secret = section.required("proof_secret", proof_secret, "a secret");
    let security = section.choice("security", &[("tls", true), ("none", false)]);
    let user = section.text("user").map(str::to_owned);
    let password = vault.secret(section, "password");
    if user.is_some() != password.is_some() {
        section.complain("user", "user and password are given together or not at all");
    }
    let text = |key, otherwise: &str| section.text(key).unwrap_or(otherwise).to_owned();
    let timeout_ms = timeout_ms(section).unwrap_or(TIMEOUT_MS);
    let (name, subject) = (text("sender_name", MAIL_NAME), text("subject", MAIL_NAME));
    Some(MailConfig {
        address: address?.to_owned(),
        name,
        subject,
        smtp: smtp?.to_owned(),
        imap: imap?.to_owned(),
        secured: security.unwrap_or(true),
        login: user.zip(password),
        mailbox: text("mailbox", "INBOX"),
        proof_secret: proof_secret?,
        timeout_ms,
        rate,
    })
}

fn api_url(section: &Section<'_>, public: &str) -> String {
    section.text("api_url").unwrap_or(public).to_owned()
}

fn timeout_ms(section: &Section<'_>) -> Option<u64> {
    section.number("timeout_ms", 100..=120_000)
}
