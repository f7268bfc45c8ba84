//! `/status.json` and `/status.atom`: what this hub sees of each network, for everybody.
//!
//! What is here is this hub's own evidence, not the networks' word. Invariant: nothing about
//! people or messages: states, times and shares of time only.

use crate::api::{Answer, json};
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::views::incident::IncidentView;
use crate::words::Word;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use ieum_core::health::book::CellView;
use ieum_core::health::{Cell, CellState, Function, Surface};
use ieum_core::ids::{IncidentId, JournalSeq};
use ieum_core::incident::{Incident, uptime_ppm};
use ieum_core::journal::JournalEvent;
use ieum_core::network::Network;
use ieum_core::ports::store::StoreFailure;
use ieum_core::render::words::network_name;
use ieum_core::time::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Over how long uptime is told: 90 days.
const WINDOW_MS: u64 = 90 * 24 * 3_600 * 1_000;
/// Most incidents that are told of.
const INCIDENTS_MAX: usize = 500;
/// Most entries of the feed.
const FEED_ENTRIES_MAX: usize = 50;
const ATOM: &str = "application/atom+xml; charset=utf-8";

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/status.json", "What this hub sees of each network", status)
            .gives::<StatusView>(200),
        Endpoint::get("/status.atom", "The same incidents as a feed", feed).gives_other(ATOM),
    ]
}

/// What this hub sees.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Status")]
struct StatusView {
    /// When this was written, in Unix milliseconds.
    at_ms: i64,
    /// Since when this hub looks, in Unix milliseconds.
    watched_since_ms: i64,
    networks: Vec<NetworkView>,
    /// Those of the last 90 days, newest first.
    incidents: Vec<IncidentView>,
}

/// One network that this hub has an account on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NetworkStatus")]
struct NetworkView {
    network: Word<Network>,
    /// The worst of its parts.
    state: Word<CellState>,
    /// The same in plain words.
    words: WordsView,
    parts: Vec<PartView>,
}

/// A sentence for people.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Sentence")]
struct WordsView {
    ko: String,
    en: String,
}

/// One function of a network, seen from one surface.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PartStatus")]
struct PartView {
    function: Word<Function>,
    surface: Word<Surface>,
    state: Word<CellState>,
    since_ms: i64,
    /// The share of the last 90 days, as far as they were watched, in which it was not down.
    uptime_90d_percent: f64,
}

/// What both documents and the page are made of.
pub(crate) struct Seen {
    /// When it was read.
    pub(crate) now: Timestamp,
    /// Since when this hub looks.
    pub(crate) watched_since: Timestamp,
    cells: Vec<CellView>,
    /// Those that this hub has an account on.
    pub(crate) networks: Vec<Network>,
    /// Those of the last 90 days, newest first.
    pub(crate) incidents: Vec<Incident>,
}

impl Seen {
    /// Reads it.
    pub(crate) async fn read(edge: &Shared) -> Result<Self, StoreFailure> {
        let now = edge.hub.now();
        let first = edge.hub.store().page_journal(JournalSeq(0), 1).await?;
        let watched_since = first.first().map_or(now, |entry| match &entry.event {
            JournalEvent::Opened { at } | JournalEvent::Changed { at, .. } => *at,
            JournalEvent::Admitted { .. }
            | JournalEvent::Claimed { .. }
            | JournalEvent::Settled { .. }
            | JournalEvent::Receipt { .. }
            | JournalEvent::Read { .. }
            | JournalEvent::Health { .. }
            | JournalEvent::Copied { .. }
            | JournalEvent::Erased { .. }
            | JournalEvent::Accessed { .. } => now,
        });
        let mut networks: Vec<_> =
            edge.hub.account_states().iter().map(|state| state.network).collect();
        networks.sort_unstable();
        networks.dedup();
        let mut incidents =
            edge.hub.store().page_incidents(IncidentId(u64::MAX), INCIDENTS_MAX).await?;
        incidents.retain(|one| one.closed_at.is_none_or(|at| now.ms_since(at) < WINDOW_MS));
        Ok(Self { now, watched_since, cells: edge.hub.health(), networks, incidents })
    }

    /// The worst that any part of a network is.
    pub(crate) fn state(&self, network: Network) -> CellState {
        self.network(network).state.0
    }

    /// The least of a network's parts.
    pub(crate) fn uptime_percent(&self, network: Network) -> f64 {
        let parts = self.network(network).parts;
        parts.iter().map(|part| part.uptime_90d_percent).fold(100.0, f64::min)
    }

    fn network(&self, network: Network) -> NetworkView {
        let mut parts: Vec<_> = self
            .cells
            .iter()
            .filter(|view| view.cell.network == network)
            .map(|view| self.part(view.cell, view.state, view.since))
            .collect();
        if parts.is_empty() {
            // Nothing was heard of it yet: it is taken to work, and that is said so.
            let cell = Cell { network, function: Function::Send, surface: Surface::Api };
            parts.push(self.part(cell, CellState::Up, self.watched_since));
        }
        let state = parts.iter().map(|part| part.state.0).max_by_key(|state| rank(*state));
        let state = state.unwrap_or_default();
        NetworkView {
            network: Word(network),
            state: Word(state),
            words: said(network, state),
            parts,
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "millionths are far below 2^53")]
    fn part(&self, cell: Cell, state: CellState, since: Timestamp) -> PartView {
        let of_network: Vec<Incident> =
            self.incidents.iter().filter(|one| one.network == cell.network).cloned().collect();
        let window = (WINDOW_MS, self.watched_since);
        let uptime = uptime_ppm(&of_network, cell, window, self.now);
        PartView {
            function: Word(cell.function),
            surface: Word(cell.surface),
            state: Word(state),
            since_ms: since.0,
            uptime_90d_percent: uptime as f64 / 10_000.0,
        }
    }
}

/// The order of states: the worse, the higher.
pub(crate) fn rank(state: CellState) -> u8 {
    match state {
        CellState::Up => 0,
        CellState::Recovering => 1,
        CellState::Degraded => 2,
        CellState::Down => 3,
    }
}

fn said(network: Network, state: CellState) -> WordsView {
    use ieum_core::directory::Language::{En, Ko};
    let (ko, en) = (network_name(network, Ko), network_name(network, En));
    let (korean, english) = match state {
        CellState::Up => ("잘 되고 있어요.", "works."),
        CellState::Degraded => ("일부가 안 되고 있어요.", "does not work for some."),
        CellState::Down => {
            ("지금 안 돼요. 메시지는 다른 길로 전해요.", "does not work; messages take other ways.")
        }
        CellState::Recovering => ("다시 되고 있어요. 차례로 돌아가요.", "is coming back."),
    };
    WordsView { ko: format!("{ko}: {korean}"), en: format!("{en} {english}") }
}

async fn status(State(edge): State<Shared>) -> Answer {
    let seen = Seen::read(&edge).await?;
    json(&StatusView {
        at_ms: seen.now.0,
        watched_since_ms: seen.watched_since.0,
        networks: seen.networks.iter().map(|network| seen.network(*network)).collect(),
        incidents: seen.incidents.iter().map(|one| IncidentView::of(one, seen.now)).collect(),
    })
}

async fn feed(State(edge): State<Shared>) -> Answer {
    let seen = Seen::read(&edge).await?;
    Ok(([(header::CONTENT_TYPE, ATOM)], atom(&seen)).into_response())
}

/// RFC 4287. Ids are tags of the incident's opening, so that they stay when the address changes.
fn atom(seen: &Seen) -> String {
    let updated = |incident: &Incident| {
        let last = incident.turns.last().map_or(incident.opened_at, |turn| turn.at);
        incident.closed_at.unwrap_or(last)
    };
    let newest = seen.incidents.iter().map(updated).max().unwrap_or(seen.watched_since);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    text.push_str("<feed xmlns=\"http://www.w3.org/2005/Atom\">\n");
    text.push_str("<title>이음: 메신저 상태 · Ieum: what it sees of the networks</title>\n");
    text.push_str("<id>urn:ieum:status</id>\n");
    line(&mut text, "updated", &rfc_3339(newest));
    text.push_str("<author><name>Ieum</name></author>\n");
    text.push_str("<link rel=\"self\" href=\"/status.atom\"/>\n");
    for incident in seen.incidents.iter().take(FEED_ENTRIES_MAX) {
        text.push_str("<entry>\n");
        let (id, opened) = (incident.id, incident.opened_at.0);
        line(&mut text, "id", &format!("urn:ieum:incident:{id}:{opened}"));
        let state = if incident.is_open() { incident.worst } else { CellState::Up };
        let words = said(incident.network, state);
        line(&mut text, "title", &format!("{} · {}", words.ko, words.en));
        line(&mut text, "published", &rfc_3339(incident.opened_at));
        line(&mut text, "updated", &rfc_3339(updated(incident)));
        line(&mut text, "summary", &summary(incident));
        text.push_str("</entry>\n");
    }
    text.push_str("</feed>\n");
    text
}

fn summary(incident: &Incident) -> String {
    let mut words = format!("since {}", rfc_3339(incident.onset));
    if let Some(at) = incident.closed_at {
        words.push_str(&format!(", until {}", rfc_3339(at)));
    }
    for turn in &incident.turns {
        let (at, cell, to) = (rfc_3339(turn.at), turn.change.cell, turn.change.to);
        words.push_str(&format!("; {at} {:?} {:?}: {to:?}", cell.function, cell.surface));
    }
    words
}

fn line(text: &mut String, name: &str, content: &str) {
    text.push_str(&format!("<{name}>{}</{name}>\n", escaped(content)));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A moment as RFC 3339 writes it, in UTC and whole seconds.
fn rfc_3339(at: Timestamp) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1_000));
    let written = moment.ok().and_then(|moment| moment.format(&Rfc3339).ok());
    // What no calendar holds was never now.
    written.unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339_does() {
        let table = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_716_184_320_000, "2024-05-20T05:52:00Z"),
            (4_102_444_799_999, "2099-12-31T23:59:59Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ];
        for (ms, expected) in table {
            assert_eq!(rfc_3339(Timestamp(ms)), expected);
        }
    }

    #[test]
    fn what_stands_in_xml_is_escaped() {
        assert_eq!(escaped("a<b>&c"), "a&lt;b&gt;&amp;c");
    }
}
