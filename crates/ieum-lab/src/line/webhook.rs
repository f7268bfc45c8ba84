//! LINE's signed webhooks: one POST at a time, several events in it when they piled up. What is
//! not answered with 2xx comes again where redelivery is switched on; order is then not kept.

use std::collections::VecDeque;

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::StatusCode;
use ieum_core::time::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Call, json_body, ok};
use crate::network::Network;
use crate::reading::{put, text};
use crate::shared::Shared;
use crate::world::World;

/// Events in one POST.
const EVENTS_PER_POST_MAX: usize = 20;
/// Events that wait at most; the oldest are lost beyond it.
const EVENTS_WAITING_MAX: usize = 100_000;
/// How long LINE waits for an answer (assumption).
const ANSWER_MS_MAX: u64 = 10_000;
/// Waits before each redelivery (assumption: nothing is published about them).
const REDELIVERY_MS: [u64; 5] = [1_000, 10_000, 60_000, 300_000, 1_800_000];

/// The webhook of the channel and what waits for it.
#[derive(Debug, Default)]
pub(crate) struct Webhook {
    pub(crate) url: Option<String>,
    pub(crate) active: bool,
    fresh: VecDeque<Value>,
    again: Vec<Redelivery>,
}

#[derive(Debug, Clone)]
struct Redelivery {
    events: Vec<Value>,
    due: Timestamp,
    failures: usize,
}

impl Webhook {
    pub(crate) fn set(&mut self, url: &str) {
        self.url = Some(url.to_owned());
        self.active = true;
    }

    pub(crate) fn unset(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn add(&mut self, event: Value) {
        if self.fresh.len() >= EVENTS_WAITING_MAX {
            self.fresh.pop_front();
        }
        self.fresh.push_back(event);
    }

    fn take(&mut self, now: Timestamp) -> Option<Redelivery> {
        if let Some(index) = self.again.iter().position(|one| one.due <= now) {
            return Some(self.again.remove(index));
        }
        let count = self.fresh.len().min(EVENTS_PER_POST_MAX);
        let events: Vec<Value> = self.fresh.drain(..count).collect();
        (!events.is_empty()).then_some(Redelivery { events, due: now, failures: 0 })
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.again.iter().map(|one| one.due).min()
    }
}

/// The signature over the raw bytes of a body.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Delivers until the lab stops.
pub(crate) async fn deliver(shared: Shared) {
    let bell = shared.bells.of(Network::Line);
    loop {
        let rung = bell.notified();
        tokio::pin!(rung);
        rung.as_mut().enable();
        let (batch, url, next) = {
            let mut world = shared.lock();
            let now = world.now();
            let url = world.line.webhook.url.clone();
            let batch = url.as_ref().and_then(|_| world.line.webhook.take(now));
            (batch, url, world.line.webhook.next_due().map(|due| due.ms_since(now)))
        };
        if let (Some(batch), Some(url)) = (batch, url) {
            let delivered = post(&shared, &url, &batch.events).await;
            if !delivered {
                put_back(&mut shared.lock(), batch);
            }
            continue;
        }
        tokio::select! {
            biased;
            () = shared.stopped() => return,
            () = rung => {}
            () = shared.clock.sleep(next.unwrap_or(60_000).max(1)) => {}
        }
    }
}

async fn post(shared: &Shared, url: &str, events: &[Value]) -> bool {
    tokio::select! {
        biased;
        () = shared.stopped() => true,
        status = call(shared, url, events) => status.is_ok_and(|status| status.is_success()),
        () = shared.clock.sleep(ANSWER_MS_MAX) => false,
    }
}

async fn call(shared: &Shared, url: &str, events: &[Value]) -> Result<StatusCode, String> {
    let (destination, secret) = {
        let world = shared.lock();
        let bot = world.bot(Network::Line);
        (bot.native.clone(), bot.secret.clone())
    };
    let body = json!({ "destination": destination, "events": events }).to_string();
    let headers = [
        ("x-line-signature".to_owned(), signature(&secret, body.as_bytes())),
        ("user-agent".to_owned(), "LineBotWebhook/2.0".to_owned()),
    ];
    let answer = shared.outbound.post(url, &headers, Bytes::from(body)).await?;
    Ok(answer.status)
}

fn put_back(world: &mut World, mut batch: Redelivery) {
    let wait_ms = REDELIVERY_MS.get(batch.failures).copied();
    let (true, Some(wait_ms)) = (world.rules.line_redelivery, wait_ms) else {
        return;
    };
    for event in &mut batch.events {
        put(event, "deliveryContext", json!({ "isRedelivery": true }));
    }
    batch.failures += 1;
    batch.due = world.now().plus_ms(wait_ms);
    world.line.webhook.again.push(batch);
}

/// `POST /v2/bot/channel/webhook/test`: one POST without events.
pub(crate) async fn test(shared: &Shared, request: &Call) -> Response {
    let asked = if request.body.is_empty() { Ok(json!({})) } else { json_body(request) };
    let body = match asked {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let url = text(&body, "endpoint").map(str::to_owned);
    let Some(url) = url.or_else(|| shared.lock().line.webhook.url.clone()) else {
        return super::error(StatusCode::NOT_FOUND, "Not found");
    };
    let result = tokio::select! {
        biased;
        result = call(shared, &url, &[]) => result,
        () = shared.clock.sleep(ANSWER_MS_MAX) => Err("REQUEST_TIMEOUT".to_owned()),
    };
    let (code, reason) = match &result {
        Ok(status) if status.is_success() => (status.as_u16(), "OK"),
        Ok(status) => (status.as_u16(), "ERROR_STATUS_CODE"),
        Err(reason) if reason == "REQUEST_TIMEOUT" => (0, "REQUEST_TIMEOUT"),
        Err(_) => (0, "COULD_NOT_CONNECT"),
    };
    let now = shared.clock.now();
    ok(&json!({
        "success": reason == "OK",
        "timestamp": crate::moment::rfc3339(now, 3),
        "statusCode": code,
        "reason": reason,
        "detail": code.to_string(),
    }))
}
