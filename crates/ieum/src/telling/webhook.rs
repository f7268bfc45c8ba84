//! Tells the operator by a signed POST of JSON to an address of theirs.
//!
//! The signature is over the moment and the body, so that nobody can make up a word or play an old
//! one again. Invariant: only an answer of 200 to 299 counts as told.

use crate::config::OperatorWebhook;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{Method, Request};
use ieum_core::incident::CellRecord;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::http::{HttpLimits, HttpTransport};
use ieum_core::ports::tell::{NotTold, Teller, Word};
use serde_json::{Value, json};
use sha2::Sha256;
use std::fmt::Write;
use std::sync::Arc;

/// The name of this channel: there is one.
const CHANNEL: &str = "webhook";
/// The header of the signature: `t=MILLISECONDS,v1=HEX`.
const SIGNATURE_HEADER: &str = "x-ieum-signature";
/// The answer matters by its status alone.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The webhook.
#[derive(Debug)]
pub(super) struct Webhook {
    settings: OperatorWebhook,
    /// Under which address the hub is reached.
    public_url: Option<String>,
    http: Arc<dyn HttpTransport>,
}

impl Webhook {
    pub(super) fn new(
        settings: OperatorWebhook,
        public_url: Option<&str>,
        http: Arc<dyn HttpTransport>,
    ) -> Self {
        Self { settings, public_url: public_url.map(str::to_owned), http }
    }

    fn request(&self, word: &Word) -> Result<Request<Bytes>, NotTold> {
        let body = self.body(word).to_string();
        let signature = self.signature(word.at.0, &body)?;
        Request::builder()
            .method(Method::POST)
            .uri(&self.settings.url)
            .header("content-type", "application/json")
            .header("idempotency-key", &word.id)
            .header(SIGNATURE_HEADER, signature)
            .body(Bytes::from(body))
            .map_err(|error| NotTold(error.to_string()))
    }

    fn body(&self, word: &Word) -> Value {
        let incident = &word.incident;
        let path = format!("/v1/incidents/{}", incident.id);
        json!({
            "id": word.id,
            "event": format!("incident.{}", word.stage.word()),
            "incident": incident.id,
            "network": incident.network.word(),
            "worst": incident.worst,
            "onset_ms": incident.onset,
            "opened_at_ms": incident.opened_at,
            "closed_at_ms": incident.closed_at,
            "cells": incident.cells.iter().map(cell).collect::<Vec<_>>(),
            "evidence": incident.turns.last().map(|turn| &turn.change.evidence),
            "text": { "ko": word.korean, "en": word.english },
            "url": self.public_url.as_ref().map(|public| format!("{public}{path}")),
        })
    }

    fn signature(&self, at_ms: i64, body: &str) -> Result<String, NotTold> {
        let secret = self.settings.secret.expose().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret)
            .map_err(|_| NotTold("the secret cannot be used".to_owned()))?;
        mac.update(format!("{at_ms}.{body}").as_bytes());
        let mut text = format!("t={at_ms},v1=");
        for byte in mac.finalize().into_bytes() {
            write!(text, "{byte:02x}").map_err(|error| NotTold(error.to_string()))?;
        }
        Ok(text)
    }
}

fn cell(record: &CellRecord) -> Value {
    json!({
        "function": record.cell.function,
        "surface": record.cell.surface,
        "state": record.state,
        "since_ms": record.since,
    })
}

impl Teller for Webhook {
    fn channel(&self) -> &str {
        CHANNEL
    }

    fn tell<'a>(&'a self, word: &'a Word) -> BoxFuture<'a, Result<(), NotTold>> {
        Box::pin(async move {
            let request = self.request(word)?;
            let limits = HttpLimits {
                timeout_ms: self.settings.timeout_ms,
                answer_bytes_max: ANSWER_BYTES_MAX,
            };
            let answer = self.http.call(request, limits).await;
            match answer.map(|answer| answer.status()) {
                Ok(status) if status.is_success() => Ok(()),
                Ok(status) => Err(NotTold(format!("answered {status}"))),
                Err(failure) => Err(NotTold(failure.to_string())),
            }
        })
    }
}
