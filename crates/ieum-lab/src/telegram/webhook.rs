//! Telegram's webhook: one update at a time, the secret in a header, again and again with growing
//! waits until it is answered with 2xx. The answer may itself be a call.

use bytes::Bytes;
use http::header;
use ieum_core::time::Timestamp;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::{Outcome, Problem};
use crate::network::Network;
use crate::shared::Shared;
use crate::world::World;

/// How long Telegram waits for an answer (assumption).
const ANSWER_MS_MAX: u64 = 60_000;
/// The longest wait between two tries.
const RETRY_MS_MAX: u64 = 60_000;
/// The longest wait that the receiver may ask for.
const RETRY_AFTER_S_MAX: u64 = 3_600;
/// After so long a time of 410 the webhook is given up.
const GONE_MS_MAX: u64 = 23 * 60 * 60 * 1_000;
/// Two settings need this time between them.
const SETTINGS_APART_MS: u64 = 1_000;

/// The webhook of the bot.
#[derive(Debug, Default)]
pub(crate) struct Webhook {
    url: Option<String>,
    secret: Option<String>,
    connections: i64,
    set_at: Option<Timestamp>,
    failures: u32,
    not_before: Timestamp,
    last_error: Option<(Timestamp, String)>,
    gone_since: Option<Timestamp>,
}

impl Webhook {
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Sets the address and the secret, as the control call does.
    pub(crate) fn set(&mut self, url: &str, secret: Option<String>) {
        *self = Self {
            url: Some(url.to_owned()).filter(|url| !url.is_empty()),
            secret,
            connections: 40,
            ..Self::default()
        };
    }

    pub(crate) fn unset(&mut self) {
        *self = Self::default();
    }
}

/// `setWebhook`.
pub(crate) fn set(world: &mut World, arguments: &Arguments) -> Outcome {
    let url = arguments.text("url").unwrap_or_default();
    if !url.is_empty() && !crate::outbound::is_callable(&url) {
        return Err(Problem::bad("bad webhook: the lab calls plain http addresses only"));
    }
    let secret = arguments.text("secret_token").filter(|secret| !secret.is_empty());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if secret.as_ref().is_some_and(|one| one.len() > 256 || !one.bytes().all(is_plain)) {
        return Err(Problem::bad("secret token contains unallowed characters"));
    }
    let connections = arguments.number("max_connections").unwrap_or(40);
    if !(1..=100).contains(&connections) {
        return Err(Problem::bad("max_connections must be between 1 and 100"));
    }
    let now = world.now();
    let too_soon = |at: Timestamp| now.ms_since(at) < SETTINGS_APART_MS;
    if world.rules.rate_limits && world.telegram.webhook.set_at.is_some_and(too_soon) {
        return Err(Problem::retry_after(1));
    }
    let allowed = arguments.nested("allowed_updates")?;
    world.telegram.updates.allow(allowed.as_ref());
    if arguments.truth("drop_pending_updates") {
        world.telegram.updates.clear();
    }
    let webhook = &mut world.telegram.webhook;
    webhook.set(&url, secret);
    webhook.connections = connections;
    webhook.set_at = Some(now);
    Ok(json!(true))
}

/// `deleteWebhook`.
pub(crate) fn delete(world: &mut World, arguments: &Arguments) -> Outcome {
    if arguments.truth("drop_pending_updates") {
        world.telegram.updates.clear();
    }
    world.telegram.webhook.unset();
    Ok(json!(true))
}

/// `getWebhookInfo`.
pub(crate) fn shown(world: &World) -> Value {
    let webhook = &world.telegram.webhook;
    let mut shown = json!({
        "url": webhook.url().unwrap_or_default(),
        "has_custom_certificate": false,
        "pending_update_count": world.telegram.updates.count(),
    });
    if webhook.url.is_some() {
        crate::reading::put(&mut shown, "max_connections", webhook.connections);
    }
    if let Some((at, error)) = &webhook.last_error {
        crate::reading::put(&mut shown, "last_error_date", super::wire::seconds(at.0));
        crate::reading::put(&mut shown, "last_error_message", error.clone());
    }
    let allowed = world.telegram.updates.allowed();
    if !allowed.is_empty() {
        crate::reading::put(&mut shown, "allowed_updates", json!(allowed));
    }
    shown
}

/// Delivers until the lab stops.
pub(crate) async fn deliver(shared: Shared) {
    let bell = shared.bells.of(Network::Telegram);
    loop {
        let rung = bell.notified();
        tokio::pin!(rung);
        rung.as_mut().enable();
        let next = next(&shared);
        let wait_ms = match next {
            Next::Send { url, secret, update } => {
                if shared_stop(&shared, try_one(&shared, &url, secret, &update)).await {
                    return;
                }
                continue;
            }
            Next::Wait(ms) => ms,
        };
        tokio::select! {
            biased;
            () = shared.stopped() => return,
            () = rung => {}
            () = shared.clock.sleep(wait_ms) => {}
        }
    }
}

enum Next {
    Send { url: String, secret: Option<String>, update: super::updates::Update },
    Wait(u64),
}

fn next(shared: &Shared) -> Next {
    let mut world = shared.lock();
    let now = world.now();
    world.telegram.updates.expire(now);
    let webhook = &world.telegram.webhook;
    let due = webhook.not_before;
    match (&webhook.url, world.telegram.updates.first()) {
        (Some(_), Some(_)) if due > now => Next::Wait(due.ms_since(now)),
        (Some(url), Some(update)) => {
            Next::Send { url: url.clone(), secret: webhook.secret.clone(), update: update.clone() }
        }
        _ => Next::Wait(60_000),
    }
}

/// True when the lab stopped first.
async fn shared_stop(shared: &Shared, work: impl Future<Output = ()>) -> bool {
    tokio::select! {
        biased;
        () = shared.stopped() => true,
        () = work => false,
    }
}

async fn try_one(
    shared: &Shared,
    url: &str,
    secret: Option<String>,
    update: &super::updates::Update,
) {
    let header = |secret| ("x-telegram-bot-api-secret-token".to_owned(), secret);
    let headers: Vec<(String, String)> = secret.map(header).into_iter().collect();
    let body = Bytes::from(update.body.to_string());
    let answer = tokio::select! {
        biased;
        answer = shared.outbound.post(url, &headers, body) => answer,
        () = shared.clock.sleep(ANSWER_MS_MAX) => Err("Read timeout expired".to_owned()),
    };
    let answer = match answer {
        Ok(answer) if answer.status.is_success() => {
            shared.lock().telegram.updates.confirm(update.id + 1);
            let webhook = &mut shared.lock().telegram.webhook;
            (webhook.failures, webhook.not_before, webhook.gone_since) = (0, Timestamp(0), None);
            answer
        }
        Ok(answer) => {
            let after = answer.headers.get(header::RETRY_AFTER);
            let after = after.and_then(|after| after.to_str().ok()?.parse::<u64>().ok());
            let error = format!("Wrong response from the webhook: {}", answer.status);
            return failed(&mut shared.lock(), error, after, answer.status.as_u16() == 410);
        }
        Err(error) => return failed(&mut shared.lock(), error, None, false),
    };
    if let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(&answer.body) {
        let method = fields.get("method").and_then(Value::as_str).map(str::to_ascii_lowercase);
        if let Some(method) = method.filter(|method| method != "getupdates") {
            // Telegram does not tell how such a call went.
            drop(Box::pin(super::call(shared, &method, Arguments::from_object(fields))).await);
        }
    }
}

fn failed(world: &mut World, error: String, after_s: Option<u64>, gone: bool) {
    let now = world.now();
    let webhook = &mut world.telegram.webhook;
    let doubled_ms = 1_000_u64.saturating_mul(1 << webhook.failures.min(16)).min(RETRY_MS_MAX);
    let wait_ms = match (after_s, webhook.failures) {
        (Some(seconds), _) => seconds.min(RETRY_AFTER_S_MAX) * 1_000,
        (None, 0) => 1,
        (None, _) => doubled_ms,
    };
    webhook.failures = webhook.failures.saturating_add(1);
    webhook.not_before = now.plus_ms(wait_ms);
    webhook.last_error = Some((now, error));
    webhook.gone_since = gone.then(|| webhook.gone_since.unwrap_or(now));
    if webhook.gone_since.is_some_and(|since| now.ms_since(since) >= GONE_MS_MAX) {
        webhook.unset();
    }
}
