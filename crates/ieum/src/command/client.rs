//! `ieum status` and `ieum send`: a running hub asked over its own interface.
//!
//! Invariant: a call that may have arrived is repeated only with the same idempotency key.

use crate::config::{ApiToken, Complaints, read_file};
use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request};
use ieum_connectors::doors::Doors;
use ieum_core::ports::http::{HttpFailure, HttpLimits};
use serde_json::{Value, json};
use std::path::PathBuf;

const LIMITS: HttpLimits = HttpLimits { timeout_ms: 15_000, answer_bytes_max: 4 << 20 };
/// For what may be large: half an hour, half a gibibyte.
const LARGE_LIMITS: HttpLimits = HttpLimits { timeout_ms: 1_800_000, answer_bytes_max: 512 << 20 };
/// How often a send is tried when no answer comes.
const TRIES_MAX: u32 = 3;
const TRY_AGAIN_MS: u64 = 500;

/// Which hub, and as whom.
#[derive(Debug, Clone, clap::Args)]
pub struct HubAddress {
    /// The configuration file; only its section `[hub]` is used.
    #[arg(long, value_name = "FILE", default_value = "ieum.toml")]
    config: PathBuf,
    /// Where the hub is, when it is not where the file says.
    #[arg(long)]
    url: Option<String>,
    /// The name of the token to show; the first of the file unless told.
    #[arg(long, value_name = "NAME")]
    token: Option<String>,
}

/// What to ask.
#[derive(Debug, Clone, clap::Args)]
pub struct StatusArguments {
    #[command(flatten)]
    hub: HubAddress,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What to say.
#[derive(Debug, Clone, clap::Args)]
pub struct SendArguments {
    #[command(flatten)]
    hub: HubAddress,
    /// The number of the conversation.
    #[arg(long, value_name = "NUMBER")]
    conversation: u64,
    /// The number of the person who says it; the hub itself unless told.
    #[arg(long, value_name = "NUMBER")]
    person: Option<u64>,
    /// The canonical id of the message that it answers.
    #[arg(long, value_name = "ID")]
    reply_to: Option<String>,
    /// How doubt is treated.
    #[arg(long, value_parser = ["chat", "urgent", "once_only"])]
    class: Option<String>,
    /// The same key, the same message; a new one is drawn unless told.
    #[arg(long)]
    key: Option<String>,
    /// Print the message as JSON.
    #[arg(long)]
    json: bool,
    /// What to say; `-` reads it from standard input.
    text: String,
}

/// Runs `ieum status`.
///
/// # Errors
/// When the hub does not answer.
pub fn status(arguments: &StatusArguments) -> anyhow::Result<bool> {
    let runtime = crate::runtime::build()?;
    let caller = Caller::new(&arguments.hub)?;
    let report = runtime.block_on(async {
        let accounts = caller.get("/v1/accounts").await?;
        let health = caller.get("/v1/health").await?;
        let counts = caller.get("/v1/counts").await?;
        let accounts = accounts.get("accounts").cloned();
        let cells = health.get("cells").cloned();
        anyhow::Ok(json!({"accounts": accounts, "cells": cells, "counts": counts}))
    })?;
    if arguments.json {
        super::say(&report.to_string())?;
    } else {
        super::say(&status_text(&report))?;
    }
    Ok(true)
}

/// Runs `ieum send`.
///
/// # Errors
/// When the hub refuses the message or does not answer.
pub fn send(arguments: &SendArguments) -> anyhow::Result<bool> {
    let runtime = crate::runtime::build()?;
    let caller = Caller::new(&arguments.hub)?;
    let text = match arguments.text.as_str() {
        "-" => std::io::read_to_string(std::io::stdin())?,
        text => text.to_owned(),
    };
    let body = json!({
        "text": text,
        "person": arguments.person,
        "reply_to": arguments.reply_to,
        "class": arguments.class,
    });
    let path = format!("/v1/conversations/{}/messages", arguments.conversation);
    let key = arguments.key.clone().unwrap_or_else(|| caller.draw_key());
    let said = runtime.block_on(caller.post(&path, &key, &body))?;
    if arguments.json {
        super::say(&said.to_string())?;
    } else {
        super::say(&format!("accepted as {}", text_at(&said, "id")))?;
    }
    Ok(true)
}

pub(super) struct Caller {
    doors: Doors,
    url: String,
    token: ApiToken,
}

impl Caller {
    pub(super) fn new(address: &HubAddress) -> anyhow::Result<Self> {
        let reading = read_file(&address.config);
        let of_hub = |key: &str| key.is_empty() || key == "hub" || key.starts_with("hub.");
        let mut complaints = reading.complaints;
        complaints.retain(|complaint| of_hub(&complaint.key));
        if !complaints.is_empty() {
            return Err(Complaints(complaints).into());
        }
        let hub = reading.config.hub;
        let named =
            |token: &ApiToken| address.token.as_ref().is_none_or(|name| *name == token.name);
        let token = hub.api_tokens.into_iter().find(named);
        let url = address.url.clone().unwrap_or_else(|| format!("http://{}", hub.listen));
        Ok(Self {
            doors: super::real_doors()?,
            url: url.trim_end_matches('/').to_owned(),
            token: token.context("the configuration has no such token under [[hub.api_tokens]]")?,
        })
    }

    fn draw_key(&self) -> String {
        let bytes = self.doors.entropy.next_16();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.request(Method::GET, path).body(Bytes::new())?;
        self.read(self.doors.http.call(request, LIMITS).await)
    }

    /// What may be large and take its time.
    pub(super) async fn get_large(&self, path: &str) -> anyhow::Result<Bytes> {
        let request = self.request(Method::GET, path).body(Bytes::new())?;
        let answer = self.doors.http.call(request, LARGE_LIMITS).await;
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(answer.into_body()),
            refused => self.read(refused).map(|_| Bytes::new()),
        }
    }

    /// One call whose repetition is harmless.
    pub(super) async fn set(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let request = self.request(method, path).header("content-type", "application/json");
        let request = request.body(Bytes::from(body.to_string()))?;
        self.read(self.doors.http.call(request, LIMITS).await)
    }

    /// Repeats under the same key while no answer comes.
    async fn post(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
        let body = Bytes::from(body.to_string());
        for _ in 1..TRIES_MAX {
            let answer = self.post_once(path, key, body.clone()).await?;
            if !matches!(answer, Err(HttpFailure::NoAnswer(_))) {
                return self.read(answer);
            }
            self.doors.clock.sleep(TRY_AGAIN_MS).await;
        }
        self.read(self.post_once(path, key, body).await?)
    }

    async fn post_once(
        &self,
        path: &str,
        key: &str,
        body: Bytes,
    ) -> anyhow::Result<Result<http::Response<Bytes>, HttpFailure>> {
        let request = self
            .request(Method::POST, path)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(body)?;
        Ok(self.doors.http.call(request, LIMITS).await)
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token.secret.expose()))
    }

    fn read(&self, answer: Result<http::Response<Bytes>, HttpFailure>) -> anyhow::Result<Value> {
        let answer = answer.with_context(|| format!("the hub at {}", self.url))?;
        let value: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if !answer.status().is_success() {
            let detail = text_at(&value, "detail");
            bail!("the hub answered {}: {detail}", answer.status());
        }
        Ok(value)
    }
}

fn status_text(report: &Value) -> String {
    let mut rows = Vec::new();
    for account in list_at(report, "accounts") {
        let state = match account.get("last_bad").and_then(Value::as_str) {
            Some(bad) => format!("PROBLEM  {bad}"),
            None => "ok".to_owned(),
        };
        let (name, network) = (text_at(account, "name"), text_at(account, "network"));
        rows.push(format!("{name:<24} {network:<10} {state}"));
    }
    for cell in list_at(report, "cells") {
        let parts = ["network", "function", "surface", "state"].map(|key| text_at(cell, key));
        let [network, function, surface, state] = parts;
        let evidence = text_at(cell, "evidence");
        let what = format!("{function}/{surface}");
        rows.push(format!("{network:<12} {what:<16} {state:<10} {evidence}"));
    }
    let counts = report.get("counts").cloned().unwrap_or_default();
    for key in ["messages", "deliveries", "dead", "expired", "open_without_route"] {
        rows.push(format!("{key:<24} {}", text_at(&counts, key)));
    }
    for (account, open) in counts.get("open").and_then(Value::as_object).into_iter().flatten() {
        rows.push(format!("open through {account:<11} {open}"));
    }
    rows.join("\n")
}

pub(super) fn list_at<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn text_at(value: &Value, key: &str) -> String {
    match value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    }
}
