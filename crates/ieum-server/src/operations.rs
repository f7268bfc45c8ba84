//! `/healthz`, `/readyz`, `/metrics`, `/openapi.json`: for those who run the hub, without a token.
//!
//! Nothing here tells who talks with whom.

use crate::api::status::open_by_name;
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::exposition::Exposition;
use crate::hooks;
use crate::problem::{Kind, Problem};
use crate::setup::millis;
use crate::words::Words;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use ieum_core::health::CellState;
use ieum_core::health::book::CellView;
use ieum_core::ports::store::Counts;
use ieum_engine::{EngineMetrics, LATENCY_BOUNDS_MS};
use serde::Serialize;
use std::sync::OnceLock;

/// The media type of Prometheus' text form.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// All endpoints of this file, and the hooks.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post(
            "/hooks/{account}",
            "Takes a network's webhook call, in the network's own form",
            hooks::receive,
        )
        .gives_nothing(200)
        .fails(&[
            Kind::Malformed,
            Kind::Unauthorized,
            Kind::NotFound,
            Kind::Timeout,
            Kind::TooLarge,
            Kind::Unavailable,
        ]),
        Endpoint::get("/healthz", "Whether the process is alive", alive).gives_other(PLAIN),
        Endpoint::get("/readyz", "Whether the hub can take messages", ready)
            .gives_other(PLAIN)
            .fails(&[Kind::Unavailable]),
        Endpoint::get("/metrics", "Figures for Prometheus", metrics).gives_other(EXPOSITION),
        Endpoint::get("/openapi.json", "This document", document).gives_other("application/json"),
    ]
}

async fn alive() -> Response {
    ([(header::CONTENT_TYPE, PLAIN)], "alive\n").into_response()
}

async fn document() -> Response {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let bytes = DOCUMENT.get_or_init(|| crate::openapi().to_string().into());
    ([(header::CONTENT_TYPE, "application/json")], bytes.clone()).into_response()
}

async fn store_counts(edge: &Shared) -> Result<Counts, String> {
    let answer = tokio::time::timeout(millis(edge.limits.ready_ms_max), edge.hub.store().counts());
    match answer.await {
        Ok(counts) => counts.map_err(|failure| failure.to_string()),
        Err(_) => Err("the store did not answer in time".to_owned()),
    }
}

async fn ready(State(edge): State<Shared>) -> Response {
    if !edge.hub.loops_running() {
        return Problem::unavailable("a loop of the hub has ended").into_response();
    }
    match store_counts(&edge).await {
        Ok(_) => (StatusCode::OK, [(header::CONTENT_TYPE, PLAIN)], "ready\n").into_response(),
        Err(cause) => Problem::unavailable(cause).into_response(),
    }
}

async fn metrics(State(edge): State<Shared>) -> Response {
    let mut text = Exposition::default();
    let counts = store_counts(&edge).await;
    text.gauge("ieum_store_up", "Whether the store answers");
    text.sample("ieum_store_up", &[], u64::from(counts.is_ok()));
    if let Ok(counts) = counts {
        of_store(&mut text, &edge, &counts);
    }
    of_engine(&mut text, &edge.hub.metrics());
    of_latency(&mut text, &edge.hub.metrics());
    of_hooks(&mut text, &edge);
    of_accounts(&mut text, &edge);
    of_cells(&mut text, &edge.hub.health());
    ([(header::CONTENT_TYPE, EXPOSITION)], text.finish()).into_response()
}

fn of_store(text: &mut Exposition, edge: &Shared, counts: &Counts) {
    let (open, without_route) = open_by_name(edge, counts);
    text.counter("ieum_messages_total", "Messages ever admitted");
    text.sample("ieum_messages_total", &[], counts.messages);
    text.counter("ieum_repeated_events_total", "Repeated events that were turned away");
    text.sample("ieum_repeated_events_total", &[], counts.repeated_events);
    text.counter("ieum_deliveries_total", "Deliveries ever planned");
    text.sample("ieum_deliveries_total", &[], counts.deliveries);
    text.counter("ieum_deliveries_failed_total", "Deliveries that ended without arriving");
    for (state, count) in [("dead", counts.dead), ("expired", counts.expired)] {
        text.sample("ieum_deliveries_failed_total", &[("state", state)], count);
    }
    text.gauge("ieum_deliveries_open", "Deliveries that have not ended, by account");
    for (account, count) in &open {
        text.sample("ieum_deliveries_open", &[("account", account)], *count);
    }
    text.sample("ieum_deliveries_open", &[("account", "")], without_route);
    text.counter("ieum_journal_entries_total", "The newest journal number");
    text.sample("ieum_journal_entries_total", &[], counts.journal);
}

fn of_engine(text: &mut Exposition, figures: &EngineMetrics) {
    text.counter("ieum_events_total", "Events that came in, by what became of them");
    let events = [
        ("admitted", figures.admitted),
        ("repeated", figures.repeated),
        ("ignored", figures.ignored),
    ];
    for (result, count) in events {
        text.sample("ieum_events_total", &[("result", result)], count);
    }
    text.counter("ieum_attempts_total", "Attempts, by their outcome");
    let attempts = [
        ("accepted", figures.accepted),
        ("deferred", figures.deferred),
        ("refused", figures.refused),
        ("unknown", figures.unknown),
    ];
    for (outcome, count) in attempts {
        text.sample("ieum_attempts_total", &[("outcome", outcome)], count);
    }
    text.counter(
        "ieum_store_failures_total",
        "Settlements and claims that the store could not take",
    );
    text.sample("ieum_store_failures_total", &[], figures.store_failures);
}

fn of_latency(text: &mut Exposition, figures: &EngineMetrics) {
    text.histogram(
        "ieum_delivery_latency_ms",
        "From acceptance to the network's yes, in milliseconds",
        &LATENCY_BOUNDS_MS,
        &figures.latency,
        figures.latency_ms_sum,
    );
}

fn of_hooks(text: &mut Exposition, edge: &Shared) {
    text.counter("ieum_hook_answers_total", "Answers to webhook calls, by status");
    for (status, count) in edge.hook_answers.read() {
        let status = if status == 0 { "other".to_owned() } else { status.to_string() };
        text.sample("ieum_hook_answers_total", &[("status", &status)], count);
    }
}

fn of_accounts(text: &mut Exposition, edge: &Shared) {
    text.gauge("ieum_attempts_in_flight", "Attempts under way, by account");
    for state in edge.hub.account_states() {
        let labels = [("account", &*state.name), ("network", state.network.word())];
        text.sample("ieum_attempts_in_flight", &labels, state.in_flight as u64);
    }
}

fn of_cells(text: &mut Exposition, cells: &[CellView]) {
    text.gauge("ieum_cell_state", "1 for the state that a network's cell is in");
    for view in cells {
        let (function, surface) = (word(&view.cell.function), word(&view.cell.surface));
        for state in CellState::ALL {
            let labels = [
                ("network", view.cell.network.word()),
                ("function", &function),
                ("surface", &surface),
                ("state", &word(state)),
            ];
            text.sample("ieum_cell_state", &labels, u64::from(*state == view.state));
        }
    }
}

fn word<T: Serialize>(value: &T) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    text.trim_matches('"').to_owned()
}
